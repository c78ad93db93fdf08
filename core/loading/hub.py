"""Datasets on the Hugging Face hub: named, looked up, downloaded into the home, opened from there.

A dataset is written ``hf://owner/name[@revision][/config][:split]``. Once looked up its revision is a commit,
so the same words open the same rows later. Only files are fetched: a dataset's script is never run. A token
is an argument or HF_TOKEN, and stands in no file, message or name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from core.domain import HUB, OnProgress, ignore_progress
from core.errors import DataError, StoreError
from core.loading.content import PICKLES
from core.loading.fetching import CONVERTED, Remote, RemoteFile
from core.loading.folders import Files, chosen_split
from core.loading.layouts import ONLY, Splits, configs_of, data_files

SPELLING = "Write hf://owner/name, with @revision, /config and :split behind it where they are needed."
NAME = re.compile(
    rf"{HUB}(?:datasets/)?(?P<name>[\w.-]+/[\w.-]+)"
    r"(?:@(?P<revision>refs/(?:pr|convert)/[\w.-]+|[^/:@]+))?(?:/(?P<config>[^:]+))?(?::(?P<split>[^:/]+))?"
)
COMMIT = re.compile(r"[0-9a-f]{40}")
LONGEST = 400  # characters of a reference


@dataclass(frozen=True, slots=True)
class Reference:
    """What is to be opened. Empty: the main revision, the only configuration, the only split."""

    name: str
    revision: str = ""
    config: str = ""
    split: str = ""

    def __str__(self) -> str:
        parts = (("@", self.revision), ("/", self.config), (":", self.split))
        return f"{HUB}{self.name}" + "".join(mark + quote(part, safe="") for mark, part in parts if part)

    @property
    def is_pinned(self) -> bool:
        """Whether the words will mean the same rows for ever."""
        return bool(COMMIT.fullmatch(self.revision) and self.config and self.split)

    @property
    def title(self) -> str:
        """What the dataset is called: without its commit."""
        config = f"/{self.config}" if self.config not in ("", ONLY) else ""
        return f"{self.name}{config}:{self.split}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A dataset at one commit: configuration -> split -> files."""

    name: str
    commit: str
    configs: Mapping[str, Splits]
    files: Mapping[str, RemoteFile] = field(repr=False)

    def pinned(self, reference: Reference) -> Reference:
        """The same reference with commit, configuration and split.

        Raises:
            DataError: there is no such configuration or split, or it is not clear which is meant.
        """
        config = reference.config or (ONLY if ONLY in self.configs else "")
        config = config or (next(iter(self.configs)) if len(self.configs) == 1 else "")
        if config not in self.configs:
            known = ", ".join(list(self.configs)[:12]) + (", ..." if len(self.configs) > 12 else "")
            problem = f"has no configuration {config}" if config else "has more than one configuration"
            raise DataError(f"{self.name} {problem}.", f"Name one of: {known}.")
        split = chosen_split(dict(self.configs[config]), reference.split, str(replace(reference, split="")))
        return Reference(self.name, self.commit, config, split)


def hub_folder(home: Path) -> Path:
    """Where in a home the downloads lie."""
    return home / "hub"


def is_hub(text: object) -> bool:
    """Whether this names a dataset on the hub."""
    return isinstance(text, str) and text.startswith(HUB)


def is_pinned(text: str) -> bool:
    """Whether this names a dataset on the hub with its commit, configuration and split."""
    return (
        is_hub(text)
        and len(text) <= LONGEST
        and ".." not in text
        and NAME.fullmatch(text) is not None
        and reference(text).is_pinned
    )


def reference(text: str) -> Reference:
    """The parts of ``hf://owner/name[@revision][/config][:split]``.

    Raises:
        DataError: it is not written so.
    """
    found = NAME.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if found is None or ".." in found["name"]:
        raise DataError(f"{text[:80]!r} names no dataset on the hub.", SPELLING)
    parts = {name: unquote(part or "") for name, part in found.groupdict().items()}
    return Reference(**parts)


