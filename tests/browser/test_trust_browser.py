"""Trust in a real browser: a deep link to a fresh server, the verdict, a joined judge, a row in full."""

from __future__ import annotations

import pytest
from winnow_app import SAMPLE, Screen, Server

from core import Project

pytestmark = pytest.mark.browser


def test_a_person_reads_the_verdict_and_joins_the_judges(tmp_path, visit):
    """No figure is cut off at either width; the joined judge decides on Explore; the drawer shows a row."""
    home = tmp_path / "home"
    Project.open(SAMPLE, home=home).build()
    server = Server(home, tmp_path / "log.txt").start()
    try:
        view = {"judge": "accuracy", "min": "4", "count": "50", "strategy": "top-score"}
        screen = Screen(visit(server.link("trust", **view)))
        page = screen.page
        page.get_by_text("A hard filter on accuracy at 4 or more is not supported").wait_for()
        page.get_by_text("Judges joined to one").wait_for()
        assert not page.get_by_text("Page not found").count()
        for width in (1440, 1024):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_timeout(300)
            wide = "es => es.filter((e) => e.scrollWidth > e.clientWidth + 1).length"
            assert page.locator(".trust-line, .trust-verdict").evaluate_all(wide) == 0
        screen.button("Add the judge: median of 2 judges").first.click()
        screen.button("Let it decide").click()
        page.get_by_text("together reach a reliability of").wait_for()
        screen.button("Decides now").wait_for()
        page.get_by_role("button", name="one by one").click()
        page.get_by_text("Rows that judges see differently").wait_for()
        page.keyboard.press("Escape")
        page.goto(server.link(judge="median of 2 judges", min="60", count="20", strategy="top-score"))
        screen.settle()
        assert screen.figure("Selected") == "20"
    finally:
        server.stop()
