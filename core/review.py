"""Which rows people should look at, and what their verdicts say about a selection and about judges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.agreement import spearman
from core.domain import Judge, Mask, Positions
from core.draws import Keys

SAMPLE_SIZE = 100
STEPS_OF_A_CONTINUOUS_SCALE = 10  # one step of a judge without grades is this part of its range
Z = 1.959964  # of a 95 % interval
INSIDE = 0.95
DRAWS = 200  # of the bootstrap
ENOUGH = 20  # rated rows of the blind sample from which on it speaks alone
EDGE = 1e-6  # float32 scores are this close to the grade they stand for

Floats = NDArray[np.float64]


# Queues.


def spreads(judges: Iterable[Judge], n: int) -> Floats:
    """(n,) the widest difference of a row's mid-rank percentiles, 0 to 1; nan with fewer than two scores."""
    ranks = [mid_ranks(judge.scores) for judge in judges]
    if len(ranks) < 2:
        return np.full(n, np.nan)
    table = np.stack(ranks)
    several = (~np.isnan(table)).sum(axis=0) >= 2
    high = np.where(np.isnan(table), -np.inf, table).max(axis=0)
    low = np.where(np.isnan(table), np.inf, table).min(axis=0)
    return np.where(several, high - low, np.nan)


def mid_ranks(scores: NDArray[np.floating]) -> Floats:
    """(n,) the share of scored rows below each row, equal ones counted half; nan where unscored."""
    found = np.full(len(scores), np.nan)
    known = ~np.isnan(scores)
    if known.any():
        _, place, counts = np.unique(scores[known], return_inverse=True, return_counts=True)
        found[known] = ((np.cumsum(counts) - counts / 2) / counts.sum())[place]
    return found


def widest(spread: Floats, *, draw: Keys, size: int) -> Positions:
    """At most ``size`` rows with the widest spread first; equal ones in random sequence."""
    known = np.flatnonzero(~np.isnan(spread))
    found: Positions = known[np.lexsort((draw[known], -spread[known]))][:size]
    return found


