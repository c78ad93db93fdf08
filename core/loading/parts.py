"""Records become columns part by part, so that never all of them are held as Python's own objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import polars as pl

from core.loading.columns import EXACT, frame_of

AT_ONCE = 50_000  # records that are held as Python's own objects, at most
FIRST = 1_000  # of them in the first part, which tells how large they are
PART = 16 * 1024**2  # bytes that the records of a part may have as columns

Row = TypeVar("Row")


class MixedTypesError(Exception):
    """Only all records together tell the type of a column: they are to be read once more, for that."""


def frame_in_parts(records: Iterable[dict[str, Any]]) -> pl.DataFrame | None:
    """The frame that ``frame_of`` makes of all records; None where its parts do not tell its types.

    Every record is taken from the iterable, whatever comes out.
    """
    parts: list[pl.DataFrame] = []
    heights: list[int] = []  # a part of objects without a key is a frame without a row
    is_whole = True
    for some in divided(records, parts):
        if is_whole:
            part, mixed = frame_of(some)
            parts.append(part)
            heights.append(len(some))
            is_whole = not mixed
    return _joined(parts, heights) if is_whole and parts else None


def texts_in_parts(names: Sequence[str], rows: Iterable[Sequence[str]]) -> pl.DataFrame | None:
    """The frame of rows whose cells are all text, in the order of the names; None where there is no row."""
    parts: list[pl.DataFrame] = []
    for some in divided(rows, parts):
        columns = zip(names, zip(*some, strict=True), strict=True)
        parts.append(pl.DataFrame({name: pl.Series(cells, dtype=pl.String) for name, cells in columns}))
    return _joined(parts, [part.height for part in parts]) if parts else None


def divided(rows: Iterable[Row], parts: Sequence[pl.DataFrame]) -> Iterator[list[Row]]:
    """The rows in lists, each as long as the part that was made of the one before lets it be."""
    rest, count = iter(rows), min(FIRST, AT_ONCE)
    while some := list(islice(rest, count)):
        yield some
        size = parts[-1].estimated_size() / max(parts[-1].height, 1) if parts else 0
        count = max(1, min(AT_ONCE, int(PART / max(size, 1))))


def _joined(parts: list[pl.DataFrame], heights: list[int]) -> pl.DataFrame | None:
    """The parts below each other; each column is let go when it is joined, so that few are held twice."""
    pieces: dict[str, list[pl.Series | None]] = {}
    for number, part in enumerate(parts):
        for column in part.iter_columns():
            pieces.setdefault(column.name, [None] * len(heights))[number] = column
    parts.clear()
    types = {name: _type([each for each in columns if each is not None]) for name, columns in pieces.items()}
    whole: dict[str, pl.Series] = {}
    for name, kind in types.items():
        if kind is None:
            return None
        columns = [
            pl.Series(name, [], dtype=kind).clear(height) if column is None else column.cast(kind)
            for column, height in zip(pieces.pop(name), heights, strict=True)
        ]
        whole[name] = pl.concat(columns, rechunk=True)
    return pl.DataFrame(whole)


def _type(columns: list[pl.Series]) -> pl.DataType | None:
    """The type that holds all of a column as it is, or None."""
    kinds = {column.dtype for column in columns} - {pl.Null()}
    if len(kinds) < 2:
        return kinds.pop() if kinds else pl.Null()
    whole = [column for column in columns if column.dtype == pl.Int64]
    if kinds == {pl.Int64(), pl.Float64()} and all(_is_exact(column) for column in whole):
        return pl.Float64()
    return None


def _is_exact(column: pl.Series) -> bool:
    """Whether every whole number is the same number as a float."""
    return bool(column.is_between(-EXACT, EXACT).all())
