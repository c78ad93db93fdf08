"""Content-addressed artefacts on disk: written whole or not at all, checked when read.

An artefact is a folder ``<root>/<stage>/<digest>/`` that holds ``manifest.json`` and one file an
array (``.npy``) or table (``.parquet``). The digest is the sha256 of everything that the content
depends on, so an artefact is never stale: other input, other name.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.errors import StoreError

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
SMALL = 1 << 16  # bytes; larger arrays are memory-mapped
ABANDONED_AFTER = 3600.0  # seconds; a temporary folder older than this belongs to a dead process

Part = NDArray[Any] | pl.DataFrame


@dataclass(frozen=True, slots=True)
class Key:
    """The name of an artefact: its stage and everything that its content depends on."""

    stage: str
    version: int  # of the stage's code: raised when the same input gives another result
    inputs: tuple[tuple[str, str | int | float | bool | None], ...]

    @classmethod
    def of(cls, stage: str, version: int, **inputs: str | int | float | bool | None) -> Key:
        """Build a key; the order in which the inputs are named does not matter."""
        return cls(stage, version, tuple(sorted(inputs.items())))

    @property
    def digest(self) -> str:
        """The sha256 of stage, version and inputs, as hexadecimal digits."""
        text = json.dumps([self.stage, self.version, dict(self.inputs)], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Artefact:
    """What was stored under a key: its arrays and tables, and notes about how they were made."""

    parts: Mapping[str, Part]
    notes: Mapping[str, Any] = field(default_factory=dict)

    def array(self, name: str) -> NDArray[Any]:
        """The array of that name, read-only."""
        part = self.parts[name]
        assert isinstance(part, np.ndarray)
        return part

    def table(self, name: str) -> pl.DataFrame:
        """The table of that name."""
        part = self.parts[name]
        assert isinstance(part, pl.DataFrame)
        return part


@dataclass(frozen=True, slots=True)
class Listing:
    """One stored artefact as ``store ls`` shows it."""

    stage: str
    digest: str
    size: int  # bytes
    written: float  # seconds since the epoch
    inputs: Mapping[str, Any]
    path: Path


class Store:
    """A folder of artefacts, with read-only folders behind it that are looked in as well."""

    def __init__(self, root: Path | str, *, shipped: tuple[Path, ...] = ()) -> None:
        self.root = Path(root)
        self._roots = (self.root, *shipped)

    def get(self, key: Key) -> Artefact | None:
        """Read an artefact, or None where there is none that is whole.

        Large arrays are memory-mapped, so processes share them. An artefact that fails its check
        is said in the log and left for the next ``put`` to replace.
        """
        for root in self._roots:
            folder = root / key.stage / key.digest
            if (folder / MANIFEST).is_file():
                try:
                    return _read(folder)
                except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as cause:
                    log.warning(
                        "%s %s is damaged (%s); it is computed again.", key.stage, key.digest[:12], cause
                    )
        return None

    def put(self, key: Key, parts: Mapping[str, Part], notes: Mapping[str, Any] | None = None) -> Artefact:
        """Write an artefact under a temporary name, sync it, then rename it into place.

        Raises:
            StoreError: the disk is full or the folder cannot be written; nothing half-written stays.
        """
        folder = self.root / key.stage / key.digest
        temporary: Path | None = None
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder.parent))
            manifest = {
                "stage": key.stage,
                "version": key.version,
                "inputs": dict(key.inputs),
                "notes": dict(notes or {}),
                "written": time.time(),
                "files": {name: _write(temporary, name, part) for name, part in parts.items()},
            }
            _write_synced(temporary / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode())
            _sync_folder(temporary)
            _move_into_place(temporary, folder)
            _sync_folder(folder.parent)
        except OSError as cause:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)
            raise StoreError(
                f"The store at {self.root} could not be written: {cause.strerror or cause}.",
                "Free some space or choose another home; what was stored before is untouched.",
            ) from cause
        return _read(folder)

    def drop(self, key: Key) -> None:
        """Remove an artefact from the writable folder, if it is there."""
        shutil.rmtree(self.root / key.stage / key.digest, ignore_errors=True)

    def ls(self) -> list[Listing]:
        """Every artefact of the writable folder, newest first."""
        found = [_listing(folder) for folder in self._folders()]
        return sorted((item for item in found if item), key=lambda item: -item.written)

    def prune(self, *, older_than: float = 0.0, stage: str | None = None) -> int:
        """Remove artefacts not written in the last ``older_than`` seconds; bytes freed."""
        cutoff = time.time() - older_than
        freed = 0
        for item in self.ls():
            if item.written <= cutoff and stage in (None, item.stage):
                shutil.rmtree(item.path, ignore_errors=True)
                freed += item.size
        self.sweep()
        return freed

    def sweep(self) -> None:
        """Remove what killed processes left half-written."""
        for folder in self.root.glob("*/.writing-*"):
            if time.time() - folder.stat().st_mtime > ABANDONED_AFTER:
                shutil.rmtree(folder, ignore_errors=True)

    def _folders(self) -> Iterator[Path]:
        yield from (manifest.parent for manifest in self.root.glob(f"*/[!.]*/{MANIFEST}"))


class StoredParts:
    """Numbered pieces of one long computation, kept until the whole is stored."""

    def __init__(self, store: Store, whole: Key) -> None:
        self._store = store
        self._whole = whole

    def load(self, index: int) -> NDArray[Any] | None:
        """The piece of that number, if it was finished before."""
        artefact = self._store.get(self._key(index))
        return None if artefact is None else artefact.array("part")

    def save(self, index: int, array: NDArray[Any]) -> None:
        """Keep a finished piece."""
        self._store.put(self._key(index), {"part": array})

    def drop(self, count: int) -> None:
        """Remove the first ``count`` pieces, once the whole is stored."""
        for index in range(count):
            self._store.drop(self._key(index))

    def _key(self, index: int) -> Key:
        return Key.of(f"{self._whole.stage}-part", self._whole.version, whole=self._whole.digest, index=index)


def _write(folder: Path, name: str, part: Part) -> dict[str, Any]:
    path = folder / (f"{name}.npy" if isinstance(part, np.ndarray) else f"{name}.parquet")
    with path.open("wb") as file:
        if isinstance(part, np.ndarray):
            np.save(file, np.ascontiguousarray(part), allow_pickle=False)
        else:
            part.write_parquet(file)
        file.flush()
        os.fsync(file.fileno())
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": _sha256(path)}


def _read(folder: Path) -> Artefact:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    parts: dict[str, Part] = {}
    for name, entry in manifest["files"].items():
        path = folder / entry["file"]
        if path.stat().st_size != entry["bytes"] or _sha256(path) != entry["sha256"]:
            raise ValueError(f"{path.name} is not what was written")
        parts[name] = _read_array(path) if path.suffix == ".npy" else pl.read_parquet(path)
    return Artefact(parts, manifest["notes"])


def _read_array(path: Path) -> NDArray[Any]:
    mapped: Literal["r"] | None = "r" if path.stat().st_size > SMALL else None
    array: NDArray[Any] = np.load(path, mmap_mode=mapped, allow_pickle=False).view(np.ndarray)
    array.flags.writeable = False
    return array


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move_into_place(temporary: Path, folder: Path) -> None:
    """Rename; where another process was first and its artefact is whole, keep that one."""
    try:
        temporary.rename(folder)
        return
    except OSError:
        if not folder.is_dir():
            raise
    try:
        _read(folder)
    except (OSError, ValueError, KeyError):
        aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder.parent))
        folder.rename(aside / "damaged")
        temporary.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)
        return
    shutil.rmtree(temporary, ignore_errors=True)


def _listing(folder: Path) -> Listing | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        size = sum(file.stat().st_size for file in folder.iterdir())
    except (OSError, ValueError):
        return None
    return Listing(manifest["stage"], folder.name, size, manifest["written"], manifest["inputs"], folder)
