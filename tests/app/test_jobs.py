"""Long work: the worker process and the threads behind the app, and what a page shows of them."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from screen import EXPLORE, LOAD, App, open_app

from core import Project
from core.errors import StoreError
from pages.ui import cached
from pages.ui.jobs import STAGES, Background, MapJob, MapWorker

SMALL_PARTS = {"embed": {"part_texts": 16}}  # so that there is something to resume soon


def until(condition: Callable[[], object], within: float = 60) -> None:
    """Wait for what happens in another process or thread."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def worker():
    """One real worker process for the tests of this module; starting one takes seconds."""
    one = MapWorker()
    yield one
    one.close()


@pytest.fixture
def start(worker: MapWorker, folder: Path, home: Path):
    """Write a file of that many rows and have its map made."""

    def go(name: str, rows: int, **params: dict) -> MapJob:
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row(name, number)) + "\n" for number in range(rows)))
        request = {"path": str(path), "home": str(home), "params": params}
        return worker.start(name, name=path.name, rows=rows, request=request)

    return go


@pytest.fixture
def start_missing(worker: MapWorker, folder: Path, home: Path):
    """Ask for the map of a file that is not there: the quickest job that a process can answer."""

    def go(name: str) -> MapJob:
        request = {"path": str(folder / f"{name}.jsonl"), "home": str(home), "params": {}}
        return worker.start(name, name=name, rows=1, request=request)

    return go


def was_answered(job: MapJob) -> bool:
    """Whether a process has looked for that file."""
    until(lambda: not job.is_live)
    return job.status == "failed" and job.problem.startswith("There is no file")


def row(name: str, number: int) -> dict:
    """A row unlike all others."""
    return {"instruction": f"{name}: question number {number} " + "word " * (number % 60), "output": "b"}


def process_of(worker: MapWorker) -> int:
    """The process that works now."""
    assert worker._process is not None
    return worker._process.pid


