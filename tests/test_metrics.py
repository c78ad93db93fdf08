"""The figures of a subset, each against a few lines of brute force."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core import metrics
from core.draws import draws, id_keys
from core.metrics import Figures, Pool, cheap_figures, coverage, figures, ladder, random_rows, table

CLOSE = 2e-6  # products in single precision


def _unit(n, d=12, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(n, d)) + 0.5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _nearest_by_hand(vectors, rows):
    """(n,) cosine distance of every row to the nearest of ``rows``, in double precision."""
    wide = vectors.astype(float)
    return np.array([min(1 - float(x @ wide[row]) for row in rows) for x in wide])


def _pool(n=200, seed=0, scores=True):
    rng = np.random.default_rng(seed)
    given = (rng.integers(0, 11, n) / 2).astype(np.float32)
    given[rng.random(n) < 0.2] = np.nan
    return Pool(
        vectors=_unit(n, seed=seed),
        labels=rng.integers(-1, 6, n).astype(np.int32),
        tokens=rng.integers(1, 500, n).astype(np.int32),
        response_chars=rng.integers(0, 4000, n),
        scores=given if scores else None,
    )


# The curve.


def test_the_curve_is_the_greatest_and_the_mean_distance_to_the_nearest_chosen_row():
    """At every count, over all two hundred rows, by brute force."""
    vectors = _unit(200)
    order = np.random.default_rng(1).permutation(200)[:60]
    counts = np.array([1, 2, 3, 17, 40, 60])
    curve = coverage(vectors, order, counts)
    for count, radius, mean in zip(counts, curve.radius, curve.mean, strict=True):
        distances = _nearest_by_hand(vectors, order[:count])
        assert radius == pytest.approx(distances.max(), abs=CLOSE)
        assert mean == pytest.approx(distances.mean(), abs=CLOSE)


def test_blocks_of_any_size_give_the_same_curve(monkeypatch):
    """Fewer rows a product than there are rows, and a last block that is not full."""
    vectors, order, counts = _unit(200), np.arange(0, 200, 3), np.array([5, 50, 67])
    whole = coverage(vectors, order, counts)
    monkeypatch.setattr(metrics, "BLOCK", 33)
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
    curve = coverage(_unit(n, d=4, seed=seed), order, ladder(n))
    assert np.all(np.diff(curve.radius) <= 0)
    assert np.all(np.diff(curve.mean) <= 0)
    assert curve.radius[-1] == pytest.approx(0, abs=CLOSE)
    assert np.all(curve.mean <= curve.radius)


def test_the_curve_between_two_steps_lies_between_them():
    """A step is given as it is; between steps the line from one to the next."""
    curve = metrics.Curve(np.array([1, 3, 7]), np.array([0.9, 0.5, 0.1]), np.array([0.6, 0.4, 0.0]))
    assert curve.at(3) == pytest.approx((0.5, 0.4))
    assert curve.at(2) == pytest.approx((0.7, 0.5))
    assert curve.at(6) == pytest.approx((0.2, 0.1))


@pytest.mark.parametrize("count", [-1, 0, 8])
def test_the_curve_says_nothing_where_it_does_not_reach(count):
    """Nothing chosen, or more than the order holds: no figure rather than a guess."""
    curve = metrics.Curve(np.array([1, 3, 7]), np.array([0.9, 0.5, 0.1]), np.array([0.6, 0.4, 0.0]))
    assert curve.at(count) is None


def test_a_curve_without_counts_is_empty():
    """No count to measure at, so no figure at any count."""
    curve = coverage(_unit(5), np.arange(0), ladder(0))
    assert len(curve.counts) == len(curve.radius) == len(curve.mean) == 0
    assert curve.at(0) is None
    assert curve.at(1) is None


def test_a_long_curve_can_be_stopped():
    """What ``check`` raises between two blocks comes out."""

    def stop():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        coverage(_unit(10), np.arange(10), np.array([10]), check=stop)


@settings(max_examples=60, deadline=None)
@given(length=st.integers(0, 200_000), exact=st.one_of(st.none(), st.integers(-5, 210_000)))
def test_the_ladder_holds_all_small_counts_the_length_and_no_wide_step(length, exact):
    """Ascending, inside the order, dense at first, at most a tenth apart later, and few in all."""
    counts = ladder(length, exact=exact).tolist()
    assert counts == sorted(set(counts))
    assert counts[: min(length, 16)] == list(range(1, min(length, 16) + 1))
    if length:
        assert counts[-1] == length
    if exact is not None and 0 < exact <= length:
        assert exact in counts
    assert all(high <= max(low + 1, low * 1.1 + 1) for low, high in pairwise(counts))
    assert len(counts) <= 16 + 8 * 14 + 1


# The figures.


@pytest.mark.parametrize("seed", [0, 1])
def test_every_figure_is_what_a_count_by_hand_gives(seed):
    """Sums and means over the chosen rows, distances over the pool; unscored rows and noise are left out."""
    pool = _pool(seed=seed)
    rows = np.random.default_rng(seed).permutation(200)[:30]
    distances = _nearest_by_hand(pool.vectors, rows)
    scored = [float(pool.scores[row]) for row in rows if not math.isnan(pool.scores[row])]
    tokens = [int(pool.tokens[row]) for row in rows]
    assert 0 < len(scored) < 30
    found = figures(pool, rows)
    assert found == Figures(
        rows=30,
        tokens=sum(tokens),
        mean_score=pytest.approx(sum(scored) / len(scored)),
        mean_tokens=pytest.approx(sum(tokens) / 30),
        mean_response=pytest.approx(sum(int(pool.response_chars[row]) for row in rows) / 30),
        clusters=len({int(pool.labels[row]) for row in rows} - {-1}),
        radius=pytest.approx(distances.max(), abs=CLOSE),
        mean_nearest=pytest.approx(distances.mean(), abs=CLOSE),
    )


def test_the_cheap_figures_are_the_same_without_the_distances():
    """What needs only the chosen rows is equal; radius and mean distance are not a number."""
    pool, rows = _pool(), np.arange(0, 200, 7)
    cheap, full = cheap_figures(pool, rows), figures(pool, rows)
    assert math.isnan(cheap.radius)
    assert math.isnan(cheap.mean_nearest)
    for name in ("rows", "tokens", "mean_score", "mean_tokens", "mean_response", "clusters"):
        assert getattr(cheap, name) == getattr(full, name)


def test_an_empty_selection_has_no_means_and_no_distances():
    """Nothing chosen: counts are zero and every mean is missing, not zero."""
    found = figures(_pool(), np.empty(0, dtype=np.int64))
    assert (found.rows, found.tokens, found.clusters) == (0, 0, 0)
    means = (found.mean_score, found.mean_tokens, found.mean_response, found.radius, found.mean_nearest)
    assert all(math.isnan(mean) for mean in means)


def test_without_a_judge_or_without_a_score_the_mean_score_is_missing():
    """No judge, or only unscored rows: not a number, and no warning."""
    assert math.isnan(figures(_pool(scores=False), np.arange(20)).mean_score)
    pool = _pool()
    unscored = np.flatnonzero(np.isnan(pool.scores))
    assert math.isnan(figures(pool, unscored).mean_score)


def test_token_counts_add_up_beyond_32_bits():
    """Three rows of a billion tokens are three billion."""
    pool = _pool(3)
    long = Pool(
        vectors=pool.vectors,
        labels=pool.labels,
        tokens=np.full(3, 1_000_000_000, dtype=np.int32),
        response_chars=pool.response_chars,
        scores=None,
    )
    assert cheap_figures(long, np.arange(3)).tokens == 3_000_000_000


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


# The table.


def _figures(**values):
    empty = dict.fromkeys(metrics.TITLES, math.nan)
    return Figures(**{**empty, **values})


def test_the_table_shows_selection_control_and_pool_side_by_side():
    """A row a figure, with the control's mean, lowest and highest; what is missing is null."""
    control = [_figures(rows=2, radius=radius) for radius in (0.5, 0.2, 0.8)]
    shown = table(_figures(rows=2, radius=0.1, tokens=7), control, _figures(rows=9))
    assert shown.columns == ["metric", "selection", "random mean", "random low", "random high", "pool"]
    assert shown["metric"].to_list() == list(metrics.TITLES.values())
    by_metric = {row[0]: row[1:] for row in shown.iter_rows()}
    assert by_metric[metrics.TITLES["rows"]] == (2, 2, 2, 2, 9)
    assert by_metric[metrics.TITLES["radius"]] == (0.1, pytest.approx(0.5), 0.2, 0.8, None)
    assert by_metric[metrics.TITLES["tokens"]] == (7, None, None, None, None)


def test_a_table_without_a_control_has_the_same_columns_of_numbers():
    """No draws: the columns are there, empty, and still numbers."""
    full = table(_figures(rows=1), [_figures(rows=1)], _figures(rows=1))
    bare = table(_figures(rows=1), [], _figures(rows=1))
    assert bare.schema == full.schema
    assert bare["random mean"].null_count() == len(metrics.TITLES)


def test_the_table_of_real_figures_has_a_title_for_every_field():
    """No figure is left out of the table, and none is named twice."""
    pool = _pool()
    found = figures(pool, np.arange(10))
    shown = table(found, [found], cheap_figures(pool, np.arange(200)))
    assert len(shown) == len(Figures.__dataclass_fields__) == len(set(shown["metric"]))
    assert shown["selection"].null_count() == 0
