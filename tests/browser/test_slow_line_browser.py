"""What a person does while the server's answer is still on its way, as on a slow line."""

from __future__ import annotations

import pytest
from winnow_app import THRESHOLD, Screen

pytestmark = pytest.mark.browser

VIEW = {"judge": "accuracy", "min": "4.5", "count": "60"}


class Line:
    """What the server says to a page; while it is held, nothing of it arrives."""

    def __init__(self, page) -> None:
        self.page, self._held, self._is_held = page, [], False
        page.route_web_socket(lambda address: True, self._connect)

    def _connect(self, browser) -> None:
        def pass_on(message) -> None:
            if self._is_held:
                self._held.append((browser, message))
            else:
                browser.send(message)

        browser.connect_to_server().on_message(pass_on)

    def hold(self) -> None:
        """From now on nothing arrives."""
        self._is_held = True

    def wait_for_words(self, before: int) -> int:
        """Wait until the server has said more than so much and then is silent; how much it has said."""
        said = before
        while said == before or len(self._held) > said:
            said = len(self._held)
            self.page.wait_for_timeout(500)
        return said

    def release(self) -> None:
        """All that was held arrives at once."""
        self._is_held = False
        for browser, message in self._held:
            browser.send(message)
        self._held.clear()


@pytest.fixture
def open_line(server, visit):
    """Open a page whose line can be held."""

    def go(page: str = "", **view: str) -> tuple[Screen, Line]:
        shown = visit(server.link("nowhere"))
        line = Line(shown.page)
        shown.page.goto(server.link(page, **view))
        return Screen(shown), line

    return go


def press_and_move(app: Screen, line: Line, press) -> None:
    """Press a button, and move a thumb before the answer arrives."""
    line.hold()
    press()
    said = line.wait_for_words(0)
    app.slider(THRESHOLD).focus()
    app.page.keyboard.press("ArrowLeft")
    line.wait_for_words(said)
    line.release()


def test_the_box_of_pasted_examples_closes_for_who_goes_on_at_once(open_line):
    """A thumb that moves before the answer is there does not open it again over the rows."""
    app, line = open_line(**VIEW)
    page = app.settle().page
    app.tab("Find")
    page.locator(".st-key-find_by").get_by_role("radio", name="Examples").click()
    page.get_by_role("button", name="Paste examples").click()
    box = page.locator(".st-key-pasted_examples")
    box.locator("textarea").fill("Bake a loaf of rye bread")
    box.locator("textarea").blur()
    app.settle()
    press_and_move(app, line, page.get_by_role("button", name="Use these").click)
    page.get_by_text("Examples: 1 example pasted").wait_for()
    box.wait_for(state="hidden", timeout=30_000)


def test_the_form_of_a_scene_closes_for_who_goes_on_at_once(open_line, project):
    """The scene is saved once, and its form does not stay open over the map."""
    app, line = open_line(**VIEW)
    app.settle().button("Save as scene").click()
    save = app.page.locator(".st-key-save_it button")
    save.wait_for()
    app.settle()
    press_and_move(app, line, save.click)
    app.page.get_by_test_id("stToast").filter(has_text="Saved as").wait_for()
    save.wait_for(state="hidden", timeout=30_000)
    assert len(project.scenes()) == 1


def test_a_key_means_the_row_on_the_screen(open_line, project):
    """A second key before the next row has arrived says something of the row that is seen, not of that one."""
    app, line = open_line("review", **VIEW)
    page = app.page
    page.get_by_label("Your name").fill("Ann")
    page.keyboard.press("Enter")
    page.get_by_text("Options").click()
    page.get_by_text("Show the judges after each rating").click()
    page.get_by_role("heading", name="Review rows by eye").click()
    page.get_by_text("done. Ann").wait_for()
    app.visit.settle()
    seen = page.locator("p", has_text="Judges are hidden until you have rated.").inner_text()
    line.hold()
    page.keyboard.press("4")
    said = line.wait_for_words(0)
    page.keyboard.press("k")
    line.wait_for_words(said)
    line.release()
    page.get_by_text("done. Ann, in all: 1 row rated: 1 kept, 0 dropped.").wait_for()
    rated = [(each.row, each.score, each.keep) for each in project.ratings()]
    row = seen.removeprefix("Row ").split(" · ")[0]
    assert rated == [(row, 4, None), (row, None, True)]
