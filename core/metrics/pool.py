"""What is known of every row, and the figures that need the chosen rows only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Labels, Neighbours, Positions, Scores, Vectors
from core.draws import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What is known of every row; (n,) each, ``vectors`` (n, d). ``scores`` is None without a judge.

    draw: one number a row, from its id: a sample of some rows is those with the lowest. Without it the place
        in the file takes its part.
    prompts, responses: the texts; None leaves what is measured on words out.
    neighbours: the nearest rows of every row, none missed: spares most products; None multiplies all pairs.
    """

    vectors: Vectors
    labels: Labels
    tokens: NDArray[np.int32]
    response_chars: NDArray[np.int64]
    scores: Scores | None
    draw: Keys | None = None
    prompts: pl.Series | None = None
    responses: pl.Series | None = None
    neighbours: Neighbours | None = None

    def drawn(self, rows: Positions) -> Positions:
        """The same rows in the sequence of their draw, which the order of the file has no part in."""
        keys = rows if self.draw is None else self.draw[rows]
        return rows[np.argsort(keys, kind="stable")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures that a move of a slider changes; nan where there is nothing to measure."""

    rows: int
    tokens: int
    mean_score: float
    mean_tokens: float
    mean_response: float  # characters
    clusters: int


def cheap_figures(pool: Pool, rows: Positions) -> Figures:
    """The figures that take no time: sums and means over the chosen rows."""
    nan = float("nan")
    scored = scores_of(pool, rows)
    found = np.unique(pool.labels[rows])
    return Figures(
        rows=len(rows),
        tokens=int(pool.tokens[rows].sum(dtype=np.int64)),
        mean_score=float(scored.mean(dtype=np.float64)) if len(scored) else nan,
        mean_tokens=float(pool.tokens[rows].mean()) if len(rows) else nan,
        mean_response=float(pool.response_chars[rows].mean()) if len(rows) else nan,
        clusters=int((found >= 0).sum()),
    )


def scores_of(pool: Pool, rows: Positions) -> Scores:
    """The scores of those rows that have one; none without a judge."""
    scores = pool.scores[rows] if pool.scores is not None else np.empty(0, np.float32)
    scored: Scores = scores[~np.isnan(scores)]
    return scored
