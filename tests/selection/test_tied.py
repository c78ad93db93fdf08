"""What every strategy says of ties: how many of the chosen, out of how many, and by which rule."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import NAMES, NO_SCORE, choosing, pinning, pool, pools, random_pool, seeds, thresholds_near

from core.domain import Reason, SelectParams, Ties
from core.draws import draws, id_keys
from core.selection import strategy, tied
from core.selection.repaired import repaired

NONE = Ties(None, 0, 0, "")


def _vector(rows, i):
    return tuple(rows.vectors[i].tolist())


def _repaired(rows, params):
    draw = draws(id_keys(rows.ids), params.seed)
    scores = np.array([np.nan if score is NO_SCORE else score for score in rows.scores], dtype=np.float32)
    return repaired(scores, rows.neighbours, draw, voters=10, confidence=0.5).tolist()


# What two rows have in common when the strategy itself does not prefer one, in words of its own.
ALIKE = {
    "cluster-quota": lambda rows, i: (rows.labels[i], rows.scores[i]),
    "deita": lambda rows, i: rows.scores[i],
    "facility": lambda rows, i: (_vector(rows, i), rows.scores[i]),
    "k-center": _vector,
    "longest": lambda rows, i: rows.response_chars[i],
    "random": lambda rows, i: "eligible",
    "stratified": lambda rows, i: rows.labels[i],
    "threshold": lambda rows, i: "eligible",
    "top-score": lambda rows, i: rows.scores[i],
}


def _by_hand(rows, params, chosen):
    """(chosen, tied): rows alike of which some are in and some would come with a higher count."""
    if params.strategy == "repaired":
        mended = _repaired(rows, params)
        alike = lambda i: mended[i]  # noqa: E731
    else:
        alike = lambda i: ALIKE[params.strategy](rows, i)  # noqa: E731
    words = chosen.reasons.to_list()
    inside = Counter(alike(i) for i, word in enumerate(words) if word == "chosen")
    outside = Counter(alike(i) for i, word in enumerate(words) if word == "over budget")
    split = inside.keys() & outside.keys()
    return sum(inside[key] for key in split), sum(inside[key] + outside[key] for key in split)


def test_every_strategy_says_what_is_tied_and_what_decides():
    """The key, the rule and the sentence are there, and no strategy is missing from the tests below."""
    assert sorted([*ALIKE, "repaired"]) == NAMES
    for name in NAMES:
        tie = strategy(name).tie
        assert tie is not None
        assert "{chosen}" in tie.said
        assert "{tied}" in tie.said
        assert tie.rule


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(rows=pools(), threshold=thresholds_near(), count=st.integers(0, 22), seed=seeds(), data=st.data())
def test_ties_are_counted_as_by_hand(*, name, rows, threshold, count, seed, data):
    """In pools full of ties, with pins: rows alike that are on both sides of the cut, counted one by one."""
    pinned = data.draw(st.lists(st.sampled_from(rows.ids), max_size=2, unique=True))
    pins = pinning(include=pinned[:1], exclude=pinned[1:])
    params = choosing(strategy=name, min_score=threshold, count=count, seed=seed, pins=pins)
    chosen = rows.choose(params)
    assert (chosen.ties.chosen, chosen.ties.tied) == _by_hand(rows, params, chosen)
    assert (chosen.ties.tied == 0) == (chosen.ties == NONE)
    places = data.draw(st.permutations(range(len(rows))))
    assert rows.in_another_order(places).choose(params).ties == chosen.ties


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 20, 60, 120])
def test_ties_of_two_hundred_rows_are_counted_as_by_hand(name, count):
    """Clustered rows, half-step grades, thirty of them repeated."""
    rows = random_pool(200, seed=count)
    rows.vectors[30:60] = rows.vectors[:30]
    params = choosing(strategy=name, min_score=2.0, count=count, seed=1)
    chosen = rows.choose(params)
    assert (chosen.ties.chosen, chosen.ties.tied) == _by_hand(rows, params, chosen)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [0, 6, None])
def test_a_cut_through_nothing_is_no_tie(name, count):
    """Of rows that are all equal none or all are in: nothing was decided."""
    assert pool([4.0] * 6).choose(choosing(strategy=name, count=count)).ties == NONE


@pytest.mark.parametrize("name", [name for name in NAMES if name != "deita"])
def test_where_all_rows_are_equal_the_cut_is_a_tie(name):
    """Six rows with one score, one vector, one cluster and one length: two of six."""
    rows = pool([4.0] * 6, vectors=[(0.6, 0.8)] * 6)
    ties = rows.choose(choosing(strategy=name, count=2)).ties
    assert (ties.chosen, ties.tied) == (2, 6)
    assert "hash of the seed and the id" in ties.rule


SENTENCES = {
    "cluster-quota": "2 of the selected rows came out of ties of 6 with the same score in their cluster.",
    "facility": "2 of the selected rows have the same vector as rows that are not selected, and the same score if "
    "there is a judge: 6 in all.",
    "k-center": "2 of the selected rows have the same vector as rows that are not selected: 6 in all.",
    "longest": "2 of the selected rows came out of a tie of 6 at 1,200 characters.",
    "random": "Selected rows are a draw: 2 out of 6 eligible rows.",
    "repaired": "2 of the selected rows came out of a tie of 6 at 4.5 after repair.",
    "stratified": "Selected rows are a draw inside their clusters: 2 out of 6.",
    "threshold": "2 of the selected rows came out of a tie of 6: every eligible row is equal here.",
    "top-score": "2 of the selected rows came out of a tie of 6 at 4.5.",
}


@pytest.mark.parametrize(("name", "sentence"), SENTENCES.items())
def test_the_sentence_names_what_is_equal(name, sentence):
    """In plain words, with the number at which the cut falls where there is one."""
    rows = pool([4.5] * 6, vectors=[(0.6, 0.8)] * 6, response_chars=[1200] * 6)
    assert rows.choose(choosing(strategy=name, count=2)).ties.said == sentence


def test_a_tie_in_two_clusters_has_no_score_of_its_own():
    """Both clusters are cut through rows of one score: the counts are summed, and no score is named."""
    rows = pool([4.0] * 4 + [3.0] * 4, labels=[0] * 4 + [1] * 4)
    ties = rows.choose(choosing(strategy="cluster-quota", count=4)).ties
    assert (ties.score, ties.chosen, ties.tied) == (None, 4, 8)


def test_without_groups_nothing_is_said():
    """A strategy that does not know its ties makes no claim."""
    silent = replace(strategy("random"), tie=None)
    rows = pool([4.0] * 3)
    assert silent.levels(rows.candidates(SelectParams()), {}) is None


def test_a_move_counts_ties_in_a_moment():
    """Fifty thousand rows: the groups are made once, and a cut takes at most two thousandths of a second."""
    n = 50_000
    rng = np.random.default_rng(0)
    levels = tied.Levels(rng.integers(0, 400, n), np.arange(400))
    codes = np.where(np.arange(n) < 9000, Reason.CHOSEN, Reason.OVER_BUDGET)
    tie = strategy("cluster-quota").tie
    spent = []
    for _ in range(20):
        start = time.process_time()
        ties = tie.at_the_cut(levels, codes == Reason.CHOSEN, codes == Reason.OVER_BUDGET)
        spent.append(time.process_time() - start)
    assert ties.tied == n
    assert min(spent) < 0.002
