"""Orders and curves of one dataset: made once, kept in memory, slow ones in the store as well."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cached_property

import numpy as np

from core import metrics, selection
from core.copies import Copies
from core.domain import (
    Judge,
    Mask,
    OnProgress,
    Order,
    Pins,
    Positions,
    Progress,
    SelectParams,
    ignore_progress,
)
from core.draws import Keys, draws, id_keys
from core.errors import ParameterError
from core.judges import judge_of, judges_hint
from core.memo import Memo
from core.stages import Stages
from core.wording import counted

log = logging.getLogger(__name__)

FIRST_LIMIT = 1000  # the first length that curves and slow orders are made to; see _rungs
CONTROL_DRAWS = 5


class Orders:
    """What can be chosen from one dataset. Safe to share between threads."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._dataset = stages.dataset
        self._orders: Memo[Order] = Memo(64)
        self._curves: Memo[metrics.Curve] = Memo(256)
        self._controls: Memo[Positions] = Memo(32)
        self._held: Memo[int] = Memo(512)
        self._copies = Copies(stages, stages.kept)
        self._levels: Memo[selection.Levels | None] = Memo(32)

    def order(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> Order:
        """Rows in the sequence of choice, pins first; long enough for the count, or complete."""
        self.check(params)  # what is wrong is said before hours of work
        if params.max_tokens is not None:
            self._stages.tokens(on_progress=on_progress)
        self.near_copies(params, on_progress=on_progress)
        limit = self._order_limit(params)
        order = self._made(params, limit, on_progress)
        while (longer := self._order_limit(params)) > limit:  # the budget holds all of it, and more
            limit, order = longer, self._made(params, longer, on_progress)
        return order

    def near_copies(
        self, params: SelectParams, *, on_progress: OnProgress = ignore_progress, aided: bool = True
    ) -> Mask | None:
        """(n,) the rows left out before the strategy chooses; None where the parameters ask for none."""
        if params.dedup_distance is None:
            return None
        return self._copies.of(params, self.judge(params), self.draw(params.seed), on_progress, aided=aided)

    def eligible(
        self, params: SelectParams, *, on_progress: OnProgress = ignore_progress, aided: bool = True
    ) -> Mask:
        """(n,) the rows that the strategy may take: at or above the threshold, near copies left out."""
        allowed = selection.eligible(len(self._dataset), self.judge(params), params.min_score)
        copies = self.near_copies(params, on_progress=on_progress, aided=aided)
        return allowed if copies is None else allowed & ~copies

    def unaided(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> Order:
        """The same order with ties broken without the other judges, who so had no part; in memory alone."""
        limit, pinned = self._order_limit(params), self.pinned(params.pins)

        def compute() -> Order:
            return self._run(params, limit, on_progress, aided=False)

        found = self._orders.get(("unaided", *_base(params, limit)), compute)
        return self._laid_over(found, pinned, params.seed)

    def ready(self, params: SelectParams) -> Order | None:
        """The order, if it is in memory; a strategy that takes no time is computed at once."""
        self.check(params)
        if not self._copies.are_ready(params):
            return None
        if not selection.strategy(params.strategy).slow:
            return self.order(params)
        return self._in_memory(params, self.limit(params))

    def limit(self, params: SelectParams) -> int:
        """How long the curve is, and the order where it is slow to make: a rung that nearby counts share.

        Under a token budget it is no longer than that needs, as far as the orders in memory tell.
        """
        wanted, rungs = self._wanted(params), _rungs(len(self._dataset))
        if params.max_tokens is not None:
            return self._budget_limit(params, wanted, rungs)
        return next(rung for rung in rungs if rung >= wanted)

    def _wanted(self, params: SelectParams) -> int:
        """How many rows of an order the count asks for; as many of it as are excluded may be skipped."""
        n = len(self._dataset)
        wanted = n if params.count is None else params.count
        if wanted < 0:
            raise ParameterError(f"The count is {wanted}.", "It is a number of rows: 0 or more.")
        return min(wanted + len(params.pins.exclude), n)

    def _budget_limit(self, params: SelectParams, wanted: int, rungs: list[int]) -> int:
        """The first rung that is enough for count and budget, or that is not made yet."""
        pins = params.pins
        if not selection.strategy(params.strategy).slow:
            held = self._rows_held(params, rungs[-1])
            needed = wanted if held is None else min(wanted, max(held, len(pins.include)))
            return next(rung for rung in rungs if rung >= needed)
        mean = float(self._stages.tokens().mean()) or 1.0
        usual = min(wanted, int(params.max_tokens or 0) / mean + len(pins))
        high = [rung for rung in rungs if rung >= usual]
        return next((rung for rung in high if rung >= wanted or self._is_enough(params, rung)), rungs[-1])

    def _rows_held(self, params: SelectParams, limit: int) -> int | None:
        """How many rows of the order of that length the budget holds; None where it is not in memory."""
        order, budget = self._in_memory(params, limit), params.max_tokens
        if order is None or budget is None:
            return None
        return self._held.get((params, limit), lambda: selection.held(order, self._stages.tokens(), budget))

    def _is_enough(self, params: SelectParams, limit: int) -> bool:
        """Whether the budget ends inside an order of that length, or the order is not made yet."""
        base, held = self._orders.peek(_base(params, limit)), self._rows_held(params, limit)
        if base is None or held is None or len(base) < limit:
            return True
        pins = self.pinned(params.pins)
        return held < len(self._laid_over(base, pins, params.seed))

    def _order_limit(self, params: SelectParams) -> int:
        """A strategy that takes no time makes the whole order at once."""
        return self.limit(params) if selection.strategy(params.strategy).slow else len(self._dataset)

    def judge(self, params: SelectParams) -> Judge | None:
        """The judge that the parameters name; raises as ``core.judges.judge_of`` does."""
        return judge_of(self._dataset, params)

    def levels(self, params: SelectParams) -> selection.Levels | None:
        """The rows that are equal to the strategy: the same for any count and any pins."""
        key = replace(params.without_count(), pins=Pins())
        return self._levels.get(key, lambda: self._equal_rows(key))

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
        if params.max_tokens is not None:
            self.order(params, on_progress=on_progress)  # it tells how far the budget goes
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

    def _equal_rows(self, params: SelectParams) -> selection.Levels | None:
        strategy = selection.strategy(params.strategy)
        return strategy.levels(self._candidates(params, strategy, ignore_progress), strategy.settings(params))

    def check(self, params: SelectParams) -> None:
        """Say what no order and no cut could be made with.

        Raises:
            ParameterError: an unknown judge, strategy, setting or pin, or a limit that cannot be.
        """
        selection.checked_budget(params.max_tokens)
        selection.checked_distance(params.dedup_distance)
        strategy = selection.strategy(params.strategy)
        strategy.settings(params)
        if self.judge(params) is None and "scores" in strategy.needs:
            raise ParameterError(
                f"{strategy.title} needs a judge, and none is chosen.", judges_hint(self._dataset)
            )
        self.pinned(params.pins)
        self._wanted(params)

    def _made(self, params: SelectParams, limit: int, on_progress: OnProgress) -> Order:
        base = self._orders.get(_base(params, limit), lambda: self._compute(params, limit, on_progress))
        return self._laid_over(base, self.pinned(params.pins), params.seed)

    def _in_memory(self, params: SelectParams, limit: int) -> Order | None:
        base = self._orders.peek(_base(params, limit))
        return None if base is None else self._laid_over(base, self.pinned(params.pins), params.seed)

    def _compute(self, params: SelectParams, limit: int, on_progress: OnProgress) -> Order:
        if not selection.strategy(params.strategy).slow:
            return self._run(params, limit, on_progress)
        self.judge(params)
        key = self._stages.keys.order(params, limit)
        stored = self._stages.store.get(key)
        if stored is None:
            stored = self._stages.kept(key, {"order": self._run(params, limit, on_progress)})
        self.levels(params)  # now, off the script thread: a move finds them
        return stored.array("order")

    def _run(self, params: SelectParams, limit: int, on_progress: OnProgress, *, aided: bool = True) -> Order:
        strategy = selection.strategy(params.strategy)
        settings = strategy.settings(params)
        candidates = self._candidates(params, strategy, on_progress, aided=aided)
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
        self,
        params: SelectParams,
        strategy: selection.Strategy,
        on_progress: OnProgress,
        *,
        aided: bool = True,
    ) -> selection.Candidates:
        """What the strategy needs, and nothing that would have to be computed for no use."""
        judge, judges = self.judge(params), self._dataset.judges
        needs, stages = strategy.needs, self._stages
        others = [other.scores for name, other in judges.items() if name != params.judge]
        return selection.Candidates(
            eligible=self.eligible(params, on_progress=on_progress, aided=aided),
            draw=self.draw(params.seed),
            scores=judge.scores if judge else None,
            others=tuple(others) if aided else (),
            named={name: other.scores for name, other in judges.items()},
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

        counts = metrics.ladder(len(order), pool=len(self._dataset))
        vectors = self._stages.vectors(on_progress=on_progress)
        graph = self._stages.neighbours(on_progress=on_progress)
        curve = metrics.coverage(vectors, order, counts, graph, check=check)
        for array in (curve.counts, curve.radius, curve.mean):
            array.flags.writeable = False
        return curve

    def _stored_control_curve(self, seed: int, limit: int, on_progress: OnProgress) -> metrics.Curve:
        key = self._stages.keys.control_curve(seed, limit)
        stored = self._stages.store.get(key)
        if stored is None:
            curve = self._cover(self.control(seed)[:limit], on_progress)
            stored = self._stages.kept(
                key, {"counts": curve.counts, "radius": curve.radius, "mean": curve.mean}
            )
        return metrics.Curve(*(stored.array(name) for name in ("counts", "radius", "mean")))

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
    """What an order depends on: neither the count, nor the budget, nor the pins."""
    return replace(params.without_count(), pins=Pins()), limit


def _curve_of(params: SelectParams, limit: int) -> tuple[SelectParams, int]:
    """What a curve depends on: the order with the pins laid over it."""
    return params.without_count(), limit
