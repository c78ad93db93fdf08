"""A token budget: the longest prefix of an order that it holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import choosing, pinning, pool, pools, seeds, thresholds_near

from core.domain import SelectParams
from core.draws import draws, id_keys
from core.errors import ParameterError
from core.selection import Pinned, checked_budget, cut, held, with_pins

quick = settings(max_examples=60, deadline=None)
NAMES = ["random", "top-score", "deita", "k-center"]


def _choose(rows, params, tokens):
    """From the pool to a selection, with the whole order."""
    pins = Pinned(rows.positions(params.pins.include), rows.positions(params.pins.exclude))
    order = with_pins(rows.order(params), len(rows), pins, draws(id_keys(rows.ids), params.seed))
    ids = pl.Series(rows.ids, dtype=pl.String)
    given = np.array([tokens[each] for each in rows.ids])
    return cut(params, ids=ids, order=order, judge=rows.judge, pins=pins, tokens=given)


@st.composite
def cases(draw):
    """A pool with pins, the tokens of its rows, and parameters without a budget."""
    rows = draw(pools(min_rows=2))
    ids = st.sets(st.sampled_from(rows.ids), max_size=4)
    sizes = st.sampled_from([0, 1, 5, 5, 40, 1000])
    tokens = {each: draw(sizes) for each in rows.ids}
    params = choosing(
        strategy=draw(st.sampled_from(NAMES)),
        min_score=draw(thresholds_near()),
        count=draw(st.none() | st.integers(0, 20)),
        seed=draw(seeds()),
        pins=pinning(draw(ids), draw(ids)),
    )
    return rows, params, tokens


@quick
@given(case=cases(), budget=st.integers(0, 3000))
def test_the_selection_is_the_longest_prefix_that_the_budget_holds(case, budget):
    """Row by row from the start, until the next one does not fit; pinned rows are in at any price."""
    rows, params, tokens = case
    free = _choose(rows, params, tokens).ids
    pinned = params.pins.include - params.pins.exclude
    expected, spent = [], 0
    for each in free:
        if spent + tokens[each] > budget:
            break
        spent += tokens[each]
        expected.append(each)
    if len(expected) < len(pinned):
        expected = free[: len(pinned)]
    chosen = _choose(rows, replace(params, max_tokens=budget), tokens)
    assert chosen.ids == expected
    if not pinned:
        assert sum(tokens[each] for each in chosen.ids) <= budget


@quick
@given(case=cases(), low=st.integers(0, 1500), more=st.integers(0, 1500))
def test_a_larger_budget_only_adds(case, low, more):
    """The rows of the smaller one come first, in the same sequence."""
    rows, params, tokens = case
    small = _choose(rows, replace(params, max_tokens=low), tokens).ids
    large = _choose(rows, replace(params, max_tokens=low + more), tokens).ids
    assert large[: len(small)] == small


@quick
@given(case=cases(), budget=st.integers(0, 100))
def test_reasons_and_reach_agree_with_the_rows(case, budget):
    """Chosen and pinned rows are the ids; nobody who passes is a duplicate but what the strategy left out; the
    reach is what the highest count takes."""
    rows, params, tokens = case
    chosen = _choose(rows, replace(params, max_tokens=budget), tokens)
    inside = chosen.reasons.is_in(["chosen", "pinned"]).to_numpy()
    assert {rows.ids[i] for i in np.flatnonzero(inside)} == set(chosen.ids)
    assert params.strategy == "deita" or "duplicate" not in set(chosen.reasons)
    most = _choose(rows, replace(params, max_tokens=budget, count=len(rows)), tokens)
    if params.strategy != "deita":
        assert chosen.reachable == len(most)


@quick
@given(case=cases(), budget=st.integers(0, 100), data=st.data())
def test_the_place_in_the_file_does_not_count(case, budget, data):
    """The same rows in another order give the same selection."""
    rows, params, tokens = case
    shuffled = rows.in_another_order(data.draw(st.permutations(range(len(rows)))))
    params = replace(params, max_tokens=budget)
    assert _choose(shuffled, params, tokens).ids == _choose(rows, params, tokens).ids


ROWS = pool([5.0, 4.0, 3.0, 2.0])
SIZES = {"row 0": 10, "row 1": 100, "row 2": 1, "row 3": 1}
NOTES = {
    "ends it": (
        {"count": 3, "max_tokens": 50},
        ("The budget of 50 tokens holds 1 of the 3 rows asked for.",),
    ),
    "without a count": ({"max_tokens": 110}, ("The budget of 110 tokens holds 2 rows.",)),
    "holds nothing": (
        {"count": 1, "max_tokens": 1},
        ("The budget of 1 token holds 0 of the 1 row asked for.",),
    ),
    "enough": ({"count": 3, "max_tokens": 111}, ()),
    "enough for all": (
        {"count": 5, "max_tokens": 112},
        ("All 4 eligible rows are selected: fewer than the 5 asked for.",),
    ),
    "pins fit": (
        {"count": 3, "max_tokens": 50, "pins": pinning(["row 2"])},
        ("The budget of 50 tokens holds 2 of the 3 rows asked for.",),
    ),
    "pins do not": (
        {"count": 3, "max_tokens": 50, "pins": pinning(["row 1", "row 2"])},
        ("All 2 pinned rows are in: 101 tokens, more than the budget of 50.",),
    ),
}


@pytest.mark.parametrize("case", NOTES)
def test_what_the_budget_did_is_said(case):
    """How many of the rows asked for it holds, or that the pins are over it; nothing where it holds all."""
    changes, notes = NOTES[case]
    assert _choose(ROWS, choosing(strategy="top-score", **changes), SIZES).notes == notes


def test_a_shorter_row_further_on_is_not_fetched():
    """The long second row ends it, though the third would fit: a prefix, and no knapsack."""
    chosen = _choose(ROWS, choosing(strategy="top-score", max_tokens=11), SIZES)
    assert chosen.ids == ["row 0"]
    assert chosen.reasons.to_list() == ["chosen"] + ["over budget"] * 3


def test_sums_beyond_32_bits_are_counted():
    """Three rows of a billion tokens are three billion."""
    tokens = np.full(3, 10**9, dtype=np.int32)
    assert held(np.arange(3), tokens, 3 * 10**9 - 1) == 2
    assert held(np.arange(3), tokens, 3 * 10**9) == 3


@pytest.mark.parametrize("budget", [-1, 5e5, "many", True, float("nan")])
def test_what_is_no_budget_is_refused(budget):
    """With what it has to be."""
    with pytest.raises(ParameterError, match="The token budget is") as caught:
        checked_budget(budget)
    assert "whole number of tokens" in caught.value.hint


def test_a_budget_without_tokens_is_refused():
    """A cut cannot guess them."""
    with pytest.raises(ParameterError, match="needs the tokens"):
        cut(SelectParams(max_tokens=5), ids=pl.Series(["a"]), order=np.arange(1), judge=None)
