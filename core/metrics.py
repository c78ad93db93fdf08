"""What a subset is like, beside random draws of its size and beside the pool.

Distances are cosine distances, 1 - x.y: 0 is the same direction, lower means better covered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Labels, Order, Positions, Scores, Vectors
from core.draws import Keys, draws

BLOCK = 4096  # rows a matrix product; keeps a product below 32 MB
STEPS_A_DOUBLING = 8  # how finely a curve follows the count
CONTROL = np.uint64(0x636F6E74726F6C21)  # sets the control's draws apart from those of a strategy's seed
FIRST_COUNTS = 16  # counts up to this one are all on the curve


@dataclass(frozen=True, slots=True)
class Curve:
    """How well the first k rows of an order cover the pool, for a ladder of k.

    counts: (m,) ascending; radius and mean: (m,) at each count.
    radius: the greatest distance from a pool row to its nearest chosen row (covering radius).
    mean: the mean of those distances.
    """

    counts: NDArray[np.int64]
    radius: NDArray[np.float32]
    mean: NDArray[np.float32]

    def at(self, count: int) -> tuple[float, float] | None:
        """(radius, mean) for the first ``count`` rows; between two steps it is interpolated.

        None where the curve does not reach: nothing chosen, or more than the order holds.
        """
        if not len(self.counts) or count < self.counts[0] or count > self.counts[-1]:
            return None
        return (
            float(np.interp(count, self.counts, self.radius)),
            float(np.interp(count, self.counts, self.mean)),
        )


def ladder(length: int, *, exact: int | None = None) -> NDArray[np.int64]:
    """The counts a curve is computed at: all small ones, then eight a doubling, and ``exact``."""
    counts = np.arange(1, min(length, FIRST_COUNTS) + 1)
    if length > FIRST_COUNTS:
        doublings = np.log2(length / FIRST_COUNTS)
        steps = np.linspace(0, doublings, max(2, int(np.ceil(doublings * STEPS_A_DOUBLING)) + 1))
        counts = np.concatenate((counts, np.round(FIRST_COUNTS * 2**steps)))
    extra = [exact] if exact and 0 < exact <= length else []
    return np.unique(np.concatenate((counts, extra))).astype(np.int64)


def coverage(
    vectors: Vectors, order: Order, counts: NDArray[np.int64], *, check: Callable[[], None] = lambda: None
) -> Curve:
    """The covering radius and the mean nearest distance over all rows, at each of ``counts``.

    One pass: each pair of a pool row and a chosen row is multiplied once, whatever the number of counts.

    Args:
        vectors: (n, d) unit length: the pool.
        order: chosen positions, best first.
        counts: ascending, none above ``len(order)``.
        check: called between blocks; may raise to stop.
    """
    radius = np.zeros(len(counts), dtype=np.float32)
    mean = np.zeros(len(counts), dtype=np.float64)
    chosen = vectors[order[: counts[-1]]] if len(counts) else vectors[:0]
    for start in range(0, len(vectors), BLOCK):
        check()
        nearest = _nearest(vectors[start : start + BLOCK], chosen, counts)
        np.maximum(radius, nearest.max(axis=1, initial=0.0), out=radius)
        mean += nearest.sum(axis=1, dtype=np.float64)
    return Curve(counts, radius, (mean / max(len(vectors), 1)).astype(np.float32))


def _nearest(rows: Vectors, chosen: Vectors, counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """(m, rows) distance of each row to the nearest of the first ``counts[i]`` chosen ones."""
    best = np.full(len(rows), -1.0, dtype=np.float32)
    distances = np.empty((len(counts), len(rows)), dtype=np.float32)
    start = 0
    for step, stop in enumerate(counts):
        for left in range(start, int(stop), 1024):
            product = rows @ chosen[left : min(left + 1024, int(stop))].T
            np.maximum(best, product.max(axis=1), out=best)
        start = int(stop)
        distances[step] = np.maximum(1 - best, 0)
    return distances


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What is known of every row; (n,) each, ``vectors`` (n, d). ``scores`` is None without a judge."""

    vectors: Vectors
    labels: Labels
    tokens: NDArray[np.int32]
    response_chars: NDArray[np.int64]
    scores: Scores | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one set of rows; nan where there is nothing to measure."""

    rows: int
    tokens: int
    mean_score: float
    mean_tokens: float
    mean_response: float  # characters
    clusters: int
    radius: float
    mean_nearest: float


TITLES = {
    "rows": "Rows",
    "tokens": "Tokens",
    "mean_score": "Mean score",
    "mean_tokens": "Mean tokens a row",
    "mean_response": "Mean response length (characters)",
    "clusters": "Clusters covered",
    "radius": "Covering radius (cosine distance)",
    "mean_nearest": "Mean nearest distance (cosine)",
}


def cheap_figures(pool: Pool, rows: Positions) -> Figures:
    """Every figure that needs the chosen rows only; radius and mean nearest distance are nan."""
    nan = float("nan")
    scores = pool.scores[rows] if pool.scores is not None else np.empty(0, np.float32)
    scored = scores[~np.isnan(scores)]
    found = np.unique(pool.labels[rows])
    return Figures(
        rows=len(rows),
        tokens=int(pool.tokens[rows].sum(dtype=np.int64)),
        mean_score=float(scored.mean(dtype=np.float64)) if len(scored) else nan,
        mean_tokens=float(pool.tokens[rows].mean()) if len(rows) else nan,
        mean_response=float(pool.response_chars[rows].mean()) if len(rows) else nan,
        clusters=int((found >= 0).sum()),
        radius=nan,
        mean_nearest=nan,
    )


def figures(pool: Pool, rows: Positions) -> Figures:
    """Every figure of these rows, measured over the whole pool."""
    cheap = cheap_figures(pool, rows)
    if not len(rows):
        return cheap
    curve = coverage(pool.vectors, rows, np.array([len(rows)]))
    values = {name: getattr(cheap, name) for name in TITLES}
    return Figures(**{**values, "radius": float(curve.radius[0]), "mean_nearest": float(curve.mean[0])})


def random_rows(keys: Keys, count: int, seed: int) -> Positions:
    """The control: ``count`` rows of the whole pool, drawn by seed and id; smaller draws are prefixes.

    It shares no draw with a strategy of the same seed: a control must not be what it is compared with.
    """
    order = np.argsort(draws(keys ^ CONTROL, seed))
    return order[:count]


def table(selection: Figures, control: list[Figures], pool: Figures) -> pl.DataFrame:
    """metric | selection | random mean, low, high | pool."""
    rows = []
    for name, title in TITLES.items():
        drawn = np.array([getattr(each, name) for each in control], dtype=np.float64)
        rows.append(
            {
                "metric": title,
                "selection": float(getattr(selection, name)),
                "random mean": float(drawn.mean()) if len(drawn) else None,
                "random low": float(drawn.min()) if len(drawn) else None,
                "random high": float(drawn.max()) if len(drawn) else None,
                "pool": float(getattr(pool, name)),
            }
        )
    schema = {name: pl.Float64 if name != "metric" else pl.String for name in rows[0]}
    return pl.DataFrame(rows, schema).with_columns(pl.selectors.numeric().fill_nan(None))
