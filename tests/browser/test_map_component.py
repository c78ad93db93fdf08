"""The map in a real browser: hands on the thumbs and on the points, checked against numpy."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import map_playground
import numpy as np
import pytest
from numpy.typing import NDArray

from pages.ui.map import quantise

if TYPE_CHECKING:
    from conftest import Visit
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

THRESHOLD, COUNT = "Threshold", "Rows to select"
LEVELS = [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
FIND = "const map = [...globalThis.winnowMap.maps.values()][0];"
SETTLED = f"""() => {{
  if (!globalThis.winnowMap?.maps?.size) return false;
  {FIND}
  return map.move && map.Plotly && map.parts.plot.data && !map.frame && !map.timer && !map.dirty
    && map.answered >= map.seq && !map.queue.length && !map.inFlight;
}}"""
# What plotly holds, not what the component believes: the coordinates of the chosen points.
DRAWN = f"""() => {{
  {FIND}
  const {{ data }} = map.parts.plot;
  const chosen = data.slice((data.length + 1) / 2);
  return chosen.flatMap((trace) => Array.from(trace.x, (x, i) => [x, trace.y[i]]));
}}"""


class Map:
    """A page with the map, and the words for what a person does to it."""

    def __init__(self, visit: Visit, n: int) -> None:
        self.visit, self.page, self.n = visit, visit.page, n
        self.rows = map_playground.make_rows(n)
        self.packed = quantise(self.rows.coords).astype(int)
        self.scores = self.rows.judges[map_playground.HELPFUL]
        self.settle()

    def settle(self) -> None:
        """Wait until Python has answered the newest settings and the frame is drawn."""
        self.page.wait_for_function(SETTLED)
        self.visit.settle()

    def state(self, expression: str) -> Any:
        """What the component believes."""
        return self.page.evaluate(f"() => {{ {FIND} return {expression}; }}")

    def server(self) -> dict[str, str]:
        """What the script holds, as it prints it."""
        return dict(re.findall(r"(\w+)=(\S+)", self.page.get_by_test_id("stText").first.inner_text()))

    def until(self, name: str, value: object) -> None:
        """Wait until the script prints a value."""
        self.page.wait_for_function(
            "(text) => document.querySelector('[data-testid=stText]').innerText.includes(text)",
            arg=f"{name}={value} ",
        )

    def again(self) -> None:
        """Run the whole page once more."""
        runs = int(self.server()["runs"])
        self.page.get_by_role("button", name="Run again").click()
        self.until("runs", runs + 1)
        self.settle()

    def drawn(self) -> set[tuple[int, int]]:
        """Places of the points in the traces of chosen rows."""
        return {(int(x), int(y)) for x, y in self.page.evaluate(DRAWN)}

    def places(self, rows: NDArray[np.int64]) -> set[tuple[int, int]]:
        """Where rows lie, in packed units."""
        return {(int(x), int(y)) for x, y in self.packed[rows]}

    def top(self, threshold: float, count: int) -> NDArray[np.int64]:
        """The rows with the highest scores, by position where they tie."""
        eligible = np.flatnonzero(self.scores >= threshold)
        return eligible[np.argsort(-self.scores[eligible], kind="stable")][:count]

    def slider(self, label: str) -> Any:
        """A range input."""
        return self.page.get_by_label(label, exact=True)

    def grab(self, label: str) -> tuple[float, float, float]:
        """Press on the thumb; gives its place and the length of a step."""
        slider = self.slider(label)
        box = slider.bounding_box()
        at, last = slider.evaluate("e => [Number(e.value), Number(e.max)]")
        step = (box["width"] - 16) / last
        x, y = box["x"] + 8 + at * step, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        return x, y, step

    def frame(self) -> None:
        """Let the frame that an input asked for be drawn."""
        self.page.wait_for_function(f"() => {{ {FIND} return !map.frame; }}")

    def text(self, selector: str) -> str:
        """The text of the first that matches."""
        return str(self.page.locator(selector).first.inner_text())

    def pixel(self, row: int) -> tuple[float, float]:
        """Where a row is on the page."""
        left, top = self.page.evaluate(
            f"""([x, y]) => {{ {FIND}
              const box = map.parts.overlay.getBoundingClientRect();
              return [box.left + (x - map.view.x) / map.view.unit + map.size.width / 2,
                      box.top + map.size.height / 2 - (y - map.view.y) / map.view.unit]; }}""",
            self.packed[row].tolist(),
        )
        return left, top

    def draw(self, tool: str, corners: list[tuple[float, float]]) -> None:
        """Draw with a tool, in pixels from the map's upper left corner."""
        self.page.get_by_role("button", name=tool, exact=True).click()
        box = self.page.locator(".wn-overlay").bounding_box()
        places = [(box["x"] + x, box["y"] + y) for x, y in corners]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=3)
        self.page.mouse.up()

    def act(self, name: str) -> None:
        """Press a button of the action bar."""
        self.page.locator(".wn-actions").get_by_role("button", name=name).click()
        self.settle()


