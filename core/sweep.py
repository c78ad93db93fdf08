"""Measuring the what-if plane of one dataset: one order a threshold, whose prefixes are all its counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from core import metrics
from core.domain import OnProgress, Order, Progress, SelectParams, ignore_progress
from core.enough import Counts, Values
from core.measures import Measures
from core.memo import Memo
from core.orders import CONTROL_DRAWS, Orders
from core.plane import FIGURES, MOST_THRESHOLDS, SIZES, Axes, Band, Plane, axes, ladder
from core.stages import Stages

Along = dict[str, Values]  # figure -> (s,), NaN beyond the rows there are
CHECK = Progress("measure coverage", 0, 1)


class _Covered(NamedTuple):
    """An order and how its first rows cover the pool: (s,) each, NaN beyond its end."""

    order: Order
    radius: Values
    mean: Values


class Sweep:
    """The planes of one dataset. Safe to share between threads."""

    def __init__(self, stages: Stages, orders: Orders, measures: Measures) -> None:
        self._stages = stages
        self._orders = orders
        self._measures = measures
        self._planes: Memo[Plane] = Memo(32)
        self._curves: Memo[metrics.Curve] = Memo(256)

    def plane(
        self,
        params: SelectParams,
        *,
        sizes: int = SIZES,
        most_thresholds: int = MOST_THRESHOLDS,
        on_progress: OnProgress = ignore_progress,
    ) -> Plane:
        """What every threshold and count would give; see ``Project.plane``."""
        shape = self._axes(params, sizes, most_thresholds)
        found = self._planes.get((_base(params), shape), lambda: self._measure(params, shape, on_progress))
        return replace(found, params=params)  # another place on the same plane is measured once

    def ready(
        self, params: SelectParams, *, sizes: int = SIZES, most_thresholds: int = MOST_THRESHOLDS
    ) -> Plane | None:
        """The plane, if it is in memory."""
        found = self._planes.peek((_base(params), self._axes(params, sizes, most_thresholds)))
        return None if found is None else replace(found, params=params)

    def measure_draws(self, on_progress: OnProgress) -> None:
        """Measure and store how random draws cover the pool at the counts of a plane of all rows."""
        for seed in range(CONTROL_DRAWS):
            self._stored_draw(seed, on_progress)

    def _axes(self, params: SelectParams, sizes: int, most_thresholds: int) -> Axes:
        judge, n = self._orders.judge(params), len(self._stages.dataset)
        return axes(params, judge, n, sizes=sizes, most_thresholds=most_thresholds)

    def _measure(self, params: SelectParams, shape: Axes, on_progress: OnProgress) -> Plane:
        pool, total = self._measures.view(params.judge), len(shape.thresholds) + CONTROL_DRAWS
        counts = np.array(shape.all_counts, dtype=np.int64)
        taken = np.maximum(counts, self._pinned(params))
        longest, rows = _Covered(np.empty(0, np.int64), np.empty(0), np.empty(0)), []
        for step, threshold in enumerate(shape.thresholds):  # ascending, so the longest order comes first
            report = _reporter(on_progress, step, total, f"threshold {step + 1} of {len(shape.thresholds)}")
            asked = replace(params.without_count(), min_score=threshold, count=int(counts.max(initial=0)))
            covered = self._chosen(asked, taken, shape, longest, report)
            longest = covered if len(covered.order) > len(longest.order) else longest
            rows.append(_along(pool, covered, taken))
        drawn = []
        for seed in range(CONTROL_DRAWS):
            note = f"random draw {seed + 1} of {CONTROL_DRAWS}"
            report = _reporter(on_progress, len(rows) + seed, total, note)
            drawn.append(_along(pool, self._drawn(seed, counts, shape, report), counts))
        return _plane(params, shape, rows, drawn, metrics.cheap_figures(pool, np.arange(len(pool.labels))))

    def _pinned(self, params: SelectParams) -> int:
        """Rows that are in whatever the count."""
        pinned = self._orders.pinned(params.pins)
        return len(np.setdiff1d(pinned.include, pinned.exclude))

    def _chosen(
        self, params: SelectParams, taken: Counts, shape: Axes, longest: _Covered, on_progress: OnProgress
    ) -> _Covered:
        """The order of one threshold and its coverage; that of a longer order serves every prefix of it."""
        order = self._orders.order(params, on_progress=on_progress)[: taken.max(initial=0)]
        if np.array_equal(order, longest.order[: len(order)]):
            within = taken <= len(order)
            return _Covered(
                order, np.where(within, longest.radius, np.nan), np.where(within, longest.mean, np.nan)
            )

        asked = params.without_count()
        here = int(taken[-1]) if shape.current is not None and taken[-1] <= len(order) else None

        def cover(counts: Counts) -> metrics.Curve:
            key = (asked, tuple(counts.tolist()))
            if here is None or len(counts) == 1 or self._measures.known(order[:here]) is not None:
                return self._curves.get(key, lambda: self._cover(order, counts, on_progress))
            return self._curves.get(key, lambda: self._cover_both(order, counts, here, asked, on_progress))

        return _cover_parts(order, taken, shape, cover)

    def _cover_both(
        self, order: Order, counts: Counts, here: int, asked: SelectParams, on_progress: OnProgress
    ) -> metrics.Curve:
        """The coverage on a ladder, and where one stands beside it: most of their products are the same."""
        both = np.union1d(counts, here)
        curve = self._cover(order, both, on_progress, at=here)
        self._curves.put((asked, (here,)), curve.part(both == here))
        return curve.part(np.isin(both, counts))

    def _drawn(self, seed: int, counts: Counts, shape: Axes, on_progress: OnProgress) -> _Covered:
        """One random draw and its coverage."""
        order = self._orders.control(seed)

        def cover(some: Counts) -> metrics.Curve:
            key = (seed, tuple(some.tolist()))
            return self._curves.get(key, lambda: self._cover_draw(seed, order, some, on_progress))

        return _cover_parts(order, counts, shape, cover)

    def _cover(
        self, order: Order, counts: Counts, on_progress: OnProgress, *, at: int | None = None
    ) -> metrics.Curve:
        """The coverage at these counts; what was compared is read, and what is found kept for comparing.

        at: the one of ``counts`` where one stands; of one count, that.
        """
        if len(counts) == 1:
            at = int(counts[0])
            found = self._measures.known(order[:at])
            if found is not None:
                exact = (np.array([found[name]], dtype=np.float32) for name in ("radius", "mean_nearest"))
                return metrics.Curve(counts, *exact)
        stages = self._stages
        vectors, is_exact = stages.vectors(on_progress=on_progress), stages.has_exact_neighbours()
        graph = (stages.exact_neighbours if is_exact else stages.neighbours)(on_progress=on_progress)
        at = at if is_exact else None
        curve = metrics.coverage(vectors, order, counts, graph, at=at, check=lambda: on_progress(CHECK))
        if at is not None and curve.nearest is not None:
            self._measures.expect(order[:at], curve.nearest)
        return replace(curve, nearest=None)  # curves are kept, and this is a number a row

    def _cover_draw(self, seed: int, order: Order, counts: Counts, on_progress: OnProgress) -> metrics.Curve:
        """Read from what is stored of the draw; other counts, as where one stands now, are measured."""
        if len(counts) == 1:
            self._measures.recall(int(counts[0]), seed)
            return self._cover(order, counts, on_progress)
        stored = self._stored_draw(seed, on_progress)
        is_stored = np.isin(counts, stored.counts)
        place = np.searchsorted(stored.counts, counts[is_stored])
        rest = self._cover(order, counts[~is_stored], on_progress)
        radius, mean = np.empty(len(counts), np.float32), np.empty(len(counts), np.float32)
        radius[is_stored], mean[is_stored] = stored.radius[place], stored.mean[place]
        radius[~is_stored], mean[~is_stored] = rest.radius, rest.mean
        return metrics.Curve(counts, radius, mean)

    def _stored_draw(self, seed: int, on_progress: OnProgress) -> metrics.Curve:
        """The coverage of a draw on the ladder of all rows, which every plane has most of its counts from."""
        counts = np.array(ladder(len(self._stages.dataset), SIZES), dtype=np.int64)
        key = self._stages.keys.control_sizes(seed, counts.tolist())
        stored = self._stages.store.get(key)
        if stored is None:
            curve = self._cover(self._orders.control(seed), counts, on_progress)
            stored = self._stages.kept(key, {"radius": curve.radius, "mean": curve.mean})
        return metrics.Curve(counts, stored.array("radius"), stored.array("mean"))


def _base(params: SelectParams) -> SelectParams:
    """What a plane depends on, beside its axes."""
    return replace(params.without_count(), min_score=None)


def _reporter(on_progress: OnProgress, done: int, total: int, note: str) -> OnProgress:
    """Whatever is done inside a step is reported as that step of the plane."""
    return lambda _: on_progress(Progress("plane", done, total, note))


def _cover_parts(
    order: Order, taken: Counts, shape: Axes, cover: Callable[[Counts], metrics.Curve]
) -> _Covered:
    """The coverage at each of ``taken``: ladder and current count apart, as only the latter often changes."""
    radius, mean = np.full(len(taken), np.nan), np.full(len(taken), np.nan)
    on_ladder = np.isin(shape.all_counts, shape.counts)
    for part in (on_ladder, ~on_ladder):
        wanted = part & (taken <= len(order))
        if wanted.any():
            counts, place = np.unique(taken[wanted], return_inverse=True)
            curve = cover(counts)
            radius[wanted], mean[wanted] = curve.radius[place], curve.mean[place]
    return _Covered(order, radius, mean)


def _along(pool: metrics.Pool, covered: _Covered, taken: Counts) -> Along:
    """Every figure of the first rows of an order, at each of ``taken``: (s,), NaN where it has fewer."""
    order = covered.order[: taken.max(initial=0)]
    within = taken <= len(order)
    last = np.where(within, taken, 1) - 1 if len(order) else np.zeros(0, np.int64)
    scores = np.full(len(order), np.nan) if pool.scores is None else pool.scores[order].astype(np.float64)
    scored = np.cumsum(~np.isnan(scores))
    labels, first = np.unique(pool.labels[order], return_index=True)
    with np.errstate(invalid="ignore"):  # no scored row yet: no mean
        mean_score = np.nancumsum(scores) / np.where(scored, scored, np.nan)
    found = (
        {
            "rows": taken.astype(np.float64),
            "tokens": np.cumsum(pool.tokens[order], dtype=np.float64)[last],
            "clusters": np.searchsorted(np.sort(first[labels >= 0]), last, side="right").astype(np.float64),
            "mean_score": mean_score[last],
        }
        if len(order)
        else {name: np.full(len(taken), np.nan) for name in FIGURES}
    )
    found |= {"radius": covered.radius, "mean_nearest": covered.mean}
    return {name: np.where(within, found[name], np.nan) for name in FIGURES}


def _plane(
    params: SelectParams, shape: Axes, rows: list[Along], drawn: list[Along], pool: metrics.Figures
) -> Plane:
    """Everything in one record, without the counts that no threshold has rows for."""
    counts = np.array(shape.all_counts, dtype=np.int64)
    sizes = np.argsort(counts)
    sizes = sizes[np.isfinite([row["rows"][sizes] for row in rows]).any(axis=0)]
    figures = {name: np.array([row[name][sizes] for row in rows]) for name in FIGURES}
    control = {}
    for name in FIGURES:
        each = np.array([draw[name][sizes] for draw in drawn])
        control[name] = Band(each.mean(axis=0), each.min(axis=0), each.max(axis=0))
    everything = dict.fromkeys(FIGURES, 0.0)  # and so are the distances: every row is its own nearest
    everything |= {name: float(getattr(pool, name)) for name in ("rows", "tokens", "clusters", "mean_score")}
    for array in (*figures.values(), *(part for band in control.values() for part in band)):
        array.flags.writeable = False
    return Plane(
        params=params,
        thresholds=shape.thresholds,
        eligible=np.array(shape.eligible, dtype=np.int64),
        counts=counts[sizes],
        figures=figures,
        control=control,
        pool=everything,
        limit=shape.limit,
    )
