"""Scenes: selections saved under a name."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_scenes import DATA, PARAMS, SCENE, names
from PIL import Image

from core import Pins, Project, SelectParams
from core.errors import ParameterError
from core.scene_table import KEPT, SceneTable
from core.scenes import Shown, changed_ids, suggested_name

# A selection becomes a scene.


def test_a_scene_holds_what_was_decided_and_what_came_of_it(fresh):
    """Decisions, ids, rows, tokens and mean score are those of the selection; the radius that of all distances."""
    params = replace(PARAMS, pins=Pins(include=frozenset({"r17"}), exclude=frozenset({"r06"})))
    chosen = fresh.select(params)
    fresh.save_scene(chosen, "  Best\tones ", " Why\nnot ")
    (scene,) = fresh.scenes()
    assert (scene.name, scene.note, scene.params) == ("Best ones", "Why\nnot", params)
    scores, vectors = fresh.judges["quality"].scores, fresh.vectors().astype(float)
    draws = [fresh.control(seed)[:12] for seed in range(5)]

    def all_of(rows):
        radius = (1 - vectors @ vectors[rows].T).min(axis=1).max()
        return {
            "tokens": fresh.tokens()[rows].sum(),
            "mean_score": np.nanmean(scores[rows]),
            "radius": radius,
        }

    mine, others = all_of(chosen.rows), [all_of(rows) for rows in draws]
    assert scene.figures["rows"] == Shown(value=len(chosen)) == Shown(value=12)
    for name in ("tokens", "mean_score", "radius"):
        drawn = [each[name] for each in others]
        shown = scene.figures[name]
        found = (shown.value, shown.mean, shown.low, shown.high)
        assert found == pytest.approx((mine[name], np.mean(drawn), min(drawn), max(drawn)), abs=1e-5), name
        assert shown.is_exact


def test_the_picture_is_one_of_the_chosen_rows(fresh):
    """A PNG with a transparent ground that differs from the picture of other rows."""
    pictures = [fresh.picture(fresh.select(replace(PARAMS, count=count))) for count in (3, 12)]
    opened = Image.open(io.BytesIO(pictures[0])).convert("RGBA")
    assert opened.size == (1280, 1024)
    assert opened.getpixel((0, 0))[3] == 0
    assert pictures[0] != pictures[1]


@pytest.mark.parametrize(("judge", "count"), [(None, 5), ("quality", 0)])
def test_a_figure_that_there_is_not_is_left_out(fresh, judge, count):
    """Without a judge there is no mean score, without rows neither that nor a radius: no nan is kept."""
    params = SelectParams(judge=judge, count=count, strategy="random")
    fresh.save_scene(fresh.select(params), "x")
    figures = fresh.scenes()[0].figures
    assert set(figures) == ({"rows", "tokens", "radius"} if count else {"rows", "tokens"})
    assert json.loads(json.dumps([each.value for each in figures.values()]))[0] == count


def test_reopening_gives_the_same_ids_and_its_pins_as_one_step(fresh):
    """The pins of the scene take the place of others, which one undo brings back; the ids are the same."""
    fingerprint = fresh.dataset.fingerprint
    fresh.ledger.pin(fingerprint, "include", ["r17", "r01"])
    fresh.ledger.pin(fingerprint, "exclude", ["r06"])
    held = fresh.pins
    chosen = fresh.select(replace(PARAMS, pins=held))
    fresh.save_scene(chosen, "One")
    assert fresh.reopen_scene("One")[1] == ()
    assert fresh.ledger.steps(fingerprint) == 2
    fresh.ledger.pin(fingerprint, "exclude", ["r17", "r02"])
    mine = fresh.pins
    scene, said = fresh.reopen_scene("One")
    assert said == ("The pins are those of the scene: 2 in, 1 out. Undo brings yours back.",)
    assert fresh.pins == held
    again = fresh.select(scene.params)
    assert again.ids == chosen.ids
    assert changed_ids(scene, again) == ""
    assert fresh.ledger.undo(fingerprint) == mine


def test_other_ids_from_the_same_decisions_are_said(fresh):
    """A scene whose digest is of other ids says so; other decisions are no reason to."""
    chosen = fresh.select(PARAMS)
    scene = fresh.save_scene(chosen, "One")
    stale = replace(scene, ids_digest="0" * 64)
    assert "give other rows now than when it was saved: 12 then, 12 now" in changed_ids(stale, chosen)
    assert changed_ids(stale, fresh.select(replace(PARAMS, count=11))) == ""


def test_scenes_belong_to_the_rows_and_not_to_the_home(fresh, tmp_path):
    """Another dataset of the same home has none; a second project of the same rows has them all."""
    fresh.save_scene(fresh.select(PARAMS), "One")
    assert SceneTable(fresh.home / "ledger.sqlite", "another").all() == ()
    assert Project(fresh.dataset, home=fresh.home).scenes() == fresh.scenes()


# Names.


def test_a_taken_name_is_said_and_replacing_is_explicit(table):
    """Nothing is overwritten unasked; what replaces stands in the same place, and what went can come back."""
    new = replace(SCENE, name="B", note="new")
    with pytest.raises(ParameterError, match="There is a scene “B” already") as caught:
        table.add(new, replace=False)
    assert "replace it" in caught.value.hint
    assert [scene.note for scene in table.all()] == [""] * 4
    table.add(new, replace=True)
    assert [(scene.name, scene.note) for scene in table.all()][1] == ("B", "new")
    assert (names(table), table.bring_back(None), names(table)) == ("ABCD", "B (2)", "AB (2)BCD")


def test_saving_a_taken_name_is_refused_before_anything_is_painted(fresh, monkeypatch):
    """Whatever spaces are around it."""
    chosen = fresh.select(PARAMS)
    fresh.save_scene(chosen, "One")
    monkeypatch.setattr(Project, "picture", None)
    with pytest.raises(ParameterError, match="already"):
        fresh.save_scene(chosen, " One ")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "needs a name"),
        (" \n\t ", "needs a name"),
        ("x" * 81, "81 characters"),
        ("\ud800", "half a char"),
    ],
)
def test_a_name_that_cannot_be_is_said(fresh, table, name, problem):
    """Empty, too long or broken: neither saved nor given later."""
    with pytest.raises(ParameterError, match=problem):
        fresh.save_scene(fresh.select(PARAMS), name)
    with pytest.raises(ParameterError, match=problem):
        table.rename("A", to=name, note=None)
    assert (fresh.scenes(), names(table)) == ((), "ABCD")


HOSTILE = ["'; DROP TABLE scenes; --", "<script>alert(1)</script>", "a\0b", "😀 \u202e", "é" * 80, "x" * 80]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(table, text):
    """It comes back as it went in, as a name and as a note."""
    table.add(replace(SCENE, name=text, note=text), replace=False)
    table.rename("A", to=None, note=text)
    assert {(scene.name, scene.note) for scene in table.all()} >= {(text, text), ("A", text)}
    table.delete(text)
    assert names(table) == "ABCD"


def test_renaming_keeps_the_place_and_refuses_a_taken_name(table):
    """Name and note change apart; its own name is no other."""
    table.rename("B", to="New", note="n")
    table.rename("C", to="C", note=None)
    assert [scene.name for scene in table.all()] == ["A", "New", "C", "D"]
    with pytest.raises(ParameterError, match="already"):
        table.rename("A", to="D", note="lost?")
    assert [scene.note for scene in table.all()] == ["", "n", "", ""]


@pytest.mark.parametrize(
    "act", [lambda t: t.delete("Ä"), lambda t: t.move("Ä", 1), lambda t: t.rename("Ä", to="x", note=None)]
)
def test_an_unknown_name_is_said_with_those_there_are(table, act):
    """The hint names them."""
    with pytest.raises(ParameterError, match="There is no scene “Ä”") as caught:
        act(table)
    assert caught.value.hint == "Scenes: A, B, C, D."


# The sequence.

ACTS = st.lists(
    st.tuples(st.sampled_from(["move", "delete", "back", "add"]), st.integers(0, 5), st.integers(-6, 6)),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(acts=ACTS)
def test_the_sequence_is_that_of_a_list(tmp_path_factory, acts):
    """Moving, deleting and adding do what they do to a list; nothing is lost and no name is there twice."""
    table = SceneTable(tmp_path_factory.mktemp("scenes") / "ledger.sqlite", DATA)
    expected, gone = [], []
    for step, (act, which, by) in enumerate(acts):
        if act == "add":
            table.add(replace(SCENE, name=f"n{step}"), replace=False)
            expected.append(f"n{step}")
        elif act == "back" and gone:
            assert table.bring_back(None) == gone[-1]
            expected = [scene.name for scene in table.all()]
            assert sorted(expected) == sorted({*expected, gone.pop()})
        elif expected and act in ("move", "delete"):
            name = expected.pop(which % len(expected))
            if act == "move":
                at = [scene.name for scene in table.all()].index(name)
                expected.insert(min(max(at + by, 0), len(expected)), name)
                table.move(name, by)
            else:
                table.delete(name)
                gone.append(name)
        assert [scene.name for scene in table.all()] == expected


def test_a_deleted_scene_comes_back_where_it_was(table):
    """By its number, whatever was deleted since; only the last twenty are kept."""
    number = table.delete("B")
    table.delete("C")
    assert (names(table), table.bring_back(number), names(table)) == ("AD", "B", "ABD")
    assert (table.bring_back(None), names(table)) == ("C", "ABCD")
    with pytest.raises(ParameterError, match="no deleted scene"):
        table.bring_back(None)
    first = table.delete("A")
    for place in range(KEPT):
        table.add(replace(SCENE, name=f"more {place}"), replace=False)
        table.delete(f"more {place}")
    with pytest.raises(ParameterError, match="no deleted scene"):
        table.bring_back(first)


# In words.


def test_a_name_is_suggested_that_can_be_used():
    """It says strategy, size and threshold, and is never too long."""
    assert suggested_name(PARAMS, 1000) == "Top score, 1,000 rows at quality 3 or more"
    assert len(suggested_name(replace(PARAMS, judge="j" * 200), 1000)) == 80
