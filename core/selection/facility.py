"""Strategy ``facility``: each next row is the one that makes the choice stand best for all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from core.domain import OptionValue, Order, Positions, Vectors
from core.errors import ParameterError
from core.selection.graph import similar_rows
from core.selection.locations import Everywhere, Nearby, Walk, first_of_the_best
from core.selection.registry import Candidates, Option, Strategy
from core.selection.tied import RULE, Column, Tie, pairs, vector_groups
from core.selection.ties import by_score
from core.selection.whole import Grid, in_steps, similarities

EXACT_ROWS = 8192  # up to here every pair is compared: at most 134 MB
SAMPLE = 2048  # rows whose cover shows which rows contend for the first picks
WIDE_PICKS = 96  # from here on the neighbour graph alone does as well
CONTENDERS = 48  # rows that are remembered at each pick of the sampled walk
BLOCK = 256  # rows a product


def _facility(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    """Takes the row with the greatest (1 - α) · gain + α · quality, ties by the shared rule.

    gain: what the row adds to the facility location of the eligible rows, the sum of each one's similarity
    to the nearest chosen row, as a share of the greatest gain that is left. quality: the score, as a share
    of the way from the lowest to the highest eligible one.

    Up to ``EXACT_ROWS`` eligible rows this is the greedy sequence itself, over all pairs. Above, the first
    ``WIDE_PICKS`` are found among the best candidates of a sample, measured on all rows; from there on a
    row stands for its surroundings, and the neighbour graph tells.
    """
    assert candidates.vectors is not None
    weight = float(options["quality"])
    if weight and candidates.scores is None:
        raise ParameterError(
            "Facility location with a weight on quality needs a judge, and none is chosen.",
            "Choose a judge, or set quality to 0.",
        )
    scores = () if candidates.scores is None else (candidates.scores,)
    rows = by_score(candidates, *scores)  # from here on a smaller index wins a tie
    quality = _shares(candidates.scores[rows]) if candidates.scores is not None else np.zeros(len(rows))
    limit = min(limit, len(rows))
    vectors = in_steps(candidates.vectors[rows])
    if len(rows) <= EXACT_ROWS:
        everywhere = Everywhere(_grid(vectors, vectors, check))
        exact: Order = rows[Walk(everywhere, quality, weight).run(limit, check)]
        return exact
    sample = np.argsort(candidates.draw[rows])[:SAMPLE]
    start, covered = _wide_start(vectors, quality, weight, sample, check)
    if limit <= len(start):
        return rows[start[:limit]]
    graph = similar_rows(candidates, rows, check=check)
    rest = Walk(Nearby(graph, covered), quality, weight).without(start).run(limit - len(start), check)
    order: Order = rows[np.concatenate((start, rest))]
    return order


def _wide_start(
    vectors: Vectors,
    quality: NDArray[np.float64],
    weight: float,
    sample: Positions,
    check: Callable[[], None],
) -> tuple[Positions, NDArray[np.int64]]:
    """The first ``WIDE_PICKS`` places, and how well they cover each of the m rows.

    A greedy walk that covers the sample alone shows which rows contend for a place: the best
    ``CONTENDERS`` at each pick. The picks are then made among all of these, by what they add for all rows.
    """
    seen: list[Positions] = []
    sampled = Walk(Everywhere(_grid(vectors[sample], vectors, check)), quality, weight)
    sampled.run(WIDE_PICKS, check, look=lambda worth: seen.append(first_of_the_best(worth, CONTENDERS)))
    contenders = np.unique(np.concatenate(seen))
    everywhere = Everywhere(_grid(vectors, vectors[contenders], check))
    picks = Walk(everywhere, quality[contenders], weight).run(WIDE_PICKS, check)
    return contenders[picks], everywhere.covered.astype(np.int64)


def _grid(left: Vectors, right: Vectors, check: Callable[[], None]) -> Grid:
    """(a, b) similarities of all pairs."""
    grid = np.empty((len(left), len(right)), dtype=np.int16)
    for start in range(0, len(left), BLOCK):
        check()
        grid[start : start + BLOCK] = similarities(left[start : start + BLOCK], right)
    return grid


def _shares(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """(m,) 0 for the lowest score, 1 for the highest; all 0 where there is only one."""
    wide = scores.astype(np.float64)
    if not len(wide) or wide.max() == wide.min():
        return np.zeros(len(wide))
    shares: NDArray[np.float64] = (wide - wide.min()) / (wide.max() - wide.min())
    return shares


def _vector_and_score(candidates: Candidates, settings: Mapping[str, OptionValue]) -> Column:
    """(n,) rows with one and the same vector, and one score if there is a judge, are equal."""
    assert candidates.vectors is not None
    groups = vector_groups(candidates.vectors)
    return groups if candidates.scores is None else pairs(groups, candidates.scores)


STRATEGY = Strategy(
    name="facility",
    title="Facility location",
    summary="Each next row is the one that makes the chosen rows most similar to all eligible ones, "
    "with a weight on the score if you like.",
    source="QDIT, arXiv 2311.14736",
    rule=_facility,
    needs=frozenset({"vectors", "neighbours"}),
    options=(
        Option(
            name="quality",
            title="Weight of the score (0 to 1)",
            help="The score's share in every pick: 0 looks at similarity alone, 1 at the score alone; "
            "above 0 it needs a judge.",
            default=0.0,
            low=0.0,
            high=1.0,
            step=0.05,
        ),
    ),
    tie=Tie(
        key=_vector_and_score,
        rule=f"{RULE}; between rows of different vectors the gain decides, and where that is equal the score",
        said="{chosen} of the selected rows have the same vector as rows that are not selected, and the same "
        "score if there is a judge: {tied} in all.",
    ),
    slow=True,
    version=2,
)
