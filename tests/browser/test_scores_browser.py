"""Scores in another file, in a real browser: looked at, turned round, accepted, and chosen by on Explore."""

from __future__ import annotations

import pytest
from winnow_app import SAMPLE, Screen, Server

from core import Project, SelectParams

pytestmark = pytest.mark.browser


def test_a_perplexity_of_another_file_decides_what_explore_selects(tmp_path, visit):
    """The match is on the screen before the button is pressed; afterwards Explore offers the judge."""
    home = tmp_path / "home"
    project = Project.open(SAMPLE, home=home)
    project.build()
    ids = project.dataset.frame["id"].head(1000).to_list()
    lines = "".join(f"{row},{place}.5\n" for place, row in enumerate(ids))
    (tmp_path / "ppl.csv").write_text("id,perplexity\n" + lines)
    server = Server(home, tmp_path / "log.txt").start()
    try:
        screen = Screen(visit(server.link("load")))
        page = screen.page
        page.get_by_text("Add or change a judge").click()
        page.get_by_text("Another file").click()
        page.get_by_label("or its path").fill(str(tmp_path / "ppl.csv"))
        page.keyboard.press("Enter")
        page.get_by_text("1,000 of 1,008 rows matched (99.2%); 8 without a match.").wait_for()
        page.get_by_text("Lower is better", exact=True).first.click()
        page.get_by_text("1,000 scored, 8 unscored, from -999.5 to -0.5").wait_for()
        screen.button("Make perplexity a judge").click()
        screen.button("Replace the judge perplexity").wait_for()
        kept = Project.open(SAMPLE, home=home)
        params = SelectParams(judge="perplexity", min_score=-40, count=10, strategy="top-score")
        assert kept.select(params).ids == ids[:10]
        page.goto(server.link(judge="perplexity", min="-40", count="10", strategy="top-score"))
        screen.settle()
        assert screen.figure("Eligible") == "40"
        assert screen.figure("Selected") == "10"
    finally:
        server.stop()
