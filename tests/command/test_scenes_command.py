"""Scenes on the command line."""

from __future__ import annotations

import json
import sqlite3

import pytest
from small_project import copied

from core import Pins, Project, SelectParams


@pytest.fixture
def saved(tmp_path):
    """(file, home, ids) with one scene saved, whose pins are no longer those of the ledger."""
    file, home = copied(tmp_path / "home")
    project = Project.open(file, home=home)
    params = SelectParams(
        judge="quality", min_score=3, count=7, strategy="top-score", pins=Pins(include=frozenset({"r17"}))
    )
    chosen = project.select(params)
    project.save_scene(chosen, "For the board", "Two\nlines")
    project.ledger.pin(project.dataset.fingerprint, "exclude", ["r05"])
    return file, home, chosen.ids


def test_scenes_are_listed_with_their_decisions(run, saved):
    """Name, strategy, threshold, count and when; the note below."""
    file, home, _ = saved
    code, out, err = run("scenes", file, "--home", home)
    assert (code, err) == (0, "")
    first, *note, last = out.splitlines()
    assert first.startswith(
        "For the board: 7 of 60 rows: Top score among rows with quality of 3 or more; 1 row always in ("
    )
    assert (note, last) == (["    Two", "    lines"], "1 scene of small.jsonl.")


def test_scenes_are_one_json_object(run, saved):
    """With every decision and figure, and no picture."""
    file, home, _ = saved
    code, out, _ = run("scenes", file, "--home", home, "--json")
    (scene,) = json.loads(out)["scenes"]
    assert code == 0
    assert (scene["name"], scene["params"]["count"], scene["figures"]["rows"]["value"]) == (
        "For the board",
        7,
        7,
    )
    assert scene["params"]["pins"] == {"include": ["r17"], "exclude": []}


def test_no_scene_is_said(run, saved, tmp_path):
    """A home without any lists none."""
    file, _, _ = saved
    assert run("scenes", file, "--home", tmp_path / "other")[:2] == (0, "0 scenes of small.jsonl.\n")


def test_a_scene_is_exported_by_its_name(run, saved, tmp_path):
    """The ids are those that were saved, whatever is pinned now, and the pins stay as they are."""
    file, home, ids = saved
    code, out, _ = run(
        "select", file, "--home", home, "--scene", "For the board", "--out", tmp_path / "out", "--json"
    )
    assert code == 0
    assert (tmp_path / "out" / "ids.txt").read_text().split() == ids
    assert "give other rows" not in out
    assert Project.open(file, home=home).pins == Pins(exclude=frozenset({"r05"}))


def _stored(home, change):
    with sqlite3.connect(home / "ledger.sqlite") as connection:
        connection.execute(change)
    connection.close()


def test_other_rows_than_when_it_was_saved_are_said(run, saved, tmp_path):
    """They are written all the same, and the sentence stands in both forms of output."""
    file, home, _ = saved
    _stored(home, "UPDATE scenes SET ids_digest = 'other'")
    call = ("select", file, "--home", home, "--scene", "For the board", "--out", tmp_path / "out")
    assert "give other rows now than when it was saved: 7 then, 7 now" in run(*call)[1]
    assert "give other rows now" in json.loads(run(*call, "--json")[1])["notes"][-1]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--scene", "For the bored"), "Did you mean “For the board”?"),
        (("--scene", "For the board", "--count", "3"), "A scene brings its own decisions"),
        (("--scene", "For the board", "--strategy", "random"), "A scene brings its own decisions"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(run, saved, tmp_path, flags, said):
    """An unknown scene, or decisions beside it: nothing is written."""
    file, home, _ = saved
    code, _, err = run("select", file, "--home", home, *flags, "--out", tmp_path / "out")
    assert (code, err.count("\n")) == (2, 1)
    assert said in err
    assert not (tmp_path / "out").exists()


def test_a_scene_that_is_not_read_whole_is_not_chosen(run, saved, tmp_path):
    """A decision of another version would be left out: it is said instead."""
    file, home, _ = saved
    _stored(home, """UPDATE scenes SET params = '{"colour": 1, ' || substr(params, 2)""")
    code, _, err = run("select", file, "--home", home, "--scene", "For the board", "--out", tmp_path / "out")
    assert (code, "'colour' at 1, which this version does not know" in err) == (2, True)
    assert "'colour' at 1" in run("scenes", file, "--home", home)[1]
