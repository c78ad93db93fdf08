"""Clusters share an order: every prefix holds each cluster's share of it, to within one row."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from core.domain import Labels, Order


def shared_out(rows: Order, labels: Labels, *, temperature: float, limit: int) -> Order:
    """The first ``limit`` of ``rows`` when clusters take turns by their shares.

    Shares are proportional to size^(1/T); a cluster that is used up leaves its share to the others.
    Inside a cluster the rows keep their sequence.

    Args:
        rows: positions, in the sequence in which a cluster gives them.
        labels: (n,) cluster of every row.
        temperature: T; 1 is proportional to size, higher evens the clusters out.
        limit: how many rows are wanted.
    """
    _, cluster, size = np.unique(labels[rows], return_inverse=True, return_counts=True)
    weight = np.power(size, 1.0 / temperature, dtype=np.float64)
    turn = turns(cluster)
    due = _handed_out(np.stack((turn, turn + 1)) / weight[cluster], size, weight)
    order: Order = rows[_by_deadline(np.floor(due[0]), np.ceil(due[1]), min(limit, len(rows)))]
    return order


def turns(cluster: NDArray[np.int64]) -> NDArray[np.int64]:
    """(k,) which of its cluster's rows each one is, from 0, for the cluster (k,) of rows in sequence."""
    by_cluster = np.argsort(cluster, kind="stable")
    size = np.bincount(cluster)
    turn = np.empty(len(cluster), dtype=np.int64)
    turn[by_cluster] = np.arange(len(cluster)) - np.repeat(np.cumsum(size) - size, size)
    return turn


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
    count = len(release)
    sequence = np.argsort(release, kind="stable")
    # One whole number a row, by deadline and then by place: compared faster than a pair.
    waiting = (deadline.astype(np.int64) * count + np.arange(count))[sequence].tolist()
    released = release[sequence].tolist()
    ready: list[int] = []
    order: list[int] = []
    pushed = 0
    for place in range(limit):
        while pushed < count and (not ready or released[pushed] <= place):
            heappush(ready, waiting[pushed])
            pushed += 1
        order.append(heappop(ready))
    return np.array(order, dtype=np.int64) % max(count, 1)
