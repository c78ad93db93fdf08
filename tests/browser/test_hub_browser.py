"""A dataset of the hub in a real browser: looked up, downloaded, stopped, found again after a reload."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from winnow_app import Screen, Server

sys.path.append(str(Path(__file__).parents[1] / "loading"))
from hub_stand_in import stand_in

pytestmark = pytest.mark.browser
ROWS = "".join(json.dumps({"instruction": f"row {n}", "output": "o"}) + "\n" for n in range(700)).encode()


def test_a_download_survives_a_reload_can_be_stopped_and_opens(
    visit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The split is offered once the name is known; the token is sent and stands in no address."""
    with stand_in() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        hub.datasets["o/n"] = {"main": {"train.jsonl": ROWS, "test.jsonl": ROWS[:9000].rpartition(b"\n")[0]}}
        hub.private.add("o/n")
        server = Server(tmp_path / "home", tmp_path / "log.txt").start()
        try:
            screen = Screen(visit(server.link("load")))
            page = screen.page
            page.get_by_text("Hub", exact=True).click()
            page.get_by_label("Dataset").fill("o/n")
            page.locator(".st-key-hub_token input").fill(hub.token)
            screen.button("Look up").click()
            screen.button("Download and open").wait_for()
            hub.slow = threading.Event()
            screen.button("Download and open").click()
            screen.button("Stop").wait_for()
            page.reload()
            screen.button("Stop").click()
            page.get_by_text("Stopping.").wait_for()
            hub.slow.set()
            hub.slow = None
            hub.private.clear()  # the session with the token is gone
            screen.button("Download").click()
            assert screen.figure("Rows loaded") == "700"
            assert screen.link()["data"].endswith("/default:train")
            assert hub.token not in page.url
        finally:
            server.stop()
        assert hub.token not in (tmp_path / "log.txt").read_text("utf-8")
