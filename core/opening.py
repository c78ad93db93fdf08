"""Where the data of a recipe lies: by its name and its digest, never by a path that a recipe names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from core.exporting import Recipe

MOST_FOLDERS = 2_000  # looked into below one folder


def data_of(recipe: Recipe, folders: Iterable[Path]) -> Path | None:
    """The recipe's file in one of the folders, or in a folder in it; the nearest with its very content first.

    None where no file has its name. Where none has its content, the first with its name: a replay says then
    that the data is other data.
    """
    found = list(dict.fromkeys(files_named(Path(recipe.source.name).name, folders)))
    same = (path for path in found if _sha256(path) == recipe.source.sha256)
    return next(same, None) or next(iter(found), None)


def holds_data_of(recipe: Recipe, path: Path) -> bool:
    """Whether a file is the one that the recipe was made from, byte by byte."""
    return bool(recipe.source.sha256) and _sha256(path) == recipe.source.sha256


def files_named(name: str, folders: Iterable[Path]) -> Iterator[Path]:
    """Every file of that name in one of the folders, or in a folder in it."""
    if not name:
        return
    for folder in folders:
        for place in (folder, *_folders_in(folder)):
            if (place / name).is_file():
                yield place / name


def _folders_in(folder: Path) -> list[Path]:
    try:
        inside = sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink())
    except OSError:
        return []
    return inside[:MOST_FOLDERS]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
