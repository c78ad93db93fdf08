"""The tie rule: other judges, then the distance to better rows, then the draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from by_hand import sorted_by_hand
from hypothesis import given, settings
from pools import NO_SCORE, choosing, nearest, pool, pools, random_pool, seeds, thresholds_near, unit

from core.selection.ties import by_score

quick = settings(max_examples=60, deadline=None)


@quick
@given(rows=pools(), threshold=thresholds_near(), seed=seeds())
def test_top_score_sorts_by_score_and_then_by_the_tie_rule(rows, threshold, seed):
    """The same sequence as sorting tuples by hand, in pools where nearly every row is tied."""
    params = choosing(strategy="top-score", min_score=threshold, seed=seed)
    assert rows.choose(params).ids == sorted_by_hand(rows, params, rows.scores)


@quick
@given(rows=pools(), threshold=thresholds_near(), seed=seeds())
def test_threshold_treats_all_rows_that_pass_as_tied(rows, threshold, seed):
    """The judge's own score decides who passes and nothing else; the tie rule decides the rest."""
    params = choosing(strategy="threshold", min_score=threshold, seed=seed)
    assert rows.choose(params).ids == sorted_by_hand(rows, params)


@pytest.mark.parametrize("name", ["top-score", "threshold"])
@pytest.mark.parametrize("seed", [0, 1])
def test_two_hundred_rows_are_sorted_as_by_hand(name, seed):
    """Clustered rows with half-step grades by three judges, some missing, ten neighbours each."""
    rows = random_pool(200, seed=seed)
    params = choosing(strategy=name, min_score=2.0, seed=seed)
    columns = [rows.scores] if name == "top-score" else []
    assert rows.choose(params).ids == sorted_by_hand(rows, params, *columns)


def test_the_next_judge_breaks_a_tie_before_the_one_after_it():
    """Three rows with one score: the second judge parts them, the third only where that one is tied."""
    rows = pool([4.0, 4.0, 4.0], others=[[1.0, 2.0, 2.0], [9.0, 1.0, 3.0]])
    assert rows.choose(choosing(strategy="top-score")).ids == ["row 2", "row 1", "row 0"]


def test_a_row_that_another_judge_left_unscored_comes_after_those_it_scored():
    """A missing score breaks a tie to the row's loss, even against the lowest grade."""
    rows = pool([4.0, 4.0, 4.0], others=[[NO_SCORE, -5.0, 0.0]])
    assert rows.choose(choosing(strategy="top-score")).ids == ["row 2", "row 1", "row 0"]


def test_of_tied_rows_the_one_farthest_from_the_better_rows_comes_first():
    """Three rows tie below the best one: the opposite of it first, its near copy last."""
    rows = pool([3.0, 5.0, 3.0, 3.0], vectors=[(1, 0.1), (1, 0), (0, 1), (-1, 0)])
    for seed in range(8):
        chosen = rows.choose(choosing(strategy="top-score", seed=seed))
        assert chosen.ids == ["row 1", "row 3", "row 2", "row 0"]


def test_a_row_with_no_better_row_among_its_neighbours_counts_as_far():
    """The graph knows one neighbour a row; who does not see a better row is new ground."""
    vectors = [(1, 0), (1, 0.1), (-1, 0), (-1, 0.1)]
    rows = pool([5.0, 3.0, 3.0, 3.0], vectors=vectors, k=1)
    for seed in range(8):
        chosen = rows.choose(choosing(strategy="top-score", seed=seed)).ids
        assert chosen[0] == "row 0"
        assert chosen[-1] == "row 1"


def test_a_better_row_that_cannot_be_chosen_breaks_no_tie():
    """Row 0 is unscored and so never chosen: being near it is no fault, and the draw decides."""
    vectors = [(1, 0), (1, 0.1), (0, 1), (-1, 0.4)]
    rows = pool([NO_SCORE, 3.0, 3.0, 3.0], others=[[9.0, 1.0, 1.0, 1.0]], vectors=vectors)
    firsts = {rows.choose(choosing(strategy="top-score", seed=seed)).ids[0] for seed in range(40)}
    assert firsts == {"row 1", "row 2", "row 3"}


def test_without_a_graph_the_draw_follows_the_judges():
    """Neighbours may be missing: ties then go from the other judges straight to the draw."""
    rows = pool([3.0, 3.0, 4.0], vectors=unit([(1, 0), (0, 1), (1, 1)]))
    bare = replace(rows.candidates(choosing(strategy="top-score", seed=3)), neighbours=None)
    tied = sorted([0, 1], key=bare.draw.tolist().__getitem__)
    assert by_score(bare, bare.scores).tolist() == [2, *tied]


def test_equal_rows_share_a_tie_by_seed_and_not_by_place():
    """Of thirty rows that nothing parts, each is first for some seeds: no place in the file is favoured."""
    rows = pool([4.0] * 30)
    firsts = [rows.choose(choosing(strategy="top-score", seed=seed, count=1)).ids[0] for seed in range(300)]
    counts = np.array([firsts.count(id_) for id_ in rows.ids])
    assert counts.min() >= 1
    assert counts.max() <= 30


def test_neighbours_by_hand_are_the_nearest():
    """The graph that these tests rest on: fruit by direction, nearest first, itself left out."""
    graph = nearest(unit([(1, 0), (1, 0.2), (1, 1), (-1, 0)]), 2)
    assert graph.indices.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
