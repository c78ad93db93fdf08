"""The app in a real browser: long work, a server that goes, hostile text, looks and keys."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
from winnow_app import COUNT, THRESHOLD, Screen, Server, eligible, whole

from core import Project

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.browser

log = logging.getLogger(__name__)

FIRST_SCREEN = 5.0  # seconds after the server answers


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
    panel.get_by_text("Embed the prompts").first.wait_for()
    app.button("Stop").click()
    panel.get_by_text("Stopped. What was done is stored").wait_for()
    app.button("Go on").click()
    app.button("Stop").wait_for()
    panel.get_by_text("Stopped.").wait_for(state="detached")
    app.page.reload()
    app.button("Stop").wait_for()
    app.button("Open the map").wait_for()
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
        app.page.wait_for_selector(FOUND)
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

# The background of the page, and text against what it stands on, its own opacity and its parents' counted.
CONTRAST = """(element) => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d");
  const over = (colour, opacity, [r, g, b]) => {
    canvas.globalAlpha = 1;
    canvas.fillStyle = `rgb(${r} ${g} ${b})`;
    canvas.fillRect(0, 0, 1, 1);
    canvas.globalAlpha = opacity;
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const part = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const shade = ([r, g, b]) => 0.2126 * part(r / 255) + 0.7152 * part(g / 255) + 0.0722 * part(b / 255);
  const around = [];
  for (let each = element; each; each = each.parentElement) around.push(getComputedStyle(each));
  const app = getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor;
  const page = over(app, 1, [255, 255, 255]);
  const ground = around.reduceRight((below, style) => over(style.backgroundColor, 1, below), page);
  const opacity = around.reduce((product, style) => product * Number(style.opacity), 1);
  const [text, back] = [shade(over(around[0].color, opacity, ground)), shade(ground)];
  return [shade(page), (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05)];
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
        "[data-testid=stSidebar] [data-testid=stCaptionContainer] p",
        "[data-testid=stBaseButton-primary] p",
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
    app.page.get_by_text("The last rows that got in").wait_for()
