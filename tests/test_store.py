from __future__ import annotations

import errno
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from core import store as store_module
from core.domain import REASON_DTYPE
from core.errors import StoreError
from core.store import MANIFEST, SETTLED, SMALL, Key, Store, StoredParts

KEY = Key.of("vectors", 1, dataset="abc", model="m", width=3)
VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)
TABLE = pl.DataFrame(
    {"id": ["a", None], "messages": [[{"role": "user", "content": "é"}], []], "n": [1, None]}
)
OLDER = 7200  # seconds; more than an abandoned folder may live
REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def _folder(store, key=KEY):
    return store.root / key.stage / key.digest


def _leftovers(store):
    """Every path below the store that belongs to no artefact."""
    return [path for path in store.root.glob("*/*") if not re.fullmatch("[0-9a-f]{64}", path.name)]


def _age(path, seconds=OLDER):
    """Set the clock of a file or folder back."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def _python(code, *arguments):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=REPOSITORY)


# What is put is what is got.


@pytest.mark.parametrize(
    "array",
    [
        VECTORS,
        np.array([np.nan, np.inf, -0.0], np.float32),
        np.arange(5, dtype=np.int64),
        np.array([True, False]),
        np.zeros((0, 3), np.float32),
        np.array(2.5),
        np.asfortranarray(VECTORS),
        VECTORS[::2, ::-1],
        np.array(["é", "abc"]),
        np.random.default_rng(0).standard_normal((SMALL // 8 + 1, 2)),
    ],
    ids=["2d", "special", "int", "bool", "empty", "scalar", "fortran", "strided", "text", "mapped"],
)
def test_an_array_comes_back_as_it_was(store, array):
    """Values, kind and shape are kept, laid out row by row and read-only, from put and from get."""
    for artefact in (store.put(KEY, {"a": array}), store.get(KEY)):
        kept = artefact.array("a")
        np.testing.assert_array_equal(kept, array)
        assert (kept.dtype, kept.shape) == (array.dtype, array.shape)
        assert kept.flags.c_contiguous
        assert not kept.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            kept[...] = 0


@pytest.mark.parametrize(
    "table",
    [TABLE, TABLE.clear(), pl.DataFrame({"r": pl.Series(["chosen"], dtype=REASON_DTYPE)}), pl.DataFrame()],
)
def test_a_table_comes_back_as_it_was(store, table):
    """Texts, nested messages, nulls, enums and empty tables are kept."""
    for artefact in (store.put(KEY, {"t": table}), store.get(KEY)):
        assert artefact.table("t").equals(table)
        assert artefact.table("t").schema == table.schema


def test_several_parts_and_notes_are_one_artefact(store):
    """Arrays, tables and notes about how they were made come back together."""
    notes = {"seconds": 1.5, "note": "é", "cut": None, "by_size": {10: "x", 9: "y"}}
    store.put(KEY, {"vectors": VECTORS, "table": TABLE}, notes)
    artefact = store.get(KEY)
    assert set(artefact.parts) == {"vectors", "table"}
    assert artefact.notes == {**notes, "by_size": {"10": "x", "9": "y"}}


def test_large_arrays_are_mapped_and_small_ones_read(store):
    """Processes share a large array's pages; a small one needs no open file."""
    store.put(KEY, {"large": np.zeros(SMALL, np.uint8), "small": np.zeros(8, np.uint8)})
    artefact = store.get(KEY)
    assert isinstance(artefact.array("large").base, np.memmap)
    assert not isinstance(artefact.array("small").base, np.memmap)


def test_what_was_never_put_is_none(store):
    """A missing artefact, and a store that does not exist yet, are not errors."""
    assert store.get(KEY) is None
    assert store.ls() == []
    store.drop(KEY)
    store.sweep()
    assert store.prune() == 0
    assert not store.root.exists()


def test_a_second_put_keeps_the_first(store):
    """A key names one content: what is whole is not replaced."""
    store.put(KEY, {"a": VECTORS}, {"by": "first"})
    assert store.put(KEY, {"a": VECTORS}, {"by": "second"}).notes == {"by": "first"}
    assert _leftovers(store) == []


def test_an_array_of_objects_is_never_written(store):
    """No pickle enters the store, and the attempt leaves nothing behind."""
    with pytest.raises(ValueError, match="Object arrays"):
        store.put(KEY, {"a": VECTORS, "b": np.array([{}], dtype=object)})
    assert store.get(KEY) is None
    assert list(store.root.glob("*/*")) == []


