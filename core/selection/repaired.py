"""Strategy ``repaired``: the best scored rows, after scores that their neighbours contradict are repaired."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from core.domain import Neighbours, OptionValue, Order, Positions, Scores
from core.draws import Keys, draws
from core.selection.registry import Candidates, Option, Strategy
from core.selection.tied import RULE, Tie
from core.selection.ties import by_score
from core.selection.transitions import (
    UNGRADED,
    Chances,
    Grades,
    consensus,
    fitted,
    scale_of,
)

SLACK = 1e-3  # of a row, so that no last digit of a share moves one
ROUNDS = 51  # in which the neighbours are asked
IN_A_ROUND = 0.9  # of all rows, those that take part in one


def _repaired(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    """By repaired score, then the long tail first, then the shared tie rule."""
    assert candidates.neighbours is not None
    scores = _scores(candidates, options, check=check)
    return by_score(candidates, scores, tail_distance(candidates.neighbours))[:limit]


def _scores(
    candidates: Candidates, options: Mapping[str, OptionValue], *, check: Callable[[], None] = lambda: None
) -> Scores:
    """(n,) repaired. Every scored row of the pool is a witness: the threshold looks at what was given."""
    assert candidates.scores is not None
    assert candidates.neighbours is not None
    return repaired(
        candidates.scores,
        candidates.neighbours,
        candidates.draw,
        voters=int(options["voters"]),
        confidence=float(options["confidence"]),
        check=check,
    )


def repaired(
    scores: Scores,
    neighbours: Neighbours,
    draw: Keys,
    *,
    voters: int,
    confidence: float,
    check: Callable[[], None] = lambda: None,
) -> Scores:
    """(n,) the scores, with those that are surely wrong replaced by what the neighbours say.

    In each of ``ROUNDS`` rounds nine rows in ten take part. How many rows of a grade are wrong follows from
    the judge's transitions (see ``transitions``); suspects are those whose neighbours agree with them
    least, and the grade that most of the neighbours have is suggested for them. A score is replaced if its
    row was a suspect in more than half of its rounds, and if that share, times the share of the rounds that
    suggested one and the same grade, reaches the confidence.

    That product is DS2's second filter. Its code also weights neighbours by distance and counts the row
    itself among them (see docs/decisions/0009).

    Args:
        scores: (n,) NaN where unscored; these stay so.
        neighbours: of all rows.
        draw: (n,) which rounds a row takes part in, and the last word between rows doubted alike.
        voters: how many of the nearest scored rows are asked.
        confidence: from 0 to 1, the least at which a score is replaced; inclusive.
        check: called in every round; may raise to stop.
    """
    grades, values = scale_of(scores)
    wrong = fitted(consensus(grades, neighbours, len(values))).wrong()
    poll = _Poll(grades, neighbours, draw, voters=voters, wrong=wrong)
    for number in range(ROUNDS):
        check()
        poll.ask(number)
    result = scores.copy()
    for grade in range(len(values)):
        rows = np.flatnonzero(grades == grade)
        elected, sure = poll.verdict(rows, grade)
        result[rows[sure >= confidence]] = values[elected[sure >= confidence]]
    return result


class _Poll:
    """What the neighbours said in the rounds so far.

    took_part, suspected: (n,) in how many rounds. suggested: (n, g) in how many each grade.
    """

    def __init__(
        self, grades: Grades, neighbours: Neighbours, draw: Keys, *, voters: int, wrong: Chances
    ) -> None:
        self.took_part, self.suspected = np.zeros((2, len(grades)), dtype=np.int64)
        self.suggested = np.zeros((len(grades), len(wrong)), dtype=np.int64)
        self._grades, self._draw, self._voters, self._wrong = grades, draw, voters, wrong
        self._nearest = np.ascontiguousarray(neighbours.indices.T)
        self._near = grades[self._nearest].astype(np.int8)  # (k, n), nearest first
        sequence = np.lexsort((draw, tail_distance(neighbours)))  # of rows that are doubted alike
        self._members = [sequence[grades[sequence] == grade] for grade in range(len(wrong))]

    def ask(self, number: int) -> None:
        """One more round."""
        present = draws(self._draw, number) < np.uint64(IN_A_ROUND * 2.0**64)
        heard = present[self._nearest] & (self._near != UNGRADED)
        heard &= np.cumsum(heard, axis=0, dtype=np.int16) <= self._voters
        votes = np.empty((len(self._grades), len(self._wrong)), dtype=np.int64)
        for grade in range(len(self._wrong)):
            votes[:, grade] = (heard & (self._near == grade)).sum(axis=0, dtype=np.int16)
        asked = present & votes.any(axis=1)
        agreement = _agreement(votes, self._grades)
        self.took_part += asked
        for grade, share in enumerate(self._wrong):
            members = self._members[grade][asked[self._members[grade]]]
            count = int(share * len(members) + SLACK)
            suspects = members[np.argsort(agreement[members], kind="stable")[:count]]
            self.suspected[suspects] += 1
            self.suggested[suspects, _elected(votes[suspects], grade)] += 1

    def verdict(self, rows: Positions, grade: int) -> tuple[Positions, Chances]:
        """(r,) the grade that was suggested most for rows of one grade, and how sure it is, from 0 to 1.

        -1 where a row was a suspect in no more than half of its rounds. As in the paper's code every count
        starts at one, so that few rounds are never sure.
        """
        suspected, suggested = self.suspected[rows], self.suggested[rows]
        share = (suspected + 1) / (self.took_part[rows] + 2)
        suggested[:, grade] = -1  # its own is no repair
        elected = _elected(suggested, grade)
        most = np.take_along_axis(suggested, elected[:, None], axis=1)[:, 0]
        sure = share * ((most + 1) / (suspected + suggested.shape[1]))
        sure[(share <= 0.5) | (elected == grade)] = -1
        return elected, sure


def tail_distance(neighbours: Neighbours) -> NDArray[np.float32]:
    """(n,) mean cosine distance to the neighbours; higher is farther out in the long tail."""
    if not neighbours.distances.shape[1]:
        return np.zeros(len(neighbours.distances), dtype=np.float32)
    distance: NDArray[np.float32] = neighbours.distances.mean(axis=1)
    return distance


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
        Option(
            name="confidence",
            title="Confidence of a repair (0 to 1)",
            help="A score is replaced only where the neighbours contradict it this surely, over many rounds "
            "of asking most of them; higher repairs fewer.",
            default=0.5,
            low=0.0,
            high=1.0,
            step=0.05,
        ),
    ),
    tie=Tie(
        key=_scores,
        rule=f"the mean distance to the neighbours (farther first), then {RULE}",
        said="{chosen} of the selected rows came out of a tie of {tied}{at} after repair.",
        at=" at {:g}",
    ),
    slow=True,
    version=2,
)
