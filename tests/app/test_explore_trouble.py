"""What Explore says when something fails or the file is odd."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from oracles import BOX, eligible_rows, packed
from screen import EXPORT, App, number, open_app

from core import Project
from core.domain import Pins
from core.errors import StoreError
from core.ledger import Ledger
from core.selection import strategies

# --- what has to be said -------------------------------------------------------------------------


def test_a_threshold_above_every_score_offers_the_button_that_mends_it(sample):
    """The highest score is named, and the button sets it."""
    app = open_app(judge="accuracy", min="9")
    assert app.figures()["Eligible"] == "0"
    assert app.says("No rows at ≥ 9; the highest score is 5.")
    assert (
        next(each.label for each in app.at.button if each.key == "lower_threshold")
        == "Set the threshold to 5"
    )
    app.press("lower_threshold")
    assert app.figures()["Eligible"] == f"{len(eligible_rows(sample, 'accuracy', 5)):,}"
    assert "lower_threshold" not in app.buttons()


def test_work_that_fails_in_the_background_is_said_once_and_can_be_tried_again(app: App, monkeypatch):
    """A full disk while an order is made: words, no endless waiting, and the next move tries anew."""
    order = Project.order

    def fail(*_, **__):
        time.sleep(0.5)  # longer than a page waits
        raise StoreError("No space is left on the disk.", "Free some.")

    monkeypatch.setattr(Project, "order", fail)
    app.drag(level=5, count=100).settle()
    assert app.says("No space is left on the disk. Free some.")
    monkeypatch.setattr(Project, "order", order)
    app.drag(level=6, count=100).settle()
    assert not app.says("No space is left")
    assert app.figures()["Selected"] == "100"


def test_while_an_order_is_made_the_counts_are_there(app: App, project, sample, monkeypatch):
    """Eligible and selected need no order, and pins count in them; the rest is waited for."""
    app.pin("exclude", cluster=3)
    made = threading.Event()
    order = Project.order

    def slow(self, *given, **named):
        made.wait(20)
        return order(self, *given, **named)

    monkeypatch.setattr(Project, "order", slow)
    app.drag(level=5, count=100)
    left = [row for row in eligible_rows(sample, "accuracy", 2.5) if project.labels()[row] != 3]
    assert app.figures() == {
        "Pool": "1,008", "Eligible": f"{len(left):,}", "Selected": "100", "Tokens": "…", "Mean score": "…",
        "Covering radius": "…",
    }  # fmt: skip
    made.set()
    assert app.settle().figures()["Eligible"] == f"{len(left):,}"


def test_curves_that_fail_leave_the_rest_of_the_page(app: App, monkeypatch):
    """The radius is a dash with the reason; everything else is there."""

    def fail(*_, **__):
        raise StoreError("No space is left on the disk.", "Free some.")

    monkeypatch.setattr(Project, "curve", fail)
    app.drag(level=5, count=100).settle()
    assert app.figures()["Covering radius"] == "–"
    assert app.figures()["Selected"] == "100"
    assert app.says("No space is left on the disk. Free some.")


def test_a_decision_that_cannot_be_written_is_said(app: App, monkeypatch):
    """The page stays, with the reason, both for the map and for the drawer."""

    def fail(*_, **__):
        raise StoreError("The decision could not be written.", "Free some space.")

    monkeypatch.setattr(Ledger, "pin", fail)
    app.pin("exclude", cluster=1)
    assert "The decision could not be written. Free some space." in app.said("warning")
    assert app.figures()["Selected"] == "100"
    app.click(4).press("pin_include")
    assert "The decision could not be written. Free some space." in app.said("error")
    app.tab("Find").choose("find_by", "words").choose("find", "python").press("found_exclude")
    assert "The decision could not be written. Free some space." in app.said("warning")


def test_a_ledger_that_cannot_be_read_is_said(home):
    """A damaged file of decisions is named instead of being taken for an empty one."""
    (home / "ledger.sqlite").write_bytes(b"this is no database" * 100)
    app = open_app()
    assert any("ledger.sqlite could not be read" in text for text in app.said("error"))


def test_pins_on_the_draft_are_about_the_places_of_the_draft(folder, home, sample, monkeypatch):
    """What a person outlines is what they see; nothing heavy runs for it."""
    path = folder / "rows.jsonl"
    path.write_bytes(sample.with_columns(output=pl.lit("x")).write_ndjson().encode())
    project = Project.open(path, home=home)
    inside = packed(project.draft())
    app = open_app(data=str(path))
    assert app.says("No map of 1,008 rows yet")
    for stage in ("coords", "vectors", "labels"):
        monkeypatch.setattr(
            Project, stage, lambda *_, stage=stage, **__: pytest.fail(f"{stage} was computed")
        )
    app.pin("exclude", polygon=BOX)
    x, y = inside.T
    rows = np.flatnonzero((x > 20_000) & (x < 45_000) & (y > 20_000) & (y < 45_000))
    assert len(rows) > 5
    assert project.pins == Pins(exclude=frozenset(project.dataset.frame["id"].gather(rows)))


# --- odd files -----------------------------------------------------------------------------------

Mapped = Callable[..., App]


def lines(rows: list[dict]) -> str:
    """JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def say(number: int) -> dict:
    """A row of its own topic."""
    topic = ("bread", "rivers", "taxes", "violins")[number % 4]
    return {"instruction": f"Tell me fact number {number} about {topic}", "output": f"Fact {number}."}


