"""Figures beside random draws."""

from __future__ import annotations

import math

import pytest

from pages.ui.figures import difference


@pytest.mark.parametrize(
    ("value", "drawn", "said"),
    [
        (5.0, [1, 2, 3], "+3.00 vs random"),
        (0.5, [1, 2, 3], "-1.50 vs random"),
        (352_098.0, [1, 2, 3], "+352k vs random"),
        (2.5, [1, 2, 3], "in random's range"),
        (3.0, [1, 2, 3], "in random's range"),
        (1.0, [1, 2, 3], "in random's range"),
        (5.0, [], None),
        (math.nan, [1, 2], None),
        (1.0, [1, math.nan], None),
    ],
)
def test_what_a_random_draw_reaches_is_no_difference(value, drawn, said):
    """Beyond all draws the difference to their mean is told; at or between them it is called random's range."""
    assert difference(value, drawn, ".2f") == said
