from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain import Pins
from core.errors import StoreError
from core.ledger import Ledger

DATA = "fingerprint"
REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "ledger.sqlite"


def _pins(include="", exclude=""):
    return Pins(include=frozenset(include), exclude=frozenset(exclude))


def _python(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )


# Steps.


def test_include_exclude_and_clear_are_steps(path):
    """The last word about a row counts; clearing takes it back to no word at all."""
    ledger = Ledger(path)
    assert ledger.pin(DATA, "include", "abc") == _pins("abc")
    assert ledger.pin(DATA, "exclude", "cd") == _pins("ab", "cd")
    assert ledger.pin(DATA, "include", "d") == _pins("abd", "c")
    assert ledger.pin(DATA, "clear", "ac") == _pins("bd")
    assert ledger.pins(DATA) == _pins("bd")
    assert ledger.steps(DATA) == 4


def test_undo_takes_back_one_step_at_a_time(path):
    """However many rows a step pinned, it goes as a whole; at the beginning nothing happens."""
    ledger = Ledger(path)
    seen = [ledger.pins(DATA)]
    for operation, ids in (("include", "abc"), ("exclude", "bx"), ("clear", "abcx"), ("include", "b")):
        seen.append(ledger.pin(DATA, operation, ids))
    while len(seen) > 1:
        assert ledger.pins(DATA) == seen.pop()
        assert ledger.undo(DATA) == seen[-1]
    assert ledger.undo(DATA) == ledger.pins(DATA) == Pins()
    assert ledger.steps(DATA) == 0


def test_datasets_have_their_own_pins_and_their_own_undo(path):
    """A step in one is neither seen nor taken back in the other."""
    ledger = Ledger(path)
    ledger.pin("one", "include", "a")
    ledger.pin("two", "exclude", "a")
    ledger.undo("one")
    assert (ledger.pins("one"), ledger.pins("two")) == (Pins(), _pins("", "a"))
    assert (ledger.steps("one"), ledger.steps("two")) == (0, 1)


def test_pins_survive_reopening(path):
    """A new ledger on the same file knows every pin and can undo it; ids may be any text."""
    ids = ["a'b\"c", "é\u2028", "", "; DROP TABLE pin_events;", "😀", "a\0b"]
    Ledger(path).pin(DATA, "include", ids)
    assert Ledger(path).pins(DATA) == _pins(ids)
    assert Ledger(path).undo(DATA) == Pins()
    assert Ledger(path).pins(DATA) == Pins()


