"""Choosing from one dataset: orders, their cuts and curves, what every threshold and count would give."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from core import metrics, selection
from core.domain import (
    Dataset,
    Judge,
    Mask,
    OnProgress,
    Order,
    Pins,
    Positions,
    Selection,
    SelectParams,
    ignore_progress,
)
from core.draws import Keys
from core.finder import Finder
from core.keys import MapParams
from core.ledger import Ledger
from core.measures import Measures
from core.orders import Orders
from core.plane import MOST_THRESHOLDS, SIZES, Plane
from core.replay import Replayable
from core.stages import PartOf
from core.sweep import Sweep


class Choosing(Replayable, ABC):
    """The half of a project that chooses. Safe to share between threads."""

    def __init__(
        self, dataset: Dataset, *, home: Path, params: MapParams, part_of: PartOf | None = None
    ) -> None:
        super().__init__(dataset, home=home, params=params, part_of=part_of)
        self.ledger = Ledger(self.home / "ledger.sqlite")
        self._orders = Orders(self)
        self._measures = Measures(self, self._orders)
        self._sweep = Sweep(self, self._orders, self._measures)
        self.finder = Finder(self)

    @property
    def judges(self) -> Mapping[str, Judge]:
        """name -> judge, with its scale and its scored and unscored counts."""
        return self.dataset.judges

    @property
    def pins(self) -> Pins:
        """What people pinned in this dataset."""
        return self.ledger.pins(self.dataset.origin)

    def select(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> Selection:
        """Choose rows; pins are those in ``params``.

        Raises:
            ParameterError: an unknown judge, strategy, setting or pin.
        """
        return self.cut(params, self.order(params, on_progress=on_progress))

    def cut(self, params: SelectParams, order: Order) -> Selection:
        """A slice of an order that ``order`` or ``ready_order`` gave for the same parameters."""
        chosen = selection.cut(
            params,
            ids=self.dataset.frame["id"],
            order=order,
            judge=self._orders.judge(params),
            pins=self._orders.pinned(params.pins),
            tokens=None if params.max_tokens is None else self.tokens(),
            near_copies=self._orders.near_copies(params),
            levels=self._orders.levels(params),
        )
        if selection.strategy(params.strategy).keyed is None:
            return chosen
        return replace(chosen, notes=(*chosen.notes, *self.quotas(chosen).problems))

    def quotas(self, chosen: Selection) -> selection.Quotas:
        """What each cluster gives to a selection, with what quota, and what the quotas cost in mean score."""
        clusters = self.clusters()
        return selection.quotas(
            chosen, labels=clusters.labels, names=clusters.names, judge=self._orders.judge(chosen.params)
        )

    def judge(self, params: SelectParams) -> Judge | None:
        """The judge of the parameters, with no score where a second one that they name gave none.

        Raises:
            ParameterError: there is no such judge.
        """
        return self._orders.judge(params)

    def eligible(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> Mask:
        """(n,) the rows that a strategy may take: threshold and near copies decide, pins have no part."""
        return self._orders.eligible(params, on_progress=on_progress)

    def order(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> Order:
        """Rows in the sequence of choice, pins first; long enough for the count, or complete."""
        return self._orders.order(params, on_progress=on_progress)

    def ready_order(self, params: SelectParams) -> Order | None:
        """The order, if it is in memory; a strategy that takes no time is computed at once."""
        return self._orders.ready(params)

    def curve(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> metrics.Curve:
        """How the selection covers the pool as its count grows, for this order."""
        return self._orders.curve(params, on_progress=on_progress)

    def ready_curve(self, params: SelectParams) -> metrics.Curve | None:
        """The curve, if it is in memory."""
        return self._orders.ready_curve(params)

    def curve_limit(self, params: SelectParams) -> int:
        """How long the order and the curve of these parameters are; counts below it share them."""
        return self._orders.limit(params)

    def draw(self, seed: int) -> Keys:
        """(n,) a random number a row, from the seed and its id."""
        return self._orders.draw(seed)

    def control(self, seed: int) -> Positions:
        """(n,) every row in random sequence: the control of size N is its first N."""
        return self._orders.control(seed)

    def control_curve(
        self, params: SelectParams, seed: int, *, on_progress: OnProgress = ignore_progress
    ) -> metrics.Curve:
        """How a random draw covers the pool as its count grows; the same for every selection of a length."""
        return self._orders.control_curve(params, seed, on_progress=on_progress)

    def ready_control_curves(self, params: SelectParams) -> list[metrics.Curve] | None:
        """The curves of all control draws, if they are in memory."""
        return self._orders.ready_control_curves(params)

    def plane(
        self,
        params: SelectParams,
        *,
        sizes: int = SIZES,
        most_thresholds: int = MOST_THRESHOLDS,
        on_progress: OnProgress = ignore_progress,
    ) -> Plane:
        """What every threshold and count would give, beside random draws; the current count is among them.

        Args:
            params: the decisions that all share; threshold and count say where one stands.
            sizes: at most so many counts beside the current one, in even ratios.
            most_thresholds: a judge with more attainable ones shows that many, evenly spread over its rows.
            on_progress: told how many of the thresholds and draws are done.

        Raises:
            ParameterError: as ``select``; or too few sizes or thresholds.
        """
        return self._sweep.plane(
            params, sizes=sizes, most_thresholds=most_thresholds, on_progress=on_progress
        )

    def measure_ahead(self, *, on_progress: OnProgress = ignore_progress) -> None:
        """Measure and store what every comparison of this dataset needs, whatever is chosen.

        That is the nearest rows with none missed, the pool, and the random draws along the plane's counts.
        """
        self.exact_neighbours(on_progress=on_progress)
        self._measures.pool(judge=None, on_progress=on_progress)
        self._sweep.measure_draws(on_progress)

    def plane_of(self, chosen: Selection, *, on_progress: OnProgress = ignore_progress) -> Plane:
        """The plane around a selection that is compared next: both need many of the same products."""
        self._measures.nearest(len(chosen), on_progress)
        return self.plane(chosen.params, on_progress=on_progress)

    def ready_plane(self, params: SelectParams) -> Plane | None:
        """The plane of the usual size, if it is in memory."""
        return self._sweep.ready(params)

    def positions(self, ids: frozenset[str]) -> Positions:
        """Where rows with these ids are, ascending.

        Raises:
            ParameterError: an id is not in the dataset.
        """
        return self._orders.positions(ids)

    def pool(self, judge: str | None) -> metrics.Pool:
        """What the metrics look at."""
        return self._measures.view(judge)
