"""Two judges beside each other, against scipy, scikit-learn and counting by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score, jaccard_score

from core.concordance import (
    at_thresholds,
    concordance,
    effective_judges,
    is_same_scale,
)
from core.loading.judges import judge

SEEDS = range(15)


def _pair(seed):
    """Two related judges with ties, unscored rows, and now and then one that is constant or never scores."""
    drawn = np.random.default_rng(seed)
    rows, values = int(drawn.integers(4, 70)), int(drawn.integers(1, 6))
    truth = drawn.integers(0, values + 1, rows)
    two = []
    for _ in range(2):
        scores = np.clip(truth + drawn.integers(-1, 2, rows), 0, values).astype(np.float32)
        scores[drawn.random(rows) < 0.15] = np.nan
        two.append(scores)
    return two


def _both(one, other):
    known = [place for place in range(len(one)) if one[place] == one[place] and other[place] == other[place]]
    return one[known], other[known]


@pytest.mark.filterwarnings("ignore::scipy.stats.ConstantInputWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_figures_are_those_of_other_libraries(seed):
    """Spearman and tau-b as scipy has them, quadratic kappa as scikit-learn, on rows that both scored."""
    one, other = _pair(seed)
    found = concordance(judge("a", one), judge("b", other))
    first, second = _both(one, other)
    assert found.rows == len(first)
    assert found.spearman.value == pytest.approx(stats.spearmanr(first, second).statistic, nan_ok=True)
    assert found.kendall.value == pytest.approx(stats.kendalltau(first, second).statistic, nan_ok=True)
    if is_same_scale(judge("a", one), judge("b", other)):
        theirs = cohen_kappa_score(
            first.astype(int), second.astype(int), weights="quadratic", labels=range(7)
        )
        assert found.quadratic.value == pytest.approx(theirs, nan_ok=True)
    for each in (found.spearman, found.kendall):
        assert np.isnan(each.value) or (each.low <= each.value + 1e-9 and each.value <= each.high + 1e-9)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.parametrize("seed", SEEDS)
def test_two_filters_are_compared_as_by_hand(seed):
    """Counts, kappa, AC1 by its definition over the two classes, and the Jaccard index."""
    first, second = _both(*_pair(seed))
    found = at_thresholds(first, second, (2, 1))
    mine, theirs = [score >= 2 for score in first], [score >= 1 for score in second]
    assert found.passing == (sum(mine), sum(theirs))
    assert found.both == sum(a and b for a, b in zip(mine, theirs, strict=True))
    if len({*mine, *theirs}) == 2:
        assert found.kappa.value == pytest.approx(cohen_kappa_score(mine, theirs), nan_ok=True)
        assert found.jaccard.value == pytest.approx(jaccard_score(mine, theirs))
    same = np.mean([a == b for a, b in zip(mine, theirs, strict=True)])
    chance = sum(
        share * (1 - share)
        for kind in (True, False)
        for share in [(mine.count(kind) + theirs.count(kind)) / (2 * len(mine))]
    )
    assert found.ac1.value == pytest.approx((same - chance) / (1 - chance))


def test_the_overlap_of_chance_is_that_of_shuffled_judges():
    """Within the noise of two hundred shuffles."""
    drawn = np.random.default_rng(3)
    one, other = drawn.integers(0, 6, (2, 3000)).astype(np.float32)
    found = at_thresholds(one, other, (4, 2))
    shuffled = [at_thresholds(drawn.permutation(one), other, (4, 2)).jaccard.value for _ in range(200)]
    assert found.chance == pytest.approx(np.mean(shuffled), abs=0.003)


def test_intervals_are_those_of_rows_drawn_again():
    """Of every figure, within the noise of a plain bootstrap; and the order of rows has no part."""
    drawn = np.random.default_rng(8)
    one = drawn.integers(0, 6, 500).astype(np.float32)
    other = np.clip(one + drawn.integers(-2, 3, 500), 0, 5).astype(np.float32)
    found = concordance(judge("a", one), judge("b", other), thresholds=(3, 3))
    plain = []
    for _ in range(300):
        rows = drawn.integers(0, 500, 500)
        each = at_thresholds(one[rows], other[rows], (3, 3))
        plain.append(
            (
                stats.spearmanr(one[rows], other[rows]).statistic,
                stats.kendalltau(one[rows], other[rows]).statistic,
                each.kappa.value,
                each.ac1.value,
                each.jaccard.value,
            )
        )
    ends = np.quantile(plain, [0.025, 0.975], axis=0).T
    estimates = (found.spearman, found.kendall, found.at.kappa, found.at.ac1, found.at.jaccard)
    for each, (low, high) in zip(estimates, ends, strict=True):
        assert (each.low, each.high) == pytest.approx((low, high), abs=0.025)
    rows = drawn.permutation(500)
    again = concordance(judge("a", one[rows]), judge("b", other[rows]), thresholds=(3, 3))
    assert again == found


def test_judges_with_very_many_scores_are_compared_as_well():
    """By scipy's tau, without an interval, and on no common scale."""
    drawn = np.random.default_rng(2)
    one, other = drawn.normal(size=(2, 900)).astype(np.float32)
    found = concordance(judge("a", one), judge("b", other + one))
    assert found.kendall.value == pytest.approx(stats.kendalltau(one, other + one).statistic, abs=1e-6)
    assert found.spearman.low < found.spearman.value < found.spearman.high
    assert np.isnan(found.quadratic.value)


def test_nothing_in_common_is_nothing_known():
    """No shared row, or filters that keep nothing: no figure, and no error."""
    one = np.array([1, 2, np.nan, np.nan], np.float32)
    found = concordance(judge("a", one), judge("b", one[::-1].copy()), thresholds=(1, 1))
    assert found.rows == 0
    for each in (found.spearman, found.kendall, found.at.kappa, found.at.jaccard):
        assert np.isnan(each.value)
    none = at_thresholds(np.ones(5, np.float32), np.ones(5, np.float32), (9, 9))
    assert np.isnan(none.jaccard.value)


def test_effective_judges_run_from_one_to_all():
    """Copies of one judge count once, independent ones each; opposed ones are not more than there are."""
    assert effective_judges(4, 1.0) == 1
    assert effective_judges(4, 0.0) == 4
    assert effective_judges(4, -0.2) == 4
    assert effective_judges(3, 0.5) == pytest.approx(1.5)
    sizes = [effective_judges(5, rho / 10) for rho in range(11)]
    assert all(one > other for one, other in combinations(sizes, 2))
