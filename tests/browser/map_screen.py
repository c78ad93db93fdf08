"""The map's playground on a page, and the words for what a person does to it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import map_playground
import numpy as np
from hands import Hands
from numpy.typing import NDArray

from pages.ui.map import quantise

if TYPE_CHECKING:
    from conftest import Visit
    from playwright.sync_api import Page

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


class Map(Hands):
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


def rows_text(count: int) -> str:
    return f"{count:,} rows eligible"


def star(x: float, y: float) -> list[tuple[float, float]]:
    turns = np.linspace(0, 2 * np.pi, 11)
    radii = [150, 70] * 5 + [150]
    return [(x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(radii, turns, strict=True)]


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
