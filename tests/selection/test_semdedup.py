"""Near copies that are left out before a strategy chooses, against a comparison of all pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from by_hand import sorted_by_hand
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import NAMES, choosing, pinning, pool, pools, random_pool, seeds, thresholds_near, unit

from core.domain import SelectParams
from core.draws import draws, id_keys
from core.errors import ParameterError
from core.selection import Pinned, checked_distance, cut, near_copies, semdedup, strategy, with_pins
from core.selection.semdedup import copies_in

quick = settings(max_examples=60, deadline=None)
DISTANCES = [0.05, 0.25, 0.28, 0.3, 0.5]  # 0.2929 lies between the directions of the small pools


def _found(rows, params, distance):
    """The mask for all scored rows, as the project asks for it."""
    given = rows.candidates(replace(params, min_score=None))
    return near_copies(given if params.judge else replace(given, others=()), distance)


def _by_hand(rows, sequence, distance):
    """The ids with an earlier one of their cluster that is nearer than the distance, pair by pair."""
    wide, at = rows.vectors.astype(float), {each: place for place, each in enumerate(rows.ids)}
    out = set()
    for place, each in enumerate(sequence):
        for earlier in sequence[:place]:
            i, j = at[each], at[earlier]
            if rows.labels[i] == rows.labels[j] != -1 and float((wide[i] * wide[j]).sum()) > 1.0 - distance:
                out.add(each)
    return out


def _ids(rows, mask):
    return {rows.ids[row] for row in np.flatnonzero(mask)}


@quick
@given(rows=pools(), threshold=thresholds_near(), distance=st.sampled_from(DISTANCES), seed=seeds())
def test_at_every_threshold_those_are_out_that_a_comparison_of_all_pairs_finds(
    rows, threshold, distance, seed
):
    """The sequence is that of the eligible rows alone, and the answer for all scored rows agrees with it."""
    params = choosing(min_score=threshold, seed=seed)
    expected = _by_hand(rows, sorted_by_hand(rows, params, rows.scores), distance)
    found = _ids(rows, _found(rows, params, distance))
    assert found & rows.scored_at_least(threshold) == expected
    assert found <= rows.scored_at_least(None)


@pytest.mark.parametrize("block", [7, 256])
@pytest.mark.parametrize("clusters", [1, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_two_hundred_rows_are_compared_as_by_hand(monkeypatch, block, clusters, seed):
    """With unscored rows and copies among them, in one cluster or several, whatever the size of the blocks."""
    monkeypatch.setattr(semdedup, "BLOCK", block)
    rows = random_pool(200, seed=seed, clusters=clusters)
    rows.vectors[150:] = rows.vectors[:50]
    params = choosing(seed=seed)
    for distance in (0.05, 0.2):
        expected = _by_hand(rows, sorted_by_hand(rows, params, rows.scores), distance)
        assert expected
        assert _ids(rows, _found(rows, params, distance)) == expected


@pytest.mark.parametrize("with_judge", [True, False])
def test_of_equal_vectors_one_a_cluster_stays(with_judge):
    """The one with the best score, or without a judge the first of the draw; noise stays whole."""
    rows = pool([1.0, 5.0, 3.0, 3.0, 2.0, 2.0], vectors=[(1, 0)] * 6, labels=[0, 0, 1, 1, -1, -1])
    params = choosing(seed=3) if with_judge else SelectParams(seed=3)
    drawn = draws(id_keys(rows.ids), 3)
    first = 1 if with_judge else int(np.argmin(drawn[:2]))
    second = 2 + int(np.argmin(drawn[2:4]))
    assert set(rows.ids) - _ids(rows, _found(rows, params, 0.01)) == {
        rows.ids[first], rows.ids[second], "row 4", "row 5",
    }  # fmt: skip


def test_without_a_judge_the_sequence_is_the_draw():
    """Not the scores of judges that nobody chose."""
    rows = random_pool(120, seed=2)
    drawn = draws(id_keys(rows.ids), 5)
    sequence = [rows.ids[row] for row in np.argsort(drawn)]
    assert _ids(rows, _found(rows, SelectParams(seed=5), 0.2)) == _by_hand(rows, sequence, 0.2)


@quick
@given(rows=pools(), distance=st.sampled_from(DISTANCES), seed=seeds(), data=st.data())
def test_the_place_in_the_file_does_not_count(rows, distance, seed, data):
    """The same rows in another order lose the same ids."""
    shuffled = rows.in_another_order(data.draw(st.permutations(range(len(rows)))))
    params = choosing(seed=seed)
    assert _ids(shuffled, _found(shuffled, params, distance)) == _ids(rows, _found(rows, params, distance))


def test_a_row_that_was_left_out_counts_against_later_ones():
    """As in the paper: of a chain in which each is near the one before, the first alone stays."""
    vectors = unit([(1, 0), (1, 0.6), (0.4, 1)])
    similar = vectors @ vectors.T
    assert similar[0, 2] < 0.7 < min(similar[0, 1], similar[1, 2])
    assert copies_in(vectors, np.zeros(3, np.int32), np.arange(3), 0.3).tolist() == [False, True, True]


def test_a_row_at_the_distance_stays_and_one_below_it_goes():
    """To the last digit of double precision, where single precision cannot tell."""
    rng = np.random.default_rng(4)
    vectors, labels = unit(1 + 0.3 * rng.normal(size=(2, 384))), np.zeros(2, np.int32)
    exact = float(np.vecdot(vectors[0].astype(float), vectors[1].astype(float)))
    distance = 1.0 - exact
    assert copies_in(vectors, labels, np.arange(2), distance).tolist() == [False, exact > 1.0 - distance]
    assert copies_in(vectors, labels, np.arange(2), distance + 1e-12).tolist() == [False, True]
    assert copies_in(vectors, labels, np.arange(2), distance - 1e-12).tolist() == [False, False]


def test_no_rows_and_one_row_have_no_copies():
    """Nothing to compare is no error."""
    for count in (0, 1):
        vectors = np.eye(count, 2, dtype=np.float32)
        assert not copies_in(vectors, np.zeros(count, np.int32), np.arange(count), 0.5).any()


def _choose(rows, params):
    """A selection of the rows that are left, as the project makes it."""
    out = _found(rows, params, params.dedup_distance)
    pins = Pinned(rows.positions(params.pins.include), rows.positions(params.pins.exclude))
    given, chosen = rows.candidates(params), strategy(params.strategy)
    order = chosen.rule(
        replace(given, eligible=given.eligible & ~out), chosen.settings(params), limit=len(rows), check=lambda: None
    )  # fmt: skip
    order = with_pins(order, len(rows), pins, given.draw)
    ids = pl.Series(rows.ids, dtype=pl.String)
    return cut(params, ids=ids, order=order, judge=rows.judge, pins=pins, near_copies=out), _ids(rows, out)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(rows=pools(min_rows=2), threshold=thresholds_near(), data=st.data())
def test_with_every_strategy_no_near_copy_is_chosen_unless_it_is_pinned(name, rows, threshold, data):
    """Chosen rows are none of those left out, which have their reason; a pin wins; the notes count them."""
    ids = st.sets(st.sampled_from(rows.ids), max_size=4)
    pins = pinning(data.draw(ids), data.draw(ids))
    params = choosing(strategy=name, min_score=threshold, dedup_distance=0.3, pins=pins)
    chosen, out = _choose(rows, params)
    pinned = pins.include - pins.exclude
    assert set(chosen.ids) & out <= pinned <= set(chosen.ids)
    counted = (out & rows.scored_at_least(threshold)) - pins.include - pins.exclude
    reasons = dict(zip(rows.ids, chosen.reasons, strict=True))
    assert {each for each in counted if reasons[each] == "duplicate"} == counted
    said = f"row of their cluster: {len(counted)} row{'' if len(counted) == 1 else 's'}."
    assert any(
        note.startswith("Left out as nearer than 0.3 to a better") and note.endswith(said)
        for note in chosen.notes
    )
    if name != "deita":
        assert chosen.reachable == len(chosen)


def test_fewer_than_asked_for_is_said_without_the_copies():
    """Three of four rows are copies of one another: two are left, and nobody is said to be chosen who is not."""
    rows = pool([5.0, 4.0, 3.0, 2.0], vectors=[(1, 0), (1, 0), (1, 0), (0, 1)])
    chosen, _ = _choose(rows, choosing(strategy="top-score", count=3, dedup_distance=0.1))
    assert chosen.notes == (
        "Left out as nearer than 0.1 to a better row of their cluster: 2 rows.",
        "All 2 other eligible rows are selected: fewer than the 3 asked for.",
    )


@pytest.mark.parametrize("distance", [0, -0.1, 0.51, float("nan"), float("inf")])
def test_what_is_no_distance_is_refused(distance):
    """With its range and its direction."""
    with pytest.raises(ParameterError, match="The distance of near copies is") as caught:
        checked_distance(distance)
    assert "above 0 and at most 0.5; higher leaves out more" in caught.value.hint


def test_it_can_be_stopped_between_any_two_blocks(monkeypatch):
    """``check`` is asked once a block of each cluster."""
    asked = []
    monkeypatch.setattr(semdedup, "BLOCK", 10)
    labels = np.repeat(np.arange(2, dtype=np.int32), 25)
    copies_in(np.eye(50, dtype=np.float32), labels, np.arange(50), 0.1, check=lambda: asked.append(1))
    assert len(asked) == 6
