"""Coverage along an order, and the random draws that it is compared with."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from small_pools import CLOSE, nearest_by_hand, unit

from core.domain import Neighbours
from core.draws import draws, id_keys
from core.metrics import Curve, coverage, curves, ladder, random_rows

LARGE = 200_000  # rows of a pool too large for every count

# The curve.


def test_the_curve_is_the_greatest_and_the_mean_distance_to_the_nearest_chosen_row():
    """At every count, over all two hundred rows, by brute force."""
    vectors = unit(200)
    order = np.random.default_rng(1).permutation(200)[:60]
    counts = np.array([1, 2, 3, 17, 40, 60])
    curve = coverage(vectors, order, counts)
    for count, radius, mean in zip(counts, curve.radius, curve.mean, strict=True):
        distances = nearest_by_hand(vectors, order[:count])
        assert radius == pytest.approx(distances.max(), abs=CLOSE)
        assert mean == pytest.approx(distances.mean(), abs=CLOSE)


def test_blocks_of_any_size_give_the_same_curve(monkeypatch):
    """Fewer rows a product than there are rows, and a last block that is not full."""
    vectors, order, counts = unit(200), np.arange(0, 200, 3), np.array([5, 50, 67])
    whole = coverage(vectors, order, counts)
    monkeypatch.setattr(curves, "BLOCK", 33)
    parts = coverage(vectors, order, counts)
    np.testing.assert_allclose(parts.radius, whole.radius, atol=CLOSE)
    np.testing.assert_allclose(parts.mean, whole.mean, atol=CLOSE)


def test_an_order_longer_than_one_product_is_followed_to_its_end():
    """The last of 2,500 rows is the only one that covers the row opposite to all others."""
    vectors = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (2500, 1))
    vectors[-1] = (-1.0, 0.0)
    curve = coverage(vectors, np.arange(2500), np.array([1, 2499, 2500]))
    np.testing.assert_allclose(curve.radius, [2, 2, 0], atol=CLOSE)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 40))
def test_more_rows_never_cover_worse(seed, n):
    """Radius and mean only fall along an order, and both are nothing when all rows are chosen."""
    order = np.random.default_rng(seed).permutation(n)
    curve = coverage(unit(n, d=4, seed=seed), order, ladder(n, pool=LARGE))
    assert np.all(np.diff(curve.radius) <= 0)
    assert np.all(np.diff(curve.mean) <= 0)
    assert curve.radius[-1] == pytest.approx(0, abs=CLOSE)
    assert np.all(curve.mean <= curve.radius)


def test_the_curve_between_two_steps_lies_between_them():
    """A step is given as it is; between steps the line from one to the next."""
    curve = Curve(np.array([1, 3, 7]), np.array([0.9, 0.5, 0.1]), np.array([0.6, 0.4, 0.0]))
    assert curve.at(3) == pytest.approx((0.5, 0.4))
    assert curve.at(2) == pytest.approx((0.7, 0.5))
    assert curve.at(6) == pytest.approx((0.2, 0.1))


@pytest.mark.parametrize("count", [-1, 0, 8])
def test_the_curve_says_nothing_where_it_does_not_reach(count):
    """Nothing chosen, or more than the order holds: no figure rather than a guess."""
    curve = Curve(np.array([1, 3, 7]), np.array([0.9, 0.5, 0.1]), np.array([0.6, 0.4, 0.0]))
    assert curve.at(count) is None


def test_a_curve_without_counts_is_empty():
    """No count to measure at, so no figure at any count."""
    curve = coverage(unit(5), np.arange(0), ladder(0, pool=LARGE))
    assert len(curve.counts) == len(curve.radius) == len(curve.mean) == 0
    assert curve.at(0) is None
    assert curve.at(1) is None


def test_a_long_curve_can_be_stopped():
    """What ``check`` raises between two blocks comes out."""

    def stop():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        coverage(unit(10), np.arange(10), np.array([10]), check=stop)


@settings(max_examples=60, deadline=None)
@given(length=st.integers(0, 200_000))
def test_the_ladder_holds_all_small_counts_the_length_and_no_wide_step(length):
    """Ascending, inside the order, dense at first, at most a tenth apart later, and few in all."""
    counts = ladder(length, pool=200_000).tolist()
    assert counts == sorted(set(counts))
    assert counts[: min(length, 16)] == list(range(1, min(length, 16) + 1))
    if length:
        assert counts[-1] == length
    assert all(high <= max(low + 1, low * 1.1 + 1) for low, high in pairwise(counts))
    assert len(counts) <= 16 + 8 * 14 + 1


@pytest.mark.parametrize("length", [0, 1, 700, 2048])
def test_every_count_of_a_small_pool_is_on_the_curve(length):
    """Nothing between two counts has to be guessed there."""
    assert ladder(length, pool=2048).tolist() == list(range(1, length + 1))
    assert len(ladder(2048, pool=2049)) < 100


# The curve from a graph.


def _graph(vectors, k, missed=0.0, seed=0):
    """The k nearest rows of each row, of which a share is missed and the next one listed instead."""
    between = 1 - vectors.astype(float) @ vectors.astype(float).T
    np.fill_diagonal(between, np.inf)
    hidden = np.random.default_rng(seed).random(between.shape) < missed
    nearest = np.argsort(between + 10 * hidden, axis=1)[:, :k]
    return Neighbours(
        nearest.astype(np.int32), np.take_along_axis(between, nearest, 1).astype(np.float32).clip(0)
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 60), k=st.integers(1, 6))
def test_with_an_exact_graph_the_curve_is_the_same(seed, n, k):
    """Rows read from the graph and rows multiplied give the radius and the mean of all pairs."""
    rng = np.random.default_rng(seed)
    vectors = unit(n, d=4, seed=seed)
    vectors[rng.integers(0, n, n // 4)] = vectors[0]
    order = rng.permutation(n)[: rng.integers(1, n + 1)]
    counts = ladder(len(order), pool=LARGE)
    curve = coverage(vectors, order, counts, _graph(vectors, min(k, n - 1)))
    for count, radius, mean in zip(counts, curve.radius, curve.mean, strict=True):
        distances = nearest_by_hand(vectors, order[:count])
        assert radius == pytest.approx(distances.max(), abs=CLOSE)
        assert mean == pytest.approx(distances.mean(), abs=CLOSE)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("chunk", [10_000, 70])
def test_a_graph_that_misses_neighbours_leaves_the_radius_exact(seed, chunk, monkeypatch):
    """Half of the neighbours are missed: the radius is that of all pairs, the mean at most too high."""
    monkeypatch.setattr(curves, "CHUNK", chunk)
    monkeypatch.setattr(curves, "BLOCK", 16)
    vectors = unit(200, d=5, seed=seed)
    order = np.random.default_rng(seed).permutation(200)[:120]
    counts = ladder(120, pool=LARGE)
    exact = coverage(vectors, order, counts)
    read = coverage(vectors, order, counts, _graph(vectors, 4, missed=0.5, seed=seed))
    np.testing.assert_allclose(read.radius, exact.radius, atol=CLOSE)
    assert np.all(read.mean >= exact.mean - CLOSE)
    assert (read.mean - exact.mean).max() > 1e-4  # else nothing was read from the graph


@pytest.mark.parametrize("chunk", [10_000, 70])
@pytest.mark.parametrize("k", [None, 4])
def test_the_distances_at_one_count_are_kept_where_they_are_asked_for(chunk, k, monkeypatch):
    """Of every row, at that count and no other; without asking there are none."""
    monkeypatch.setattr(curves, "CHUNK", chunk)
    vectors, order = unit(200, d=5), np.random.default_rng(3).permutation(200)[:120]
    counts, graph = ladder(120, pool=LARGE), None if k is None else _graph(vectors, k)
    count = int(counts[len(counts) // 2])
    curve = coverage(vectors, order, counts, graph, at=count)
    np.testing.assert_allclose(curve.nearest, nearest_by_hand(vectors, order[:count]), atol=CLOSE)
    assert coverage(vectors, order, counts, graph).nearest is None
    part = curve.part(curve.counts == count)
    assert part.at(count) == curve.at(count)
    assert part.counts.tolist() == [count]


@settings(max_examples=60, deadline=None)
@given(known=st.lists(st.integers(0, 6), max_size=300), block=st.integers(2, 40), short=st.integers(1, 40))
def test_blocks_hold_every_row_that_needs_a_product_once(known, block, short):
    """Rows that need none are left out; a block is full, or long enough and its last need the last of its kind."""
    needs = np.sort(np.array(known, dtype=np.int64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "BLOCK", block)
        patch.setattr(curves, "SHORT_BLOCK", short)
        none, *blocks = np.split(needs, curves._edges(needs))
    assert not blocks or none.tolist() == [0] * known.count(0)
    assert np.concatenate([none, *blocks]).tolist() == needs.tolist()
    for each, later in pairwise(blocks):
        assert len(each) == block or (short <= len(each) < block and each[-1] < later[0])
    assert all(0 < len(each) <= block for each in blocks)


def test_a_graph_spares_the_products_of_rows_that_it_knows(monkeypatch):
    """Of a random order of half the rows, less than a third of the pairs is multiplied."""
    vectors, order = unit(600, d=6), np.random.default_rng(0).permutation(600)[:300]
    monkeypatch.setattr(curves, "BLOCK", 50)
    pairs, compare = [], curves._nearest
    monkeypatch.setattr(
        curves,
        "_nearest",
        lambda rows, chosen, counts: (
            pairs.append(len(rows) * int(counts[-1])) or compare(rows, chosen, counts)
        ),
    )
    coverage(vectors, order, ladder(300, pool=LARGE), _graph(vectors, 10))
    assert 0 < sum(pairs) < 600 * 300 / 3


# The control.


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 60), seed=st.integers(0, 2**32), data=st.data())
def test_a_control_is_a_draw_of_distinct_rows_and_smaller_ones_are_its_beginning(n, seed, data):
    """As many different rows as asked for; a smaller control is a prefix of a larger one."""
    keys = id_keys(f"row {i}" for i in range(n))
    count = data.draw(st.integers(0, n))
    rows = random_rows(keys, count, seed).tolist()
    assert len(rows) == len(set(rows)) == count
    assert rows == random_rows(keys, n, seed).tolist()[:count]


def test_a_control_belongs_to_ids_and_not_to_places():
    """The same rows in another order give the same ids in the same sequence."""
    ids = np.array([f"row {i}" for i in range(80)])
    turned = np.random.default_rng(2).permutation(80)
    first = ids[random_rows(id_keys(ids), 20, 5)]
    second = ids[turned][random_rows(id_keys(ids[turned]), 20, 5)]
    assert first.tolist() == second.tolist()


def test_a_control_takes_every_row_equally_often():
    """Ten of fifty rows for 2,000 seeds: each about 400 times, by a chi-square test."""
    keys = id_keys(f"row {i}" for i in range(50))
    counts = np.zeros(50)
    for seed in range(2000):
        counts[random_rows(keys, 10, seed)] += 1
    spread = ((counts - 400) ** 2 / 400).sum() * (50 - 1) / (50 - 10)
    assert 1e-3 < stats.chi2.cdf(spread, 49) < 1 - 1e-3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_control_is_independent_of_the_draws_that_strategies_use(seed):
    """With the same seed the strategy ``random`` would else be compared with itself."""
    keys = id_keys(f"row {i}" for i in range(5000))
    control = set(random_rows(keys, 500, seed).tolist())
    chosen = set(np.argsort(draws(keys, seed))[:500].tolist())
    assert 20 <= len(control & chosen) <= 80  # 50 are shared by chance
