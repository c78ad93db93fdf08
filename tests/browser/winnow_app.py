"""The app in a browser: a server that can be stopped and started again, and a person's hands."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import polars as pl
from hands import Hands

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visit
    from playwright.sync_api import Page, Route

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "sample.jsonl"
THRESHOLD, COUNT = "Threshold", "Rows to select"
# The script has run, and everything that it showed is drawn: what still comes would move what is pressed.
IDLE = "[data-testid='stApp'][data-test-script-state='notRunning']"
DRAWN = f"""() => {{
  const app = document.querySelector("{IDLE}");
  return app?.querySelector("[data-testid='stMain'] [data-testid='stElementContainer']")
    && !app.querySelector("[data-testid='stSkeleton']");
}}"""
FIND = "const map = [...(globalThis.winnowMap?.maps?.values() ?? [])][0];"
# The newest settings are answered, the frame is drawn, no part of the page is still fetched, and no figure is
# still being computed.
SETTLED = f"""() => {{
  if (!globalThis.winnowMap?.maps?.size) return false;
  {FIND}
  const app = document.querySelector("[data-testid='stApp']");
  return map.move && !map.move.pending && map.Plotly && map.parts.plot.data && !map.frame && !map.timer
    && getComputedStyle(map.parts.overlay).visibility === "visible"
    && !map.dirty && map.answered >= map.seq && !map.queue.length && !map.inFlight
    && app.dataset.testScriptState === "notRunning"
    && !app.querySelector("[data-testid='stStatusWidget'], [data-testid='stSkeleton']")
    && (!app.querySelector(".st-key-figures") || app.querySelector(".st-key-figures [data-testid='stMetric']"))
    && [...app.querySelectorAll("[data-testid='stMetric']")].every((e) => {{
      const value = e.querySelector("[data-testid='stMetricValue']").innerText;
      const isCompared = e.querySelector("[data-testid='stMetricDelta']") || !e.innerText.startsWith("Covering");
      return !value.includes("…") && (isCompared || value.includes("–"));
    }});
}}"""
NUMBER = r"[\d,]+"
TABLE = "[data-testid='stDataFrame']"


class Server:
    """The app on a port of its own, with a home of its own."""

    def __init__(
        self, home: Path, log: Path, *, data: Path | None = None, script: Path = ROOT / "app.py"
    ) -> None:
        self.home, self.log, self.data, self.script = home, log, data or home.parent, script
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://localhost:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        """Start, and return when the server answers."""
        command = [sys.executable, "-m", "streamlit", "run", str(self.script)]
        command += [
            f"--server.port={self.port}",
            "--server.headless=true",
            "--browser.gatherUsageStats=false",
        ]
        own = {name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")}
        own |= {"WINNOW_HOME": str(self.home), "WINNOW_ROOTS": str(self.data)}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=own
            )
        end = time.monotonic() + 120
        while time.monotonic() < end and self.process.poll() is None:
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1).close()
                return self
            time.sleep(0.02)
        raise RuntimeError(f"the server did not start:\n{self.log.read_text('utf-8', 'replace')[-2000:]}")

    def stop(self) -> None:
        """End the server at once, as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=20)
            self.process = None

    def link(self, page: str = "", **view: object) -> str:
        """The address of a page at a view."""
        return f"{self.address}/{page}?{urlencode(view)}"


