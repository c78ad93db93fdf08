"""Strategy ``facility``: each next row is the one that makes the choice stand best for all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from core.domain import OptionValue, Order
from core.errors import ParameterError
from core.selection.graph import Graph, similar_rows
from core.selection.registry import Candidates, Option, Strategy
from core.selection.ties import by_score


def _facility(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    """Takes the row with the greatest (1 - α) · gain + α · quality, ties by the shared rule.

    gain: what the row adds to the facility location of the eligible rows, as a share of the greatest
    gain there is at the start. quality: the score, as a share of the way from the lowest to the highest
    eligible one.
    """
    weight = float(options["quality"])
    if weight and candidates.scores is None:
        raise ParameterError(
            "Facility location with a weight on quality needs a judge, and none is chosen.",
            "Choose a judge, or set quality to 0.",
        )
    scores = () if candidates.scores is None else (candidates.scores,)
    rows = by_score(candidates, *scores)  # from here on a smaller index wins a tie
    quality = _shares(candidates.scores[rows]) if candidates.scores is not None else np.zeros(len(rows))
    graph = similar_rows(candidates, rows, check=check)
    order: Order = rows[_greedy(graph, quality, weight, min(limit, len(rows)), check)]
    return order


def _shares(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """(m,) 0 for the lowest score, 1 for the highest; all 0 where there is only one."""
    wide = scores.astype(np.float64)
    if not len(wide) or wide.max() == wide.min():
        return np.zeros(len(wide))
    shares: NDArray[np.float64] = (wide - wide.min()) / (wide.max() - wide.min())
    return shares


def _greedy(
    graph: Graph, quality: NDArray[np.float64], weight: float, limit: int, check: Callable[[], None]
) -> Order:
    """The first ``limit`` rows of the exact greedy sequence on the graph, as places in it.

    Gains are sums of whole numbers and so exact: neither the sequence of additions nor the number of
    threads can part a tie. A pick changes the gains of the rows two steps away, and only those.
    """
    covered = graph.base.copy()
    taken = np.zeros(len(covered), dtype=bool)
    gain = np.zeros(len(covered), dtype=np.int64)
    owners, rows, similar = graph.edges
    np.add.at(gain, rows, np.maximum(similar - covered[owners], 0))
    most = max(int(gain.max(initial=0)), 1)
    value = (1 - weight) * (gain / most) + weight * quality
    picks = np.empty(limit, dtype=np.int64)
    for place in range(limit):
        check()
        pick = picks[place] = int(value.argmax())
        taken[pick] = True
        _, near, edge = graph.edges_of(picks[place : place + 1])
        better = edge > covered[near]
        changed = near[better]
        before = covered[changed]
        covered[changed] = edge[better]
        owners, rows, similar = graph.edges_of(changed)
        lost = np.maximum(similar - before[owners], 0) - np.maximum(similar - covered[changed][owners], 0)
        np.subtract.at(gain, rows, lost)
        value[rows] = (1 - weight) * (gain[rows] / most) + weight * quality[rows]
        value[rows[taken[rows]]] = -np.inf
        value[pick] = -np.inf
    return picks


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
    slow=True,
)
