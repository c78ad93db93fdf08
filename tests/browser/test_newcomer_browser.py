"""A newcomer's way from Load over Health to the map, and to rows like pasted examples."""

from __future__ import annotations

import pytest
from winnow_app import Screen

pytestmark = pytest.mark.browser
HEADINGS = ["Rows", "Lengths and languages", "Scores"]


def test_each_page_leads_to_the_next_and_pasting_does_not_cover_what_it_finds(server, visit):
    """Load shows its parts in sequence, Health leads on to the map, and the box of examples closes by itself."""
    one = visit(f"{server.address}/load", width=1024, height=768)
    page, main = one.page, one.page.get_by_test_id("stMain")
    main.get_by_role("heading", name="Scores", exact=True).wait_for()
    headings = main.locator("h4").all_inner_texts()
    assert [each for each in headings if each in HEADINGS] == HEADINGS
    main.get_by_role("link", name="Health of the rows").click()
    main.get_by_role("heading", name="Checks of texts").wait_for()
    main.get_by_role("link", name="Open the map").click()
    app = Screen(one).settle()
    app.tab("Find")
    page.locator(".st-key-find_by").get_by_role("radio", name="Examples").click()
    page.get_by_role("button", name="Paste examples").click()
    page.locator(".st-key-pasted_examples textarea").fill("Bake a loaf of rye bread")
    page.get_by_role("button", name="Use these").click()
    page.locator(".st-key-pasted_examples").wait_for(state="hidden")
    page.get_by_text("Examples: 1 example pasted").wait_for()
