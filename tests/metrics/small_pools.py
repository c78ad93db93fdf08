"""Small pools to measure, and distances by hand."""

from __future__ import annotations

import numpy as np
import polars as pl

from core.draws import draws, id_keys
from core.metrics import Pool

CLOSE = 2e-6  # products in single precision
WORDS = ("cat", "dog", "runs", "sleeps", "the", "a", "red", "Blue", "tax", "bread", "naïve", "is")


def unit(n, d=12, seed=0):
    """(n, d) random unit rows, most of them to one side."""
    vectors = np.random.default_rng(seed).normal(size=(n, d)) + 0.5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def nearest_by_hand(vectors, rows):
    """(n,) cosine distance of every row to the nearest of ``rows``, in double precision."""
    wide = vectors.astype(float)
    return np.array([min(1 - float(x @ wide[row]) for row in rows) for x in wide])


def pool_of(n=200, seed=0, *, scores=True, clusters=6, repeats=0.0):
    """A pool of n random rows; so many of them repeat the vector of another one."""
    rng = np.random.default_rng(seed)
    given = (rng.integers(0, 11, n) / 2).astype(np.float32)
    given[rng.random(n) < 0.2] = np.nan
    vectors = unit(n, seed=seed)
    again = np.flatnonzero(rng.random(n) < repeats)
    vectors[again] = vectors[rng.integers(0, n, len(again))] if n else vectors[again]
    texts = [" ".join(rng.choice(WORDS, rng.integers(0, 30))) for _ in range(2 * n)]
    return Pool(
        vectors=vectors,
        labels=rng.integers(-1, clusters, n).astype(np.int32) if clusters > 1 else np.zeros(n, np.int32),
        tokens=rng.integers(1, 500, n).astype(np.int32),
        response_chars=rng.integers(0, 4000, n),
        scores=given if scores else None,
        draw=draws(id_keys(f"row {place}" for place in range(n)), 3),
        prompts=pl.Series(texts[:n], dtype=pl.String),
        responses=pl.Series(texts[n:], dtype=pl.String),
    )
