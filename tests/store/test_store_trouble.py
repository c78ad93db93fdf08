"""A store whose process is killed or raced, or whose disk is full or read-only."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from stored import KEY, TABLE, VECTORS, folder_of, leftovers, python, set_back

from core import store as store_module
from core.errors import StoreError
from core.store import SMALL, Key, Store

# Killed, raced, full, read-only.

KILLED = """
import os, sys, time
import numpy as np
from core import store

real, calls = os.fsync, []

def fsync(descriptor):
    calls.append(descriptor)
    if len(calls) > int(sys.argv[2]):
        open(sys.argv[1] + ".reached", "w").close()
        time.sleep(60)
    real(descriptor)

os.fsync = fsync
store.Store(sys.argv[1]).put(store.Key.of("vectors", 1, a=1), {"a": np.arange(9), "b": np.arange(9)})
"""


@pytest.mark.parametrize("synced", [0, 2, 3])
def test_a_process_killed_in_the_middle_leaves_nothing_visible(tmp_path, synced):
    """kill -9 before the last sync: no artefact, none listed, the next put works, the rest is swept."""
    store, key = Store(tmp_path / "store"), Key.of("vectors", 1, a=1)
    process = python(KILLED, store.root, synced)
    _wait_for(Path(f"{store.root}.reached"))
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    assert store.get(key) is None
    assert store.ls() == []
    (left,) = leftovers(store)
    store.sweep()
    assert left.exists()  # it could be somebody's who is still writing
    assert store.put(key, {"a": np.arange(9)}).array("a").tolist() == list(range(9))
    for path in (*left.iterdir(), left):
        set_back(path)
    store.sweep()
    assert leftovers(store) == []
    assert store.get(key) is not None


def _wait_for(path, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} never came"
        time.sleep(0.01)


RACER = """
import sys, time
from pathlib import Path
import numpy as np
from core.store import Key, Store

root, start = Path(sys.argv[1]), Path(sys.argv[2])
store = Store(root)
Path(sys.argv[3]).touch()
while not start.exists():
    pass
for k in range(12):
    key = Key.of("vectors", 1, k=k)
    array = store.put(key, {"a": np.full(20_000, k)}).array("a")
    assert array.min() == array.max() == k
    again = store.get(key)
    assert again is not None and again.array("a").tolist() == array.tolist()
"""


def test_two_processes_that_put_the_same_keys_both_succeed(tmp_path):
    """Whoever is second keeps what is there; every artefact is whole and nothing is left over."""
    store, start = Store(tmp_path / "store"), tmp_path / "start"
    processes = [python(RACER, store.root, start, tmp_path / f"ready{k}") for k in range(2)]
    for k in range(2):
        _wait_for(tmp_path / f"ready{k}")
    start.touch()
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert len(store.ls()) == 12
    assert all(store.get(Key.of("vectors", 1, k=k)) for k in range(12))
    assert leftovers(store) == []


def test_threads_that_mend_read_and_prune_at_once_never_see_half(tmp_path, caplog):
    """Under putting, pruning and harming, a reader gets the whole content or None, never an exception."""
    store = Store(tmp_path / "store")
    array = np.arange(SMALL, dtype=np.int64)
    stop = threading.Event()

    def read():
        seen = 0
        while not stop.is_set():
            artefact = store.get(KEY)
            if artefact is not None:
                assert np.array_equal(artefact.array("a"), array)
                seen += 1
        return seen

    def put():
        for _ in range(25):
            assert np.array_equal(store.put(KEY, {"a": array}).array("a"), array)

    def harm():
        for _ in range(25):
            store.prune()

    with ThreadPoolExecutor(4) as threads:
        reader = threads.submit(read)
        try:
            for work in [threads.submit(put), threads.submit(put), threads.submit(harm)]:
                work.result(timeout=60)
            store.put(KEY, {"a": array})
            time.sleep(0.05)
        finally:
            stop.set()
        assert reader.result(timeout=60) > 0
    assert not [record for record in caplog.records if "is not what was written" in record.message]
    assert leftovers(store) == []


@contextmanager
def _failing(monkeypatch, name, error, after=0):
    calls = []

    def fail(*arguments, **settings):
        calls.append(name)
        if len(calls) > after:
            raise error
        return real(*arguments, **settings)

    owner, _, attribute = name.rpartition(".")
    owner = {"os": os, "path": Path}[owner]
    real = getattr(owner, attribute)
    with monkeypatch.context() as patch:
        patch.setattr(owner, attribute, fail)
        yield


@pytest.mark.parametrize(
    ("name", "after"), [("os.fsync", 0), ("os.fsync", 1), ("os.fsync", 2), ("path.mkdir", 0)]
)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_is_said_and_harms_nothing(store, monkeypatch, name, after, code):
    """The system's reason and what to do; earlier artefacts are whole and nothing is left behind."""
    earlier = Key.of("vectors", 1, earlier=True)
    store.put(earlier, {"a": VECTORS})
    with (
        _failing(monkeypatch, name, OSError(code, os.strerror(code)), after),
        pytest.raises(StoreError, match=os.strerror(code)) as caught,
    ):
        store.put(KEY, {"a": VECTORS, "b": TABLE})
    assert "what was stored before is untouched" in caught.value.hint
    assert store.get(KEY) is None
    assert store.get(earlier) is not None
    assert leftovers(store) == []
    store.put(KEY, {"a": VECTORS, "b": TABLE})


