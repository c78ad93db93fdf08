"""What a session remembers, and what it shares with nobody."""

from __future__ import annotations

import pytest
from screen import EXPLORE, EXPORT, LOAD, App, link_of, open_app

from pages.ui.markup import plain


def test_leaving_a_page_and_coming_back_keeps_every_widget(app: App):
    """Judge, strategy, its setting, seed, tab, threshold, count and colour of Explore."""
    app.choose("judge", "helpfulness").choose("strategy", "stratified")
    app.choose("option stratified temperature", 3.0).choose("seed", 9)
    app.drag(level=5, count=120, colour="selected").tab("Left out")
    figures, rows, link = app.settle().figures(), app.rows(), link_of(app)
    app.turn_to(LOAD).turn_to(EXPORT).turn_to(EXPLORE).settle()
    kept = {
        "judge": "helpfulness", "strategy": "stratified", "option stratified temperature": 3.0, "seed": 9,
        "tab": "Left out",
    }  # fmt: skip
    assert {key: app.value(key) for key in kept} == kept
    assert (app.figures(), link_of(app)) == (figures, link)
    assert app.rows().equals(rows)


def test_load_and_export_keep_their_choices_too(app: App):
    """The way in, the typed path and the format of the file."""
    app.turn_to(LOAD).choose("way", "Path").choose("path", "data/typed.jsonl")
    app.turn_to(EXPORT).choose("format", "csv")
    app.turn_to(LOAD)
    assert (app.value("way"), app.value("path")) == ("Path", "data/typed.jsonl")
    assert app.turn_to(EXPORT).value("format") == "csv"


def test_two_sessions_do_not_mix(app: App):
    """Each has its own judge, threshold, count and strategy, also on the same data."""
    other = open_app()
    app.drag(level=2, count=30)
    other.choose("judge", "helpfulness").choose("strategy", "random")
    before = link_of(other)
    app.choose("strategy", "top-score")
    other.run()
    assert link_of(other) == before
    assert link_of(app)["count"] == "30"
    assert (link_of(app)["judge"], link_of(app)["strategy"]) == ("accuracy", "top-score")


def test_another_dataset_starts_without_the_decisions_of_the_last(app: App, folder):
    """Its own judge and count; nothing of the old view is left."""
    path = folder / "rows.jsonl"
    path.write_text('{"instruction": "a", "output": "b", "rating": 4}\n' * 3)
    app.choose("strategy", "random").drag(level=2, count=30)
    app.turn_to(LOAD).choose("way", "Path").choose("path", str(path)).press("open_path")
    assert link_of(app) == {"data": str(path), "strategy": "k-center", "colour": "cluster"}
    app.turn_to(EXPLORE)
    assert app.value("judge") == "rating"
    assert (link_of(app)["judge"], link_of(app)["min"], link_of(app)["count"]) == ("rating", "4", "10")


def test_an_event_of_the_map_counts_once(app: App):
    """Settings that come again with every run do not undo what was decided since."""
    app.drag(level=3, count=55)
    old = {"seq": app.seq, "level": 3, "count": 55, "colour": "cluster", "isolated": None}
    app.choose("judge", "helpfulness")
    decided = link_of(app)
    app.send(settings=old)
    assert link_of(app) == decided


@pytest.mark.parametrize(
    "settings",
    [
        {"seq": 9, "level": 10**9, "count": 40, "colour": "cluster"},
        {"seq": 9, "level": -4, "count": 40, "colour": "cluster"},
        {"seq": 9, "level": "x", "count": 40, "colour": "cluster"},
        {"seq": 9, "level": 2, "count": "many", "colour": "cluster"},
        {"seq": "now", "level": 2, "count": 40, "colour": 7},
        {"seq": 9, "level": None, "count": 10**12, "colour": "no such colour", "isolated": 10**9},
        "nothing",
    ],
)
def test_nonsense_from_the_browser_breaks_nothing(app: App, settings):
    """What a browser sends is checked before it becomes a decision."""
    app.send(settings=settings).run()
    assert app.figures()["Pool"] == "1,008"
    assert float(link_of(app)["min"]) in [score / 2 for score in range(11)]


@pytest.mark.parametrize(
    "text",
    ["![x](y)", "# h", "**b**", "`c`", "<b>", ":red[x]", "$x$", "a\n\nb", "1. x", "a|b", "&lt;", "~~x~~"],
)
def test_plain_text_has_a_backslash_before_everything_that_markdown_reads(text):
    """No sign that Markdown, colours, formulas or HTML begin with is left bare."""
    shown = plain(text)
    bare = shown.replace("\\\\", "")
    for sign in "!#*`<:$|&~[_.":
        assert bare.count(sign) == bare.count("\\" + sign), (sign, shown)
    assert "\n" not in shown
