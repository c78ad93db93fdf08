"""Cells as scores: numbers, booleans, labels, sentinels, scales, and what is lower and better."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from core.domain import ScoreColumn
from core.errors import ParameterError
from core.score_values import checked, converted, texts_in

PLAIN = ScoreColumn(name="judge", column="cells")


def scores(cells: list[object], column: ScoreColumn = PLAIN, **about: object) -> list[float | None]:
    found = converted(pl.Series("cells", cells, strict=False), replace(column, **about)).scores
    return [None if math.isnan(each) else float(each) for each in found]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([1, 2, None], [1, 2, None]),
        ([0.5, float("nan"), float("inf")], [0.5, None, None]),
        ([True, False, None], [1, 0, None]),
        ([" 4.5 ", "n/a", "", "four", "1e1"], [4.5, None, None, None, 10]),
        (["true", "FALSE", "yes"], [1, 0, None]),
        (["-0", "nan", "inf"], [0, None, None]),
        ([[1], [2, 3], None], [None, None, None]),
    ],
)
def test_whatever_is_no_number_is_unscored(cells, expected):
    """Never a number that stands for nothing."""
    assert scores(cells) == expected


def test_cells_that_are_no_numbers_are_counted_with_their_rows():
    """Empty ones apart from those that say something."""
    found = converted(pl.Series(["1", None, "bad", "", "2", "worse", "-"]), PLAIN)
    assert (found.empty, found.odd) == (3, 2)
    assert found.first == ((2, "bad"), (5, "worse"))
    assert found.before == (1, 2)


def test_a_declared_number_is_no_score_and_has_no_part_in_the_range():
    """It is counted, and it is looked for before the scale."""
    column = replace(PLAIN, unscored=(-1, 99), scale=(0, 10, 0, 1))
    found = converted(pl.Series([-1, 0, 5, 99, -1, 10]), column)
    assert found.declared == 3
    assert found.before == (0, 10)
    assert scores([-1, 0, 5, 99, 10], column) == [None, 0, 0.5, None, 1]


@pytest.mark.parametrize("seed", range(5))
def test_a_scale_is_a_straight_line_through_its_ends(seed):
    """Against the two-point form of a line, outside of the ends as well; outside is counted."""
    random = np.random.default_rng(seed)
    low, to_low = random.normal(size=2) * 10
    high, to_high = low + random.uniform(0.5, 20), to_low + random.uniform(0.5, 20)
    cells = random.normal(low, 10, 50)
    slope = (to_high - to_low) / (high - low)
    up = [to_low + slope * (cell - low) for cell in cells]
    down = [to_high - slope * (cell - low) for cell in cells]
    column = replace(PLAIN, scale=(low, high, to_low, to_high))
    assert scores(list(cells), column) == pytest.approx(up, rel=1e-5, abs=1e-4)
    assert scores(list(cells), column, invert=True) == pytest.approx(down, rel=1e-5, abs=1e-4)
    found = converted(pl.Series(cells), column)
    assert found.outside == sum(not low <= cell <= high for cell in cells)


def test_lower_is_better_without_a_scale_turns_the_sign():
    """The order is turned round, and 0 stays 0."""
    found = scores([3.5, 0, 12], invert=True)
    assert found == [-3.5, 0, -12]
    assert math.copysign(1, found[1]) == 1


def test_labels_have_the_scores_that_were_given_to_them():
    """A label without one is unscored and counted; blanks around it do not matter."""
    column = replace(PLAIN, labels=(("good", 1.0), ("bad", 0.0)))
    cells = ["good", " bad ", "Good", None, "3"]
    assert scores(cells, column) == [1, 0, None, None, None]
    assert converted(pl.Series(cells), column).odd == 2


def test_the_texts_that_labels_may_be_for_are_the_most_frequent_ones():
    """Numbers and empty cells are not among them; equal counts stand by name."""
    assert texts_in(pl.Series(["b", "a", "b", "3", "", None, "c"]), 2) == ["b", "a"]


@pytest.mark.parametrize(
    "about",
    [
        {"name": " "},
        {"name": "x" * 81},
        {"name": "a\nb"},
        {"scale": (1, 1, 0, 5)},
        {"scale": (1, 10, 5, 0)},
        {"scale": (math.nan, 10, 0, 5)},
        {"labels": (("good", math.inf),)},
        {"unscored": (math.nan,)},
    ],
)
def test_a_decision_that_cannot_be_carried_out_is_refused(about):
    """In words, before anything is read."""
    with pytest.raises(ParameterError):
        checked(replace(PLAIN, **about))


def test_equal_decisions_are_equal_whatever_kind_of_number_they_are_written_in():
    """So that they share what is stored."""
    whole = checked(replace(PLAIN, scale=(1, 10, 0, 5), unscored=(-1,)))
    assert repr(whole) == repr(checked(replace(PLAIN, scale=(1.0, 10.0, 0.0, 5.0), unscored=(-1.0,))))
