"""Scores on the Load page: another file, what is said before it is accepted, undo, and columns switched off."""

from __future__ import annotations

from screen import EXPLORE, LOAD, SAMPLE, App, open_app

from core import Project, SelectParams, scoring
from core.domain import ScoreColumn


def judges(app: App) -> dict:
    """The table of judges, as lists."""
    return next(table.to_dict("list") for table in app.tables() if "judge" in table)


def box(app: App, kind: str, begins: str):
    """The box of the panel whose key begins so."""
    return next(each for each in app.at.get(kind) if str(each.key).startswith(f"scores_{begins}"))


def with_file(folder, sample) -> App:
    """The Load page with a file of perplexities for nine hundred rows of the sample."""
    ids = sample["id"].head(900).to_list()
    rows = "".join(
        f"{row},{'x' if place == 4 else place + 1},{place % 3},{place % 5}\n" for place, row in enumerate(ids)
    )
    (folder / "ppl.csv").write_text("id,ppl,grade,mark\n" + rows)
    return (
        open_app(LOAD).choose("scores_where", "Another file").choose("scores_path", str(folder / "ppl.csv"))
    )


def test_a_column_of_another_file_becomes_a_judge_and_undo_takes_it_back(folder, sample, home):
    """The match is said first; then every session has the judge, Explore too, and the map is as it was."""
    app = with_file(folder, sample)
    box(app, "selectbox", "column").set_value("ppl")
    app.run()
    assert app.says("900 of 1,008 rows matched (89.3%); 108 without a match.")
    assert app.says("Cells that hold no number: 1 (line 6: 'x').")
    box(app, "text_input", "name").set_value("fluency")
    box(app, "toggle", "invert").set_value(True)
    app.run().press("accept_scores")
    assert judges(app)["judge"] == ["accuracy", "helpfulness", "fluency"]
    assert judges(app)["highest"][2] == -1
    assert judges(app)["from"][2] == "ppl of ppl.csv, id = id, lower is better"
    other = open_app(EXPLORE, judge="fluency", min="-10", count="5", strategy="top-score").settle()
    assert other.figures()["Eligible"] == "9"
    assert open_app(LOAD).press("undo_scores").figures()["Score columns"] == "2"
    assert app.run().figures()["Score columns"] == "2"


def test_a_choice_of_all_score_columns_and_a_column_that_is_none(folder, sample, home):
    """Both in one step each; what is switched off can be switched on again."""
    app = with_file(folder, sample)
    app.press("accept_all_scores")
    assert judges(app)["judge"] == ["accuracy", "helpfulness", "grade", "mark"]
    pills = next(each for each in app.at.get("button_group") if str(each.key).startswith("judges_on"))
    pills.set_value([name for name in pills.value if name != "accuracy"])
    app.run()
    assert "accuracy" not in judges(app)["judge"]
    explored = open_app(EXPLORE, judge="accuracy").settle()
    assert explored.says("There is no judge 'accuracy' in sample.jsonl: helpfulness is used.")
    pills = next(each for each in app.at.get("button_group") if str(each.key).startswith("judges_on"))
    pills.set_value([*pills.value, "accuracy"])
    assert "accuracy" in judges(app.run())["judge"]


def test_a_join_by_position_of_another_length_is_refused_with_both_counts(folder, sample):
    """Nothing can be accepted then."""
    app = with_file(folder, sample)
    box(app, "selectbox", "by").set_value("row by row")
    app.run()
    assert app.says("ppl.csv has 900 rows and sample.jsonl 1,008")
    assert "accept_scores" not in app.buttons()


def test_a_column_of_ids_of_another_name_is_found(folder, sample):
    """The match is said without a choice of columns; it is accepted as ever."""
    ids = sample["id"].head(30)
    (folder / "other.csv").write_text("num,ref\n" + "".join(f"{n},{each}\n" for n, each in enumerate(ids)))
    app = (
        open_app(LOAD).choose("scores_where", "Another file").choose("scores_path", str(folder / "other.csv"))
    )
    assert (box(app, "selectbox", "by").value, box(app, "selectbox", "key").value) == ("id", "ref")
    assert app.says("30 of 1,008 rows")


def test_labels_are_given_scores_and_a_file_outside_the_roots_is_refused(folder, sample, tmp_path):
    """A column of texts shows its labels; a path elsewhere is not read."""
    app = open_app(LOAD)
    box(app, "selectbox", "column").set_value("task")
    app.run()
    assert app.says("Texts that are no numbers. Give a score to those that have one.") or app.says(
        "No row would"
    )
    (tmp_path / "outside.csv").write_text("id,s\n1,2\n")
    app.choose("scores_where", "Another file").choose("scores_path", str(tmp_path / "outside.csv"))
    assert app.says("outside the folders that this app may read")


def test_the_report_of_the_sample_stands_on_the_page(home):
    """Lengths and languages, as core has them."""
    found = Project.open(SAMPLE, home=home).load_report()
    app = open_app(LOAD)
    table = next(table for table in app.tables() if "language" in table and "share" in table)
    assert dict(zip(table["language"], table["rows"], strict=True))["en"] == dict(found.languages)["en"]
    lengths = next(table for table in app.tables() if "median" in table)
    assert lengths["median"].tolist() == [found.prompt_tokens.median, found.response_tokens.median]


def test_a_recipe_that_is_opened_brings_its_judges_back(folder, sample, home, tmp_path):
    """The score file is found in the folders of the app; Explore shows the same ids."""
    with_file(folder, sample)
    opened = scoring.open_scores(folder / "ppl.csv", by="id", key="id")
    column = ScoreColumn(name="fluency", column="ppl", file=opened.file, invert=True)
    project = Project.open(SAMPLE, home=tmp_path / "other").with_scores([column])
    params = SelectParams(judge="fluency", min_score=-50.0, count=7, strategy="top-score")
    project.export(project.select(params), tmp_path / "out")
    app = open_app(LOAD).choose("way", "Recipe")
    content = (tmp_path / "out" / "recipe.yaml").read_bytes()
    app.at.get("file_uploader")[0].set_value(("recipe.yaml", content, "application/yaml"))
    app.run().press("open_recipe").turn_to(EXPLORE).settle()
    assert app.says("The same 7 ids as in recipe.yaml, in the same order.")
    assert [each.name for each in Project.open(SAMPLE, home=home).scores] == ["fluency"]
