"""Strategy ``repaired``: the best scored rows, after scores that their neighbours contradict are repaired."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from core.domain import Neighbours, OptionValue, Order, Positions, Scores
from core.selection.registry import Candidates, Option, Strategy
from core.selection.ties import by_score
from core.selection.transitions import (
    UNGRADED,
    Grades,
    consensus,
    fitted,
    graded_neighbours,
    scale_of,
)

SLACK = 1e-3  # of a row, so that no last digit of a share moves one


def _repaired(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    """By repaired score, then the long tail first, then the shared tie rule.

    Every scored row of the pool is a witness; the threshold looks at the score as it was given.
    """
    assert candidates.scores is not None
    assert candidates.neighbours is not None
    check()
    scores = repaired(
        candidates.scores, candidates.neighbours, candidates.draw, voters=int(options["voters"])
    )
    check()
    return by_score(candidates, scores, tail_distance(candidates.neighbours))[:limit]


def repaired(scores: Scores, neighbours: Neighbours, draw: NDArray[np.uint64], *, voters: int) -> Scores:
    """(n,) the scores, with those that are probably wrong replaced by what the neighbours say.

    How many rows of a grade are wrong follows from the judge's transitions (see ``transitions``); it is
    those whose neighbours agree with them least. They get the grade that most of the neighbours have.

    Args:
        scores: (n,) NaN where unscored; these stay so.
        neighbours: of all rows.
        draw: (n,) the last word between rows that are contradicted alike.
        voters: how many of the nearest scored rows are asked.
    """
    grades, values = scale_of(scores)
    votes = _votes(graded_neighbours(grades, neighbours, voters), len(values))
    asked = (grades != UNGRADED) & votes.any(axis=1)
    wrong = fitted(consensus(grades, neighbours, len(values))).wrong()
    agreement = _agreement(votes, grades)
    tail = tail_distance(neighbours)
    result = scores.copy()
    for grade, share in enumerate(wrong):
        rows = np.flatnonzero(asked & (grades == grade))
        count = int(share * len(rows) + SLACK)
        doubted = rows[np.lexsort((draw[rows], tail[rows], agreement[rows]))[:count]]
        elected = _elected(votes[doubted], grade)
        moved = elected != grade
        result[doubted[moved]] = values[elected[moved]]
    return result


def tail_distance(neighbours: Neighbours) -> NDArray[np.float32]:
    """(n,) mean cosine distance to the neighbours; higher is farther out in the long tail."""
    if not neighbours.distances.shape[1]:
        return np.zeros(len(neighbours.distances), dtype=np.float32)
    distance: NDArray[np.float32] = neighbours.distances.mean(axis=1)
    return distance


def _votes(near: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """(n, g) how many of the nearest graded rows have each grade."""
    votes = np.zeros((len(near), size), dtype=np.int64)
    row, column = np.nonzero(near != UNGRADED)
    np.add.at(votes, (row, near[row, column]), 1)
    return votes


def _agreement(votes: NDArray[np.int64], grades: Grades) -> NDArray[np.float64]:
    """(n,) cosine similarity of a row's grade, as a vector of one 1, to the votes; 0 where nobody votes."""
    own = np.take_along_axis(votes, np.maximum(grades, 0)[:, None], axis=1)[:, 0] if votes.size else grades
    length = np.sqrt((votes**2).sum(axis=1))
    agreement: NDArray[np.float64] = np.divide(own, length, out=np.zeros(len(votes)), where=length > 0)
    return agreement


def _elected(votes: NDArray[np.int64], grade: int) -> Positions:
    """(r,) the grade with most votes; of equal ones the nearest to the own grade, then the lower."""
    others = np.arange(votes.shape[1])
    preferred = np.lexsort((others, np.abs(others - grade)))
    elected: Positions = preferred[votes[:, preferred].argmax(axis=1)]
    return elected


STRATEGY = Strategy(
    name="repaired",
    title="Repaired scores",
    summary="The highest scores first, after those that their neighbours contradict are repaired; of equal "
    "ones the rarest.",
    source="DS2, arXiv 2410.10877",
    rule=_repaired,
    needs=frozenset({"scores", "neighbours"}),
    options=(
        Option(
            name="voters",
            title="Neighbours asked (rows)",
            help="How many of the nearest scored rows judge a score, as far as the neighbour graph has them; "
            "higher looks at a wider region.",
            default=10.0,
            low=2.0,
            high=50.0,
            step=1.0,
        ),
    ),
    slow=True,
)
