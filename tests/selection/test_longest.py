"""The strategy ``longest``: by the length of the response, whatever it is worth."""

from __future__ import annotations

import pytest
from by_hand import sorted_by_hand
from hypothesis import given, settings
from pools import choosing, pool, pools, random_pool, seeds, thresholds_near

from core.domain import SelectParams


@settings(max_examples=60, deadline=None)
@given(rows=pools(), threshold=thresholds_near(), seed=seeds())
def test_rows_are_sorted_by_length_then_score_then_by_the_tie_rule(rows, threshold, seed):
    """The same sequence as sorting tuples by hand, in pools of three different lengths."""
    params = choosing(strategy="longest", min_score=threshold, seed=seed)
    assert rows.choose(params).ids == sorted_by_hand(rows, params, rows.response_chars, rows.scores)


@pytest.mark.parametrize("seed", [0, 1])
def test_two_hundred_rows_are_sorted_as_by_hand(seed):
    """Sixty different lengths, half-step grades, some of them missing."""
    rows = random_pool(200, seed=seed)
    params = choosing(strategy="longest", min_score=2.0, seed=seed)
    assert rows.choose(params).ids == sorted_by_hand(rows, params, rows.response_chars, rows.scores)


def test_a_high_score_does_not_make_a_response_longer():
    """The longest comes first with the lowest score, and the empty one last with the highest."""
    rows = pool([1.0, 5.0, 3.0], response_chars=[2_000_000_001, 0, 2_000_000_000])
    assert rows.choose(choosing(strategy="longest")).ids == ["row 0", "row 2", "row 1"]


def test_it_needs_no_judge():
    """Without scores the length alone decides, and nobody is left out."""
    rows = pool([1.0, None, 3.0], response_chars=[10, 30, 20])
    assert rows.choose(SelectParams(strategy="longest")).ids == ["row 1", "row 2", "row 0"]
