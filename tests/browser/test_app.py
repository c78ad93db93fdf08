"""The app in a real browser: what a person does with the mouse and the keys, against polars and numpy."""

from __future__ import annotations

import io
import json
import logging
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from winnow_app import COUNT, FIND, SAMPLE, THRESHOLD, Screen, Server, whole

from core import Project

if TYPE_CHECKING:
    from conftest import Visit

pytestmark = pytest.mark.browser

log = logging.getLogger(__name__)

FIRST_SCREEN = 5.0  # seconds after the server answers


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home in which the sample's map is stored, where it does not come with the repository."""
    one = tmp_path_factory.mktemp("app") / "home"
    Project.open(SAMPLE, home=one).build()
    return one


@pytest.fixture(scope="module")
def server(home):
    """One server for the tests of this module."""
    one = Server(home, home.with_name("log.txt")).start()
    yield one
    one.stop()


@pytest.fixture
def open_app(visit: Callable[..., Visit], server: Server) -> Callable[..., Screen]:
    """Open a page of the app at a view, in a session of its own."""

    def go(**view: object) -> Screen:
        return Screen(visit(server.link(**view))).settle()

    return go


@pytest.fixture(scope="module")
def sample() -> pl.DataFrame:
    """The rows, as polars reads them."""
    return pl.read_ndjson(SAMPLE)


@pytest.fixture(scope="module")
def variant(home: Path, sample: pl.DataFrame) -> Path:
    """The same prompts with other answers and one other judge: another dataset, whose map is soon made."""
    path = home.parent / "variant.jsonl"
    stars = pl.int_range(pl.len()) % 4 + 1
    sample.select("instruction", "input", output=pl.lit("other"), stars=stars).write_ndjson(path)
    Project.open(path, home=home).build()
    return path


def eligible(sample: pl.DataFrame, threshold: float, judge: str = "accuracy") -> int:
    """How many rows are at or above a threshold."""
    return sample.filter(pl.col(judge) >= threshold).height


# --- the first screen --------------------------------------------------------------------------------


def first_screen(server: Server, visit: Callable[..., Visit]) -> float:
    """Seconds from a server that has just begun to answer to a drawn map with its figures."""
    try:
        server.start()
        began = time.perf_counter()
        screen = Screen(visit(server.link()))
        screen.page.wait_for_function(f"() => {{ {FIND} return map?.parts.plot.data?.length > 1; }}")
        assert (screen.figure("Pool"), screen.rail()[0]) == ("1,008", whole(screen.figure("Eligible")))
        took = time.perf_counter() - began
        screen.page.context.close()
        return took
    finally:
        server.stop()


def test_the_first_screen_is_there_within_seconds(tmp_path, home, visit):
    """At most five seconds; three attempts, since other programs may be busy on this machine."""
    took: list[float] = []
    while len(took) < 3 and min(took, default=99.0) > FIRST_SCREEN:
        took.append(first_screen(Server(home, tmp_path / "log.txt"), visit))
    log.info("first screen after %s s", [round(each, 1) for each in took])
    assert min(took) <= FIRST_SCREEN, took


# --- thumbs ------------------------------------------------------------------------------------------


def test_the_threshold_follows_the_mouse_and_every_count_agrees(open_app, sample):
    """Rail and figures show what polars counts, while the thumb moves and after it is let go."""
    app = open_app(judge="accuracy", min="4.5", count="100")
    x, y, step = app.grab(THRESHOLD)
    for steps in (1, 2, 4):
        app.page.mouse.move(x - steps * step, y)
        assert app.rail()[:2] == (eligible(sample, 4.5 - steps / 2), 100)
    app.page.mouse.up()
    app.settle()
    rows = eligible(sample, 2.5)
    assert app.rail() == (rows, 100, rows)
    assert (whole(app.figure("Eligible")), whole(app.figure("Selected"))) == (rows, 100)
    app.wait_for_link(min="2.5")