def test_without_a_score_column_the_page_works_and_says_why_the_slider_is_off(mapped: Mapped):
    """No judge, no mean score, every row eligible; the box of judges says why it is off."""
    app = mapped("plain.jsonl", lines([say(number) for number in range(40)])).settle()
    assert app.figures() | {"Tokens": "", "Covering radius": ""} == {
        "Pool": "40", "Eligible": "40", "Selected": "10", "Tokens": "", "Covering radius": "",
    }  # fmt: skip
    box = app.at.selectbox(key="judge")
    assert box.disabled
    assert box.proto.placeholder == "No score column in this file"
    assert "score" not in app.rows().columns
    app.choose("strategy", "top-score")
    assert app.says("Top score needs a judge, and none is chosen. This file has no score column")
    app.choose("strategy", "stratified").drag(level=None, count=25)
    assert app.figures()["Selected"] == "25"
    assert "min" not in app.at.query_params
    assert app.turn_to(EXPORT).says("among all rows. Change it on Explore.")


@pytest.mark.parametrize("count", [1, 2, 16])
def test_a_file_of_few_rows_works(mapped: Mapped, count):
    """Every strategy that leaves out no repeats selects all rows, and each row can be opened."""
    rows = [say(number) | {"score": number % 3} for number in range(count)]
    app = mapped("few.jsonl", lines(rows), min="0", judge="score").settle()
    for name in sorted(strategies().keys() - {"deita"}):
        app.choose("strategy", name).drag(level=0, count=100).settle()
        assert (app.figures()["Pool"], app.figures()["Selected"]) == (str(count), str(count)), name
        assert number(app.figures()["Covering radius"]) == pytest.approx(0, abs=0.001)
    app.click(count - 1)
    assert rows[-1]["output"] in app.said("text")


def test_rows_that_are_all_alike_work(mapped: Mapped):
    """One place on the map, one cluster, and still as many rows as asked for."""
    app = mapped("alike.jsonl", lines([say(1) | {"score": 3}] * 30), count="12").settle()
    assert (app.figures()["Pool"], app.figures()["Eligible"], app.figures()["Selected"]) == ("30", "30", "12")
    assert app.figures()["Covering radius"] == "0.000"
    app.pin("exclude", cluster=0)
    assert app.figures()["Selected"] == "0"


def test_a_threshold_between_two_floats_of_a_score_is_not_above_it(mapped: Mapped):
    """4.7 is no float32: the highest score still passes itself, and no button offers to lower it."""
    rows = [say(number) | {"score": 4.7 if number % 2 else 1.1} for number in range(20)]
    app = mapped("decimals.jsonl", lines(rows), judge="score", min="4.7").settle()
    assert app.figures()["Eligible"] == "10"
    assert "lower_threshold" not in app.buttons()


def test_rows_without_a_score_are_counted_and_never_chosen(mapped: Mapped):
    """Null is a value of its own: not zero, not the lowest score."""
    rows = [say(number) | {"score": None if number < 5 else number % 4} for number in range(40)]
    app = mapped("gaps.jsonl", lines(rows), judge="score", min="0", count="40").settle()
    assert (app.figures()["Eligible"], app.figures()["Selected"]) == ("35", "35")
    assert app.says("Without a score by score, and so left out: 5 rows.")
    rows = app.tab("Left out").rows()
    assert set(rows["reason"]) == {"no score"}
    assert rows["score"].isna().all()


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "![beacon](http://evil.test/x.png)",
    "[click](javascript:alert(1))",
    "</script><script>alert(1)</script>",
    "\u202eright to left\u202c",
    "nul \u0000 inside",
    "$x$ :red[no] `code` **bold** # heading",
    "=HYPERLINK(1)",
)


def test_hostile_text_is_shown_as_text(mapped: Mapped):
    """Ids, prompts, names of judges and of other columns: verbatim in text, escaped in Markdown."""
    judge = "![j](http://evil.test/j.png)"
    rows = [
        {"id": f"{row} {text}", "instruction": text, "output": text, judge: row or None, "<b>note</b>": text}
        for row, text in enumerate(HOSTILE * 2)
    ]
    app = mapped("hostile.jsonl", lines(rows), min="0", judge=judge)
    assert app.says(f"Without a score by {judge}, and so left out:")
    for row, text in enumerate(HOSTILE):
        app.click(row)
        assert app.said("text").count(text) == 2, text
        for kind in ("markdown", "caption", "error", "warning", "info", "subheader"):
            for each in app.at.get(kind):
                assert not any(sign in each.value for sign in ("![", "](", "<img", "<script", "<b>")), (
                    each.value
                )
