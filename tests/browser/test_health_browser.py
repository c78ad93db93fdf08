"""The Health page in a real browser: a pair is looked at, the duplicate goes, and comes back."""

from __future__ import annotations

import json

import pytest
from winnow_app import SAMPLE, Server

from core import Project

pytestmark = pytest.mark.browser

OUTSIDE = """() => [...document.querySelectorAll("[data-testid='stMain'] :is(button, p, mark)")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.textContent)"""


@pytest.fixture
def server(tmp_path):
    """A server on a file of the sample's first 40 rows and one changed copy; its map is stored."""
    rows = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()[:40]]
    name = "output" if "output" in rows[0] else "response"
    hostile = "<img src=x onerror=document.title='run'>"
    rows.append({**rows[4], "id": "copy", name: f"{rows[4][name]} {hostile}"})
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    Project.open(path, home=tmp_path / "home").build()
    one = Server(tmp_path / "home", tmp_path / "log.txt", data=tmp_path).start()
    yield one, path
    one.stop()


def test_a_duplicate_goes_and_comes_back(server, visit):
    """The whole page follows a decision in its part; what differs is marked, and no text is run."""
    running, path = server
    visited = visit(f"{running.address}/health?data={path}")
    page = visited.page
    page.get_by_text("Same prompt, other answers", exact=True).first.click()
    page.locator(".st-key-take_duplicates").get_by_text("Take out 1 row").wait_for()
    marked = page.locator("mark")
    marked.first.wait_for()
    assert "<img" in "".join(marked.all_inner_texts())
    assert page.title() != "run"
    for width, height in ((1440, 900), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(OUTSIDE) == [], (width, height)
    page.locator(".st-key-take_duplicates button").click()
    page.get_by_text("No map of 40 rows yet").wait_for()
    page.get_by_text("1 taken out").wait_for()
    page.locator(".st-key-undo_removal button").click()
    page.get_by_text("No map of 40 rows yet").wait_for(state="detached")
    page.locator(".st-key-take_duplicates").get_by_text("Take out 1 row").wait_for()
    assert visited.errors == []
