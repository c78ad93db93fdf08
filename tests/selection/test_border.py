"""The rows on both sides of the cut."""

from __future__ import annotations

import numpy as np
from pools import NO_SCORE, choosing, pinning, pool

from core.draws import draws, id_keys
from core.selection import border

SCORES = [5.0, 4.5, 4.0, 3.5, 3.0, 2.0, NO_SCORE]


def _sides(params, size=2, pinned_first=()):
    """The scores of the rows above and below the cut."""
    rows = pool(SCORES)
    order = [*pinned_first, *(row for row in rows.order(params).tolist() if row not in pinned_first)]
    draw = draws(id_keys(rows.ids), 0)
    sides = border(rows.choose(params), np.array(order), judge=rows.judge, draw=draw, size=size)
    return [SCORES[row] for row in sides.above], [SCORES[row] for row in sides.below]


def test_the_rows_nearest_the_cut_come_first_on_both_sides():
    """The last two that got in, from the cut upwards, and the next two that would."""
    assert _sides(choosing(strategy="top-score", count=3)) == ([4.0, 4.5], [3.5, 3.0])


def test_where_all_eligible_rows_are_in_the_best_ones_below_the_threshold_follow():
    """Nothing is over the budget, so the border is the threshold; unscored rows are on no side of it."""
    sides = _sides(choosing(strategy="top-score", min_score=4.0), size=3)
    assert sides == ([4.0, 4.5, 5.0], [3.5, 3.0, 2.0])


def test_rows_over_the_budget_come_before_rows_below_the_threshold():
    """One row waits in the order; the rest of that side is from below the threshold."""
    _, below = _sides(choosing(strategy="top-score", min_score=3.5, count=3), size=3)
    assert below == [3.5, 3.0, 2.0]


def test_a_pinned_row_is_on_no_side():
    """A person has decided on it: it got in by no cut."""
    params = choosing(strategy="top-score", count=2, pins=pinning(include=["row 5"]))
    assert _sides(params, size=3, pinned_first=[5]) == ([5.0], [4.5, 4.0, 3.5])
