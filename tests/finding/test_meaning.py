"""Distances to examples, the nearest rows, and rankings in one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.draws import draws, id_keys
from core.meaning import distances_to, fused, nearest_first


def unit(rng, n, d=6, kinds=4):
    """(n, d) unit rows with many repeats, so that distances tie."""
    base = rng.normal(size=(kinds, d))
    rows = base[rng.integers(0, kinds, n)].astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("m", "nearest"), [(1, 1), (2, 1), (4, 1), (7, 1), (8, 2), (11, 2), (12, 3), (40, 3)]
)
def test_a_distance_is_one_less_the_mean_of_the_nearest_similarities(m, nearest):
    """Beside a loop in double precision over more rows than one block."""
    rng = np.random.default_rng(m)
    vectors, examples = unit(rng, 4500, kinds=99), unit(rng, m, kinds=99)
    got = distances_to(vectors, examples)
    for row in (0, 1, 4095, 4096, 4499):
        similar = sorted(float(np.dot(vectors[row].astype(float), e.astype(float))) for e in examples)
        assert got[row] == pytest.approx(1 - np.mean(similar[-nearest:]), abs=2e-6)
    assert got.min() >= 0 and got.max() <= 2


@given(
    values=st.lists(st.sampled_from([0.0, 0.1, 0.2, 1.5]), min_size=1, max_size=30),
    count=st.integers(0, 35),
    seed=st.integers(0, 99),
)
def test_nearest_rows_are_those_of_a_sort_whatever_the_order_of_rows(values, count, seed):
    """Ascending distance, then the key of the id; shuffled rows give the same ids in the same order."""
    rng = np.random.default_rng(seed)
    away = np.array(values, dtype=np.float32)
    ids = [f"row {place}" for place in range(len(values))]
    keys = draws(id_keys(ids), 0)
    among = np.flatnonzero(rng.random(len(values)) < 0.7)
    got = nearest_first(away, keys, count=count, among=among)
    assert got.tolist() == sorted(among.tolist(), key=lambda row: (away[row], keys[row]))[:count]
    turn = rng.permutation(len(values))
    place = np.argsort(turn)
    again = nearest_first(away[turn], keys[turn], count=count, among=np.sort(place[among]))
    assert [int(turn[row]) for row in again] == got.tolist()


@given(
    first=st.lists(st.integers(0, 20), unique=True),
    second=st.lists(st.integers(0, 20), unique=True),
    count=st.integers(1, 30),
)
def test_fused_rankings_are_the_sums_of_their_reciprocal_places(first, second, count):
    """A row that both rankings hold near the top leads; either may be empty."""
    keys = draws(id_keys(map(str, range(21))), 0)
    rankings = [np.array(each, dtype=np.int64) for each in (first, second)]
    score = {row: 0.0 for row in {*first, *second}}
    for ranking in (first, second):
        for place, row in enumerate(ranking):
            score[row] += 1 / (61 + place)
    expected = sorted(score, key=lambda row: (-round(score[row], 12), keys[row]))[:count]
    assert fused(rankings, keys, count=count).tolist() == expected
