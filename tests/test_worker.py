from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from small_project import built, copied, write

from core import Project, worker
from core.domain import Progress, SchemaMapping
from core.errors import StoreError
from core.loading import written
from core.project import MapParams

REPOSITORY = Path(__file__).parents[1]
STAGES = ("draft map", "count tokens", "embed", "neighbours", "clusters", "names", "map")


def _run(request):
    """The events of one job, run in this process."""
    reports = io.StringIO()
    worker.run(request, reports)
    return [json.loads(line) for line in reports.getvalue().splitlines()]


@pytest.fixture
def start():
    """Start a worker process, perhaps with code that is run before it; every one is ended afterwards."""
    processes = []

    def begin(code=""):
        process = subprocess.Popen(
            [sys.executable, "-c", f"from core import worker\n{code}\nworker.main()"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def _ask(process, **request):
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()


def _events(process):
    """The events of one job, as they come, up to the one that ends it."""
    for line in process.stdout:
        event = json.loads(line)
        yield event
        if "stage" not in event:
            return


SLOW = """
import time
from core.domain import Progress
from core.project import Project

def build(self, *, on_progress):
    on_progress(Progress("embed", 0, 10))
    time.sleep(60)

Project.build = build
"""


# The protocol.


def test_a_job_reports_its_stages_and_its_end(tmp_path):
    """Every event carries the job's name; a stage has done, total and a note; the last one says finished."""
    file = write(tmp_path / "a.jsonl", [{"instruction": f"Say {k}", "output": "x"} for k in range(3)])
    events = _run({"job": "7", "path": str(file), "home": str(tmp_path / "home")})
    assert {event["job"] for event in events} == {"7"}
    assert events[-1] == {"job": "7", "finished": True}
    for event in events[:-1]:
        assert set(event) == {"job", *Progress._fields}
        assert 0 <= event["done"] <= event["total"]
    seen = list(dict.fromkeys(event["stage"] for event in events[:-1]))
    assert seen == list(STAGES)
    assert Project.open(file, home=tmp_path / "home").has_map()


def test_a_process_does_one_job_after_the_other(start, tmp_path):
    """It stays for the next one, in the order in which they were asked for; a failed one does not end it."""
    process = start()
    file, home = copied(tmp_path / "home")
    _ask(process, job="first", path=str(file), home=str(home))
    _ask(process, job="second", path=str(tmp_path / "none.jsonl"), home=str(home))
    _ask(process, job="third", path=str(file), home=str(home), params={})
    ends = [list(_events(process))[-1] for _ in range(3)]
    assert ends[0] == {"job": "first", "finished": True}
    assert ends[1]["job"] == "second"
    assert ends[1]["problem"].startswith("There is no file")
    assert ends[1]["hint"] == "Check the path."
    assert ends[2] == {"job": "third", "finished": True}


def test_settings_that_differ_make_another_map(tmp_path):
    """The request names stage and setting; what it leaves out is at its default."""
    params = worker.params_from({"cluster": {"clusters": 2}, "project": {"seed": 3}})
    assert (params.cluster.clusters, params.project.seed) == (2, 3)
    assert (params.embed, params.neighbours) == (MapParams().embed, MapParams().neighbours)
    assert worker.params_from({}) == MapParams()
    file, home = copied(tmp_path / "home")
    request = {"job": "7", "path": str(file), "home": str(home), "params": {"cluster": {"clusters": 2}}}
    assert _run(request)[-1] == {"job": "7", "finished": True}
    project = Project.open(file, home=home, params=worker.params_from(request["params"]))
    assert project.has_map()
    assert set(project.labels().tolist()) == {0, 1}


def test_a_job_may_stop_at_what_choosing_needs(tmp_path):
    """Without a map: vectors of word counts, neighbours and clusters are stored, coordinates are not."""
    file = write(tmp_path / "rows.jsonl")
    settings = {"embed": {"model": "word-counts"}}
    request = {"job": "7", "path": str(file), "home": str(tmp_path), "params": settings, "map": False}
    events = _run(request)
    assert events[-1] == {"job": "7", "finished": True}
    assert "map" not in {event.get("stage") for event in events}
    project = Project.open(file, home=tmp_path, params=worker.params_from(settings))
    assert project.can_choose()
    assert not project.has_map()


def test_a_file_is_read_as_the_request_says(tmp_path):
    """The map is that of the columns and of the turns that the page shows, not of what is recognised."""
    file, home = tmp_path / "rows.jsonl", tmp_path / "home"
    lines = [{"talk": [f"ask {k}", "a", f"more {k % 7}", "b"], "k": k} for k in range(30)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    mapping = SchemaMapping("turns", (("conversations", "talk"),))
    request = {"job": "7", "path": str(file), "home": str(home), "mapping": written(mapping)}
    assert _run({**request, "embed": "all-user"})[-1] == {"job": "7", "finished": True}
    assert Project.open(file, home=home, mapping=mapping, embed="all-user").has_map()
    assert not Project.open(file, home=home, mapping=mapping).has_map()


def test_warming_up_is_a_job_without_a_file(monkeypatch):
    """The kernels are compiled and nothing else is done."""
    warmed = []
    monkeypatch.setattr("core.projection.warm_up", lambda: warmed.append(1))
    assert _run({"job": "warm", "warm": True}) == [{"job": "warm", "finished": True}]
    assert warmed == [1]


# What goes wrong.


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"cluster": {"method": "magic"}}, 'There is no clustering "magic".'),
        ({"cluster": {"clusters": 1000}}, "1,000 clusters cannot be made of 60 rows."),
    ],
)
def test_a_problem_of_the_person_is_reported_with_its_hint(tmp_path, settings, problem):
    """One sentence of what is wrong, one of what to do, and no traceback."""
    file, home = copied(tmp_path / "home")
    last = _run({"job": "7", "path": str(file), "home": str(home), "params": settings})[-1]
    assert last["problem"] == problem
    assert last["hint"].startswith("Choose")
    assert set(last) == {"job", "problem", "hint"}


