"""A recipe opened in the app brings the screen back, or says what is missing or different."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from screen import EXPLORE, LOAD, SAMPLE, App, open_app

from core import Pins, Project, SelectParams
from core.exporting import parse_recipe
from pages.ui.recipes import settings_of
from pages.ui.view import MapSettings

DECISIONS = SelectParams(
    judge="helpfulness",
    min_score=4.0,
    count=30,
    strategy="stratified",
    seed=7,
    options=(("temperature", 3.0),),
    max_tokens=9_000,
)


@pytest.fixture
def exported(project: Project, tmp_path: Path):
    """Export a selection of a project and give the recipe's bytes."""

    def go(params: SelectParams, of: Project = project) -> bytes:
        of.export(of.select(params), tmp_path / "out")
        return (tmp_path / "out" / "recipe.yaml").read_bytes()

    return go


def chosen(content: bytes, name: str = "recipe.yaml") -> App:
    """A new session in which this recipe is uploaded and opened."""
    app = open_app(LOAD).choose("way", "Recipe")
    app.at.get("file_uploader")[0].set_value((name, content, "application/yaml"))
    return app.run().press("open_recipe")


def test_a_recipe_restores_every_decision(project, exported):
    """Judge, threshold, count, strategy with its settings, seed, budget and pins; and the ids are the same."""
    ids = project.dataset.frame["id"]
    pins = Pins(include=frozenset(ids[:2]), exclude=frozenset(ids[2:5]))
    content = exported(SelectParams(**{**_as_dict(DECISIONS), "pins": pins}))
    assert not len(project.pins)
    app = chosen(content).turn_to(EXPLORE).settle()
    view = app.at.session_state["winnow.view"]
    assert view.params(project.pins) == SelectParams(**{**_as_dict(DECISIONS), "pins": pins})
    assert app.says("The pins are those of the recipe: 2 in, 3 out.")
    rows = read_recipe_rows(content)
    assert app.figures()["Selected"].split(" ")[0] == f"{rows:,}"
    assert app.says(f"The same {rows} ids as in recipe.yaml, in the same order.")
    project.ledger.undo(project.dataset.fingerprint)
    assert not len(project.pins)


def test_a_recipe_brings_its_reasons_and_one_without_leaves_them(project, tmp_path):
    """They stand in the box on Export and it is said; a recipe that has none takes none away."""
    content = {}
    for name, why in (("with", "theirs"), ("without", "")):
        project.export(project.select(DECISIONS), tmp_path / name, why=why)
        content[name] = (tmp_path / name / "recipe.yaml").read_bytes()
    project.note_why("mine")
    assert not chosen(content["without"]).turn_to(EXPLORE).settle().says("words of the recipe")
    assert project.why == "mine"
    assert chosen(content["with"]).turn_to(EXPLORE).settle().says("has the words of the recipe")
    assert project.why == "theirs"


def test_the_remark_ends_with_the_next_decision(exported):
    """It speaks of the recipe's decisions, and of no others."""
    app = chosen(exported(DECISIONS)).turn_to(EXPLORE).settle()
    assert app.says("in the same order")
    app.at.session_state["winnow.view"] = _with(app, count=29)
    assert not app.run().settle().says("in the same order")


def test_all_eligible_rows_are_a_count_of_that_many(project, exported):
    """A recipe without a count selects the same rows on the screen."""
    content = exported(SelectParams(judge="accuracy", min_score=4.5, strategy="top-score"))
    rows = read_recipe_rows(content)
    app = chosen(content).turn_to(EXPLORE).settle()
    assert app.says(f"The same {rows} ids as in recipe.yaml")


