"""What a person does while the server's answer is still on its way, as on a slow line."""

from __future__ import annotations

import time

import pytest
from winnow_app import THRESHOLD, Screen

pytestmark = pytest.mark.browser

VIEW = {"judge": "accuracy", "min": "4.5", "count": "60"}


class Line:
    """What passes between a page and the server; while it is held, nothing arrives that the server says."""

    def __init__(self, page) -> None:
        self.page, self._held, self._is_held, self._loses = page, [], False, False
        page.route_web_socket(lambda address: True, self._connect)

    def _connect(self, browser) -> None:
        def pass_on(message) -> None:
            if self._is_held:
                self._held.append((browser, message))
            else:
                browser.send(message)

        def pass_back(message) -> None:
            if self._loses:
                self._loses = False
            else:
                server.send(message)

        server = browser.connect_to_server()
        server.on_message(pass_on)
        browser.on_message(pass_back)

    def lose_next(self) -> None:
        """The next thing that the browser says is lost."""
        self._loses = True

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
    box.wait_for(state="hidden")


def test_the_form_of_a_scene_closes_for_who_goes_on_at_once(open_line, project):
    """The scene is saved once, and its form does not stay open over the map."""
    app, line = open_line(**VIEW)
    app.settle().button("Save as scene").click()
    save = app.page.locator(".st-key-save_it button")
    save.wait_for()
    app.settle()
    press_and_move(app, line, save.click)
    app.page.get_by_test_id("stToast").filter(has_text="Saved as").wait_for()
    save.wait_for(state="hidden")
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
    keys = page.locator(".wk-keys")
    keys.wait_for()
    app.visit.settle()
    seen = keys.get_attribute("aria-label").removeprefix("Row ")
    line.hold()
    page.keyboard.press("4")
    line.wait_for_words(0)
    page.keyboard.press("k")
    page.keyboard.press("k")
    line.release()
    end = time.monotonic() + 30
    while len(project.ratings()) < 2 and time.monotonic() < end:
        page.wait_for_timeout(100)
    app.visit.settle()
    rated = [(each.row, each.score, each.keep) for each in project.ratings()]
    assert rated == [(seen, 4, None), (seen, None, True)]
    page.locator("p", has_text="Judges are hidden until you have rated.").wait_for()
    page.locator(f".wk-keys:not([aria-label='Row {seen}'])").wait_for()


def test_a_press_that_is_lost_is_sent_again_and_counts_once(open_line, project):
    """The server never heard of the first; it hears of the second twice."""
    app, line = open_line("review", **VIEW)
    page = app.page
    page.get_by_label("Your name").fill("Bob")
    page.keyboard.press("Enter")
    keys = page.locator(".wk-keys")
    keys.wait_for()
    app.visit.settle()
    seen = keys.get_attribute("aria-label").removeprefix("Row ")
    line.lose_next()
    keys.get_by_role("button", name="Drop").click()
    page.locator(".wk-keys [aria-pressed=true]", has_text="Drop").wait_for()
    line.hold()
    keys.get_by_role("button", name="2", exact=True).click()
    said = line.wait_for_words(0)
    line.wait_for_words(said)  # the same press, sent again
    line.release()
    page.locator(".wk-keys [aria-pressed=true]", has_text="2").wait_for()
    app.visit.settle()
    rated = [(each.row, each.score, each.keep) for each in project.ratings() if each.person == "Bob"]
    assert rated == [(seen, None, False), (seen, 2, None)]


def test_a_key_pins_the_row_of_the_queue_that_is_seen(open_line, project):
    """In the drawer too, where the focus is on none of its buttons; the arrows turn the rows."""
    app, line = open_line(**VIEW)
    app.settle().tab("Just below")
    app.page.locator(".st-key-border_queue button").click()
    keys = app.page.get_by_role("dialog").locator(".wk-keys")
    keys.wait_for()
    app.visit.settle()
    seen = keys.get_attribute("aria-label").removeprefix("Row ")
    line.hold()
    app.page.keyboard.press("e")
    line.wait_for_words(0)
    app.page.keyboard.press("e")
    line.release()
    app.page.get_by_text("2 of 40: 1 excluded").wait_for()
    app.visit.settle()
    assert project.pins.exclude == {seen}
    app.page.keyboard.press("ArrowLeft")
    app.page.get_by_text(f"Row {seen}, now excluded").wait_for()


def test_a_page_that_was_asked_for_comes_where_the_wish_was_lost(open_line):
    """As where a part of the old page asks for news at the same moment; the person has done all they can."""
    app, line = open_line(**VIEW)
    app.settle()
    for page in ("Compare", "Explore"):
        line.lose_next()
        app.go_to(page)
        app.page.wait_for_function(
            "(path) => location.pathname === path", arg="/compare" if page == "Compare" else "/"
        )
        app.visit.settle()


def test_a_link_on_a_page_is_followed_where_the_wish_was_lost(open_line):
    """Also the one to the first page, which names no address."""
    app, line = open_line("health", **VIEW)
    app.page.get_by_text("Nothing found:").wait_for()
    app.visit.settle()
    line.lose_next()
    app.page.get_by_test_id("stMain").get_by_role("link", name="Open the map").click()
    app.page.wait_for_function("() => location.pathname === '/'")
    app.settle()


def test_who_does_something_else_is_not_taken_to_another_page(open_line):
    """Whoever moves a thumb after a wish that was lost stays where they are."""
    app, line = open_line(**VIEW)
    app.settle()
    line.lose_next()
    app.go_to("Compare")
    app.slider(THRESHOLD).focus()
    app.page.keyboard.press("ArrowLeft")
    app.wait_for_link(min=4)
    app.page.wait_for_timeout(3_000)
    assert app.settle().link()["min"] == "4"
    assert "/compare" not in app.page.url
