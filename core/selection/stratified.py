"""Strategy ``stratified``: random rows, with every cluster given its share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from core.domain import OptionValue, Order
from core.selection.registry import Candidates, Option, Strategy


def _stratified(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    """Every prefix holds each cluster's share of it, to within one row.

    Shares are proportional to size^(1/T); a cluster that is used up leaves its share to the others.
    """
    assert candidates.labels is not None
    rows = np.flatnonzero(candidates.eligible)
    shuffled = rows[np.argsort(candidates.draw[rows])]
    _, cluster, size = np.unique(candidates.labels[shuffled], return_inverse=True, return_counts=True)
    by_cluster = np.argsort(cluster, kind="stable")
    first = np.concatenate(([0], np.cumsum(size)[:-1]))
    turn = np.empty(len(rows), dtype=np.int64)  # which of its cluster's rows a row is
    turn[by_cluster] = np.arange(len(rows)) - first[cluster[by_cluster]]
    weight = np.power(size, 1.0 / float(options["temperature"]), dtype=np.float64)
    due = _handed_out(np.stack((turn, turn + 1)) / weight[cluster], size, weight)
    return shuffled[_by_deadline(np.floor(due[0]), np.ceil(due[1]), min(limit, len(rows)))]


def _handed_out(
    time: NDArray[np.float64], size: NDArray[np.int64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How many rows are out by each time, if a cluster gives ``weight`` of them a unit of time till empty."""
    ends, which = np.unique(size / weight, return_inverse=True)  # when clusters are used up
    flow = weight.sum() - np.concatenate(([0.0], np.cumsum(np.bincount(which, weight))[:-1]))
    out = np.cumsum(np.diff(ends, prepend=0.0) * flow)
    # Rounded, so that no power that differs in its last digit moves a row.
    return np.round(np.interp(time, np.concatenate(([0.0], ends)), np.concatenate(([0.0], out))), 6)


def _by_deadline(release: NDArray[np.float64], deadline: NDArray[np.float64], limit: int) -> Order:
    """Places 0, 1, ... filled with what is released by then, the earliest deadline first.

    With the windows that steady rates give, nothing is late (Tijdeman 1980, the chairman assignment problem).
    """
    waiting = np.argsort(release, kind="stable").tolist()
    ready: list[tuple[float, int]] = []
    order: list[int] = []
    pushed = 0
    for place in range(limit):
        while pushed < len(waiting) and (not ready or release[waiting[pushed]] <= place):
            heappush(ready, (float(deadline[waiting[pushed]]), waiting[pushed]))
            pushed += 1
        order.append(heappop(ready)[1])
    return np.array(order, dtype=np.int64)


STRATEGY = Strategy(
    name="stratified",
    title="Stratified random",
    summary="Random rows, each cluster given a share of the count by its size.",
    source="LIMA draws with temperature 3, arXiv 2305.11206",
    rule=_stratified,
    needs=frozenset({"labels"}),
    options=(
        Option(
            name="temperature",
            title="Temperature",
            help="A cluster's share is proportional to size^(1/T): 1 is proportional, "
            "higher evens the clusters out.",
            default=1.0,
            low=1.0,
            high=100.0,
            step=0.5,
        ),
    ),
)
