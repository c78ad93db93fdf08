"""The Review page: queues, hidden judges, keys, undo, figures, pairs; all of it there after a reload."""

from __future__ import annotations

import json

import pytest
from screen import EXPLORE, SAMPLE, App, open_app

from core import Project, SelectParams

REVIEW = "pages/judge/review.py"
PARAMS = SelectParams(judge="accuracy", min_score=4.0, count=50, strategy="top-score")
LINK = {"judge": "accuracy", "min": "4", "count": "50", "strategy": "top-score"}


def review(**more) -> App:
    """The page, with a name typed."""
    app = open_app(REVIEW, **{**LINK, **more}).settle()
    return app.choose("review_name", "Ann")


def switch(app: App, key: str, value: bool) -> App:
    """Set a toggle."""
    app.at.toggle(key=key).set_value(value)
    return app.run()


def row_shown(app: App) -> str:
    """The id of the row that is open."""
    (line,) = [each for each in app.said("markdown") if each.startswith("Row ")]
    return line.split(" · ")[0].removeprefix("Row ")


def can_rate(app: App) -> bool:
    """Whether there is a button to grade with."""
    return any(each["name"] == "4" for shown in app.key_buttons() for each in shown["groups"][0])


def progress(app: App) -> str:
    """What stands over the bar."""
    return str(app.at.get("progress")[0].proto.text).replace("\\", "")


def test_judges_are_hidden_until_a_row_is_rated_and_then_told(project):
    """The grade is in the ledger at once, with who gave it; the way on is a key."""
    app = review()
    row = row_shown(app)
    assert app.says("Judges are hidden until you have rated.")
    assert not any("accuracy" in each for each in app.said("markdown", "text"))
    app.press_key("4")
    score = project.judges["accuracy"].scores[project.position(row)]
    assert any(f"accuracy **{score:g}**" in each for each in app.said("markdown"))
    assert row_shown(app) == row
    (kept,) = project.ratings()
    assert (kept.row, kept.person, kept.score, kept.blind, kept.shown) == (row, "Ann", 4, True, True)
    assert app.press_key("next") and row_shown(app) != row


def test_without_showing_the_judges_each_key_goes_on_and_undo_comes_back(project):
    """Keep, drop and skip are keys as well; a reload goes on where it stopped."""
    app = switch(review(), "review_show_Around the cut", value=False)
    first = row_shown(app)
    app.press_key("keep")
    second = row_shown(app)
    app.press_key("drop")
    third = row_shown(app)
    assert len({first, second, third}) == 3
    app.press_key("undo")
    assert row_shown(app) == second
    assert [(each.row, each.keep) for each in project.ratings()] == [(first, True)]
    app.press_key("skip")
    assert row_shown(app) == third
    again = switch(review(), "review_show_Around the cut", value=False)
    assert row_shown(again) == third
    other = open_app(REVIEW, **LINK).settle().choose("review_name", "Bob")
    assert row_shown(other) == first


def test_a_late_press_is_for_the_row_that_was_on_the_screen_and_counts_once(project):
    """Sent twice it counts once; about a row that is long gone, or of another shape, it says nothing."""
    app = switch(review(), "review_show_Around the cut", value=False)
    first = row_shown(app)
    (shown,) = app.key_buttons()
    app.press_key("3")
    second = row_shown(app)
    app.tell_press(n=shown["taken"] + 1, about=shown["about"], name="3")
    assert [each.row for each in project.ratings()] == [first] and row_shown(app) == second
    app.tell_press(n=shown["taken"] + 2, about=shown["about"], name="keep")
    assert [(each.row, each.keep) for each in project.ratings()] == [(first, None), (first, True)]
    assert row_shown(app) == second
    for press in (
        {"n": 90, "about": "gone", "name": "5"},
        {"n": 91, "about": shown["about"], "name": "6"},
        {"n": 92, "about": shown["about"], "name": "²"},
        {"n": "93", "about": shown["about"], "name": "5"},
        {"n": 94, "about": None, "name": "5"},
    ):
        app.tell_press(**press)
    assert len(project.ratings()) == 2


def test_nobody_rates_without_a_name():
    """The page asks for one; the judge of all people is none."""
    app = open_app(REVIEW, **LINK).settle()
    assert app.says("Type your name") and not can_rate(app)
    assert app.choose("review_name", "person").says("is what all people together are called")


