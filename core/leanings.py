"""What judges lean towards: length, markdown, lists, code; and which clusters a threshold thins out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.aggregates import percentiles
from core.agreement import correlation, ranks_of, spearman
from core.concordance import Estimate
from core.domain import Labels, Mask, Scores

Z = 1.959964  # of a two-sided 95 % interval
DECILES = 10
DROP = 1.5  # a cluster that keeps its rows that much less often than all rows is an alert
LEAST_ROWS = 10  # of a cluster that can be one

STYLES: Mapping[str, str] = {
    "markdown": r"(?m)^#{1,6} \S|\*\*[^*\s][^*]*\*\*|(?m)^\|.*\|\s*$",
    "lists": r"(?m)^\s*(?:[-*+•]|\d{1,3}[.)]) \S(?s:.*)^\s*(?:[-*+•]|\d{1,3}[.)]) \S",
    "code": r"(?m)^\s*(?:```|#include\b|(?:def|function) \w+ ?\(|class \w+ ?[({:]|import [\w.]+;?\s*$|"
    r"from [\w.]+ import |(?:var|let|const|int|float) \w+ ?=|(?:public|private) \w+|SELECT .+ FROM |"
    r"</?[a-z]+[^>]*>)",
}
"""Feature of a response -> the pattern that tells it. A list has two items at least."""


@dataclass(frozen=True, slots=True)
class Leaning:
    """How the scores of one judge go with one feature of the responses.

    rows: scored. share: of them, those that have the feature; nan for the length.
    rho: Spearman's correlation of score and feature, with its interval.
    beyond: the same with the length held fixed; for the length itself, with what the other judges say held
        fixed; nan where that is not known.
    """

    judge: str
    feature: str
    rows: int
    share: float
    rho: Estimate
    beyond: float


@dataclass(frozen=True, slots=True)
class ClusterKeeps:
    """How many rows of a cluster pass a threshold, of those that are scored.

    ratio: the keep rate of all rows in parts of that of the cluster; inf where it keeps none.
    low, high: Wilson's interval of the keep rate.
    """

    label: int
    rows: int
    kept: int
    rate: float
    low: float
    high: float
    ratio: float
    is_alert: bool


def styles(responses: pl.Series) -> Mapping[str, Mask]:
    """Feature -> (n,) whether a response shows it."""
    frame = responses.alias("text").to_frame()
    told = frame.select(
        pl.col("text").str.contains(pattern).fill_null(value=False).alias(name)
        for name, pattern in STYLES.items()
    )
    return {name: told[name].to_numpy() for name in STYLES}


def partial(rho: float, one: float, other: float) -> float:
    """A correlation with a third thing held fixed; ``one`` and ``other`` are the correlations with it."""
    room = (1 - one**2) * (1 - other**2)
    return (rho - one * other) / math.sqrt(room) if room > 1e-12 else math.nan


def partial_spearman(
    one: NDArray[np.floating], other: NDArray[np.floating], given: NDArray[np.floating]
) -> float:
    """Spearman's correlation of two with a third held fixed, on the rows where all three are known."""
    known = ~(np.isnan(one) | np.isnan(other) | np.isnan(given))
    one, other, given = one[known], other[known], given[known]
    first, second, third = ranks_of(one), ranks_of(other), ranks_of(given)
    return partial(correlation(first, second), correlation(first, third), correlation(second, third))


def around(rho: float, rows: int) -> Estimate:
    """A rank correlation with its interval by Fisher's z (variance of Bonett and Wright, 2000)."""
    if math.isnan(rho) or rows < 4 or abs(rho) >= 1:
        return Estimate(rho)
    half = Z * math.sqrt((1 + rho**2 / 2) / (rows - 3))
    middle = math.atanh(rho)
    return Estimate(rho, math.tanh(middle - half), math.tanh(middle + half))


def length_leaning(name: str, scores: Scores, lengths: NDArray[np.int64], others: Scores | None) -> Leaning:
    """How scores go with the length of the response; ``others``: what the other judges say of each row."""
    known = ~np.isnan(scores)
    long = lengths.astype(np.float64)
    return Leaning(
        judge=name,
        feature="length",
        rows=int(known.sum()),
        share=math.nan,
        rho=around(spearman(scores[known], long[known]), int(known.sum())),
        beyond=math.nan if others is None else partial_spearman(scores, long, others),
    )


def style_leaning(
    name: str, feature: str, scores: Scores, shows: Mask, lengths: NDArray[np.int64]
) -> Leaning:
    """How scores go with a feature that a response shows or does not."""
    known = ~np.isnan(scores)
    has = shows.astype(np.float64)
    return Leaning(
        judge=name,
        feature=feature,
        rows=int(known.sum()),
        share=float(has[known].mean()) if known.any() else math.nan,
        rho=around(spearman(scores[known], has[known]), int(known.sum())),
        beyond=partial_spearman(scores, has, lengths.astype(np.float64)),
    )


def by_length(scores: Scores, lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """(10,) the mean percentile of the scores in each tenth of the scored rows by length, shortest first.

    Equal lengths are in one tenth; nan where a tenth is empty.
    """
    known = ~np.isnan(scores)
    if not known.any():
        return np.full(DECILES, np.nan)
    tenth = (percentiles(lengths[known].astype(np.float64)) * DECILES / 100).astype(np.int64)
    rows = np.bincount(tenth, minlength=DECILES)
    sums = np.bincount(tenth, weights=percentiles(scores[known]), minlength=DECILES)
    means: NDArray[np.float64] = np.divide(sums, rows, out=np.full(DECILES, np.nan), where=rows > 0)
    return means


def wilson(kept: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson; (nan, nan) of nothing."""
    if not rows:
        return math.nan, math.nan
    share, square = kept / rows, Z**2 / rows
    middle = share + square / 2
    half = Z * math.sqrt(share * (1 - share) / rows + square / (4 * rows))
    return max((middle - half) / (1 + square), 0.0), min((middle + half) / (1 + square), 1.0)


def cluster_keeps(labels: Labels, scores: Scores, threshold: float) -> Sequence[ClusterKeeps]:
    """One for each cluster with scored rows, those that lose most first.

    An alert is a cluster of ``LEAST_ROWS`` scored rows or more that keeps at most 1/``DROP`` of what all rows
    keep, where chance does not explain it: the interval lies below the rate of all rows.
    """
    known = ~np.isnan(scores)
    passing = known & (scores >= np.float32(threshold))
    overall = passing.sum() / max(known.sum(), 1)
    found = []
    for label in np.unique(labels[known]):
        rows, kept = int((labels[known] == label).sum()), int((labels[passing] == label).sum())
        low, high = wilson(kept, rows)
        is_alert = rows >= LEAST_ROWS and kept / rows * DROP <= overall and high < overall
        ratio = overall / (kept / rows) if kept else math.inf
        found.append(
            ClusterKeeps(int(label), rows, kept, kept / rows, low, high, ratio, is_alert=bool(is_alert))
        )
    return sorted(found, key=lambda each: (each.rate, -each.rows, each.label))
