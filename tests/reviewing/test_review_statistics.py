"""Queues and figures of a review, against brute force and against second implementations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, rankdata, spearmanr
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import cohen_kappa_score

from core.domain import Judge
from core.draws import draws, id_keys
from core.loading.judges import judge
from core.review import (
    Sample,
    Stratum,
    beside_judge,
    calibrated,
    crossed,
    drawn_sample,
    keep_precision,
    mid_ranks,
    near_threshold,
    rising,
    shares,
    spreads,
    weights,
    widest,
    wilson,
)

GRADES = (0, 1, 2, 2.5, 3, 5)


def random_judge(drawn, n, name="j", missing=0.2) -> Judge:
    scores = drawn.choice(GRADES, size=n).astype(np.float32)
    scores[drawn.random(n) < missing] = np.nan
    scores[0] = 3
    return judge(name, scores)


def test_mid_ranks_are_those_of_a_library():
    """Equal scores share a rank, unscored rows have none."""
    drawn = np.random.default_rng(0)
    for n in (1, 2, 30):
        scores = random_judge(drawn, n).scores
        known = ~np.isnan(scores)
        found = mid_ranks(scores)
        assert np.isnan(found[~known]).all()
        np.testing.assert_allclose(found[known], (rankdata(scores[known]) - 0.5) / known.sum())


def test_the_widest_spread_comes_first_whatever_the_sequence_of_rows():
    """Brute force over pairs of judges; rows with one score or none are never shown."""
    drawn = np.random.default_rng(1)
    for _ in range(10):
        n = 40
        judges = [random_judge(drawn, n, str(each), missing=0.4) for each in range(3)]
        ids = [f"r{place}" for place in range(n)]
        ranks = [mid_ranks(each.scores) for each in judges]
        wanted = []
        for row in range(n):
            there = [rank[row] for rank in ranks if not math.isnan(rank[row])]
            wanted.append(max(there) - min(there) if len(there) > 1 else math.nan)
        found = spreads(judges, n)
        np.testing.assert_allclose(found, wanted)
        key = draws(id_keys(ids), 7)
        rows = widest(found, draw=key, size=15)
        assert len(rows) == min(15, sum(not math.isnan(each) for each in wanted))
        assert sorted(found[rows], reverse=True) == list(found[rows])
        assert found[rows].min() >= np.nanmax(np.delete(found, rows)) - 1e-12
        turned = drawn.permutation(n)
        again = widest(found[turned], draw=key[turned], size=15)
        assert [ids[turned[row]] for row in again] == [ids[row] for row in rows]
    assert np.isnan(spreads(judges[:1], n)).all()


@pytest.mark.parametrize(
    ("one", "other", "size", "wanted"),
    [(100, 100, 10, (5, 5)), (2, 100, 10, (2, 8)), (100, 2, 10, (8, 2)), (3, 3, 10, (3, 3)), (0, 9, 4, (0, 4)),
     (9, 0, 4, (4, 0)), (0, 0, 4, (0, 0)), (9, 9, 5, (3, 2)), (9, 9, 0, (0, 0))],
)  # fmt: skip
def test_two_parts_give_half_each_unless_one_has_too_few(one, other, size, wanted):
    """And together never more than there are."""
    assert shares(one, other, size) == wanted


def test_half_of_a_sample_lies_near_the_threshold_and_half_of_that_is_selected():
    """All rows are different, and the sample does not depend on the sequence of rows."""
    drawn = np.random.default_rng(2)
    n = 400
    found = judge("j", drawn.choice([1, 2, 3, 4, 5], size=n).astype(np.float32))
    near = near_threshold(found, 4.0, n)
    np.testing.assert_array_equal(near, [abs(score - 4) <= 1 for score in found.scores])
    selected = np.zeros(n, bool)
    selected[drawn.choice(np.flatnonzero(found.scores >= 2), 80, replace=False)] = True
    key = draws(id_keys([f"r{row}" for row in range(n)]), 1)
    parts = {
        (is_near, is_in): rows for is_near, is_in, rows in drawn_sample(near, selected, draw=key, size=40)
    }
    assert {part: len(rows) for part, rows in parts.items()} == dict.fromkeys(parts, 10)
    every = np.concatenate(list(parts.values()))
    assert len(set(every)) == 40
    for (is_near, is_in), rows in parts.items():
        assert (near[rows] == is_near).all() and (selected[rows] == is_in).all()
    turned = drawn.permutation(n)
    again = drawn_sample(near[turned], selected[turned], draw=key[turned], size=40)
    assert {int(turned[row]) for *_, rows in again for row in rows} == set(map(int, every))


@pytest.mark.parametrize(("nearby", "chosen", "size"), [(0, 0, 10), (20, 20, 10), (20, 0, 50), (3, 20, 8)])
def test_a_sample_of_a_pool_without_a_part_is_filled_from_the_others(nearby, chosen, size):
    """No row near, all selected, none selected, more asked for than there are."""
    n = 20
    near, selected = np.arange(n) < nearby, np.arange(n) < chosen
    parts = drawn_sample(near, selected, draw=draws(id_keys(map(str, range(n))), 0), size=size)
    assert sum(len(rows) for *_, rows in parts) == min(size, n)


def test_unscored_rows_and_a_continuous_judge_have_a_near_as_well():
    """A tenth of the range is the step of a judge without grades; without a threshold nothing is near."""
    scores = np.append(np.random.default_rng(0).random(99), np.nan).astype(np.float32)
    found = judge("j", scores)
    assert found.step is None
    near = near_threshold(found, 0.5, 100)
    np.testing.assert_array_equal(near[:-1], abs(scores[:-1] - 0.5) <= (found.high - found.low) / 10)
    assert not near[-1]
    assert not near_threshold(found, None, 100).any()


def test_wilsons_interval_is_that_of_a_library():
    """Also at the ends, where others have no width."""
    for n in (1, 5, 40, 1000):
        for hits in {0, 1, n // 2, n}:
            wanted = binomtest(hits, n).proportion_ci(0.95, method="wilson")
            np.testing.assert_allclose(wilson(hits / n, n), (wanted.low, wanted.high), atol=1e-6)
    assert all(map(math.isnan, wilson(0.5, 0)))


def sample_of(*strata) -> Sample:
    return Sample("j", 4.0, 1.0, 0, "", tuple(Stratum(*each) for each in strata))


def test_precision_weighs_each_part_by_how_much_of_the_selection_it_is():
    """Nine tenths of the selection lie far from the threshold, where all are kept: not half."""
    sample = sample_of(
        (True, True, 100, ("a", "b", "c", "d")), (False, True, 900, ("e", "f", "g", "h")),
        (True, False, 50, ("x", "y")),
    )  # fmt: skip
    keeps = {"a": 1, "b": 0, "c": 0, "d": 0, "e": 1, "f": 1, "g": 1, "h": 1, "x": 0, "y": 0}
    found = keep_precision(sample, keeps, frozenset("abcdefgh"))
    assert found.share == pytest.approx(0.1 * 0.25 + 0.9 * 1)
    assert found.effective == pytest.approx(1 / (0.1**2 / 4 + 0.9**2 / 4))
    assert (found.low, found.high) == wilson(found.share, found.effective)
    assert (found.rated, found.covered) == (8, 1)
    half = keep_precision(sample, {"a": 1, "b": 0}, frozenset("abcdefgh"))
    assert (half.share, half.covered) == (0.5, pytest.approx(0.1))
    none = keep_precision(sample, {"x": 1}, frozenset("abcdefgh"))
    assert math.isnan(none.share) and none.rated == 0
    assert weights(sample, ["a", "b", "x"]) == {"a": 50, "b": 50, "x": 50}


def test_one_part_gives_plain_wilson():
    """As binomtest has it for the same counts."""
    ids = tuple("abcdefghij")
    keeps = dict(zip(ids, (1, 1, 1, 1, 1, 1, 1, 0, 0, 0), strict=True))
    found = keep_precision(sample_of((False, True, 500, ids)), keeps, frozenset(ids))
    wanted = binomtest(7, 10).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(
        (found.share, found.low, found.high), (0.7, wanted.low, wanted.high), atol=1e-6
    )


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    """Nineteen times of twenty over drawn samples of a pool whose kept rows are known."""
    drawn = np.random.default_rng(5)
    n, held = 2000, 0
    near = np.arange(n) < 600
    selected = drawn.random(n) < np.where(near, 0.5, 0.2)
    kept = drawn.random(n) < np.where(near, 0.6, 0.9)
    truth = kept[selected].mean()
    for seed in range(400):
        key = drawn.permutation(n).astype(np.uint64)
        strata = [
            (a, b, int(((near == a) & (selected == b)).sum()), tuple(map(str, rows)))
            for a, b, rows in drawn_sample(near, selected, draw=key, size=120)
        ]
        sample = sample_of(*strata)
        keeps = {each: float(kept[int(each)]) for each in sample.ids}
        found = keep_precision(sample, keeps, frozenset(map(str, np.flatnonzero(selected))))
        held += found.low <= truth <= found.high
        assert seed or found.rated == 60
    assert 0.92 <= held / 400 <= 0.995


def test_agreement_with_a_judge_is_spearmans():
    """Over the rows that both scored, with an interval around it."""
    drawn = np.random.default_rng(6)
    scores = random_judge(drawn, 80).scores.astype(float)
    people = np.where(drawn.random(80) < 0.3, np.nan, scores + drawn.normal(size=80))
    both = ~(np.isnan(people) | np.isnan(scores))
    found = beside_judge("j", people, scores)
    assert found.rows == both.sum()
    assert found.spearman == pytest.approx(spearmanr(people[both], scores[both]).statistic)
    assert found.low < found.spearman < found.high
    assert math.isnan(beside_judge("j", np.ones(5), np.arange(5.0)).spearman)
    assert beside_judge("j", np.full(3, np.nan), np.arange(3.0)).rows == 0


def test_the_four_ways_and_kappa_are_those_of_a_library():
    """Divided rows and unscored ones are out."""
    drawn = np.random.default_rng(7)
    scores = random_judge(drawn, 200).scores.astype(float)
    keeps = drawn.choice([0, 0.5, 1.0], size=200)
    found = crossed(keeps, scores, 2.5)
    known = [row for row in range(200) if keeps[row] != 0.5 and not math.isnan(scores[row])]
    wanted = [
        sum(keeps[r] == k and (scores[r] >= 2.5) == p for r in known) for k in (1, 0) for p in (True, False)
    ]
    assert list(found[:4]) == wanted
    kappa = cohen_kappa_score([keeps[r] == 1 for r in known], [scores[r] >= 2.5 for r in known])
    assert found.kappa == pytest.approx(kappa)
    assert math.isnan(crossed(np.ones(4), np.full(4, 5.0), 2).kappa)
    assert math.isnan(crossed(np.empty(0), np.empty(0), 2).kappa)


def test_isotonic_calibration_is_that_of_scikit_learn():
    """Weighted, with ties and unscored rows; the curve rises."""
    drawn = np.random.default_rng(8)
    for n in (1, 5, 120):
        scores = random_judge(drawn, n).scores.astype(float)
        keeps, weight = drawn.choice([0, 0.5, 1], size=n), drawn.random(n) + 0.1
        found = calibrated("j", scores, keeps, weight)
        known = ~np.isnan(scores)
        other = IsotonicRegression().fit(scores[known], keeps[known], sample_weight=weight[known])
        np.testing.assert_allclose(found.fitted, other.predict(found.levels), atol=1e-6)
        assert (np.diff(found.fitted) >= -1e-12).all()
        assert found.rows.sum() == known.sum()
    assert calibrated("j", np.full(3, np.nan), np.ones(3)) is None
    np.testing.assert_allclose(rising(np.array([3.0, 1.0]), np.array([1.0, 3.0])), [1.5, 1.5])


def test_the_threshold_is_the_lowest_score_at_which_enough_is_kept():
    """And none where people never keep that many."""
    scores = np.repeat([1.0, 2, 3, 4], 50)
    keeps = np.concatenate([np.arange(50) < kept for kept in (5, 20, 40, 45)]).astype(float)
    found = calibrated("j", scores, keeps)
    assert [found.threshold(share) for share in (0.05, 0.4, 0.8, 0.9)] == [1, 2, 3, 4]
    assert math.isnan(found.threshold(0.95))
    low, high = found.interval(0.6)
    assert (low, high) == (3, 3)
    ends = found.interval(0.89)
    assert ends[0] <= 4 and (math.isnan(ends[1]) or ends[1] >= ends[0])
    low, high = found.band()
    assert (low <= found.fitted + 1e-9).all() and (high >= found.fitted - 1e-9).all()
