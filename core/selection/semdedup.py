"""Near copies left out before any strategy chooses (SemDeDup, arXiv 2303.09540)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.domain import Labels, Mask, Order, Vectors
from core.errors import ParameterError
from core.selection.registry import Candidates
from core.selection.similar import above_an_earlier
from core.selection.ties import by_score

VERSION = 1  # raised when the same rows would be left out otherwise
WIDEST = 0.5  # cosine distance: beyond it rows have little in common
BLOCK = 256  # rows that share one matrix product


def near_copies(candidates: Candidates, distance: float, *, check: Callable[[], None] = lambda: None) -> Mask:
    """(n,) the eligible rows that are near copies of a better one, by the tie rule; without scores, of any.

    Give all scored rows as eligible: what is left out then holds at every threshold (see ``copies_in``).
    """
    assert candidates.vectors is not None and candidates.labels is not None
    columns = () if candidates.scores is None else (candidates.scores,)
    rows = by_score(candidates, *columns)
    return copies_in(candidates.vectors, candidates.labels, rows, distance, check=check)


def copies_in(
    vectors: Vectors,
    labels: Labels,
    rows: Order,
    distance: float,
    *,
    check: Callable[[], None] = lambda: None,
) -> Mask:
    """(n,) the rows whose cosine distance to an earlier row of their cluster is below ``distance``.

    As in the paper an earlier row counts whether or not it was itself left out, so of a chain of near
    copies the first stays. Noise is no cluster: a row of label -1 is compared with none and stays.

    With rows in the sequence of the tie rule, highest score first, the earlier rows of a row are those that
    are better. All of them pass every threshold that it passes, so the answer for all scored rows is right
    for those above any threshold.

    Args:
        vectors: (n, d) unit length.
        labels: (n,) cluster of each row, -1 for noise.
        rows: positions in their sequence, the best first.
        distance: cosine distance, above 0 and at most 0.5; higher leaves out more. A row exactly at it stays.
        check: called between blocks of rows; may raise to stop.
    """
    found = np.zeros(len(vectors), dtype=bool)
    cut_off = 1.0 - distance
    by_cluster = rows[np.argsort(labels[rows], kind="stable")]
    edges = np.flatnonzero(np.diff(labels[by_cluster])) + 1
    for members in np.split(by_cluster, edges):
        if len(members) and labels[members[0]] >= 0:
            found[members] = _after_a_copy(vectors[members], cut_off, check)
    return found


def _after_a_copy(vectors: Vectors, cut_off: float, check: Callable[[], None]) -> Mask:
    """(m,) which rows are more similar than the cut-off to any row before them."""
    found = np.zeros(len(vectors), dtype=bool)
    for start in range(0, len(vectors), BLOCK):
        check()
        stop = min(start + BLOCK, len(vectors))
        found[start:stop] = above_an_earlier(vectors, start, stop, cut_off)
    return found


def checked_distance(distance: float | None) -> None:
    """Say what is wrong with the setting.

    Raises:
        ParameterError: not above 0, above 0.5, or not a number.
    """
    if distance is not None and not 0 < distance <= WIDEST:
        raise ParameterError(
            f"The distance of near copies is {distance}.",
            f"It is a cosine distance above 0 and at most {WIDEST:g}; higher leaves out more.",
        )
