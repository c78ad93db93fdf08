"""The cells of a column as scores: numbers, booleans and labels, on the scale that was asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from core.aggregates import NEED_TWO, RULES
from core.domain import ScoreColumn, Scores
from core.errors import ParameterError

NO_SCORE = ("", "na", "n/a", "nan", "null", "none", "-")  # texts that say that there is none
PLACES = 5  # cells that are named
MOST_SEEN = 40  # characters of a cell that is named
MOST_NAME = 80  # characters of a judge's name
BEYOND = 3e38  # float32 holds no more


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of the m cells of a column.

    scores: (m,) after sentinels, labels, scale and inversion; NaN = unscored.
    before: lowest and highest number before the scale; None where there is none.
    empty: cells that say nothing. odd: cells that say something which is no number and no label.
    first: (row, cell) of the first odd ones, rows counted from 0.
    declared: cells that hold a number declared to be no score.
    outside: scores whose cell lies outside of the scale's first two ends.
    """

    scores: Scores = field(repr=False)
    before: tuple[float, float] | None
    empty: int
    odd: int
    first: tuple[tuple[int, str], ...]
    declared: int
    outside: int


def checked(column: ScoreColumn) -> ScoreColumn:
    """The decision with every number as a float, if it can be carried out.

    Raises:
        ParameterError: a name that cannot be shown, a scale without extent, or a number that is none.
    """
    name = column.name
    if not name.strip() or len(name) > MOST_NAME or not name.isprintable():
        raise ParameterError(
            f"A judge cannot be called {name[:MOST_NAME]!r}.",
            f"Give it a name of 1 to {MOST_NAME} characters.",
        )
    numbers = (*(column.scale or ()), *(score for _, score in column.labels), *column.unscored)
    if not all(math.isfinite(number) and abs(number) < BEYOND for number in numbers):
        raise ParameterError(f"A number of the judge {name} is not finite.", "Write plain numbers.")
    if column.scale is not None:
        low, high, to_low, to_high = column.scale
        if not (low < high and to_low < to_high):
            raise ParameterError(
                f"The scale {low:g} to {high:g} cannot become {to_low:g} to {to_high:g}.",
                "Name the lower end first; where lower is better, say so beside it.",
            )
    if column.rule:
        _check_rule(column)
    return replace(
        column,
        scale=column.scale and _floats(column.scale),
        labels=tuple({text: float(score) for text, score in column.labels}.items()),
        unscored=tuple(map(float, column.unscored)),
    )


def _check_rule(column: ScoreColumn) -> None:
    if column.rule not in RULES:
        raise ParameterError(f"There is no aggregate {column.rule!r}.", f"It can be: {', '.join(RULES)}.")
    least = 2 if column.rule in NEED_TWO else 1
    if len(set(column.of)) < max(least, len(column.of)) or column.name in column.of:
        raise ParameterError(
            f"The aggregate {column.name} ({column.rule}) needs {least} or more different judges.",
            "Name each judge once, and not the aggregate itself.",
        )


def _floats(ends: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    low, high, to_low, to_high = map(float, ends)
    return low, high, to_low, to_high


def converted(cells: pl.Series, column: ScoreColumn) -> Converted:
    """Every cell as the decision has it."""
    text = _texts(cells)
    says = (text.is_not_null() & ~text.str.to_lowercase().is_in(NO_SCORE)).to_numpy()
    numbers = _labelled(text, column) if column.labels else _numbers(cells, text)
    odd = says & ~np.isfinite(numbers)
    numbers = np.where(says & ~odd, numbers, np.nan)
    declared = np.isin(numbers, column.unscored) if column.unscored else np.zeros(len(numbers), bool)
    numbers = np.where(declared, np.nan, numbers)
    known = numbers[~np.isnan(numbers)]
    low, high = (-math.inf, math.inf) if column.scale is None else column.scale[:2]
    rows = np.flatnonzero(odd)[:PLACES]
    return Converted(
        scores=_on_scale(numbers, column).astype(np.float32),
        before=(float(known.min()), float(known.max())) if len(known) else None,
        empty=int((~says).sum()),
        odd=int(odd.sum()),
        first=tuple((int(row), str(text[int(row)])[:MOST_SEEN]) for row in rows),
        declared=int(declared.sum()),
        outside=int(((known < low) | (known > high)).sum()),
    )


def texts_in(cells: pl.Series, most: int) -> list[str]:
    """The texts in a column that are no numbers, the most frequent first: what labels may be for."""
    text = _texts(cells)
    numbers = _numbers(cells, text)
    wanted = text.is_not_null() & ~text.str.to_lowercase().is_in(NO_SCORE) & pl.Series(np.isnan(numbers))
    if cells.dtype == pl.Boolean:
        wanted = text.is_not_null()
    counts = text.filter(wanted).alias("text").value_counts()
    return [str(each) for each in counts.sort(["count", "text"], descending=[True, False])["text"].head(most)]


def _texts(cells: pl.Series) -> pl.Series:
    """Each cell as text without blanks around it; null where there is none or its kind has no text."""
    if cells.dtype.is_float():
        cells = cells.fill_nan(None)
    if cells.dtype.is_nested() or cells.dtype == pl.Binary:
        cells = pl.Series(cells.name, [None if each is None else str(each) for each in cells.to_list()])
    return cells.cast(pl.String, strict=False).str.strip_chars()


def _numbers(cells: pl.Series, text: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if cells.dtype.is_numeric() or cells.dtype == pl.Boolean:
        numbers = cells.cast(pl.Float64)
    else:
        words = text.str.to_lowercase().replace_strict({"true": "1", "false": "0"}, default=text)
        numbers = words.cast(pl.Float64, strict=False)
    found = numbers.fill_null(math.nan).to_numpy()
    return np.where(np.abs(found) < BEYOND, found, np.nan)


def _labelled(text: pl.Series, column: ScoreColumn) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    scores = text.replace_strict(dict(column.labels), default=None, return_dtype=pl.Float64)
    return scores.fill_null(math.nan).to_numpy()


def _on_scale(
    numbers: np.ndarray[tuple[int], np.dtype[np.float64]], column: ScoreColumn
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if column.scale is None:
        return 0.0 - numbers if column.invert else numbers  # 0 stays 0, not -0
    low, high, to_low, to_high = column.scale
    share = (numbers - low) / (high - low)
    return to_low + (1 - share if column.invert else share) * (to_high - to_low)
