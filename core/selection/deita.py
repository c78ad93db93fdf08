"""Strategy ``deita``: the best scored rows, without those that are too similar to a better one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from core.domain import Mask, OptionValue, Order, Vectors
from core.selection.registry import Candidates, Option, Strategy
from core.selection.ties import by_score

BLOCK = 512  # rows that share one matrix product
PAIRS = 8192  # pairs that are measured exactly at once


def _deita(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    """Walks from the best score down and takes each row that is new ground; the others are left out."""
    assert candidates.scores is not None
    assert candidates.vectors is not None
    rows = by_score(candidates, candidates.scores)
    return distinct(candidates.vectors, rows, float(options["similarity"]), limit=limit, check=check)


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
        block = block[~_above(vectors[block], held, cut_off).any(axis=1)]
        block = block[_first_of_its_kind(_above(vectors[block], vectors[block], cut_off))]
        kept = np.concatenate((kept, block))
        held = np.concatenate((held, vectors[block]))
    return kept[:limit]


def _first_of_its_kind(similar: Mask) -> Mask:
    """(b,) which rows are similar to none that was kept before them, from who is similar to whom (b, b)."""
    kept = np.zeros(len(similar), dtype=bool)
    for row, others in enumerate(similar):
        kept[row] = not (others & kept).any()
    return kept


def _above(left: Vectors, right: Vectors, cut_off: float) -> Mask:
    """(a, b) which pairs are more similar than the cut-off.

    A product in single precision depends on how it was added up; the pairs that it leaves in doubt are
    measured again in double precision, the same way on any machine.
    """
    error = (left.shape[1] + 8) * 2.0**-24
    products = left @ right.T
    above = products > cut_off
    doubtful = np.flatnonzero(np.abs(products - np.float32(cut_off)) <= error)
    for start in range(0, len(doubtful), PAIRS):
        row, other = np.divmod(doubtful[start : start + PAIRS], len(right))
        above[row, other] = np.vecdot(left[row].astype(float), right[other].astype(float)) > cut_off
    return above


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
    ),
    tied="score",
    slow=True,
)
