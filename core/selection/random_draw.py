"""Strategy ``random``: the control that every other strategy has to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from core.domain import OptionValue, Order
from core.selection import tied
from core.selection.registry import Candidates, Strategy
from core.selection.tied import BY_DRAW, Tie


def _random(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    rows = np.flatnonzero(candidates.eligible)
    return rows[np.argsort(candidates.draw[rows])]


STRATEGY = Strategy(
    name="random",
    title="Random",
    summary="Rows drawn at random from the eligible ones. The baseline: at scale it is hard to beat.",
    source="arXiv 2410.09335",
    rule=_random,
    tie=Tie(
        key=tied.nothing,
        rule=BY_DRAW,
        said="Selected rows are a draw: {chosen} out of {tied} eligible rows.",
    ),
)
