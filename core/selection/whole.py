"""Similarities in whole numbers: exact sums, and so the same on any machine and any number of threads.

Unit vectors are read in whole steps. As long as the square of their length stays below 2**24, single
precision holds every product and every partial sum exactly, in whatever sequence they are added up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import Vectors

STEPS = 4000  # in a vector's length; an error of about 1e-4 in a similarity
UNIT = 1024  # of the products, a similarity step: so that it fits 16 bits
SCALE = STEPS**2 // UNIT  # similarity steps between a right angle and equal rows

Grid = NDArray[np.int16]  # (a, b) similarities in steps, from 0 to a little above SCALE


def in_steps(vectors: Vectors) -> Vectors:
    """(n, d) unit vectors, rounded to whole steps."""
    steps: Vectors = np.rint(vectors * np.float32(STEPS))
    return steps


def similarities(left: Vectors, right: Vectors) -> Grid:
    """(a, b) cosine similarity of rows in whole steps.

    Below a right angle it is 0: a row does not stand for one that it is opposed to, and no choice is worse
    for it.
    """
    products = left @ right.T
    products *= np.float32(1 / UNIT)
    np.rint(products, out=products)
    grid: Grid = np.maximum(products, 0, out=products).astype(np.int16)
    return grid


def whole(similar: NDArray[np.float64]) -> NDArray[np.int64]:
    """Similarities, measured elsewhere, in the same steps."""
    return np.rint(np.clip(similar, 0, 1) * SCALE).astype(np.int64)
