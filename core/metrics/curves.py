"""Coverage along an order: the distances of all rows to the first k chosen ones, for a ladder of k."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.domain import Neighbours, Order, Positions, Vectors

BLOCK = 2048  # rows and columns of a matrix product; keeps it at 16 MB
SHORT_BLOCK = 256  # rows with which a product is still worth its while
CHUNK = 65_536  # rows whose distances at all counts are held at once: about 30 MB
STEPS_A_DOUBLING = 8  # how finely a curve follows the count
SMALL_POOL = 2048  # rows up to which every count is on the curve: 20 ms and 16 MB
FIRST_COUNTS = 16  # counts up to this one are all on the curve


@dataclass(frozen=True, slots=True)
class Curve:
    """How well the first k rows of an order cover the pool, for a ladder of k.

    counts: (m,) ascending; radius and mean: (m,) at each count.
    radius: the greatest distance from a pool row to its nearest chosen row (covering radius).
    mean: the mean of those distances.
    nearest: (n,) those distances at one count, where they were asked for.
    """

    counts: NDArray[np.int64]
    radius: NDArray[np.float32]
    mean: NDArray[np.float32]
    nearest: NDArray[np.float32] | None = None

    def part(self, places: NDArray[np.bool_]) -> Curve:
        """The curve at some of its counts."""
        return Curve(self.counts[places], self.radius[places], self.mean[places])

    def at(self, count: int) -> tuple[float, float] | None:
        """(radius, mean) for the first ``count`` rows; between two steps it is interpolated.

        None where the curve does not reach: nothing chosen, or more than the order holds.
        """
        if not len(self.counts) or count < self.counts[0] or count > self.counts[-1]:
            return None
        return (
            float(np.interp(count, self.counts, self.radius)),
            float(np.interp(count, self.counts, self.mean)),
        )


def ladder(length: int, *, pool: int) -> NDArray[np.int64]:
    """The counts a curve is computed at: all of a small pool; else all small ones, then eight a doubling.

    length: of the order. pool: rows whose distances are measured.
    """
    if pool <= SMALL_POOL:
        return np.arange(1, length + 1)
    counts = np.arange(1, min(length, FIRST_COUNTS) + 1)
    if length > FIRST_COUNTS:
        doublings = np.log2(length / FIRST_COUNTS)
        steps = np.linspace(0, doublings, max(2, int(np.ceil(doublings * STEPS_A_DOUBLING)) + 1))
        counts = np.concatenate((counts, np.round(FIRST_COUNTS * 2**steps)))
    return np.unique(counts).astype(np.int64)


def coverage(
    vectors: Vectors,
    order: Order,
    counts: NDArray[np.int64],
    neighbours: Neighbours | None = None,
    *,
    at: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> Curve:
    """The covering radius and the mean nearest distance over all rows, at each of ``counts``.

    Without a graph each pair of a pool row and a chosen row is multiplied once, whatever the counts.
    With one, a row is multiplied only with the rows chosen before the first of its neighbours; from there on
    its nearest chosen neighbour tells the distance. Where the graph misses a neighbour this is a little too
    far. The radius is exact all the same: the rows that decide it are multiplied with all chosen rows. The
    mean is never too low.

    Args:
        vectors: (n, d) unit length: the pool.
        order: chosen positions, best first.
        counts: ascending, none above ``len(order)``.
        neighbours: the nearest rows of every row of the pool.
        at: the one of ``counts`` whose distances are kept as ``nearest``; None keeps none.
        check: called between blocks; may raise to stop.
    """
    radius = np.zeros(len(counts), dtype=np.float32)
    mean = np.zeros(len(counts), dtype=np.float64)
    nearest = None if at is None else np.empty(len(vectors), dtype=np.float32)
    kept = 0 if at is None else int(np.searchsorted(counts, at))
    for rows, bound in _measured(vectors, order, counts, neighbours, check):
        np.maximum(radius, bound.max(axis=1, initial=0.0), out=radius)
        mean += bound.sum(axis=1, dtype=np.float64)
        if nearest is not None:
            nearest[rows] = bound[kept]
    return Curve(counts, radius, (mean / max(len(vectors), 1)).astype(np.float32), nearest)


def _measured(
    vectors: Vectors,
    order: Order,
    counts: NDArray[np.int64],
    neighbours: Neighbours | None,
    check: Callable[[], None],
) -> Iterator[tuple[Positions, NDArray[np.float32]]]:
    """Some rows of the pool at a time, and (m, r) their distances at each count."""
    if not len(counts):
        return
    chosen = vectors[order[: counts[-1]]]
    place = np.full(len(vectors), len(order))
    place[order] = np.arange(len(order))
    for start in range(0, len(vectors), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(vectors)))
        distances = _Distances(vectors[start : start + CHUNK], chosen, counts)
        distances.read(place, rows, neighbours)
        distances.multiply(check)
        distances.settle(check)
        yield rows, distances.bound


class _Distances:
    """Distances of r rows to the nearest of the first ``counts[i]`` chosen rows, for each of m counts.

    bound: (m, r) never below the distance, and exact at all counts before ``known``.
    known: (r,) the number of the first count at which the distance is read from the graph.
    """

    def __init__(self, rows: Vectors, chosen: Vectors, counts: NDArray[np.int64]) -> None:
        self.rows = rows
        self.chosen = chosen
        self.counts = counts
        self.bound = np.full((len(counts), len(rows)), np.inf, dtype=np.float32)
        self.known = np.full(len(rows), len(counts))

    def read(self, place: Positions, rows: Positions, neighbours: Neighbours | None) -> None:
        """Take distances from the graph; ``place``: (n,) of all rows in the order, ``rows``: these."""
        if neighbours is None:
            return
        found = [(rows, np.zeros(len(rows), dtype=np.float32))]  # a chosen row is at 0 of itself
        columns = zip(neighbours.indices[rows].T, neighbours.distances[rows].T, strict=True)
        for others, distances in (*found, *columns):
            step = np.searchsorted(self.counts, place[others], side="right")
            here = np.flatnonzero(step < len(self.counts))
            step = step[here]
            self.bound[step, here] = np.minimum(self.bound[step, here], distances[here])
            self.known[here] = np.minimum(self.known[here], step)

    def multiply(self, check: Callable[[], None]) -> None:
        """Compare rows with what is chosen before the graph knows their distance, early ones first."""
        order = np.argsort(self.known, kind="stable")
        for some in np.split(order, _edges(self.known[order]))[1:]:
            check()
            self._compare(some, int(self.known[some[-1]]))
        np.minimum.accumulate(self.bound, axis=0, out=self.bound)

    def settle(self, check: Callable[[], None]) -> None:
        """Compare the farthest row at each count with all chosen ones, until the farthest is certain."""
        steps = np.arange(len(self.counts))
        while True:
            check()
            farthest = self.bound.argmax(axis=1)
            doubtful = np.unique(farthest[steps >= self.known[farthest]])
            if not len(doubtful):
                return
            self._compare(doubtful, len(self.counts))

    def _compare(self, some: Positions, stop: int) -> None:
        """Multiply some rows with the rows chosen at the first ``stop`` counts."""
        if stop:
            found = _nearest(self.rows[some], self.chosen, self.counts[:stop])
            self.bound[:stop, some] = np.minimum(self.bound[:stop, some], found)
        self.known[some] = stop


def _edges(known: NDArray[np.int64]) -> list[int]:
    """Where blocks of rows begin, of (r,) ascending numbers of the first count that is known of each.

    All rows of a block are multiplied with what its last one needs, so a block ends before a greater number
    where it is long enough without. The first begins after the rows that need nothing.
    """
    first = int(np.searchsorted(known, 0, side="right"))
    edges = [first] if first < len(known) else []
    while edges and edges[-1] + BLOCK < len(known):
        stop = edges[-1] + BLOCK
        before = int(np.searchsorted(known, known[stop - 1], side="left"))
        edges.append(before if before - edges[-1] >= SHORT_BLOCK else stop)
    return edges


def _nearest(rows: Vectors, chosen: Vectors, counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """(m, rows) distance of each row to the nearest of the first ``counts[i]`` chosen ones."""
    best = np.full((len(counts), len(rows)), -1.0, dtype=np.float32)
    held = np.empty((min(BLOCK, int(counts[-1])), len(rows)), dtype=np.float32)
    for left in range(0, int(counts[-1]), BLOCK):
        right = min(left + BLOCK, int(counts[-1]))
        product = np.matmul(chosen[left:right], rows.T, out=held[: right - left])
        first, last = np.searchsorted(counts, (left, right - 1), side="right")
        edges = [0, *(counts[first:last] - left).tolist(), right - left]
        for step, (begin, end) in enumerate(pairwise(edges), first):
            if begin < end:
                np.maximum(best[step], product[begin:end].max(axis=0), out=best[step])
    distances: NDArray[np.float32] = np.maximum(1 - np.maximum.accumulate(best, axis=0), 0)
    return distances
