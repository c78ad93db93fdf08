"""Orders and curves of one dataset: made once, kept in memory, slow ones in the store as well."""

from __future__ import annotations

import difflib
import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core import metrics, selection
from core.domain import (
    Dataset,
    Judge,
    Labels,
    Neighbours,
    OnProgress,
    Order,
    Pins,
    Positions,
    Progress,
    SelectParams,
    Vectors,
    ignore_progress,
)
from core.draws import Keys, draws, id_keys
from core.errors import ParameterError, StoreError
from core.keys import StageKeys
from core.memo import Memo
from core.store import Artefact, Key, Part, Store
from core.wording import counted

log = logging.getLogger(__name__)

FIRST_LIMIT = 1000  # the first length that curves and slow orders are made to; see _rungs
CONTROL_DRAWS = 5


class Stages(Protocol):
    """Where the arrays come from that strategies and curves look at; computed when first asked for."""

    dataset: Dataset
    keys: StageKeys
    store: Store

    @property
    def response_chars(self) -> NDArray[np.int64]:
        """(n,) characters of each response."""
        ...

    def vectors(self, *, on_progress: OnProgress = ...) -> Vectors:
        """(n, d) unit vectors."""
        ...

    def neighbours(self, *, on_progress: OnProgress = ...) -> Neighbours:
        """The nearest rows of every row."""
        ...

    def labels(self, *, on_progress: OnProgress = ...) -> Labels:
        """(n,) cluster of every row."""
        ...


