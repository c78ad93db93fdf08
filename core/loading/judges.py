"""Which columns look like scores, and on which scale they are."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from core.domain import Judge, Scores
from core.loading.columns import scores_in_text

SCORE_WORDS = frozenset(
    {"score", "scores", "rating", "rated", "judge", "judgement", "judgment", "quality", "accuracy"}
    | {"helpfulness", "helpful", "complexity", "grade", "reward", "difficulty", "ifd", "correctness"}
    | {"relevance", "coherence", "clarity", "alignment"}
)
COUNT_WORDS = frozenset(
    {"id", "ids", "idx", "index", "row", "line", "number", "num", "count", "n", "tokens", "token", "length"}
    | {"len", "chars", "words", "year", "page", "turns", "turn", "seed", "time", "timestamp", "date"}
    | {"cluster", "label", "x", "y", "offset", "position", "size"}
)
FEW_GRADES = 21  # a whole-number column with more values than this is a count unless its name says otherwise
LOWEST, HIGHEST = -10.0, 100.0  # grades outside this range need a name that says score
MOST_STEPS = 100  # a scale with more grades than this is treated as continuous


def find_judges(rows: pl.DataFrame) -> dict[str, Judge]:
    """Every numeric column that looks like a score, by name, in the order of the columns."""
    judges = {}
    for column in rows.iter_columns():
        words = set(re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column.name).lower()))
        named = bool(words & SCORE_WORDS)
        if not named and words & COUNT_WORDS:
            continue
        scores = _scores(column, named=named)
        if scores is not None and (named or _graded(scores, column.dtype)):
            judges[column.name] = judge(column.name, scores)
    return judges


def judge(name: str, scores: Scores) -> Judge:
    """A judge with the scale that its scores show; at least one score must be a number."""
    scores = scores.copy()
    scores.flags.writeable = False
    levels = np.unique(scores[~np.isnan(scores)])
    unscored = int(np.isnan(scores).sum())
    low, high = _plain(levels[0]), _plain(levels[-1])
    return Judge(name, scores, low, high, _step(levels), len(scores) - unscored, unscored)


def _scores(column: pl.Series, *, named: bool) -> Scores | None:
    if column.dtype == pl.String and named:
        numbers = scores_in_text(column)
        if numbers is None:
            return None
        column = numbers
    if not column.dtype.is_numeric():
        return None
    scores = column.cast(pl.Float32, strict=False).fill_null(float("nan")).to_numpy().copy()
    scores[~np.isfinite(scores)] = np.nan
    return None if np.isnan(scores).all() else scores


def _graded(scores: Scores, dtype: pl.DataType) -> bool:
    levels = np.unique(scores[~np.isnan(scores)])
    if len(levels) < 2 or levels[0] < LOWEST or levels[-1] > HIGHEST:
        return False
    return len(levels) <= FEW_GRADES or (dtype.is_float() and levels[0] >= 0 and levels[-1] <= 1)


def _step(levels: Scores) -> float | None:
    if len(levels) < 2:
        return None
    wide = np.round(levels.astype(np.float64), 6)
    gaps = np.diff(wide)
    step = float(gaps.min())
    count = (wide[-1] - wide[0]) / step
    even = np.allclose(np.round(gaps / step) * step, gaps, atol=1e-4)
    return round(step, 6) if even and count <= MOST_STEPS else None


def _plain(value: np.float32) -> float:
    """4.7, not 4.699999809265137: the shortest number that is the same float32."""
    return float(str(value))
