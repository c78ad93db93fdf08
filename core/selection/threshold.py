"""Strategy ``threshold``: every eligible row; the count only caps."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.domain import OptionValue, Order
from core.selection import tied
from core.selection.registry import Candidates, Strategy
from core.selection.tied import Tie
from core.selection.ties import by_score


def _threshold(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    return by_score(candidates)


STRATEGY = Strategy(
    name="threshold",
    title="Threshold only",
    summary="All rows at or above the threshold. A count below that caps them by the tie rule.",
    source="AlpaGasus, arXiv 2307.08701",
    rule=_threshold,
    needs=frozenset({"neighbours"}),
    tie=Tie(
        key=tied.nothing,
        said="{chosen} of the selected rows came out of a tie of {tied}: every eligible row is equal here.",
    ),
)
