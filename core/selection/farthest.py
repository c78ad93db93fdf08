"""Farthest-first traversal, exact, without a pass over all rows a pick.

The distance from a row to the chosen set can only shrink, so a distance that was true some picks ago
is still an upper bound. The next pick is therefore sought in a small pool of the rows with the highest
bounds; a row outside the pool is brought up to date only when its bound could win. The pool itself is
drawn from a wider region, so that ranking bounds seldom means ranking all of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.domain import Order, Positions, Vectors

POOL = 512
REGION = 8192
# Products in single precision are off by less than this for unit vectors of a few thousand dimensions.
SLACK = np.float32(2e-6)
REPEAT = 1e-9  # cosine distance below which a row repeats one that is chosen
BLOCK = 8192  # rows that one matrix product takes


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
    ``draw``. Rows with the same vector as a chosen one come last, by ``draw``.

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
    while len(traversal.picks) < limit and traversal.advance(limit):
        check()
    picks = np.array(traversal.picks)
    repeats = np.delete(np.arange(len(rows)), picks)  # only taken when nothing else is left
    order: Order = rows[np.concatenate((picks, repeats))[:limit]]
    return order


class _Traversal:
    """The state between picks. m rows, named by their place in ``rows``.

    bound: (m,) upper bound of each row's distance to the picks; -inf for the picks themselves.
    nearest: (m,) the pick that is nearest, among those a row has been compared with.
    seen: (m,) with how many picks a row has been compared.
    region: the rows with the highest bounds, and ``outside``, the highest bound of the others.
    """

    def __init__(self, vectors: Vectors, rows: Positions) -> None:
        self.vectors = vectors
        self.rows = rows
        self.picks: list[int] = []
        self.centres = np.empty((64, vectors.shape[1]), dtype=np.float32)
        self.bound = np.full(len(rows), np.inf, dtype=np.float32)
        self.nearest = np.zeros(len(rows), dtype=np.int32)
        self.seen = np.zeros(len(rows), dtype=np.int32)
        self._take(self._nearest_mean())
        for start in range(0, len(rows), BLOCK):
            self._refresh(np.arange(start, min(start + BLOCK, len(rows))))
        self.region, self.outside = self._highest(np.arange(len(rows)), REGION)

    def advance(self, limit: int) -> bool:
        """Make at least one more pick, and as many as one pool allows; False when only repeats are left."""
        size = POOL
        while True:
            pool, floor = self._highest(self.region, size)
            floor = max(floor, self.outside)
            self._refresh(pool)
            distance = self._distances(pool)
            farthest = distance.max(initial=-np.inf)
            if farthest > floor:
                if farthest < REPEAT:
                    return False
                self._pick_inside(pool, distance, floor, limit)
                return True
            if farthest <= self.outside and len(self.region) < len(self.bound):
                # The region has shrunk below what lies outside it: find the highest bounds anew.
                width = max(REGION, 2 * size)
                self.region, self.outside = self._highest(np.arange(len(self.bound)), width)
            if self._highest(self.region, size)[0].tolist() == pool.tolist():
                size *= 2  # more rows are equally far than the pool holds

    def _highest(self, among: Positions, size: int) -> tuple[Positions, float]:
        """The ``size`` rows with the highest bounds, ascending, and the highest bound of the rest."""
        bound = self.bound[among]
        if size >= len(among):
            return among[bound > -np.inf], -np.inf
        split = len(among) - size
        ranked = np.argpartition(bound, (split - 1, split))
        top = np.sort(among[ranked[split:]])
        return top[self.bound[top] > -np.inf], float(bound[ranked[split - 1]])

    def _refresh(self, rows: Positions) -> None:
        """Compare rows with the picks that they have not been compared with."""
        made = len(self.picks)
        stale = rows[self.seen[rows] < made]
        stale = stale[np.argsort(self.seen[stale], kind="stable")]
        # Rows that are about equally far behind share one product, so little of it is wasted.
        for group in np.array_split(stale, 1 + (len(stale) > 64) * 3):
            if len(group):
                start = int(self.seen[group[0]])
                products = self.vectors[self.rows[group]] @ self.centres[start:made].T
                best = products.argmax(axis=1)
                bound = 1 - products[np.arange(len(group)), best] + SLACK
                closer = bound < self.bound[group]
                self.bound[group[closer]] = bound[closer]
                self.nearest[group[closer]] = best[closer] + start
        self.seen[stale] = made

    def _distances(self, pool: Positions) -> NDArray[np.float64]:
        """Cosine distance of each row to its nearest pick, in double precision.

        ``einsum`` adds up every row in the same sequence, unlike BLAS, so equal rows stay equal.
        """
        wide = self.vectors[self.rows[pool]].astype(np.float64)
        centres = self.centres[self.nearest[pool]].astype(np.float64)
        distances: NDArray[np.float64] = 1 - np.einsum("ij,ij->i", wide, centres)
        return distances

    def _pick_inside(self, pool: Positions, distance: NDArray[np.float64], floor: float, limit: int) -> None:
        """Pick from the pool while its farthest row is farther than anything outside can be."""
        wide = self.vectors[self.rows[pool]].astype(np.float64)
        while len(self.picks) < limit:
            best = int(distance.argmax())
            if distance[best] <= max(floor, REPEAT):
                break
            self._take(int(pool[best]))
            now = 1 - np.einsum("ij,j->i", wide, wide[best])
            closer = now < distance
            distance[closer] = now[closer]
            distance[best] = -np.inf
            self.nearest[pool[closer]] = len(self.picks) - 1
        self.seen[pool] = len(self.picks)
        self.bound[pool] = distance + SLACK

    def _take(self, row: int) -> None:
        if len(self.picks) == len(self.centres):
            self.centres = np.concatenate((self.centres, np.empty_like(self.centres)))
        self.centres[len(self.picks)] = self.vectors[self.rows[row]]
        self.picks.append(row)
        self.bound[row] = -np.inf

    def _nearest_mean(self) -> int:
        blocks = [self.rows[start : start + BLOCK] for start in range(0, len(self.rows), BLOCK)]
        mean = sum(self.vectors[block].sum(axis=0, dtype=np.float64) for block in blocks) / len(self.rows)
        rough = np.concatenate([self.vectors[block] @ mean.astype(np.float32) for block in blocks])
        close = np.flatnonzero(rough >= rough.max() - SLACK)
        exact = np.einsum("ij,j->i", self.vectors[self.rows[close]].astype(np.float64), mean)
        return int(close[exact.argmax()])
