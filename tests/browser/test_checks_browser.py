"""The checks on the Health page, in a real browser: read what was seen, take rows out, find evaluation prompts."""

from __future__ import annotations

import pytest
from small_project import write
from winnow_app import IDLE, Screen, Server

pytestmark = pytest.mark.browser

ROWS = [
    ("Name a harbour.", "Lisbon has one, on the Tagus."),
    ("Name a ship.", "I'm sorry, but I can't assist with that. <script>document.title = 'gone'</script>"),
    ("Write to Ana.", "Her address is ana.sousa77@harbour.pt, and it is hers alone."),
    (
        "Which of the harbours of the western coast was the first to be closed by the storm?",
        "Leixões was, they say.",
    ),
]


def test_checks_show_what_they_saw_and_take_rows_out(tmp_path, visit):
    """Opened, a check marks the phrase as text; its button takes the row out; an evaluation prompt is found."""
    records = [{"instruction": prompt, "input": "", "output": response} for prompt, response in ROWS]
    file = write(tmp_path / "ships.jsonl", records)
    server = Server(tmp_path / "home", tmp_path / "log.txt").start()
    try:
        page = Screen(visit(server.link("health", data=str(file)))).page
        line = page.locator(".st-key-check_line_refusal")
        line.locator("summary").click()
        line.locator("mark").wait_for()
        assert line.locator("mark").inner_text().startswith("I'm sorry, but I can't assist")
        assert "<script>" in line.inner_text()
        assert page.title() != "gone"

        private = page.locator(".st-key-check_line_email")
        private.locator("summary").click()
        private.locator("mark").wait_for()
        assert "sousa77" not in page.locator("body").inner_text()

        line.get_by_role("button", name="Take out 1 row").click()
        line.locator("summary").get_by_text("1 taken out").wait_for()

        page.locator(IDLE).wait_for()
        page.locator(".st-key-leak_text textarea").fill(ROWS[3][0].upper())
        page.locator(".st-key-leak_text textarea").press("Control+Enter")
        page.locator(".leak-table mark").wait_for()
        assert page.locator(".leak-table tr").count() == 2
        page.locator(".st-key-take_leakage button").click()
        page.locator(".st-key-take_leakage").get_by_text("Taken out").wait_for()
    finally:
        server.stop()
