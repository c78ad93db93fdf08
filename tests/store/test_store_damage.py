"""A store that somebody or something harmed."""

from __future__ import annotations

from pathlib import Path

import pytest
from stored import KEY, TABLE, VECTORS, flip, folder_of, leftovers, set_back

from core import store as store_module
from core.store import MANIFEST, SETTLED

# Damage.


def _cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def _lengthen(path):
    path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.parametrize("name", ["vectors.npy", "table.parquet", MANIFEST])
@pytest.mark.parametrize("harm", [flip, _cut, _lengthen, Path.unlink, lambda path: path.write_bytes(b"")])
def test_damage_to_any_file_is_noticed_said_and_mended(store, caplog, name, harm):
    """Altered, cut, longer, missing or empty: get says so and gives None, put makes it whole again."""
    parts = {"vectors": VECTORS, "table": TABLE}
    store.put(KEY, parts)
    harm(folder_of(store) / name)
    assert store.get(KEY) is None
    assert f"vectors {KEY.digest[:12]} is damaged" in caplog.text
    assert store.put(KEY, parts).array("vectors").tolist() == VECTORS.tolist()
    assert store.get(KEY).table("table").equals(TABLE)
    assert leftovers(store) == []


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"null", b"{}", b'{"content": {}}', b'{"files": {}, "notes": {}}', b"\xff", b"[[[["],
)
def test_a_broken_manifest_is_damage(store, caplog, manifest):
    """Whatever stands in its place, it is never taken for an artefact, and ls and prune still work."""
    store.put(KEY, {"a": VECTORS})
    (folder_of(store) / MANIFEST).write_bytes(manifest)
    assert store.get(KEY) is None
    assert "damaged" in caplog.text
    (listing,) = store.ls()
    assert (listing.stage, listing.digest, listing.inputs) == ("vectors", KEY.digest, {})
    assert store.prune() == listing.size > 0
    assert store.ls() == []


def test_altered_notes_and_inputs_are_damage(store):
    """The manifest vouches for itself too: a changed note is noticed."""
    store.put(KEY, {"a": VECTORS}, {"seconds": 1})
    path = folder_of(store) / MANIFEST
    path.write_text(path.read_text().replace('"seconds": 1', '"seconds": 2'))
    assert store.get(KEY) is None


def test_damage_after_a_good_read_is_noticed(store):
    """A file that was checked once is checked again when it has been touched."""
    store.put(KEY, {"a": VECTORS})
    for path in folder_of(store).iterdir():
        set_back(path)
    assert store.get(KEY) is not None
    flip(folder_of(store) / "a.npy")
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
    later = (folder_of(store) / "a.npy").stat().st_ctime + SETTLED + 1
    monkeypatch.setattr(store_module.time, "time", lambda: later)
    for _ in range(3):
        assert store.get(KEY) is not None
    assert hashed == ["a.npy"] * 4