class Screen(Hands):
    """One page of the app, and the words for what a person does to it."""

    def __init__(self, visit: Visit) -> None:
        self.visit, self.page = visit, visit.page

    # What is on the screen.

    def settle(self, within: float = 120) -> Screen:
        """Wait until everything is computed, answered and drawn."""
        self.page.wait_for_function(SETTLED, timeout=within * 1000)
        return self

    def state(self, expression: str) -> Any:
        """What the map holds."""
        return self.page.evaluate(f"() => {{ {FIND} return {expression}; }}")

    def figure(self, title: str) -> str:
        """One of the figures above the map; a run of the page may be replacing them, so it is waited for."""
        self.page.locator("[data-testid='stMetric']").filter(has_text=title).first.wait_for()
        return str(self.figures()[title])

    def figures(self) -> dict[str, str]:
        """Title -> figure."""
        return dict(
            self.page.locator("[data-testid='stMetric']").evaluate_all(
                """es => es.map((e) => ["stMetricLabel", "stMetricValue"].map(
                     (part) => e.querySelector(`[data-testid='${part}']`).innerText.trim()))"""
            )
        )

    def rail(self) -> tuple[int, int, int]:
        """Beside the map: rows eligible, rows to select, and of how many."""
        lines = self.page.locator(".wn-line").all_inner_texts()
        eligible = re.search(rf"({NUMBER}) rows? eligible", lines[0])
        count = re.match(rf"({NUMBER}) of ({NUMBER})", lines[1])
        assert eligible and count, lines
        return whole(eligible[1]), whole(count[1]), whole(count[2])

    def legend(self) -> list[int]:
        """How many rows of each cluster are selected, as the legend says it."""
        tallies = self.page.locator(".wn-tally").all_inner_texts()
        return [whole(tally.partition(" / ")[0]) for tally in tallies]

    def columns(self) -> list[str]:
        """The headings of the table below the map."""
        return [str(each) for each in self.page.locator(f"{TABLE} [role=columnheader]").all_inner_texts()]

    def cell(self, line: int, column: str) -> str:
        """What a cell of that table holds; a change of tabs may be replacing the table, so it is waited for."""
        self.page.locator(f"{TABLE} [role=columnheader]", has_text=column).first.wait_for(state="attached")
        row = self.page.locator(f"{TABLE} tr[aria-rowindex='{line + 2}'] [role=gridcell]")
        return str(row.nth(self.columns().index(column)).inner_text())

    def wait_for_cell(self, line: int, column: str, text: str) -> None:
        """Wait until a cell of that table holds this."""
        self.page.wait_for_function(
            """([table, row, column, text]) => {
              const columns = [...document.querySelectorAll(`${table} [role=columnheader]`)];
              const place = columns.findIndex((each) => each.innerText === column);
              const cells = document.querySelectorAll(`${table} tr[aria-rowindex='${row}'] [role=gridcell]`);
              return cells[place]?.innerText === text;
            }""",
            arg=[TABLE, line + 2, column, text],
        )

    def link(self) -> dict[str, str]:
        """What the address bar holds."""
        return dict(self.page.evaluate("Object.fromEntries(new URL(location.href).searchParams)"))

    def wait_for_link(self, **view: object) -> None:
        """Wait until the address bar holds these."""
        wanted = {name: str(value) for name, value in view.items()}
        self.page.wait_for_function(
            """(wanted) => {
              const link = new URL(location.href).searchParams;
              return Object.entries(wanted).every(([name, value]) => link.get(name) === value);
            }""",
            arg=wanted,
        )

    # What a person does.

    def drag(self, label: str, steps: float) -> None:
        """Drag a thumb by so many steps and let go."""
        x, y, step = self.grab(label)
        self.page.mouse.move(x + steps * step / 2, y)
        self.page.mouse.move(x + steps * step, y)
        self.page.mouse.up()
        self.settle()

    def press(self, label: str, *keys: str) -> None:
        """Move a thumb by keys."""
        self.slider(label).focus()
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def type_count(self, count: int) -> None:
        """Type how many rows to select."""
        field = self.page.get_by_label("Number of rows to select")
        field.fill(str(count))
        field.press("Enter")
        self.settle()

    def pick(self, key: str, option: str) -> None:
        """Choose from a box in the sidebar."""
        self.page.locator(f".st-key-{key}").get_by_role("combobox").click()
        self.page.get_by_role("option", name=option, exact=True).click()

    def button(self, name: str) -> Any:
        """A button by its name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def go_to(self, title: str) -> None:
        """Turn to another page of the sidebar."""
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()

    def tab(self, name: str) -> None:
        """Turn to a tab of rows."""
        self.page.locator(".st-key-tab").get_by_role("radio", name=name).click()
        self.settle()

    def pixel(self, row: int) -> tuple[float, float]:
        """Where a row is on the page."""
        left, top = self.state(
            f"""((point) => {{
              const box = map.parts.overlay.getBoundingClientRect();
              return [box.left + (map.cloud.x[point] - map.view.x) / map.view.unit + map.size.width / 2,
                      box.top + map.size.height / 2 - (map.cloud.y[point] - map.view.y) / map.view.unit];
            }})({row})"""
        )
        return left, top


def hold(page: Page, scripts: str | re.Pattern[str]) -> Callable[[], None]:
    """From now on these scripts arrive only when what is given back is called."""
    late: list[Route] = []

    def keep(route: Route) -> None:
        late.append(route)

    def release() -> None:
        assert late, f"no script was called {scripts}: nothing was held back"
        for each in late:
            each.continue_()
        page.unroute(scripts)

    page.route(scripts, keep)
    return release


def whole(text: str) -> int:
    """A number as it is written on the screen."""
    return int(text.replace(",", ""))


def eligible(sample: pl.DataFrame, threshold: float, judge: str = "accuracy") -> int:
    """How many rows are at or above a threshold."""
    return sample.filter(pl.col(judge) >= threshold).height
