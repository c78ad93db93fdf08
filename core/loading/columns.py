"""Records become typed columns; whatever had to be changed for that is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import polars as pl

from core.domain import Problem

NUMBER_SHARE = 0.5  # a text column is read as numbers where at least this share of its cells parse
NUMERIC_NULLS = ("", "na", "n/a", "nan", "null", "none", "-")


def frame_of(
    records: Sequence[dict[str, Any]], *, numbers_in_text: bool = False
) -> tuple[pl.DataFrame, tuple[Problem, ...]]:
    """One column a key, in order of first appearance; a key that a record lacks is null there.

    A column that mixes kinds becomes text (JSON for what was not text), and that is reported.
    """
    keys = dict.fromkeys(key for record in records for key in record)
    columns: list[pl.Series] = []
    problems: list[Problem] = []
    for key in keys:
        values = [record.get(key) for record in records]
        column, changed = _column(key, values)
        columns.append(_numbers(column) if numbers_in_text else column)
        if changed:
            problems.append(Problem(f"not text in the column {key}, read as text", changed))
    return pl.DataFrame(columns), tuple(problems)


def _column(name: str, values: list[Any]) -> tuple[pl.Series, int]:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {int, float}:
        return pl.Series(name, values, dtype=pl.Float64, strict=False), 0
    if len(kinds) <= 1:
        try:
            return pl.Series(name, values, strict=True), 0
        except (TypeError, OverflowError, pl.exceptions.PolarsError):
            pass  # nested values of more than one shape, or numbers beyond 64 bits
    texts = [value if value is None or isinstance(value, str) else _as_json(value) for value in values]
    changed = sum(value is not None and not isinstance(value, str) for value in values)
    return pl.Series(name, texts, dtype=pl.String), changed


def _as_json(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers beyond 64 bits
        return str(value)


def _numbers(column: pl.Series) -> pl.Series:
    """A CSV column as numbers, if every cell that is not blank is one."""
    blank = column.str.strip_chars().str.to_lowercase().is_in(NUMERIC_NULLS)
    if blank.all():
        return column
    numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
    if (numbers.is_null() & ~blank).any():
        return column
    whole = column.str.strip_chars().cast(pl.Int64, strict=False)
    return whole if not (whole.is_null() & ~blank).any() else numbers


def scores_in_text(column: pl.Series) -> pl.Series | None:
    """Numbers out of a text column such as ``["4.5", "n/a"]``, null where there is none.

    None where fewer than half of the cells that hold something are numbers.
    """
    text = column.str.strip_chars()
    filled = text.is_not_null() & (text != "")
    numbers = text.cast(pl.Float64, strict=False)
    share = numbers.is_not_null().sum() / max(int(filled.sum()), 1)
    return numbers if share >= NUMBER_SHARE else None