def test_a_blind_sample_gives_the_precision_and_a_threshold_that_can_be_taken(project):
    """Every figure on the screen is the one that core has; the button moves the threshold."""
    app = review().choose("review_queue", "Blind sample")
    assert not can_rate(app)
    app.choose("review_size", 20)
    app.press("draw_sample")
    sample = project.sample()
    assert len(sample.ids) == 20
    for place in range(20):
        assert row_shown(app) in sample.ids
        app.press_key("2" if place % 4 == 0 else "5")
    assert progress(app).startswith("20 of 20 done. Ann, in all: 20 rows rated: 15 kept, 5 dropped")
    assert all(each.blind and not each.shown for each in project.ratings())
    app.choose("review_mode", "What the ratings say")
    found = project.precision(project.select(PARAMS))
    assert app.figures()["Kept by people"] == f"{found.share:.0%}"
    assert app.figures()["95 % interval"] == f"{found.low:.0%} – {found.high:.0%}"
    assert app.figures()["Selected rows rated blind"] == str(found.rated)
    curve = project.people_beside_judges()["accuracy"][1]
    app.choose("review_share", 0.5)
    at = curve.threshold(0.5)
    assert app.says(f"with accuracy of {at:g} (20 rated rows;")
    app.press("take_threshold")
    assert app.at.query_params["min"] in (f"{at:g}", [f"{at:g}"])


def test_ratings_become_a_judge_that_explore_offers_and_pins(project, home):
    """Both in one press; nobody has rated is an empty state with a button."""
    app = review().choose("review_mode", "What the ratings say")
    assert app.says("Nobody has rated a row yet.")
    app.press("go_rate")
    switch(app, "review_show_Around the cut", value=False)
    rows = []
    for key in ("5", "1", "4"):
        rows.append(row_shown(app))
        app.press_key(key)
    app.choose("review_mode", "What the ratings say").press("keep_ratings")
    assert Project.open(SAMPLE, home=home).judges["person"].scored == 3
    app.press("pin_dropped")
    assert project.pins.exclude == {rows[1]}
    explored = open_app(EXPLORE, judge="person", min="4", count="5", strategy="top-score").settle()
    assert explored.figures()["Eligible"] == "2"


@pytest.fixture
def answers(folder):
    """Two files of answers to the same six prompts."""
    for name, word in (("a", "good"), ("b", "bad")):
        lines = [{"id": str(each), "prompt": f"ask {each}", "answer": f"{word} {each}"} for each in range(6)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_two_files_of_answers_are_compared_blind_and_give_a_win_rate(answers, project):
    """No name of a file stands over an answer; the better one wins whatever side it is on."""
    app = open_app(REVIEW).settle().choose("review_mode", "Pairs of answers")
    for side in "AB":
        app.choose(f"pairs_path_{side}", str(answers / f"{side.lower()}.jsonl"))
    assert app.says("6 pairs.")
    app.choose("review_name", "Ann")
    for _ in range(6):
        texts = [each for each in app.said("text") if each.startswith(("good", "bad"))]
        assert len(texts) == 2 and {each.split()[0] for each in texts} == {"good", "bad"}
        app.press_key("first" if texts[0].startswith("good") else "second")
    assert [each.value for each in app.at.success] == ["Every pair is rated."]
    assert app.says("a.jsonl wins 6, ties 0 and loses 0 of 6: 100%")
    app.press_key("undo")
    assert app.says("a.jsonl wins 5, ties 0 and loses 0 of 5: 100%")
    again = open_app(REVIEW).settle().choose("review_mode", "Pairs of answers")
    for side in "AB":
        again.choose(f"pairs_path_{side}", str(answers / f"{side.lower()}.jsonl"))
    assert progress(again.choose("review_name", "Ann")) == "5 of 6 done by Ann"


def test_files_that_do_not_belong_together_are_refused_in_words(answers):
    """With both counts."""
    (answers / "b.jsonl").write_text('{"text": "alone"}\n')
    app = open_app(REVIEW).settle().choose("review_mode", "Pairs of answers")
    for side in "AB":
        app.choose(f"pairs_path_{side}", str(answers / f"{side.lower()}.jsonl"))
    assert app.says("a.jsonl has 6 rows and b.jsonl 1")
