"""Rows near a query or near examples, by the cosine of their vectors. Pure: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.domain import Positions, Vectors
from core.draws import Keys

Distances = NDArray[np.float32]  # cosine distance, 0 the same direction, 1 nothing in common, 2 opposite

NEAREST = 3  # examples whose similarity to a row is averaged, at most
QUARTER = 4  # of fewer than three times as many examples, only the nearest in so many
CONSTANT = 60  # of reciprocal rank fusion, as published
_DECIMALS = 6  # of a distance: below it lies what the sequence of a sum decides
_BLOCK = 4096  # rows compared at once


def distances_to(vectors: Vectors, examples: Vectors) -> Distances:
    """(n,) cosine distance of each row to the examples: 1 - the mean similarity to its nearest few of them.

    The nearest few are a quarter of the examples, at least one and at most three. The mean of all examples
    would lie between the kinds of a task, where no row is; of many, the nearest one alone may be an odd one.

    Args:
        vectors: (n, d) unit rows.
        examples: (m, d) unit rows, at least one.
    """
    found = np.empty(len(vectors), dtype=np.float32)
    kept = min(max(len(examples) // QUARTER, 1), NEAREST)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK]
        if len(examples) == 1:  # a product with a vector is far quicker than one with a narrow matrix
            found[start : start + _BLOCK] = 1 - block @ examples[0]
            continue
        similar = block @ examples.T
        if kept < len(examples):
            similar = np.partition(similar, len(examples) - kept, axis=1)[:, -kept:]
        found[start : start + _BLOCK] = 1 - similar.mean(axis=1)
    return np.clip(np.round(found, _DECIMALS), 0, 2)


def nearest_first(distances: Distances, keys: Keys, *, count: int, among: Positions) -> Positions:
    """(k,) at most ``count`` of the rows ``among``, nearest first; ties are broken by the smallest key."""
    away = distances[among]
    if 0 < count < len(among):
        within = away <= np.partition(away, count - 1)[count - 1]
        among, away = among[within], away[within]
    ranked: Positions = among[np.lexsort((keys[among], away))][: max(count, 0)]
    return ranked


def fused(rankings: Sequence[Positions], keys: Keys, *, count: int) -> Positions:
    """(k,) rows of several rankings in one, by reciprocal rank fusion (Cormack and others, SIGIR 2009).

    A row gets 1 / (60 + its place) from each ranking that holds it; ties are broken by the smallest key.
    """
    rows, inverse = np.unique(np.concatenate(rankings), return_inverse=True)
    places = np.concatenate([np.arange(1, len(ranking) + 1) for ranking in rankings])
    score = np.bincount(inverse, weights=1 / (CONSTANT + places), minlength=len(rows))
    ranked: Positions = rows[np.lexsort((keys[rows], -np.round(score, 12)))][:count]
    return ranked.astype(np.int64)
