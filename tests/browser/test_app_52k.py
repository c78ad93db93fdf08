"""The app with the real 52,002 rows: every count is that of polars, and a move costs kilobytes."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl
import pytest
from real_rows import FILE
from winnow_app import COUNT, FIND, THRESHOLD, Screen, Server, whole

if TYPE_CHECKING:
    from conftest import Visit

log = logging.getLogger(__name__)

JUDGE = "judge_gpt4omini"
MOST_BYTES = 12_288  # received for one move of a thumb, its order being there
MOVES = ((3, 1_000), (2, 9_229))  # threshold and count

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(not FILE.exists(), reason="The real rows are not here: ../shared/data is absent."),
]


@pytest.fixture(scope="module")
def scores() -> pl.Series:
    """The judge's scores."""
    with gzip.open(FILE) as file:
        return pl.read_ndjson(file.read())[JUDGE]


@pytest.fixture(scope="module")
def server(real_home, tmp_path_factory):
    """The app with the map of these rows."""
    one = Server(real_home, tmp_path_factory.mktemp("real") / "log.txt", data=FILE.parent).start()
    yield one
    one.stop()


@pytest.fixture
def open_app(visit: Callable[..., Visit], server: Server) -> Callable[..., Screen]:
    """Open the rows at a view and wait until everything is computed."""

    def go(**view: object) -> Screen:
        return Screen(visit(server.link(data=FILE, judge=JUDGE, **view))).settle(120)

    return go


def eligible(scores: pl.Series, threshold: float) -> int:
    """How many rows are at or above a threshold."""
    return int((scores >= threshold).sum())


def received(app: Screen, act: Callable[[], None]) -> int:
    """Bytes that one move brings, until nothing more comes."""
    app.page.wait_for_timeout(600)
    app.visit.traffic.clear()
    act()
    app.page.wait_for_timeout(1_200)
    app.settle()
    return sum(app.visit.traffic.received)


def test_both_thumbs_show_what_polars_counts(open_app, scores):
    """While they are dragged and after, in the rail and in the figures."""
    app = open_app(min="3", count="1000")
    x, y, step = app.grab(THRESHOLD)
    for steps in (1, 2, 1):
        app.page.mouse.move(x - steps * step, y)
        assert app.rail()[0] == eligible(scores, 3 - steps)
    app.page.mouse.move(x + step, y)
    app.page.mouse.up()
    app.settle(120)
    rows = eligible(scores, 4)
    assert app.rail() == (rows, 1_000, rows)
    assert (whole(app.figure("Eligible")), whole(app.figure("Selected"))) == (rows, 1_000)
    app.press(THRESHOLD, "ArrowLeft")
    rows = eligible(scores, 3)
    x, y, step = app.grab(COUNT)
    app.page.mouse.move(x + 3 * step, y)
    shown = app.rail()[1]
    assert 1_000 < shown < rows
    app.page.mouse.up()
    app.settle(120)
    assert app.rail() == (rows, shown, rows)
    assert whole(app.figure("Selected")) == shown
    app.press(COUNT, "ArrowRight", "ArrowRight", "ArrowLeft")
    assert whole(app.figure("Selected")) == app.rail()[1] > shown


@pytest.mark.parametrize(("threshold", "count"), MOVES)
def test_a_move_brings_kilobytes_once_its_order_is_there(open_app, scores, threshold, count):
    """Both thumbs, by keys and by mouse: at most 12,288 bytes a move over the websocket."""
    app = open_app(min=threshold, count=count)
    app.press(THRESHOLD, "ArrowLeft")
    app.press(THRESHOLD, "ArrowRight")
    bytes_of = {
        "threshold down": received(app, lambda: app.press(THRESHOLD, "ArrowLeft")),
        "threshold up": received(app, lambda: app.press(THRESHOLD, "ArrowRight")),
        "count up": received(app, lambda: app.press(COUNT, "ArrowRight")),
        "count down": received(app, lambda: app.press(COUNT, "ArrowLeft")),
        "threshold by mouse": received(app, lambda: app.drag(THRESHOLD, -1)),
    }
    log.info("bytes at %s rows: %s", count, bytes_of)
    assert whole(app.figure("Eligible")) == eligible(scores, threshold - 1)
    assert max(bytes_of.values()) <= MOST_BYTES, bytes_of
    assert min(bytes_of.values()) > 500, "the moves were answered"


def test_a_zoomed_map_stays_where_it_is(open_app):
    """A new threshold and a new count are drawn into the view that is there."""
    app = open_app(min="4", count="1000")
    app.page.locator(".wn-stage").focus()
    unit = app.state("map.view.unit")
    for _ in range(4):
        app.page.keyboard.press("+")
    app.page.wait_for_function(f"() => {{ {FIND} return map.view.unit < {unit} * 0.7; }}")
    view = app.state("map.view")
    app.press(THRESHOLD, "ArrowLeft")
    app.press(COUNT, "ArrowRight")
    assert app.state("map.view") == view


def test_an_opened_row_stays_open_while_an_order_is_computed(open_app):
    """The page runs again when the work is done; what a person reads stays."""
    app = open_app(min="4", count="1000")
    app.slider(THRESHOLD).focus()
    app.page.keyboard.press("Home")
    app.page.mouse.click(*app.pixel(300))
    drawer = app.page.get_by_role("dialog")
    drawer.wait_for()
    app.settle(120)
    app.page.wait_for_timeout(1_500)
    assert drawer.is_visible()
    app.page.keyboard.press("Escape")
    drawer.wait_for(state="detached")