def test_notes_that_are_no_json_leave_nothing_behind(store):
    """A programming error in the notes is raised as what it is."""
    with pytest.raises(TypeError):
        store.put(KEY, {"a": VECTORS}, {"note": object()})
    assert list(store.root.glob("*/*")) == []


def test_an_array_of_objects_on_disk_is_never_opened(store, caplog):
    """An .npy that holds a pickle is damage, even where every checksum fits."""
    store.put(KEY, {"a": VECTORS})
    np.save(_folder(store) / "a.npy", np.array([_Trap()], dtype=object), allow_pickle=True)
    _rewrite_manifest(_folder(store), "a.npy")
    assert store.get(KEY) is None
    assert "damaged" in caplog.text
    assert not _Trap.opened


class _Trap:
    opened = False

    def __reduce__(self):
        return setattr, (_Trap, "opened", True)


def _rewrite_manifest(folder, name):
    """Make the checksums of a file that was altered on purpose fit again."""
    content = json.loads((folder / MANIFEST).read_bytes())["content"]
    entry = content["files"][Path(name).stem]
    entry.update(bytes=(folder / name).stat().st_size, sha256=store_module._read_sha256(folder / name))
    store_module._write_manifest(folder, content)


# Keys.


def test_a_key_does_not_depend_on_the_sequence_of_its_inputs():
    """Two callers that name the inputs in another order share the artefact."""
    assert Key.of("s", 1, a=1, b="x").digest == Key.of("s", 1, b="x", a=1).digest
    assert Key.of("s", 1, a=1, b="x") == Key.of("s", 1, b="x", a=1)


def test_every_input_the_stage_and_the_version_change_the_key():
    """No two of these can be taken for each other, whatever their values look like."""
    keys = [
        Key.of("s", 1, a=1, b="x"),
        Key.of("t", 1, a=1, b="x"),
        Key.of("s", 2, a=1, b="x"),
        Key.of("s", 1, a=2, b="x"),
        Key.of("s", 1, a=1, b="y"),
        Key.of("s", 1, a=1, c="x"),
        Key.of("s", 1, a=1),
        Key.of("s", 1, a="1", b="x"),
        Key.of("s", 1, a=1.0, b="x"),
        Key.of("s", 1, a=True, b="x"),
        Key.of("s", 1, a=None, b="x"),
        Key.of("s", 1, a="None", b="x"),
        Key.of("s", 1, a="1', b='x"),
        Key.of("s", 1),
    ]
    assert len({key.digest for key in keys}) == len(keys)


def test_a_key_is_what_it_was():
    """Stored artefacts are found by later versions."""
    assert KEY.digest == "083bac9ccaaeb245c7c0823fb09eac6336b47d4af2c5ed5e5c80e47cb76666fd"


# Damage.


def _flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def _lengthen(path):
    path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.parametrize("name", ["vectors.npy", "table.parquet", MANIFEST])
@pytest.mark.parametrize("harm", [_flip, _cut, _lengthen, Path.unlink, lambda path: path.write_bytes(b"")])
def test_damage_to_any_file_is_noticed_said_and_mended(store, caplog, name, harm):
    """Altered, cut, longer, missing or empty: get says so and gives None, put makes it whole again."""
    parts = {"vectors": VECTORS, "table": TABLE}
    store.put(KEY, parts)
    harm(_folder(store) / name)
    assert store.get(KEY) is None
    assert f"vectors {KEY.digest[:12]} is damaged" in caplog.text
    assert store.put(KEY, parts).array("vectors").tolist() == VECTORS.tolist()
    assert store.get(KEY).table("table").equals(TABLE)
    assert _leftovers(store) == []


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"null", b"{}", b'{"content": {}}', b'{"files": {}, "notes": {}}', b"\xff", b"[[[["],
)
def test_a_broken_manifest_is_damage(store, caplog, manifest):
    """Whatever stands in its place, it is never taken for an artefact, and ls and prune still work."""
    store.put(KEY, {"a": VECTORS})
    (_folder(store) / MANIFEST).write_bytes(manifest)
    assert store.get(KEY) is None
    assert "damaged" in caplog.text
    (listing,) = store.ls()
    assert (listing.stage, listing.digest, listing.inputs) == ("vectors", KEY.digest, {})
    assert store.prune() == listing.size > 0
    assert store.ls() == []


