"""How a judge errs: the chance of each given grade for each true one, from neighbours that disagree.

Rows that are near each other are taken to deserve one grade. How often a row and its two nearest are
given the grades i, j and k then tells the errors apart from the truth (arXiv 2102.05291, 2410.10877).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.domain import Neighbours, Scores

UNGRADED = -1
MOST_GRADES = 11  # a judge with more different scores is read in so many grades of about equal size
START = 0.7  # how often a judge is right before anything is known; above a half, so grades keep their names
ROUNDS = 1000  # at most
STILL = 1e-7  # the change in any chance at which the fit ends

Grades = NDArray[np.int64]  # (n,) from 0, the lowest; UNGRADED where there is no score
Chances = NDArray[np.float64]


class Scale(NamedTuple):
    """The grades of all rows, and the score that stands for each of the g grades."""

    grades: Grades
    values: NDArray[np.float32]


class Transitions(NamedTuple):
    """What a judge does to true grades.

    prior: (g,) the share of each true grade.
    matrix: (g, g) the chance of each given grade (column) for each true one (row).
    """

    prior: Chances
    matrix: Chances

    def wrong(self) -> Chances:
        """(g,) the share of the rows with a given grade that deserve another."""
        right = self.prior * np.diag(self.matrix)
        given = self.prior @ self.matrix
        return 1 - np.divide(right, given, out=np.ones(len(given)), where=given > 0)


def scale_of(scores: Scores) -> Scale:
    """Scores as grades: one for each different score, or ``MOST_GRADES`` of about equal size."""
    scored = np.sort(scores[~np.isnan(scores)])
    lowest = np.unique(scored)  # of each grade
    if len(lowest) > MOST_GRADES:
        lowest = np.unique(scored[np.arange(MOST_GRADES) * len(scored) // MOST_GRADES])
    grades = np.searchsorted(lowest, scores, side="right") - 1
    grades[np.isnan(scores)] = UNGRADED
    ends = np.searchsorted(scored, np.append(lowest[1:], np.inf), side="left")
    starts = np.searchsorted(scored, lowest, side="left")
    return Scale(grades, scored[(starts + ends - 1) // 2] if len(scored) else scored)


def graded_neighbours(grades: Grades, neighbours: Neighbours, count: int) -> NDArray[np.int64]:
    """(n, count) the grades of the nearest graded rows, nearest first; UNGRADED where there are no more."""
    near = grades[neighbours.indices]
    graded_first = np.argsort(near == UNGRADED, axis=1, kind="stable")[:, :count]
    found = np.take_along_axis(near, graded_first, axis=1)
    return np.pad(found, ((0, 0), (0, count - found.shape[1])), constant_values=UNGRADED)


def consensus(grades: Grades, neighbours: Neighbours, size: int) -> NDArray[np.int64]:
    """(g, g, g) how many rows have grade i and the nearest two graded neighbours j and k."""
    triples = np.column_stack((grades, graded_neighbours(grades, neighbours, 2)))
    triples = triples[(triples != UNGRADED).all(axis=1)]
    code = np.ravel_multi_index(tuple(triples.T), (size, size, size))
    return np.bincount(code, minlength=size**3).reshape(size, size, size)


def fitted(counts: NDArray[np.int64]) -> Transitions:
    """The chances under which the counts (g, g, g) are likeliest, by expectation maximisation.

    Given its true grade, the three grades of a triple are taken to be drawn one by one.
    """
    size, total = len(counts), max(int(counts.sum()), 1)
    matrix = np.full((size, size), (1 - START) / max(size - 1, 1))
    np.fill_diagonal(matrix, START)
    prior = np.full(size, 1 / size)
    for _ in range(ROUNDS):
        chance = np.einsum("t,ti,tj,tk->tijk", prior, matrix, matrix, matrix)
        known = chance.sum(axis=0)
        weight = chance * np.divide(counts, known, out=np.zeros(counts.shape), where=known > 0)
        seen = weight.sum(axis=(2, 3)) + weight.sum(axis=(1, 3)) + weight.sum(axis=(1, 2))
        each = seen.sum(axis=1, keepdims=True)
        renewed = np.divide(seen, each, out=matrix.copy(), where=each > 0)
        prior = weight.sum(axis=(1, 2, 3)) / total
        change = float(np.abs(renewed - matrix).max(initial=0))
        matrix = renewed
        if change <= STILL:
            break
    return Transitions(prior, matrix)
