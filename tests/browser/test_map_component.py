"""The map in a real browser: hands on the thumbs, checked against numpy; reloads, tabs and its end."""

from __future__ import annotations

import time
from collections.abc import Callable

import map_playground
import numpy as np
import pytest
from map_screen import COUNT, LEVELS, THRESHOLD, Map, rows_text

pytestmark = pytest.mark.browser


# --- thumbs ------------------------------------------------------------------------------------------


def test_the_map_opens_with_the_selection_that_numpy_makes(open_map: Callable[..., Map]) -> None:
    """What is drawn as chosen, and the count beside the slider, in one WebGL figure."""
    app = open_map(52_002)
    assert app.text(".wn-line") == f"score ≥ 4 · {rows_text(int((app.scores >= 4).sum()))}"
    assert app.drawn() == app.places(app.top(4, 1_000))
    assert app.state("map.parts.plot.querySelectorAll('canvas').length") <= 3, "one WebGL figure"


def test_the_threshold_follows_the_mouse_before_python_answers(open_map: Callable[..., Map]) -> None:
    """While the thumb moves the browser counts and recolours by itself; when it is let go Python agrees."""
    app = open_map(52_002)
    runs = int(app.server()["runs"])
    x, y, step = app.grab(THRESHOLD)
    for i, level in enumerate(LEVELS[4:6][::-1]):
        app.page.mouse.move(x - (i + 1) * step, y)
        eligible = int((app.scores >= level).sum())
        assert app.text(".wn-line") == f"score ≥ {level:g} · {rows_text(eligible)}"
        app.frame()
        assert app.drawn() == app.places(app.top(level, 1_000)), "top score does not change as the pool grows"
    app.page.mouse.move(x + 2 * step, y)
    app.page.mouse.up()
    app.settle()
    assert app.drawn() == app.places(app.top(5, 1_000))
    server = app.server()
    assert (server["threshold"], server["eligible"]) == ("5", str(int((app.scores >= 5).sum())))
    assert int(server["runs"]) > runs


def test_the_count_follows_the_mouse_before_python_answers(open_map: Callable[..., Map]) -> None:
    """Rows come and go in their order, up and down, inside the window that the browser holds."""
    app = open_map(52_002)
    x, y, step = app.grab(COUNT)
    for steps in (1, 3, 6, -4):
        app.page.mouse.move(x + steps * step, y)
        count = app.state("map.count")
        assert count != 1_000
        app.frame()
        assert app.text(".wn-line >> nth=1") == f"{count:,} of 32,370 eligible"
        assert app.drawn() == app.places(app.top(4, count))
    app.page.mouse.up()
    app.settle()
    assert app.server()["count"] == str(app.state("map.count"))


def test_beyond_the_window_python_completes_the_selection(open_map: Callable[..., Map]) -> None:
    """A long drag leaves what the browser knows; the answer brings the rest."""
    app = open_map(52_002)
    x, y, step = app.grab(COUNT)
    app.page.mouse.move(x + 130 * step, y)
    app.page.mouse.up()
    app.settle()
    count = app.state("map.count")
    assert count > 10_000
    assert app.drawn() == app.places(app.top(4, count))


def test_while_an_order_is_computed_the_last_selection_stays(open_map: Callable[..., Map]) -> None:
    """What is still eligible of it is shown, with words that the rows are being chosen."""
    app = open_map(query="&slow=1")
    assert not app.page.locator(".wn-status").is_visible()
    app.slider(THRESHOLD).focus()
    app.page.keyboard.press("End")
    app.settle()
    assert app.text(".wn-status") == "Choosing rows"
    before, eligible = app.top(4.5, 1_000), np.flatnonzero(app.scores >= 5)
    assert app.drawn() == app.places(np.intersect1d(before, eligible))
    assert app.text(".wn-line >> nth=1") == f"{len(eligible)} of {len(eligible)} eligible"
    app.again()
    assert not app.page.locator(".wn-status").is_visible()
    assert app.drawn() == app.places(app.top(5, 1_000))


def test_keys_move_both_thumbs_by_one_step(open_map: Callable[..., Map]) -> None:
    """Arrows by one, Home to the end of the track."""
    app = open_map()
    app.slider(THRESHOLD).focus()
    app.page.keyboard.press("ArrowLeft")
    app.settle()
    assert app.server()["threshold"] == "4"
    app.page.keyboard.press("Home")
    app.settle()
    assert app.server()["threshold"] == "1.5"
    app.slider(COUNT).focus()
    app.page.keyboard.press("Home")
    for _ in range(3):
        app.page.keyboard.press("ArrowRight")
    app.settle()
    assert app.server()["count"] == "4"
    assert app.drawn() == app.places(app.top(1.5, 4))


def test_uneven_levels_are_reached_one_by_one_with_keys(open_map: Callable[..., Map]) -> None:
    """A judge with many grades: no level is skipped, and rows without a score are counted."""
    app = open_map(query="&judge=2")
    fluency = app.rows.judges[map_playground.FLUENT]
    app.slider(THRESHOLD).focus()
    before = app.state("map.level")
    app.page.keyboard.press("ArrowRight")
    app.settle()
    assert app.state("map.level") == before + 1
    eligible = int((fluency >= np.float32(app.server()["threshold"]) - 1e-6).sum())
    assert app.server()["eligible"] == str(eligible)
    assert app.text(".wn-note") == f"{int(np.isnan(fluency).sum())} rows without a score, never eligible here"


