"""Content-addressed artefacts on disk: written whole or not at all, checked when read.

An artefact is a folder ``<root>/<stage>/<digest>/`` that holds ``manifest.json`` and one file an
array (``.npy``) or table (``.parquet``). The digest is the sha256 of everything that the content
depends on, so an artefact is never stale: other input, other name.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Literal
from uuid import uuid4

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.errors import StoreError

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
SMALL = 1 << 16  # bytes; larger arrays are memory-mapped
ABANDONED_AFTER = 3600.0  # seconds; a temporary folder untouched for so long belongs to a dead process
TEMPORARY = ".writing-"
DIGEST = re.compile("[0-9a-f]{64}")
ATTEMPTS = 3  # another process may put a damaged artefact aside, or prune, between two steps of ours
SETTLED = 3.0  # seconds; a file changed more recently could change again within one tick of its clock
DAMAGE = (OSError, ValueError, pl.exceptions.PolarsError)

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

        Large arrays are memory-mapped, so processes share them, and stay readable when the artefact
        is pruned meanwhile. An artefact that fails its check is said in the log and left for the next
        ``put`` to replace. A file that has not changed since is checked once a process.
        """
        folders = (root / key.stage / key.digest for root in self._roots)
        return next((artefact for folder in folders if (artefact := _whole(folder)) is not None), None)

    def put(self, key: Key, parts: Mapping[str, Part], notes: Mapping[str, Any] | None = None) -> Artefact:
        """Write an artefact under a temporary name, sync it, then rename it into place.

        Where another process was first and its artefact is whole, that one is kept and returned.

        Raises:
            StoreError: the disk is full or the folder cannot be written; nothing half-written stays.
        """
        folder = self.root / key.stage / key.digest
        temporary = _beside(folder)
        try:
            temporary.mkdir(parents=True)
            content = {
                "stage": key.stage,
                "version": key.version,
                "inputs": dict(key.inputs),
                "notes": dict(notes or {}),
                "written": time.time(),
                "files": {name: _write(temporary, name, part) for name, part in parts.items()},
            }
            _write_manifest(temporary, content)
            _sync_folder(temporary)
            written = _open(temporary, content)  # open files outlive the rename, and a prune after it
            kept = _move_into_place(temporary, folder)
            _sync_folder(folder.parent)
        except OSError as cause:
            raise self._refused("written", cause) from cause
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return kept or written

    def drop(self, key: Key) -> None:
        """Remove an artefact from the writable folder, if it is there.

        Raises:
            StoreError: it is there and cannot be removed.
        """
        self._remove(self.root / key.stage / key.digest)

    def ls(self) -> list[Listing]:
        """Every artefact of the writable folder, newest first; a damaged one has no inputs."""
        found = [_listing(folder) for folder in self._folders()]
        return sorted((item for item in found if item), key=lambda item: -item.written)

    def prune(self, *, older_than: float = 0.0, stage: str | None = None) -> int:
        """Remove artefacts not written in the last ``older_than`` seconds; bytes freed.

        Raises:
            StoreError: an artefact cannot be removed.
        """
        cutoff = time.time() - older_than
        freed = 0
        for item in self.ls():
            if item.written <= cutoff and stage in (None, item.stage):
                self._remove(item.path)
                freed += item.size
        self.sweep()
        return freed

    def sweep(self) -> None:
        """Remove what killed processes left half-written: what nothing was written into for an hour.

        It costs the reading of a few folders' names. A process that was stopped for that long in the middle
        of a write is told that it could not write; what is stored stays whole.
        """
        for folder in self.root.glob(f"*/{TEMPORARY}*"):
            with suppress(OSError):  # another process was done with it, or it is not ours to look into
                if time.time() - _touched(folder) > ABANDONED_AFTER:
                    shutil.rmtree(folder, ignore_errors=True)

    def _folders(self) -> Iterator[Path]:
        yield from (folder for folder in self.root.glob("*/*") if DIGEST.fullmatch(folder.name))

    def _remove(self, folder: Path) -> None:
        try:
            _discard(folder)
        except OSError as cause:
            raise self._refused("freed", cause) from cause

    def _refused(self, what: str, cause: OSError) -> StoreError:
        return StoreError(
            f"The store at {self.root} could not be {what}: {cause.strerror or cause}.",
            "Free some space or choose another home; what was stored before is untouched.",
        )


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


