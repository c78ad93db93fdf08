"""What an earlier export left in the folder: which of its files stay, which go, and which are a person's."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO

from core.errors import DataError, StoreError
from core.exporting.card import MARK
from core.exporting.layout import KNOWN_FILES
from core.exporting.names import BUNDLE_CONTENTS, CARD_CONTENTS, README, REPORT, SUMS, of_scores
from core.exporting.recipe import Recipe
from core.exporting.recipe_file import parse_recipe
from core.exporting.report import MARK as REPORT_MARK
from core.exporting.snippets import SNIPPETS


def beside_earlier(recipe: Recipe, out: Path) -> tuple[Recipe, list[str]]:
    """The recipe with what an earlier export left of the same rows, and the files it left of others."""
    try:
        earlier = parse_recipe((out / "recipe.yaml").read_bytes(), "recipe.yaml")
    except (OSError, DataError):  # no recipe, or none that this tool wrote
        return recipe, []
    new = set(recipe.outcome.training_files)
    before = KNOWN_FILES.intersection(earlier.outcome.training_files)
    left = sorted(name for name in before - new if (out / name).is_file())
    if not recipe.has_rows_of(earlier):
        return recipe, left
    outcome = recipe.outcome.model_copy(update={"training_files": sorted(new.union(left))})
    return recipe.model_copy(update={"outcome": outcome}), []


def earlier_card(out: Path, files: Collection[str]) -> list[str]:
    """What is left of an earlier card that these files do not replace; a README of a person is never touched.

    Raises:
        StoreError: a README that is no card stands where the card would be written.
    """
    try:
        text = (out / README).read_text("utf-8", errors="replace")
    except OSError:  # there is none
        return []
    if MARK not in text and README in files:
        raise StoreError(
            f"{out / README} is no card that Winnow wrote.", "Choose another folder for the export."
        )
    left = CARD_CONTENTS.keys() - files if MARK in text else set()
    return sorted(name for name in left if (out / name).is_file())


def earlier_report(out: Path, files: Collection[str]) -> list[str]:
    """An earlier report that these files do not replace; a page of somebody else is never touched.

    Raises:
        StoreError: a page that is no report stands where the report would be written.
    """
    try:
        with (out / REPORT).open("rb") as file:
            is_ours = REPORT_MARK.encode() in file.read(1000)
    except OSError:  # there is none
        return []
    if not is_ours and REPORT in files:
        raise StoreError(
            f"{out / REPORT} is no report that Winnow wrote.", "Choose another folder for the export."
        )
    return [REPORT] if is_ours and REPORT not in files else []


def earlier_ratings(out: Path, files: Collection[str]) -> list[str]:
    """Scores of people and models of an earlier export that are no judges any more."""
    names = [name for name in _sums(out) if of_scores(name) and Path(name).name == name]
    own = [name for name in names if (out / name).is_file() and _sums(out)[name] == sha256_of(out / name)]
    return [name for name in own if name not in files]


def earlier_tables(out: Path, files: Collection[str]) -> list[str]:
    """Tables of an earlier bundle that these files do not replace; one of somebody else is never touched.

    Raises:
        StoreError: one that is not of an export stands where another would be written.
    """
    sums = _sums(out)
    found = [name for name in BUNDLE_CONTENTS if (out / name).is_file()]
    own = {name for name in found if sums.get(name) == sha256_of(out / name)}
    for name in found:
        if name in files and name not in own:
            raise StoreError(f"{out / name} is not of an export.", "Move it, or choose another folder.")
    return [name for name in found if name in own and name not in files]


def earlier_snippets(
    out: Path, files: Collection[str], training_files: Collection[str]
) -> tuple[list[str], list[str]]:
    """Trainers' settings that these files do not replace: of a training file that stays, and the others.

    A file is Winnow's own where ``SHA256SUMS`` has its digest.

    Raises:
        StoreError: one that a person wrote or changed stands where another would be written.
    """
    sums = _sums(out)
    staying: list[str] = []
    outdated: list[str] = []
    for name in SNIPPETS:
        if not (out / name).is_file():
            continue
        is_own = sums.get(name) == sha256_of(out / name)
        if name in files and not is_own:
            raise StoreError(
                f"{out / name} was written or changed by hand.", "Move it, or choose another folder."
            )
        if name not in files and is_own:
            text = (out / name).read_text("utf-8")
            stays = any(f'"{file}"' in text for file in training_files)
            (staying if stays else outdated).append(name)
    return staying, outdated


def _sums(out: Path) -> Mapping[str, str]:
    try:
        lines = (out / SUMS).read_text("utf-8", errors="replace").splitlines()
    except OSError:  # there is none
        return {}
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return digest_of(file)


def digest_of(file: IO[bytes]) -> str:
    """The sha256 of an open file from where it stands."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def digest_of_bytes(content: bytes) -> str:
    """The sha256 of a content, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
