"""The metrics of selections, random draws and the pool: measured once, those of draws kept in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core import metrics
from core.domain import Neighbours, OnProgress, Positions, Progress, ignore_progress
from core.draws import Keys
from core.memo import Memo
from core.orders import CONTROL_DRAWS, Orders
from core.stages import Stages

Measured = Mapping[str, float]
SETS = 1 + CONTROL_DRAWS  # that are measured before a selection can be compared
MOST_EXPECTED = 24  # sets whose distances are kept until they are measured: those of a plane


class Measures:
    """What is measured on one dataset. Safe to share between threads."""

    def __init__(self, stages: Stages, orders: Orders) -> None:
        self._stages = stages
        self._orders = orders
        self._content: Memo[Measured] = Memo(256)
        self._distances: Memo[NDArray[np.float32]] = Memo(MOST_EXPECTED)

    def view(self, judge: str | None, *, on_progress: OnProgress = ignore_progress) -> metrics.Pool:
        """What the metrics look at."""
        stages, frame = self._stages, self._stages.dataset.frame
        return metrics.Pool(
            vectors=stages.vectors(on_progress=on_progress),
            labels=stages.labels(on_progress=on_progress),
            tokens=stages.tokens(on_progress=on_progress),
            response_chars=stages.response_chars,
            scores=stages.dataset.judges[judge].scores if judge else None,
            draw=self._draw,
            prompts=frame["prompt"],
            responses=frame["response"],
        )

    def of(
        self, rows: Positions, *, judge: str | None, on_progress: OnProgress = ignore_progress
    ) -> Measured:
        """Every metric of these rows, whatever their sequence; computed once for the same rows."""
        return self._measured(np.asarray(rows, dtype=np.int64), judge, on_progress, self._compute)

    def known(self, rows: Positions) -> Measured | None:
        """What no judge has a part in, if it was measured before."""
        return self._content.peek(_digest(rows))

    def recall(self, size: int, seed: int) -> None:
        """Have the random draw of a size known, if another process measured it."""
        rows = self._orders.control(seed)[:size]
        stored = self._recalled(size, seed) if self.known(rows) is None else None
        if stored is not None:
            self._content.put(_digest(rows), stored)

    def nearest(self, size: int, on_progress: OnProgress) -> Neighbours | None:
        """The nearest rows of every row with none missed, if they are there or so many rows pay for them.

        They look at half of all pairs, once a dataset; a comparison without them multiplies all rows with
        those of six sets, each time.
        """
        stages = self._stages
        pays = 2 * SETS * size > len(stages.dataset)
        return (
            stages.exact_neighbours(on_progress=on_progress)
            if pays or stages.has_exact_neighbours()
            else None
        )

    def expect(self, rows: Positions, distances: NDArray[np.float32]) -> None:
        """Keep the distance of every row to the nearest of these, until they are measured."""
        self._distances.put(_digest(rows), distances)

    def control(
        self, size: int, seed: int, *, judge: str | None, on_progress: OnProgress = ignore_progress
    ) -> Measured:
        """Every metric of the random draw of a size; what no judge has a part in is stored."""
        n = len(self._stages.dataset)
        size, seed = (n, 0) if size >= n else (max(size, 0), seed)  # all rows are the same for every seed

        def stored(rows: Positions, on_progress: OnProgress) -> Measured:
            return self._stored(size, seed, rows, on_progress)

        rows = self._orders.control(seed)[:size]
        return self._measured(rows, judge, on_progress, stored)

    def pool(self, *, judge: str | None, on_progress: OnProgress = ignore_progress) -> Measured:
        """Every metric of all rows."""
        return self.control(len(self._stages.dataset), 0, judge=judge, on_progress=on_progress)

    def _measured(
        self,
        rows: Positions,
        judge: str | None,
        on_progress: OnProgress,
        compute: Callable[[Positions, OnProgress], Measured],
    ) -> Measured:
        content = self._content.get(_digest(rows), lambda: compute(rows, on_progress))
        found = {**content, **metrics.measure_scores(self.view(judge, on_progress=on_progress), rows)}
        return MappingProxyType({name: found[name] for name in metrics.METRICS})

    def _compute(self, rows: Positions, on_progress: OnProgress) -> Measured:
        pool = replace(
            self.view(None, on_progress=on_progress), neighbours=self.nearest(len(rows), on_progress)
        )
        at = Progress("measure", 0, 1, f"{len(rows):,} rows")
        return metrics.measure_content(
            pool, rows, distances=self._distances.peek(_digest(rows)), check=lambda: on_progress(at)
        )

    def _stored(self, size: int, seed: int, rows: Positions, on_progress: OnProgress) -> Measured:
        stored = self._recalled(size, seed)
        if stored is not None:
            return stored
        found = self._compute(rows, on_progress)
        kept = pl.DataFrame({"metric": list(found), "value": list(found.values())})
        self._stages.kept(self._stages.keys.control_measures(seed, size), {"measures": kept})
        return found

    def _recalled(self, size: int, seed: int) -> Measured | None:
        stored = self._stages.store.get(self._stages.keys.control_measures(seed, size))
        if stored is None:
            return None
        table = stored.table("measures")
        return dict(zip(table["metric"], table["value"], strict=True))

    @cached_property
    def _draw(self) -> Keys:
        return self._orders.draw(metrics.SAMPLE_SEED)


def _digest(rows: Positions) -> str:
    """Names a set of rows, whatever their sequence."""
    return hashlib.sha256(np.sort(rows).tobytes()).hexdigest()
