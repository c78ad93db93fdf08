"""kill -9, a full disk and a read-only home, in the middle of what takes rows in or hands them over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_project import copied, write

from core import Project, SelectParams, scoring
from core.domain import ScoreColumn
from core.errors import DataError, StoreError
from core.loading import fetch, here, ids_sha256, load, look, reference
from core.push import files_of

sys.path.append(str(Path(__file__).parent / "loading"))
from hub_stand_in import stand_in

REPOSITORY = Path(__file__).parents[1]
PARAMS = SelectParams(count=9, strategy="longest")


def killed(code, at, *arguments):
    """Run code until it makes the file that it is given, then kill -9."""
    process = subprocess.Popen([sys.executable, "-c", code, str(at), *map(str, arguments)], cwd=REPOSITORY)
    end = time.monotonic() + 60
    while not at.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(30)


# A download.

DOWNLOAD = """
import sys, time
from pathlib import Path
from core.loading import fetch

calls = []

def hold(progress):
    calls.append(progress)
    if len(calls) == int(sys.argv[2]):
        Path(sys.argv[1]).touch()
        time.sleep(60)

fetch("hf://o/n", Path(sys.argv[3]), on_progress=hold)
"""
BIG = [{"instruction": f"{number} " + "x" * 1000, "output": "o"} for number in range(2500)]
SMALL = [{"instruction": "last", "output": "o"}]


def _lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture
def hub(monkeypatch):
    """A hub on this machine, with one dataset in two files, of which one comes in three pieces."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with stand_in() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        server.datasets["o/n"] = {"main": {"train-a.jsonl": _lines(BIG), "train-b.jsonl": _lines(SMALL)}}
        yield server


@pytest.mark.parametrize("piece", [2, 4, 6])
def test_a_download_that_was_killed_goes_on_and_half_a_file_is_never_taken(hub, tmp_path, piece):
    """In the middle of a file, between two, and before it is said that all are there."""
    folder, wanted = tmp_path / "hub", reference("hf://o/n")
    killed(DOWNLOAD, tmp_path / "now", piece, folder)
    pinned = look(wanted).pinned(wanted)
    assert here(pinned, folder) is None
    hub.asked.clear()
    dataset = load(here(fetch("hf://o/n", folder), folder))
    assert dataset.rows.to_dicts() == BIG + SMALL
    begun = [headers["range"] for path, headers in hub.asked if "range" in headers]
    again = [path for path, _ in hub.asked if path.endswith("train-a.jsonl")]
    assert len(begun) == (piece == 2)
    assert len(again) == (piece == 2)


# Taking rows out.

TAKE_OUT = """
import sys
from pathlib import Path
from core import Project

project = Project.open(sys.argv[2], home=sys.argv[3])
for number in range(int(sys.argv[4]), 60):
    project.take_out("by-hand", ids=[f"r{number:02}"])
    with open(sys.argv[5], "ab") as told:
        told.write(b".")
    if number % 7 == 6:
        Path(sys.argv[1]).touch()
"""


def test_taking_out_that_was_killed_leaves_whole_steps(tmp_path):
    """Each that was reported is there, at most one more, and each has the rows that its digest is of."""
    file, home, told = write(tmp_path / "small.jsonl"), tmp_path / "home", tmp_path / "told"
    for moment in range(2):
        done = told.stat().st_size if told.exists() else 0
        killed(TAKE_OUT, tmp_path / f"now {moment}", file, home, done, told)
        project = Project.open(file, home=home)
        removals, done = project.cleaning.removals, told.stat().st_size
        assert done <= len(removals) <= done + 1
        assert all(each.ids_sha256 == ids_sha256(project.dataset, each.found) for each in removals)
        assert len(project.cleaned().dataset) == 60 - len(removals)
        told.write_bytes(b"." * len(removals))


# An export.

