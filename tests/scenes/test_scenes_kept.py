"""How scenes are kept: decisions as JSON, and a ledger that is old, full, read-only or written by two."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept_scenes import DATA, PARAMS, REPOSITORY, SCENE, names

from core import Pins, SelectParams
from core.errors import ParameterError, StoreError
from core.ledger import SCHEMA, Ledger
from core.scene_table import SceneTable
from core.scenes import params_from_json, params_to_json

# Decisions as JSON.

NUMBERS = st.floats(allow_nan=False, width=32) | st.integers(-5, 5)
PARAMETERS = st.builds(
    SelectParams,
    judge=st.none() | st.text(),
    min_score=st.none() | NUMBERS,
    count=st.none() | st.integers(0, 10**8),
    strategy=st.text(),
    seed=st.integers(0, 10**8),
    options=st.lists(st.tuples(st.text(), NUMBERS | st.text() | st.booleans()), max_size=3).map(tuple),
    pins=st.builds(
        Pins, include=st.frozensets(st.text(), max_size=3), exclude=st.frozensets(st.text(), max_size=3)
    ),
)


@given(params=PARAMETERS)
def test_decisions_come_back_as_they_were(params):
    """Every field, of the same type, and hashable as before."""
    found, problems = params_from_json(params_to_json(params))
    assert (found, problems, hash(found)) == (params, (), hash(params))
    assert type(found.min_score) is type(params.min_score)


def test_numbers_of_numpy_are_numbers():
    """A threshold read from an array is kept as the number it is."""
    params = replace(PARAMS, min_score=np.float32(2.5), count=np.int64(3))
    assert params_from_json(params_to_json(params)) == (replace(PARAMS, min_score=2.5, count=3), ())


def _altered(path, change):
    """Change the stored decisions of a scene by hand."""
    with sqlite3.connect(path) as connection:
        ((text,),) = connection.execute("SELECT params FROM scenes").fetchall()
        connection.execute("UPDATE scenes SET params = ?", (change(text),))
    connection.close()


def test_a_decision_of_another_version_is_said(fresh):
    """An unknown field is a sentence of the scene, in the list and when it is opened; a missing one has its default."""
    fresh.save_scene(fresh.select(PARAMS), "One")
    path = fresh.home / "ledger.sqlite"
    _altered(path, lambda text: json.dumps({**json.loads(text), "max_colours": 7}))
    said = ("It was saved with 'max colours' at 7, which this version does not know.",)
    assert fresh.scenes()[0].problems == fresh.reopen_scene("One")[1] == said
    _altered(
        path,
        lambda text: json.dumps(
            {k: v for k, v in json.loads(text).items() if k not in ("seed", "max_colours")}
        ),
    )
    assert (fresh.scenes()[0].params, fresh.scenes()[0].problems) == (PARAMS, ())


def test_a_scene_of_a_strategy_that_is_gone_is_not_opened(fresh):
    """It is said, and the pins stay as they are."""
    pinned = fresh.ledger.pin(fresh.dataset.fingerprint, "include", [fresh.dataset.frame["id"][0]])
    fresh.save_scene(fresh.select(PARAMS), "One")
    _altered(fresh.home / "ledger.sqlite", lambda text: json.dumps(json.loads(text) | {"strategy": "gone"}))
    with pytest.raises(ParameterError, match="There is no strategy 'gone'"):
        fresh.reopen_scene("One")
    assert fresh.pins == pinned


@pytest.mark.parametrize(
    "broken", ["", "[]", "{}", '{"pins": {"sideways": []}}', '{"pins": 3}', '{"pins": {"include": 3}}']
)
def test_a_scene_that_is_none_is_said(path, broken):
    """With the file and the name, and no traceback."""
    SceneTable(path, DATA).add(SCENE, replace=False)
    _altered(path, lambda _: broken)
    with pytest.raises(StoreError, match=r"The scene “One” in .* could not be read"):
        SceneTable(path, DATA).all()


# The file.


def test_looking_creates_no_file_and_a_ledger_may_hold_scenes_alone(path):
    """No scene leaves no folder; with the first scene there are still no pins, and pinning goes on from there."""
    assert SceneTable(path, DATA).all() == ()
    assert not path.parent.exists()
    SceneTable(path, DATA).add(SCENE, replace=False)
    ledger = Ledger(path)
    assert (ledger.pins(DATA), ledger.steps(DATA), ledger.undo(DATA)) == (Pins(), 0, Pins())
    ledger.pin(DATA, "include", "a")
    assert names(SceneTable(path, DATA)) == "One"


def test_a_ledger_from_before_scenes_takes_them_and_its_steps_are_undone(path):
    """Its pins are there, restoring is one step, and undo goes back through all of them."""
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA.split("CREATE TABLE IF NOT EXISTS pin_joined")[0])
        add = "INSERT INTO pin_events (dataset, operation, ids, at) VALUES (?, ?, ?, 0)"
        connection.execute(add, (DATA, "include", '["a", "b"]'))
        connection.execute(add, (DATA, "exclude", '["c"]'))
    connection.close()
    ledger = Ledger(path)
    before = ledger.pins(DATA)
    assert (before.include, before.exclude, ledger.steps(DATA)) == ({"a", "b"}, {"c"}, 2)
    assert SceneTable(path, DATA).all() == ()
    SceneTable(path, DATA).add(SCENE, replace=False)
    wanted = Pins(include=frozenset("cx"), exclude=frozenset("a"))
    assert ledger.restore(DATA, wanted)
    assert (ledger.pins(DATA), ledger.steps(DATA)) == (wanted, 3)
    assert (ledger.undo(DATA), ledger.steps(DATA)) == (before, 2)
    assert len(ledger.undo(DATA)) == 2


def _table_in(home):
    return SceneTable(home / "ledger.sqlite", DATA)


def test_a_full_disk_is_said_and_loses_nothing(read_only):
    """A scene that does not fit is not there by half; those before it are."""
    home, _ = read_only
    table = _table_in(home)
    table.add(SCENE, replace=False)
    large = replace(SCENE, name="Large", picture=bytes(4 << 20))
    for again in (replace(large, name="One"), large):
        with pytest.raises(StoreError, match="could not be written") as caught:
            table.add(again, replace=True)
        assert "earlier decisions are untouched" in caught.value.hint
    assert table.all() == (SCENE,)
    table.add(replace(SCENE, name="Two"), replace=False)
    assert names(table) == "OneTwo"


def test_a_read_only_home_still_shows_its_scenes(read_only):
    """They are read; saving, moving and deleting say why they cannot be done."""
    home, freeze = read_only
    table = _table_in(home)
    table.add(SCENE, replace=False)
    freeze()
    for act in (lambda: table.add(replace(SCENE, name="x"), replace=False), lambda: table.delete("One"),
                lambda: table.move("One", 1), lambda: table.rename("One", to="x", note=None)):  # fmt: skip
        with pytest.raises(StoreError, match="could not be written"):
            act()
    assert table.all() == (SCENE,)


WRITER = """
import sys
from dataclasses import replace
from core.scene_table import SceneTable
sys.path.insert(0, "tests/scenes")
from kept_scenes import SCENE
table, name = SceneTable(sys.argv[1], "fingerprint"), sys.argv[2]
for k in range(int(sys.argv[3])):
    table.add(replace(SCENE, name=f"{name}{k}", picture=bytes(200_000)), replace=False)
    print(k, flush=True)
"""


def _writer(path, name, count):
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def test_two_processes_that_save_at_once_lose_no_scene(path):
    """Both begin on a file that is not there; each one's scenes stand in its sequence."""
    writers = [_writer(path, name, 8) for name in "ab"]
    for writer in writers:
        writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0, 0]
    found = [scene.name for scene in SceneTable(path, DATA).all()]
    for name in "ab":
        assert [each for each in found if each[0] == name] == [f"{name}{k}" for k in range(8)]


def test_a_killed_writer_leaves_every_scene_that_it_reported(path):
    """kill -9 in the midst: those that were saved are whole, at most one more, and saving goes on."""
    process = _writer(path, "k", 10_000)
    for line in process.stdout:
        if int(line) >= 5:
            break
    time.sleep(0.004)
    process.send_signal(signal.SIGKILL)
    told = max([int(line), *map(int, process.stdout.read().split())])
    process.wait(30)
    process.stdout.close()
    found = SceneTable(path, DATA).all()
    assert told + 1 <= len(found) <= told + 2
    assert {scene.picture for scene in found} == {bytes(200_000)}
    SceneTable(path, DATA).add(SCENE, replace=False)
