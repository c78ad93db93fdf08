"""The strategy ``cluster-quota``: the best of every cluster, each cluster with its quota."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from by_hand import sorted_by_hand
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import choosing, pool, pools, random_pool, seeds, thresholds_near


def _quota(**options):
    given = tuple(sorted((name, float(value)) for name, value in options.items()))
    return choosing(strategy="cluster-quota", options=given)


def _counts(rows, ids):
    return Counter(rows.labels[rows.ids.index(id_)] for id_ in ids)


def _levels(sizes, k, *, temperature=1.0, floor=0, cap=100.0):
    """(c,) how far each cluster is filled when all rise by their rates between floor and cap, k rows in all."""
    sizes = np.array(sizes, dtype=float)
    rates = sizes ** (1 / temperature)
    highest = np.maximum(np.ceil(sizes * cap / 100), np.minimum(floor, sizes))
    low, high = 0.0, sizes.max() + 1
    for _ in range(80):
        middle = (low + high) / 2
        filled = np.clip(rates * middle, np.minimum(floor, sizes), highest).sum()
        low, high = (middle, high) if filled < k else (low, middle)
    return np.clip(rates * high, np.minimum(floor, sizes), highest)


def _clusters(sizes, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return pool((rng.integers(2, 11, len(labels)) / 2).tolist(), labels=labels.tolist())


@settings(max_examples=60, deadline=None)
@given(
    rows=pools(),
    threshold=thresholds_near(),
    seed=seeds(),
    floor=st.integers(0, 3),
    cap=st.sampled_from([0, 30, 50, 100]),
    overall=st.integers(0, 5),
)
def test_inside_a_cluster_the_best_rows_come_first(*, rows, threshold, seed, floor, cap, overall):
    """Whatever the settings, each cluster's rows keep the sequence of score and tie rule."""
    params = choosing(
        strategy="cluster-quota",
        min_score=threshold,
        seed=seed,
        options=(("cap", float(cap)), ("floor", float(floor)), ("overall", float(overall))),
    )
    chosen, by_score = rows.choose(params).ids, sorted_by_hand(rows, params, rows.scores)
    label = dict(zip(rows.ids, rows.labels, strict=True))
    for cluster in set(rows.labels):
        assert [id_ for id_ in chosen if label[id_] == cluster] == [
            id_ for id_ in by_score if label[id_] == cluster
        ]


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5), temperature=st.sampled_from([1.0, 3.0, 100.0])
)
def test_every_prefix_gives_each_cluster_its_quota_to_within_one_row(sizes, temperature):
    """Without floor and cap, quotas go with size^(1/T); a cluster that is used up leaves its to the others."""
    rows = _clusters(sizes)
    ids = rows.choose(_quota(temperature=temperature)).ids
    for k in range(1, len(ids) + 1):
        counts = _counts(rows, ids[:k])
        wanted = _levels(sizes, k, temperature=temperature)
        assert max(abs(counts[c] - level) for c, level in enumerate(wanted)) <= 1 + 1e-5


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    floor=st.integers(0, 8),
    cap=st.sampled_from([40, 60, 80, 100]),
)
def test_quotas_stay_between_floor_and_cap(sizes, floor, cap):
    """Once every floor is met a prefix holds max(floor, quota), at most the cap, with a row or two of rounding."""
    rows = _clusters(sizes)
    ids = rows.choose(_quota(floor=floor, cap=cap)).ids
    least = [min(floor, size) for size in sizes]
    most = [max(-(-size * cap // 100), low) for size, low in zip(sizes, least, strict=True)]
    assert all(_counts(rows, ids[: sum(least)])[c] == low for c, low in enumerate(least))
    assert all(_counts(rows, ids[: sum(most)])[c] == high for c, high in enumerate(most))
    for k in range(sum(least) + 1, sum(most)):
        counts, wanted = _counts(rows, ids[:k]), _levels(sizes, k, floor=floor, cap=cap)
        assert max(abs(counts[c] - level) for c, level in enumerate(wanted)) <= 2 + 1e-5


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("overall", "floor"), [(20, 3), (0, 5), (50, 1), (200, 2)])
def test_the_best_overall_and_the_best_of_each_cluster_are_the_union_of_both(seed, overall, floor):
    """CaR: the first rows are exactly the top n₁ by score together with the top n₂ of every cluster."""
    rows = random_pool(200, seed=seed)
    params = _quota(overall=overall, floor=floor)
    by_score = sorted_by_hand(rows, params, rows.scores)
    label = dict(zip(rows.ids, rows.labels, strict=True))
    union = set(by_score[:overall])
    for cluster in set(rows.labels):
        union |= set([id_ for id_ in by_score if label[id_] == cluster][:floor])
    ids = rows.choose(params).ids
    assert ids[:overall] == by_score[:overall]
    assert set(ids[: len(union)]) == union


def test_the_rows_beyond_the_caps_come_last():
    """Half of either cluster, the better half, comes before any other row."""
    rows = pool([5.0, 4.0, 3.0, 2.0, 1.0, 2.0], labels=[0, 0, 0, 0, 1, 1])
    ids = rows.choose(_quota(cap=50)).ids
    assert set(ids[:3]) == {"row 0", "row 1", "row 5"}


def test_noise_has_a_quota_like_a_cluster():
    """Rows in no cluster (-1) take their turns too."""
    rows = pool([5.0, 4.0, 3.0, 2.0], labels=[-1, -1, 0, 0])
    ids = rows.choose(_quota()).ids
    assert set(ids[:2]) == {"row 0", "row 2"}


def test_only_eligible_rows_count_for_a_quota():
    """A cluster with one row that passes has the quota of one row."""
    rows = pool([5.0] + [1.0] * 19 + [4.0] * 9, labels=[0] * 20 + [1] * 9)
    params = choosing(strategy="cluster-quota", min_score=4.0, count=5)
    assert _counts(rows, rows.choose(params).ids)[0] <= 1
