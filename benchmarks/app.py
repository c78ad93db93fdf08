"""The app as a person meets it: the first screen, the bytes of a move, the memory of the whole job."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import Line, at_most
from benchmarks.wire import Wire

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
CHROMIUM = "/usr/bin/chromium"
PORT = 8791
SOFTWARE_GL = ["--no-sandbox", "--enable-unsafe-swiftshader", "--use-gl=angle", "--use-angle=swiftshader"]
IDLE = "[data-testid='stApp'][data-test-script-state='notRunning']"
SELECTED = "[data-testid='stMetric']:has-text('Selected')"


@contextmanager
def server(home: Path, roots: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The app on a port of its own, from before the process starts until it answers."""
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={PORT}"]
    environment = {**os.environ, "WINNOW_HOME": str(home), "WINNOW_ROOTS": str(roots)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    address = f"http://localhost:{PORT}"
    try:
        for _ in range(600):
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                break
            time.sleep(0.05)
        yield address, process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def page() -> Iterator[Page]:
    """A page of a real Chromium that draws in software."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_GL)
        yield browser.new_page(viewport={"width": 1440, "height": 900})
        browser.close()


def first_screen(home: Path, roots: Path) -> list[Line]:
    """From the server's first answer to figures and a drawn map, on the sample."""
    with page() as tab, server(home, roots) as (address, _):
        start = time.perf_counter()
        tab.goto(address)
        tab.wait_for_selector(SELECTED)
        tab.wait_for_selector(".js-plotly-plot canvas")
        seconds = time.perf_counter() - start
    return [at_most("first screen with the sample", seconds, 5, "s", "Chromium, software GL")]


def bytes_of_moves(home: Path, data: Path) -> list[Line]:
    """What one move of the count thumb brings to the browser, order in memory."""
    lines = []
    with page() as tab, server(home, data.parent), Wire(PORT) as wire:
        frames: list[int] = []
        tab.on(
            "websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(len(frame)))
        )
        for count in (900, 9229):
            tab.goto(f"http://localhost:{wire.port}/?data={data}&count={count}&min=1&strategy=top-score")
            tab.wait_for_selector(SELECTED)
            _wait_until_quiet(tab, frames)
            thumb = tab.locator("input[type=range]").nth(1)
            thumb.focus()
            sizes = []
            for _ in range(5):
                frames.clear()
                wire.received = 0
                tab.keyboard.press("ArrowLeft")
                _wait_until_quiet(tab, frames)
                sizes.append((wire.received, sum(frames)))
            step = f"slider move near N = {count:,}, all bytes to the browser"
            sent, packed = max(sizes)
            remark = f"largest of 5, on the wire; {packed / 1000:.1f} KB before compression"
            lines.append(at_most(step, sent / 1000, 10, "KB", remark))
    return lines


def _wait_until_quiet(tab: Page, frames: list[int]) -> None:
    """Wait until nothing has come for two seconds."""
    seen = -1
    while seen != len(frames):
        seen = len(frames)
        tab.wait_for_timeout(2000)
    tab.wait_for_selector(IDLE)


def memory(home: Path, data: Path) -> list[Line]:
    """The largest sum of resident memory of the app and its worker while a map is made from nothing."""
    with page() as tab, server(home, data.parent) as (address, process), _Peak(process.pid) as peak:
        start = time.perf_counter()
        tab.goto(f"{address}/load?data={data}")
        tab.locator(".st-key-make_map button").click()
        tab.wait_for_selector(".st-key-open_map button", timeout=900_000)
        seconds = time.perf_counter() - start
        tab.locator(".st-key-open_map button").click()
        tab.wait_for_selector(SELECTED)
        tab.wait_for_timeout(5000)
    remark = f"app and worker together, map in {seconds:.0f} s"
    return [at_most("peak resident memory, 52,002 rows", peak.bytes / 2**20, 2048, "MiB", remark)]


class _Peak:
    """Watches a process and its children five times a second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.bytes = 0

    def __enter__(self) -> _Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:  # noqa: ANN401
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        root = psutil.Process(self._pid)
        while not self._stop.wait(0.2):
            with suppress(psutil.Error):
                family = [root, *root.children(recursive=True)]
                self.bytes = max(self.bytes, sum(member.memory_info().rss for member in family))
