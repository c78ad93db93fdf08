"""Records become typed columns; whatever had to be changed for that is counted."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import orjson
import polars as pl

from core.domain import Problem
from core.loading.places import PLACES

NUMBER_SHARE = 0.5  # a text column named like a score is one where at least this share of its cells parse
NULL_WORDS = ("", "na", "n/a", "nan", "null", "none", "-")
AT_ONCE = 10_000  # values that are held as Python's own objects beside their column
EXACT = 2**53  # whole numbers up to here are the same number as a float
PLAIN_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$"  # not 007, +5 or 1_000: those are names


def frame_of(records: Sequence[dict[str, Any]]) -> tuple[pl.DataFrame, tuple[Problem, ...]]:
    """One column a key, in order of first appearance; a key that a record lacks is null there.

    A column that mixes kinds becomes text (JSON for what was not text), and that is reported.
    """
    keys = dict.fromkeys(chain.from_iterable(records))
    columns: dict[str, pl.Series] = {}
    problems: list[Problem] = []
    for key in keys:
        values = [record.get(key) for record in records]
        columns[key], problem = column_of(key, values)
        problems += [problem] if problem else []
    return pl.DataFrame(columns), tuple(problems)


def column_of(name: str, values: list[Any]) -> tuple[pl.Series, Problem | None]:
    """The values in one type that holds them all, or as text with what had to be changed for that."""
    column = _typed(name, values)
    if column is not None:
        return column, None
    changed = [row for row, value in enumerate(values, 1) if value is not None and not isinstance(value, str)]
    texts = pl.Series(name, [as_text(value) for value in values], dtype=pl.String)
    first = tuple(f"row {row}" for row in changed[:PLACES])
    return texts, Problem(f"not text in the column {name}, read as text", len(changed), first)


def one_by_one(texts: pl.Series) -> Iterator[str]:
    """The (n,) texts; only some of them at a time are held as Python's own objects."""
    return (
        text for start in range(0, len(texts), AT_ONCE) for text in texts[start : start + AT_ONCE].to_list()
    )


def as_text(value: object) -> str | None:
    """Text as it is, bytes decoded, anything else as JSON, None as None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:  # integers beyond 64 bits
        return json.dumps(value, ensure_ascii=False, default=str)


def _typed(name: str, values: list[Any]) -> pl.Series | None:
    """The column in a type that holds every value as it is, or None."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {int}:
        return _whole_numbers(name, values)
    if kinds == {int, float}:
        exact = all(-EXACT <= value <= EXACT for value in values if type(value) is int)
        return pl.Series(name, values, dtype=pl.Float64, strict=False) if exact else None
    if len(kinds) > 1:
        return None
    return _nested(name, values) if kinds & {list, dict} else pl.Series(name, values)


def _whole_numbers(name: str, values: list[int | None]) -> pl.Series | None:
    for dtype in (pl.Int64, pl.UInt64):
        try:
            return pl.Series(name, values, dtype=dtype, strict=True)
        except (TypeError, OverflowError, pl.exceptions.PolarsError):
            continue
    return None


def _nested(name: str, values: list[Any]) -> pl.Series | None:
    """Lists or objects in one type wide enough for all of them; a key that an object lacks is null there.

    Built from values directly, a column takes the type of its first ones and drops what does not fit.
    """
    try:
        texts = [None if value is None else orjson.dumps(value).decode() for value in values]
    except TypeError:
        return None
    slices = (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))
    return nested(name, pl.Series(texts, dtype=pl.String), slices)


def nested(name: str, texts: pl.Series, slices: Iterable[Iterable[Any]]) -> pl.Series | None:
    """The same out of JSON texts and what they say, ``AT_ONCE`` values in each slice."""
    try:
        column = texts.alias(name).str.json_decode(infer_schema_length=None)
    except pl.exceptions.PolarsError:
        return None
    same = (
        _agrees(list(values), column[number * AT_ONCE : (number + 1) * AT_ONCE].to_list())
        for number, values in enumerate(slices)
    )
    return column if _has_fields(column.dtype) and all(same) else None


def _has_fields(dtype: object) -> bool:
    """Whether no object in this type is always empty: Parquet could not hold it."""
    if isinstance(dtype, pl.Struct):
        return bool(dtype.fields) and all(_has_fields(field.dtype) for field in dtype.fields)
    return not isinstance(dtype, pl.List) or _has_fields(dtype.inner)


def _agrees(value: object, stored: object) -> bool:
    """Whether nothing but nulls for missing keys was added, and nothing lost or turned into another kind."""
    if isinstance(value, dict):
        return (
            isinstance(stored, dict)
            and value.keys() <= stored.keys()
            and all(_agrees(value.get(key), item) for key, item in stored.items())
        )
    if isinstance(value, list):
        return isinstance(stored, list) and len(value) == len(stored) and all(map(_agrees, value, stored))
    return bool(value == stored) and isinstance(value, bool) == isinstance(stored, bool)


def with_numbers(rows: pl.DataFrame, *, leave: Collection[str]) -> pl.DataFrame:
    """Text columns as numbers where that loses nothing; the columns in ``leave`` stay text.

    Every cell that is not empty must be written as a plain number; empty ones become null.
    """
    columns = {column.name: column for column in rows.iter_columns()}
    return pl.DataFrame(
        {name: column if name in leave else _as_numbers(column) for name, column in columns.items()}
    )


def _as_numbers(column: pl.Series) -> pl.Series:
    if column.dtype != pl.String or (column == "").all():
        return column
    filled = column.set(column == "", None)
    if not filled.str.contains(PLAIN_NUMBER).all():
        return column
    if filled.str.contains("[.eE]").any():
        return filled.cast(pl.Float64)
    whole = filled.cast(pl.Int64, strict=False)
    return column if whole.null_count() > filled.null_count() else whole


def scores_in_text(column: pl.Series, *, least: float = NUMBER_SHARE) -> pl.Series | None:
    """Numbers out of a text column such as ``["4.5", "n/a"]``, null where there is none.

    None where less than a share of ``least`` of the cells that say something are numbers.
    """
    text = column.str.strip_chars()
    filled = text.is_not_null() & ~text.str.to_lowercase().is_in(NULL_WORDS)
    numbers = text.cast(pl.Float64, strict=False)
    share = (numbers.is_not_null() & filled).sum() / max(int(filled.sum()), 1)
    return numbers if share >= least else None
