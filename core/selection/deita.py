"""Strategy ``deita``: the best scored rows, without those that are too similar to a better one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from core.domain import Mask, OptionValue, Order, Scores, Vectors
from core.selection.registry import Candidates, JudgeOption, Option, Strategy
from core.selection.similar import above
from core.selection.tied import Column, Tie
from core.selection.ties import by_score

LOWEST, HIGHEST = 1.0, 6.0  # grades of the paper
BLOCK = 512  # rows that share one matrix product


def _deita(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    """Walks from the best score down and takes each row that is new ground; the others are left out."""
    assert candidates.vectors is not None
    rows = by_score(candidates, _worth(candidates, options))
    return distinct(candidates.vectors, rows, float(options["similarity"]), limit=limit, check=check)


def _worth(candidates: Candidates, options: Mapping[str, OptionValue]) -> Column:
    """(n,) the score, or its product with the score of the judge that ``with_judge`` names.

    The paper multiplies complexity and quality, each from 1 to 6. A judge whose scores are all above 0 is
    taken as it is; another's are first mapped to 1 to 6, its lowest to 1: a product with a zero would say
    nothing of the other judge, and one of two negatives would be high.
    """
    assert candidates.scores is not None
    name = str(options["with_judge"])
    if not name:
        return candidates.scores
    return _positive(candidates.scores) * _positive(candidates.named[name])


def _positive(scores: Scores) -> NDArray[np.float64]:
    """(n,) scores above 0, in the same sequence, for a product; NaN where unscored."""
    wide = scores.astype(np.float64)
    if np.isnan(wide).all() or np.nanmin(wide) > 0:
        return wide
    low, high = np.nanmin(wide), np.nanmax(wide)
    mapped: NDArray[np.float64] = LOWEST + (HIGHEST - LOWEST) * (wide - low) / max(
        high - low, np.finfo(float).tiny
    )
    return mapped


def distinct(
    vectors: Vectors,
    rows: Order,
    cut_off: float,
    *,
    limit: int,
    check: Callable[[], None] = lambda: None,
) -> Order:
    """The first ``limit`` of ``rows`` that are no more similar than ``cut_off`` to any row kept before.

    Args:
        vectors: (n, d) unit length.
        rows: positions, in the sequence in which they are looked at.
        cut_off: cosine similarity; a row above it is skipped, one at it is kept.
        limit: how many rows are wanted.
        check: called between blocks of rows; may raise to stop.
    """
    kept = np.empty(0, dtype=np.int64)
    held = np.empty((0, vectors.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), BLOCK):
        if len(kept) >= limit:
            break
        check()
        block = rows[start : start + BLOCK]
        block = block[~above(vectors[block], held, cut_off).any(axis=1)]
        block = block[_first_of_its_kind(above(vectors[block], vectors[block], cut_off))]
        kept = np.concatenate((kept, block))
        held = np.concatenate((held, vectors[block]))
    return kept[:limit]


def _first_of_its_kind(similar: Mask) -> Mask:
    """(b,) which rows are similar to none that was kept before them, from who is similar to whom (b, b)."""
    kept = np.zeros(len(similar), dtype=bool)
    for row, others in enumerate(similar):
        kept[row] = not (others & kept).any()
    return kept


STRATEGY = Strategy(
    name="deita",
    title="Best without repeats",
    summary="The highest scores first; a row that is too similar to one already chosen is left out.",
    source="DEITA, arXiv 2312.15685",
    rule=_deita,
    needs=frozenset({"scores", "vectors", "neighbours"}),
    options=(
        Option(
            name="similarity",
            title="Most similar allowed (cosine similarity)",
            help="A row whose cosine similarity to any chosen row is above this is left out; lower leaves "
            "out more.",
            default=0.9,
            low=0.5,
            high=0.99,
            step=0.01,
        ),
        JudgeOption(
            name="with_judge",
            title="Multiply with the score of",
            help="A second judge whose score is multiplied with the first one's, as complexity with quality; "
            "rows that it left unscored are left out.",
        ),
    ),
    tie=Tie(key=_worth, at=" at {:g}"),
    slow=True,
)