def is_alive(pid: int) -> bool:
    """Whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- the worker process ------------------------------------------------------------------------------


def test_a_map_is_made_stage_by_stage(start, worker, folder, home):
    """Every stage is reported in turn, and the map is in the store at the end."""
    with worker._lock:  # the thread that takes the reports has to wait
        job = start("three", 3)
        assert job.status == "waiting"
        assert job.is_live
    until(lambda: not job.is_live)
    assert (job.status, tuple(job.reached)) == ("done", STAGES)
    assert Project.open(folder / "three.jsonl", home=home).has_map()


def test_what_goes_wrong_comes_as_words(start):
    """Problem and hint of the error, and what was done before it is stored."""
    job = start("greedy", 3, cluster={"clusters": 50})
    until(lambda: not job.is_live)
    assert job.status == "failed"
    assert job.problem == "50 clusters cannot be made of 3 rows."
    assert job.hint == "Choose a number from 1 to the rows."


def test_a_missing_file_comes_as_words(start_missing, folder):
    """A file that is gone when its turn comes."""
    job = start_missing("gone")
    assert was_answered(job)
    assert (job.problem, job.hint) == (f"There is no file {folder / 'gone.jsonl'}.", "Check the path.")


def test_a_bug_is_named_as_one(start):
    """An error that nobody foresaw fails the job and leaves the process."""
    job = start("bug", 3, embed={"part_texts": "many"})
    until(lambda: not job.is_live)
    assert job.status == "failed"
    assert job.problem.startswith("The work broke off: TypeError")
    assert "This is a bug." in job.hint


def test_the_same_map_is_not_made_twice_at_once(start, worker):
    """A second wish for it is given the job that is there."""
    with worker._lock:  # or three rows are done before the second wish
        job = start("once", 3)
        assert start("once", 3) is job
    until(lambda: not job.is_live)
    assert start("once", 3) is not job, "when it has ended it may be made again"
    until(lambda: not worker.job("once").is_live)


def test_stopping_ends_the_process_and_a_restart_goes_on_from_there(start, worker):
    """Nothing computes on after a stop; the vectors that were made are not made again."""
    job = start("stopped", 1_500, **SMALL_PARTS)
    until(lambda: job.progress.stage == "embed" and job.progress.done >= 64)
    done, pid = job.progress.done, process_of(worker)
    worker.stop("stopped")
    assert job.status == "stopped"
    assert not is_alive(pid)
    again = start("stopped", 1_500, **SMALL_PARTS)
    assert again is not job
    until(lambda: again.progress.stage == "embed" and again.progress.done)
    assert again.stage_began_at >= done - 16, "all whole parts are found"
    assert again.progress.total == 1_500
    worker.stop("stopped")


def test_a_killed_process_fails_its_job_and_the_next_start_works(start, start_missing, worker):
    """kill -9, as by the system when the memory is full."""
    job = start("killed", 1_500)
    until(lambda: job.status == "running")
    os.kill(process_of(worker), signal.SIGKILL)
    until(lambda: not job.is_live)
    assert (job.status, job.problem) == ("failed", "The worker process ended (code -9).")
    assert job.hint.startswith("Perhaps the memory was full.")
    assert was_answered(start_missing("after"))


def test_an_idle_process_that_was_killed_is_replaced(start_missing, worker):
    """Even at the very moment in which the app has not seen yet that it is gone."""
    assert was_answered(start_missing("before"))
    idle = process_of(worker)
    with worker._lock:  # the thread that would see it has to wait
        os.kill(idle, signal.SIGKILL)
        until(lambda: worker._process.poll() is not None)
        job = start_missing("replaced")
    assert was_answered(job)
    assert process_of(worker) != idle


def test_a_job_that_waits_is_not_lost_when_the_one_before_it_is_stopped(start, start_missing, worker):
    """One after the other: the second runs when the first is stopped, and a stop of it leaves the first."""
    first, second, third = start("first", 1_500), start_missing("second"), start_missing("third")
    until(lambda: first.status == "running")
    assert (second.status, third.status) == ("waiting", "waiting")
    worker.stop("third")
    assert (first.is_live, third.status) == (True, "stopped")
    worker.stop("first")
    assert was_answered(second)
    assert (first.status, third.status) == ("stopped", "stopped")


# --- the panel on the page ---------------------------------------------------------------------------


@pytest.fixture
def long_file(folder: Path) -> str:
    """A file whose map takes a while."""
    path = folder / "long.jsonl"
    path.write_text("".join(json.dumps(row("long", number)) + "\n" for number in range(8_000)))
    return str(path)


@pytest.fixture
def app_worker(worker: MapWorker, monkeypatch):
    """The app works with the process of this module."""
    monkeypatch.setattr(cached, "worker", lambda: worker)
    return worker


def test_two_sessions_see_one_job_and_either_may_stop_it(app_worker, long_file):
    """The panel, its stages and its end are the same for everybody who has the file open."""
    one, two = open_app(LOAD, data=long_file), open_app(EXPLORE, data=long_file)
    assert two.says("No map of 8,000 rows yet")
    one.press("make_map")
    two.run()
    for app in (one, two):
        assert "stop_job" in app.buttons()
        assert "make_map" not in app.buttons()
    until(lambda: one.run().says("**Embed the prompts**"))
    assert "of 8,000" in two.run().at.get("progress")[0].text
    two.press("stop_job")
    for app in (one.run(), two):
        assert app.says("Stopped. What was done is stored, and the next start goes on from there.")
        assert "restart_job" in app.buttons()
    one.press("restart_job")
    assert "stop_job" in two.run().buttons()
    one.press("stop_job")


def test_the_page_turns_to_the_map_when_it_is_made(app_worker, folder):
    """The panel goes, the figures come, and no button asks to make it again."""
    path = folder / "five.jsonl"
    path.write_text("".join(json.dumps(row("five", number)) + "\n" for number in range(3)))
    app = open_app(data=str(path)).press("make_map")
    until(lambda: "Selected" in app.run().figures())
    assert app.settle().figures()["Selected"] == "3"
    # A run in the middle of which the map came shows both; the panel then runs the page again by itself.
    until(lambda: not app.run().buttons() & {"make_map", "stop_job", "restart_job"})
    assert "open_map" in app.turn_to(LOAD).buttons()


def test_a_job_that_failed_says_why_and_offers_to_go_on(app_worker, folder):
    """Problem and hint in the panel, as text; with other settings the way is free again."""
    path = folder / "few.jsonl"
    path.write_text("".join(json.dumps(row("few", number)) + "\n" for number in range(3)))
    app = open_app(LOAD, data=str(path))
    set_clusters(app, 50)
    app.press("make_map")
    until(lambda: app.run().said("error"))
    assert app.said("error") == ["50 clusters cannot be made of 3 rows. Choose a number from 1 to the rows."]
    assert "restart_job" in app.buttons()
    set_clusters(app, 2)
    assert "make_map" in app.buttons()


def set_clusters(app: App, clusters: int) -> None:
    app.at.number_input(key="clusters").set_value(clusters)
    app.press("use_settings")


def test_a_map_that_was_pruned_after_its_job_can_be_made_again(app_worker, folder, monkeypatch):
    """A job that is done is no reason to show neither map nor button."""
    path = folder / "pruned.jsonl"
    path.write_text('{"instruction": "a", "output": "b"}\n')
    app = open_app(data=str(path))
    project = cached.project(str(path), cached.MapSettings())
    done = app_worker._jobs[project.map_key] = MapJob(project.map_key, "pruned", 1)
    done.status = "done"
    assert "make_map" in app.run().buttons()


# --- orders and curves in the background ---------------------------------------------------------------


@pytest.fixture
def background():
    """The threads, ended with the test."""
    one = Background()
    yield one
    one.close()


class Work:
    """Something slow that notices when nobody wants it any more."""

    def __init__(self) -> None:
        self.began, self.ended = threading.Event(), threading.Event()
        self.go_on = threading.Event()
        self.given_up = False

    def __call__(self, check) -> None:
        """Work until told to go on."""
        self.began.set()
        try:
            while not self.go_on.wait(0.005):
                check(None)
        except Exception:
            self.given_up = True
            raise
        finally:
            self.ended.set()


def test_a_newer_wish_of_the_same_session_replaces_the_older(background):
    """Dragging on does not wait for what the last place of the thumb would have needed."""
    older, newer = Work(), Work()
    background.want("orders", "me", "older", older)
    assert older.began.wait(5)
    background.want("orders", "me", "newer", newer)
    assert older.ended.wait(5)
    assert older.given_up
    assert newer.began.wait(5)
    until(lambda: not background.is_making("older"))
    assert background.is_making("newer")
    newer.go_on.set()
    until(lambda: not background.is_making("newer"))
    assert not newer.given_up


def test_a_wish_that_another_session_shares_goes_on(background):
    """Only what nobody wants is given up, and it is done once for all."""
    shared, other = Work(), Work()
    background.want("orders", "me", "shared", shared)
    background.want("orders", "you", "shared", lambda _: pytest.fail("it is being made already"))
    assert shared.began.wait(5)
    background.want("orders", "me", "other", other)
    assert not shared.ended.wait(0.1)
    shared.go_on.set()
    assert shared.ended.wait(5)
    assert not shared.given_up
    assert other.began.wait(5)
    other.go_on.set()


def test_curves_do_not_wait_for_orders(background):
    """Each kind has a thread of its own."""
    order, curve = Work(), Work()
    background.want("orders", "me", "order", order)
    background.want("curves", "you", "curve", curve)
    assert order.began.wait(5)
    assert curve.began.wait(5)
    order.go_on.set()
    curve.go_on.set()


def test_quick_work_is_there_at_once(background):
    """A moment's patience saves the page a second run."""
    found = []
    background.want("orders", "me", "quick", lambda _: found.append(1), within=5)
    assert found == [1]
    until(lambda: not background.is_making("quick"))


