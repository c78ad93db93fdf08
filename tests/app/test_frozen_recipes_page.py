"""A recipe whose judge is a model, opened in the app: in the home that was asked, and in one that never was."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from judge_server import JudgeServer
from screen import EXPLORE, EXPORT, LOAD, SAMPLE, App, open_app

from core import Project, SelectParams
from core.asking import Asking
from core.exporting import archive, read_recipe
from core.judging.endpoint import endpoint
from core.judging.judgement import LlmJudge
from core.ratings import Rating

NAME = "stand-in accuracy"
PARAMS = SelectParams(judge=NAME, min_score=2.0, count=9, strategy="top-score")


@pytest.fixture
def ask(home: Path) -> Iterator[Callable[[int], None]]:
    """Let a model judge so many further rows of the sample in the app's home."""
    with JudgeServer() as server:
        judge = LlmJudge(model="stand-in", base_url=server.url)

        def go(rows: int) -> None:
            asking = Asking(Project.open(SAMPLE, home=home).dataset, judge, home=home)
            asking.run(endpoint(server.url, environment={}), most=rows).go()

        yield go


@pytest.fixture
def exported(home: Path, ask: Callable[[int], None], tmp_path: Path) -> Path:
    """The folder of an export for which a model judged sixty rows."""
    ask(60)
    project = Project.open(SAMPLE, home=home)
    project.export(project.select(PARAMS), tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def another_home(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nobody asked a model becomes the app's."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "store").symlink_to(home / "store")
    monkeypatch.setenv("WINNOW_HOME", str(other))
    return other


def opened(folder: Path) -> App:
    """A new session in which the recipe of an export is uploaded and opened."""
    app = open_app(LOAD).choose("way", "Recipe")
    content = (folder / "recipe.yaml").read_bytes()
    app.at.get("file_uploader")[0].set_value(("recipe.yaml", content, "application/yaml"))
    return app.run().press("open_recipe")


def frozen_file(folder: Path) -> Path:
    return next(folder.glob("judged-*.csv"))


def origin(app: App) -> str:
    """Where the judge's scores come from, as Load says."""
    table = next(table for table in app.turn_to(LOAD).tables() if "from" in table)
    return dict(zip(table["judge"], table["from"], strict=True))[NAME]


def test_scores_that_are_not_there_are_asked_for_and_restore_the_screen(exported, another_home):
    """The file as it was exported is taken, any other is refused; then the judge stands there as frozen."""
    app = opened(exported)
    assert any(f"The judge {NAME} of the recipe cannot be read" in each for each in app.said("warning"))
    content = frozen_file(exported).read_bytes()
    wrong = (frozen_file(exported).name, content.replace(b"ok", b"refused", 1), "text/csv")
    app.at.get("file_uploader")[-1].set_value([wrong])
    app.run().press("open_recipe_scores")
    assert any("were altered" in each for each in app.said("warning"))
    app.at.get("file_uploader")[-1].set_value([(frozen_file(exported).name, content, "text/csv")])
    app.run().press("open_recipe_scores").turn_to(EXPLORE).settle()
    assert app.says("The same 9 ids as in recipe.yaml, in the same order.")
    facts = read_recipe(exported / "recipe.yaml").scores[0].model
    assert app.says(
        f"The scores of {NAME} are frozen: stand-in at {facts.host}; rubric {facts.rubric_in_words}"
    )
    assert app.says("Frozen scores of stand-in, rubric accuracy.")
    assert app.figures()["Selected"].split(" ")[0] == "9"
    assert origin(app) == f"frozen scores of stand-in, rubric {facts.rubric_in_words}"
    assert not (another_home / "judgements.sqlite").exists()


def test_the_home_that_was_asked_uses_its_own_judgements(exported, home):
    """Nothing is decided about judges, and nothing is said to be frozen."""
    frozen_file(exported).unlink()
    app = opened(exported).turn_to(EXPLORE).settle()
    assert app.says("The same 9 ids as in recipe.yaml, in the same order.")
    assert not app.says("are frozen")
    assert Project.open(SAMPLE, home=home).kept_scores() == ()
    assert origin(app) == "stand-in, rubric accuracy"


def test_judgements_that_went_on_are_said_and_undo_brings_them_back(exported, home, folder, ask):
    """The frozen scores count as in the recipe, and the home's own are one step of Undo away."""
    frozen_file(exported).rename(folder / frozen_file(exported).name)
    ask(30)
    app = opened(exported).turn_to(EXPLORE).settle()
    assert app.says("The same 9 ids as in recipe.yaml, in the same order.")
    assert app.says("its judgements have changed since: 90 ok, 918 pending now, 60 ok, 948 pending then")
    assert Project.open(SAMPLE, home=home).judges[NAME].scored == 60
    Project.open(SAMPLE, home=home).undo_scores()
    assert Project.open(SAMPLE, home=home).judges[NAME].scored == 90


def test_the_export_page_lists_the_scores_that_the_zip_holds(home, ask):
    """Frozen scores of a model and ratings of a person, by the very names of the zip."""
    ask(12)
    project = Project.open(SAMPLE, home=home)
    project.name_licence("mit")
    row = project.dataset.frame["id"][3]
    project.rate(Rating(row=row, person="Ada", score=4.0))
    project = project.keep_ratings("Ada")
    app = open_app(EXPORT, strategy="random", count="9")
    listed = next(table for table in app.tables() if "what it is" in table)
    said = dict(zip(listed["file"], listed["what it is"], strict=True))
    chosen = project.select(SelectParams(strategy="random", count=9))
    with archive(project.bundle(chosen, licence="mit"), "jsonl") as file, zipfile.ZipFile(file) as zipped:
        assert sorted(said) == sorted(zipped.namelist())
    scores = {name: what for name, what in said.items() if name.startswith(("judged-", "ratings-"))}
    assert [name.partition("-")[0] for name in sorted(scores)] == ["judged", "ratings"]
    assert all("a judge of the choice" in what for what in scores.values())
