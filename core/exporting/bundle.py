"""The files of one export, written to a folder or into one zip."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl

from core.domain import Coords, Dataset, Labels, Positions, Reason, Selection
from core.errors import DataError, StoreError
from core.exporting.card import MARK, Card, card_text
from core.exporting.formats import FORMATS, training_format, write_parquet
from core.exporting.recipe import Recipe, Traces, ids_text, recipe_of
from core.exporting.recipe_file import parse_recipe

SUMS = "SHA256SUMS"
Write = Callable[[IO[bytes]], None]

CONTENTS = {
    "ids.txt": "the ids of the chosen rows, one a line, in order of choice",
    "selection.parquet": "every row of the pool: id, reason, place in the order, score, cluster, x, y",
    "control_ids.txt": "a random draw of the same size (seed 0), to train the control on",
    "recipe.yaml": "every decision, model, digest and version behind the choice",
    SUMS: "the sha256 of every file; sha256sum -c SHA256SUMS checks them",
}

README = "README.md"
CARD_CONTENTS = {
    README: "the dataset card, with the front matter that the Hugging Face hub reads",
    "control.parquet": "the rows of the random draw, in the columns of the training file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Everything that an export writes."""

    dataset: Dataset
    selection: Selection
    labels: Labels
    names: Mapping[int, str]
    coords: Coords
    made: dict[str, Any]
    map_settings: dict[str, Any]
    control: Positions
    traces: Traces
    card: Card | None = None


def write_bundle(bundle: Bundle, out: Path, form: str) -> list[Path]:
    """Write all files into a folder, each under a temporary name first; the paths written.

    An earlier export into the folder is replaced. Its training files in other forms stay if they hold the
    same rows, and the recipe names them too. If they hold other rows they are removed once everything new
    is written, since no recipe would fit them. Only files that the earlier recipe names are touched.

    Raises:
        ParameterError: an unknown form.
        StoreError: the folder cannot be written.
    """
    recipe, outdated = _beside_earlier(_recipe(bundle, form), out)
    files = _files(bundle, form, recipe)
    outdated += _earlier_card(out, files)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, write in files.items():
            _replace(out / name, write)
        sums = {
            name: _sha256_of(out / name) for name in {**files, **dict.fromkeys(recipe.outcome.training_files)}
        }
        _replace(out / SUMS, lambda file: _write_text(file, _sums_text(sums)))
        for name in outdated:
            (out / name).unlink()
    except OSError as cause:
        raise StoreError(
            f"The export to {out} could not be written: {cause.strerror or cause}.",
            "Free some space or choose another folder.",
        ) from cause
    return [out / name for name in (*files, SUMS)]


def archive(bundle: Bundle, form: str) -> BufferedReader:
    """The same files as one zip: an open file without a name, whose space is free again once it is closed.

    Raises:
        ParameterError: an unknown form.
        StoreError: the folder for temporary files is full or cannot be written.
    """
    files = _files(bundle, form, _recipe(bundle, form))
    try:
        with tempfile.NamedTemporaryFile(prefix="winnow-", suffix=".zip") as temporary:
            _write_zip(files, temporary)
            temporary.flush()
            return Path(temporary.name).open("rb")
    except OSError as cause:
        raise StoreError(
            f"The zip could not be written to {tempfile.gettempdir()}: {cause.strerror or cause}.",
            "Free some space, or name a folder with more of it in TMPDIR.",
        ) from cause


def _write_zip(files: Mapping[str, Write], out: IO[bytes]) -> None:
    sums = {}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, write in files.items():
            with zipped.open(name, "w", force_zip64=True) as file:
                write(file)
            with zipped.open(name) as written:
                sums[name] = _digest_of(written)
        zipped.writestr(SUMS, _sums_text(sums))


def _replace(path: Path, write: Write) -> None:
    """Write a file under a temporary name, sync it, then rename it into place."""
    temporary = path.with_name(f".{path.name}.writing")
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sums_text(sums: Mapping[str, str]) -> str:
    """One line a file, as ``sha256sum -c`` reads them."""
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items())


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return _digest_of(file)