@pytest.fixture
def tiny(tmp_path):
    """A file system of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("Mounting a small file system needs root.")
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("This machine does not allow a small file system to be mounted.")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


NOISE = np.random.default_rng(0).integers(0, 2**60, 2**18)  # two megabytes that no compression shrinks


@pytest.mark.parametrize("part", [NOISE, pl.DataFrame({"a": NOISE})], ids=["array", "table"])
def test_a_disk_that_is_really_full_is_said_and_harms_nothing(tiny, part):
    """No space left on device, in these words; what is there stays, and there is room again for less."""
    store, earlier = Store(tiny / "store"), Key.of("vectors", 1, earlier=True)
    store.put(earlier, {"a": VECTORS})
    with pytest.raises(StoreError, match="No space left on device"):
        store.put(KEY, {"small": VECTORS, "large": part})
    assert leftovers(store) == []
    assert store.get(earlier).array("a").tolist() == VECTORS.tolist()
    assert store.put(KEY, {"large": VECTORS}) is not None


def test_a_read_only_disk_is_read_and_never_pruned_in_silence(tiny):
    """Reading goes on; putting and pruning say that the file system is read-only."""
    store = Store(tiny / "store")
    store.put(KEY, {"a": VECTORS})
    subprocess.run(["mount", "-o", "remount,ro", str(tiny)], check=True)
    assert store.get(KEY) is not None
    with pytest.raises(StoreError, match="could not be written: Read-only file system"):
        store.put(Key.of("vectors", 2), {"a": VECTORS})
    with pytest.raises(StoreError, match="could not be freed: Read-only file system"):
        store.prune()
    assert store.get(KEY) is not None


def test_a_store_below_a_file_is_said(tmp_path):
    """Where the home is a file, get finds nothing and put says why."""
    (tmp_path / "taken").write_text("")
    store = Store(tmp_path / "taken" / "store")
    assert store.get(KEY) is None
    with pytest.raises(StoreError, match="Not a directory"):
        store.put(KEY, {"a": VECTORS})


def test_a_reader_keeps_its_arrays_when_the_artefact_is_pruned(store):
    """A mapped array stays readable to its end after its file is gone."""
    array = np.random.default_rng(0).standard_normal(2 * SMALL)
    put = store.put(KEY, {"a": array}).array("a")
    got = store.get(KEY).array("a")
    store.prune()
    assert store.get(KEY) is None
    assert np.array_equal(put, array)
    assert np.array_equal(got, array)


def test_freeing_takes_an_artefact_away_in_one_step(store, monkeypatch, caplog):
    """While its files are deleted one by one, nobody finds it any more, nor takes it for damaged."""
    seen = []
    real = store_module.shutil.rmtree

    def rmtree(path, **settings):
        seen.append((folder_of(store).exists(), store.get(KEY)))
        real(path, **settings)

    store.put(KEY, {"a": VECTORS})
    monkeypatch.setattr(store_module.shutil, "rmtree", rmtree)
    store.prune()
    assert seen == [(False, None)]
    assert caplog.text == ""
