"""Which eligible rows stand for which others, and how well: the sparse graph of facility location."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.domain import Order, Vectors
from core.selection.registry import Candidates
from core.selection.whole import SCALE, in_steps, similarities, whole

EXACT_ROWS = 16_384  # up to here eligible rows are compared with one another; above, the given graph is read
BLOCK = 512  # rows a product
BEYOND = 0.8  # how similar a row is to those it does not list, as a share of the last that it lists

Whole = NDArray[np.int64]


class Edges(NamedTuple):
    """Pairs of rows: from, to, and similarity in whole numbers, ``SCALE`` for equal rows."""

    owners: Whole
    rows: Whole
    similar: Whole


class Graph(NamedTuple):
    """m rows, each with those that it is similar to and itself; symmetric, sorted by owner.

    starts: (m + 1,) where the edges of a row begin.
    base: (m,) how well each row is stood for by any row that it does not list.
    """

    starts: Whole
    edges: Edges
    base: Whole

    def edges_of(self, some: Whole) -> Edges:
        """The edges of some rows; the owner is named by its place in ``some``."""
        first, count = self.starts[some], self.starts[some + 1] - self.starts[some]
        owners = np.repeat(np.arange(len(some)), count)
        place = np.arange(len(owners)) + np.repeat(first - (np.cumsum(count) - count), count)
        return Edges(owners, self.edges.rows[place], self.edges.similar[place])


def similar_rows(candidates: Candidates, rows: Order, *, check: Callable[[], None] = lambda: None) -> Graph:
    """The graph of the k nearest eligible rows, named by their place in ``rows``.

    k is that of the neighbour graph. Where few rows are eligible that graph has lost most of its edges,
    so up to ``EXACT_ROWS`` of them are compared with one another.
    """
    from scipy.sparse import coo_array, eye_array

    m = len(rows)
    listed = _compared(candidates, rows, check) if m <= EXACT_ROWS else _read(candidates, rows)
    last = np.full(m, SCALE, dtype=np.int64)
    np.minimum.at(last, listed.owners, listed.similar)
    last[np.bincount(listed.owners, minlength=m) == 0] = 0
    one_way = coo_array((listed.similar, (listed.owners, listed.rows)), shape=(m, m)).tocsr()
    both = one_way.maximum(one_way.T).maximum(SCALE * eye_array(m, dtype=np.int64, format="csr")).tocsr()
    starts = both.indptr.astype(np.int64)
    owners = np.repeat(np.arange(m), np.diff(starts))
    edges = Edges(owners, both.indices.astype(np.int64), both.data)
    return Graph(starts, edges, np.floor(BEYOND * last).astype(np.int64))


def _read(candidates: Candidates, rows: Order) -> Edges:
    """What the neighbour graph says about eligible rows."""
    assert candidates.neighbours is not None
    place = np.full(len(candidates.eligible), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    others = place[candidates.neighbours.indices[rows]]
    owners, column = np.nonzero(others >= 0)
    similar = 1 - candidates.neighbours.distances[rows[owners], column].astype(float)
    return Edges(owners, others[owners, column], whole(similar))


def _compared(candidates: Candidates, rows: Order, check: Callable[[], None]) -> Edges:
    """The k nearest of each row among the others."""
    assert candidates.vectors is not None
    assert candidates.neighbours is not None
    vectors = in_steps(candidates.vectors[rows])
    k = min(candidates.neighbours.indices.shape[1], len(rows) - 1)
    if k < 1:
        return Edges(*np.empty((3, 0), dtype=np.int64))
    found = []
    for start in range(0, len(rows), BLOCK):
        check()
        found.append(_nearest(vectors, np.arange(start, min(start + BLOCK, len(rows))), k))
    return Edges(*np.concatenate(found, axis=1))


def _nearest(vectors: Vectors, some: Whole, k: int) -> Whole:
    """(3, b * k) owner, row and similarity of the k nearest of some rows; of equal ones the first."""
    similar = similarities(vectors[some], vectors).astype(np.int64)
    m = len(vectors)
    rank = similar * m + np.arange(m)[::-1]  # so that no two are equal
    rank[np.arange(len(some)), some] = -1
    nearest = np.argpartition(rank, m - k, axis=1)[:, m - k :]
    found = np.take_along_axis(similar, nearest, axis=1)
    return np.stack((np.repeat(some, k), nearest.ravel(), np.minimum(found, SCALE).ravel()))
