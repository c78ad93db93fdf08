"""Several judges as one: percentiles by counting, rules row by row, and a length that has no say left."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from scipy import stats

from core.aggregates import RULES, aggregated, length_free, percentiles, spread, title_of

NAN = np.nan


def _judges(seed, count=3):
    drawn = np.random.default_rng(seed)
    rows = int(drawn.integers(1, 40))
    judges = [drawn.integers(0, 5, rows).astype(np.float32) * 10**place for place in range(count)]
    for scores in judges:
        scores[drawn.random(rows) < 0.25] = NAN
    return judges


def _percentile(scores, row):
    """Rows below and half of those that are equal, in percent."""
    known = [score for score in scores if not np.isnan(score)]
    below, equal = sum(each < scores[row] for each in known), sum(each == scores[row] for each in known)
    return 100 * (below + equal / 2) / len(known)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("rule", ["median", "mean", "minimum"])
def test_a_rule_is_applied_row_by_row_to_percentiles(rule, seed):
    """Scored where two judges speak, whatever their scales; else unscored."""
    judges = _judges(seed)
    by_hand = {"median": statistics.median, "mean": statistics.mean, "minimum": min}[rule]
    found = aggregated(rule, judges)
    for row in range(len(found)):
        said = [_percentile(scores, row) for scores in judges if scores[row] == scores[row]]
        if len(said) < 2:
            assert np.isnan(found[row])
        else:
            assert found[row] == pytest.approx(by_hand(said), abs=6e-4)


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_rows_and_of_judges_has_no_part(seed):
    """Every rule gives the same scores to the same rows."""
    judges = _judges(seed)
    lengths = np.random.default_rng(seed).integers(1, 9, len(judges[0]))
    rows = np.random.default_rng(seed).permutation(len(judges[0]))
    for rule in set(RULES) - {"repaired"}:
        found = aggregated(rule, judges, lengths=lengths)
        again = aggregated(rule, [scores[rows] for scores in judges[::-1]], lengths=lengths[rows])
        assert again == pytest.approx(found[rows], nan_ok=True)


def test_what_is_free_of_length_goes_no_more_with_length():
    """A judge that likes length does before and does not after; quality stays seen."""
    drawn = np.random.default_rng(0)
    lengths, quality = drawn.integers(1, 5000, 4000), drawn.normal(size=4000)
    scores = (stats.rankdata(lengths) / 1000 + quality).round(1).astype(np.float32)
    scores[:100] = NAN
    found = length_free(scores, lengths)
    known = ~np.isnan(scores)
    assert np.array_equal(np.isnan(found), ~known)
    assert stats.spearmanr(scores[known], lengths[known]).statistic > 0.6
    assert abs(stats.spearmanr(found[known], lengths[known]).statistic) < 0.05
    assert stats.spearmanr(found[known], quality[known]).statistic > 0.8


def test_lengths_that_are_all_equal_change_nothing():
    """Then there is nothing to take off."""
    scores = np.array([1, 5, 3, NAN, 3], np.float32)
    assert length_free(scores, np.full(5, 7)) == pytest.approx(percentiles(scores), nan_ok=True)


def test_repairing_is_asked_for_each_judge_and_one_keeps_its_scale():
    """The median of what comes back, or the repaired scores themselves."""
    judges = [np.array([1, 2, 3], np.float32), np.array([3, 2, 1], np.float32)]

    def turned(scores):
        return scores[::-1].copy()

    assert aggregated("repaired", judges[:1], repair=turned).tolist() == [3, 2, 1]
    both = aggregated("repaired", judges, repair=turned)
    assert both == pytest.approx(aggregated("median", [turned(each) for each in judges]))


def test_no_scores_give_no_scores():
    """Nothing is invented for rows or judges without any."""
    empty = np.full(4, NAN, np.float32)
    for rule in set(RULES) - {"repaired"}:
        assert np.isnan(aggregated(rule, [empty, empty], lengths=np.arange(4))).all()
    assert np.isnan(spread([empty, empty])).all()
    assert len(percentiles(np.empty(0, np.float32))) == 0


def test_the_spread_is_between_the_highest_and_the_lowest_percentile():
    """In percentage points; one judge alone is not spread."""
    one, other = np.array([1, 2, NAN], np.float32), np.array([20, 10, 30], np.float32)
    assert spread([one, other])[:2] == pytest.approx([25, 75 - 100 / 6])
    assert np.isnan(spread([one, other])[2])


def test_titles_name_the_rule_and_what_is_joined():
    """One judge by its name, several by their number."""
    assert title_of("median", ["a", "b", "c"]) == "median of 3 judges"
    assert title_of("length-free", ["a"]) == "a, free of length"
    assert title_of("repaired", ["a"]) == "a, repaired"
