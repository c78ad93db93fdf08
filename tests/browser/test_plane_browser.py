"""How many, in a real browser: a cell of the plane is clicked, and Explore opens there."""

from __future__ import annotations

import numpy as np
import pytest
from winnow_app import SAMPLE, Screen, Server

from core import Project, SelectParams

pytestmark = pytest.mark.browser


def test_a_clicked_cell_is_where_explore_opens(tmp_path, visit):
    """The heat map's cell sets threshold and count; Explore then selects so many rows at that threshold."""
    home = tmp_path / "home"
    project = Project.open(SAMPLE, home=home)
    project.build()
    server = Server(home, tmp_path / "log.txt").start()
    try:
        screen = Screen(visit(server.link("plane", judge="accuracy", min="4.5", count="100")))
        points = screen.page.locator(".st-key-plane_heat .scatterlayer .point")
        points.first.wait_for(state="attached")
        plane = project.plane(SelectParams(judge="accuracy", min_score=4.5, count=100))
        sizes, thresholds = np.nonzero(np.isfinite(plane.figures["rows"].T))  # as the cells are drawn
        cells = [(plane.thresholds[t], plane.counts[s]) for t, s in zip(thresholds, sizes, strict=True)]
        at = cells.index((4.0, 300))
        box = points.nth(at).bounding_box()
        screen.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        screen.wait_for_link(min="4", count="300")
        screen.button("Open in Explore").click()
        screen.settle()
        assert screen.figure("Selected") == "300"
        assert screen.link()["min"] == "4"
    finally:
        server.stop()
