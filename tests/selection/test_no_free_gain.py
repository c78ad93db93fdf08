"""Scores that say nothing gain nothing: what a second, held-out judge thinks of the choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pools import choosing, pool

from core.selection import strategies

BY_SCORE = sorted(name for name, each in strategies().items() if "scores" in each.needs)
OPTIONS = {"facility": (("quality", 0.5),), "deita, two judges": (("with_judge", "other 0"),)}
THRESHOLDS = {"threshold": 4.0}  # the score decides who is eligible, and nothing else
ROUNDS = 12
CASES = [*BY_SCORE, *OPTIONS, *THRESHOLDS]


def _judged_twice(seed, n=300):
    """Rows in clusters of one quality each, and judges who all see it, each with errors of its own."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, n)
    centres = rng.normal(size=(10, 8))
    quality = rng.normal(size=10)[labels] + rng.normal(size=n)

    def grades():
        return np.clip(np.round(3 + quality + 0.5 * rng.normal(size=n)), 1, 5)

    vectors = centres[labels] + 0.5 * rng.normal(size=(n, 8))
    given, held_out = grades().tolist(), grades()
    second = grades().tolist()
    return pool(given, vectors=vectors, labels=labels.tolist(), k=10), second, held_out


def _gains(name, *, shuffled):
    """What the held-out judge gives sixty chosen rows above all rows, for several pools."""
    gains = []
    for seed in range(ROUNDS):
        rows, second, held_out = _judged_twice(seed)
        if name == "deita, two judges":
            rows = replace(rows, others=[second])
        if shuffled:
            mixed = np.random.default_rng(100 + seed).permutation
            others = [mixed(other).tolist() for other in rows.others]
            rows = replace(rows, scores=mixed(rows.scores).tolist(), others=others)
        params = choosing(
            strategy=name.partition(",")[0],
            min_score=THRESHOLDS.get(name),
            count=60,
            seed=seed,
            options=OPTIONS.get(name, ()),
        )
        chosen = rows.choose(params)
        gains.append(held_out[chosen.rows].mean() - held_out.mean())
    return np.array(gains)


def test_every_strategy_that_follows_a_score_is_here():
    """Those that need one, those that take one by a setting, and the threshold."""
    assert {name.partition(",")[0] for name in CASES} == {
        "cluster-quota", "deita", "facility", "repaired", "threshold", "top-score"
    }  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_with_true_scores_the_held_out_judge_likes_the_choice(name):
    """A strategy that follows the score finds rows that another judge prefers as well."""
    gains = _gains(name, shuffled=False)
    assert gains.mean() > 4 * gains.std() / np.sqrt(ROUNDS)
    assert gains.mean() > 0.3


@pytest.mark.parametrize("name", CASES)
def test_with_shuffled_scores_the_held_out_judge_sees_no_gain(name):
    """Scores dealt out at random: the choice is no better than the pool, to within four standard errors."""
    gains = _gains(name, shuffled=True)
    assert abs(gains.mean()) < 4 * gains.std() / np.sqrt(ROUNDS)
    assert abs(gains.mean()) < 0.25
