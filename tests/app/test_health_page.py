"""The Health page: rows are taken out and put back, and every other page looks at what is left."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from screen import EXPLORE, LOAD, App

from core import Project

HEALTH = "pages/prepare/health.py"
Mapped = Callable[..., App]
TOPICS = ("purring cats", "rye bread", "property tax", "sorting lists", "the distance to Mars")


@pytest.fixture
def app(mapped: Mapped) -> App:
    """Forty rows and one that repeats the fourth but for case and spaces, with a worse score."""
    rows = [
        {
            "id": f"r{place:02}",
            "instruction": f"Tell me about {TOPICS[place % 5]} in {place + 2} words.",
            "output": "It is " + "so " * place,
            "quality": place % 5,
        }
        for place in range(40)
    ]
    again = str(rows[3]["instruction"]).upper().replace(" ", "  ")
    rows.append({"id": "copy", "instruction": again, "output": rows[3]["output"], "quality": 1})
    return mapped("rows.jsonl", "".join(f"{json.dumps(each)}\n" for each in rows)).settle()


def counts(app: App) -> tuple[str, ...]:
    """Rows in the file, taken out, rows that stay."""
    figures = app.figures()
    return tuple(figures[title] for title in ("Rows in the file", "Taken out", "Rows that stay"))


def test_a_duplicate_is_taken_out_and_undone(app: App, folder, home) -> None:
    """The worse of two goes, other pages look at forty rows, and Undo brings it back everywhere."""
    app.turn_to(HEALTH)
    assert counts(app) == ("41", "0", "41")
    assert app.says("1 group of 2 rows. One of each stays, 1 can go.")
    assert app.says("Goes: copy, quality 1, ")
    app.press("take_duplicates")
    assert counts(app) == ("41", "1", "40")
    assert app.says("1. Exact duplicates")
    assert app.says("No map of 40 rows yet")
    project = Project.open(folder / "rows.jsonl", home=home)
    assert "copy" not in project.cleaned().dataset.frame["id"]
    app.turn_to(EXPLORE)
    assert app.says("40 rows, alpaca schema")
    app.turn_to(LOAD)
    assert app.figures()["Rows loaded"] == "41"
    app.turn_to(HEALTH).press("undo_removal")
    assert counts(app) == ("41", "0", "41")
    app.press("redo_removal").press("put_back_0")
    assert counts(app) == ("41", "0", "41")


def test_a_kept_row_is_passed_over(app: App) -> None:
    """What is marked as fine cannot go until it is looked at again."""
    app.turn_to(HEALTH).press("keep_row")
    assert app.says("0 can go; 1 row you keep")
    assert app.at.button(key="take_duplicates").disabled
    app.press("look_again")
    assert not app.at.button(key="take_duplicates").disabled


def test_near_duplicates_follow_the_distance(app: App, folder, home) -> None:
    """What the button would take is what the rule finds at the slider's distance; the choice survives."""
    project = Project.open(folder / "rows.jsonl", home=home)
    app.turn_to(HEALTH).choose("duplicates", "Near")
    for distance in (0.05, 0.3):
        app.at.slider(key="near_distance").set_value(distance)
        app.run()
        settings = {"distance": distance, "stays": "best", "judge": "quality"}
        expected = len(project.propose("near-duplicates", settings).found)
        assert app.says(f"{expected:,} can go")
    app.press("take_duplicates")
    assert counts(app)[1] == str(expected)


def test_near_duplicates_without_vectors_offer_to_make_them(folder, home) -> None:
    """Everything else on the page works at once; the file was never embedded."""
    from screen import open_app

    path = folder / "new.jsonl"
    path.write_text("".join(f'{{"instruction": "Say {n % 3}", "output": "{n % 2}"}}\n' for n in range(12)))
    app = open_app(data=str(path)).turn_to(HEALTH)
    assert app.says("6 groups of 12 rows. One of each stays, 6 can go.")
    app.choose("duplicates", "Near")
    assert "find_nearest" in app.buttons()
    assert "take_duplicates" not in app.buttons()


def test_a_step_that_cannot_be_is_said(app: App, folder, home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the rows as they are, with the reason on the page."""
    from core.errors import StoreError

    def full(*_: object) -> bool:
        raise StoreError("The disk is full.", "Free some space.")

    monkeypatch.setattr("core.removal_table.RemovalTable.change", full)
    app.turn_to(HEALTH).press("take_duplicates")
    assert app.says("The disk is full")
    assert counts(app) == ("41", "0", "41")