def test_a_full_disk_is_reported_as_a_problem(tmp_path, monkeypatch):
    """What the store says is passed on."""

    def full(*_, **__):
        raise StoreError("The store could not be written: No space left on device.", "Free some space.")

    monkeypatch.setattr("core.store.Store.put", full)
    file = write(tmp_path / "a.jsonl", [{"instruction": "a", "output": "b"}])
    last = _run({"job": "7", "path": str(file), "home": str(tmp_path / "home")})[-1]
    assert (last["problem"], last["hint"]) == (
        "The store could not be written: No space left on device.",
        "Free some space.",
    )


def test_a_bug_is_reported_as_a_bug(monkeypatch, capsys):
    """Its kind and text go to the app, its traceback to the log, and no problem is made of it."""
    file, home = built()
    monkeypatch.setattr("core.project.Project.build", lambda *_, **__: 1 / 0)
    (event,) = _run({"job": "7", "path": str(file), "home": str(home)})
    assert event == {"job": "7", "bug": "ZeroDivisionError: division by zero"}
    assert "Traceback" in capsys.readouterr().err
    (event,) = _run({"job": "8", "path": str(file), "home": str(home), "params": {"embed": {"colour": 1}}})
    assert event["bug"].startswith("TypeError")


def test_what_libraries_print_is_no_report(start):
    """Neither print nor a write to the descriptor from C reaches the app; both reach the log."""
    process = start(
        "import os, sys\n"
        "from core import projection\n"
        "def noisy():\n"
        "    print('printed by a library')\n"
        "    sys.stdout.write('and written')\n"
        "    os.write(1, b'straight to the descriptor\\n')\n"
        "    os.system('echo from a child process')\n"
        "projection.warm_up = noisy\n"
        "print('before main, nobody listens yet', file=sys.stderr)\n"
    )
    _ask(process, job="warm", warm=True)
    assert list(_events(process)) == [{"job": "warm", "finished": True}]
    out, err = process.communicate(timeout=30)
    assert out == ""
    for noise in (
        "printed by a library",
        "and written",
        "straight to the descriptor",
        "from a child process",
    ):
        assert noise in err


# Its end.


def test_it_ends_when_its_input_ends(start):
    """When the app is gone, so is the worker, with exit code 0."""
    process = start()
    process.stdin.close()
    assert process.wait(30) == 0


def test_it_ends_in_the_middle_of_a_job_when_its_input_ends(start):
    """A minute of work does not keep it alive."""
    process = start(SLOW)
    _ask(process, job="7", path=str(built()[0]), home=".winnow")
    assert next(_events(process))["stage"] == "embed"
    began = time.monotonic()
    process.stdin.close()
    assert process.wait(30) == 0
    assert time.monotonic() - began < 20
    assert process.stdout.read() == ""


def test_it_can_be_killed_in_the_middle_of_a_job(start):
    """Stopping a job is ending the process."""
    process = start(SLOW)
    _ask(process, job="7", path=str(built()[0]), home=".winnow")
    next(_events(process))
    process.kill()
    assert process.wait(30) == -signal.SIGKILL


