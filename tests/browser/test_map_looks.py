"""The map in a real browser: its view, colours, themes and sentences."""

from __future__ import annotations

import re
from collections.abc import Callable

import map_playground
import numpy as np
import pytest
from map_screen import COUNT, FIND, THRESHOLD, Map, contrast, rows_text

pytestmark = pytest.mark.browser


# --- the view ----------------------------------------------------------------------------------------


def test_the_view_survives_moves_colours_and_reruns(open_map: Callable[..., Map]) -> None:
    """Zoomed and dragged, the map stays where it is."""
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
    """At every width of the page both axes have one scale."""
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
    """Whatever the colour tells, the selection drawn is the same."""
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


# --- looks and safety --------------------------------------------------------------------------------


def test_hostile_names_are_shown_and_do_nothing(open_map: Callable[..., Map]) -> None:
    """Markup in names of clusters and judges is text."""
    app = open_map(query="&judge=2")
    app.page.locator(".wn-entry").first.click()
    app.settle()
    names = app.page.locator(".wn-name").all_text_contents()
    assert set(map_playground.HOSTILE) <= set(names)
    assert app.page.locator(".wn-root :is(img, script, b):not(.wn-badge b)").count() == 0
    assert app.page.evaluate("window.hacked === undefined")
    assert app.text(".wn-aside") == map_playground.FLUENT


@pytest.mark.parametrize("theme", ["dark_theme", "light_theme"])
def test_both_themes_are_readable(open_map: Callable[..., Map], theme: str) -> None:
    """Every text has a contrast of 4.5 or more, on the page's own background."""
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
    """At 1024 pixels nothing has to be scrolled sideways."""
    app = open_map(width=1024, height=768)
    controls, stage, legend = (
        app.page.locator(name).first.bounding_box() for name in (".wn-controls", ".wn-stage", ".wn-legend")
    )
    assert controls["y"] + controls["height"] <= stage["y"]
    assert stage["y"] + stage["height"] <= legend["y"]
    assert app.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_rail_stands_still_while_the_thumb_moves(open_map: Callable[..., Map]) -> None:
    """No control changes its place or size under the pointer."""
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
    """The slider is disabled with a sentence, and scores are no colour."""
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
    """A badge and a line; every count is of all rows all the same."""
    app = open_map(52_002, query="&draft=1&draw=6000")
    assert app.text(".wn-badge").startswith("Draft")
    assert app.text(".wn-foot").startswith("6,000 of 52,002 points drawn; all counts are exact")
    assert app.text(".wn-line") == f"score ≥ 4 · {rows_text(int((app.scores >= 4).sum()))}"
    tallies = app.page.locator(".wn-tally").all_text_contents()
    assert sum(int(t.split(" / ")[0].replace(",", "")) for t in tallies) == 1_000
    drawn = app.state("Array.from(map.cloud.row)")
    assert app.drawn() == app.places(np.intersect1d(drawn, app.top(4, 1_000)))
