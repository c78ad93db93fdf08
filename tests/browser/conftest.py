"""Fixtures for tests in a real browser: a Streamlit script on a free port, pages that count their bytes.

start_app(script)    the address of a running Streamlit script, one server a script and run
visit(address)       a page in a session of its own: ``.page``, ``.traffic``, ``.errors``, ``.settle()``
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import map_playground
import polars as pl
import pytest
from map_screen import Map
from winnow_app import DRAWN, SAMPLE, Screen, Server

from core import Project

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, WebSocket

ROOT = Path(__file__).parents[2]
INSTALL = "No Chromium found. Install it with: apt-get install chromium && pip install playwright"
PLACES = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
# Software rendering, so that WebGL works on a machine without a screen.
ARGUMENTS = [
    "--no-sandbox",
    "--enable-unsafe-swiftshader",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE = 120  # seconds to wait for anything on a page: other programs may be busy on this machine


def find_chromium() -> str | None:
    """The first Chromium of this machine, or None."""
    named = (os.environ.get("WINNOW_CHROMIUM"), *PLACES, shutil.which("chromium"))
    return next((path for path in named if path and Path(path).exists()), None)


@contextmanager
def serve(script: Path, *, log: Path) -> Iterator[str]:
    """Run a Streamlit script on a free port until the block ends; gives its address."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}"]
    command += ["--server.headless=true", "--server.fileWatcherType=none", "--browser.gatherUsageStats=false"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            address = f"http://localhost:{port}"
            _wait_until_healthy(address, process, log)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_until_healthy(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(PATIENCE * 10):
        if process.poll() is not None:
            break
        with suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")


@dataclass
class Traffic:
    """Sizes of the websocket's frames, in bytes, in the order in which they passed."""

    received: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)

    def clear(self) -> None:
        """Forget what has passed so far."""
        self.received.clear()
        self.sent.clear()

    def watch(self, page: Page) -> None:
        """Count the frames of every websocket that the page opens from now on."""
        page.on("websocket", self._follow)

    def _follow(self, socket_: WebSocket) -> None:
        socket_.on("framereceived", lambda payload: self.received.append(_size(payload)))
        socket_.on("framesent", lambda payload: self.sent.append(_size(payload)))


def _size(payload: str | bytes) -> int:
    return len(payload if isinstance(payload, bytes) else payload.encode())


@dataclass
class Visit:
    """One page in a browser session of its own."""

    page: Page
    traffic: Traffic
    errors: list[str]

    def settle(self) -> None:
        """Wait until the script has run and the page shows it."""
        self.page.wait_for_function(DRAWN)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the run; without one the tests are skipped, or fail where a browser is required."""
    path = find_chromium()
    if path is None:
        if os.environ.get("WINNOW_REQUIRE_BROWSER") == "1":
            pytest.fail(INSTALL)
        pytest.skip(INSTALL)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def start_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], str]]:
    """Give the address of a running Streamlit script."""
    with ExitStack() as running:
        addresses: dict[Path, str] = {}

        def start(script: Path) -> str:
            if script not in addresses:
                log = tmp_path_factory.mktemp("streamlit") / "log.txt"
                addresses[script] = running.enter_context(serve(script, log=log))
            return addresses[script]

        yield start


VISITS = pytest.StashKey[list[Visit]]()
LOOK = """() => {
  const app = document.querySelector("[data-testid='stApp']") ?? document.body;
  const text = app.innerText.split("\\n").filter((line) => line.trim()).join(" | ").slice(0, 3000);
  return `${location.href} ${JSON.stringify({ ...app.dataset })}\\n${text}`;
}"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test says what its pages showed: some faults are seen once in many runs, and not here."""
    report = yield
    if report.failed and report.when == "call":
        report.sections += [
            ("What the page showed", _seen(visit.page)) for visit in item.stash.get(VISITS, [])
        ]
    return report


def _seen(page: Page) -> str:
    try:
        return str(page.evaluate(LOOK))
    except Exception as error:  # a page that is gone says nothing, and must not hide why the test failed
        return repr(error)


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visit]]:
    """Open an address in a session of its own; fails where the page raised an error."""
    with ExitStack() as open_:
        visits = request.node.stash.setdefault(VISITS, [])

        def go(address: str, *, width: int = 1440, height: int = 900) -> Visit:
            context = browser.new_context(viewport={"width": width, "height": height})
            open_.callback(context.close)
            context.set_default_timeout(PATIENCE * 1000)
            page = context.new_page()
            visits.append(Visit(page, Traffic(), []))
            visits[-1].traffic.watch(page)
            page.on("pageerror", lambda error, errors=visits[-1].errors: errors.append(str(error)))
            page.goto(address)
            visits[-1].settle()
            return visits[-1]

        yield go
        assert [error for one in visits for error in one.errors] == []


@pytest.fixture
def open_map(visit: Callable[..., Visit], start_app: Callable[[Path], str]) -> Callable[..., Map]:
    """Open the playground's map of so many points, in a session of its own."""
    address = start_app(Path(map_playground.__file__))

    def go(n: int = 1_000, query: str = "", **size: int) -> Map:
        return Map(visit(f"{address}/?n={n}{query}", **size), n)

    return go


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


@pytest.fixture
def project(home: Path) -> Project:
    """The sample's project beside the app."""
    return Project.open(SAMPLE, home=home)
