"""Unit rows to their k nearest rows: exact up to 8,192 rows, cell by cell above.

Plain matrix products on all cores, rather than a compiled nearest-neighbour library: that one compiles
for about 18 s in every process, cannot be stopped, and answers by the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.domain import Neighbours, OnProgress, Positions, Progress, Vectors, ignore_progress
from core.errors import ParameterError
from core.machine import cores, products_on_one_core

VERSION = 1  # raised when the same vectors would get other neighbours

EXACT_ROWS = 8192  # up to here every pair is looked at
_BLOCK = 1024  # rows whose similarities are held at once
_CHUNK = 32_768  # rows searched together above EXACT_ROWS; bounds the memory
_SAMPLE = 64  # rows a cell that k-means looks at
_PASSES = 6  # of k-means
_ROUNDS = (1, 8)  # cells a row looks at before its bound is made tighter
_LARGEST = 4  # times the mean size; a larger cell is cut
_ROUND = 32 * _BLOCK  # rows compared before the bounds are made tighter; bounds the memory too
_WIDE = 4096  # rows a block is compared with at once: 16 MB
_PAIRS = 8192  # measured at once by each thread: 13 MB of 384 numbers a row
_TIE = 1e-6  # similarity by which a neighbour has to be nearer to be one that was missed

Similarities = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourParams:
    """How neighbours are found; hashable, so that it is a cache key.

    k: neighbours a row, itself left out; fewer where there are not so many rows.
    probes: of the sqrt(n) cells, how many each row looks into, above 8,192 rows; more is slower and
        misses fewer neighbours.
    seed: of the cells.
    """

    k: int = 15
    probes: int = 24
    seed: int = 0


# What `completed` begins with where sets of rows are measured. So many that a set of some percent of all rows
# holds one of them nearly always; few cells, as what they miss is found when every pair is looked at.
TO_COMPLETE = NeighbourParams(k=32, probes=4)


class _Found(NamedTuple):
    """Pairs that may be neighbours: position, other position, similarity."""

    rows: Positions
    others: Positions
    similarities: Similarities


class _Cells(NamedTuple):
    """Groups of similar rows: cell c holds ``members[starts[c]:starts[c + 1]]``."""

    members: Positions
    starts: Positions
    centres: NDArray[np.float32]
    own: Positions  # (n,) the cell of each row


def neighbours(
    vectors: Vectors, params: NeighbourParams | None = None, *, on_progress: OnProgress = ignore_progress
) -> Neighbours:
    """Find the k nearest rows of each of n unit rows, the row itself left out.

    Returns indices (n, k) int32 and cosine distances (n, k) float32, ascending, ties by index. The same
    vectors give the same bytes on any number of cores. Above 8,192 rows the search is an inverted file
    (as in faiss, arXiv 1702.08734): rows are grouped into sqrt(n) cells, each row looks into the
    ``probes`` cells nearest to it, and who finds a row is offered to it in return.

    Raises: ParameterError for settings out of range; whatever ``on_progress`` raises.
    """
    params = params or NeighbourParams()
    if params.k < 1 or params.probes < 1:
        raise ParameterError("Neighbours need k and probes of at least 1.", "The defaults are 15 and 24.")
    vectors = np.asarray(vectors)  # a memory map is slower to index
    k = min(params.k, max(len(vectors) - 1, 0))
    indices = np.empty((len(vectors), k), dtype=np.int32)
    with _threads() as pool:
        if k:
            search = _exact if len(vectors) <= EXACT_ROWS else _by_cell
            for rows, nearest in search(vectors, k, params, pool, on_progress):
                indices[rows] = nearest
        found = _measured(vectors, indices, pool)
    if len(vectors) > EXACT_ROWS:
        found = _returned(found)
    for array in found:
        array.setflags(write=False)
    return found


def completed(
    vectors: Vectors, found: Neighbours, *, on_progress: OnProgress = ignore_progress
) -> Neighbours:
    """The k nearest rows of each of n unit rows with none missed, from those that ``neighbours`` found.

    Every pair of rows is multiplied once: the time grows with the square of n. What was found says from which
    similarity on another row is worth keeping. Neighbours nearer by less than 1e-6 may stay away. The same
    input gives the same bytes on any number of cores.
    """
    vectors = np.asarray(vectors)
    n = len(found.indices)
    if n <= EXACT_ROWS:
        return found
    indices, similar = found.indices.astype(np.int64), 1 - found.distances
    with _threads() as pool:
        for start in range(0, n, _ROUND):
            blocks = [
                (first, min(first + _BLOCK, n)) for first in range(start, min(start + _ROUND, n), _BLOCK)
            ]
            above = []
            for pairs, (_, stop) in zip(
                pool.map(partial(_pairs_above, vectors, similar[:, -1] + _TIE), blocks), blocks, strict=True
            ):
                left = (n - stop) / n  # of the rows, that the later ones are still compared with
                on_progress(Progress("exact neighbours", int(n * (1 - left**2)), n))
                above.append(pairs)
            _take_in(_Found(*map(np.concatenate, zip(*above, strict=True))), indices, similar)
        complete = _measured(vectors, indices.astype(np.int32), pool)
    for array in complete:
        array.setflags(write=False)
    return complete


def _pairs_above(vectors: Vectors, bound: Similarities, block: tuple[int, int]) -> _Found:
    """Pairs of a row of the block and a later row that are more similar than the bound of either."""
    start, stop = block
    found = []
    for left in range(start, len(vectors), _WIDE):
        right = min(left + _WIDE, len(vectors))
        similar = vectors[start:stop] @ vectors[left:right].T
        is_above = similar > bound[start:stop, None]
        is_above |= similar > bound[None, left:right]
        rows, others = np.divmod(np.flatnonzero(is_above), right - left)
        later = others + left > rows + start
        rows, others = rows[later], others[later]
        found.append(_Found(rows + start, others + left, similar[rows, others]))
    return _Found(*map(np.concatenate, zip(*found, strict=True)))


def _take_in(pairs: _Found, indices: Positions, similar: Similarities) -> None:
    """Keep the k most similar rows of each row among those it has and the pairs it is in; in place."""
    n, k = indices.shape
    touched = np.union1d(pairs.rows, pairs.others)
    row = np.concatenate([np.repeat(touched, k), pairs.rows, pairs.others])
    other = np.concatenate([indices[touched].ravel(), pairs.others, pairs.rows])
    values = np.concatenate([similar[touched].ravel(), pairs.similarities, pairs.similarities])
    codes, first = np.unique(row * n + other, return_index=True)  # a neighbour that was known is found again
    place = np.searchsorted(touched, codes // n)
    indices[touched], similar[touched] = _merged([_Found(place, codes % n, values[first])], len(touched), k)


def _exact(
    vectors: Vectors, k: int, _: NeighbourParams, pool: ThreadPoolExecutor, on_progress: OnProgress
) -> Iterator[tuple[Positions, Positions]]:
    """Compare every pair, a block of rows at a time."""
    everything = np.arange(len(vectors))
    blocks = list(_blocks(everything))

    def search(rows: Positions) -> Positions:
        return _nearest(_compared(vectors, rows, everything), k)

    for done, (rows, nearest) in enumerate(zip(blocks, pool.map(search, blocks), strict=True), 1):
        on_progress(Progress("neighbours", min(done * _BLOCK, len(vectors)), len(vectors)))
        yield rows, nearest


def _by_cell(
    vectors: Vectors, k: int, params: NeighbourParams, pool: ThreadPoolExecutor, on_progress: OnProgress
) -> Iterator[tuple[Positions, Positions]]:
    """Compare each row with the rows of the cells nearest to it."""
    on_progress(Progress("neighbours", 0, len(vectors), "grouping rows"))
    cells = _grouped(vectors, round(len(vectors) ** 0.5), params.seed, pool)
    for start in range(0, len(vectors), _CHUNK):
        # Rows of one cell share their probes: in the order of cells a chunk makes few, large products.
        rows = cells.members[start : start + _CHUNK]
        probes = _probes(vectors, rows, cells, params.probes, pool)

        def report(share: float, done: int = start, size: int = len(rows)) -> None:
            on_progress(Progress("neighbours", done + int(share * size), len(vectors)))

        nearest = _Search(vectors, rows, cells, k).run(probes, pool, report)
        lacking = np.flatnonzero((nearest < 0).any(axis=1))
        for some in _blocks(lacking):  # their cells are too small to hold k others between them
            nearest[some] = _nearest(_compared(vectors, rows[some], np.arange(len(vectors))), k)
        yield rows, nearest


class _Search(NamedTuple):
    """The search for the k nearest of some rows among the cells they look into."""

    vectors: Vectors
    rows: Positions
    cells: _Cells
    k: int

    def run(
        self, probes: NDArray[np.int32], pool: ThreadPoolExecutor, report: Callable[[float], None]
    ) -> Positions:
        """Look into the nearest cells first: what is found there bounds what later ones need to return."""
        size, count = len(self.rows), probes.shape[1]
        best = np.full((size, self.k), -1, dtype=np.int64)
        similarities = np.full((size, self.k), -np.inf, dtype=np.float32)
        for first, last in pairwise([0, *(edge for edge in _ROUNDS if edge < count), count]):
            visits = list(_visits(probes[:, first:last], len(self.cells.centres)))
            visited = pool.map(partial(self._visit, similarities[:, -1]), visits)
            found = [_Found(np.repeat(np.arange(size), self.k), best.ravel(), similarities.ravel())]
            for done, some in enumerate(visited, 1):
                found.extend(some)
                report((first + (last - first) * done / len(visits)) / count)
            best, similarities = _merged(found, size, self.k)
        return best

    def _visit(self, bound: Similarities, visit: tuple[int, Positions]) -> list[_Found]:
        cell, places = visit
        members = self.cells.members[self.cells.starts[cell] : self.cells.starts[cell + 1]]
        return [self._above(some, members, bound[some]) for some in _blocks(places)]

    def _above(self, places: Positions, members: Positions, bound: Similarities) -> _Found:
        """Return the members that are nearer to a row than its bound, or its k nearest where it has none."""
        similar = _compared(self.vectors, self.rows[places], members)
        if np.isneginf(bound).all() and len(members) > self.k:  # the first cell a row looks into, its own
            columns = _nearest(similar, self.k).ravel()
            which = np.repeat(np.arange(len(places)), self.k)
        else:
            which, columns = np.divmod(np.flatnonzero(similar > bound[:, None]), len(members))
        return _Found(places[which], members[columns], similar[which, columns])


def _visits(probes: NDArray[np.int32], cells: int) -> Iterator[tuple[int, Positions]]:
    """Turn the cells of each row into the rows of each cell, as places in the chunk."""
    order = np.argsort(probes.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(probes.ravel(), minlength=cells))
    for cell, places in enumerate(np.split(order // probes.shape[1], ends[:-1])):
        if len(places):
            yield cell, places


def _merged(found: Sequence[_Found], rows: int, k: int) -> tuple[Positions, Similarities]:
    """Keep the k most similar of each row, best first, ties by position."""
    row, other, similar = (np.concatenate(column) for column in zip(*found, strict=True))
    order = _ranked(row, other, similar)
    row = row[order]
    counts = np.bincount(row, minlength=rows)
    rank = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
    kept = order[rank < k]  # every row brings k places with it, empty ones last
    return other[kept].reshape(rows, k), similar[kept].reshape(rows, k)


def _ranked(row: Positions, other: Positions, similar: Similarities) -> Positions:
    """The order by row, then the most similar first, ties by position.

    Row and similarity make one whole number, whose bits sort as they do: a tenth of the time of a lexsort.
    """
    bits = (0 - similar).view(np.int32).astype(np.int64)  # 0 - x: there is one zero only
    bits ^= (bits >> 31) & 0x7FFFFFFF  # below zero, floats sort backwards
    key = (row << 32) + bits
    order = np.argsort(key)
    ranked = key[order]
    repeats = (ranked[1:] == ranked[:-1]) & np.isfinite(similar[order[1:]])  # empty places are all alike
    if repeats.any():
        tied = np.flatnonzero(np.append(repeats, False) | np.append(False, repeats))
        some = order[tied]
        order[tied] = some[np.lexsort((other[some], key[some]))]
    return order


def _compared(vectors: Vectors, rows: Positions, others: Positions) -> Similarities:
    """Return the similarities (rows, others); that of a row to itself is -inf."""
    similar: Similarities = vectors[rows] @ vectors[others].T
    similar[rows[:, None] == others] = -np.inf
    return similar


def _nearest(similar: Similarities, k: int) -> Positions:
    return np.argpartition(-similar, k - 1, axis=1)[:, :k]


def _measured(vectors: Vectors, indices: NDArray[np.int32], pool: ThreadPoolExecutor) -> Neighbours:
    """Measure each pair anew and sort by distance, then index.

    Half the squared difference is 1 - x.y for unit rows, and exactly 0 for equal ones.
    """
    distances = np.empty(indices.shape, dtype=np.float32)

    def measure(rows: Positions) -> None:
        gap = vectors[rows, None] - vectors[indices[rows]]
        distances[rows] = np.einsum("ijk,ijk->ij", gap, gap) / 2

    at_once = max(1, _PAIRS // max(1, indices.shape[1]))
    list(pool.map(measure, _blocks(np.arange(len(vectors)), at_once)))
    order = np.lexsort((indices, distances), axis=1)
    return Neighbours(np.take_along_axis(indices, order, 1), np.take_along_axis(distances, order, 1))


def _returned(found: Neighbours) -> Neighbours:
    """Offer each row to the neighbours it found: one of them may have missed it in its own search."""
    n, k = found.indices.shape
    rows, others = np.repeat(np.arange(n), k), found.indices.ravel().astype(np.int64)
    distances = found.distances.ravel()
    nearer = distances < found.distances[others, -1]
    pairs = np.concatenate([rows * n + others, (others * n + rows)[nearer]])
    distances = np.concatenate([distances, distances[nearer]])
    pairs, first = np.unique(pairs, return_index=True)
    best, similarities = _merged([_Found(pairs // n, pairs % n, -distances[first])], n, k)
    return Neighbours(best.astype(np.int32), -similarities)


def _grouped(vectors: Vectors, count: int, seed: int, pool: ThreadPoolExecutor) -> _Cells:
    """Group the rows by spherical k-means on a sample; cut cells that are far larger than the others."""
    rng = np.random.default_rng(seed)
    sample = vectors[np.sort(rng.choice(len(vectors), min(len(vectors), _SAMPLE * count), replace=False))]
    centres = sample[rng.choice(len(sample), count, replace=False)]
    for _ in range(_PASSES):
        own = _own(sample, centres, pool)
        sums = np.zeros_like(centres)
        np.add.at(sums, own, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.where(lengths > 0, lengths, 1), centres)
    own = _own(vectors, centres, pool)
    members = np.argsort(own, kind="stable")
    sizes = np.bincount(own, minlength=count)
    most = _LARGEST * -(-len(vectors) // count)
    pieces = np.maximum(1, -(-sizes // most))  # a cell of very many equal rows, for instance
    starts = np.concatenate(
        [
            begin + size * np.arange(cut) // cut
            for begin, size, cut in zip(np.cumsum(sizes) - sizes, sizes, pieces, strict=True)
        ]
    )
    starts = np.append(starts, len(vectors))
    own[members] = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    return _Cells(members, starts, np.repeat(centres, pieces, axis=0), own)


def _own(vectors: Vectors, centres: NDArray[np.float32], pool: ThreadPoolExecutor) -> Positions:
    """Return the nearest centre of each row."""
    blocks = (vectors[start : start + _BLOCK] for start in range(0, len(vectors), _BLOCK))
    return np.concatenate(list(pool.map(lambda block: (block @ centres.T).argmax(axis=1), blocks)))


def _probes(
    vectors: Vectors, rows: Positions, cells: _Cells, probes: int, pool: ThreadPoolExecutor
) -> NDArray[np.int32]:
    """Return (rows, probes) the cells nearest to each row, its own first."""
    count = min(probes, len(cells.centres))

    def nearest(some: Positions) -> NDArray[np.int32]:
        similar = vectors[some] @ cells.centres.T
        similar[np.arange(len(some)), cells.own[some]] = np.inf
        top = _nearest(similar, count)
        order = np.argsort(-np.take_along_axis(similar, top, 1), axis=1, kind="stable")
        return np.take_along_axis(top, order, 1).astype(np.int32)

    return np.concatenate(list(pool.map(nearest, _blocks(rows))))


def _blocks(rows: Positions, size: int | None = None) -> Iterable[Positions]:
    size = size or _BLOCK
    return (rows[start : start + size] for start in range(0, len(rows), size))


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """A thread a core, each with products on one core: the same bytes whatever the number of cores."""
    pool = ThreadPoolExecutor(cores(), thread_name_prefix="neighbours")
    with products_on_one_core():
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