STEP = st.tuples(
    st.sampled_from(["include", "exclude", "clear", "undo"]),
    st.frozensets(st.sampled_from("abcd"), max_size=3),
)


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(STEP, max_size=12))
def test_the_ledger_is_a_list_of_steps(tmp_path_factory, steps):
    """Whatever is pinned and undone, each row has the last word that was not taken back."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    ledger, words = Ledger(path), []
    for operation, ids in steps:
        if operation == "undo":
            ledger.undo(DATA)
            words = words[:-1]
        else:
            ledger.pin(DATA, operation, ids)
            words = [*words, (operation, ids)]
    last = {each: operation for operation, ids in words for each in ids}
    expected = Pins(
        include=frozenset(each for each, word in last.items() if word == "include"),
        exclude=frozenset(each for each, word in last.items() if word == "exclude"),
    )
    assert ledger.pins(DATA) == Ledger(path).pins(DATA) == expected
    assert ledger.steps(DATA) == len(words)


# Looking writes nothing.


def test_looking_creates_no_file(path):
    """Pins, the number of steps and an undo of nothing leave the folder as it was."""
    ledger = Ledger(path)
    assert ledger.pins(DATA) == ledger.undo(DATA) == Pins()
    assert ledger.steps(DATA) == 0
    assert not path.parent.exists()


def test_looking_leaves_no_trace_beside_the_file(path):
    """No journal, log or lock file stays after reading or writing."""
    Ledger(path).pin(DATA, "include", "a")
    before = path.stat().st_mtime_ns
    Ledger(path).pins(DATA)
    Ledger(path).steps(DATA)
    assert [each.name for each in path.parent.iterdir()] == ["ledger.sqlite"]
    assert path.stat().st_mtime_ns == before


def test_pins_that_were_read_are_held(path, monkeypatch):
    """A slider move asks for the pins and opens no file."""
    Ledger(path).pin(DATA, "include", "a")
    ledger = Ledger(path)
    ledger.pins(DATA)
    monkeypatch.setattr("core.ledger.sqlite3.connect", None)
    assert ledger.pins(DATA) == _pins("a")


def test_what_another_ledger_of_the_file_pins_is_seen(path):
    """As of a project with other map settings in the same home: both stand on the same pins at any time."""
    one, other = Ledger(path), Ledger(path)
    assert one.pins(DATA) == other.pins(DATA) == _pins()
    for ledger, operation, ids, expected in (
        (one, "include", "ab", _pins("ab")),
        (other, "exclude", "b", _pins("a", "b")),
        (one, "clear", "a", _pins("", "b")),
    ):
        ledger.pin(DATA, operation, ids)
        assert one.pins(DATA) == other.pins(DATA) == expected
    other.undo(DATA)
    assert one.pins(DATA) == _pins("a", "b")


def test_a_read_only_home_still_lets_one_look(read_only):
    """Pins are read; pinning says why it cannot be done, and what was held before still is."""
    home, freeze = read_only
    Ledger(home / "ledger.sqlite").pin(DATA, "include", "a")
    freeze()
    ledger = Ledger(home / "ledger.sqlite")
    assert ledger.pins(DATA) == _pins("a")
    assert ledger.steps(DATA) == 1
    for attempt in (lambda: ledger.pin(DATA, "exclude", "b"), lambda: ledger.undo(DATA)):
        with pytest.raises(StoreError, match="could not be written") as caught:
            attempt()
        assert "earlier decisions are untouched" in caught.value.hint
    assert ledger.pins(DATA) == _pins("a")


def test_a_read_only_home_without_a_ledger_lets_one_look(read_only):
    """There are no pins, and that is all."""
    home, freeze = read_only
    freeze()
    ledger = Ledger(home / "deep" / "ledger.sqlite")
    assert ledger.pins(DATA) == ledger.undo(DATA) == Pins()
    with pytest.raises(StoreError, match="Read-only file system"):
        ledger.pin(DATA, "include", "a")


# Files that cannot be used.


def test_a_folder_in_its_place_is_said(path):
    """Neither reading nor writing raises anything but a problem with a hint."""
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="could not be read"):
        Ledger(path).pins(DATA)
    with pytest.raises(StoreError, match="could not be written"):
        Ledger(path).pin(DATA, "include", "a")


def test_a_home_that_is_a_file_is_said(tmp_path):
    """The system's reason is passed on."""
    (tmp_path / "home").write_text("")
    ledger = Ledger(tmp_path / "home" / "ledger.sqlite")
    assert ledger.pins(DATA) == Pins()
    with pytest.raises(StoreError, match=r"File exists|Not a directory"):
        ledger.pin(DATA, "include", "a")


@pytest.mark.parametrize("content", [b"not a database at all" * 50, b"SQLite format 3\0" + b"\xff" * 500])
def test_a_file_that_is_no_ledger_is_said_and_left_alone(path, content):
    """It is somebody's: it is neither read as empty nor overwritten."""
    path.parent.mkdir()
    path.write_bytes(content)
    for attempt in (Ledger(path).pins, Ledger(path).undo, Ledger(path).steps):
        with pytest.raises(StoreError, match=r"could not be (read|written)"):
            attempt(DATA)
    with pytest.raises(StoreError, match="could not be written"):
        Ledger(path).pin(DATA, "include", "a")
    assert path.read_bytes() == content


def test_a_file_in_which_nothing_was_written_yet_has_no_pins(path):
    """An empty file, or a database of other tables, is a ledger at its beginning."""
    path.parent.mkdir()
    path.touch()
    assert Ledger(path).pins(DATA) == Pins()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE other (a)")
    connection.close()
    assert Ledger(path).steps(DATA) == 0
    assert Ledger(path).pin(DATA, "include", "a") == _pins("a")


def test_a_failed_write_changes_nothing(path):
    """An operation that the ledger does not know is refused by the file itself."""
    ledger = Ledger(path)
    ledger.pin(DATA, "include", "a")
    with pytest.raises(StoreError, match="CHECK constraint"):
        ledger.pin(DATA, "forget", "a")
    assert ledger.pins(DATA) == Ledger(path).pins(DATA) == _pins("a")


# Several writers, killed writers.

WRITER = """
import sys
from core.ledger import Ledger
ledger, name = Ledger(sys.argv[1]), sys.argv[2]
for k in range(25):
    ledger.pin("fingerprint", "include", [f"{name}{k}"])
"""


def test_two_processes_that_write_at_once_lose_no_step(path):
    """Both begin on a file that is not there, and all steps of both are in it."""
    writers = [_python(WRITER, path, name) for name in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    for writer in writers:
        writer.stdout.close()
    assert Ledger(path).steps(DATA) == 50
    assert Ledger(path).pins(DATA).include == {f"{name}{k}" for name in "ab" for k in range(25)}


def test_threads_that_pin_and_undo_at_once_lose_no_step(path):
    """As many steps as were made, less those taken back."""
    ledger, together = Ledger(path), threading.Barrier(4)

    def work(name):
        together.wait(30)
        for k in range(6):
            ledger.pin(DATA, "include", [f"{name}{k}"])
        ledger.undo(DATA)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "abcd"))
    assert ledger.steps(DATA) == len(ledger.pins(DATA)) == 20
    assert Ledger(path).pins(DATA) == ledger.pins(DATA)


