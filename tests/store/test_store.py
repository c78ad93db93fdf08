"""The store: what is put is what is got, by content, listed, freed and shipped."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from stored import KEY, TABLE, VECTORS, flip, folder_of, leftovers, set_back

from core import store as store_module
from core.domain import REASON_DTYPE
from core.store import MANIFEST, SMALL, Key, Store, StoredParts

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
    assert leftovers(store) == []


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
    np.save(folder_of(store) / "a.npy", np.array([_Trap()], dtype=object), allow_pickle=True)
    _rewrite_manifest(folder_of(store), "a.npy")
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
    set_back(long)
    set_back(old / "a.npy")
    set_back(old)
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
    flip(folder_of(store) / "a.npy")
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
    assert folder_of(store).stat().st_mode & 0o777 == 0o755


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
    flip(next(folder_of(store, parts._key(0)).glob("*.npy")))
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
