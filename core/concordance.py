"""How far two judges agree: over all grades and at a threshold, with bootstrap intervals, beside chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.domain import Judge, Scores

DRAWS = 300  # of the bootstrap
FEWER_DRAWS = 100  # where the two judges give more than MOST_CELLS pairs of scores
MOST_CELLS = 5_000
MOST_TABLE = 40_000  # cells of the table that Kendall's tau is counted in
ENDS = (0.025, 0.975)  # of the draws: a 95 % interval


class Estimate(NamedTuple):
    """A figure with the ends of its 95 % interval; nan where there is none."""

    value: float
    low: float = math.nan
    high: float = math.nan


NOTHING = Estimate(math.nan)


@dataclass(frozen=True, slots=True)
class AtThresholds:
    """Two judges as filters, on the rows that both scored.

    thresholds: of the one and of the other, inclusive. passing: rows that each keeps. both: that both keep.
    kappa: Cohen's, 1 is full agreement and 0 chance. ac1: Gwet's, which one-sided shares do not pull down.
    jaccard: rows that both keep, of those that either keeps.
    chance: the Jaccard index that two random sets of these sizes have, to a good approximation.
    """

    thresholds: tuple[float, float]
    rows: int
    passing: tuple[int, int]
    both: int
    kappa: Estimate
    ac1: Estimate
    jaccard: Estimate
    chance: float


@dataclass(frozen=True, slots=True)
class Concordance:
    """Two judges on the rows that both scored.

    spearman, kendall (tau-b): of ranks, from -1 to 1. quadratic: the quadratically weighted kappa of scores
    as they are; nan where the two are not on one scale.
    """

    one: str
    other: str
    rows: int
    spearman: Estimate
    kendall: Estimate
    quadratic: Estimate
    at: AtThresholds | None


class _Cells(NamedTuple):
    """The pairs of scores that occur, equal ones counted once.

    one, other: (p,) places among the distinct scores of each judge. times: (p,) rows.
    values: the distinct scores of each, ascending.
    """

    one: NDArray[np.int64]
    other: NDArray[np.int64]
    times: NDArray[np.int64]
    values: tuple[NDArray[np.float64], NDArray[np.float64]]


def concordance(
    one: Judge, other: Judge, *, thresholds: tuple[float, float] | None = None, seed: int = 0
) -> Concordance:
    """Everything about two judges; without thresholds, nothing about filters.

    Independent of the order of the rows.
    """
    known = ~(np.isnan(one.scores) | np.isnan(other.scores))
    first, second = one.scores[known], other.scores[known]
    cells = _cells(first, second)
    draws = _redrawn(cells.times, DRAWS if len(cells.times) <= MOST_CELLS else FEWER_DRAWS, seed)
    has_table = len(cells.values[0]) * len(cells.values[1]) <= MOST_TABLE
    return Concordance(
        one=one.name,
        other=other.name,
        rows=len(first),
        spearman=_estimate([_spearman(cells, times) for times in (cells.times, *draws)]),
        kendall=_estimate([_kendall(cells, times) for times in (cells.times, *draws)])
        if has_table
        else Estimate(_kendall_of_many(first, second)),
        quadratic=_estimate([_quadratic(cells, times) for times in (cells.times, *draws)])
        if is_same_scale(one, other)
        else NOTHING,
        at=None if thresholds is None else at_thresholds(first, second, thresholds, seed=seed),
    )


def at_thresholds(
    one: Scores, other: Scores, thresholds: tuple[float, float], *, seed: int = 0
) -> AtThresholds:
    """Two judges as filters; every row is scored by both."""
    keeps = one >= np.float32(thresholds[0]), other >= np.float32(thresholds[1])
    counts = np.bincount(keeps[0] * 2 + keeps[1], minlength=4)  # neither, other alone, one alone, both
    tables = np.concatenate((counts[None], _redrawn(counts, DRAWS, seed)))
    rows = int(counts.sum())
    passing = int(counts[2] + counts[3]), int(counts[1] + counts[3])
    shared = passing[0] * passing[1] / rows if rows else 0.0
    either = sum(passing) - shared
    return AtThresholds(
        thresholds=thresholds,
        rows=rows,
        passing=passing,
        both=int(counts[3]),
        kappa=_estimate(_kappas(tables)),
        ac1=_estimate(_ac1s(tables)),
        jaccard=_estimate(_jaccards(tables)),
        chance=shared / either if either else math.nan,
    )


def is_same_scale(one: Judge, other: Judge) -> bool:
    """Whether scores of the two can be compared as numbers: even steps, and an end in common."""
    same_end = one.low == other.low or one.high == other.high
    return one.step is not None and one.step == other.step and same_end


def effective_judges(count: int, mean_correlation: float) -> float:
    """How many independent judges say as much: k / (1 + (k - 1) * rho), rho at least 0; nan where unknown."""
    return count / (1 + (count - 1) * max(mean_correlation, 0.0))


# The bootstrap: rows drawn again with replacement are pairs of scores drawn by how often they occur.


def _cells(one: Scores, other: Scores) -> _Cells:
    first, first_place = np.unique(one, return_inverse=True)
    second, second_place = np.unique(other, return_inverse=True)
    code, times = np.unique(first_place * max(len(second), 1) + second_place, return_counts=True)
    places = np.divmod(code, max(len(second), 1))
    values = first.astype(np.float64), second.astype(np.float64)
    return _Cells(*places, times.astype(np.int64), values)


def _redrawn(times: NDArray[np.int64], draws: int, seed: int) -> NDArray[np.int64]:
    rows = int(times.sum())
    if not rows:
        return np.zeros((0, len(times)), dtype=np.int64)
    drawn = np.random.default_rng(seed).multinomial(rows, times / rows, size=draws)
    return drawn.astype(np.int64)


def _estimate(found: list[float] | NDArray[np.float64]) -> Estimate:
    """The first is the figure, the others are those of the draws."""
    value, draws = float(found[0]), np.array(found[1:])
    draws = draws[~np.isnan(draws)]
    if math.isnan(value) or not len(draws):
        return Estimate(value)
    low, high = np.quantile(draws, ENDS)
    return Estimate(value, float(low), float(high))


# Two judges over all grades.


def _spearman(cells: _Cells, times: NDArray[np.int64]) -> float:
    ranks, spreads = [], []
    for places, values in zip((cells.one, cells.other), cells.values, strict=True):
        margin = np.bincount(places, weights=times, minlength=len(values))
        middle = np.cumsum(margin) - margin / 2 - margin.sum() / 2  # mean rank of each score, around 0
        ranks.append(middle[places])
        spreads.append(float(margin @ middle**2))
    spread = math.sqrt(spreads[0] * spreads[1])
    return float(times @ (ranks[0] * ranks[1])) / spread if spread else math.nan


def _kendall(cells: _Cells, times: NDArray[np.int64]) -> float:
    """Tau-b: pairs of rows in the same sequence less those in the opposite one, ties in neither set aside."""
    table = np.zeros((len(cells.values[0]), len(cells.values[1])))
    table[cells.one, cells.other] = times
    below = np.zeros((table.shape[0] + 1, table.shape[1] + 1))
    below[1:, 1:] = table.cumsum(axis=0).cumsum(axis=1)
    same = float((table * below[:-1, :-1]).sum())
    opposite = float((table * (below[:-1, -1:] - below[:-1, 1:])).sum())
    rows = float(table.sum())
    pairs = rows * (rows - 1) / 2
    apart = [pairs - float((margin * (margin - 1)).sum()) / 2 for margin in (table.sum(1), table.sum(0))]
    return (same - opposite) / math.sqrt(apart[0] * apart[1]) if apart[0] * apart[1] > 0 else math.nan


def _kendall_of_many(one: Scores, other: Scores) -> float:
    """The same for judges with very many different scores, by scipy."""
    from scipy.stats import kendalltau

    return float(kendalltau(one, other).statistic)


def _quadratic(cells: _Cells, times: NDArray[np.int64]) -> float:
    """1 less the squared distance of scores, in parts of what independent judges of these shares have."""
    rows = times.sum()
    first, second = cells.values[0][cells.one], cells.values[1][cells.other]
    if not rows:
        return math.nan
    means = times @ first / rows, times @ second / rows
    spread = times @ (first - means[0]) ** 2 + times @ (second - means[1]) ** 2
    expected = spread / rows + (means[0] - means[1]) ** 2
    observed = times @ (first - second) ** 2 / rows
    return float(1 - observed / expected) if expected > 0 else math.nan


# Two filters; tables (m, 4) of rows that neither keeps, the other alone, the one alone, both.


def _kappas(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cohen's: agreement above that of independent filters with these shares."""
    agreed, one, other = _shares(tables)
    return _above(agreed, one * other + (1 - one) * (1 - other))


def _ac1s(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """Gwet's (2008, doi 10.1348/000711006X126600): chance is 2q(1-q), q the mean share that passes."""
    agreed, one, other = _shares(tables)
    share = (one + other) / 2
    return _above(agreed, 2 * share * (1 - share))


def _jaccards(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    either = tables[:, 1:].sum(axis=1).astype(np.float64)
    found: NDArray[np.float64] = np.divide(
        tables[:, 3], either, out=np.full(len(tables), np.nan), where=either > 0
    )
    return found


def _shares(
    tables: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    rows = np.maximum(tables.sum(axis=1), 1)
    agreed = (tables[:, 0] + tables[:, 3]) / rows
    return agreed, (tables[:, 2] + tables[:, 3]) / rows, (tables[:, 1] + tables[:, 3]) / rows


def _above(agreed: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    room = 1 - chance
    found: NDArray[np.float64] = np.divide(
        agreed - chance, room, out=np.full(len(agreed), np.nan), where=room > 1e-12
    )
    return found
