"""From a lasso to rows like those inside it, and to pins, by a person's hand."""

from __future__ import annotations

import pytest
from winnow_app import SAMPLE, Screen, whole

from core import Project

pytestmark = pytest.mark.browser


def test_a_lasso_leads_to_more_rows_like_those_inside_and_to_pins(server, visit):
    """What is found is ringed on the map, and including all of it changes the count by what was not in."""
    app = Screen(visit(server.link(judge="accuracy", min="4.5", count="10"))).settle()
    app.draw("Lasso", [(150, 120), (300, 120), (300, 260), (150, 260), (150, 125)])
    app.page.get_by_role("button", name="More like these").click()
    app.page.get_by_text("picked on the map").first.wait_for()
    app.page.get_by_text("1 to 10 of 50 rows found").wait_for()
    app.settle()
    assert app.state("map.move.found.reduce((sum, one) => sum + one, 0)") == 50
    app.page.get_by_role("button", name="Include all").click()
    app.page.get_by_text("50 of them selected").wait_for()
    app.settle()
    pinned = Project.open(SAMPLE, home=server.home).pins
    assert len(pinned.include) == 50
    assert whole(app.figure("Selected")) == 50, "pinned rows take the places of the others"
    app.tab("Selected")
    app.page.get_by_text("in order of choice").wait_for()
    app.settle()
    assert app.state("map.move.found") is None, "the rings belong to the Find tab"
