"""The map in a real browser: lasso, box, click and keys, checked against numpy."""

from __future__ import annotations

from collections.abc import Callable

import map_playground
import numpy as np
import pytest
from map_screen import THRESHOLD, Map, star
from polygons import winding

pytestmark = pytest.mark.browser


# --- lasso, box, click -------------------------------------------------------------------------------


def test_a_lasso_includes_exactly_the_rows_inside(open_map: Callable[..., Map]) -> None:
    """Counted by the winding number, said in the bar, sent to Python and drawn."""
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
    """The rows inside go out of the selection, and are in again after Undo."""
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
    """Clear takes the pins away; Cancel closes the bar."""
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
    """A few pixels beside a point are enough; a click on nothing opens nothing."""
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
    """What is included meanwhile is that cluster alone."""
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
    """Selected and all rows of every cluster, among 52,002."""
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
    """Selecting, pinning and undoing without a mouse."""
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
    """Buttons, boxes and the figure have a name that a screen reader says."""
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
