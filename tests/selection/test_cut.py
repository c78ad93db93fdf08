"""Pins, reasons, notes, ties and thresholds: what a cut says about the slice it takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import NAMES, NO_SCORE, choosing, judge, pinning, pool, pools, random_pool, seeds, thresholds_near

from core.domain import SelectParams, Ties
from core.selection import cut, eligible, thresholds
from core.wording import all_are, counted

quick = settings(max_examples=25, deadline=None)
every_strategy = pytest.mark.parametrize("name", NAMES)


@st.composite
def pinned_pools(draw):
    """A pool, and some of its ids pinned in, some out, some perhaps both ways."""
    rows = draw(pools(min_rows=2))
    ids = st.sets(st.sampled_from(rows.ids), max_size=6)
    return rows, pinning(draw(ids), draw(ids))


# Eligible.


@pytest.mark.parametrize("written", [0.1, 0.3, 0.7, 1.1, 2.3, 3.3, 4.35, 4.7, 4.9, 9.99])
def test_a_score_equal_to_the_threshold_passes_whatever_float32_makes_of_it(written):
    """A row scored 4.7 is in at a threshold of 4.7, and out at the next hundredth."""
    scores = judge([written, written - 0.01, written + 0.01])
    assert eligible(3, scores, written).tolist() == [True, False, True]
    assert eligible(3, scores, round(written + 0.01, 2)).tolist() == [False, False, True]


def test_no_threshold_lets_every_scored_row_in_and_no_judge_lets_all_in():
    """Without a threshold only the unscored are out; zero is a score like any other."""
    scores = judge([0.0, NO_SCORE, -1.0])
    assert eligible(3, scores, None).tolist() == [True, False, True]
    assert eligible(3, None, None).tolist() == [True, True, True]


def test_a_threshold_beyond_every_float_lets_nothing_in():
    """1e300 is above every score, without a warning on the way."""
    assert eligible(2, judge([1.0, 5.0]), 1e300).tolist() == [False, False]
    assert eligible(2, judge([1.0, 5.0]), -1e300).tolist() == [True, True]


# Pins.


@every_strategy
@quick
@given(case=pinned_pools(), threshold=thresholds_near(), count=st.integers(0, 20), seed=seeds())
def test_included_rows_are_in_and_excluded_rows_are_out(name, case, threshold, count, seed):
    """Whatever the score, the threshold and the count; who is pinned both ways is out."""
    rows, pins = case
    chosen = rows.choose(choosing(strategy=name, min_score=threshold, count=count, seed=seed, pins=pins))
    assert pins.include - pins.exclude <= set(chosen.ids)
    assert not pins.exclude & set(chosen.ids)
    reasons = dict(zip(rows.ids, chosen.reasons, strict=True))
    assert {id_ for id_ in rows.ids if reasons[id_] == "excluded"} == set(pins.exclude)
    assert {id_ for id_ in rows.ids if reasons[id_] == "pinned"} == pins.include - pins.exclude


@every_strategy
@quick
@given(case=pinned_pools(), threshold=thresholds_near(), count=st.integers(0, 20), seed=seeds())
def test_pins_fill_the_count_and_the_order_fills_the_rest(name, case, threshold, count, seed):
    """Pinned rows count towards N; more of them than N are all in; the others follow as without pins."""
    rows, pins = case
    params = choosing(strategy=name, min_score=threshold, seed=seed)
    pinned = pins.include - pins.exclude
    others = [id_ for id_ in rows.choose(params).ids if id_ not in pins.include | pins.exclude]
    chosen = rows.choose(replace(params, count=count, pins=pins))
    assert set(chosen.ids[: len(pinned)]) == pinned
    assert chosen.ids[len(pinned) :] == others[: max(count - len(pinned), 0)]
    assert chosen.eligible == len(rows.scored_at_least(threshold) - pins.exclude)


@every_strategy
def test_excluding_a_row_lets_the_next_one_in_and_moves_nobody(name):
    """The others keep their sequence: the selection shifts up by the one row that left."""
    rows = random_pool(60, seed=4)
    free = rows.choose(choosing(strategy=name, count=21)).ids
    held = rows.choose(choosing(strategy=name, count=20, pins=pinning(exclude=[free[7]])))
    assert held.ids == free[:7] + free[8:]


@every_strategy
@quick
@given(case=pinned_pools(), threshold=thresholds_near(), count=st.integers(0, 20), data=st.data())
def test_pinned_selections_do_not_depend_on_the_place_in_the_file(name, case, threshold, count, data):
    """The same pins on the same rows in another order give the same sequence."""
    rows, pins = case
    params = choosing(strategy=name, min_score=threshold, count=count, pins=pins)
    shuffled = rows.in_another_order(data.draw(st.permutations(range(len(rows)))))
    assert shuffled.choose(params).ids == rows.choose(params).ids


@every_strategy
@quick
@given(case=pinned_pools(), threshold=thresholds_near(), count=st.integers(0, 20))
def test_the_reasons_of_pinned_selections_add_up_to_the_pool(name, case, threshold, count):
    """Chosen and pinned rows are the ids; every other row has another reason."""
    rows, pins = case
    chosen = rows.choose(choosing(strategy=name, min_score=threshold, count=count, pins=pins))
    inside = chosen.reasons.is_in(["chosen", "pinned"])
    assert len(chosen.reasons) == len(rows)
    assert {rows.ids[i] for i in np.flatnonzero(inside.to_numpy())} == set(chosen.ids)
    assert len(chosen.ids) == inside.sum()


# Reasons.


def test_an_order_of_exactly_the_count_calls_nobody_a_duplicate():
    """A slow strategy stops at N: the eligible rows it did not look at are over the budget."""
    rows = random_pool(50, seed=5)
    params = choosing(strategy="k-center", count=10)
    chosen = cut(params, ids=pl.Series(rows.ids), order=rows.order(params, 10)[:10], judge=rows.judge)
    assert "duplicate" not in set(chosen.reasons)
    assert (chosen.reasons == "over budget").sum() == chosen.eligible - 10


@pytest.mark.parametrize("count", [4, None])
def test_rows_that_a_complete_order_leaves_out_are_duplicates(count):
    """A strategy that skips repeats ends early; what it skipped is not over any budget."""
    rows = pool([3.0] * 5)
    chosen = cut(
        SelectParams(judge="judge", strategy="random", count=count),
        ids=pl.Series(rows.ids),
        order=np.array([4, 0, 2]),
        judge=rows.judge,
    )
    assert chosen.reasons.to_list() == ["chosen", "duplicate", "chosen", "duplicate", "chosen"]


def test_what_a_selection_holds_cannot_be_written_to():
    """Selections are shared between sessions; with pins and without, their arrays are read-only."""
    rows = random_pool(20, seed=6)
    for pins in (pinning(), pinning(include=["row 3"])):
        chosen = rows.choose(choosing(strategy="random", count=5, pins=pins))
        assert not chosen.rows.flags.writeable
        assert not chosen.codes.flags.writeable


# Notes.


def test_nothing_to_say_gives_no_note():
    """A count that is met, with every row scored, needs no words."""
    assert pool([3.0, 4.0, 5.0]).choose(choosing(strategy="random", count=2)).notes == ()


def test_a_count_above_the_eligible_rows_is_said():
    """All three are in although five were asked for, with both numbers."""
    (note,) = pool([3.0, 4.0, 5.0, 1.0]).choose(choosing(strategy="random", count=5, min_score=2.0)).notes
    assert note == "All 3 eligible rows are selected: fewer than the 5 asked for."


def test_a_threshold_above_every_score_is_said_with_the_highest_score():
    """The note names the threshold and the highest score as they are written, not as float32."""
    (note,) = pool([3.3, 4.7]).choose(choosing(strategy="random", count=5, min_score=4.75)).notes
    assert note == "No rows at \N{GREATER-THAN OR EQUAL TO} 4.75; the highest score is 4.7."


def test_a_threshold_at_the_highest_score_is_not_above_it():
    """4.7 in float32 is a little lower than 4.7, and still no row is missing."""
    chosen = pool([3.3, 4.7]).choose(choosing(strategy="random", min_score=4.7))
    assert chosen.ids == ["row 1"]
    assert chosen.notes == ()


def test_unscored_rows_are_counted_in_a_note():
    """How many, and by whom they were not scored."""
    (note,) = pool([3.0, NO_SCORE, NO_SCORE]).choose(choosing(strategy="random")).notes
    assert note == "Without a score by judge, and so left out: 2 rows."


def test_an_unscored_row_that_is_pinned_is_not_said_to_be_left_out():
    """Of three unscored rows one is pinned in and one pinned out: one is left out for its missing score."""
    pins = pinning(include=["row 1"], exclude=["row 2"])
    chosen = pool([3.0, NO_SCORE, NO_SCORE, NO_SCORE]).choose(choosing(strategy="random", pins=pins))
    assert "row 1" in chosen.ids
    assert [note for note in chosen.notes if "Without a score" in note] == [
        "Without a score by judge, and so left out: 1 row."
    ]


def test_pinned_rows_that_are_not_eligible_are_counted_in_a_note():
    """One is unscored, one below the threshold, one would have passed: two are beyond it."""
    pins = pinning(include=["row 0", "row 1", "row 2"])
    chosen = pool([NO_SCORE, 1.0, 5.0, 4.0]).choose(
        choosing(strategy="random", min_score=4.0, count=3, pins=pins)
    )
    assert set(chosen.ids) == pins.include
    assert chosen.notes == ("Pinned, and in without being eligible: 2 rows.",)


def test_more_pins_than_the_count_are_all_in_and_it_is_said():
    """Three pins and a count of one: three rows, and a sentence."""
    pins = pinning(include=["row 0", "row 1", "row 2"])
    chosen = pool([5.0] * 5).choose(choosing(strategy="random", count=1, pins=pins))
    assert len(chosen) == 3
    assert chosen.notes == ("All 3 pinned rows are in: more than the 1 asked for.",)


def test_pins_that_are_not_eligible_help_to_fill_the_count():
    """Two eligible rows and a pinned one beyond the threshold meet a count of three, but not of four."""
    rows = pool([5.0, 4.0, 1.0, 1.0])
    params = choosing(strategy="random", min_score=4.0, pins=pinning(include=["row 2"]))
    assert not any("fewer" in note for note in rows.choose(replace(params, count=3)).notes)
    assert any("fewer than the 4" in note for note in rows.choose(replace(params, count=4)).notes)


# Ties.


def test_a_cut_through_rows_with_one_score_is_counted():
    """Two of the three rows with 4.7 get in: the tie is named by its written score."""
    rows = pool([5.0, 4.7, 4.7, 4.7, 3.0, NO_SCORE])
    ties = rows.choose(choosing(strategy="top-score", count=3)).ties
    assert (ties.score, ties.chosen, ties.tied) == (4.7, 2, 3)
    assert ties.said == "2 of the selected rows came out of a tie of 3 at 4.7."
    assert ties.rule


@pytest.mark.parametrize("count", [0, 1, 4, 6, None])
def test_a_cut_between_scores_cuts_no_tie(count):
    """Where all rows of one score are in or out together, no tie decided."""
    rows = pool([5.0, 4.7, 4.7, 4.7, 3.0, NO_SCORE])
    assert rows.choose(choosing(strategy="top-score", count=count)).ties == Ties(None, 0, 0, "")


def test_pinned_and_excluded_rows_are_no_part_of_a_tie():
    """Of five rows with one score one is pinned and one excluded: two of the other three are drawn."""
    rows = pool([4.0] * 5)
    pins = pinning(include=["row 0"], exclude=["row 1"])
    ties = rows.choose(choosing(strategy="top-score", count=3, pins=pins)).ties
    assert (ties.score, ties.chosen, ties.tied) == (4.0, 2, 3)


@quick
@given(rows=pools(), count=st.integers(0, 20), threshold=thresholds_near())
def test_the_tie_counts_are_those_of_the_last_score_that_got_in(rows, count, threshold):
    """By hand, from the written scores: how many share the lowest chosen one, and how many of them are in."""
    chosen = rows.choose(choosing(strategy="top-score", count=count, min_score=threshold))
    written = dict(zip(rows.ids, rows.scores, strict=True))
    lowest = min((written[id_] for id_ in chosen.ids), default=None)
    alike = [id_ for id_ in rows.ids if lowest is not None and written[id_] == lowest]
    inside = [id_ for id_ in alike if id_ in chosen.ids]
    cut_apart = len(inside) < len(alike)
    assert (chosen.ties.score, chosen.ties.chosen, chosen.ties.tied) == (
        (lowest, len(inside), len(alike)) if cut_apart else (None, 0, 0)
    )


def test_a_count_below_a_threshold_draws_from_all_that_pass():
    """For the strategy ``threshold`` every eligible row is as good: two out of the four that pass."""
    ties = pool([5.0, 4.0, 4.0, 3.0, 1.0]).choose(choosing(strategy="threshold", min_score=3.0, count=2)).ties
    assert (ties.score, ties.chosen, ties.tied) == (None, 2, 4)


# Thresholds.


@quick
@given(rows=pools())
def test_the_thresholds_offered_are_the_scores_given_with_the_rows_at_or_above_each(rows):
    """Each is attainable, and its count is the number of rows that it would let through."""
    levels, counts = thresholds(rows.judge)
    written = sorted({score for score in rows.scores if score is not NO_SCORE})
    assert [float(str(level)) for level in levels] == written
    assert counts.tolist() == [len(rows.scored_at_least(score)) for score in written]


def test_a_judge_with_many_scores_offers_some_of_them_spread_over_its_rows():
    """At most the number asked for, each a score that was given, the lowest and the highest among them."""
    rng = np.random.default_rng(1)
    scores = rng.gamma(2.0, size=5000).astype(np.float32)
    levels, counts = thresholds(judge(scores.tolist()), most=50)
    assert len(levels) <= 50
    assert set(levels.tolist()) <= set(scores.tolist())
    assert (levels[0], levels[-1]) == (scores.min(), scores.max())
    assert counts.tolist() == [sum(score >= level for score in scores.tolist()) for level in levels.tolist()]
    steps = -np.diff(counts)
    assert steps.max() <= 1.5 * 5000 / 49
    assert np.all(steps > 0)


def test_every_threshold_offered_lets_through_the_count_beside_it():
    """Setting it as the lowest score gives that many eligible rows."""
    rows = random_pool(100, seed=7)
    for level, count in zip(*thresholds(rows.judge), strict=True):
        assert rows.choose(choosing(strategy="random", min_score=float(level))).eligible == count


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(0, "No eligible row is"), (1, "The one eligible row is"), (2000, "All 2,000 eligible rows are")],
)
def test_sentences_agree_with_their_number(number, sentence):
    """Nobody reads of "1 rows"."""
    assert all_are(number, "eligible row") == sentence
    assert [counted(each, "row") for each in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
