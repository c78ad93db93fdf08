"""Which columns look like scores, and on which scale they are."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from core.domain import Judge, Scores
from core.loading.columns import NUMBER_SHARE, scores_in_text

SCORE_WORDS = frozenset(
    {"score", "rating", "rated", "judge", "judgement", "judgment", "quality", "accuracy", "helpfulness"}
    | {"helpful", "complexity", "grade", "reward", "difficulty", "ifd", "correctness", "relevance"}
    | {"coherence", "clarity", "alignment"}
)
COUNT_WORDS = frozenset(
    {"id", "idx", "index", "row", "line", "number", "num", "count", "token", "length", "len", "char", "word"}
    | {"year", "page", "turn", "seed", "time", "timestamp", "date", "cluster", "label", "offset", "position"}
    | {"size", "unnamed"}
)
COORDINATES = frozenset({"x", "y", "n"})  # also what pandas appends to names: score_x is a score
FEW_GRADES = 21  # a whole-number column with more values than this is a count unless its name says otherwise
LOWEST, HIGHEST = -10.0, 100.0  # grades outside this range need a name that says score
MOST_STEPS = 100  # a scale with more grades than this is treated as continuous
FRACTIONS = (1, 2, 3, 4, 5, 6, 8, 10, 20, 100)  # a step is a multiple of one of these parts of 1
WIDEST = 1e9  # a range beyond this is no scale
NEAR = 1e-4  # float32 scores are this close to the grade they stand for


def find_judges(rows: pl.DataFrame) -> dict[str, Judge]:
    """Every numeric column that looks like a score, by name, in the order of the columns.

    A text column counts as numeric where all that it says is numbers; half of it, if its name says score.
    """
    judges = {}
    for column in rows.iter_columns():
        named = says_score(column.name)
        if named is False:
            continue
        scores = _scores(column, least=NUMBER_SHARE if named else 1.0)
        if scores is not None and (named or _graded(scores, column.dtype)):
            judges[column.name] = judge(column.name, scores)
    return judges


def says_score(name: str) -> bool | None:
    """True for a score, False for a count or a key, None where the name says neither.

    The last telling word decides: ``judge_tokens`` are tokens, ``length_score`` is a score.
    """
    split = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    words = [word for word in re.split(r"[^a-z]+", split) if word]
    words = [word if word in SCORE_WORDS else word.removesuffix("s") for word in words]
    telling = [word in SCORE_WORDS for word in words if word in SCORE_WORDS | COUNT_WORDS]
    if telling:
        return telling[-1]
    return False if not name.strip() or COORDINATES & set(words) else None


def judge(name: str, scores: Scores) -> Judge:
    """A judge with the scale that its scores show; at least one score must be a number."""
    scores = scores.copy()
    scores.flags.writeable = False
    levels = np.unique(scores[~np.isnan(scores)])
    unscored = int(np.isnan(scores).sum())
    low, high = _plain(levels[0]), _plain(levels[-1])
    return Judge(name, scores, low, high, _step(levels), len(scores) - unscored, unscored)


def _scores(column: pl.Series, *, least: float) -> Scores | None:
    numbers = scores_in_text(column, least=least) if column.dtype == pl.String else column
    if numbers is None or not numbers.dtype.is_numeric():
        return None
    scores = numbers.cast(pl.Float32, strict=False).fill_null(float("nan")).to_numpy().copy()
    scores[~np.isfinite(scores)] = np.nan
    return None if np.isnan(scores).all() else scores


def _graded(scores: Scores, dtype: pl.DataType) -> bool:
    levels = np.unique(scores[~np.isnan(scores)])
    if len(levels) < 2 or levels[0] < LOWEST or levels[-1] > HIGHEST:
        return False
    return len(levels) <= FEW_GRADES or (dtype.is_float() and levels[0] >= 0 and levels[-1] <= 1)


def _step(levels: Scores) -> float | None:
    """The largest step of which every gap between two grades is a multiple; None where there is none."""
    gaps = np.diff(levels.astype(np.float64))
    if not len(gaps) or gaps.sum() > WIDEST:
        return None
    for parts in FRACTIONS:
        whole = np.round(gaps * parts)
        if whole.all() and np.allclose(whole / parts, gaps, rtol=0, atol=NEAR):
            step = float(np.gcd.reduce(whole.astype(np.int64))) / parts
            return round(step, 6) if gaps.sum() / step <= MOST_STEPS else None
    return None


def _plain(value: np.float32) -> float:
    """4.7, not 4.699999809265137: the shortest number that is the same float32."""
    return float(str(value))