class Orders:
    """What can be chosen from one dataset. Safe to share between threads."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._dataset = stages.dataset
        self._orders: Memo[Order] = Memo(64)
        self._curves: Memo[metrics.Curve] = Memo(256)
        self._controls: Memo[Positions] = Memo(32)

    def order(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> Order:
        """Rows in the sequence of choice, pins first; long enough for the count, or complete."""
        limit = self._order_limit(params)
        pinned = self.pinned(params.pins)  # unknown ones are said before hours of work
        base = self._orders.get(_base(params, limit), lambda: self._compute(params, limit, on_progress))
        return self._laid_over(base, pinned, params.seed)

    def ready(self, params: SelectParams) -> Order | None:
        """The order, if it is in memory; a strategy that takes no time is computed at once."""
        if not selection.strategy(params.strategy).slow:
            return self.order(params)
        return self._held(params, self.limit(params))

    def limit(self, params: SelectParams) -> int:
        """How long the curve is, and the order where it is slow to make: a rung that nearby counts share."""
        n = len(self._dataset)
        wanted = n if params.count is None else params.count
        if wanted < 0:
            raise ParameterError(f"The count is {wanted}.", "It is a number of rows: 0 or more.")
        wanted += len(params.pins.exclude)  # as many of the order may be skipped
        return next((rung for rung in _rungs(n) if rung >= wanted), n)

    def _order_limit(self, params: SelectParams) -> int:
        """A strategy that takes no time makes the whole order at once."""
        return self.limit(params) if selection.strategy(params.strategy).slow else len(self._dataset)

    def judge(self, params: SelectParams) -> Judge | None:
        """The judge that the parameters name.

        Raises:
            ParameterError: there is no such judge, or a threshold without one.
        """
        judges = self._dataset.judges
        if params.judge is None:
            if params.min_score is not None:
                raise ParameterError("A threshold needs a judge, and none is chosen.", self._judges_hint())
            return None
        if params.judge not in judges:
            raise ParameterError(
                f"There is no judge {params.judge!r} in {self._dataset.name}.",
                self._judges_hint(near=params.judge),
            )
        if params.min_score is not None and math.isnan(params.min_score):
            raise ParameterError("The threshold is not a number.", "Leave it out to take every scored row.")
        return judges[params.judge]

    def pinned(self, pins: Pins) -> selection.Pinned:
        """Pins as positions.

        Raises:
            ParameterError: an id is not in the dataset.
        """
        if not len(pins):
            return selection.NO_PINS
        return selection.Pinned(self.positions(pins.include), self.positions(pins.exclude))

    def positions(self, ids: frozenset[str]) -> Positions:
        """Where rows with these ids are, ascending.

        Raises:
            ParameterError: an id is not in the dataset.
        """
        unknown = sorted(ids - self._row_of.keys())
        if unknown:
            some = next(iter(self._row_of), "")
            raise ParameterError(
                f"Not in {self._dataset.name}: {counted(len(unknown), 'pinned id')}, such as {unknown[0]!r}.",
                f"Pins name rows by their id, such as {some!r}.",
            )
        return np.array(sorted(self._row_of[each] for each in ids), dtype=np.int64)

    # Curves and controls.

    def curve(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> metrics.Curve:
        """How the selection covers the pool as its count grows, for this order."""
        limit = self.limit(params)

        def measure() -> metrics.Curve:
            return self._cover(self.order(params, on_progress=on_progress)[:limit], on_progress)

        return self._curves.get(_curve_of(params, limit), measure)

    def ready_curve(self, params: SelectParams) -> metrics.Curve | None:
        """The curve, if it is in memory."""
        return self._curves.peek(_curve_of(params, self.limit(params)))

    def draw(self, seed: int) -> Keys:
        """(n,) a random number a row, from the seed and its id."""
        return draws(self._id_keys, seed)

    def control(self, seed: int) -> Positions:
        """(n,) every row in random sequence: the control of size N is its first N."""
        return self._controls.get(seed, lambda: self._drawn(seed))

    def control_curve(
        self, params: SelectParams, seed: int, *, on_progress: OnProgress = ignore_progress
    ) -> metrics.Curve:
        """How a random draw covers the pool as its count grows; the same for every selection of a length."""
        limit = self.limit(params)
        key = ("control", seed, limit)
        return self._curves.get(key, lambda: self._stored_control_curve(seed, limit, on_progress))

    def ready_control_curves(self, params: SelectParams) -> list[metrics.Curve] | None:
        """The curves of all control draws, if they are in memory."""
        limit = self.limit(params)
        found = [self._curves.peek(("control", seed, limit)) for seed in range(CONTROL_DRAWS)]
        return None if any(curve is None for curve in found) else [c for c in found if c is not None]

    # How they are made.

    def _held(self, params: SelectParams, limit: int) -> Order | None:
        base = self._orders.peek(_base(params, limit))
        return None if base is None else self._laid_over(base, self.pinned(params.pins), params.seed)

    def _compute(self, params: SelectParams, limit: int, on_progress: OnProgress) -> Order:
        if not selection.strategy(params.strategy).slow:
            return self._run(params, limit, on_progress)
        self.judge(params)
        key = self._stages.keys.order(params, limit)
        stored = self._stages.store.get(key)
        if stored is None:
            stored = self._kept(key, {"order": self._run(params, limit, on_progress)})
        return stored.array("order")

    def _kept(self, key: Key, parts: Mapping[str, Part]) -> Artefact:
        """Store what was computed; where that fails it is said in the log, and what was computed is used.

        Unlike a stage of the map they are soon made again: a full or read-only disk is no reason to refuse.
        """
        try:
            return self._stages.store.put(key, parts)
        except StoreError as error:
            log.warning("%s The %s is used now and computed again next time.", error.problem, key.stage)
            return Artefact(parts)

    def _run(self, params: SelectParams, limit: int, on_progress: OnProgress) -> Order:
        strategy = selection.strategy(params.strategy)
        settings = strategy.settings(params)
        candidates = self._candidates(params, strategy, on_progress)
        total = min(limit, int(candidates.eligible.sum()))
        note = f"{strategy.title}: {counted(total, 'row')}"
        order = strategy.rule(
            candidates,
            settings,
            limit=limit,
            check=lambda: on_progress(Progress("choose rows", 0, total, note)),
        )
        order.flags.writeable = False
        return order

    def _candidates(
        self, params: SelectParams, strategy: selection.Strategy, on_progress: OnProgress
    ) -> selection.Candidates:
        """What the strategy needs, and nothing that would have to be computed for no use."""
        judge, judges = self.judge(params), self._dataset.judges
        if "scores" in strategy.needs and judge is None:
            raise ParameterError(f"{strategy.title} needs a judge, and none is chosen.", self._judges_hint())
        needs, stages = strategy.needs, self._stages
        return selection.Candidates(
            eligible=selection.eligible(len(self._dataset), judge, params.min_score),
            draw=self.draw(params.seed),
            scores=judge.scores if judge else None,
            others=tuple(other.scores for name, other in judges.items() if name != params.judge),
            response_chars=stages.response_chars if "response_chars" in needs else None,
            vectors=stages.vectors(on_progress=on_progress) if "vectors" in needs else None,
            neighbours=stages.neighbours(on_progress=on_progress) if "neighbours" in needs else None,
            labels=stages.labels(on_progress=on_progress) if "labels" in needs else None,
        )

    def _laid_over(self, order: Order, pinned: selection.Pinned, seed: int) -> Order:
        if pinned is selection.NO_PINS:
            return order
        return selection.with_pins(order, len(self._dataset), pinned, self.draw(seed))

    def _drawn(self, seed: int) -> Positions:
        rows = metrics.random_rows(self._id_keys, len(self._dataset), seed)
        rows.flags.writeable = False
        return rows

    def _cover(self, order: Order, on_progress: OnProgress) -> metrics.Curve:
        def check() -> None:
            on_progress(Progress("measure coverage", 0, 1))

        counts = metrics.ladder(len(order))
        curve = metrics.coverage(self._stages.vectors(on_progress=on_progress), order, counts, check=check)
        for array in (curve.counts, curve.radius, curve.mean):
            array.flags.writeable = False
        return curve

    def _stored_control_curve(self, seed: int, limit: int, on_progress: OnProgress) -> metrics.Curve:
        key = self._stages.keys.control_curve(seed, limit)
        stored = self._stages.store.get(key)
        if stored is None:
            curve = self._cover(self.control(seed)[:limit], on_progress)
            stored = self._kept(key, {"counts": curve.counts, "radius": curve.radius, "mean": curve.mean})
        return metrics.Curve(*(stored.array(name) for name in ("counts", "radius", "mean")))

    def _judges_hint(self, *, near: str = "") -> str:
        names = list(self._dataset.judges)
        if not names:
            return "This file has no score column: import or judge first."
        close = difflib.get_close_matches(near, names, n=1)
        guess = f"Did you mean {close[0]}? " if close else ""
        return f"{guess}Judges: {', '.join(names)}."

    @cached_property
    def _id_keys(self) -> Keys:
        return id_keys(self._dataset.frame["id"])

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {each: row for row, each in enumerate(self._dataset.frame["id"])}


def _rungs(n: int) -> list[int]:
    """Lengths that orders and curves are made to: 1,000, 1,500, 2,000, 3,000, 4,000, 6,000, ..., n."""
    rungs, step = [], FIRST_LIMIT
    while step < n:
        rungs += [rung for rung in (step, step * 3 // 2) if rung < n]
        step *= 2
    return [*rungs, n]


def _base(params: SelectParams, limit: int) -> tuple[SelectParams, int]:
    """What an order depends on: neither the count nor the pins."""
    return replace(params, count=None, pins=Pins()), limit


def _curve_of(params: SelectParams, limit: int) -> tuple[SelectParams, int]:
    """What a curve depends on: the order with the pins laid over it."""
    return params.without_count(), limit