def _digest_of(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _recipe(bundle: Bundle, form: str) -> Recipe:
    return recipe_of(
        bundle.dataset,
        bundle.selection,
        made=bundle.made,
        map_settings=bundle.map_settings,
        traces=bundle.traces,
        training_files=[training_format(form).file],
    )


def _beside_earlier(recipe: Recipe, out: Path) -> tuple[Recipe, list[str]]:
    """The recipe with what an earlier export left of the same rows, and the files it left of others."""
    try:
        earlier = parse_recipe((out / "recipe.yaml").read_bytes(), "recipe.yaml")
    except (OSError, DataError):  # no recipe, or none that this tool wrote
        return recipe, []
    known = {each.file for each in FORMATS.values()}
    new = set(recipe.outcome.training_files)
    left = sorted(
        name for name in known.intersection(earlier.outcome.training_files) - new if (out / name).is_file()
    )
    if not recipe.has_rows_of(earlier):
        return recipe, left
    outcome = recipe.outcome.model_copy(update={"training_files": sorted(new.union(left))})
    return recipe.model_copy(update={"outcome": outcome}), []


def _files(bundle: Bundle, form: str, recipe: Recipe) -> dict[str, Write]:
    chosen = training_format(form)
    ids = bundle.dataset.frame["id"]

    def text(content: str) -> Write:
        return lambda out: _write_text(out, content)

    files: dict[str, Write] = {
        chosen.file: lambda out: chosen.write(bundle.dataset, bundle.selection.rows, out),
        "ids.txt": text(ids_text(bundle.selection.ids)),
        "selection.parquet": lambda out: write_parquet(sidecar(bundle), out),
        "control_ids.txt": text(ids_text(ids.gather(bundle.control).to_list())),
        "recipe.yaml": text(recipe.to_yaml()),
    }
    if bundle.card is not None:
        configs = {
            "default": chosen.file,
            "random_control": "control.parquet",
            "all_scored": "selection.parquet",
        }
        files[README] = text(card_text(bundle.card, recipe, bundle.dataset.judges, configs))
        files["control.parquet"] = lambda out: write_parquet(_control(bundle, form), out)
    return files


def _control(bundle: Bundle, form: str) -> pl.DataFrame:
    dataset = bundle.dataset
    return (dataset.frame.select("messages") if form == "messages" else dataset.rows)[bundle.control]


def _earlier_card(out: Path, files: Mapping[str, Write]) -> list[str]:
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
    left = CARD_CONTENTS.keys() - files.keys() if MARK in text else set()
    return sorted(name for name in left if (out / name).is_file())


def _write_text(out: IO[bytes], content: str) -> None:
    out.write(content.encode())


def sidecar(bundle: Bundle) -> pl.DataFrame:
    """Every row of the pool, in the order of the file: why it is in or out, and where it lies.

    ``order`` counts from 1 in the sequence of choice; null for rows that are not chosen.
    """
    chosen = bundle.selection
    n = len(bundle.dataset)
    place = np.zeros(n, dtype=np.int64)
    place[chosen.rows] = np.arange(1, len(chosen) + 1)
    named = pl.DataFrame(
        {"cluster": list(bundle.names), "cluster_name": list(bundle.names.values())},
        schema={"cluster": pl.Int32, "cluster_name": pl.String},
    )
    scores = {
        f"score_{name}": pl.Series(judge.scores).fill_nan(None)
        for name, judge in bundle.dataset.judges.items()
    }
    frame = pl.DataFrame(
        {
            "id": bundle.dataset.frame["id"],
            "reason": chosen.reasons.cast(pl.String),
            "order": pl.Series(place).replace(0, None),
            **scores,
            "cluster": pl.Series(bundle.labels),
            "x": bundle.coords[:, 0],
            "y": bundle.coords[:, 1],
            "pinned": pl.Series(np.isin(chosen.codes, [Reason.PINNED, Reason.EXCLUDED])),
        }
    )
    return frame.join(named, on="cluster", how="left", maintain_order="left")
