"""Pins on Explore: lassos, clusters, the drawer and the border, asserted by the numbers on the screen."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import BOX, GRADES, eligible_rows, rows_inside, token_counts
from screen import EXPLORE, LOAD, App, open_app

from core import Project
from core.ledger import Ledger

# --- pins ----------------------------------------------------------------------------------------


def test_a_lasso_includes_every_row_inside_it(app: App, project, sample):
    """Rows below the threshold too; the page counts them and says so."""
    inside = rows_inside(project)
    app.pin("include", polygon=BOX).settle()
    eligible = eligible_rows(sample, "accuracy", 4.5)
    beyond = len(set(inside) - set(eligible))
    assert len(inside) > 100
    assert app.figures()["Selected"] == f"{len(inside):,}"
    assert app.says(f"All {len(inside):,} pinned rows are in: more than the 100 asked for.")
    assert app.says(f"Pinned, and in without being eligible: {beyond:,} rows.")
    app.tab("Pinned")
    assert app.says(f"Pinned: {len(inside):,} rows.")
    assert set(app.rows()["id"]) == {sample["id"][row] for row in inside[:10]}


def test_an_excluded_cluster_is_not_eligible(app: App, project, sample):
    """Its eligible rows leave the count, and none of its rows is chosen."""
    cluster = project.labels() == 3
    left = [row for row in eligible_rows(sample, "accuracy", 4.5) if not cluster[row]]
    app.pin("exclude", cluster=3)
    assert app.figures()["Eligible"] == f"{len(left):,}"
    assert app.figures()["Selected"] == "100"
    app.drag(level=GRADES.index(4.5), count=1_000).settle()
    assert app.figures()["Selected"] == f"{len(left):,}"
    assert not set(app.tab("Left out").rows()["id"]) - {
        sample["id"][row] for row in range(sample.height) if row not in left
    }


def test_a_lasso_on_an_isolated_cluster_takes_only_its_rows(app: App, project, sample):
    """Polygon and cluster together mean both."""
    both = [row for row in rows_inside(project) if project.labels()[row] == 2]
    assert both
    app.pin("exclude", polygon=BOX, cluster=2)
    assert project.pins.exclude == {sample["id"][row] for row in both}


def test_undo_and_clear_take_pins_back(app: App, project):
    """Undo takes back the last decision whole; clear lets the rows inside go, and no others."""
    before = app.figures()["Eligible"]
    app.pin("exclude", cluster=1).pin("exclude", cluster=2)
    app.pin("clear", cluster=1)
    assert len(Ledger(project.home / "ledger.sqlite").pins(project.dataset.fingerprint).exclude) == int(
        (project.labels() == 2).sum()
    )
    app.pin("undo")
    both = np.isin(project.labels(), (1, 2)).sum()
    assert len(Ledger(project.home / "ledger.sqlite").pins(project.dataset.fingerprint).exclude) == both
    app.pin("undo").pin("undo").pin("undo")
    assert app.figures()["Eligible"] == before


def test_clearing_an_empty_spot_leaves_the_pins(app: App, project):
    """A lasso around no rows is about no rows."""
    app.pin("exclude", cluster=1)
    app.pin("clear", polygon=[(-9_000, -9_000), (-9_000, -8_000), (-8_000, -8_000)])
    assert len(project.pins.exclude) == (project.labels() == 1).sum()


def test_the_same_decision_sent_twice_is_one(app: App, project):
    """An event that comes again with another run is not applied again."""
    app.send(pin={"n": 5, "op": "exclude", "cluster": 1}).send(pin={"n": 5, "op": "include", "cluster": 2})
    assert len(project.pins.include) == 0
    assert project.ledger.steps(project.dataset.fingerprint) == 1


def test_pins_survive_sliders_pages_and_sessions(app: App, project, sample):
    """They are in the ledger, not in the session."""
    app.pin("include", rows=[7]).pin("exclude", rows=[8])
    expected = (sample["id"][7], sample["id"][8])
    for act in (
        lambda: app.drag(level=2, count=40),
        lambda: app.drag(level=10, count=60),
        lambda: app.turn_to(LOAD).turn_to(EXPLORE),
        lambda: app.choose("strategy", "top-score"),
    ):
        act()
        rows = app.tab("Pinned").rows()
        assert tuple(rows["id"]) == expected
        assert tuple(rows["reason"]) == ("pinned: always in", "excluded")
    assert tuple(open_app().tab("Pinned").rows()["id"]) == expected


def test_a_clicked_point_opens_its_row_in_full(app: App, sample):
    """Prompt, answer, scores and reason, as text."""
    row = sample.row(400, named=True)
    app.click(400)
    texts = app.said("text")
    assert row["output"] in texts
    assert any(row["instruction"] in text for text in texts)
    known = next(text for text in texts if "tokens" in text)
    assert f"accuracy: {row['accuracy']:g}" in known
    assert f"{token_counts(sample[400:401])[0]:,} tokens" in known


def test_the_drawer_stays_open_while_the_page_runs_again(app: App):
    """Work that ends in the background runs the page; what a person reads must not close on them."""
    app.click(400).run().run()
    assert "pin_include" in app.buttons()
    app.press("pin_include")
    assert "pin_include" not in app.buttons(), "a decision closes it"


@pytest.mark.parametrize(
    ("button", "reason"), [("pin_include", "pinned: always in"), ("pin_exclude", "excluded")]
)
def test_a_row_is_pinned_from_its_drawer(app: App, sample, button, reason):
    """Include and exclude in the drawer do what the map's do, and clear takes them back."""
    app.click(400).press(button)
    rows = app.tab("Pinned").rows()
    assert (rows["id"].to_list(), rows["reason"].to_list()) == ([sample["id"][400]], [reason])
    app.click(400).press("pin_clear")
    assert app.says("Nothing is pinned.")