@pytest.fixture
def open_map(visit: Callable[..., Visit], start_app: Callable[[Path], str]) -> Callable[..., Map]:
    address = start_app(Path(map_playground.__file__))

    def go(n: int = 1_000, query: str = "", **size: int) -> Map:
        return Map(visit(f"{address}/?n={n}{query}", **size), n)

    return go


def rows_text(count: int) -> str:
    return f"{count:,} rows eligible"


def winding(polygon: list[tuple[float, float]], x: float, y: float) -> bool:
    """An oracle for simple polygons: the angles seen from inside add up to a full turn."""
    angles = [math.atan2(b - y, a - x) for a, b in polygon]
    turns = [
        (b - a + math.pi) % (2 * math.pi) - math.pi
        for a, b in zip(angles, angles[1:] + angles[:1], strict=True)
    ]
    return abs(sum(turns)) > math.pi


# --- thumbs ------------------------------------------------------------------------------------------


def test_the_map_opens_with_the_selection_that_numpy_makes(open_map: Callable[..., Map]) -> None:
    app = open_map(52_002)
    assert app.text(".wn-line") == f"score ≥ 4 · {rows_text(int((app.scores >= 4).sum()))}"
    assert app.drawn() == app.places(app.top(4, 1_000))
    assert app.state("map.parts.plot.querySelectorAll('canvas').length") <= 3, "one WebGL figure"


def test_the_threshold_follows_the_mouse_before_python_answers(open_map: Callable[..., Map]) -> None:
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
    app = open_map(52_002)
    x, y, step = app.grab(COUNT)
    app.page.mouse.move(x + 130 * step, y)
    app.page.mouse.up()
    app.settle()
    count = app.state("map.count")
    assert count > 10_000
    assert app.drawn() == app.places(app.top(4, count))


def test_while_an_order_is_computed_the_last_selection_stays(open_map: Callable[..., Map]) -> None:
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


def test_dragging_asks_python_a_few_times_a_second_only(open_map: Callable[..., Map]) -> None:
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


# --- the view ----------------------------------------------------------------------------------------


def test_the_view_survives_moves_colours_and_reruns(open_map: Callable[..., Map]) -> None:
    app = open_map(52_002)
    ranges = "[...map.parts.plot.layout.xaxis.range, ...map.parts.plot.layout.yaxis.range]"
    whole = app.state(ranges)
    box = app.page.locator(".wn-overlay").bounding_box()
    app.page.get_by_role("button", name="Zoom in (+)").click()
    app.page.mouse.move(box["x"] + 300, box["y"] + 200)
    app.page.mouse.down()
    app.page.mouse.move(box["x"] + 380, box["y"] + 260, steps=4)
    app.page.mouse.up()
    app.settle()
    zoomed = app.state(ranges)
    assert zoomed[1] - zoomed[0] == pytest.approx((whole[1] - whole[0]) / 1.5)
    unit = (zoomed[1] - zoomed[0]) / box["width"]
    assert zoomed[0] + zoomed[1] == pytest.approx(whole[0] + whole[1] - 2 * 80 * unit, rel=1e-3)
    app.slider(COUNT).focus()
    app.page.keyboard.press("PageDown")
    app.settle()
    app.page.get_by_label("Colour by").select_option("judge:" + map_playground.HELPFUL)
    app.settle()
    app.again()
    assert app.server()["colour"] == "judge:" + map_playground.HELPFUL
    assert app.state(ranges) == zoomed
    assert app.state("map.parts.root.querySelectorAll('.js-plotly-plot').length") == 1
    app.page.get_by_role("button", name="Reset view").click()
    app.settle()
    assert app.state(ranges) == pytest.approx(whole)


def test_a_pixel_is_as_wide_as_high_in_the_data(open_map: Callable[..., Map]) -> None:
    app = open_map()
    for width in (1440, 1000, 600):
        app.page.set_viewport_size({"width": width, "height": 900})
        app.page.wait_for_function(
            f"() => {{ {FIND} return map.parts.stage.clientWidth === map.parts.plot.layout.width; }}"
        )
        ratio = app.state(
            "((({ xaxis: { range: [left, right] }, yaxis: { range: [low, high] }, width, height }) =>"
            " (right - left) / width / ((high - low) / height)))(map.parts.plot.layout)"
        )
        assert ratio == pytest.approx(1)
        (left, right), (low, high) = app.state(
            "[map.parts.plot.layout.xaxis.range, map.parts.plot.layout.yaxis.range]"
        )
        assert left < app.packed[:, 0].min() < app.packed[:, 0].max() < right, "the whole map stays in view"
        assert low < app.packed[:, 1].min() < app.packed[:, 1].max() < high