class Stratum(NamedTuple):
    """A part of the pool out of which rows were drawn.

    near: within one step of the threshold. selected: in the selection when it was drawn.
    size: rows of the part. ids: those drawn, in random sequence.
    """

    near: bool
    selected: bool
    size: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A blind sample: half near the threshold, and half of each half out of the selection, where there are.

    near: how far from ``min_score`` is near, in points of the judge.
    selection: sha256 of the selection's ids when it was drawn.
    """

    judge: str | None
    min_score: float | None
    near: float
    seed: int
    selection: str
    strata: tuple[Stratum, ...]

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Sample:
        """Out of JSON."""
        strata = tuple(
            Stratum(bool(near), bool(selected), int(size), tuple(map(str, ids)))
            for near, selected, size, ids in fields["strata"]
        )
        return cls(**{**fields, "strata": strata})

    @property
    def ids(self) -> list[str]:
        """All that were drawn."""
        return [each for stratum in self.strata for each in stratum.ids]


def step_of(judge: Judge) -> float:
    """The distance of two grades; of a continuous judge a tenth of its range."""
    return judge.step or (judge.high - judge.low) / STEPS_OF_A_CONTINUOUS_SCALE


def near_threshold(judge: Judge | None, min_score: float | None, n: int) -> Mask:
    """(n,) the rows within one step of the threshold; unscored ones are not."""
    if judge is None or min_score is None:
        return np.zeros(n, dtype=bool)
    found: Mask = np.abs(judge.scores.astype(np.float64) - min_score) <= step_of(judge) + EDGE
    return found


def drawn_sample(near: Mask, selected: Mask, *, draw: Keys, size: int) -> list[tuple[bool, bool, Positions]]:
    """(near, selected, positions drawn) of each part that is not empty; all different rows.

    Half of ``size`` is near the threshold, and half of each half is selected; a part with too few rows
    leaves its places to the part beside it, then to the other half.
    """
    near_rows, far_rows = shares(int(near.sum()), int((~near).sum()), size)
    drawn = []
    for is_near, rows in ((True, near_rows), (False, far_rows)):
        here = near if is_near else ~near
        taken = shares(int((here & selected).sum()), int((here & ~selected).sum()), rows)
        for is_selected, count in zip((True, False), taken, strict=True):
            part = np.flatnonzero(here & (selected if is_selected else ~selected))
            if len(part):
                drawn.append((is_near, is_selected, part[np.argsort(draw[part])][:count]))
    return drawn


def shares(one: int, other: int, size: int) -> tuple[int, int]:
    """How many of ``size`` two parts of these sizes give: half each, unless one has too few."""
    first = min(one, max(size - size // 2, size - other))
    return max(first, 0), min(other, size - max(first, 0))


# What verdicts say.


@dataclass(frozen=True, slots=True)
class Precision:
    """The share of selected rows that people keep.

    share, low, high: with its 95 % interval (Wilson); nan where nothing is known.
    rated: selected rows of the sample that were rated. effective: so many rows drawn evenly say as much.
    covered: the share of the selection, as it was drawn from, out of whose part some row was rated.
    moved: the selection is another than the one that the sample was drawn from.
    """

    share: float
    low: float
    high: float
    rated: int
    effective: float
    covered: float
    moved: bool = False


def weights(sample: Sample, rated: Iterable[str]) -> dict[str, float]:
    """id -> how many rows of the pool a rated row of the sample stands for."""
    known = set(rated)
    found: dict[str, float] = {}
    for stratum in sample.strata:
        here = [each for each in stratum.ids if each in known]
        found |= dict.fromkeys(here, stratum.size / len(here) if here else 0.0)
    return found


def keep_precision(
    sample: Sample, keeps: Mapping[str, float], selected: frozenset[str], *, moved: bool = False
) -> Precision:
    """How many of the selected rows people keep, weighted for the parts that the sample was drawn from.

    The interval is Wilson's, for the number of evenly drawn rows that are worth as much (Kish). The selection
    may have changed since the sample was drawn: then it speaks for the selected rows among the drawn ones.

    Args:
        sample: the blind sample.
        keeps: id -> share of people who keep the row, of every rated row.
        selected: the ids of the selection.
        moved: whether it is another than the one that the sample was drawn from.
    """
    weight = {each: value for each, value in weights(sample, keeps).items() if each in selected}
    parts = [stratum for stratum in sample.strata if stratum.selected]
    reached = sum(part.size for part in parts if any(each in keeps for each in part.ids))
    covered = reached / max(sum(part.size for part in parts), 1)
    if not weight:
        return Precision(math.nan, math.nan, math.nan, 0, 0.0, covered, moved)
    total = sum(weight.values())
    share = sum(value * keeps[each] for each, value in weight.items()) / total
    effective = total**2 / sum(value**2 for value in weight.values())
    return Precision(share, *wilson(share, effective), len(weight), effective, covered, moved)


def wilson(share: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share seen in n draws, which need not be whole (Wilson 1927)."""
    if n <= 0:
        return math.nan, math.nan
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


class Beside(NamedTuple):
    """People beside one judge.

    rows: that both scored. spearman: rank correlation, of grades where there are, else of verdicts; nan
    where one is constant. low, high: the 95 % interval of the bootstrap.
    """

    judge: str
    rows: int
    spearman: float
    low: float
    high: float


def beside_judge(name: str, theirs: Floats, scores: Floats, *, seed: int = 0) -> Beside:
    """How far people and a judge rank the same rows alike; (m,) each, nan where there is none."""
    both = ~(np.isnan(theirs) | np.isnan(scores))
    one, other = theirs[both], scores[both]
    drawn = np.random.default_rng(seed)
    m = len(one)
    found = [
        spearman(one[rows], other[rows])
        for rows in (drawn.integers(0, m, size=m) for _ in range(DRAWS if m > 2 else 0))
    ]
    known = [each for each in found if not math.isnan(each)]
    low, high = np.quantile(known, [(1 - INSIDE) / 2, (1 + INSIDE) / 2]) if known else (math.nan, math.nan)
    return Beside(name, m, spearman(one, other), float(low), float(high))


class Crossed(NamedTuple):
    """Verdicts of people beside a threshold: how many rows each of the four ways, and Cohen's kappa.

    kappa: 1 is full agreement, 0 what chance would give; nan where both say one and the same of all.
    """

    kept_passing: int
    kept_failing: int
    dropped_passing: int
    dropped_failing: int
    kappa: float


def crossed(keeps: Floats, scores: Floats, min_score: float) -> Crossed:
    """(m,) shares of keeping beside scores; rows without a score, or on which people are divided, are out."""
    known = ~np.isnan(scores) & ~np.isnan(keeps) & (keeps != 0.5)
    kept, passing = keeps[known] > 0.5, scores[known] >= min_score
    a, b = int((kept & passing).sum()), int((kept & ~passing).sum())
    c, d = int((~kept & passing).sum()), int((~kept & ~passing).sum())
    n = a + b + c + d
    chance = ((a + b) * (a + c) + (c + d) * (b + d)) / n**2 if n else 1.0
    kappa = ((a + d) / n - chance) / (1 - chance) if chance < 1 else math.nan
    return Crossed(a, b, c, d, kappa)


