"""Every metric of one set of rows, and the table that shows a selection beside random draws and the pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Positions
from core.metrics.catalogue import METRICS, SCORE_METRICS
from core.metrics.geometry import measure_coverage, pair_distance, vendi
from core.metrics.lexical import measure_words
from core.metrics.novelty import novelsum
from core.metrics.pool import Pool, cheap_figures, scores_of
from core.metrics.spread import measure_clusters

VERSION = 2  # raised when the same rows would get other figures

NAN = float("nan")


def measure(pool: Pool, rows: Positions, *, check: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Every metric of ``METRICS`` for these rows; nan where there is nothing to measure.

    rows: (k,) different positions; in which order they come does not matter.
    check: called between blocks; may raise to stop.
    """
    found = measure_content(pool, rows, check=check) | measure_scores(pool, rows)
    return {name: found[name] for name in METRICS}


def measure_scores(pool: Pool, rows: Positions) -> dict[str, float]:
    """The metrics that depend on the judge; nan without one."""
    scored = scores_of(pool, rows)
    has_shares = pool.scores is not None and len(rows)
    low, middle = _quantiles(scored, (0.1, 0.5))
    values = (
        cheap_figures(pool, rows).mean_score,
        low,
        middle,
        1 - len(scored) / len(rows) if has_shares else NAN,
    )
    return dict(zip(SCORE_METRICS, values, strict=True))


def measure_content(
    pool: Pool,
    rows: Positions,
    *,
    distances: NDArray[np.float32] | None = None,
    check: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """The metrics that no judge has a part in: coverage, diversity, clusters, words and lengths.

    distances: (n,) of every row to the nearest of ``rows``, if they are known.
    """
    rows = pool.drawn(rows)
    cheap = cheap_figures(pool, rows)
    return {
        "rows": float(cheap.rows),
        "tokens": float(cheap.tokens),
        **measure_coverage(pool.vectors, rows, pool.neighbours, distances=distances, check=check),
        "pair_distance": pair_distance(pool.vectors[rows]),
        "vendi": vendi(pool.vectors[rows]),
        "novelsum": novelsum(pool.vectors, rows, pool.neighbours, check=check),
        **measure_clusters(pool.labels, rows),
        **measure_words(pool.prompts, pool.responses, rows),
        **_lengths(pool, rows),
        "mean_tokens": cheap.mean_tokens,
        "mean_response": cheap.mean_response,
    }


def _lengths(pool: Pool, rows: Positions) -> dict[str, float]:
    parts = ("p10", 0.1), ("median", 0.5), ("p90", 0.9)
    return {
        f"{name}_{part}": value
        for name, lengths in (("tokens", pool.tokens), ("response", pool.response_chars))
        for (part, _), value in zip(parts, _quantiles(lengths[rows], [at for _, at in parts]), strict=True)
    }


def _quantiles(values: NDArray[np.generic], shares: Sequence[float]) -> list[float]:
    """Quantiles, linear between two values; nan of nothing."""
    if not len(values):
        return [NAN] * len(shares)
    found: list[float] = np.quantile(values.astype(np.float64), shares).tolist()
    return found


def table(
    selection: Mapping[str, float], control: Sequence[Mapping[str, float]], pool: Mapping[str, float]
) -> pl.DataFrame:
    """metric | selection | random mean, low, high | pool."""
    rows = []
    for name, metric in METRICS.items():
        drawn = np.array([each[name] for each in control], dtype=np.float64)
        rows.append(
            {
                "metric": metric.title,
                "selection": selection[name],
                "random mean": float(drawn.mean()) if len(drawn) else None,
                "random low": float(drawn.min()) if len(drawn) else None,
                "random high": float(drawn.max()) if len(drawn) else None,
                "pool": pool[name],
            }
        )
    schema = {name: pl.Float64 if name != "metric" else pl.String for name in rows[0]}
    return pl.DataFrame(rows, schema).with_columns(pl.selectors.numeric().fill_nan(None))
