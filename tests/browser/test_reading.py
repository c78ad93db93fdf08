"""A file of no known shape in a real browser: columns are chosen, rows are seen, and a reload keeps both."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from winnow_app import Server

pytestmark = pytest.mark.browser


def test_columns_are_chosen_in_the_browser_and_a_reload_keeps_them(tmp_path, visit):
    """Two boxes, the rows as a conversation beside them, one button; the address then opens the same."""
    data = tmp_path / "data"
    data.mkdir()
    rows = [{"ask": f"Name fruit {k}.", "reply": f"<b>Apple</b> **{k}**", "score": k} for k in range(6)]
    (data / "odd.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    server = Server(tmp_path / "home", tmp_path / "log.txt", data=data).start()
    try:
        page = visit(f"{server.address}/load?{urlencode({'data': data / 'odd.jsonl'})}").page
        page.get_by_text("This dataset cannot be opened").wait_for()
        button = page.get_by_role("button", name="Read the file this way")
        assert button.is_disabled()
        for role, column in (("instruction", "ask"), ("output", "reply")):
            box = page.get_by_role("combobox", name=role, exact=False).first
            box.evaluate("box => box.scrollIntoView({block: 'center'})")  # as a person does first
            page.wait_for_timeout(300)
            box.click()
            page.get_by_role("option", name=column, exact=True).click()
            page.get_by_text("This dataset cannot be opened").click()  # closes the list
        page.get_by_text("<b>Apple</b> **0**", exact=True).wait_for()
        button.click()
        page.get_by_text("As chosen here").wait_for()
        page.wait_for_function("location.search.includes('shape=')")  # the page writes its link last
        shape = parse_qs(urlsplit(page.url).query)["shape"]
        assert shape == ["schema=alpaca&instruction=ask&output=reply"]
        page.reload()
        page.get_by_text("As chosen here").wait_for()
        assert page.get_by_test_id("stMetricValue").first.inner_text() == "6"
    finally:
        server.stop()
