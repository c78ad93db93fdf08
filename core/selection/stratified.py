"""Strategy ``stratified``: random rows, with every cluster given its share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from core.domain import OptionValue, Order
from core.selection.registry import Candidates, Option, Strategy


def _stratified(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    """Each cluster hands out its rows at a steady rate, so every prefix is shared out alike.

    The j-th row of cluster c comes at time (j + 1/2) / size_c^(1/T): the clusters' shares of a prefix
    are proportional to size^(1/T) until one is used up.
    """
    assert candidates.labels is not None
    rows = np.flatnonzero(candidates.eligible)
    shuffled = rows[np.argsort(candidates.draw[rows])]
    _, cluster, size = np.unique(candidates.labels[shuffled], return_inverse=True, return_counts=True)
    by_cluster = np.argsort(cluster, kind="stable")
    first = np.concatenate(([0], np.cumsum(size)[:-1]))
    turn = np.empty(len(rows))
    turn[by_cluster] = np.arange(len(rows)) - first[cluster[by_cluster]]
    weight = size.astype(np.float64) ** (1.0 / float(options["temperature"]))
    time = (turn + 0.5) / weight[cluster]
    return shuffled[np.argsort(time, kind="stable")]


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
