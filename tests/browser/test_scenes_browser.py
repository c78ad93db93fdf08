"""Scenes in a real browser: saved, presented by the keys, reopened."""

from __future__ import annotations

import pytest
from winnow_app import SAMPLE, Screen, Server

from core import Project

pytestmark = pytest.mark.browser

TITLE = ".ws-slide[data-shown] h1"
# Text that is cut off, or lies outside the window.
OUTSIDE = """() => [...document.querySelectorAll(".ws-slide[data-shown] :is(h1, p, dt, dd, figcaption, img), .ws-bar button")]
  .filter((e) => { const box = e.getBoundingClientRect();
    return box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight || e.scrollWidth > e.clientWidth + 1; })
  .map((e) => e.textContent)"""


@pytest.fixture
def server(tmp_path):
    """A server with a home of its own, in which the sample's map is stored."""
    home = tmp_path / "home"
    Project.open(SAMPLE, home=home).build()
    one = Server(home, tmp_path / "log.txt").start()
    yield one
    one.stop()


def save(app: Screen, name: str, note: str) -> None:
    """Save what Explore shows; Enter in the name is enough, once the form is there whole with its button."""
    app.button("Save as scene").click()
    app.page.locator(".st-key-save_it button").wait_for()
    app.page.get_by_label("Note").fill(note)
    app.page.get_by_label("Name", exact=True).fill(name)
    app.page.get_by_label("Name", exact=True).press("Enter")
    app.page.get_by_test_id("stToast").filter(has_text=name).wait_for()
    app.settle()


def test_two_scenes_are_saved_presented_and_the_first_is_reopened(server, visit):
    """Arrow keys step and stop at the ends, Escape leaves, and Open brings threshold and count back."""
    app = Screen(visit(server.link(judge="accuracy", min="4.5", count="60"))).settle()
    save(app, "Best of all", "A note")
    app.type_count(25)
    long = "A name that is as long as a name may be, so that it needs lines of its own, many"
    save(app, long, "word " * 390)
    app.go_to("Scenes")
    page = app.page
    page.locator(".st-key-present").get_by_role("button").click()

    def shows(name: str, place: str) -> None:
        page.locator(TITLE).filter(has_text=name).wait_for()
        assert page.locator(".ws-count").inner_text() == place

    shows("Best of all", "1 of 2")
    assert page.locator(".ws-slide[data-shown] .ws-decisions").inner_text() == (
        "60 of 1,008 rows: k-center among rows with accuracy of 4.5 or more."
    )
    for key, name, place in (
        ("ArrowLeft", "Best of all", "1 of 2"),
        ("ArrowRight", long, "2 of 2"),
        ("ArrowRight", long, "2 of 2"),
        ("Home", "Best of all", "1 of 2"),
        (" ", long, "2 of 2"),
        ("PageUp", "Best of all", "1 of 2"),
        ("End", long, "2 of 2"),
    ):
        page.keyboard.press(key)
        shows(name, place)
    for width, height in ((1920, 1080), (1440, 900), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(OUTSIDE) == [], (width, height)
    page.reload()
    shows(long, "2 of 2")
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("document.fullscreenElement")
    assert page.evaluate(
        "document.elementFromPoint(innerWidth / 3, innerHeight / 3).closest('dialog') !== null"
    )
    page.get_by_role("button", name="Exit full screen").click()
    page.wait_for_function("!document.fullscreenElement")
    page.keyboard.press("Escape")
    page.locator(".st-key-open_0").get_by_role("button").click()
    app.settle()
    assert (app.rail()[1], app.figure("Selected")) == (60, "60")
    app.wait_for_link(min="4.5", count="60")
