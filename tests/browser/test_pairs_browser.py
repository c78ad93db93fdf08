"""Pairs compared by a model in a real browser: a run that a reload does not end, and its verdicts."""

from __future__ import annotations

import json

import pytest
from judge_server import LEANING, JudgeServer
from winnow_app import IDLE, SAMPLE, Screen, Server

from core import Project
from core.asking_pairs import AskingPairs
from core.pairs import of_files
from core.scoring import open_scores

pytestmark = pytest.mark.browser
PAIRS = 40


def fill(page, label: str, text: str, place: int = 0) -> None:
    """Type into a box and wait until the page took it."""
    box = page.get_by_label(label, exact=True).nth(place)
    box.fill(text)
    box.press("Enter")
    page.wait_for_timeout(300)
    page.wait_for_selector(IDLE)


def to_pairs(page, paths) -> None:
    """The two files, and a model in place of a person."""
    page.get_by_text("Pairs of answers", exact=True).click()
    for place, path in enumerate(paths):
        page.get_by_label("or their path", exact=True).nth(place).wait_for()
        fill(page, "or their path", str(path), place)
    page.get_by_text("By a model", exact=True).click()


def test_two_files_of_answers_are_compared_by_a_model_across_a_reload(tmp_path, visit, monkeypatch):
    """Ten pairs tried, the rest compared; reloaded in the middle nothing is asked twice, and the win rate is there."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    home = tmp_path / "home"
    Project.open(SAMPLE, home=home).build()
    paths = [tmp_path / f"{name}.jsonl" for name in "ab"]
    for path in paths:
        lines = [{"id": n, "prompt": f"ask {n}", "answer": f"{path.stem} says {n}"} for n in range(PAIRS)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with JudgeServer(faults={"500": 0.1, "429": 0.05}, delay=0.4, seed=4) as model:
        server = Server(home, tmp_path / "log.txt").start()
        try:
            screen = Screen(visit(server.link("review")))
            page = screen.page
            to_pairs(page, paths)
            page.get_by_text("Name a model to go on.").wait_for()
            fill(page, "Base URL", model.url)
            fill(page, "Model", LEANING)
            page.get_by_role("button", name="Try 10 pairs").click()
            page.get_by_text("Where the pairs stand").wait_for()
            fill(page, "Requests at once", "4")
            page.get_by_role("button", name="Compare all pairs").click()
            page.get_by_text("Comparing:").wait_for()
            page.reload()
            to_pairs(page, paths)
            page.get_by_text("Done: 60 of 60 requests").wait_for()
            assert sum(model.paid.values()) == 2 * PAIRS and max(model.paid.values()) == 1
            one, other = ((path.name, open_scores(path).verbatim, "answer") for path in paths)
            pairs = of_files(one, other, by="id", prompt="prompt")
            (known,) = Project.open(SAMPLE, home=home).judgements.judges()
            rate = AskingPairs(pairs, known.judge, home=home).judged().rate
            assert rate.pairs == PAIRS and rate.flips > 0
            page.get_by_text(rate.sentence("a.jsonl", "b.jsonl")).wait_for()
            assert screen.figure("Flip rate") == f"{rate.flip_rate:.0%}"
        finally:
            server.stop()