class _Hashed:
    """A file that is written only, and the checksum of what was meant to be in it.

    Without a file descriptor to take, numpy writes through it, and a full disk is the system's own error.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def write(self, content: bytes | memoryview) -> int:
        self._digest.update(content)
        return self._file.write(content)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _write(folder: Path, name: str, part: Part) -> dict[str, Any]:
    path = folder / (f"{name}.npy" if isinstance(part, np.ndarray) else f"{name}.parquet")
    with path.open("wb") as file:
        hashed = _Hashed(file)
        if isinstance(part, np.ndarray):
            np.lib.format.write_array(hashed, np.asarray(part, order="C"), allow_pickle=False)
        else:
            part.write_parquet(table := io.BytesIO())
            hashed.write(table.getbuffer())
        _sync(file)
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": hashed.sha256}


def _write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    content = json.loads(json.dumps(content))  # as it will be read: every key is text
    manifest = {"content": content, "sha256": _digest_of(content)}
    with (folder / MANIFEST).open("wb") as file:
        file.write(json.dumps(manifest, indent=1, sort_keys=True).encode())
        _sync(file)


def _manifest(folder: Path) -> dict[str, Any]:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    if not isinstance(manifest, dict) or _digest_of(manifest.get("content")) != manifest.get("sha256"):
        raise ValueError(f"{MANIFEST} is not what was written")
    content: dict[str, Any] = manifest["content"]
    return content


def _digest_of(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _whole(folder: Path) -> Artefact | None:
    """The artefact of that folder; None where there is none or, said in the log, a damaged one."""
    try:
        content = _manifest(folder)
        for entry in content["files"].values():
            path = folder / entry["file"]
            if path.stat().st_size != entry["bytes"] or _sha256(path) != entry["sha256"]:
                raise ValueError(f"{path.name} is not what was written")
        return _open(folder, content)
    except DAMAGE as cause:
        missing = isinstance(cause, (FileNotFoundError, NotADirectoryError))
        if not missing or folder.is_dir():  # else it was never there, or is pruned at this moment
            stage, digest = folder.parts[-2:]
            log.warning("%s %s is damaged (%s); it is computed again.", stage, digest[:12], cause)
        return None


def _open(folder: Path, content: Mapping[str, Any]) -> Artefact:
    paths = {name: folder / entry["file"] for name, entry in content["files"].items()}
    parts: dict[str, Part] = {
        name: _open_array(path) if path.suffix == ".npy" else pl.read_parquet(path)
        for name, path in paths.items()
    }
    return Artefact(parts, content["notes"])


def _open_array(path: Path) -> NDArray[Any]:
    mapped: Literal["r"] | None = "r" if path.stat().st_size > SMALL else None
    array: NDArray[Any] = np.load(path, mmap_mode=mapped, allow_pickle=False).view(np.ndarray)
    array.flags.writeable = False
    return array


def _sha256(path: Path) -> str:
    """The checksum of a file, remembered for as long as the file is not touched."""
    state = path.stat()
    if time.time() - max(state.st_mtime, state.st_ctime) < SETTLED:
        return _read_sha256(path)
    return _known_sha256(
        path, (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    )


@lru_cache(maxsize=4096)
def _known_sha256(path: Path, _state: tuple[int, ...]) -> str:
    return _read_sha256(path)


def _read_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move_into_place(temporary: Path, folder: Path) -> Artefact | None:
    """Rename; where another process was first and its artefact is whole, that one, to be kept."""
    for _ in range(ATTEMPTS):
        with suppress(OSError):  # the folder is there already
            temporary.rename(folder)
            return None
        kept = _whole(folder)
        if kept is not None:
            return kept
        _discard(folder)
    temporary.rename(folder)
    return None


def _beside(folder: Path) -> Path:
    """A name in the same folder that is nobody else's, and that no reader looks at."""
    return folder.with_name(f"{TEMPORARY}{uuid4().hex}")


def _touched(folder: Path) -> float:
    """When the folder or a file in it was last written; a long write shows in its file alone."""
    return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))


def _discard(folder: Path) -> None:
    """Take a folder away in one step, then delete it: nobody sees half of it."""
    aside = _beside(folder)
    with suppress(FileNotFoundError):
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def _listing(folder: Path) -> Listing | None:
    try:
        size = sum(file.stat().st_size for file in folder.iterdir())
        written = folder.stat().st_mtime
    except OSError:  # pruned at this moment
        return None
    try:
        content = _manifest(folder)
    except DAMAGE:
        return Listing(folder.parent.name, folder.name, size, written, {}, folder)
    return Listing(folder.parent.name, folder.name, size, content["written"], content["inputs"], folder)
