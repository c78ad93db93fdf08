"""Scoring with a model in a real browser: price, a run that a reload does not end, counts, and the map."""

from __future__ import annotations

import pytest
from judge_server import JudgeServer
from winnow_app import IDLE, SAMPLE, Screen, Server

from core import Project

pytestmark = pytest.mark.browser
FAULTS = {"malformed": 0.1, "500": 0.1, "429": 0.05, "dropped": 0.05}


def fill(page, label: str, text: str) -> None:
    """Type into a box and wait until the page took it."""
    box = page.get_by_label(label, exact=True).first
    box.fill(text)
    box.press("Enter")
    page.wait_for_timeout(300)
    page.wait_for_selector(IDLE)


def test_sixty_rows_are_scored_across_a_reload_and_colour_the_map(tmp_path, visit, monkeypatch):
    """20 tried and 40 more; reloaded in the middle, nothing is asked twice, and Explore has the judge."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    home = tmp_path / "home"
    Project.open(SAMPLE, home=home).build()
    with JudgeServer(faults=FAULTS, delay=0.4, seed=3) as model:
        server = Server(home, tmp_path / "log.txt").start()
        try:
            screen = Screen(visit(server.link("score")))
            page = screen.page
            page.get_by_text("Name a model to go on.").wait_for()
            fill(page, "Base URL", model.url)
            fill(page, "Model", "stand-in")
            page.get_by_role("button", name="Try 20 rows").click()
            page.get_by_text("Where the rows stand").wait_for()
            page.get_by_text("A sample", exact=True).click()
            fill(page, "Requests at once", "4")
            fill(page, "Rows of the sample", "40")
            page.get_by_role("button", name="Score 40 rows").click()
            page.get_by_text("Scoring:").wait_for()
            page.reload()
            page.get_by_text("Scoring:").wait_for()
            page.get_by_text("Done: 40 of 40 requests").wait_for()
            assert max(model.paid.values()) == 1
            assert sum(model.paid.values()) == 60
            judge = Project.open(SAMPLE, home=home).judges["stand-in accuracy"]
            assert 40 < judge.scored < 60  # a tenth of the replies say no score
            page.get_by_role("button", name="Colour the map by it").click()
            screen.settle(within=90)
            link = screen.link()
            assert (link["judge"], link["colour"]) == (judge.name, f"judge:{judge.name}")
            assert int(screen.figure("Eligible")) == int((judge.scores >= float(link["min"])).sum())
        finally:
            server.stop()


def test_a_batch_outlives_the_server_of_the_page_and_is_collected(tmp_path, visit, monkeypatch):
    """Forty rows are sent, the app is killed and started again, and what came back is a judge; none is paid twice."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    home = tmp_path / "home"
    Project.open(SAMPLE, home=home).build()
    with JudgeServer(seed=3) as model:
        model.batch_done = False
        server = Server(home, tmp_path / "log.txt").start()
        try:
            page = visit(server.link("score")).page
            page.get_by_text("Name a model to go on.").wait_for()
            fill(page, "Base URL", model.url)
            fill(page, "Model", "stand-in")
            page.get_by_role("button", name="Try 20 rows").click()
            page.get_by_text("Where the rows stand").wait_for()
            page.get_by_text("As a batch", exact=True).click()
            page.get_by_text("A sample", exact=True).click()
            fill(page, "Rows of the sample", "40")
            page.get_by_role("button", name="Send 40 rows as a batch").click()
            page.get_by_text("Sent 40 requests.").wait_for()
            table = page.locator(".st-key-judge_batches [data-testid='stDataFrame']")
            table.wait_for()
            assert table.bounding_box()["width"] <= page.viewport_size["width"]
            server.stop()
            server.start()
            screen = Screen(visit(server.link("score")))
            page = screen.page
            screen.pick("judge_chosen", "stand-in accuracy")
            model.batch_done = True
            page.get_by_role("button", name="Look again").click()
            page.get_by_text("Collected 40 judgements.").wait_for()
            assert Project.open(SAMPLE, home=home).judges["stand-in accuracy"].scored == 20 + 40
            assert (len(model.batches), sum(model.paid.values()), max(model.paid.values())) == (1, 60, 1)
        finally:
            server.stop()