# What a threshold of people would be on a judge's scale.


@dataclass(frozen=True, slots=True)
class Calibration:
    """The share of rows that people keep at each score of a judge, made to rise with it (isotonic).

    levels: (m,) scores that rated rows have, ascending. rows: (m,) rated rows at each.
    seen: (m,) share kept there. fitted: (m,) the same, rising: pooled where it would fall.
    draws: (b, m) the same curve when rows are drawn again.
    """

    judge: str
    levels: Floats
    rows: NDArray[np.int64]
    seen: Floats
    fitted: Floats
    draws: Floats

    def threshold(self, share: float) -> float:
        """The lowest score from which on at least this share is kept; nan where none reaches it."""
        return _first(self.levels, self.fitted, share)

    def interval(self, share: float) -> tuple[float, float]:
        """Where the threshold lies in 95 of 100 draws; an end is nan where those draws reach it nowhere."""
        found = np.sort([_first(self.levels, each, share) for each in self.draws])  # nan comes last
        if not len(found):
            return math.nan, math.nan
        last = len(found) - 1
        ends = (math.floor(last * (1 - INSIDE) / 2), math.ceil(last * (1 + INSIDE) / 2))
        return float(found[ends[0]]), float(found[ends[1]])

    def band(self) -> tuple[Floats, Floats]:
        """(m,) the lower and upper end of the fitted shares in 95 of 100 draws."""
        low, high = np.quantile(self.draws, [(1 - INSIDE) / 2, (1 + INSIDE) / 2], axis=0)
        return low, high


def _first(levels: Floats, fitted: Floats, share: float) -> float:
    reached = np.flatnonzero(fitted >= share - 1e-9)
    return float(levels[reached[0]]) if len(reached) else math.nan


def calibrated(
    judge: str, scores: Floats, keeps: Floats, weight: Floats | None = None, *, seed: int = 0
) -> Calibration | None:
    """Isotonic calibration of a judge by people's verdicts; None where no rated row has a score.

    Args:
        judge: its name.
        scores: (m,) of rated rows; nan where unscored, which leaves the row out.
        keeps: (m,) share of people who keep each, 0 to 1.
        weight: (m,) how many rows each stands for; None: one.
        seed: of the bootstrap.
    """
    known = ~(np.isnan(scores) | np.isnan(keeps))
    if not known.any():
        return None
    levels, place = np.unique(scores[known], return_inverse=True)
    y = keeps[known]
    w = np.ones(len(y)) if weight is None else weight[known]
    rows = np.bincount(place, minlength=len(levels))
    mass = np.bincount(place, weights=w, minlength=len(levels)).astype(np.float64)
    seen = np.bincount(place, weights=w * y, minlength=len(levels)) / mass
    drawn = np.random.default_rng(seed)
    draws = [_drawn_curve(place, y, w, len(levels), drawn) for _ in range(DRAWS)]
    return Calibration(judge, levels, rows, seen, rising(seen, mass), np.array(draws))


def rising(values: Floats, weight: Floats) -> Floats:
    """The nearest rising values, by weighted squares: pools what falls."""
    from scipy.optimize import isotonic_regression

    found: Floats = isotonic_regression(values, weights=weight).x
    return found


def _drawn_curve(
    place: NDArray[np.intp], y: Floats, w: Floats, levels: int, drawn: np.random.Generator
) -> Floats:
    """The curve of rows drawn again; a level without any takes the value of the last one before it."""
    rows = drawn.integers(0, len(y), size=len(y))
    mass = np.bincount(place[rows], weights=w[rows], minlength=levels).astype(np.float64)
    there = np.flatnonzero(mass)
    share = np.bincount(place[rows], weights=(w * y)[rows], minlength=levels)[there] / mass[there]
    before = np.searchsorted(there, np.arange(levels), side="right") - 1
    return rising(share, mass[there])[np.maximum(before, 0)]


def columns_of(found: pl.DataFrame, ids: Sequence[str], name: str) -> Floats:
    """(m,) a column of opinions for these ids; nan where nothing was said."""
    asked = pl.DataFrame({"id": ids}, schema={"id": pl.String})
    joined = asked.join(found.select("id", name), on="id", how="left", maintain_order="left")
    return joined[name].cast(pl.Float64).fill_null(math.nan).to_numpy().copy()
