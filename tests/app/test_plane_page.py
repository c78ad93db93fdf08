"""How many, asserted by the words on the screen and by where a click leads."""

from __future__ import annotations

import time

from screen import EXPLORE, App, link_of, open_app

from core import Project, SelectParams
from core.reading import reading, standing

PLANE = "pages/curate/plane.py"
HERE = SelectParams(judge="accuracy", min_score=4.5, count=100, strategy="top-score")


def _open(**link: str) -> App:
    """The page at a view, when the plane is drawn."""
    return _drawn(open_app(PLANE, **link))


def _drawn(app: App) -> App:
    """Wait until nothing is measured any more."""
    until = time.monotonic() + 60
    while app.at.get("progress"):
        assert time.monotonic() < until
        time.sleep(0.1)
        app.run()
    return app


def test_the_page_reads_the_plane_aloud(project: Project):
    """Knee, random's need and the place one stands at, in the figures of the library."""
    app = _open(judge="accuracy", min="4.5", count="100", strategy="top-score")
    plane = project.plane(HERE)
    at = plane.place(4.5, 100)
    assert app.says(reading(plane, "radius", at[0]))
    assert app.says(standing(plane, "radius", *at))
    app.choose("plane_figure", "mean_score")
    assert app.says(standing(plane, "mean_score", *at))


def test_the_boxes_set_the_place_without_a_mouse(project: Project):
    """Threshold and count of the view follow; a threshold with fewer rows takes the largest count it has."""
    app = _open(judge="accuracy", min="4.5", count="100", strategy="top-score")
    plane = project.plane(HERE)
    app.choose("plane_count", plane.counts.tolist().index(50))
    assert (link_of(app)["min"], link_of(app)["count"]) == ("4.5", "50")
    app.choose("plane_threshold", plane.thresholds.index(3.0))
    assert (link_of(app)["min"], link_of(app)["count"]) == ("3", "50")


def test_fewer_rows_than_the_first_count_are_said(mapped):
    """Thirty rows of five texts: without near copies hardly any is left, and the page says so instead of drawing."""
    line = '{{"instruction": "Say {0}", "output": "{0}", "score": {1}}}\n'
    rows = "".join(line.format(WORDS[place % 5], place % 4) for place in range(30))
    app = _drawn(mapped("copies.jsonl", rows, dedup="0.5").turn_to(PLANE))
    assert app.says(
        "Without near copies and repeats fewer than 10 rows can be selected: too few for a curve."
    )


def test_without_a_judge_there_are_counts_alone(mapped):
    """No mean score is offered, and the plane has one threshold."""
    rows = "".join(f'{{"instruction": "Say {word}", "output": "{word}"}}\n' for word in WORDS)
    app = _drawn(mapped("plain.jsonl", rows, strategy="random").turn_to(PLANE))
    assert [each.options for each in app.at.selectbox if each.key == "plane_threshold"] == [["30 rows"]]
    assert app.says("rows without a threshold: covering radius")


WORDS = [f"word{place} and thing{place * 7 % 30}" for place in range(30)]


def test_a_strategy_that_needs_a_judge_says_so(mapped):
    """Where the file has no scores the page names what is missing instead of a plane."""
    rows = "".join(f'{{"instruction": "Say {word}", "output": "{word}"}}\n' for word in WORDS)
    app = mapped("plain.jsonl", rows, strategy="top-score").turn_to(PLANE)
    assert app.says("needs a judge, and none is chosen")


def test_before_there_is_a_map_the_page_offers_to_make_it(folder):
    """One sentence and one button, as on Explore."""
    path = folder / "new.jsonl"
    path.write_text("".join(f'{{"instruction": "Sing {word}", "output": "{word}"}}\n' for word in WORDS))
    app = open_app(PLANE, data=str(path))
    assert app.says("No map of 30 rows yet")
    assert "make_map" in app.buttons()


def test_the_sidebar_says_what_is_decided_on_both_pages():
    """Judge, strategy and seed are those of Explore at once, and what is changed here is there as well."""
    app = open_app(judge="helpfulness", min="3", count="50", strategy="top-score", seed="7")
    app.turn_to(PLANE)
    assert [app.value(key) for key in ("judge", "strategy", "seed")] == ["helpfulness", "top-score", 7]
    app.choose("strategy", "longest").turn_to(EXPLORE)
    assert [app.value(key) for key in ("judge", "strategy", "seed")] == ["helpfulness", "longest", 7]
