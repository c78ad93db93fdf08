"""What holds for every strategy, whatever it prefers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import FILLING, NAMES, NO_SCORE, choosing, pool, pools, random_pool, seeds, thresholds_near

from core.domain import Reason, SelectParams
from core.selection import strategies

quick = settings(max_examples=25, deadline=None)
every_strategy = pytest.mark.parametrize("name", NAMES)
every_filling_strategy = pytest.mark.parametrize("name", FILLING)


@every_filling_strategy
@quick
@given(rows=pools(), threshold=thresholds_near(), count=st.integers(0, 24), seed=seeds())
def test_as_many_rows_are_chosen_as_asked_for_or_as_there_are(name, rows, threshold, count, seed):
    """The size is the count, or the number of rows whose decimal score passes where that is lower."""
    chosen = rows.choose(choosing(strategy=name, min_score=threshold, count=count, seed=seed))
    passing = rows.scored_at_least(threshold)
    assert len(chosen) == len(chosen.ids) == min(count, len(passing))
    assert chosen.eligible == len(passing)


@every_filling_strategy
@quick
@given(rows=pools(), threshold=thresholds_near(), seed=seeds())
def test_without_a_count_exactly_the_rows_that_pass_are_chosen_once_each(name, rows, threshold, seed):
    """No row twice, none that is unscored or below the threshold, none forgotten."""
    chosen = rows.choose(choosing(strategy=name, min_score=threshold, seed=seed))
    assert Counter(chosen.ids) == Counter(rows.scored_at_least(threshold))


@every_strategy
@quick
@given(rows=pools(), threshold=thresholds_near(), count=st.integers(0, 24), seed=seeds())
def test_every_chosen_row_has_a_score_at_or_above_the_threshold(name, rows, threshold, count, seed):
    """The threshold is inclusive for the number that the file shows, 4.7 as well as 5."""
    chosen = rows.choose(choosing(strategy=name, min_score=threshold, count=count, seed=seed))
    written = dict(zip(rows.ids, rows.scores, strict=True))
    for id_ in chosen.ids:
        assert written[id_] is not NO_SCORE
        assert threshold is None or written[id_] >= threshold


@pytest.mark.parametrize("name", [name for name in NAMES if "scores" not in strategies()[name].needs])
@quick
@given(rows=pools(), seed=seeds())
def test_without_a_judge_every_row_may_be_chosen(name, rows, seed):
    """Scores are left out entirely: unscored rows are as good as any."""
    chosen = rows.choose(SelectParams(strategy=name, seed=seed))
    assert sorted(chosen.ids) == sorted(rows.ids)
    assert set(chosen.reasons) == {"chosen"}


@every_strategy
@quick
@given(rows=pools(), threshold=thresholds_near(), seed=seeds(), data=st.data())
def test_a_longer_order_only_adds_to_the_end(name, rows, threshold, seed, data):
    """The first rows of an order do not depend on how many are asked for."""
    params = choosing(strategy=name, min_score=threshold, seed=seed)
    short = data.draw(st.integers(0, len(rows)))
    whole = rows.order(params).tolist()
    part = rows.order(params, short).tolist()
    assert len(part) >= min(short, len(whole))
    assert part == whole[: len(part)]


@every_strategy
@quick
@given(rows=pools(), threshold=thresholds_near(), count=st.integers(0, 20), seed=seeds())
def test_one_row_more_leaves_the_others_in(name, rows, threshold, count, seed):
    """Selections are nested: a higher count keeps every row and its place."""
    params = choosing(strategy=name, min_score=threshold, count=count, seed=seed)
    fewer = rows.choose(params).ids
    more = rows.choose(choosing(strategy=name, min_score=threshold, count=count + 1, seed=seed)).ids
    assert more[: len(fewer)] == fewer
    assert len(more) - len(fewer) in (0, 1)


@every_filling_strategy
@quick
@given(rows=pools(), threshold=thresholds_near(), count=st.integers(0, 24), seed=seeds())
def test_each_row_has_the_one_reason_that_its_score_and_the_ids_give(name, rows, threshold, count, seed):
    """Without pins a row is unscored, below the threshold, chosen or over the budget: nothing else."""
    chosen = rows.choose(choosing(strategy=name, min_score=threshold, count=count, seed=seed))
    taken = set(chosen.ids)

    def expected(id_, score):
        if score is NO_SCORE:
            return "unscored"
        if threshold is not None and score < threshold:
            return "below threshold"
        return "chosen" if id_ in taken else "over budget"

    assert chosen.reasons.to_list() == [
        expected(id_, score) for id_, score in zip(rows.ids, rows.scores, strict=True)
    ]
    assert [rows.ids[row] for row in chosen.rows] == chosen.ids


@every_strategy
@quick
@given(rows=pools(), threshold=thresholds_near(), seed=seeds(), data=st.data())
def test_the_place_of_a_row_in_the_file_does_not_matter(name, rows, threshold, seed, data):
    """The same rows in another order give the same ids in the same sequence."""
    count = data.draw(st.none() | st.integers(0, 24))
    params = choosing(strategy=name, min_score=threshold, count=count, seed=seed)
    shuffled = rows.in_another_order(data.draw(st.permutations(range(len(rows)))))
    assert shuffled.choose(params).ids == rows.choose(params).ids


@every_strategy
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_the_place_of_a_row_does_not_matter_in_a_larger_pool(name, turn):
    """Two hundred clustered rows, reversed, rotated or shuffled, give the same sequence."""
    rows = random_pool(200, seed=turn)
    places = {
        1: list(range(200))[::-1],
        2: [*range(73, 200), *range(73)],
        3: np.random.default_rng(3).permutation(200).tolist(),
    }[turn]
    params = choosing(strategy=name, min_score=2.5, seed=turn)
    assert rows.in_another_order(places).choose(params).ids == rows.choose(params).ids


@every_strategy
@quick
@given(rows=pools(), count=st.integers(0, 24), seed=seeds())
def test_the_same_seed_gives_the_same_answer(name, rows, count, seed):
    """Two runs with the same parameters agree in every id and every reason."""
    params = choosing(strategy=name, count=count, seed=seed)
    first, second = rows.choose(params), rows.choose(params)
    assert first.ids == second.ids
    assert first.codes.tolist() == second.codes.tolist()


@every_strategy
def test_where_rows_are_alike_the_seed_decides(name):
    """Forty rows that no rule can tell apart: two seeds differ, and neither follows the file."""
    rows = pool([3.0] * 40, others=[[1.0] * 40])
    first, second = (rows.choose(choosing(strategy=name, count=20, seed=seed)).ids for seed in (1, 2))
    assert first != second
    assert set(first) != set(second)
    assert rows.ids[:20] not in (first, second)


@every_filling_strategy
@pytest.mark.parametrize("count", [0, 1, 12, 13, None])
def test_rows_with_one_score_one_vector_and_one_cluster_are_all_there(name, count):
    """Where everything is equal the count alone decides, and every row is somewhere in the order."""
    rows = pool([4.0] * 12, others=[[NO_SCORE] * 12], vectors=[(0.6, 0.8)] * 12)
    chosen = rows.choose(choosing(strategy=name, count=count))
    assert len(set(chosen.ids)) == len(chosen) == (12 if count is None else min(count, 12))
    assert Counter(chosen.codes.tolist())[Reason.OVER_BUDGET] == 12 - len(chosen)


@every_strategy
def test_a_single_row_is_chosen(name):
    """A dataset of one row works, although nothing is near it."""
    assert pool([2.0]).choose(choosing(strategy=name, count=5)).ids == ["row 0"]


@every_strategy
def test_nothing_eligible_gives_an_empty_selection_with_reasons(name):
    """A threshold above every score chooses no row and says so for each."""
    chosen = pool([2.0, NO_SCORE, 3.0]).choose(choosing(strategy=name, count=2, min_score=4.0))
    assert chosen.ids == []
    assert chosen.reasons.to_list() == ["below threshold", "unscored", "below threshold"]


@every_strategy
def test_missing_scores_of_other_judges_exclude_nobody(name):
    """A row that only another judge left unscored is still eligible."""
    rows = pool([5.0, 4.0, 3.0], others=[[NO_SCORE] * 3, [NO_SCORE, 1.0, NO_SCORE]])
    assert len(rows.choose(choosing(strategy=name, count=3))) == 3


@every_strategy
@quick
@given(rows=pools(), threshold=thresholds_near(), seed=seeds())
def test_nothing_that_goes_in_is_changed(name, rows, threshold, seed):
    """A strategy reads its candidates; vectors, scores and the graph are as before."""
    candidates = rows.candidates(choosing(strategy=name, min_score=threshold, seed=seed))
    arrays = [
        candidates.eligible,
        candidates.draw,
        candidates.scores,
        candidates.vectors,
        candidates.labels,
        *candidates.others,
        *candidates.neighbours,
    ]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    chosen = strategies()[name]
    chosen.rule(candidates, chosen.settings(SelectParams()), limit=5, check=lambda: None)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@every_strategy
def test_a_long_order_can_be_stopped(name):
    """``check`` is asked while a slow strategy runs, and what it raises comes out."""

    def stop():
        raise InterruptedError

    chosen = strategies()[name]
    candidates = random_pool(200, seed=1).candidates(choosing(strategy=name))
    if chosen.slow:
        with pytest.raises(InterruptedError):
            chosen.rule(candidates, chosen.settings(SelectParams()), limit=50, check=stop)
    else:
        assert len(chosen.rule(candidates, chosen.settings(SelectParams()), limit=50, check=stop)) >= 50
