"""How ties are broken: never by row order, and always the same way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import Neighbours, Order
from core.selection.registry import Candidates
from core.selection.tied import Column


def by_score(candidates: Candidates, *columns: Column) -> Order:
    """All eligible rows, the highest first by the first of the columns, then by the second, ...

    Missing values come last, ties are broken by ``tied.RULE``; without a column all rows are tied.

    Args:
        columns: (n,) each; NaN where a value is missing.
    """
    rows = np.flatnonzero(candidates.eligible)
    keys = [column[rows] for column in (*columns, *candidates.others)]
    rank = _ranks(keys, len(rows))
    place = np.full(
        len(candidates.eligible), len(rows), dtype=np.int64
    )  # rows that cannot be chosen come last
    place[rows] = rank
    distance = _distance_to_better(rows, place, candidates.neighbours)
    return rows[np.lexsort((candidates.draw[rows], -distance, rank))]


def _ranks(keys: list[Column], count: int) -> NDArray[np.int64]:
    """(count,) 0 for the rows that are best by the first key, then the second, ...; equal rows share it."""
    rank = np.zeros(count, dtype=np.int64)
    for key in keys:
        worst_last = np.where(np.isnan(key), -np.inf, key)
        _, level = np.unique(-worst_last, return_inverse=True)
        _, rank = np.unique(rank * (int(level.max(initial=0)) + 1) + level, return_inverse=True)
    return rank


def _distance_to_better(
    rows: Order, place: NDArray[np.int64], neighbours: Neighbours | None
) -> NDArray[np.float32]:
    """Cosine distance from each row to the nearest row placed before it; inf where no neighbour is."""
    if neighbours is None:
        return np.zeros(len(rows), dtype=np.float32)
    better = place[neighbours.indices[rows]] < place[rows][:, None]
    nearest = np.where(better, neighbours.distances[rows], np.inf).min(axis=1, initial=np.inf)
    distance: NDArray[np.float32] = nearest.astype(np.float32)
    return distance
