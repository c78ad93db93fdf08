"""Pairs compared by a model on the Review page: price, run, verdicts beside people's, a rubric of one's own."""

from __future__ import annotations

import json
import time

import pytest
from judge_server import LEANING, JudgeServer, worth
from screen import App, open_app

REVIEW = "pages/judge/review.py"
PAIRS = 30


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    """The environment has no key and no address."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
def answers(folder):
    """Two files of answers to the same prompts."""
    for name in "ab":
        lines = [{"id": str(n), "prompt": f"ask {n}", "answer": f"{name} says {n}"} for n in range(PAIRS)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def at_pairs(answers) -> App:
    """The page with the two files, and a model in place of a person."""
    app = open_app(REVIEW).settle().choose("review_mode", "Pairs of answers")
    for side in "AB":
        app.choose(f"pairs_path_{side}", str(answers / f"{side.lower()}.jsonl"))
    return app.choose("pairs_who", "By a model")


def idle(app: App, within: float = 60) -> App:
    """Run the page until no run goes on."""
    end = time.monotonic() + within
    while "judge_stop" in app.buttons():
        assert time.monotonic() < end, app.said()
        time.sleep(0.05)
        app.run()
    return app.run()


def test_a_model_compares_pairs_after_a_trial_and_stands_beside_people(answers):
    """Ten pairs tried, the rest compared, each in both orders; a person's votes are told beside it."""
    with JudgeServer() as server:
        app = at_pairs(answers).choose("judge_url", server.url).choose("judge_model", LEANING)
        assert app.at.button(key="judge_start").disabled
        assert "judge_weighted" not in {each.key for each in app.at.toggle}  # two grades have no odds
        idle(app.press("judge_try"))
        assert sum(server.paid.values()) == 20
        assert app.says("20 pairs without a verdict.")
        estimates = next(table for table in app.tables() if "requests" in table)
        assert next(iter(estimates["requests"])) == str(2 * PAIRS - 20)
        idle(app.press("judge_start"))
        assert len(server.paid) == 2 * PAIRS and set(server.paid.values()) == {1}
        assert app.says(f"of {PAIRS}: ") and app.says("Rate some pairs by eye")
        figures = {each.label.replace("\\", ""): each.value for each in app.at.metric}
        assert sum(int(figures[name]) for name in ("a.jsonl wins", "Ties", "a.jsonl loses")) == PAIRS
        assert figures["Flip rate"] != "0%"
        app.choose("pairs_who", "By eye").choose("review_name", "Ann").press_key("tie")
        app.choose("pairs_who", "By a model")
        assert app.says("of 1 pair that both judged")
        sides = next(table for table in app.tables() if "who" in table)
        assert list(sides["who"]) == ["people", f"{LEANING} preference"]


def test_replies_without_two_grades_are_shown_and_asked_again(answers):
    """By pair and order; what is ok is not asked again."""
    with JudgeServer(faults={"malformed": 0.4}) as server:
        app = at_pairs(answers).choose("judge_url", server.url).choose("judge_model", "m")
        idle(app.press("judge_try"))
        replies = next(table for table in app.tables() if "reply" in table)
        assert set(replies["reply"]) == {"I think this is quite good overall."}
        assert set(replies["order"]) <= {"A first", "B first"}
        server.faults = {}
        idle(app.press("judge_again"))
        assert max(server.paid.values()) == 2 and sum(server.paid.values()) == 20 + len(replies["reply"])
        assert not app.says("in one order only")
        wins = sum(worth(f"a says {n}") > worth(f"b says {n}") for n in range(PAIRS))
        idle(app.press("judge_start"))
        assert app.says(f"a.jsonl wins {wins},")


def test_a_rubric_of_ones_own_is_edited_beside_its_prompt_on_a_real_pair(answers):
    """The prompt follows the boxes and shows both answers."""
    app = at_pairs(answers).choose("pair_judge_rubric", "My own")
    app.at.text_area(key="pair_rubric_asks").set_value("Grade how well each answer rhymes.")
    app.run()
    shown = " ".join(each.value for each in app.at.code)
    assert "Grade how well each answer rhymes." in shown
    assert "FIRST ANSWER" in shown and "a says 0" in shown and "b says 0" in shown
    with JudgeServer() as server:
        app.choose("judge_url", server.url).choose("judge_model", "poet")
        idle(app.press("judge_try"))
        assert "Grade how well each answer rhymes." in server.bodies[0]["messages"][0]["content"]