def look(wanted: Reference, *, token: str | None = None) -> Listing:
    """What a dataset has at a revision: its configurations and their splits.

    Where it holds no file that can be read, the hub's own conversion to Parquet is taken.

    Raises:
        DataError: no such dataset or revision, no access, no network, or no file that can be read.
    """
    remote = Remote(wanted.name, token)
    commit, files = remote.files(wanted.revision or "main")
    names = data_files(files)
    if not names and wanted.revision != CONVERTED:
        try:
            commit, files = remote.files(CONVERTED)
        except DataError:
            raise _unreadable(wanted.name, files) from None
        names = data_files(files)
    if not names:
        raise _unreadable(wanted.name, files)
    readme = remote.text("README.md", commit) if "README.md" in files else ""
    return Listing(wanted.name, commit, configs_of(names, readme), files)


def fetch(
    text: str, folder: Path, *, token: str | None = None, on_progress: OnProgress = ignore_progress
) -> Reference:
    """Download the files of a reference below ``folder``, if they are not there; the reference, pinned.

    Raises:
        DataError: as ``look``, or a download is cut or altered.
        StoreError: the disk is full or cannot be written.
    """
    wanted = reference(text)
    if wanted.is_pinned and here(wanted, folder) is not None:
        return wanted
    listing = look(wanted, token=token)
    pinned = listing.pinned(wanted)
    if here(pinned, folder) is not None:
        return pinned
    names = listing.configs[pinned.config][pinned.split]
    at = _at(pinned, folder)
    Remote(pinned.name, token).download(
        pinned.revision, [listing.files[name] for name in names], at / "files", on_progress
    )
    mark = _mark(pinned, folder)
    temporary = mark.with_suffix(".writing")
    sizes = {name: (at / "files" / name).stat().st_size for name in names}
    try:
        temporary.write_text(json.dumps({"reference": str(pinned), "files": sizes}), "utf-8")
        temporary.replace(mark)
    except OSError as cause:
        raise StoreError(f"The download could not be kept: {cause.strerror}.", "Free some space.") from cause
    return pinned


def here(pinned: Reference, folder: Path) -> Files | None:
    """The files of a pinned reference, if all of them lie below ``folder``."""
    if not pinned.is_pinned:
        return None
    root = _at(pinned, folder) / "files"
    try:
        sizes: dict[str, Any] = json.loads(_mark(pinned, folder).read_text("utf-8"))["files"]
        whole = all((root / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Files(pinned.title, str(pinned), root, tuple(sizes)) if whole and sizes else None


def opened(path: str | Path | Files, folder: Path) -> str | Path | Files:
    """What ``load`` reads: of a dataset on the hub its files, fetched if need be; any other path as it is.

    Raises:
        DataError, StoreError: as ``fetch``.
    """
    if not isinstance(path, str) or not is_hub(path):
        return path
    pinned = fetch(path, folder)
    found = here(pinned, folder)
    assert found is not None  # it was fetched a moment ago
    return found


def _at(pinned: Reference, folder: Path) -> Path:
    return folder / pinned.name.replace("/", "--") / pinned.revision


def _mark(pinned: Reference, folder: Path) -> Path:
    part = hashlib.sha256(f"{pinned.config}\0{pinned.split}".encode()).hexdigest()[:16]
    return _at(pinned, folder) / f"{part}.json"


def _unreadable(name: str, files: Mapping[str, RemoteFile]) -> DataError:
    scripts = [file for file in files if file.endswith(".py")]
    if scripts:
        why = f"is made by a script, {scripts[0]}, which is never run"
    elif any(Path(file).suffix.lower() in PICKLES for file in files):
        why = "holds pickles, which can run code when they are opened"
    else:
        why = "holds no file that can be read"
    return DataError(
        f"{name} {why}, and the hub has no Parquet of it.",
        "Choose a dataset with JSON, JSON lines, CSV, TSV or Parquet files.",
    )
