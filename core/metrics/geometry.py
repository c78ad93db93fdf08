"""How a set of rows covers the pool, and how unlike its rows are, from unit vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.domain import Neighbours, Positions, Vectors
from core.metrics.catalogue import EPSILON, REDUNDANT

ROWS, COLUMNS = 512, 8192  # of one product: 16 MB
NAN = float("nan")


def measure_coverage(
    vectors: Vectors,
    rows: Positions,
    neighbours: Neighbours | None = None,
    *,
    distances: NDArray[np.float32] | None = None,
    check: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Radius, its 95th percentile, mean, facility location, share covered and redundancy in one exact pass.

    Distances are cosine, of every row of the pool to its nearest one of ``rows``; lower covers better. A
    chosen row is at 0 of itself; it is redundant when another one is more similar to it than 0.9.

    distances: (n,) if they are known, as from a curve; then only the chosen rows are compared.
    """
    names = ("radius", "radius_p95", "mean_nearest", "facility", "covered", "redundancy")
    if not len(rows):
        return dict.fromkeys(names, NAN)
    wanted = None if distances is None else rows
    nearest = nearest_others(vectors, rows, neighbours, wanted=wanted, check=check)
    redundancy = float((nearest[rows] > REDUNDANT).mean())
    if distances is None:
        distances = np.maximum(1 - nearest, 0)
        distances[rows] = 0
    mean = float(distances.mean(dtype=np.float64))
    values = (
        float(distances.max()),
        float(np.quantile(distances.astype(np.float64), 0.95)),
        mean,
        1 - mean,
        float((distances <= EPSILON).mean()),
        redundancy,
    )
    return dict(zip(names, values, strict=True))


def nearest_others(
    vectors: Vectors,
    rows: Positions,
    neighbours: Neighbours | None = None,
    *,
    wanted: Positions | None = None,
    check: Callable[[], None] = lambda: None,
) -> NDArray[np.float32]:
    """(n,) similarity of every row of the pool to the nearest of ``rows`` but itself; -1 for none.

    wanted: rows of which it is asked, others may have less; None asks of all.

    neighbours: the nearest rows of every row, ascending, none missed. A row that has a chosen one among them
        needs no product; that is most rows as soon as some percent are chosen.
    """
    best = np.full(len(vectors), -1, dtype=np.float32)
    if neighbours is None:
        best[rows] = _among(vectors[rows], check)
        rest = np.setdiff1d(np.arange(len(vectors)), rows)
    else:
        rest = _read(neighbours, rows, best)
    if wanted is not None:
        rest = np.intersect1d(rest, wanted)
    _multiply(vectors, rows, rest, best, check)
    return best


def _read(neighbours: Neighbours, rows: Positions, best: NDArray[np.float32]) -> Positions:
    """Write what the nearest rows tell into ``best``; returns the rows of which they tell nothing."""
    if not neighbours.indices.shape[1]:  # a pool of one row
        return np.arange(len(best))
    is_chosen = np.zeros(len(best), dtype=bool)
    is_chosen[rows] = True
    found = is_chosen[neighbours.indices]
    is_known = found.any(axis=1)
    known = np.flatnonzero(is_known)
    best[known] = 1 - neighbours.distances[known, found[known].argmax(axis=1)]
    return np.flatnonzero(~is_known)


def _multiply(
    vectors: Vectors,
    rows: Positions,
    wanted: Positions,
    best: NDArray[np.float32],
    check: Callable[[], None],
) -> None:
    """Compare the wanted rows of the pool with all of ``rows`` but themselves; writes into ``best``."""
    chosen = vectors[rows]
    place = np.full(len(vectors), -1)
    place[rows] = np.arange(len(rows))
    for start in range(0, len(wanted), ROWS):
        some = wanted[start : start + ROWS]
        for left in range(0, len(chosen), COLUMNS):
            check()
            product = vectors[some] @ chosen[left : left + COLUMNS].T
            own = place[some] - left
            here = np.flatnonzero((own >= 0) & (own < product.shape[1]))
            product[here, own[here]] = -1
            best[some] = np.maximum(best[some], product.max(axis=1))


def _among(chosen: Vectors, check: Callable[[], None]) -> NDArray[np.float32]:
    """(k,) similarity of every chosen row to the nearest other one; each pair is multiplied once."""
    best = np.full(len(chosen), -1, dtype=np.float32)
    for start in range(0, len(chosen), ROWS):
        for left in range(start, len(chosen), COLUMNS):
            check()
            product = chosen[start : start + ROWS] @ chosen[left : left + COLUMNS].T
            own = np.arange(start, start + len(product)) - left
            here = np.flatnonzero((own >= 0) & (own < product.shape[1]))
            product[here, own[here]] = -1
            for part, found in ((start, product.max(axis=1)), (left, product.max(axis=0))):
                held = best[part : part + len(found)]
                np.maximum(held, found, out=held)
    return best


def pair_distance(chosen: Vectors) -> float:
    """The mean cosine distance of two different rows of k unit vectors; nan below two rows."""
    k = len(chosen)
    if k < 2:
        return NAN
    total = chosen.sum(axis=0, dtype=np.float64)
    own = np.einsum("ij,ij->", chosen, chosen, dtype=np.float64)
    return float(1 - (total @ total - own) / (k * (k - 1)))


def vendi(chosen: Vectors) -> float:
    """The Vendi score of k unit vectors with the linear kernel (arXiv 2210.02410), from 1 to min(k, d).

    The eigenvalues of the (k, k) similarities over k are those of the (d, d) dual; higher is more diverse.
    """
    if not len(chosen):
        return NAN
    dual = np.zeros((chosen.shape[1], chosen.shape[1]))
    for start in range(0, len(chosen), COLUMNS):
        wide = chosen[start : start + COLUMNS].astype(np.float64)
        dual += wide.T @ wide
    shares = np.linalg.eigvalsh(dual / np.trace(dual)) if np.trace(dual) else np.ones(1)
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))
