"""Columns of several types out of records that come in parts: what they become once all of them are known.

What is kept of a column is text: its own where all of it is text, else JSON, out of which the same values
come again. So of a large file, too, only some records at a time are held as Python's own objects.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import orjson
import polars as pl

from core.domain import Problem
from core.loading.columns import AT_ONCE, as_text, column_of, nested
from core.loading.parts import divided, frame_in_parts
from core.loading.places import PLACES

Kinds = frozenset[type]
TEXT: Kinds = frozenset({str})
NESTED = (frozenset({list}), frozenset({dict}))


class _Cells(NamedTuple):
    """Some cells of a column as text, null where there is none; ``kinds`` are those of the values."""

    texts: pl.Series
    kinds: Kinds
    is_plain: bool = True  # False where orjson cannot write a value: whole numbers beyond 64 bits, infinity

    def values(self) -> Iterator[Any]:
        if self.kinds <= TEXT:
            return iter(self.texts)
        load = orjson.loads if self.is_plain else json.loads
        return (None if text is None else load(text) for text in self.texts)


def framed(
    records: Iterable[dict[str, Any]], *, mixed: bool
) -> tuple[pl.DataFrame | None, tuple[Problem, ...]]:
    """The frame of all records and its problems; where they are not known to be mixed, None if they are."""
    return frame_in_texts(records) if mixed else (frame_in_parts(records), ())


def frame_in_texts(records: Iterable[dict[str, Any]]) -> tuple[pl.DataFrame, tuple[Problem, ...]]:
    """The frame and the problems that ``frame_of`` makes of all records, which are taken in parts."""
    parts: list[pl.DataFrame] = []
    columns: dict[str, list[_Cells]] = {}
    height = 0
    for some in divided(records, parts):
        for key in dict.fromkeys(chain.from_iterable(some)):
            cells = columns.setdefault(key, [_nothing(height)] if height else [])
            cells.append(_cells([record.get(key) for record in some]))
        height += len(some)
        for cells in columns.values():
            if (lacking := height - sum(len(each.texts) for each in cells)) > 0:
                cells.append(_nothing(lacking))
        parts[:] = [pl.DataFrame({key: cells[-1].texts for key, cells in columns.items()})]
    found = {key: _whole(key, columns.pop(key)) for key in list(columns)}
    problems = (problem for _, problem in found.values() if problem is not None)
    return pl.DataFrame({key: column for key, (column, _) in found.items()}), tuple(problems)


def _nothing(height: int) -> _Cells:
    return _Cells(pl.Series([None], dtype=pl.String).new_from_index(0, height), frozenset())


def _cells(values: list[Any]) -> _Cells:
    kinds = frozenset(type(value) for value in values if value is not None)
    if kinds <= TEXT:
        return _Cells(pl.Series(values, dtype=pl.String), kinds)
    try:
        if not all(math.isfinite(value) for value in values if isinstance(value, float)):
            raise TypeError
        texts, is_plain = [None if value is None else orjson.dumps(value).decode() for value in values], True
    except TypeError:
        texts, is_plain = [None if value is None else json.dumps(value) for value in values], False
    return _Cells(pl.Series(texts, dtype=pl.String), kinds, is_plain)


def _whole(name: str, cells: list[_Cells]) -> tuple[pl.Series, Problem | None]:
    """What ``column_of`` makes of all values."""
    kinds: Kinds = frozenset().union(*(each.kinds for each in cells))
    if kinds == TEXT:
        return pl.concat([each.texts.alias(name) for each in cells], rechunk=True), None
    if not kinds & {str, list, dict}:  # numbers, true and false: small, whatever their count
        return column_of(name, list(_values(cells)))
    if kinds in NESTED and all(each.is_plain for each in cells):
        texts = pl.concat([each.texts for each in cells])
        column = nested(name, texts, (_Cells(part, kinds).values() for part in _slices(texts)))
        if column is not None:
            return column, None
    return _as_text(name, cells)


def _values(cells: Iterable[_Cells]) -> Iterator[Any]:
    return chain.from_iterable(each.values() for each in cells)


def _slices(texts: pl.Series) -> Iterator[pl.Series]:
    return (texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE))


def _as_text(name: str, cells: list[_Cells]) -> tuple[pl.Series, Problem]:
    texts = [pl.Series(name, map(as_text, each.values()), dtype=pl.String) for each in cells]
    changed = [row for row, value in enumerate(_values(cells), 1) if not isinstance(value, str | None)]
    first = tuple(f"row {row}" for row in changed[:PLACES])
    problem = Problem(f"not text in the column {name}, read as text", len(changed), first)
    return pl.concat(texts, rechunk=True), problem
