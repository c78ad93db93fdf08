"""The strategy ``deita``: best first, without the rows that are too similar to a better one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from by_hand import sorted_by_hand
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import NO_SCORE, choosing, pool, pools, random_pool, seeds, thresholds_near, unit

from core.selection import deita, similar
from core.selection.deita import distinct

CUT_OFFS = (0.5, 0.7, 0.75, 0.9, 0.99)


def _walk(vectors, rows, cut_off):
    """The definition, one row at a time, in double precision."""
    wide = vectors.astype(float)
    kept = []
    for row in rows:
        if all(float((wide[row] * wide[other]).sum()) <= cut_off for other in kept):
            kept.append(row)
    return kept


def _expected(rows, params, cut_off, worth=None):
    worth = rows.scores if worth is None else worth
    by_score = [rows.ids.index(id_) for id_ in sorted_by_hand(rows, params, worth)]
    return [rows.ids[row] for row in _walk(rows.vectors, by_score, cut_off)]


@pytest.fixture
def small_blocks(monkeypatch):
    """Few rows a product, so that rows are compared inside a block and with earlier ones."""
    monkeypatch.setattr(deita, "BLOCK", 3)
    monkeypatch.setattr(similar, "PAIRS", 2)


@settings(max_examples=80, deadline=None)
@given(
    rows=pools(),
    threshold=thresholds_near(),
    cut_off=st.sampled_from(CUT_OFFS),
    seed=seeds(),
    count=st.integers(0, 24),
)
def test_the_rows_are_those_of_the_walk_by_hand(rows, threshold, cut_off, seed, count):
    """Sorted by hand and walked one by one: the same ids in the same sequence, or all there are."""
    params = choosing(
        strategy="deita", min_score=threshold, seed=seed, count=count, options=(("similarity", cut_off),)
    )
    assert rows.choose(params).ids == _expected(rows, params, cut_off)[:count]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("cut_off", [0.5, 0.75, 0.9])
@pytest.mark.parametrize("seed", [0, 1])
def test_two_hundred_rows_are_walked_as_by_hand(cut_off, seed):
    """Clustered rows with many close ones, whatever the size of the blocks."""
    rows = random_pool(200, seed=seed)
    params = choosing(strategy="deita", min_score=2.0, seed=seed, options=(("similarity", cut_off),))
    expected = _expected(rows, params, cut_off)
    assert len(expected) < len(rows.scored_at_least(2.0))
    assert rows.choose(params).ids == expected


@pytest.mark.parametrize("block", [1, 2, 50, 512])
def test_a_limit_only_cuts_the_order(monkeypatch, block):
    """The order to any limit begins like the whole one, and the size of a block does not show."""
    vectors = random_pool(200, seed=3).vectors
    whole = _walk(vectors, range(200), 0.8)
    monkeypatch.setattr(deita, "BLOCK", block)
    for limit in (0, 1, len(whole) // 2, len(whole), 200):
        assert distinct(vectors, np.arange(200), 0.8, limit=limit).tolist() == whole[:limit]


def test_a_row_at_the_cut_off_stays_and_one_above_it_goes():
    """The limit is inclusive, to the last digit of double precision, where single precision cannot tell."""
    rng = np.random.default_rng(4)
    vectors = unit(1 + 0.3 * rng.normal(size=(2, 384)))
    exact = float(np.vecdot(vectors[0].astype(float), vectors[1].astype(float)))
    rows = np.arange(2)
    assert distinct(vectors, rows, exact, limit=2).tolist() == [0, 1]
    assert distinct(vectors, rows, np.nextafter(exact, 0), limit=2).tolist() == [0]


def test_a_row_that_was_left_out_leaves_nobody_else_out():
    """The middle of three rows repeats the first; the last is near the middle only, and stays."""
    rows = pool([5.0, 4.0, 3.0], vectors=[(1, 0), (1, 0.5), (0.5, 1)])
    assert rows.choose(choosing(strategy="deita", options=(("similarity", 0.7),))).ids == ["row 0", "row 2"]


@pytest.mark.parametrize(
    ("count", "note"),
    [
        (None, "Left out as too similar to a selected row: 2 rows."),
        (3, "Left out as too similar to a selected row: 2 rows, so fewer are selected than the 3 asked for."),
    ],
)
def test_what_was_left_out_is_counted_and_has_its_reason(count, note):
    """Four eligible rows of two kinds: two are chosen, two are duplicates, and a sentence says so."""
    rows = pool([5.0, 4.0, 3.0, 3.0, 1.0], vectors=[(1, 0), (1, 0.1), (0, 1), (0.1, 1), (1, 1)])
    chosen = rows.choose(choosing(strategy="deita", min_score=2.0, count=count))
    assert len(chosen) == 2
    assert sorted(chosen.reasons) == ["below threshold", "chosen", "chosen", "duplicate", "duplicate"]
    assert chosen.notes == (note,)


def test_a_tie_at_the_cut_is_counted():
    """Of four rows with one score two get in: the selection says two of four."""
    ties = pool([5.0, 4.0, 4.0, 4.0, 4.0]).choose(choosing(strategy="deita", count=3)).ties
    assert (ties.score, ties.chosen, ties.tied) == (4.0, 2, 4)


def test_it_can_be_stopped_between_any_two_blocks(monkeypatch):
    """``check`` is asked once a block."""
    asked = []
    monkeypatch.setattr(deita, "BLOCK", 10)
    vectors = np.eye(90, dtype=np.float32)
    distinct(vectors, np.arange(90), 0.9, limit=50, check=lambda: asked.append(1))
    assert len(asked) == 5


# Two judges.


def _grades(scores):
    """As they are where all are above 0; else mapped to 1 to 6, from the lowest to the highest."""
    seen = [float(np.float32(score)) for score in scores if score is not NO_SCORE]
    low, high = min(seen), max(seen)
    if low > 0:
        return [None if s is NO_SCORE else float(np.float32(s)) for s in scores]
    span = max(high - low, np.finfo(float).tiny)
    return [None if s is NO_SCORE else 1 + 5 * (float(np.float32(s)) - low) / span for s in scores]


def _products(rows):
    return [
        NO_SCORE if one is NO_SCORE or other is NO_SCORE else one * other
        for one, other in zip(_grades(rows.scores), _grades(rows.others[0]), strict=True)
    ]


def _with_second(rows, second):
    """The rows that only one of the judges scored are unscored to the oracle."""
    rows = replace(rows, others=[second])
    both = zip(rows.scores, second, strict=True)
    return rows, replace(rows, scores=[NO_SCORE if NO_SCORE in pair else pair[0] for pair in both])


SECOND = [NO_SCORE, -2.0, 0.0, 0.5, 4.0]


@settings(max_examples=80, deadline=None)
@given(
    rows=pools(),
    threshold=thresholds_near(),
    second=st.lists(st.sampled_from(SECOND), min_size=20, max_size=20),
    seed=seeds(),
    count=st.integers(0, 24),
)
def test_with_a_second_judge_the_product_is_walked_as_by_hand(*, rows, threshold, second, seed, count):
    """Sorted by the product, without rows that either judge left unscored: ids, reasons and ties."""
    second = [2.0, *second[1 : len(rows)]] if rows.scores[0] is not NO_SCORE else second[: len(rows)]
    if all(score is NO_SCORE for score in second):
        second = [1.0] * len(rows)
    rows, complete = _with_second(rows, second)
    params = choosing(
        strategy="deita",
        min_score=threshold,
        seed=seed,
        count=count,
        options=(("similarity", 0.75), ("with_judge", "other 0")),
    )
    chosen, products = rows.choose(params), _products(rows)
    expected = _expected(complete, params, 0.75, products)[:count]
    assert chosen.ids == expected
    reasons = dict(zip(rows.ids, chosen.reasons, strict=True))
    assert {id_ for id_, reason in reasons.items() if reason == "unscored"} == {
        id_ for id_, product in zip(rows.ids, products, strict=True) if product is NO_SCORE
    }


def test_a_product_of_two_positive_scores_is_the_product():
    """Three times two is more than five times one; the threshold looks at the first judge alone."""
    rows = pool([5.0, 3.0, 2.0], others=[[1.0, 2.0, 9.0]])
    params = choosing(strategy="deita", options=(("with_judge", "other 0"),))
    assert rows.choose(params).ids == ["row 2", "row 1", "row 0"]
    assert rows.choose(replace(params, min_score=3.0)).ids == ["row 1", "row 0"]


def test_two_bad_scores_do_not_make_a_good_product():
    """Minus three times minus three is nine, and yet the row is the worst of all."""
    rows = pool([-3.0, 1.0, 3.0], others=[[-3.0, 1.0, 3.0]])
    params = choosing(strategy="deita", options=(("with_judge", "other 0"),))
    assert rows.choose(params).ids == ["row 2", "row 1", "row 0"]


def test_a_tie_of_products_is_counted_whatever_the_factors():
    """Two times four and four times two are one product: one of the two rows gets in."""
    rows = pool([2.0, 4.0, 5.0, 1.0], others=[[4.0, 2.0, 5.0, 1.0]])
    ties = rows.choose(choosing(strategy="deita", count=2, options=(("with_judge", "other 0"),))).ties
    assert (ties.score, ties.chosen, ties.tied) == (8.0, 1, 2)
