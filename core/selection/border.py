"""The rows on both sides of the cut: the ones a person should read before trusting it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.domain import Judge, Order, Positions, Reason, Selection
from core.draws import Keys


@dataclass(frozen=True, slots=True)
class Border:
    """above: the last rows that got in, nearest the cut first. below: the first that did not."""

    above: Positions
    below: Positions


def border(chosen: Selection, order: Order, *, judge: Judge | None, draw: Keys, size: int) -> Border:
    """At most ``size`` rows on each side of the cut.

    Below the cut come the rows that a higher count would take next; where there are none of those, the
    highest scores below the threshold.
    """
    in_by_order = chosen.rows[chosen.codes[chosen.rows] == Reason.CHOSEN]
    above = in_by_order[::-1][:size]
    below = order[len(chosen) : len(chosen) + size]
    if len(below) < size and judge is not None:
        out = np.flatnonzero(chosen.codes == Reason.BELOW_THRESHOLD)
        nearest = out[np.lexsort((draw[out], -judge.scores[out]))]
        below = np.concatenate((below, nearest[: size - len(below)]))
    return Border(above, below)