def test_the_count_follows_the_mouse_and_every_count_agrees(open_app, sample):
    """The number beside the map is the number above it, and nothing else moves."""
    app = open_app(judge="helpfulness", min="4", count="100")
    x, y, step = app.grab(COUNT)
    app.page.mouse.move(x + 4 * step, y)
    shown = app.rail()[1]
    assert shown > 100
    app.page.mouse.up()
    app.settle()
    rows = eligible(sample, 4, "helpfulness")
    assert app.rail() == (rows, shown, rows)
    assert (whole(app.figure("Eligible")), whole(app.figure("Selected"))) == (rows, shown)
    app.drag(COUNT, 500)
    assert whole(app.figure("Selected")) == rows


def test_keys_move_both_thumbs_by_single_steps(open_app, sample):
    """Arrows, Home and End; the counts are those of polars."""
    app = open_app(judge="accuracy", min="4.5", count="100")
    app.press(THRESHOLD, "ArrowLeft")
    assert app.rail()[0] == eligible(sample, 4) == whole(app.figure("Eligible"))
    app.press(THRESHOLD, "Home")
    assert app.rail()[0] == whole(app.figure("Eligible")) == sample.height
    app.press(THRESHOLD, "End")
    assert app.rail()[0] == whole(app.figure("Eligible")) == eligible(sample, 5)
    app.press(COUNT, "End")
    assert whole(app.figure("Selected")) == eligible(sample, 5)
    app.press(COUNT, "Home", "ArrowRight")
    assert whole(app.figure("Selected")) == 2 == app.rail()[1]
    app.type_count(333)
    assert whole(app.figure("Selected")) == 333
    app.wait_for_link(min="5", count="333")


def test_a_zoomed_map_stays_where_it_is(open_app):
    """Neither a thumb nor another judge moves what a person looks at."""
    app = open_app()
    box = app.page.locator(".wn-overlay").bounding_box()
    app.page.locator(".wn-stage").focus()
    app.page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 3)
    whole_view = app.state("map.view")
    app.page.mouse.wheel(0, -600)
    app.page.wait_for_function(f"() => {{ {FIND} return map.view.unit < {whole_view['unit']} * 0.8; }}")
    app.settle()
    zoomed = app.state("map.view")
    app.drag(THRESHOLD, -3)
    app.press(COUNT, "ArrowRight", "ArrowRight")
    assert app.state("map.view") == zoomed
    app.pick("strategy", "Random")
    app.wait_for_link(strategy="random")
    app.settle()
    assert app.state("map.view") == zoomed


# --- pins and rows -----------------------------------------------------------------------------------


def inside(polygon: list[list[float]], places: np.ndarray) -> np.ndarray:
    """Rows inside a convex polygon: on the same side of every edge."""
    corners = np.array(polygon)
    edges = np.roll(corners, -1, axis=0) - corners
    to = places[:, None, :] - corners[None, :, :]
    side = edges[:, 0] * to[:, :, 1] - edges[:, 1] * to[:, :, 0]
    return np.flatnonzero((side > 0).all(axis=1) | (side < 0).all(axis=1))


def test_a_lasso_includes_the_rows_inside_it_and_undo_lets_them_go(open_app, home, sample):
    """The figures change, and the rows pinned are those that numpy finds inside."""
    app = open_app(judge="accuracy", min="4.5", count="10")
    before = app.figures()
    app.draw("Box", [(150, 120), (420, 330)])
    coords = Project.open(SAMPLE, home=home).coords().astype(float)
    middle, side = (coords.max(axis=0) + coords.min(axis=0)) / 2, np.ptp(coords, axis=0).max()
    rows = inside(app.state("map.selection.polygon"), (coords - middle) / side * 65_535 + 65_535 / 2)
    assert 20 < len(rows) < 900
    app.act("Include")
    assert whole(app.figure("Selected")) == len(rows)
    beyond = int((sample["accuracy"].to_numpy()[rows] < 4.5).sum())
    assert app.rail()[2] == whole(app.figure("Eligible")) + beyond, "what can be taken counts pinned rows"
    app.tab("Pinned")
    app.page.get_by_text(f"Pinned: {len(rows)} rows.").wait_for()
    pinned = Project.open(SAMPLE, home=home).pins
    assert pinned.include == {sample["id"][int(row)] for row in rows}
    app.button("Undo").click()
    app.page.get_by_text("Nothing is pinned.").wait_for()
    app.settle()
    assert app.figures() == before