def test_every_colour_draws_each_chosen_row_once(open_map: Callable[..., Map]) -> None:
    app = open_map()
    traces = {"cluster": 13, "judge:" + map_playground.HELPFUL: 9, "selected": 1, "length": 8}
    for colour, colours in traces.items():
        app.page.get_by_label("Colour by").select_option(colour)
        app.settle()
        assert app.state("map.parts.plot.data.length") == 1 + 2 * colours
        assert app.drawn() == app.places(app.top(4.5, 1_000))
        pool = app.state(
            "map.parts.plot.data.slice(0, (map.parts.plot.data.length + 1) / 2).map((t) => t.x.length)"
        )
        assert sum(pool) == 1_000
        assert pool[0] == (app.scores < 4.5).sum()


# --- lasso, box, click -------------------------------------------------------------------------------


def star(x: float, y: float) -> list[tuple[float, float]]:
    turns = np.linspace(0, 2 * np.pi, 11)
    radii = [150, 70] * 5 + [150]
    return [(x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(radii, turns, strict=True)]


def test_a_lasso_includes_exactly_the_rows_inside(open_map: Callable[..., Map]) -> None:
    app = open_map()
    app.draw("Lasso", star(420, 330))
    polygon = app.state("map.selection.polygon")
    inside = [row for row, (x, y) in enumerate(app.packed) if winding(polygon, x + 1e-6, y + 1e-6)]
    assert 20 < len(inside) < 900
    assert len(polygon) <= 200
    assert app.text(".wn-count") == f"{len(inside)} rows"
    app.act("Include")
    assert app.server()["include"] == f"{len(inside)}:{sum(inside)}"
    expected = np.union1d(app.top(4.5, 1_000), inside)
    assert app.drawn() == app.places(expected)
    assert app.state("map.move.pinned.reduce((sum, one) => sum + one, 0)") == len(inside)


def test_a_box_excludes_and_undo_brings_back(open_map: Callable[..., Map]) -> None:
    app = open_map()
    app.draw("Box", [(300, 250), (560, 420)])
    (left, low), (right, high) = app.state("[map.selection.polygon[3], map.selection.polygon[1]]")
    inside = np.flatnonzero(
        (app.packed[:, 0] > left)
        & (app.packed[:, 0] < right)
        & (app.packed[:, 1] > low)
        & (app.packed[:, 1] < high)
    )
    assert len(inside) > 50
    assert app.text(".wn-count") == f"{len(inside)} rows"
    app.act("Exclude")
    assert app.server()["exclude"] == f"{len(inside)}:{inside.sum()}"
    assert app.drawn() == app.places(np.setdiff1d(app.top(4.5, 1_000), inside))
    app.page.get_by_role("button", name="Undo").click()
    app.settle()
    assert app.server()["exclude"] == "0:0"
    assert app.drawn() == app.places(app.top(4.5, 1_000))
    assert app.page.get_by_role("button", name="Undo").is_disabled()


def test_pins_can_be_cleared_and_cancelled(open_map: Callable[..., Map]) -> None:
    app = open_map()
    app.draw("Box", [(300, 250), (560, 420)])
    app.act("Include")
    app.act("Clear pins")
    assert app.server()["include"] == "0:0"
    app.page.locator(".wn-actions").get_by_role("button", name="Cancel").click()
    assert not app.page.locator(".wn-actions").is_visible()


def test_decisions_made_in_quick_succession_all_arrive(open_map: Callable[..., Map]) -> None:
    """Streamlit itself keeps only the last of the triggers that reach a busy script."""
    app = open_map()
    app.draw("Box", [(300, 250), (560, 420)])
    app.page.locator(".wn-stage").focus()
    for key in "ieiu":  # include, exclude, include, and back to excluded
        app.page.keyboard.press(key)
    app.settle()
    server, count = app.server(), app.state("map.selection.count")
    assert (server["include"], server["exclude"].split(":")[0]) == ("0:0", str(count))
    for key in "uu":
        app.page.keyboard.press(key)
    app.settle()
    assert (app.server()["include"], app.server()["exclude"]) == ("0:0", "0:0")


def test_a_click_opens_the_nearest_row_once(open_map: Callable[..., Map]) -> None:
    app = open_map()
    spread = np.abs(app.packed[:, None, :] - app.packed[None, :, :]).max(axis=2) + np.eye(1_000) * 10**6
    lonely = int(spread.min(axis=1).argmax())
    x, y = app.pixel(lonely)
    app.page.mouse.click(x + 3, y - 2)
    app.until("opened", lonely)
    assert app.text(".wn-count") == f"Row {lonely + 1}"
    box = app.page.locator(".wn-overlay").bounding_box()
    app.page.mouse.click(box["x"] + 12, box["y"] + 12)
    app.again()
    assert (app.server()["opened"], app.server()["opens"]) == (str(lonely), "1")
    assert app.state("map.opened") == -1, "a click beside all points lets go of the row"


def test_isolating_a_cluster_fades_the_others_until_escape(open_map: Callable[..., Map]) -> None:
    app = open_map()
    entry = app.page.locator(".wn-entry").nth(3)
    entry.click()
    app.settle()
    cluster = app.state("map.isolated")
    rows = np.flatnonzero(app.rows.labels == cluster)
    assert app.server()["isolated"] == str(cluster)
    assert app.drawn() == app.places(np.intersect1d(app.top(4.5, 1_000), rows))
    assert entry.get_attribute("aria-pressed") == "true"
    app.act("Include")
    assert app.server()["include"] == f"{len(rows)}:{rows.sum()}"
    app.page.keyboard.press("Escape")
    app.settle()
    assert app.server()["isolated"] == "None"
    assert app.drawn() == app.places(np.union1d(app.top(4.5, 1_000), rows))


def test_the_legend_counts_what_numpy_counts(open_map: Callable[..., Map]) -> None:
    app = open_map(52_002)
    labels, names = app.rows.labels, map_playground.names()
    chosen = labels[app.top(4, 1_000)]
    shown = app.page.locator(".wn-entry").evaluate_all(
        "es => es.map((e) => ['.wn-name', '.wn-tally'].map((part) => e.querySelector(part).textContent))"
    )
    assert dict(shown) == {
        names[c]: f"{int((chosen == c).sum()):,} / {int((labels == c).sum()):,}" for c in np.unique(labels)
    }


# --- keyboard ----------------------------------------------------------------------------------------


def test_the_whole_work_can_be_done_with_keys(open_map: Callable[..., Map]) -> None:
    app = open_map()
    app.page.locator(".wn-stage").focus()
    app.page.keyboard.press("ArrowDown")
    for _ in range(8):
        app.page.keyboard.press("Shift+ArrowDown")
        app.page.keyboard.press("Shift+ArrowRight")
    polygon = np.array(app.state("map.selection.polygon"))
    (left, low), (right, high) = polygon.min(axis=0), polygon.max(axis=0)
    x, y = app.packed.T
    inside = np.flatnonzero((x > left) & (x < right) & (y > low) & (y < high))
    assert len(inside) > 5
    app.page.keyboard.press("e")
    app.settle()
    assert app.server()["exclude"] == f"{len(inside)}:{inside.sum()}"
    app.page.keyboard.press("Control+z")
    app.settle()
    assert app.server()["exclude"] == "0:0"
    app.page.keyboard.press("Escape")
    app.page.keyboard.press("Enter")
    at = app.state("[map.cloud.x[map.opened], map.cloud.y[map.opened]]")
    app.until("opened", int(np.flatnonzero((app.packed == at).all(axis=1))[0]))
    unit = app.state("map.view.unit")
    app.page.keyboard.press("+")
    assert app.state("map.view.unit") < unit
    app.page.keyboard.press("0")
    assert app.state("map.view.unit") == pytest.approx(unit)


def test_every_control_is_named(open_map: Callable[..., Map]) -> None:
    app = open_map()
    nameless = app.page.locator(".wn-root :is(button, input, select)").evaluate_all(
        "es => es.filter((e) => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).length"
    )
    assert nameless == 0
    assert "1,000 rows in 13 clusters" in app.page.locator(".wn-plot").get_attribute("aria-label")
    assert app.slider(THRESHOLD).get_attribute("aria-valuetext").startswith("score at least 4.5, ")
    app.page.keyboard.press("Tab")
    app.page.locator(".wn-stage").focus()
    app.page.keyboard.press("ArrowDown")
    assert app.page.locator(".wn-help").evaluate("e => getComputedStyle(e).opacity") == "1"


# --- looks and safety --------------------------------------------------------------------------------


def test_hostile_names_are_shown_and_do_nothing(open_map: Callable[..., Map]) -> None:
    app = open_map(query="&judge=2")
    app.page.locator(".wn-entry").first.click()
    app.settle()
    names = app.page.locator(".wn-name").all_text_contents()
    assert set(map_playground.HOSTILE) <= set(names)
    assert app.page.locator(".wn-root :is(img, script, b):not(.wn-badge b)").count() == 0
    assert app.page.evaluate("window.hacked === undefined")
    assert app.text(".wn-aside") == map_playground.FLUENT


def contrast(page: Page, selector: str) -> float:
    """The ratio of WCAG between a text and the page behind it, through a canvas that resolves any colour."""
    return float(
        page.evaluate(
            """(selector) => {
              const context = document.createElement("canvas").getContext("2d");
              const shade = (colour) => {
                context.fillStyle = colour;
                context.fillRect(0, 0, 1, 1);
                const part = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((v) => part(v / 255));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              const style = (name) => getComputedStyle(document.querySelector(name));
              const text = shade(style(selector).color);
              const back = shade(style("[data-testid=stApp]").backgroundColor);
              return (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
            }""",
            selector,
        )
    )


@pytest.mark.parametrize("theme", ["dark_theme", "light_theme"])
def test_both_themes_are_readable(open_map: Callable[..., Map], theme: str) -> None:
    app = open_map(query=f"&embed=true&embed_options={theme}")
    page = app.page.locator("[data-testid=stApp]").evaluate("e => getComputedStyle(e).backgroundColor")
    is_dark = sum(map(int, re.findall(r"\d+", page)[:3])) < 380
    assert is_dark == (theme == "dark_theme")
    for selector in (".wn-line", ".wn-title", ".wn-aside", ".wn-tally", ".wn-foot", ".wn-name", ".wn-select"):
        assert contrast(app.page, selector) >= 4.5, selector
    assert app.state("getComputedStyle(map.parts.stage).backgroundColor") == page
    assert app.state("map.theme.dark") == is_dark
    background = app.state("map.parts.plot.layout.plot_bgcolor")
    assert (
        app.page.evaluate("c => { const e = new Option().style; e.color = c; return e.color; }", background)
        == page
    )


def test_a_narrow_page_puts_controls_above_and_clusters_below_the_map(open_map: Callable[..., Map]) -> None:
    app = open_map(width=1024, height=768)
    controls, stage, legend = (
        app.page.locator(name).first.bounding_box() for name in (".wn-controls", ".wn-stage", ".wn-legend")
    )
    assert controls["y"] + controls["height"] <= stage["y"]
    assert stage["y"] + stage["height"] <= legend["y"]
    assert app.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_rail_stands_still_while_the_thumb_moves(open_map: Callable[..., Map]) -> None:
    app = open_map(52_002)
    places = (
        "es => es.map((e) => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })"
    )
    parts = app.page.locator(".wn-range, .wn-stage, .wn-legend, .wn-number, .wn-hist")
    before = parts.evaluate_all(places)
    x, y, step = app.grab(THRESHOLD)
    for i in (-5, -2, 2):
        app.page.mouse.move(x + i * step, y)
        assert parts.evaluate_all(places) == before
    app.page.mouse.up()
    app.settle()
    assert parts.evaluate_all(places) == before


def test_without_scores_the_threshold_says_why_it_is_off(open_map: Callable[..., Map]) -> None:
    app = open_map(query="&judges=0")
    assert app.slider(THRESHOLD).is_disabled()
    assert app.text(".wn-note") == "No scores in this file: import or judge to use a threshold."
    assert len(app.drawn()) == 1_000
    assert app.page.locator(".wn-select option").all_text_contents() == [
        "Cluster",
        "Selected or not",
        "Length (tokens)",
    ]


def test_a_draft_and_a_sample_say_so(open_map: Callable[..., Map]) -> None:
    app = open_map(52_002, query="&draft=1&draw=6000")
    assert app.text(".wn-badge").startswith("Draft")
    assert app.text(".wn-foot").startswith("6,000 of 52,002 points drawn; all counts are exact")
    assert app.text(".wn-line") == f"score ≥ 4 · {rows_text(int((app.scores >= 4).sum()))}"
    tallies = app.page.locator(".wn-tally").all_text_contents()
    assert sum(int(t.split(" / ")[0].replace(",", "")) for t in tallies) == 1_000
    drawn = app.state("Array.from(map.cloud.row)")
    assert app.drawn() == app.places(np.intersect1d(drawn, app.top(4, 1_000)))


# --- life --------------------------------------------------------------------------------------------


def test_a_reload_starts_afresh_and_works(open_map: Callable[..., Map]) -> None:
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
