"""Where each row of a dataset stands: in which file, and in which line or as which row of it."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from core.domain import Dataset, Problem
from core.loading.places import moved
from core.loading.sources import Source

UNITS = pl.Enum(["line", "row"])


def places_of(names: Sequence[str], sources: Sequence[Source]) -> pl.DataFrame:
    """n lines of file, unit and number, for the rows of these files below each other."""
    shown = [_shown(name, source.inner) for name, source in zip(names, sources, strict=True)]
    files = pl.Enum(list(dict.fromkeys(shown)))
    parts = [
        pl.select(
            pl.repeat(name, source.rows.height, dtype=files).alias("file"),
            pl.repeat(source.unit, source.rows.height, dtype=UNITS).alias("unit"),
            _numbers(source).alias("number"),
        )
        for name, source in zip(shown, sources, strict=True)
    ]
    return pl.concat(parts, rechunk=True)


def place_of(dataset: Dataset, position: int) -> str:
    """Where a row stands, such as "line 1,204 of alpaca.jsonl"."""
    file, unit, number = dataset.places.row(position)
    return f"{unit} {number:,} of {file}"


def short_place_of(dataset: Dataset, position: int) -> str:
    """The same in fewer words: "line 1204", with the file in front where there are several."""
    return shortly(dataset.places, position)


def shortly(places: pl.DataFrame, position: int) -> str:
    """The same of any table of places."""
    return _short(places, position, several=_are_several(places))


def in_files(problems: Sequence[Problem], places: pl.DataFrame) -> tuple[Problem, ...]:
    """The same problems; places such as "row 7" of the dataset as where that row stands in its file."""
    several = _are_several(places)
    return moved(problems, lambda position: _short(places, position, several=several))


def _are_several(places: pl.DataFrame) -> bool:
    files = places["file"].dtype
    return isinstance(files, pl.Enum) and len(files.categories) > 1


def _short(places: pl.DataFrame, position: int, *, several: bool) -> str:
    file, unit, number = places.row(position)
    return f"{file}, {unit} {number}" if several else f"{unit} {number}"


def _numbers(source: Source) -> pl.Series:
    if source.numbers is None:
        return pl.int_range(1, source.rows.height + 1, dtype=pl.UInt32, eager=True)
    # Rows without any column are none.
    return pl.Series(source.numbers[: source.rows.height], dtype=pl.Int64).cast(pl.UInt32)


def _shown(name: str, inner: str) -> str:
    """The name of a file as it is shown; one that is no text on this system is shown with question marks."""
    whole = f"{inner} in {name}" if inner else name
    return whole.encode(errors="replace").decode()
