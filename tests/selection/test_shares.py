"""The strategies ``random`` and ``stratified``: every row, and every cluster, gets its share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import choosing, pool, seeds
from scipy import stats

FAR_OUT = 1e-3  # how improbable a figure has to be to be called biased


def _even(counts, expected, draws_without_replacement):
    """Whether a chi-square test calls the counts neither biased nor more even than chance."""
    spread = ((counts - expected) ** 2).sum() / expected * draws_without_replacement
    return FAR_OUT < stats.chi2.cdf(spread, len(counts) - 1) < 1 - FAR_OUT


def test_random_takes_every_row_equally_often():
    """Ten of fifty rows for 2,000 seeds: each row about 400 times, by a chi-square test."""
    rows = pool([3.0] * 50)
    counts = np.zeros(50)
    for seed in range(2000):
        counts[rows.order(choosing(strategy="random", seed=seed))[:10]] += 1
    assert counts.sum() == 20_000
    assert _even(counts, 400.0, (50 - 1) / (50 - 10))


def test_random_puts_every_row_first_equally_often():
    """The first place of the order is as fair as the set."""
    rows = pool([3.0] * 40)
    firsts = [rows.order(choosing(strategy="random", seed=seed))[0] for seed in range(4000)]
    assert _even(np.bincount(firsts, minlength=40), 100.0, 1.0)


def test_random_ignores_scores_above_the_threshold_vectors_and_clusters():
    """The same ids and seed give the same order, whatever the rows are worth."""
    plain = pool([3.0] * 30)
    other = pool(
        [3.0, 5.0, 4.0] * 10, vectors=np.random.default_rng(1).normal(size=(30, 4)), labels=range(30)
    )
    params = choosing(strategy="random", min_score=3.0)
    assert plain.choose(params).ids == other.choose(params).ids


def test_random_with_a_threshold_keeps_the_sequence_of_the_rows_that_pass():
    """A lower threshold lets rows in between, and moves none of the others."""
    rows = pool([1.0, 2.0, 3.0, 4.0, 5.0] * 8)
    strict = rows.choose(choosing(strategy="random", min_score=4.0)).ids
    loose = rows.choose(choosing(strategy="random", min_score=2.0)).ids
    assert [id_ for id_ in loose if id_ in strict] == strict


def _water(sizes, temperature):
    """(k, c) what each cluster has given after 1, 2, ... rows if all pour at their rates until empty."""
    sizes = np.array(sizes)
    rates = sizes ** (1 / temperature)
    wanted = np.arange(1, sizes.sum() + 1)[:, None]
    low, high = np.zeros(wanted.shape), np.full(wanted.shape, float(sizes.max()))
    for _ in range(60):
        middle = (low + high) / 2
        short = np.minimum(rates * middle, sizes).sum(axis=1, keepdims=True) < wanted
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.minimum(rates * high, sizes)


def _given(rows, order):
    """(k, c) how many rows of each cluster are among the first 1, 2, ... of the order."""
    _, cluster = np.unique(rows.labels, return_inverse=True)
    return np.cumsum(np.eye(cluster.max() + 1)[cluster[order]], axis=0)


def _clusters(sizes, seed=0):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    np.random.default_rng(seed).shuffle(labels)
    return pool([3.0] * len(labels), labels=(labels - 1).tolist())


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8), seed=seeds())
def test_every_prefix_is_proportional_to_within_one_row(sizes, seed):
    """Of any first k rows, each cluster has k times its share of the pool, rounded up or down."""
    rows = _clusters(sizes)
    got = _given(rows, rows.order(choosing(strategy="stratified", seed=seed)))
    k = np.arange(1, sum(sizes) + 1)[:, None]
    assert np.abs(got - k * np.array(sizes) / sum(sizes)).max() <= 1 + 1e-9


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    temperature=st.sampled_from([1.0, 1.5, 3.0, 100.0]),
    seed=seeds(),
)
def test_with_a_temperature_every_prefix_follows_the_root_of_the_sizes(sizes, temperature, seed):
    """Shares go with size^(1/T), to within one row; an empty cluster leaves its share to the others."""
    rows = _clusters(sizes)
    params = choosing(strategy="stratified", seed=seed, options=(("temperature", temperature),))
    got = _given(rows, rows.order(params))
    assert np.abs(got - _water(sizes, temperature)).max() <= 1 + 1e-5


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shares_stay_fair_while_many_clusters_run_empty(seed):
    """Forty clusters of 1 to 200 rows at a temperature of 1.5: nobody is ever a row ahead or behind."""
    sizes = np.minimum(1 + 3 * np.random.default_rng(seed).pareto(0.7, 40), 200).astype(int)
    rows = _clusters(sizes)
    params = choosing(strategy="stratified", seed=seed, options=(("temperature", 1.5),))
    assert np.abs(_given(rows, rows.order(params)) - _water(sizes, 1.5)).max() <= 1 + 1e-5


def test_one_large_and_many_small_clusters_share_fairly():
    """A hundred rows in one cluster and a hundred alone: half of every prefix comes from the large one."""
    rows = _clusters([100] + [1] * 100)
    got = _given(rows, rows.order(choosing(strategy="stratified")))[:, 0]
    assert np.abs(got - np.arange(1, 201) / 2).max() <= 1


def test_a_high_temperature_takes_as_many_rows_from_small_clusters_as_from_large_ones():
    """At 100, of 30 rows about ten come from each of three clusters of 10, 50 and 200 rows."""
    rows = _clusters([10, 50, 200])
    params = choosing(strategy="stratified", options=(("temperature", 100.0),))
    assert np.abs(_given(rows, rows.order(params))[29] - 10).max() <= 1


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_inside_a_cluster_the_rows_come_at_random(temperature):
    """Each cluster's rows keep the sequence of the random order with the same seed."""
    rows = _clusters([5, 20, 40])
    params = choosing(strategy="stratified", seed=5, options=(("temperature", temperature),))
    shares, drawn = rows.order(params).tolist(), rows.order(choosing(strategy="random", seed=5)).tolist()
    for label in set(rows.labels):
        inside = [row for row in shares if rows.labels[row] == label]
        assert inside == [row for row in drawn if rows.labels[row] == label]


def test_clusters_of_one_size_take_turns_by_the_seed():
    """Twenty clusters of five rows, ten rows wanted: no cluster is always among the first."""
    rows = _clusters([5] * 20)
    counts = np.zeros(20)
    for seed in range(400):
        first = rows.order(choosing(strategy="stratified", seed=seed), 10)[:10]
        counts[np.array(rows.labels)[first] + 1] += 1
    assert counts.sum() == 4000
    assert _even(counts, 200.0, (20 - 1) / (20 - 10))


def test_only_eligible_rows_count_for_a_share():
    """A cluster with one row that passes has the share of one row."""
    rows = pool([5.0] + [1.0] * 19 + [5.0] * 9, labels=[0] * 20 + [1] * 9)
    got = [rows.labels[row] for row in rows.order(choosing(strategy="stratified", min_score=4.0))]
    assert sorted(got) == [0] + [1] * 9