# Throttling.


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = [1000.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])
    return now


def _throttled():
    said = []
    return worker._Throttled(lambda **fields: said.append((fields["stage"], fields["done"]))), said


def test_a_stage_that_reports_often_is_passed_on_now_and_then(clock):
    """The first, the last, and between them one every fifth of a second."""
    throttled, said = _throttled()
    for done in range(1001):
        throttled(Progress("embed", done, 1000))
        clock[0] += 0.001
    assert said[0] == ("embed", 0)
    assert said[-1] == ("embed", 1000)
    assert len(said) == 6
    steps = [later - earlier for (_, earlier), (_, later) in pairwise(said)]
    assert all(199 <= step <= 201 for step in steps[:-1])


def test_a_new_stage_is_passed_on_at_once(clock):
    """However short the one before was."""
    throttled, said = _throttled()
    for stage in STAGES:
        throttled(Progress(stage, 0, 10))
        throttled(Progress(stage, 1, 10))
    assert said == [(stage, 0) for stage in STAGES]


def test_the_end_of_a_stage_is_never_withheld(clock):
    """Even where it comes at the same moment as the beginning."""
    throttled, said = _throttled()
    throttled(Progress("clusters", 0, 60))
    throttled(Progress("clusters", 60, 60))
    assert said == [("clusters", 0), ("clusters", 60)]


def test_a_listener_takes_requests_while_a_job_runs(start):
    """What is asked for in the middle of a job waits for its turn and is not lost."""
    process = start(SLOW.replace("sleep(60)", "sleep(1)"))
    for job in ("1", "2"):
        _ask(process, job=job, path=str(built()[0]), home=".winnow")
    jobs = [list(_events(process))[-1]["job"] for _ in range(2)]
    assert jobs == ["1", "2"]


# Working ahead.

NEVER_EXACT = """
import core.neighbours
core.neighbours.EXACT_ROWS = worker.EXACT_ROWS = 20
"""
# Measuring ahead takes until it is stopped, and says when it begins and ends.
ENDLESS = (
    NEVER_EXACT
    + """
import pathlib, time
from core.domain import Progress
from core.project import Project

def measure(self, *, on_progress):
    pathlib.Path(self.home, "begun").touch()
    try:
        while True:
            on_progress(Progress("exact neighbours", 0, 1))
            time.sleep(0.02)
    finally:
        pathlib.Path(self.home, "stopped").touch()

Project.measure_ahead = measure
"""
)


def _until(there):
    end = time.monotonic() + 60
    while not there():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_with_nothing_else_to_do_it_measures_what_comparisons_need(start, tmp_path, monkeypatch):
    """After a map they are stored, without a word: nobody waits for them."""
    file, home = copied(tmp_path / "home")
    process = start(NEVER_EXACT)
    _ask(process, job="7", path=str(file), home=str(home))
    assert list(_events(process))[-1] == {"job": "7", "finished": True}
    monkeypatch.setattr("core.neighbours.EXACT_ROWS", 20)
    _until(lambda: Project.open(file, home=home).has_exact_neighbours())
    process.stdin.close()
    assert process.stdout.read() == ""


def test_a_new_job_does_not_wait_for_work_ahead(start, tmp_path):
    """What nobody asked for gives way to what somebody does."""
    file, home = copied(tmp_path / "home")
    process = start(ENDLESS)
    _ask(process, job="1", path=str(file), home=str(home))
    list(_events(process))
    _until((home / "begun").exists)
    _ask(process, job="2", path=str(file), home=str(home))
    assert list(_events(process))[-1] == {"job": "2", "finished": True}
    assert (home / "stopped").exists()


@pytest.mark.parametrize(
    ("limit", "request_more"),
    [("MOST_AHEAD = 59", {}), ("EXACT_ROWS = 60", {}), ("EXACT_ROWS = 20", {"map": False})],
    ids=["too many rows", "few rows", "no map"],
)
def test_what_takes_long_or_no_time_or_has_no_map_is_not_measured_unasked(
    start, tmp_path, limit, request_more
):
    """Half a minute of both cores is the most; few rows take no time; without a map nobody compares yet."""
    file, home = copied(tmp_path / "home")
    process = start(ENDLESS + f"worker.{limit}\n")
    for job in ("1", "2"):
        _ask(process, job=job, path=str(file), home=str(home), **request_more)
        assert list(_events(process))[-1] == {"job": job, "finished": True}
    assert not (home / "begun").exists()
