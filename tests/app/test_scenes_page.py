"""Scenes in the app: saving, cards, reopening, and what the presentation is given."""

from __future__ import annotations

import base64
import json
import sqlite3

import pytest
from screen import EXPLORE, SAMPLE, App, link_of, open_app

from core import Pins, Project, SelectParams
from core.decisions import decisions
from core.errors import StoreError

SCENES, PRESENT = "pages/curate/scenes.py", "pages/curate/present.py"
VIEW = {"judge": "accuracy", "min": "4.5", "count": "40", "strategy": "top-score"}
PARAMS = SelectParams(judge="helpfulness", min_score=4.0, count=25, strategy="top-score", seed=7)
HOSTILE = "<b>bold</b> **x** [a](b) ![i](j) $y$ :red[z]"


@pytest.fixture
def saved(project: Project) -> Project:
    """Two scenes: First (with a pin) and a hostile one."""
    pinned = SelectParams(judge="accuracy", min_score=3.0, count=30, strategy="cluster-quota",
                          options=(("temperature", 2.0),),
                          pins=Pins(include=frozenset(project.dataset.frame["id"][:2])))  # fmt: skip
    project.save_scene(project.select(pinned), "First", "Its note")
    project.save_scene(project.select(PARAMS), HOSTILE, HOSTILE)
    return project


def form_key(app: App) -> str:
    """The key of the popover: each saved scene closes it by putting another one in its place."""
    saved = app.at.session_state
    return f"save_scene {saved['winnow.save_scene']}"


def popover(app: App) -> App:
    """Open the popover as a click does."""
    app.at.session_state[form_key(app)] = True
    return app.run()


def slides(app: App) -> dict:
    """What the stage is given."""
    for each in app.at.get("bidi_component"):
        if each.proto.component_name.endswith("winnow_stage"):
            return json.loads(each.proto.mixed.json or each.proto.json)
    raise AssertionError("there is no stage")


def opened(app: App, key: str) -> App:
    """Press Open: the app turns to Explore by itself, and the test's driver has to follow it there."""
    assert app.press(key).figures()["Pool"] == "1,008"
    return app.turn_to(EXPLORE).settle()


# Saving.


def test_a_selection_is_saved_under_a_suggested_name(project):
    """The scene holds what the page showed; the name says strategy, size and threshold; a toast confirms it."""
    app = popover(open_app(**VIEW).settle())
    name = "Top score, 40 rows at accuracy 4.5 or more"
    assert app.at.text_input(key="scene_name").value == name
    app.at.text_area(key="scene_note").set_value("Because")
    app.press("save_it")
    (scene,) = project.scenes()
    assert (scene.name, scene.note, scene.rows) == (name, "Because", 40)
    assert scene.params == SelectParams(judge="accuracy", min_score=4.5, count=40, strategy="top-score")
    figures = app.settle().figures()
    assert figures["Tokens"] == f"{scene.figures['tokens'].value:,.0f}"
    assert figures["Covering radius"].removeprefix("≈ ") == f"{scene.figures['radius'].value:.3f}"
    assert any("Saved as" in each.value for each in app.at.toast)
    assert not app.at.session_state[form_key(app)] and "save_it" not in app.buttons()


def test_a_taken_name_is_asked_about_and_replaced_on_demand(saved):
    """Saving says that there is one; the second button replaces it, and until then nothing changed."""
    app = popover(open_app(**VIEW).settle())
    app.at.text_input(key="scene_name").set_value(" First ")
    app.press("save_it")
    assert app.says("There is a scene “First” already: choose another name, or replace it.")
    assert saved.scene("First").rows == 30
    app.press("replace_it")
    assert [scene.rows for scene in saved.scenes()] == [40, 25]


def test_a_scene_that_cannot_be_written_is_said(project, monkeypatch):
    """The page stays as it is, with the problem and the hint."""
    app = popover(open_app(**VIEW).settle())

    def full(*_, **__):
        raise StoreError("The disk is full.", "Free some space.")

    monkeypatch.setattr(Project, "save_scene", full)
    app.press("save_it")
    assert app.says("The disk is full. Free some space.")
    assert project.scenes() == ()


# The cards.


def test_without_scenes_one_button_leads_to_explore(app):
    """One sentence and one button, on both pages."""
    for page, words in ((SCENES, "No scene is saved yet"), (PRESENT, "Nothing to present yet")):
        app.turn_to(page)
        assert app.says(words)
        assert {key for key in app.buttons() if key} == {"to_explore"}
        app.press("to_explore")
        assert app.figures()["Pool"] == "1,008"


def test_cards_say_what_each_scene_is(saved):
    """Name and note as they were typed, the decisions, and the figures beside random; the link stays."""
    app = open_app(SCENES, **VIEW)
    said = app.said()
    assert {"**First**", "Its note", f"**{HOSTILE}**", HOSTILE} <= set(said)
    for scene in saved.scenes():
        assert decisions(scene.params, scene.rows, 1008) in said
        tokens, radius = scene.figures["tokens"], scene.figures["radius"]
        assert any(
            f"Tokens {tokens.value:,.0f} (random {tokens.mean:,.0f})" in each
            and f"{radius.value:.3f}" in each
            for each in said
        )
    assert len(app.at.image) == 2
    assert link_of(app)["min"] == "4.5"


