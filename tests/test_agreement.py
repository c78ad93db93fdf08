"""Agreement of judges, against scipy and against alpha written out over all pairs of scores."""

from __future__ import annotations

import time
from itertools import permutations

import numpy as np
import pytest
from real_rows import FILE, on_real_rows
from scipy import stats

from core import Project
from core.agreement import agreement, alpha, alpha_interval, spearman
from core.domain import Judge

NAN = np.nan
# Krippendorff's example of four observers and twelve units, as it is printed in his "Computing
# Krippendorff's Alpha-Reliability" (2011); there the ordinal alpha is 0.815.
PRINTED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T


def _by_hand(grades):
    """Alpha by its definition: a table of coincidences and the ordinal distance of every two values."""
    units = [[value for value in row if not np.isnan(value)] for row in grades]
    units = [unit for unit in units if len(unit) > 1]
    values = sorted({value for unit in units for value in unit})
    table = {(a, b): 0.0 for a in values for b in values}
    for unit in units:
        for one, other in permutations(range(len(unit)), 2):
            table[unit[one], unit[other]] += 1 / (len(unit) - 1)
    count = {a: sum(table[a, b] for b in values) for a in values}
    total = sum(count.values())

    def distance(a, b):
        low, high = sorted((a, b))
        return (sum(count[v] for v in values if low <= v <= high) - (count[a] + count[b]) / 2) ** 2

    seen = sum(table[a, b] * distance(a, b) for a in values for b in values) / total
    chance = sum(count[a] * count[b] * distance(a, b) for a in values for b in values) / total / (total - 1)
    return 1 - seen / chance if chance else NAN


def _judge(name, scores):
    scores = np.asarray(scores, dtype=np.float32)
    known = scores[~np.isnan(scores)]
    ends = (float(known.min()), float(known.max())) if len(known) else (NAN, NAN)
    return Judge(name, scores, *ends, None, len(known), len(scores) - len(known))


@pytest.mark.parametrize("seed", range(25))
def test_alpha_is_that_of_the_table_of_coincidences(seed):
    """Over ties, missing scores, two to five judges, few and many values."""
    drawn = np.random.default_rng(seed)
    rows, judges, values = (int(each) for each in drawn.integers([2, 2, 1], [40, 6, 8]))
    grades = drawn.integers(0, values + 1, (rows, judges)).astype(float)
    grades[drawn.random(grades.shape) < drawn.random() * 0.7] = NAN
    assert alpha(grades) == pytest.approx(_by_hand(grades), nan_ok=True)


def test_the_printed_example_gives_the_printed_alpha():
    """As its author computed it."""
    assert round(alpha(PRINTED), 3) == 0.815


def test_alpha_knows_full_agreement_chance_and_opposition():
    """1 where all say the same, near 0 for coins, below 0 for opposites; nothing where nothing differs."""
    drawn = np.random.default_rng(0)
    one = drawn.integers(1, 6, 4_000).astype(float)
    assert alpha(np.stack((one, one), axis=1)) == 1
    assert abs(alpha(np.stack((one, drawn.permutation(one)), axis=1))) < 0.05
    assert alpha(np.stack((one, 6 - one), axis=1)) < -0.5
    assert np.isnan(alpha(np.full((9, 3), 4.0)))
    assert np.isnan(alpha(np.full((9, 3), NAN)))
    assert np.isnan(alpha(np.empty((0, 2))))
    assert all(np.isnan(each) for each in alpha_interval(np.empty((0, 2))))


def test_neither_the_order_of_rows_nor_of_judges_matters():
    """Alpha and its interval stay the same, and so they do under any rising scale."""
    drawn = np.random.default_rng(4)
    grades = np.where(drawn.random((300, 3)) < 0.1, NAN, drawn.integers(1, 6, (300, 3)))
    found = (alpha(grades), *alpha_interval(grades))
    shuffled = grades[drawn.permutation(300)][:, [2, 0, 1]]
    assert (alpha(shuffled), *alpha_interval(shuffled)) == pytest.approx(found)
    assert (alpha(grades**3), *alpha_interval(grades**3)) == pytest.approx(found)


def test_the_interval_is_that_of_rows_drawn_again():
    """Its ends are those of a plain bootstrap within its noise, and alpha lies inside."""
    drawn = np.random.default_rng(1)
    truth = drawn.integers(1, 6, (400, 1))
    grades = np.clip(truth + drawn.integers(-1, 2, (400, 3)), 1, 5).astype(float)
    plain = [alpha(grades[drawn.integers(0, 400, 400)]) for _ in range(600)]
    low, high = alpha_interval(grades, draws=600)
    assert (low, high) == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.01)
    assert low < alpha(grades) < high


@pytest.mark.parametrize("seed", range(20))
def test_the_rank_correlation_is_that_of_scipy(seed):
    """With ties; a constant sequence has none."""
    drawn = np.random.default_rng(seed)
    one, other = drawn.integers(0, 5, 30).astype(float), drawn.integers(0, 9, 30).astype(float)
    assert spearman(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)
    assert spearman(one, one**3) == pytest.approx(1)
    assert np.isnan(spearman(one, np.ones(30)))
    assert np.isnan(spearman(one[:1], other[:1]))


def test_judges_are_compared_on_the_rows_that_both_scored():
    """Pair by pair; one judge alone agrees with nobody."""
    scores = {"a": [1, 2, 3, NAN, 5], "b": [2, 4, 6, 8, NAN], "c": [NAN, NAN, 1, 1, 1]}
    judges = {name: _judge(name, each) for name, each in scores.items()}
    found = agreement(judges)
    assert [(each.one, each.other, each.rows) for each in found.pairs] == [
        ("a", "b", 3), ("a", "c", 2), ("b", "c", 2),
    ]  # fmt: skip
    assert found.rows == 5
    assert found.pairs[0].spearman == 1
    assert np.isnan(found.pairs[1].spearman)
    assert f"is {found.alpha:.3f} (95% interval {found.low:.3f} to {found.high:.3f}, 5 rows" in found.sentence
    assert agreement({"a": judges["a"]}) is None
    same = {name: _judge(name, [3, 3, 3]) for name in "ab"}
    assert agreement(same).sentence.startswith("Agreement is not known")


@on_real_rows
def test_the_three_real_judges_agree_barely():
    """Alpha 0.139 and Spearman between 0.20 and 0.31 on the 52,002 rows, in well under two seconds."""
    judges = Project.open(FILE, home="/nonexistent").judges
    start = time.process_time()
    found = agreement(judges)
    assert time.process_time() - start < 2
    assert round(found.alpha, 3) == 0.139
    assert [round(each.spearman, 2) for each in found.pairs] == [0.29, 0.31, 0.2]
