"""What the parts of the app decided apart do to each other: judges, removals, quotas, recipes, two people."""

from __future__ import annotations

from dataclasses import replace

from screen import EXPLORE, LOAD, SAMPLE, App, open_app

from core import Project, SelectParams, scoring
from core.domain import ScoreColumn
from core.errors import StoreError
from core.health import leaked
from core.score_table import ScoreTable
from pages.ui import cached, choose, scores
from pages.ui.view import MapSettings, View


def judges(app: App) -> list[str]:
    """The judges in the table of Load."""
    return next(table["judge"].to_list() for table in app.tables() if "judge" in table)


def ppl(folder, sample, name: str = "ppl") -> ScoreColumn:
    """A judge of another file."""
    rows = "".join(f"{row},{place}\n" for place, row in enumerate(sample["id"]))
    (folder / f"{name}.csv").write_text(f"id,{name}\n{rows}")
    file = scoring.open_scores(folder / f"{name}.csv", by="id", key="id").file
    return ScoreColumn(name=name, column=name, file=file)


def test_another_judge_leaves_quotas_and_the_isolated_cluster(project, folder, sample):
    """The clusters are the same; rows taken out make others, which is said."""
    view = View(
        data="sample", fitted=project.dataset.scored_fingerprint, judge="accuracy", strategy="cluster-quota",
        options=(("quota 3", 20.0),), isolated=3, count=50, min_score=3.0,
    )  # fmt: skip
    judged = project.with_scores([ppl(folder, sample)])
    after = choose.fit(view, judged)
    assert (after["options"], after["isolated"], after["notes"]) == (view.options, 3, ())
    back = choose.fit(replace(view, fitted=judged.dataset.scored_fingerprint), project)
    assert (back["options"], back["isolated"]) == (view.options, 3)
    for each in (project, judged):
        clean = each.without([each.propose("by-hand", ids=[sample["id"][0]])])
        gone = choose.fit(view, clean)
        assert (gone["options"], gone["isolated"]) == ((), None)
        assert "the clusters are others" in gone["notes"][0]


def test_a_decision_made_meanwhile_is_not_lost(project, folder, sample):
    """Two people decide on judges from the same screen: both decisions hold."""
    mine, yours = ppl(folder, sample), ppl(folder, sample, "style")
    seen = cached.project("sample", MapSettings())
    Project.open(SAMPLE, home=project.home).keep_scores([yours])
    scores._take(seen, (mine,))
    assert [each.name for each in project.kept_scores()] == ["style", "ppl"]
    assert list(cached.project("sample", MapSettings()).judges) == ["accuracy", "helpfulness", "style", "ppl"]


def test_a_score_file_that_comes_back_is_a_judge_again(project, folder, sample, tmp_path):
    """On the next run of the page, without a restart; its switch is on all the while."""
    file = folder / "rows.jsonl"
    file.write_bytes(SAMPLE.read_bytes())
    column = ppl(folder, sample, "grace")
    home = project.home
    ScoreTable(home / "ledger.sqlite", Project.open(file, home=home).dataset.origin).keep((column,))
    content = (folder / "grace.csv").read_bytes()
    (folder / "grace.csv").unlink()
    app = open_app(LOAD, data=str(file))
    assert app.says("The judge grace is left out.")
    assert "grace" not in judges(app)
    pills = next(each for each in app.at.get("button_group") if str(each.key).startswith("judges_on"))
    assert "grace" in pills.value
    (folder / "grace.csv").write_bytes(content)
    assert "grace" in judges(app.run())


def test_an_undo_that_cannot_be_written_is_said(project, folder, sample, monkeypatch):
    """In words, and the judges are as before."""
    project.keep_scores([ppl(folder, sample)])
    app = open_app(LOAD)

    def refuse(_: object) -> None:
        raise StoreError("The decision could not be written.", "Free some space.")

    monkeypatch.setattr(ScoreTable, "undo", refuse)
    app.press("undo_scores")
    assert app.says("The decision could not be written.")
    assert "ppl" in judges(app)


def test_a_recipe_that_cannot_be_opened_leaves_the_judges(project, tmp_path):
    """Nothing of it holds; one that can be opened brings its judges, which is said and can be undone."""
    turned = (ScoreColumn(name="accuracy", column="accuracy", invert=True),)
    other = project.with_scores(turned)
    out = tmp_path / "out"
    other.export(other.select(SelectParams(judge="accuracy", count=20, strategy="top-score")), out)
    content = (out / "recipe.yaml").read_bytes()
    opened(content.replace(b"strategy: top-score", b"strategy: by-magic"))
    assert project.kept_scores() == ()
    app = opened(content).turn_to(EXPLORE).settle()
    assert project.kept_scores() == turned
    assert app.says("The judges are those of the recipe. Undo on the Load page brings yours back.")
    assert app.says("The same 20 ids as in recipe.yaml, in the same order.")
    open_app(LOAD).press("undo_scores")
    assert project.kept_scores() == ()


def opened(content: bytes) -> App:
    """A session in which this recipe is opened."""
    app = open_app(LOAD).choose("way", "Recipe")
    app.at.get("file_uploader")[0].set_value(("recipe.yaml", content, "application/yaml"))
    return app.run().press("open_recipe")


def test_leakage_is_that_of_the_file_that_is_open(folder, mapped):
    """Another file with the same prompts and other answers has findings of its own."""
    prompt = "Name three rivers of France that reach the sea and say where each begins its way"
    answers = {"plain.jsonl": "The Seine.", "leaky.jsonl": f"I was asked: {prompt}"}
    for name, answer in answers.items():
        rows = "".join(
            f'{{"instruction": "Say {place} words", "output": "{answer if place == 4 else place}"}}\n'
            for place in range(12)
        )
        app = mapped(name, rows).turn_to("pages/prepare/health.py")
        app.at.text_area(key="leak_text").set_value(prompt)
        app.run()
        expected = len(leaked(Project.open(folder / name).dataset.frame, [prompt]).rows)
        assert expected == (name == "leaky.jsonl")
        assert app.says("1 row holds one of 1 evaluation prompt.") == bool(expected)