EXPORT = """
import os, sys, time
from pathlib import Path
from core import Project, SelectParams

project = Project.open(sys.argv[3], home=sys.argv[4])
chosen = project.select(SelectParams(count=30, strategy="longest"))
real, calls = os.fsync, []

def fsync(descriptor):
    if os.readlink(f"/proc/self/fd/{descriptor}").startswith(sys.argv[5]):
        calls.append(descriptor)
        if len(calls) > int(sys.argv[2]):
            Path(sys.argv[1]).touch()
            time.sleep(60)
    real(descriptor)

os.fsync = fsync
project.export(chosen, sys.argv[5], licence="cc-by-4.0")
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Which file is synced is read from /proc.")
@pytest.mark.parametrize("files", [0, 5])
def test_an_export_that_was_killed_holds_no_half_file_and_is_not_taken_for_whole(tmp_path, files):
    """Each file is of one export or the other; what is mixed is not pushed; the next export mends it."""
    file, home = copied(tmp_path / "home")
    project, out = Project.open(file, home=home), tmp_path / "out"
    project.export(project.select(PARAMS), out, licence="cc-by-4.0")
    before = _held(out)
    killed(EXPORT, tmp_path / "now", files, file, home, out)
    other = Project.open(file, home=home)
    whole = tmp_path / "whole"
    other.export(other.select(SelectParams(count=30, strategy="longest")), whole, licence="cc-by-4.0")
    after, now = _held(whole), _held(out)
    assert all(content in (before.get(name), after.get(name)) for name, content in now.items())
    if files:
        assert any(now[name] != before[name] for name in now)
        with pytest.raises(DataError):
            files_of(out)
    else:
        assert files_of(out).keys() == before.keys() - {"SHA256SUMS"}
    other.export(other.select(SelectParams(count=30, strategy="longest")), out, licence="cc-by-4.0")
    assert _held(out) == after
    assert not list(out.rglob(".*.writing"))


def _held(folder):
    """Name -> content of every file that somebody would look at; the time of an export is no part of it."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


# A disk that takes nothing more.


@pytest.fixture(params=["full", "read-only"])
def closed(request, read_only, hub):
    """A home in which one row is out, on a disk that is full or read-only; and (data, home)."""
    home, freeze = read_only
    file = write(home.parent / "small.jsonl")
    Project.open(file, home=home).take_out("by-hand", ids=["r01"])
    if request.param == "read-only":
        freeze()
    else:
        with pytest.raises(OSError, match="No space"), (home / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)
    return file, home


def _scored(file, home):
    path = file.with_name("ppl.csv")
    path.write_text("id,ppl\n" + "".join(f"r{place:02},{place}\n" for place in range(60)))
    column = ScoreColumn(name="ppl", column="ppl", file=scoring.open_scores(path, by="id", key="id").file)
    return Project.open(file, home=home).keep_scores([column])


def _exported(file, home):
    _, stages = copied(file.with_name("built"))
    project = Project.open(file, home=stages)
    return project.export(project.select(PARAMS), home / "out", format="bundle")


CLOSED = {
    "the hub": lambda file, home: Project.open("hf://o/n", home=home),
    "scores": _scored,
    "taking out": lambda file, home: Project.open(file, home=home).take_out("exact-duplicates"),
    "undo": lambda file, home: Project.open(file, home=home).undo_cleaning(),
    "an export": _exported,
}


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="A small file system is mounted by root.")
def test_a_disk_that_takes_nothing_is_said_in_a_sentence_and_loses_nothing(closed, caplog):
    """Whatever was to be written; what was decided before is there, and what only reads goes on."""
    file, home = closed
    for what, act in CLOSED.items():
        with pytest.raises(StoreError, match=r"No space|are free|is full|[Rr]ead-?only") as caught:
            act(file, home)
        assert caught.value.problem.count("\n") == 0, what
        assert caught.value.hint, what
    caplog.clear()
    project = Project.open(file, home=home)
    assert [each.ids for each in project.cleaning.removals] == [frozenset({"r01"})]
    assert project.scores == ()
    assert len(project.cleaned().dataset) == 59
    assert len(project.checkup()) > 30
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1
    assert not [path for path in (home / "out").rglob("*") if path.is_file()]
