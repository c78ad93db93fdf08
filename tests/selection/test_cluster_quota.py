"""The strategy ``cluster-quota``: the best of every cluster, each cluster with its quota."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from by_hand import sorted_by_hand
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import NO_SCORE, choosing, pool, pools, random_pool, seeds, thresholds_near

from core.errors import ParameterError


def _quota(*, own=None, **options):
    given = {**options, **{f"quota {label}": rows for label, rows in (own or {}).items()}}
    pairs = tuple(sorted((name, float(value)) for name, value in given.items()))
    return choosing(strategy="cluster-quota", options=pairs)


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


# Quotas of single clusters.


def _own_quotas(labels):
    """Quotas for some of these clusters: none, few rows, or more than there are."""
    return st.dictionaries(st.sampled_from(sorted(set(labels))), st.sampled_from([0, 1, 2, 5, 1000]))


def _asked_of(rows, own, params):
    """{cluster: its quota, or all its eligible rows where it has fewer}."""
    passing = _counts(rows, rows.scored_at_least(params.min_score))
    return {label: min(quota, passing[label]) for label, quota in own.items()}


def _check_parts(rows, params, own):
    """First what the quotas ask for, then rows of the other clusters, then what is beyond a quota."""
    ids, asked = rows.choose(params).ids, _asked_of(rows, own, params)
    first, label = sum(asked.values()), dict(zip(rows.ids, rows.labels, strict=True))
    assert len(ids) == len(rows.scored_at_least(params.min_score))
    assert dict(_counts(rows, ids[:first])) == {c: quota for c, quota in asked.items() if quota}
    for k in range(1, first):
        counts = _counts(rows, ids[:k])
        assert all(abs(counts[c] - k * quota / first) < 1 + 1e-5 for c, quota in asked.items())
    last = first + sum(label[id_] not in own for id_ in ids)
    assert not own.keys() & {label[id_] for id_ in ids[first:last]}
    assert {label[id_] for id_ in ids[last:]} <= own.keys()
    by_score = sorted_by_hand(rows, params, rows.scores)
    for cluster in set(rows.labels):
        assert [i for i in ids if label[i] == cluster] == [i for i in by_score if label[i] == cluster]


@settings(max_examples=60, deadline=None)
@given(rows=pools(), threshold=thresholds_near(), seed=seeds(), data=st.data())
def test_a_cluster_gives_its_own_quota_before_any_other_row_and_the_rest_last(*, rows, threshold, seed, data):
    """Exactly its quota or all it has, in proportion on the way there; ties, noise and missing scores too."""
    own = data.draw(_own_quotas(rows.labels))
    params = _quota(own=own, floor=data.draw(st.integers(0, 2)), cap=data.draw(st.sampled_from([0, 50, 100])))
    _check_parts(rows, replace(params, min_score=threshold, seed=seed), own)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("own", [{0: 30, 2: 7}, {0: 0}, {0: 900, 1: 1, 2: 2, 3: 3, 4: 4}])
def test_own_quotas_hold_among_two_hundred_rows(own, seed):
    """With a floor, a cap and rows that come first overall at once."""
    rows = random_pool(200, seed=seed)
    _check_parts(rows, replace(_quota(own=own, floor=3, cap=60, overall=10), min_score=2.0), own)


@pytest.mark.parametrize(
    "rows",
    [
        pool([3.0] * 12, labels=[0, 1, 2] * 4),
        pool([NO_SCORE, 2.0, 3.0, NO_SCORE, 1.0], labels=[0] * 5),
        pool([4.0, 1.0], labels=[-1, 0]),
    ],
    ids=["all equal", "one cluster", "noise"],
)
@pytest.mark.parametrize("quota", [0, 1, 3, 50])
def test_own_quotas_hold_where_there_is_little_to_choose_from(rows, quota):
    """All scores equal, one cluster alone, noise; a quota of nothing and one above what there is."""
    own = {rows.labels[0]: quota}
    _check_parts(rows, _quota(own=own), own)


@settings(max_examples=15, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    temperature=st.sampled_from([1.0, 3.0, 100.0]),
    quota=st.integers(0, 45),
)
def test_the_other_clusters_share_the_rest_as_if_it_were_not_there(sizes, temperature, quota):
    """Once a quota is met every prefix gives the others their shares of what is left, to within one row."""
    rows = _clusters(sizes)
    ids = rows.choose(_quota(own={0: quota}, temperature=temperature)).ids
    met = min(quota, sizes[0])
    for k in range(1, sum(sizes[1:]) + 1):
        counts, wanted = _counts(rows, ids[: met + k]), _levels(sizes[1:], k, temperature=temperature)
        assert counts[0] == met
        assert max(abs(counts[c] - level) for c, level in enumerate(wanted, start=1)) <= 1 + 1e-5


@pytest.mark.parametrize("seed", [4, 5, 6])
@pytest.mark.parametrize("overall", [15, 40])
def test_the_best_overall_are_taken_from_what_the_quotas_leave(overall, seed):
    """The first rows are the quotas and the top by score of all rows that no quota holds back."""
    rows = random_pool(200, seed=seed)
    params = _quota(own={0: 5, 1: 0}, overall=overall)
    label = dict(zip(rows.ids, rows.labels, strict=True))
    by_score = sorted_by_hand(rows, params, rows.scores)
    held = [id_ for id_ in by_score if label[id_] == 0][:5]
    open_to_all = [id_ for id_ in by_score if label[id_] > 1 or id_ in held]
    union = {*held, *open_to_all[:overall]}
    assert set(rows.choose(params).ids[: len(union)]) == union


@settings(max_examples=30, deadline=None)
@given(rows=pools(), seed=seeds(), count=st.integers(0, 24), data=st.data())
def test_own_quotas_are_nested_and_do_not_look_at_the_place_of_a_row(*, rows, seed, count, data):
    """A smaller count is a prefix of a larger one, in whatever order the file is."""
    own = data.draw(_own_quotas(rows.labels))
    params = replace(_quota(own=own, floor=1), seed=seed)
    shuffled = rows.in_another_order(data.draw(st.permutations(range(len(rows)))))
    whole = rows.choose(params).ids
    assert shuffled.choose(replace(params, count=count)).ids == whole[:count]


def test_a_quota_of_no_cluster_is_refused_with_the_clusters_there_are():
    """In words, for a number that is not there; noise is named where there is some."""
    rows = pool([1.0] * 5, labels=[-1, 0, 1, 2, 7])
    with pytest.raises(ParameterError, match="cluster 5, which there is not") as caught:
        rows.choose(_quota(own={1: 2, 5: 2}))
    assert caught.value.hint == "Clusters: -1 to 2, 7 (-1 is noise)."
    with pytest.raises(ParameterError, match="cluster -1"):
        pool([1.0, 2.0], labels=[0, 1]).choose(_quota(own={-1: 2}))
