"""The figures of card and report are measured while a person still decides what to download."""

from __future__ import annotations

import threading
import time

import pytest
from screen import EXPORT, App, open_app

from core import Project
from core.domain import Progress
from core.errors import StoreError
from pages.ui import ahead

pytestmark = pytest.mark.usefixtures("licence")
MEASURING = "The figures of the card are being measured; a download waits for them."


def until(app: App, condition) -> None:
    """Run the page until it is so."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, app.said()
        time.sleep(0.02)
        app.run()


@pytest.fixture
def slow(monkeypatch):
    """Measuring that reports its second set and goes on when it is let go."""
    told, go_on = threading.Event(), threading.Event()

    def compare_one(project, name, chosen, *, on_progress):
        on_progress(Progress("figures", 1, 6, "random draw 1 of 5"))
        told.set()
        assert go_on.wait(60)

    monkeypatch.setattr(ahead, "compare_one", compare_one)
    yield told, go_on
    go_on.set()


def test_the_page_says_what_is_measured_until_it_is(slow):
    """What a download would wait for, and how far that is; nothing any more when it is done."""
    told, go_on = slow
    app = open_app(EXPORT, count="93")
    assert told.wait(60)
    app.run()
    assert app.says(f"{MEASURING} Now: random draw 1 of 5.")
    go_on.set()
    until(app, lambda: not app.says(MEASURING))


def test_a_download_measures_nothing_again(monkeypatch):
    """All six sets are measured when the page has nothing more to say, without a button pressed."""
    app = open_app(EXPORT, count="87")
    until(app.settle(), lambda: not app.says(MEASURING))

    def never(*_, **__):
        raise AssertionError("measured again")

    monkeypatch.setattr("core.metrics.measure_content", never)
    project: Project = ahead.cached.project("sample", ahead.cached.MapSettings())
    for seed in range(5):
        assert project.control_measures(87, seed, judge="accuracy")["rows"] == 87


def test_with_the_report_every_threshold_is_measured_too(monkeypatch):
    """The curves of the report take as long as its figures: a tick has them made at once."""
    asked = []
    monkeypatch.setattr(Project, "plane", lambda *_, **__: asked.append("plane"))
    app = open_app(EXPORT, count="85")
    until(app.settle(), lambda: not app.says(MEASURING))
    assert not asked
    app.at.checkbox(key="report").check().run()
    until(app, lambda: asked == ["plane"])


def test_what_cannot_be_measured_is_said(monkeypatch):
    """A store that cannot be read, for instance; the page stays, and so do its buttons."""

    def fail(*_, **__):
        raise StoreError("The figures cannot be read.", "Delete them.")

    monkeypatch.setattr(ahead, "compare_one", fail)
    app = open_app(EXPORT, count="83")
    until(app, lambda: "The figures cannot be read. Delete them." in app.said("warning"))
    assert app.at.get("download_button")