KILLED = """
import sys
from core.ledger import Ledger
ledger = Ledger(sys.argv[1])
k = ledger.steps("fingerprint")
while True:
    ledger.pin("fingerprint", "include", [str(k)])
    k += 1
    print(k, flush=True)
"""


def test_a_killed_writer_leaves_every_step_that_it_reported(path):
    """kill -9 at any moment: the steps that were made are there, at most one more, and writing goes on."""
    told = 0
    for moment in (0.0, 0.003, 0.007, 0.011):
        process = _python(KILLED, path)
        for line in process.stdout:
            told = int(line)
            if told % 5 == 0:
                break
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        told = max([told, *map(int, process.stdout.read().split())])
        process.wait(30)
        process.stdout.close()
        ledger = Ledger(path)
        steps = ledger.steps(DATA)
        assert told <= steps <= told + 1
        assert ledger.pins(DATA).include == {str(k) for k in range(steps)}
        told = steps


def test_a_step_that_was_cut_off_is_taken_back_by_the_next_reader(path, tmp_path):
    """A journal that a killed process left is rolled back, even where one only looks."""
    ledger = Ledger(path)
    ledger.pin(DATA, "include", "a")
    hot = tmp_path / "hot"
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("PRAGMA cache_spill = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE pin_events SET ids = '[\"z\"]'")
        for _ in range(200):
            connection.execute(
                "INSERT INTO pin_events (dataset, operation, ids, at) VALUES ('other', 'include', ?, 0)",
                (f'["{"x" * 500}"]',),
            )
        shutil.copytree(path.parent, hot)  # what is on disk when the process dies here
        connection.execute("ROLLBACK")
    connection.close()
    assert (hot / "ledger.sqlite-journal").stat().st_size > 0
    assert (hot / "ledger.sqlite").stat().st_size > path.stat().st_size
    left = Ledger(hot / "ledger.sqlite")
    assert left.pins(DATA) == _pins("a")
    assert left.steps("other") == 0


# Pins of a moment, restored.


def test_restoring_pins_is_one_step(path):
    """Whatever was pinned, those of the moment are in their place, and one undo takes that back whole."""
    ledger = Ledger(path)
    ledger.pin(DATA, "include", "abc")
    ledger.pin(DATA, "exclude", "de")
    assert ledger.restore(DATA, _pins("cdx", "ax"))
    assert ledger.pins(DATA) == Ledger(path).pins(DATA) == _pins("cd", "ax")
    assert ledger.steps(DATA) == 3
    ledger.pin(DATA, "clear", "c")
    assert ledger.undo(DATA) == _pins("cd", "ax")
    assert ledger.undo(DATA) == _pins("abc", "de")
    assert (ledger.undo(DATA), ledger.steps(DATA)) == (_pins("abc"), 1)


def test_restoring_what_is_pinned_already_is_no_step(path):
    """Nothing is written, not even a file."""
    ledger = Ledger(path)
    assert not ledger.restore(DATA, Pins())
    assert not path.exists()
    ledger.pin(DATA, "include", "a")
    assert not ledger.restore(DATA, _pins("a"))
    assert ledger.steps(DATA) == 1


def test_restoring_sees_what_another_process_pinned(path):
    """Pins that this one has not read yet are replaced as well."""
    ledger = Ledger(path)
    ledger.pins(DATA)
    Ledger(path).pin(DATA, "include", "z")
    ledger.restore(DATA, _pins("a"))
    assert ledger.pins(DATA) == Ledger(path).pins(DATA) == _pins("a")


MOMENTS = st.lists(
    st.builds(_pins, st.sets(st.sampled_from("abcd")), st.sets(st.sampled_from("abcd"))), max_size=6
)


@settings(max_examples=10, deadline=None)
@given(moments=MOMENTS)
def test_undo_walks_back_through_restored_moments(tmp_path_factory, moments):
    """Each undo gives the moment before; an event of another dataset in between is no part of any step."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    ledger, seen = Ledger(path), [Pins()]
    for moment in moments:
        if ledger.restore(DATA, moment):
            seen.append(_pins(moment.include - moment.exclude, moment.exclude))
        ledger.pin("other", "include", "a")
        assert ledger.pins(DATA) == seen[-1]
    assert ledger.steps(DATA) == len(seen) - 1
    for before in reversed(seen[:-1]):
        assert ledger.undo(DATA) == before
    assert ledger.steps("other") == len(moments)