@pytest.mark.parametrize("within", [0.0, 5.0])
def test_an_error_is_handed_to_the_next_who_asks_and_then_tried_anew(background, within):
    """Whether it comes while a page waits or after, it is raised once."""
    times = []

    def fail(_) -> None:
        times.append(1)
        time.sleep(0.05)
        raise StoreError("The disk is full.", "Free some space.")

    with pytest.raises(StoreError, match="The disk is full"):
        for _ in range(1_000):
            background.want("orders", "me", "failing", fail, within=within)
            time.sleep(0.01)
    assert times == [1]
    background.want("orders", "me", "failing", lambda _: times.append(2), within=5)
    assert times == [1, 2]


def test_the_rate_counts_only_what_was_done_in_this_run(monkeypatch):
    """Neither parts that were found nor the time in which a model was loaded."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    job = MapJob("key", "name", 1_000)

    def report(after: float, done: int) -> None:
        now[0] += after
        job.take({"stage": "embed", "done": done, "total": 1_000, "note": ""})

    report(0, 0)
    report(30, 600)
    assert job.rate() is None
    report(5, 650)
    assert (job.rate(), job.seconds_left()) == (10, 35)


def test_a_stage_that_knows_the_time_left_is_believed(monkeypatch):
    """The longest prompts come first, so the rate in rows would frighten; the stage counts tokens."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    job = MapJob("key", "name", 1_000)
    for done, left in ((0, None), (10, 50.0), (20, 40.0)):
        now[0] += 10
        job.take({"stage": "embed", "done": done, "total": 1_000, "note": "", "seconds_left": left})
    assert (job.rate(), job.seconds_left()) == (1, 40)
