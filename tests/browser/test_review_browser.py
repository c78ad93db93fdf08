"""Reviewing in a real browser: rows are rated by keys alone, and nothing of it is lost on reload."""

from __future__ import annotations

import pytest
from winnow_app import SAMPLE, Screen, Server

from core import Project, SelectParams

pytestmark = pytest.mark.browser

LINK = {"judge": "accuracy", "min": 4, "count": 60, "strategy": "top-score"}


def test_a_blind_sample_is_rated_by_keys_and_goes_on_after_a_reload(tmp_path, visit):
    """Grades, keep, drop, skip and undo; the sample has its figure, and the ledger every key."""
    home = tmp_path / "home"
    project = Project.open(SAMPLE, home=home)
    project.build()
    chosen = project.select(SelectParams(judge="accuracy", min_score=4, count=60, strategy="top-score"))
    project.draw_sample(chosen, size=12)
    server = Server(home, tmp_path / "log.txt").start()
    try:
        screen = Screen(visit(server.link("review", **LINK)))
        page = screen.page
        _sit_down(screen.visit, "Ann")
        _wait_for_row(screen.visit, 0)
        for done, key in enumerate(("4", "k", "d", "1", "s"), start=1):
            page.keyboard.press(key)
            _wait_for_row(screen.visit, done)
        page.keyboard.press("u")
        _wait_for_row(screen.visit, 4)
        said = [(each.score, each.keep) for each in project.ratings()]
        assert said == [(4, None), (None, True), (None, False), (1, None)]
        page.reload()
        _sit_down(screen.visit, "Ann")
        _wait_for_row(screen.visit, 4)
        page.get_by_text("4 of 12 done. Ann, in all: 4 rows rated: 2 kept, 2 dropped.").wait_for()
        for done in range(5, 13):
            page.keyboard.press("5")
            _wait_for_row(screen.visit, done)
        page.get_by_role("radio", name="What the ratings say").click()
        page.get_by_text("12 rows rated: 10 kept, 2 dropped.").wait_for()
        found = project.precision(chosen)
        assert screen.figure("Kept by people") == f"{found.share:.0%}"
        page.locator(".js-plotly-plot .scatterlayer").first.wait_for(state="attached")
    finally:
        server.stop()


def _sit_down(visit, name: str) -> None:
    """Type a name, choose the blind sample, and leave the box, so that keys are keys."""
    page = visit.page
    page.get_by_label("Your name").fill(name)
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="Blind sample").click()
    page.get_by_role("heading", name="Review rows by eye").click()


def _wait_for_row(visit, done: int) -> None:
    """Wait until the row that comes after so many is on the screen, and the keys are its own."""
    visit.page.get_by_text(f"{done} of 12 done").wait_for()  # other queues are longer
    visit.settle()
    visit.page.wait_for_function(
        """() => {
          const keys = document.querySelector(".wk-keys")?.getAttribute("aria-label");
          return keys && [...document.querySelectorAll("p")].some((each) => each.innerText.startsWith(`${keys} · `));
        }"""
    )