def test_the_border_is_gone_through_row_by_row(app: App):
    """One that got in, one that did not, nearest the cut first; a decision turns to the next row."""
    above = app.tab("Just above the cut").rows()["id"].to_list()
    below = app.tab("Just below").rows()["id"].to_list()
    app.press("border_queue")
    wanted = [each for pair in zip(above, below, strict=True) for each in pair]
    for place, each in enumerate(wanted[:4]):
        assert app.says(f"Row {each}"), (place, app.said("caption"))
        app.press_key(("include", "exclude", "next", "exclude")[place])
    app.press_key("previous").press_key("previous")
    assert app.says(f"Row {wanted[2]}")
    app.press_key("previous")
    assert app.says(f"Row {wanted[1]}, now excluded")
    pinned = dict(app.press_key("next").tab("Pinned").rows()[["id", "reason"]].to_numpy())
    assert pinned == {wanted[0]: "pinned: always in", wanted[1]: "excluded", wanted[3]: "excluded"}


def test_a_late_key_pins_the_row_that_was_on_the_screen(app: App, project: Project):
    """The queue stays at the row it has come to."""
    app.tab("Just below").press("border_queue")
    (shown,) = app.key_buttons()
    app.press_key("next")
    (now,) = app.key_buttons()
    app.tell_press(n=now["taken"] + 1, about=shown["about"], name="exclude")
    assert {f"Row {each}" for each in project.pins.exclude} == {shown["title"]}
    assert app.key_buttons()[0]["title"] == now["title"]


def test_after_the_last_row_of_the_border_the_drawer_closes(app: App):
    """The queue ends where it ends, and the page follows what was decided."""
    app.tab("Just below").press("border_queue")
    for _ in range(39):
        app.press_key("next")
    assert app.key_buttons()
    app.press_key("exclude")
    assert not app.key_buttons()
    assert len(app.tab("Pinned").rows()) == 1


def test_rows_are_found_by_words_and_pinned_together(app: App, sample):
    """What is found is counted as polars counts it; one step includes all of it, and Undo takes it back."""
    app.tab("Find").choose("find_by", "words").choose("find", "python list")
    texts = [
        f"{row['instruction']} {row['input'] or ''} {row['output']}".lower()
        for row in sample.iter_rows(named=True)
    ]
    wanted = {row for row, text in enumerate(texts) if "python" in text and "list" in text}
    assert wanted
    assert app.says(f"{len(wanted)} rows found")
    assert len(app.rows()) == min(10, len(wanted))
    app.press("found_include")
    assert app.says(f"{len(wanted)} rows found, {len(wanted)} of them selected.")
    assert app.tab("Pinned").says(f"Pinned: {len(wanted)} rows.")
    assert app.pin("undo").tab("Pinned").says("Nothing is pinned.")
    app.tab("Find")
    assert app.value("find") == "python list", "the words stay while another tab is open"
    app.press("found_exclude")
    assert app.says(f"{len(wanted)} rows found, 0 of them selected.")
    assert app.choose("find", "no-such-word-anywhere").says("No row has all of these words.")


def test_a_row_that_is_not_there_opens_nothing(app: App):
    """What a browser sends is input."""
    for row in (-1, 1_008, 10**12):
        app.click(row)
        assert "pin_include" not in app.buttons()


def test_more_pins_than_a_curve_reaches_end_the_wait(app: App, sample):
    """A radius that was not measured is a dash, and the page does not run on and on."""
    everything = [(-1, -1), (-1, 70_000), (70_000, 70_000), (70_000, -1)]
    app.pin("include", polygon=everything).settle()
    assert app.figures()["Selected"] == f"{sample.height:,}"
    assert app.figures()["Covering radius"] == "–"