def test_scenes_are_moved_renamed_deleted_and_brought_back(saved):
    """Each button does what it says, and Undo brings the deleted one back to its place."""
    app = open_app(SCENES, **VIEW)
    app.press("later_0")
    assert [scene.name for scene in saved.scenes()] == [HOSTILE, "First"]
    key = f"First {saved.scene('First').made}"
    app.at.text_input(key=f"name {key}").set_value("Renamed")
    app.at.text_area(key=f"note {key}").set_value("New note")
    app.press("rename_1")
    assert [(scene.name, scene.note) for scene in saved.scenes()][1] == ("Renamed", "New note")
    app.press("delete_0")
    assert app.says(f"“{HOSTILE}” is deleted.")
    assert [scene.name for scene in saved.scenes()] == ["Renamed"]
    app.press("undo_delete")
    assert [scene.name for scene in saved.scenes()] == [HOSTILE, "Renamed"]
    assert "undo_delete" not in app.buttons()


def test_a_step_that_fails_is_said(saved):
    """A scene that another window deleted cannot be moved: the page says so and shows what is there."""
    app = open_app(SCENES, **VIEW)
    saved.delete_scene("First")
    app.press("later_0")
    assert app.says("There is no scene “First”.")


# Opening.


def test_opening_a_scene_brings_its_decisions_back(saved):
    """Judge, threshold, count, strategy, options, seed and pins; Undo brings one's own pins back."""
    mine = frozenset(saved.dataset.frame["id"][5:6])
    saved.ledger.pin(saved.dataset.fingerprint, "exclude", mine)
    app = open_app(SCENES, **VIEW)
    app = opened(app, "open_0")
    scene = saved.scene("First")
    assert link_of(app) | {
        "judge": "accuracy",
        "min": "3",
        "count": "30",
        "strategy": "cluster-quota",
    } == link_of(app)
    assert app.value("option cluster-quota temperature") == 2.0
    assert app.figures()["Selected"] == "30"
    assert app.rows()["id"].to_list() == saved.select(scene.params).ids[:10]
    assert app.says("The pins are those of the scene: 2 in, 0 out. Undo brings yours back.")
    assert not app.says("give other rows now")
    app.pin("undo")
    assert Project.open(SAMPLE, home=saved.home).pins == Pins(exclude=mine)
    opened(app.turn_to(SCENES), "open_1")
    assert link_of(app) | {"judge": "helpfulness", "min": "4", "count": "25", "seed": "7"} == link_of(app)


def test_a_scene_without_a_judge_is_opened_without_one(project):
    """A deep link to the scenes, then Open: the page's own default judge does not come back."""
    project.save_scene(project.select(SelectParams(strategy="random", count=9)), "All")
    app = opened(open_app(SCENES), "open_0")
    assert app.value("judge") is None
    assert (app.figures()["Selected"], app.figures()["Eligible"]) == ("9", "1,008")


def test_limits_come_back_and_every_page_names_them(project):
    """Token budget, near copies, and no threshold: on Explore, on Export in words, and on the card."""
    params = SelectParams(
        judge="accuracy", count=60, strategy="top-score", max_tokens=3000, dedup_distance=0.2
    )
    chosen = project.select(params)
    project.save_scene(chosen, "Small")
    app = open_app(SCENES)
    said = "Top score among rows that accuracy scored; at most 3,000 tokens; near copies within 0.2 left out"
    assert app.says(said)
    app = opened(app, "open_0")
    assert (app.value("max_tokens"), app.value("dedup_distance")) == (3000, 0.2)
    assert app.figures()["Selected"] == f"{len(chosen)}"
    assert app.turn_to("pages/share/export.py").settle().says(f"{said}. Change it on Explore.")


def test_other_rows_than_when_it_was_saved_are_said_on_explore(saved):
    """Until the decisions change."""
    with sqlite3.connect(saved.home / "ledger.sqlite") as connection:
        connection.execute("UPDATE scenes SET ids_digest = 'other'")
    connection.close()
    app = opened(open_app(SCENES), "open_1")
    assert app.says("give other rows now than when it was saved: 25 then, 25 now.")
    app.choose("seed", 8)
    assert not app.says("give other rows now")


# Presenting.


def test_the_presentation_is_given_every_scene_in_sequence(saved):
    """Names and notes as typed, decisions in words, figures beside random, and the stored pictures."""
    app = open_app(SCENES, **VIEW).press("present_1")
    given, scenes = slides(app), saved.scenes()
    assert given["start"] == 1
    assert [(slide["name"], slide["note"]) for slide in given["slides"]] == [
        ("First", "Its note"),
        (HOSTILE, HOSTILE),
    ]
    for slide, scene in zip(given["slides"], scenes, strict=True):
        assert slide["decisions"] == f"{decisions(scene.params, scene.rows, 1008)}."
        assert base64.b64decode(slide["picture"]) == scene.picture
        score = scene.figures["mean_score"]
        assert {
            "title": "Mean score",
            "value": f"{score.value:.2f}",
            "beside": f"random {score.mean:.2f} ({score.low:.2f} to {score.high:.2f})",
        } in slide["lines"]


def test_a_link_to_the_presentation_shows_it(saved):
    """A new session finds the scenes of the dataset that the link names, and begins where the browser stood."""
    app = open_app(PRESENT, **VIEW)
    assert (slides(app)["start"], len(slides(app)["slides"])) == (None, 2)
    assert link_of(app)["min"] == "4.5"


@pytest.mark.parametrize("page", [SCENES, PRESENT])
def test_scenes_that_cannot_be_read_are_said(saved, page):
    """One sentence with the name, and no traceback; Explore goes on."""
    with sqlite3.connect(saved.home / "ledger.sqlite") as connection:
        connection.execute("UPDATE scenes SET params = 'x' WHERE name = 'First'")
    connection.close()
    app = open_app(page, **VIEW)
    assert app.says("The scene “First” in")
    assert app.turn_to(EXPLORE).figures()["Pool"] == "1,008"
