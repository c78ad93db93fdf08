"""Strategy ``top-score``: the best scored rows first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.domain import OptionValue, Order
from core.selection import tied
from core.selection.registry import Candidates, Strategy
from core.selection.tied import Tie
from core.selection.ties import by_score


def _top_score(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    assert candidates.scores is not None
    return by_score(candidates, candidates.scores)


STRATEGY = Strategy(
    name="top-score",
    title="Top score",
    summary="The rows with the highest score. Says nothing about diversity: look at the keep rate a cluster.",
    source="AlpaGasus, arXiv 2307.08701",
    rule=_top_score,
    needs=frozenset({"scores", "neighbours"}),
    tie=Tie(key=tied.score, at=" at {:g}"),
)
