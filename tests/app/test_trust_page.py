"""Trust, asserted by what the screen says and by where its buttons lead."""

from __future__ import annotations

import json

from screen import App, link_of, open_app

from core import Project, SelectParams
from core.ratings import Rating
from core.trust_reading import findings
from core.trust_verdict import verdict

TRUST = "pages/judge/trust.py"
HERE = {"judge": "accuracy", "min": "4", "count": "100", "strategy": "top-score"}
PARAMS = SelectParams(judge="accuracy", min_score=4, count=100, strategy="top-score")


def shown(app: App) -> str:
    """All HTML of the page, as text that can be searched."""
    return " ".join(each.proto.body for each in app.at.get("html"))


def escaped(text: str) -> str:
    """As the page escapes it."""
    return text.replace("'", "&#x27;")


def test_the_page_says_the_verdict_and_every_finding(project: Project):
    """In the words of the library, with the selection that Explore shows."""
    app = open_app(TRUST, **HERE).settle()
    found = project.trust(PARAMS, chosen=project.select(PARAMS))
    text = shown(app)
    for each in (verdict(found), *findings(found)):
        assert escaped(each.sentence) in text
        assert escaped(each.advice) in text
    levels = next(table for table in app.tables() if "at or above" in table)
    scores = project.judges["accuracy"].scores
    assert levels["at or above"].to_list() == [int((scores >= level).sum()) for level in levels["score"]]


def test_a_joined_judge_is_added_decides_and_is_taken_away(project: Project):
    """By the button of the verdict; then it is on Explore, with its coverage said, until it is removed."""
    app = open_app(TRUST, **HERE).settle()
    app.press("trust_step_verdict").settle()
    name = "median of 2 judges"
    assert name in Project.open(project.dataset.source, home=project.home).judges
    assert app.says("· Median percentile · 1,008 scored, 0 unscored")
    app.press(f"aggregate_decide_{name}").settle()
    assert link_of(app)["judge"] == name
    assert "its 2 judges together reach a reliability of" in shown(app)
    app.press(f"aggregate_remove_{name}").settle()
    assert name not in Project.open(project.dataset.source, home=project.home).judges
    assert link_of(app)["judge"] == "accuracy"


def test_another_threshold_and_strategy_are_one_press_away(project: Project):
    """The link holds them, and the verdict speaks of the new threshold."""
    app = open_app(TRUST, **HERE).settle()
    levels = next(table for table in app.tables() if "at or above" in table)["score"].to_list()
    app.choose("trust_threshold", levels[1]).settle()
    assert link_of(app)["min"] == f"{levels[1]:g}"
    assert f"on accuracy at {levels[1]:g} or more" in shown(app)


def test_families_are_said_once_and_warned_of(project: Project):
    """Kept with the dataset: another session sees it."""
    app = open_app(TRUST, **HERE).settle()
    app.choose("family_writer", "OpenAI").choose("family_evaluator", "OpenAI").settle()
    assert "The writer of the responses and the evaluator are both of OpenAI" in shown(app)
    assert project.families().writer == "OpenAI"
    assert open_app(TRUST, **HERE).settle().value("family_writer") == "OpenAI"


def test_the_rows_apart_are_listed_and_gone_through(project: Project):
    """Widest first, and the drawer opens on the first of them."""
    app = open_app(TRUST, **HERE).settle()
    apart = project.trust(PARAMS).overall.apart
    table = next(table for table in app.tables() if "apart" in table)
    assert table["id"].to_list() == project.dataset.frame["id"].gather(apart).to_list()
    app.press("trust_queue")
    assert app.says(f"Row {table['id'][0]}")


def test_one_judge_has_nobody_to_be_compared_with(folder):
    """The page says what is missing and leads to Load."""
    lines = [{"instruction": f"Say {place}.", "output": "Yes.", "score": place % 5} for place in range(30)]
    (folder / "one.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    app = open_app(TRUST, data=str(folder / "one.jsonl"))
    assert app.says("One judge is here.")
    assert "trust_load" in app.buttons()


def test_the_way_to_people_stands_beside_a_verdict_that_judges_cannot_settle(project: Project):
    """It leads to Review; once somebody has rated, it says how many rows."""
    app = open_app(TRUST, **HERE).settle()
    assert app.says("nobody has rated a row of this dataset yet")
    app.press("trust_review")
    assert app.says("Review rows by eye")
    ids = project.dataset.frame["id"]
    for place in (3, 5):
        project.rate(Rating(row=ids[place], person="Ann", keep=True))
    app = open_app(TRUST, **HERE).settle()
    assert app.says("People have rated 2 rows.")
