"""The what-if plane: what every threshold and every count would give, beside random draws of the same size.

One order serves all counts of a threshold, since they are its prefixes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core import selection
from core.domain import Judge, SelectParams
from core.enough import Better, Counts, Values
from core.errors import ParameterError
from core.wording import counted

SIZES = 20
MOST_THRESHOLDS = 12
SLOW_COUNT = 10_000  # rows that orders of slow strategies are made to, unless the count asks for more
FIRST = 10  # the smallest count, where there are more rows than sizes
STEPS = (
    (1,),
    (1, 3),
    (1, 2, 5),
    (1, 1.5, 2.5, 4, 6),
    (1, 1.5, 2, 3, 5, 7),
    (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8),
)
NEAR = 1.1  # a nice count is left out if the largest is not even so many times as large


class Figure(NamedTuple):
    """What a figure of the plane is called, how it is written, and which direction is better."""

    title: str
    form: str
    better: Better
    gains: bool = True  # whether more rows buy more of it, so that its curve may have a knee


FIGURES: Mapping[str, Figure] = {
    "radius": Figure("Covering radius", ".3f", "lower"),
    "mean_nearest": Figure("Mean nearest distance", ".3f", "lower"),
    "mean_score": Figure("Mean score", ".2f", "higher", gains=False),
    "clusters": Figure("Clusters covered", ",.0f", "higher"),
    "tokens": Figure("Tokens", ",.0f", None, gains=False),
    "rows": Figure("Rows", ",.0f", None, gains=False),
}


class Band(NamedTuple):
    """What the random draws of each size give, (s,) each: their mean, the lowest and the highest."""

    mean: Values
    low: Values
    high: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Every attainable threshold by a ladder of counts.

    params: the decisions that all places share; its threshold and count say where one stands.
    thresholds: (t,) ascending, inclusive; (None,) without a judge.
    eligible: (t,) rows at or above each.
    counts: (s,) ascending, in rows.
    figures: name -> (t, s); the names are those of ``FIGURES``. NaN where a threshold has fewer rows.
    control: name -> random draws from the whole pool, of each count.
    pool: name -> the figure of all rows.
    limit: the largest count that was asked of a strategy that takes its time; None: all eligible rows.
    """

    params: SelectParams
    thresholds: tuple[float | None, ...]
    eligible: Counts
    counts: Counts
    figures: Mapping[str, NDArray[np.float64]] = field(repr=False)
    control: Mapping[str, Band] = field(repr=False)
    pool: Mapping[str, float] = field(repr=False)
    limit: int | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not shown, in words."""
        said, budget = [], self.params.max_tokens
        if self.limit is not None:
            title = selection.strategy(self.params.strategy).title
            said.append(f"{title} takes its time, so the counts end at {counted(self.limit, 'row')}.")
        if budget is not None:
            said.append(
                f"The budget of {counted(budget, 'token')} has no part here: "
                "the tokens say what a place costs."
            )
        return tuple(said)

    def place(self, min_score: float | None, count: int | None) -> tuple[int | None, int | None]:
        """Where a threshold and a count are; None for what the plane does not hold."""
        at = _place_of(self.thresholds, min_score)
        wanted = int(self.eligible[at]) if count is None and at is not None else count
        found = np.flatnonzero(self.counts == wanted)
        return at, int(found[0]) if len(found) else None

    def chosen_from(self, name: str) -> NDArray[np.float64]:
        """(t, s) one figure, NaN where nothing is left out: there all rows of the pool are taken."""
        return np.where(self.counts < self.pool["rows"], self.figures[name], np.nan)

    def reach(self, threshold: int) -> int:
        """How many of the counts a threshold has rows for."""
        return int(np.isfinite(self.figures["rows"][threshold]).sum())


class Axes(NamedTuple):
    """The two axes of a plane; hashable, so that they are a cache key.

    current: the count where one stands, if it is none of the ladder ``counts``.
    """

    thresholds: tuple[float | None, ...]
    eligible: tuple[int, ...]
    counts: tuple[int, ...]
    current: int | None
    limit: int | None

    @property
    def all_counts(self) -> tuple[int, ...]:
        """The ladder, then the current count if it is none of it."""
        return self.counts if self.current is None else (*self.counts, self.current)


def axes(params: SelectParams, judge: Judge | None, n: int, *, sizes: int, most_thresholds: int) -> Axes:
    """Thresholds and counts for a pool of ``n`` rows.

    All attainable thresholds where there are no more than ``most_thresholds``, else so many, evenly spread
    over the rows, with the one where one stands. Counts as ``ladder`` gives them, up to the rows at the
    lowest threshold or, where the strategy is slow, to ``SLOW_COUNT`` or the current count if that is more.

    Raises:
        ParameterError: fewer than two sizes or one threshold, or a judge who scored no row.
    """
    if sizes < 2 or most_thresholds < 1:
        raise ParameterError(
            f"A plane of {sizes} sizes and {most_thresholds} thresholds has no curve.",
            "It takes 2 sizes and 1 threshold at least.",
        )
    thresholds, eligible = _thresholds(params, judge, n, most_thresholds)
    current = params.count
    if current is None:
        current = eligible[_place_of(thresholds, params.min_score) or 0]
    largest, limit = eligible[0], None
    if selection.strategy(params.strategy).slow and largest > max(SLOW_COUNT, current):
        largest = limit = max(SLOW_COUNT, current)
    counts = ladder(largest, sizes)
    has_current = 0 < current <= largest and current not in counts
    return Axes(thresholds, eligible, counts, current if has_current else None, limit)


def _thresholds(
    params: SelectParams, judge: Judge | None, n: int, most: int
) -> tuple[tuple[float | None, ...], tuple[int, ...]]:
    """The thresholds, and how many rows are at or above each."""
    if judge is None:
        return (None,), (n,)
    levels, counts = selection.thresholds(judge, most=judge.scored)
    if not len(levels):
        raise ParameterError(f"{judge.name} scored no row.", "Choose another judge, or none.")
    picked = np.searchsorted(levels, selection.thresholds(judge, most=most)[0])
    if params.min_score is not None and params.min_score <= judge.high:
        picked = np.union1d(picked, np.searchsorted(levels, np.float32(params.min_score)))
    return tuple(float(str(levels[each])) for each in picked), tuple(int(counts[each]) for each in picked)


def _place_of(thresholds: tuple[float | None, ...], min_score: float | None) -> int | None:
    """The lowest threshold that lets the same rows through; None where none does."""
    if min_score is None or thresholds == (None,):
        return 0
    return next(
        (place for place, each in enumerate(thresholds) if each is not None and each >= min_score), None
    )


def ladder(largest: int, sizes: int) -> tuple[int, ...]:
    """At most ``sizes`` counts up to ``largest``: all, or round ones from 10 in even ratios, and the largest.

    The finest of ``STEPS`` a power of ten that are not too many; even picks of the coarsest where all are.
    """
    if largest <= sizes:
        return tuple(range(1, largest + 1))
    for steps in reversed(STEPS):
        counts = _round_counts(steps, largest)
        if len(counts) <= sizes:
            return counts
    counts = _round_counts(STEPS[0], largest)
    return tuple(counts[round(place)] for place in np.linspace(0, len(counts) - 1, sizes))


def _round_counts(steps: tuple[float, ...], largest: int) -> tuple[int, ...]:
    powers = range(int(np.log10(FIRST)), int(np.log10(largest)) + 1)
    counts = [int(step * 10**power) for power in powers for step in steps]
    return (*(count for count in counts if count * NEAR <= largest), largest)
