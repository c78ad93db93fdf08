"""k-center against brute force: each next row is the one farthest from those chosen before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import choosing, nearest, pool, pools, random_pool, seeds, unit

from core.selection import farthest
from core.selection.farthest import farthest_first

SAME = 1e-6  # cosine distance up to which two rows are one


def _greedy(vectors, rows, draw, limit):
    """The definition, in double precision, one row at a time over all rows."""
    rows = sorted(rows, key=draw.__getitem__)
    wide = vectors.astype(float)[rows]
    order = [int(np.argmax((wide * wide.mean(axis=0)).sum(axis=1)))]
    distance = np.full(len(rows), np.inf)
    while len(order) < min(limit, len(rows)):
        distance = np.minimum(distance, 1 - (wide * wide[order[-1]]).sum(axis=1))
        distance[order] = -np.inf
        farthest_row = int(np.argmax(distance))
        if distance[farthest_row] <= SAME:
            order += [row for row in range(len(rows)) if row not in order]
        else:
            order.append(farthest_row)
    return [rows[place] for place in order[:limit]]


def _check_greedy(vectors, rows, draw, order):
    """Each pick is one of the farthest that are left, the one with the smallest draw; repeats come last."""
    wide = vectors.astype(float)
    by_draw = sorted(rows, key=draw.__getitem__)
    assert sorted(order) == sorted(rows)
    centrality = wide @ wide[rows].mean(axis=0)
    assert centrality[order[0]] >= centrality[rows].max() - 1e-12
    distance = np.full(len(vectors), np.inf)
    for place, pick in enumerate(order[1:], start=1):
        distance = np.minimum(distance, 1 - wide @ wide[order[place - 1]])
        left = [row for row in by_draw if row not in order[:place]]
        far = max(distance[row] for row in left)
        ties = left if far <= SAME else [row for row in left if distance[row] >= far - 1e-12]
        assert pick == ties[0]


def _draw(n, seed=0):
    return np.random.default_rng(seed).permutation(n).astype(np.uint64)


def _clustered(n, d, seed):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(12, d))
    return unit(centres[rng.integers(0, 12, n)] + 0.4 * rng.normal(size=(n, d)))


@pytest.fixture
def small_pool(monkeypatch):
    """Few rows at a time are kept up to date, so that many rounds and groups are needed."""

    def shrink(size, group=3, block=7):
        monkeypatch.setattr(farthest, "POOL", size)
        monkeypatch.setattr(farthest, "GROUP", group)
        monkeypatch.setattr(farthest, "BLOCK", block)

    return shrink


@pytest.mark.parametrize("d", [2, 3, 17, 384])
@pytest.mark.parametrize("limit", [1, 2, 40, 200, 500])
def test_the_sequence_is_that_of_the_greedy_definition(d, limit):
    """Two hundred clustered rows: the same rows in the same sequence as by brute force."""
    vectors, draw = _clustered(200, d, seed=d), _draw(200)
    order = farthest_first(vectors, np.arange(200), draw, limit=limit)
    assert order.tolist() == _greedy(vectors, range(200), draw, limit)


@pytest.mark.parametrize("size", [1, 2, 5, 16, 199, 200, 201])
def test_how_many_rows_are_kept_up_to_date_does_not_show(small_pool, size):
    """A pool of one row or of all of them: the order is the same, to the last row."""
    small_pool(size)
    vectors, draw = _clustered(200, 12, seed=1), _draw(200)
    order = farthest_first(vectors, np.arange(200), draw, limit=200)
    assert order.tolist() == _greedy(vectors, range(200), draw, 200)


def test_only_the_rows_asked_for_are_looked_at():
    """Rows that are not eligible move neither the mean nor any distance."""
    vectors, draw = _clustered(200, 12, seed=2), _draw(200)
    rows = np.flatnonzero(np.arange(200) % 3 == 0)
    order = farthest_first(vectors, rows, draw, limit=40)
    assert order.tolist() == _greedy(vectors, rows.tolist(), draw, 40)


@settings(max_examples=60, deadline=None)
@given(rows=pools(max_rows=16), seed=seeds(), size=st.integers(1, 6))
def test_every_pick_is_the_farthest_left_where_nearly_all_distances_tie(rows, seed, size):
    """Few directions and many repeats: checked pick by pick, whatever the size of the pool."""
    draw = _draw(len(rows), seed)
    held = farthest.POOL
    farthest.POOL = size
    try:
        order = farthest_first(rows.vectors, np.arange(len(rows)), draw, limit=len(rows))
    finally:
        farthest.POOL = held
    _check_greedy(rows.vectors, list(range(len(rows))), draw, order.tolist())


@pytest.mark.parametrize("size", [1, 8, 64, 600])
def test_rows_at_right_angles_are_taken_by_draw(small_pool, size):
    """All distances are equal, so the smallest draws win, even where a pool holds only a few of the rows."""
    small_pool(size)
    vectors, draw = np.eye(100, dtype=np.float32), _draw(100)
    order = farthest_first(vectors, np.arange(100), draw, limit=60)
    assert order.tolist() == np.argsort(draw)[:60].tolist()


@pytest.mark.parametrize("size", [2, 512])
def test_repeated_rows_come_last_by_draw(small_pool, size):
    """Eighty different rows first, in the greedy sequence; their hundred and twenty copies by draw."""
    small_pool(size)
    vectors = np.repeat(_clustered(80, 40, seed=3), [1, 2, 3, 4] * 20, axis=0)
    draw = _draw(200)
    order = farthest_first(vectors, np.arange(200), draw, limit=200).tolist()
    assert len(np.unique(vectors[order[:80]], axis=0)) == 80
    assert order[80:] == sorted(order[80:], key=draw.__getitem__)
    assert order == _greedy(vectors, range(200), draw, 200)


def test_of_equal_rows_the_smallest_draw_stands_for_them():
    """A row and its copies are one place on the map: the draw says which of them is taken."""
    vectors = np.repeat(_clustered(20, 12, seed=4), 5, axis=0)
    draw = _draw(100)
    for pick in farthest_first(vectors, np.arange(100), draw, limit=20).tolist():
        copies = range(pick // 5 * 5, pick // 5 * 5 + 5)
        assert pick == min(copies, key=draw.__getitem__)


def test_rows_that_all_repeat_one_vector_come_by_draw():
    """One direction only: no row is farther than another, and the search ends."""
    vectors, draw = unit(np.tile(np.arange(1.0, 385.0), (50, 1))), _draw(50)
    order = farthest_first(vectors, np.arange(50), draw, limit=50)
    assert order.tolist() == np.argsort(draw).tolist()


@pytest.mark.parametrize("size", [1, 32, 512])
def test_the_rounding_of_long_products_misses_no_row(small_pool, size):
    """Rows with 3,000 equal entries, where single precision is off by its most: still the exact order."""
    small_pool(size)
    rng = np.random.default_rng(5)
    vectors = unit(1 + 0.004 * rng.normal(size=(120, 3000)))
    draw = _draw(120)
    order = farthest_first(vectors, np.arange(120), draw, limit=120)
    assert order.tolist() == _greedy(vectors, range(120), draw, 120)


def test_a_row_between_two_chosen_ones_is_measured_to_the_nearer_one():
    """One of two chosen rows is nearer by less than single precision can tell: the order knows which."""
    left, right = np.array([1.0, 0, 0]), np.array([-1.0, 0, 0])
    lean = 3e-9
    middle = [(lean, 1.0, 0.0), (0.0, 0.0, 1.0), (2 * lean, -1.0, 0.0)]
    vectors = unit([left, right, *middle])
    order = farthest_first(vectors, np.arange(5), _draw(5), limit=5)
    assert order.tolist() == _greedy(vectors, range(5), _draw(5), 5)


def test_a_bound_that_is_as_low_as_a_repeat_ends_the_search(monkeypatch):
    """A distance of exactly the limit is a repeat, and no reason to go round for ever."""
    vectors = unit([(1, 0), (1, 1), (0, 1)])
    exact = 1 - float(vectors[1].astype(float) @ vectors[0].astype(float))
    monkeypatch.setattr(farthest, "REPEAT", exact)
    draw = np.array([2, 0, 1], dtype=np.uint64)
    assert farthest_first(vectors, np.arange(3), draw, limit=3).tolist() == [1, 2, 0]


def test_nothing_to_choose_from_and_nothing_wanted_give_an_empty_order():
    """No rows, or a limit of none."""
    vectors, draw = _clustered(5, 3, seed=6), _draw(5)
    assert farthest_first(vectors, np.arange(0), draw, limit=3).tolist() == []
    assert farthest_first(vectors, np.arange(5), draw, limit=0).tolist() == []


def test_it_can_be_stopped_between_any_two_picks():
    """``check`` is asked at least once a pick, also while one pool gives many."""
    asked = []
    vectors = np.eye(90, dtype=np.float32)
    farthest_first(vectors, np.arange(90), _draw(90), limit=50, check=lambda: asked.append(1))
    assert len(asked) >= 49


def test_k_center_covers_better_than_a_random_draw():
    """What it is for: its covering radius is below that of twenty random draws of the same size."""
    vectors = _clustered(200, 12, seed=7)
    wide = vectors.astype(float)

    def radius(rows):
        return (1 - wide @ wide[rows].T).min(axis=1).max()

    rng = np.random.default_rng(7)
    mine = radius(farthest_first(vectors, np.arange(200), _draw(200), limit=20))
    assert mine < min(radius(rng.permutation(200)[:20]) for _ in range(20))


# The option to leave outliers for last.


@pytest.mark.parametrize("percent", [0.0, 5.0, 12.5, 50.0])
def test_the_rows_whose_tenth_neighbour_is_farthest_are_left_for_last(percent):
    """That share of the eligible rows, rounded down, is taken after all the others, by draw."""
    rows = random_pool(200, seed=8)
    params = choosing(strategy="k-center", min_score=2.0, options=(("drop_outliers", percent),))
    passing = [i for i, id_ in enumerate(rows.ids) if id_ in rows.scored_at_least(2.0)]
    wide = rows.vectors.astype(float)
    tenth = {i: np.sort(1 - wide[i] @ wide.T)[10] for i in passing}  # place 0 is the row itself
    dropped = sorted(passing, key=tenth.__getitem__, reverse=True)[: int(len(passing) * percent / 100)]
    draw = rows.candidates(params).draw
    kept = [i for i in passing if i not in dropped]
    expected = _greedy(rows.vectors, kept, draw, len(kept)) + sorted(dropped, key=draw.__getitem__)
    assert rows.choose(params).ids == [rows.ids[i] for i in expected]


@pytest.mark.parametrize("limit", [1, 59, 60, 61, 79, 80, 81])
def test_a_limit_around_the_outliers_only_cuts_the_order(limit):
    """Twenty of eighty rows are left for last: an order of any length begins like the whole one."""
    rows = pool([3.0] * 80, vectors=_clustered(80, 6, seed=9), k=10)
    params = choosing(strategy="k-center", options=(("drop_outliers", 25.0),))
    order = rows.order(params, limit).tolist()
    assert len(order) >= min(limit, 80)
    assert order == rows.order(params, 80).tolist()[: len(order)]


def test_where_a_row_has_fewer_than_ten_neighbours_the_last_one_counts():
    """A graph of three neighbours a row still tells the outlier."""
    vectors = unit([(1, 0), (1, 0.01), (1, 0.02), (1, 0.03), (-1, 0.2)])
    assert nearest(vectors, 3).indices.shape == (5, 3)
    rows = pool([3.0] * 5, vectors=vectors, k=3)
    params = choosing(strategy="k-center", options=(("drop_outliers", 20.0),))
    assert rows.choose(params).ids[-1] == "row 4"
    assert rows.choose(choosing(strategy="k-center")).ids[1] == "row 4"