def test_a_click_on_a_point_opens_its_row_and_a_decision_closes_it(open_app, sample):
    """Prompt and answer in a drawer; Escape closes it, and so does a pin, which the page then shows."""
    app = open_app()
    row = sample.row(100, named=True)
    drawer = app.page.get_by_role("dialog")
    for _ in range(2):
        app.page.mouse.click(*app.pixel(100))
        drawer.get_by_text(row["output"]).wait_for()
        assert drawer.get_by_text(f"Row {row['id']}").is_visible()
        app.page.keyboard.press("Escape")
        drawer.wait_for(state="detached")
    app.tab("Pinned")
    app.page.mouse.click(*app.pixel(100))
    drawer.get_by_role("button", name="Exclude").click()
    drawer.wait_for(state="detached")
    app.page.get_by_text("Pinned: 1 row.").wait_for()
    app.settle()
    app.button("Undo").click()
    app.page.get_by_text("Nothing is pinned.").wait_for()


# --- pages, sessions and the link --------------------------------------------------------------------


def test_leaving_the_page_and_coming_back_keeps_everything(open_app):
    """Threshold, count, colour, strategy and tab; the map stands where the link says."""
    app = open_app(judge="helpfulness", min="3", count="60", strategy="random")
    app.page.get_by_label("Colour by").select_option("judge:accuracy")
    app.settle()
    app.press(COUNT, "ArrowRight")
    app.tab("Left out")
    figures, rail, link = app.figures(), app.rail(), app.link()
    app.go_to("Load")
    app.page.get_by_text("Load a dataset").wait_for()
    app.go_to("Export")
    app.page.get_by_text("Export the selection").wait_for()
    app.go_to("Explore")
    app.settle()
    assert (app.figures(), app.rail(), app.link()) == (figures, rail, link)
    assert app.state("map.colour") == "judge:accuracy" == link["colour"]
    assert app.page.locator(".st-key-tab").get_by_role("radio", name="Left out").is_checked()


def test_a_reload_comes_back_to_the_same_view(open_app):
    """The link holds what was decided."""
    app = open_app(judge="accuracy", min="4.5", count="40")
    app.drag(THRESHOLD, -4)
    app.wait_for_link(min="2.5", count="40")
    figures = app.figures()
    app.page.reload()
    assert app.settle().figures() == figures