def test_a_number_can_be_typed(open_map: Callable[..., Map]) -> None:
    """Taken as it is where there are so many rows; else all there are, and that is said."""
    app = open_map()
    field = app.page.get_by_label("Number of rows to select")
    field.fill("123")
    field.press("Enter")
    app.settle()
    assert app.drawn() == app.places(app.top(4.5, 123))
    field.fill("9,999")
    field.press("Enter")
    app.settle()
    eligible = int((app.scores >= 4.5).sum())
    assert app.text(".wn-line >> nth=1") == f"{eligible} of {eligible} eligible"
    assert "fewer than the 1,000 asked for" in app.page.locator(".wn-controls").inner_text()


@pytest.mark.parametrize("label", [THRESHOLD, COUNT])
def test_a_move_costs_seven_kilobytes_and_the_protocol(open_map: Callable[..., Map], label: str) -> None:
    """Received and sent, over a whole drag of either thumb."""
    app = open_map(52_002)
    runs = int(app.server()["runs"])
    app.visit.traffic.clear()
    x, y, step = app.grab(label)
    for i in range(12):
        app.page.mouse.move(x - (i % 4) * step * (1 if label == THRESHOLD else 9), y)
        app.page.wait_for_timeout(60)
    app.page.mouse.up()
    app.settle()
    moves = int(app.server()["runs"]) - runs
    assert moves >= 2
    assert max(app.visit.traffic.received) <= 7_000 + 700
    assert sum(app.visit.traffic.received) <= moves * (7_000 + 1_700)
    assert sum(app.visit.traffic.sent) <= moves * 600


@pytest.mark.alone
def test_dragging_asks_python_a_few_times_a_second_only(open_map: Callable[..., Map]) -> None:
    """However often the mouse moves."""
    app = open_map()
    runs, started = int(app.server()["runs"]), time.perf_counter()
    x, y, step = app.grab(THRESHOLD)
    for i in range(30):
        app.page.mouse.move(x - (i % 5) * step, y)
        app.page.wait_for_timeout(16)
    app.page.mouse.up()
    app.settle()
    seconds = time.perf_counter() - started
    assert 2 <= int(app.server()["runs"]) - runs <= seconds / 0.15 + 2


def test_a_threshold_set_elsewhere_moves_the_thumb(open_map: Callable[..., Map]) -> None:
    """A button of the page sets it; the thumb stands there and goes on from there."""
    app = open_map()
    app.slider(THRESHOLD).focus()
    app.page.keyboard.press("ArrowLeft")
    app.settle()
    app.page.get_by_role("button", name="Set the threshold to the highest score").click()
    app.page.wait_for_function("document.querySelector('.wn-line').textContent.includes('score ≥ 5')")
    app.settle()
    slider = app.slider(THRESHOLD)
    assert slider.evaluate("e => e.value === e.max")
    app.again()
    assert app.server()["threshold"] == "5", "an older setting of the browser does not come back"
    slider.focus()
    app.page.keyboard.press("ArrowLeft")
    app.settle()
    assert app.server()["threshold"] == "4.5"


# --- life --------------------------------------------------------------------------------------------


def test_a_reload_starts_afresh_and_works(open_map: Callable[..., Map]) -> None:
    """The view is the first one again, and the thumbs answer."""
    app = open_map()
    app.slider(COUNT).focus()
    app.page.keyboard.press("Home")
    app.settle()
    app.page.reload()
    app.settle()
    assert app.server()["count"] == "1000"
    app.slider(COUNT).focus()
    app.page.keyboard.press("Home")
    app.settle()
    assert app.server()["count"] == "1"
    assert len(app.drawn()) == 1


def test_two_tabs_do_not_mix(open_map: Callable[..., Map]) -> None:
    """Each keeps its own threshold and count."""
    one, two = open_map(), open_map(52_002)
    one.slider(COUNT).focus()
    one.page.keyboard.press("Home")
    one.settle()
    two.slider(THRESHOLD).focus()
    two.page.keyboard.press("End")
    two.settle()
    assert (one.server()["count"], one.server()["threshold"]) == ("1", "4.5")
    assert (two.server()["count"], two.server()["threshold"]) == ("1000", "5")


def test_nothing_is_left_when_the_map_is_gone(open_map: Callable[..., Map]) -> None:
    """No map, no cloud and nothing that waits; and it can come back."""
    app = open_map()
    assert app.page.evaluate("[winnowMap.maps.size, winnowMap.carriers.size, winnowMap.waiting.size]") == [
        1,
        1,
        0,
    ]
    app.page.get_by_role("button", name="Leave").click()
    app.page.wait_for_selector("text=Nothing here")
    app.page.wait_for_function("winnowMap.maps.size === 0 && winnowMap.carriers.size === 0")
    app.page.get_by_role("button", name="Come back").click()
    app.settle()
    assert app.drawn() == app.places(app.top(4.5, 1_000))
