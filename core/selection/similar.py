"""Which rows are more similar than a cut-off: the same answer on any machine.

A product in single precision depends on how it was added up; the pairs that it leaves in doubt are measured
again in double precision, one pair at a time.
"""

from __future__ import annotations

import numpy as np

from core.domain import Mask, Vectors

PAIRS = 8192  # pairs that are measured exactly at once


def above(left: Vectors, right: Vectors, cut_off: float) -> Mask:
    """(a, b) which pairs are more similar than the cut-off.

    Args:
        left: (a, d) unit length. right: (b, d) unit length.
        cut_off: cosine similarity; a pair at it is not above it.
    """
    products = left @ right.T
    found: Mask = products > cut_off
    doubtful = np.flatnonzero(np.abs(products - np.float32(cut_off)) <= _error(left))
    for start in range(0, len(doubtful), PAIRS):
        row, other = np.divmod(doubtful[start : start + PAIRS], len(right))
        found[row, other] = np.vecdot(left[row].astype(float), right[other].astype(float)) > cut_off
    return found


def above_an_earlier(vectors: Vectors, start: int, stop: int, cut_off: float) -> Mask:
    """(stop - start,) which of these rows are more similar than the cut-off to any row before them.

    Args:
        vectors: (m, d) unit length, in their sequence.
        cut_off: cosine similarity; a row at it is not above it.
    """
    block = vectors[start:stop]
    products = block @ vectors[:stop].T
    products[:, start:][np.triu_indices(stop - start)] = -np.inf
    best = products.max(axis=1)
    found: Mask = best > cut_off
    for row in np.flatnonzero(np.abs(best - np.float32(cut_off)) <= _error(vectors)):
        found[row] = above(block[row : row + 1], vectors[: start + row], cut_off).any()
    return found


def _error(vectors: Vectors) -> float:
    """How far a product of two unit rows in single precision may be from the true one."""
    return float((vectors.shape[1] + 8) * 2.0**-24)