def test_two_sessions_on_two_datasets_do_not_mix(open_app, variant, sample):
    """Each keeps its own file, judge, threshold and rows, whoever moves last."""
    one, two = open_app(judge="accuracy", min="4.5"), open_app(data=str(variant))
    two.press(THRESHOLD, "End")
    one.press(THRESHOLD, "Home")
    two.press(COUNT, "Home")
    assert (whole(one.figure("Eligible")), whole(one.figure("Selected"))) == (sample.height, 100)
    assert (whole(two.figure("Eligible")), whole(two.figure("Selected"))) == (sample.height // 4, 1)
    assert (one.link()["data"], two.link()["judge"]) == ("sample", "stars")
    one.page.mouse.click(*one.pixel(5))
    one.page.get_by_role("dialog").get_by_text(sample["output"][5]).wait_for()
    two.page.mouse.click(*two.pixel(5))
    two.page.get_by_role("dialog").get_by_text("other", exact=True).wait_for()


def test_the_download_is_the_selection(open_app, sample):
    """A zip whose ids are as many as the screen says, eligible, and those of the training file."""
    app = open_app(judge="helpfulness", min="4.5", count="64", strategy="stratified")
    selected = whole(app.figure("Selected"))
    app.go_to("Export")
    app.page.get_by_text("Messages", exact=True).click()
    app.page.get_by_text("train.messages.jsonl").first.wait_for(state="attached")
    with app.page.expect_download() as waited:
        app.button(f"Download {selected} rows").click()
    zipped = zipfile.ZipFile(io.BytesIO(Path(waited.value.path()).read_bytes()))
    ids = zipped.read("ids.txt").decode().split()
    chosen = sample.filter(pl.col("id").is_in(ids))
    assert len(ids) == len(set(ids)) == chosen.height == selected == 64
    assert chosen["helpfulness"].min() >= 4.5
    answers = [json.loads(line)["messages"][-1]["content"] for line in zipped.open("train.messages.jsonl")]
    assert answers == [chosen.row(by_predicate=pl.col("id") == each, named=True)["output"] for each in ids]


# --- long work ---------------------------------------------------------------------------------------


def test_a_map_in_the_making_survives_a_stop_and_a_reload_and_ends_in_a_map(open_app, visit, server, home):
    """Stop and go on work at once, a reload finds the panel again, and the page turns to the map."""
    path = home.parent / "made-up.jsonl"
    kinds = ("bread", "rivers", "taxes", "violins", "moss", "tides", "chess")
    rows = [
        {"instruction": f"Say {n} things about {kinds[n % 7]}", "output": "b", "score": n % 5}
        for n in range(2_000)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    app = Screen(visit(server.link("load", data=path)))
    panel = app.page.locator(".st-key-job")
    app.button("Make the map").click()
    panel.get_by_text("Embed the prompts").first.wait_for(timeout=60_000)
    app.button("Stop").click()
    panel.get_by_text("Stopped. What was done is stored").wait_for()
    app.button("Go on").click()
    app.button("Stop").wait_for()
    panel.get_by_text("Stopped.").wait_for(state="detached")
    app.page.reload()
    app.button("Stop").wait_for()
    app.button("Open the map").wait_for(timeout=90_000)
    assert panel.count() == 0
    app.button("Open the map").click()
    app.settle()
    assert whole(app.figure("Pool")) == 2_000
    app.press(THRESHOLD, "End")
    assert whole(app.figure("Eligible")) == 400


# --- trouble -----------------------------------------------------------------------------------------


LOST = "[data-testid='stApp']:not([data-test-connection-state='CONNECTED'])"
FOUND = "[data-testid='stApp'][data-test-connection-state='CONNECTED']"
RUNNING = "[data-testid='stApp'][data-test-script-state='running']"


def test_a_page_recovers_when_the_server_comes_back(tmp_path, home, visit, sample):
    """The server is killed and started again: the page finds it, keeps the view, and the thumbs work."""
    own = Server(home, tmp_path / "log.txt").start()
    try:
        app = Screen(visit(own.link(judge="accuracy", min="4.5", count="50"))).settle()
        app.drag(THRESHOLD, -6)
        app.wait_for_link(min="1.5")
        app.pick("judge", "helpfulness")
        app.wait_for_link(judge="helpfulness", min="4")
        app.settle()
        own.stop()
        app.page.wait_for_selector(LOST)
        own.start()
        app.page.wait_for_selector(FOUND, timeout=60_000)
        app.page.wait_for_selector(RUNNING)
        app.settle()
        assert app.rail()[:2] == (eligible(sample, 4, "helpfulness"), 50)
        app.press(THRESHOLD, "ArrowLeft")
        rows = eligible(sample, 3.5, "helpfulness")
        assert app.rail()[0] == whole(app.figure("Eligible")) == rows
    finally:
        app.page.context.close()
        own.stop()


HOSTILE = (
    "<img src=//evil.test/a.png onerror=hacked=1>![b](http://evil.test/b.png) [c](javascript:hacked=1) "
    "$e$ :red[d] &lt; **e**"
)


# Addresses in plain sight may be links, as GitHub's Markdown makes them; nothing else may.
MARKUP = """() => [...document.querySelectorAll("[data-testid='stMain'], [role=dialog]")].flatMap((part) =>
  [...part.querySelectorAll("img, script, iframe, a")]
    .filter((e) => e.tagName !== "A" || e.textContent !== e.getAttribute("href")).map((e) => e.outerHTML))"""


def test_hostile_text_asks_for_nothing_and_runs_nothing(open_app, home, sample, visit, server):
    """Answers, ids, names of judges and columns are shown; none of it becomes an image or a script."""
    judge = f"score {HOSTILE}"
    path = home.parent / "![name](http:evil.png) .jsonl"
    rows = [
        {"id": f"{n} {HOSTILE}", "instruction": row["instruction"], "input": row["input"], "output": HOSTILE,
         judge: None if n == 0 else n % 9 / 2, "<b>note</b>": HOSTILE}
        for n, row in enumerate(sample.iter_rows(named=True))
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    Project.open(path, home=home).build()
    app = Screen(visit(server.link()))
    asked: list[str] = []
    app.page.on("request", lambda request: asked.append(request.url))
    app.page.goto(server.link(data=path, strategy="![s](http://evil.test/s.png)", colour=f"judge:{judge}"))
    app.settle()
    assert app.page.get_by_text("There is no strategy").is_visible()
    app.page.mouse.click(*app.pixel(0))
    drawer = app.page.get_by_role("dialog")
    drawer.get_by_text(HOSTILE, exact=True).first.wait_for()
    assert drawer.get_by_text(f"Row 0 {HOSTILE}").is_visible(), "the title is verbatim"
    assert app.page.get_by_text(f"Without a score by {judge}").count() == 1
    assert app.page.evaluate(MARKUP) == []
    assert app.page.evaluate("window.hacked === undefined")
    app.page.goto(server.link("load", data=path))
    app.page.get_by_text("Load a dataset").wait_for()
    app.visit.settle()
    (home.parent / "bad.jsonl").write_text(json.dumps({HOSTILE: 1}) + "\n")
    app.page.goto(server.link(data=home.parent / "bad.jsonl"))
    app.page.get_by_text(f"Found: {HOSTILE}").wait_for()
    assert app.page.evaluate(MARKUP) == []
    assert [url for url in asked if not url.startswith((server.address, "blob:", "data:"))] == []


# --- looks and keys ----------------------------------------------------------------------------------

CONTRAST = """(element) => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d");
  const shade = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const part = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => part(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const text = shade(getComputedStyle(element).color);
  const back = shade(getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor);
  return [back, (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05)];
}"""


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_follows_the_system_to_dark_and_light(open_app, scheme):
    """Background, map and text; everything read is at least 4.5 to 1."""
    app = open_app()
    app.page.emulate_media(color_scheme=scheme)
    app.page.reload()
    app.settle()
    for selector in (
        "[data-testid=stMetricValue]",
        "[data-testid=stCaptionContainer] p",
        ".wn-line",
        ".wn-tally",
    ):
        back, contrast = app.page.locator(selector).first.evaluate(CONTRAST)
        assert (back < 0.2) == (scheme == "dark"), selector
        assert contrast >= 4.5, selector
    assert app.state("map.theme.dark") == (scheme == "dark")


FOCUSED = """() => {
  const e = document.activeElement;
  const key = e.closest("[class*='st-key-']")?.className.match(/st-key-([^ ]+)/)?.[1] ?? "";
  if (e.classList.contains("wn-entry")) return "legend";
  if (e.classList.contains("wn-stage")) return "map";
  return e.getAttribute("aria-label") || (key === "tab" ? "tab" : "")
    || (e.closest("[data-testid='stDataFrame']") ? "table" : "") || e.innerText || key || e.tagName;
}"""


def test_everything_can_be_reached_and_done_with_keys(open_app, sample):
    """Tab reaches judge, map, both thumbs, legend, tabs and table, and each does its work there."""
    app = open_app(judge="accuracy", min="4.5", count="100")
    reached: list[str] = []
    wanted = {"map", THRESHOLD, COUNT, "Number of rows to select", "legend", "tab", "table", "Undo", "Lasso"}
    for _ in range(90):
        app.page.keyboard.press("Tab")
        reached.append(app.page.evaluate(FOCUSED))
        if reached[-1] == THRESHOLD:
            app.page.keyboard.press("ArrowLeft")
        if reached[-1] == "legend" and "legend" not in reached[:-1]:
            app.page.keyboard.press("Enter")
        if reached[-1] == "tab" and "tab" not in reached[:-1]:
            app.page.keyboard.press("ArrowRight")
            app.page.keyboard.press("Space")
            app.settle()
        if "table" in reached:
            break
    assert wanted - {"Undo"} <= set(reached), sorted(set(reached))
    app.settle()
    assert whole(app.figure("Eligible")) == eligible(sample, 4)
    assert app.state("map.isolated") is not None
    assert app.page.get_by_text("The last rows that got in").count() == 1