def test_altered_notes_and_inputs_are_damage(store):
    """The manifest vouches for itself too: a changed note is noticed."""
    store.put(KEY, {"a": VECTORS}, {"seconds": 1})
    path = _folder(store) / MANIFEST
    path.write_text(path.read_text().replace('"seconds": 1', '"seconds": 2'))
    assert store.get(KEY) is None


def test_damage_after_a_good_read_is_noticed(store):
    """A file that was checked once is checked again when it has been touched."""
    store.put(KEY, {"a": VECTORS})
    for path in _folder(store).iterdir():
        _age(path)
    assert store.get(KEY) is not None
    _flip(_folder(store) / "a.npy")
    assert store.get(KEY) is None


def test_a_settled_file_is_checked_once(store, monkeypatch):
    """Repeated reads of an untouched artefact do not hash it again; a fresh one is hashed at each read."""
    store.put(KEY, {"a": VECTORS})
    hashed = []
    read = store_module._read_sha256
    monkeypatch.setattr(store_module, "_read_sha256", lambda path: hashed.append(path.name) or read(path))
    for _ in range(3):
        assert store.get(KEY) is not None
    assert hashed == ["a.npy"] * 3
    later = (_folder(store) / "a.npy").stat().st_ctime + SETTLED + 1
    monkeypatch.setattr(store_module.time, "time", lambda: later)
    for _ in range(3):
        assert store.get(KEY) is not None
    assert hashed == ["a.npy"] * 4


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
    process = _python(KILLED, store.root, synced)
    _wait_for(Path(f"{store.root}.reached"))
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    assert store.get(key) is None
    assert store.ls() == []
    (left,) = _leftovers(store)
    store.sweep()
    assert left.exists()  # it could be somebody's who is still writing
    assert store.put(key, {"a": np.arange(9)}).array("a").tolist() == list(range(9))
    for path in (*left.iterdir(), left):
        _age(path)
    store.sweep()
    assert _leftovers(store) == []
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
    processes = [_python(RACER, store.root, start, tmp_path / f"ready{k}") for k in range(2)]
    for k in range(2):
        _wait_for(tmp_path / f"ready{k}")
    start.touch()
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert len(store.ls()) == 12
    assert all(store.get(Key.of("vectors", 1, k=k)) for k in range(12))
    assert _leftovers(store) == []


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
    assert _leftovers(store) == []


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
    assert _leftovers(store) == []
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
    assert _leftovers(store) == []
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
        seen.append((_folder(store).exists(), store.get(KEY)))
        real(path, **settings)

    store.put(KEY, {"a": VECTORS})
    monkeypatch.setattr(store_module.shutil, "rmtree", rmtree)
    store.prune()
    assert seen == [(False, None)]
    assert caplog.text == ""


# Listing and freeing.


def test_what_is_stored_is_listed_newest_first(store):
    """Stage, inputs, size and time of every artefact."""
    began = time.time()
    for k in range(3):
        store.put(Key.of(f"stage{k}", 1, k=k), {"a": VECTORS})
    found = store.ls()
    assert [item.stage for item in found] == ["stage2", "stage1", "stage0"]
    assert [item.inputs for item in found] == [{"k": 2}, {"k": 1}, {"k": 0}]
    assert all(item.size > VECTORS.nbytes and began <= item.written <= time.time() for item in found)
    assert found[0].path == store.root / "stage2" / found[0].digest


def test_pruning_frees_one_stage_or_what_is_old(store, monkeypatch):
    """Only that stage; only what was written before; the bytes freed are those listed."""
    now = time.time()
    for age in (0, 100, 200):
        monkeypatch.setattr(store_module.time, "time", lambda age=age: now - age)
        for stage in ("map", "order"):
            store.put(Key.of(stage, 1, age=age), {"a": VECTORS})
    monkeypatch.setattr(store_module.time, "time", lambda: now)

    def ages(stage):
        return sorted(item.inputs["age"] for item in store.ls() if item.stage == stage)

    size = sum(item.size for item in store.ls())
    freed = store.prune(older_than=150, stage="map")
    assert (ages("map"), ages("order")) == ([0, 100], [0, 100, 200])
    freed += store.prune(older_than=50)
    assert (ages("map"), ages("order")) == ([0], [0])
    freed += store.prune(stage="order")
    assert (ages("map"), ages("order")) == ([0], [])
    freed += store.prune()
    assert (ages("map"), ages("order")) == ([], [])
    assert freed == size


