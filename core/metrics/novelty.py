"""NovelSum: how new the rows of a set are to each other, where the pool is dense."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.domain import Neighbours, Positions, Vectors
from core.metrics.catalogue import ANCHORS

BLOCK = 128  # anchors a product
NEIGHBOURS = 10  # of the pool, that tell how dense it is around a row
REPEAT = 1e-6  # cosine distance up to which a row repeats another: unit float32 vectors tell no better
SPARSE = 1e-9  # added to a mean distance, so that the density of repeated rows stays finite


def novelsum(
    vectors: Vectors,
    rows: Positions,
    neighbours: Neighbours | None = None,
    *,
    check: Callable[[], None] = lambda: None,
) -> float:
    """The mean novelty of 2,000 of ``rows`` among all of them (arXiv 2502.17184); higher is more diverse.

    A row's novelty is the mean cosine distance to the other rows, the j-th nearest weighing 1/j, times the
    density of the pool around it: one over the root of the mean squared Euclidean distance to its 10
    nearest rows, those that repeat it left out. That is how the published code computes it, with its settings
    (powers 1 and 1/2, a row's distance to itself left out). The paper's formula weighs each distance by the
    density at its other end. nan below two rows.

    Args:
        vectors: (n, d) unit length: the pool.
        rows: (k,) different positions, in a sequence that is a random draw.
        neighbours: the nearest rows of every row of the pool, none missed: they tell the density.
    """
    if len(rows) < 2:
        return float("nan")
    chosen, anchors = vectors[rows], rows[:ANCHORS]
    weights = 1 / np.arange(len(rows) - 1, 0, -1, dtype=np.float32)  # the nearest comes last
    weights /= weights.sum(dtype=np.float64)
    total = 0.0
    held = np.empty((min(BLOCK, len(anchors)), len(rows)), dtype=np.float32)  # of every product
    for start in range(0, len(anchors), BLOCK):
        check()
        some = anchors[start : start + BLOCK]
        similar = np.matmul(vectors[some], chosen.T, out=held[: len(some)])
        own = np.arange(len(some))
        similar[own, start + own] = -np.inf  # sorted first, and cut off
        similar.sort(axis=1)
        if similar[:, -1].max() >= 1 - REPEAT:
            similar[similar >= 1 - REPEAT] = 1
        novelty = 1 - similar[:, 1:] @ weights
        total += float((novelty * _densities(vectors, some, neighbours)).sum(dtype=np.float64))
    return total / len(anchors)


def _distances(rows: Vectors, others: Vectors) -> NDArray[np.float32]:
    """(rows, others) cosine distance; that of repeats is exactly 0."""
    distances: NDArray[np.float32] = rows @ others.T
    np.subtract(1, distances, out=distances)
    np.multiply(distances, distances > REPEAT, out=distances)
    return distances


def _densities(vectors: Vectors, rows: Positions, neighbours: Neighbours | None) -> NDArray[np.float64]:
    """(rows,) density of the pool around each row; read from the nearest ones where they are enough."""
    if neighbours is None:
        return _density(_distances(vectors[rows], vectors))
    near = neighbours.distances[rows]
    near[near <= REPEAT] = 0
    lacking = np.flatnonzero((near > 0).sum(axis=1) < NEIGHBOURS)  # among many that repeat them
    density = _density(near)
    density[lacking] = _density(_distances(vectors[rows[lacking]], vectors))
    return density


def _density(distances: NDArray[np.float32]) -> NDArray[np.float64]:
    """(rows,) density of the pool, from distances to its nearest rows at least, which it changes."""
    distances[distances == 0] = np.inf
    if distances.shape[1] > NEIGHBOURS:
        distances.partition(NEIGHBOURS - 1, axis=1)
    nearest = distances[:, :NEIGHBOURS]
    there = np.isfinite(nearest)
    total = np.where(there, nearest, 0).sum(axis=1, dtype=np.float64)
    squared = 2 * total / np.maximum(there.sum(axis=1), 1)
    density: NDArray[np.float64] = 1 / np.sqrt(squared + SPARSE)
    return density