def test_data_that_is_not_there_is_asked_for_and_taken(home, folder, tmp_path, exported):
    """By upload; what comes then is the recipe's data, and its ids."""
    elsewhere = tmp_path / "elsewhere" / "rows.jsonl"
    elsewhere.parent.mkdir()
    shutil.copy(SAMPLE, elsewhere)
    content = exported(DECISIONS, Project.open(elsewhere, home=home))
    app = chosen(content)
    assert app.says("no file of that content lies in the folders of this app")
    app.at.get("file_uploader")[1].set_value(("rows.jsonl", elsewhere.read_bytes(), "application/json"))
    app.run().press("open_recipe_data").turn_to(EXPLORE).settle()
    assert app.says("in the same order")


def test_a_recipe_of_a_file_in_the_folders_finds_it(home, folder, exported):
    """By its name and its content, without a question."""
    shutil.copy(SAMPLE, folder / "rows.jsonl")
    content = exported(DECISIONS, Project.open(folder / "rows.jsonl", home=home))
    app = chosen(content).turn_to(EXPLORE).settle()
    assert app.at.session_state["winnow.view"].data == str(folder / "rows.jsonl")
    assert app.says("in the same order")


def test_other_data_is_opened_on_demand_and_the_difference_named(home, folder, exported):
    """A namesake with other rows is not opened in silence; opened by hand it says why the ids differ."""
    shutil.copy(SAMPLE, folder / "rows.jsonl")
    content = exported(DECISIONS, Project.open(folder / "rows.jsonl", home=home))
    pl.read_ndjson(SAMPLE).head(900).write_ndjson(folder / "rows.jsonl")
    Project.open(folder / "rows.jsonl", home=home).build()
    app = chosen(content)
    assert app.says("no file of that content")
    app.choose("recipe_path", str(folder / "rows.jsonl")).press("open_recipe_data").turn_to(EXPLORE).settle()
    assert app.says("Not the ids of recipe.yaml. rows.jsonl has 900 rows; the recipe's had 1,008.")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "recipe.yaml is not a recipe"),
        (b"a: &x [*x]", "recipe.yaml refers to parts of itself"),
        (b"recipe_version: 99", "is not a recipe: source"),
        (b"!!python/object/apply:os.system ['true']", "is not a recipe"),
        (b"", "is not a recipe"),
    ],
)
def test_what_is_no_recipe_is_said(content, said):
    """One sentence with the place, and the page stays."""
    assert any(said in each for each in chosen(content).said("error"))


def test_a_judge_that_is_not_there_is_said(exported):
    """Nothing is half opened: the session stays where it was, and no pin is changed."""
    content = exported(DECISIONS).replace(b"judge: helpfulness", b"judge: nobody")
    app = chosen(content)
    assert any("nobody" in each for each in app.said("error"))
    assert app.at.session_state["winnow.view"].strategy == "k-center"


def test_settings_without_a_box_go_along(home, exported):
    """The settings of the map are those of the recipe, whether Load has a box for them or not."""
    content = exported(DECISIONS).decode()
    assert "n_neighbours: 15" in content
    changed = content.replace("n_neighbours: 15", "n_neighbours: 9")
    recipe = read_recipe_from(changed.encode())
    assert settings_of(read_recipe_from(content.encode())) == MapSettings()
    assert settings_of(recipe) == MapSettings(n_neighbours=9)
    deeper = recipe.model_copy(
        update={"map": {**recipe.map, "neighbours": {**recipe.map["neighbours"], "k": 20}}}
    )
    assert settings_of(deeper) == MapSettings(n_neighbours=9, more=(("neighbours", "k", 20),))
    assert settings_of(deeper).by_stage() == {"project": {"n_neighbours": 9}, "neighbours": {"k": 20}}


def _as_dict(params: SelectParams) -> dict:
    return {name: getattr(params, name) for name in params.__dataclass_fields__}


def _with(app: App, **changes):
    return replace(app.at.session_state["winnow.view"], **changes)


def read_recipe_from(content: bytes):
    """The recipe in some bytes."""
    return parse_recipe(content, "recipe.yaml")


def read_recipe_rows(content: bytes) -> int:
    """How many rows a recipe selected."""
    return read_recipe_from(content).outcome.selected