def test_pruning_touches_nothing_but_artefacts(store):
    """A file or folder that the store did not write is neither listed nor removed."""
    store.put(KEY, {"a": VECTORS})
    for name in ("vectors/notes", "uploads/a", "vectors/" + "g" * 64):
        (store.root / name).mkdir(parents=True)
        (store.root / name / MANIFEST).write_text("{}")
    (store.root / "ledger.sqlite").write_text("")
    assert [item.digest for item in store.ls()] == [KEY.digest]
    store.prune()
    assert store.ls() == []
    assert (store.root / "vectors" / "notes" / MANIFEST).exists()
    assert (store.root / "uploads" / "a" / MANIFEST).exists()
    assert (store.root / "ledger.sqlite").exists()


def test_dropping_removes_one_artefact(store):
    """The others stay; dropping what is not there is no error."""
    other = Key.of("vectors", 2)
    for key in (KEY, other):
        store.put(key, {"a": VECTORS})
    store.drop(KEY)
    store.drop(KEY)
    assert (store.get(KEY), store.get(other) is None) == (None, False)


def test_sweeping_removes_only_what_is_abandoned(store):
    """A fresh temporary folder may be in use, as may one with a fresh file; an old one is a dead process's."""
    store.put(KEY, {"a": VECTORS})
    fresh, long, old = (store.root / "vectors" / f".writing-{name}" for name in ("fresh", "long", "old"))
    for folder in (fresh, long, old):
        folder.mkdir()
        (folder / "a.npy").write_bytes(b"half")
    _age(long)
    _age(old / "a.npy")
    _age(old)
    store.prune(older_than=3600)
    assert [folder.exists() for folder in (fresh, long, old)] == [True, True, False]
    assert store.get(KEY) is not None


# Shipped artefacts, and pieces of long work.


def test_shipped_artefacts_are_found_and_never_written(tmp_path, caplog):
    """Own artefacts come first, shipped ones next; put, drop and prune leave the shipped folder alone."""
    shipped = Store(tmp_path / "shipped")
    other = Key.of("vectors", 2)
    shipped.put(KEY, {"a": VECTORS}, {"from": "shipped"})
    shipped.put(other, {"a": VECTORS}, {"from": "shipped"})
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "shipped").rglob("*")}
    store = Store(tmp_path / "own", shipped=(tmp_path / "none", shipped.root))
    assert store.get(KEY).notes == {"from": "shipped"}
    assert store.ls() == []
    store.put(KEY, {"a": VECTORS}, {"from": "own"})
    assert store.get(KEY).notes == {"from": "own"}
    _flip(_folder(store) / "a.npy")
    assert store.get(KEY).notes == {"from": "shipped"}
    assert "damaged" in caplog.text
    store.drop(other)
    store.prune()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "shipped").rglob("*")} == before
    assert store.get(other).notes == {"from": "shipped"}


def test_others_can_read_what_one_user_stored(store):
    """Folders get the rights that the user's mask gives, so that a store can be shared or shipped."""
    mask = os.umask(0o022)
    try:
        store.put(KEY, {"a": VECTORS})
    finally:
        os.umask(mask)
    assert _folder(store).stat().st_mode & 0o777 == 0o755


def test_pieces_of_long_work_are_resumed_and_dropped(store):
    """Finished pieces are there for the next process; those of another whole are not; drop leaves none."""
    parts = StoredParts(store, KEY)
    for index in (0, 2):
        parts.save(index, VECTORS + index)
    again = StoredParts(Store(store.root), KEY)
    assert [None if piece is None else piece[0, 0] for piece in map(again.load, range(4))] == [
        0,
        None,
        2,
        None,
    ]
    assert StoredParts(store, Key.of("vectors", 1, dataset="other")).load(0) is None
    _flip(next(_folder(store, parts._key(0)).glob("*.npy")))
    assert again.load(0) is None
    again.drop(3)
    assert store.ls() == []
    assert again.load(2) is None


def test_a_piece_is_not_the_whole(store):
    """Pieces never show up under the key of the whole."""
    StoredParts(store, KEY).save(0, VECTORS)
    assert store.get(KEY) is None


def test_nothing_is_said_when_nothing_is_wrong(store, caplog):
    """Reading, putting, pruning and missing are silent."""
    caplog.set_level(logging.DEBUG)
    store.get(KEY)
    store.put(KEY, {"a": VECTORS})
    store.get(KEY)
    store.prune()
    assert [record for record in caplog.records if record.name.startswith("core")] == []
