"""What draws the boxes arrives late, as on a slow line: after the page has run a second time."""

from __future__ import annotations

import re

import pytest
from winnow_app import COUNT, IDLE, SAMPLE, Screen, Server, hold

from core import Project

pytestmark = pytest.mark.browser

BOXES = re.compile(r"static/js/(Selectbox|NumberInput|TextArea)\.[^/]*\.js")
STYLES = re.compile(r"static/js/Html\.[^/]*\.js")
COMPONENTS = re.compile(r"static/js/BidiComponent\.[^/]*\.js")


@pytest.fixture
def home(tmp_path):
    """A home with the map of the sample."""
    one = tmp_path / "home"
    Project.open(SAMPLE, home=one).build()
    return one


@pytest.fixture
def server(home, tmp_path):
    """A server of that home alone."""
    one = Server(home, tmp_path / "log.txt").start()
    yield one
    one.stop()


def wait_until_quiet(visit) -> None:
    """Wait until the server has answered and says no more."""
    before = 0
    while not before or len(visit.traffic.received) > before:
        before = len(visit.traffic.received)
        visit.page.wait_for_timeout(500)


@pytest.fixture
def open_late(server, visit):
    """Open a page of which no box is drawn until it has run twice; ``key``: of one of them."""

    def go(title: str, key: str, **view: str) -> Screen:
        shown = visit(server.link("nowhere"))
        release = hold(shown.page, BOXES)
        shown.page.goto(server.link("" if title == "Explore" else title.lower(), **view))
        box = shown.page.locator(f".st-key-{key}")
        box.get_by_test_id("stSkeleton").wait_for()
        shown.page.wait_for_selector(IDLE)  # not settled: what draws the boxes is held back
        shown.traffic.clear()
        Screen(shown).go_to(title)  # where one is already: the page runs again
        wait_until_quiet(shown)
        assert box.get_by_test_id("stSkeleton").count(), "the box was drawn in time: this test shows nothing"
        release()
        box.locator("input, textarea").wait_for()
        return Screen(shown)

    return go


def test_a_link_is_what_the_boxes_show_and_what_the_first_move_keeps(open_late):
    """Judge, strategy, seed and limits of a link are those on the screen, and stay when a thumb moves."""
    link = {"judge": "helpfulness", "min": "4", "count": "100", "strategy": "top-score", "seed": "7"}
    app = open_late("Explore", "judge", **link, tokens="500000")
    app.settle()
    boxes = {name: app.page.locator(f".st-key-{name} input") for name in ("judge", "strategy", "seed")}
    shown = {"judge": "helpfulness", "strategy": "Top score", "seed": "7"}
    assert {name: box.input_value() for name, box in boxes.items()} == shown
    assert app.page.locator(".st-key-max_tokens input").input_value() == "500000"
    app.drag(COUNT, 4)
    count = app.rail()[1]
    assert count > 100
    app.wait_for_link(**{**link, "count": count}, tokens="500000")


def test_what_was_written_for_the_export_is_not_emptied(open_late, home):
    """The reasons and the licence that a dataset has stay when another box of the page is used."""
    project = Project.open(SAMPLE, home=home)
    project.note_why("To teach brevity.")
    project.name_licence("cc-by-4.0")
    app = open_late("Export", "why", judge="accuracy", min="4.5", count="60", strategy="random")
    page = app.page
    assert page.locator(".st-key-why textarea").input_value() == "To teach brevity."
    assert page.locator(".st-key-licence input").input_value() == "cc-by-4.0"
    page.get_by_text("Everything", exact=True).click()
    page.get_by_text("With the report", exact=True).wait_for()
    again = Project.open(SAMPLE, home=home)
    assert (again.why, again.licence) == ("To teach brevity.", "cc-by-4.0")


def test_what_begins_a_page_takes_no_room_before_its_script_is_there(server, visit):
    """Or the map below it would move when it comes, and a click would meet another point."""
    page = visit(server.link("nowhere")).page
    release = hold(page, COMPONENTS)
    page.goto(server.link(judge="accuracy"))
    page.locator(".st-key-figures").wait_for()
    page.wait_for_function(
        "() => getComputedStyle(document.querySelector('.st-key-frame')).display === 'none'"
    )
    release()
    page.locator(".wn-stage").wait_for()
    assert not page.locator(".st-key-frame").is_visible()


@pytest.mark.parametrize(("title", "aimed_at"), [("", ".wn-stage"), ("review", ".wk-keys")])
def test_what_a_person_aims_at_is_not_seen_before_the_style_that_moves_it(server, visit, title, aimed_at):
    """A click that was on its way when the style came would meet another point, or another row's button."""
    page = visit(server.link("nowhere")).page
    release = hold(page, STYLES)
    with page.expect_request(STYLES):
        page.goto(server.link(title, judge="accuracy", min="4.5", count="60"))
    if title == "review":
        page.get_by_label("Your name").fill("Ann")
        page.keyboard.press("Enter")
    aim = page.locator(aimed_at)
    aim.wait_for(state="attached")
    page.get_by_test_id("stMain").get_by_test_id("stSkeleton").first.wait_for(state="detached")
    before = aim.bounding_box()
    assert not aim.is_visible()
    release()
    aim.wait_for()
    assert aim.bounding_box()["y"] < before["y"], "the style moved nothing: this test shows nothing"
