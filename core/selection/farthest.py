"""Farthest-first traversal, exact, without a pass over all rows a pick.

The distance from a row to the chosen set can only shrink, so a distance that was true some picks ago
is still an upper bound. The next picks are therefore sought in a small pool of the rows with the
highest bounds; a row outside the pool is brought up to date only when its bound could win.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.domain import Order, Positions, Vectors

POOL = 512  # rows that are kept up to date with every pick
GROUP = 128  # rows that share one matrix product when they catch up
BLOCK = 8192  # rows a product on the way to the first pick
REPEAT = 1e-6  # cosine distance up to which a row repeats a chosen one: unit float32 vectors tell no better


def farthest_first(
    vectors: Vectors,
    rows: Positions,
    draw: NDArray[np.uint64],
    *,
    limit: int,
    check: Callable[[], None] = lambda: None,
) -> Order:
    """The first ``limit`` of ``rows`` in farthest-first order (k-center greedy, arXiv 1708.00489).

    Starts at the row nearest the mean. Distances are cosine, compared in double precision, so the
    order does not hang on how a matrix product was rounded; equal distances go to the smaller
    ``draw``. Rows that repeat the vector of a chosen one come last, by ``draw``.

    Args:
        vectors: (n, d) unit length.
        rows: positions to choose from.
        draw: (n,) one number a row that breaks ties.
        limit: how many rows are wanted.
        check: called between picks; may raise to stop.
    """
    rows = rows[np.argsort(draw[rows])]  # from here on a smaller index wins a tie
    limit = min(limit, len(rows))
    if limit <= 0:
        return rows[:0]
    traversal = _Traversal(vectors, rows)
    while len(traversal.picks) < limit and traversal.advance(limit, check):
        pass
    picks = np.array(traversal.picks)
    repeats = np.delete(np.arange(len(rows)), picks)  # only taken when nothing else is left
    order: Order = rows[np.concatenate((picks, repeats))[:limit]]
    return order


class _Traversal:
    """The state between picks. m rows, named by their place in ``rows``.

    seen: (m,) how many of the picks, from the first, a row has been compared with.
    bound: (m,) distance to the nearest of those, and so an upper bound of the distance to all picks;
        -inf for the picks themselves.
    error: how far off a product in single precision may be, for unit vectors and any way of adding up.
    """

    def __init__(self, vectors: Vectors, rows: Positions) -> None:
        self.vectors = vectors
        self.rows = rows
        self.error = (vectors.shape[1] + 8) * 2.0**-24
        self.picks: list[int] = []
        self.centres = np.empty((64, vectors.shape[1]), dtype=np.float32)
        self.seen = np.zeros(len(rows), dtype=np.int32)
        first = self._nearest_mean()
        # A rough bound will do for a start: as long as ``seen`` is 0, the first pick is compared again.
        self.bound = 1 - self._products(vectors[rows[first]]) + self.error
        self._take(first)

    def advance(self, limit: int, check: Callable[[], None]) -> bool:
        """One round: bring a pool up to date and pick from it; False when only repeats are left.

        A pool that was up to date already holds the farthest row of all. So each round brings a row up to
        date or makes a pick, and the rounds end.
        """
        check()
        pool, floor = self._highest()
        self._refresh(pool)
        if max(self.bound[pool].max(initial=-np.inf), floor) <= REPEAT:
            return False
        self._pick_inside(pool, max(floor, REPEAT), limit, check)
        return True

    def _highest(self) -> tuple[Positions, float]:
        """The rows with the ``POOL`` highest bounds, with all that tie, and the highest bound of the rest."""
        split = max(len(self.bound) - POOL, 0)
        ranked = np.partition(self.bound, split)
        edge, rest = ranked[split], ranked[:split]
        pool = np.flatnonzero((self.bound >= edge) & (self.bound > -np.inf))
        return pool, float(rest[rest < edge].max(initial=-np.inf))

    def _refresh(self, pool: Positions) -> None:
        """Compare rows with the picks that they have not been compared with."""
        made = len(self.picks)
        stale = pool[self.seen[pool] < made]
        # Rows that are about equally far behind share one product, so little of it is wasted.
        stale = stale[np.argsort(self.seen[stale], kind="stable")]
        for start in range(0, len(stale), GROUP):
            group = stale[start : start + GROUP]
            self._compare(group, int(self.seen[group[0]]))
        self.seen[stale] = made

    def _compare(self, group: Positions, start: int) -> None:
        """Lower the bounds of rows that a pick from the ``start``-th on is nearer to.

        The product in single precision says which pairs may matter; only those are measured exactly.
        """
        products = self.vectors[self.rows[group]] @ self.centres[start : len(self.picks)].T
        needed = 1 - self.bound[group] - self.error
        highest = products.max(axis=1)
        nearer = np.flatnonzero(highest >= needed)
        edge = np.maximum(needed[nearer], highest[nearer] - 2 * self.error)
        close = np.flatnonzero(products[nearer] >= edge[:, None])
        row, pick = np.divmod(close, products.shape[1])
        row = group[nearer[row]]
        np.minimum.at(self.bound, row, _distance(self._wide(row), self.centres[start + pick].astype(float)))

    def _pick_inside(self, pool: Positions, floor: float, limit: int, check: Callable[[], None]) -> None:
        """Pick from the pool while its farthest row is farther than ``floor``."""
        wide = self._wide(pool)
        bound = self.bound[pool]
        best = int(bound.argmax())
        while bound[best] > floor and len(self.picks) < limit:
            check()
            self._take(int(pool[best]))
            np.minimum(bound, _distance(wide, wide[best]), out=bound)
            bound[best] = -np.inf
            best = int(bound.argmax())
        self.bound[pool] = bound
        self.seen[pool] = len(self.picks)

    def _take(self, row: int) -> None:
        if len(self.picks) == len(self.centres):
            self.centres = np.concatenate((self.centres, np.empty_like(self.centres)))
        self.centres[len(self.picks)] = self.vectors[self.rows[row]]
        self.picks.append(row)
        self.bound[row] = -np.inf

    def _nearest_mean(self) -> int:
        blocks = [self.rows[start : start + BLOCK] for start in range(0, len(self.rows), BLOCK)]
        mean = sum(self.vectors[block].sum(axis=0, dtype=float) for block in blocks) / len(self.rows)
        rough = self._products(mean.astype(np.float32))
        close = np.flatnonzero(rough >= rough.max() - 2 * self.error)
        return int(close[_distance(self._wide(close), mean).argmin()])

    def _products(self, vector: NDArray[np.float32]) -> NDArray[np.float64]:
        """(m,) x.vector of every row, in single precision, held in double."""
        products = np.empty(len(self.rows))
        for start in range(0, len(self.rows), BLOCK):
            products[start : start + BLOCK] = self.vectors[self.rows[start : start + BLOCK]] @ vector
        return products

    def _wide(self, places: Positions) -> NDArray[np.float64]:
        return self.vectors[self.rows[places]].astype(float)


def _distance(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k,) cosine distance, row by row. ``vecdot`` adds up every row alike, so equal rows stay equal."""
    distance: NDArray[np.float64] = 1 - np.vecdot(left, right)
    return distance
