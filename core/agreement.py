"""How far judges agree: rank correlation of each two, and Krippendorff's alpha of all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.domain import Judge

Grades = NDArray[np.floating]  # (n, judges), NaN = unscored
DRAWS = 300  # of the bootstrap
INSIDE = 0.95  # of the draws lie in the interval
GOOD, TENTATIVE = 0.8, 0.667  # Krippendorff's guide


class Pair(NamedTuple):
    """Two judges: the rows that both scored, and Spearman's correlation; nan where one is constant."""

    one: str
    other: str
    rows: int
    spearman: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """What several judges have in common.

    rows: with at least two scores; the others say nothing of agreement.
    alpha: Krippendorff's, ordinal: 1 is full agreement, 0 is chance, below is worse; nan where undefined.
    low, high: the interval of ``INSIDE`` of the bootstrap's draws.
    """

    rows: int
    alpha: float
    low: float
    high: float
    pairs: tuple[Pair, ...]

    @property
    def sentence(self) -> str:
        """What alpha is, and what it is good for."""
        if math.isnan(self.alpha):
            return "Agreement is not known: no two judges scored rows differently enough to tell."
        found = f"Krippendorff's alpha (ordinal) of all judges is {self.alpha:.3f}"
        where = f"{INSIDE:.0%} interval {self.low:.3f} to {self.high:.3f}, {self.rows:,} rows with two scores"
        return f"{found} ({where} or more): {guide(self.alpha)}."


def guide(alpha: float) -> str:
    """What may be built on scores of that agreement, by Krippendorff's guide."""
    if alpha >= GOOD:
        return "good agreement"
    if alpha >= TENTATIVE:
        return "enough for tentative conclusions"
    return f"below {TENTATIVE}, so the choice would be another under another judge"


def agreement(judges: Mapping[str, Judge], *, seed: int = 0) -> Agreement | None:
    """The agreement of these judges; None where there are fewer than two."""
    if len(judges) < 2:
        return None
    grades = np.stack([judge.scores for judge in judges.values()], axis=1)
    low, high = alpha_interval(grades, seed=seed)
    return Agreement(
        rows=int(((~np.isnan(grades)).sum(axis=1) >= 2).sum()),
        alpha=alpha(grades),
        low=low,
        high=high,
        pairs=tuple(pair(judges[one], judges[other]) for one, other in combinations(judges, 2)),
    )


def pair(one: Judge, other: Judge) -> Pair:
    """Two judges on the rows that both scored."""
    both = ~(np.isnan(one.scores) | np.isnan(other.scores))
    return Pair(one.name, other.name, int(both.sum()), spearman(one.scores[both], other.scores[both]))


# Two judges.


def spearman(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Spearman's rank correlation, equal values sharing their mean rank; nan where one is constant."""
    return correlation(ranks_of(one), ranks_of(other))


def ranks_of(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) mean ranks less their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - counts / 2 - len(values) / 2)[place]
    return ranks


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Of values whose mean is 0; nan where one of them is constant."""
    # Sums, not matrix products: those start threads, which costs more than it gives where others compute.
    spread = float((one * one).sum()) * float((other * other).sum())
    return float((one * other).sum()) / math.sqrt(spread) if spread > 0 else math.nan


# Any number of judges.


class _Patterns(NamedTuple):
    """The rows with at least two scores, equal ones counted once.

    places: (p, judges) where each score stands among all scores, ascending; -1 is unscored.
    times: (p,) how many rows have that pattern.
    """

    places: NDArray[np.int64]
    times: NDArray[np.int64]


def alpha(grades: Grades) -> float:
    """Krippendorff's alpha for ordinal scores, rows with fewer than two of them left out.

    The ordinal distance of two scores is the distance of their mean ranks among all scores, so the sums over
    pairs are sums of squares, and no matrix of all scores by all scores is made.

    Returns:
        1 is full agreement, 0 is chance; nan where all scores are equal or no row has two.
    """
    patterns = _patterns(grades)
    return _alpha(patterns, patterns.times)


def alpha_interval(grades: Grades, *, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """The ends of the interval of ``INSIDE`` of alpha when rows are drawn again with replacement.

    Independent of the order of the rows. Nan where alpha is.
    """
    patterns = _patterns(grades)
    rows = int(patterns.times.sum())
    if not rows:
        return math.nan, math.nan
    drawn = np.random.default_rng(seed)
    found = [
        _alpha(patterns, drawn.multinomial(rows, patterns.times / rows).astype(np.int64))
        for _ in range(draws)
    ]
    known = np.array([each for each in found if not math.isnan(each)])
    if not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, [(1 - INSIDE) / 2, (1 + INSIDE) / 2])
    return float(low), float(high)


def _patterns(grades: Grades) -> _Patterns:
    known = ~np.isnan(grades)
    paired = known.sum(axis=1) >= 2
    grades, known = grades[paired], known[paired]
    places = np.full(grades.shape, -1, dtype=np.int64)
    places[known] = np.unique(grades[known], return_inverse=True)[1]
    places.sort(axis=1)  # who gave which score has no part in alpha
    return _Patterns(*_distinct(places))


def _distinct(places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct rows, ascending, and how often each occurs."""
    codes = places[:, 0] if places.size else np.zeros(len(places), dtype=np.int64)
    for column in places.T[1:]:
        codes = np.unique(codes, return_inverse=True)[1] * (column.max(initial=0) + 2) + column + 1
    _, first, times = np.unique(codes, return_index=True, return_counts=True)
    return places[first], times.astype(np.int64)


def _alpha(patterns: _Patterns, times: NDArray[np.int64]) -> float:
    """Alpha where each pattern occurs so many times."""
    known = patterns.places >= 0
    given = known.sum(axis=1)
    weights = np.broadcast_to(times[:, None], known.shape)[known].astype(np.float64)
    margin = np.bincount(patterns.places[known], weights=weights)
    total = margin.sum()
    middle = np.cumsum(margin) - margin / 2 - total / 2  # mean rank of each score, around 0
    expected = (margin @ middle**2) * total - (margin @ middle) ** 2
    if total < 2 or expected <= 0:
        return math.nan
    ranks = np.where(known, middle[patterns.places], 0.0)
    apart = given * (ranks**2).sum(axis=1) - ranks.sum(axis=1) ** 2
    observed = float(times @ (apart / (given - 1)))
    return 1 - observed * float(total - 1) / float(expected)
