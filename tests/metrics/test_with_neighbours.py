"""Metrics that read the nearest rows, against the same metrics that multiply every pair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_pools import CLOSE, nearest_by_hand, pool_of

from core.metrics import geometry, measure
from core.neighbours import NeighbourParams, neighbours


def with_neighbours(pool, k=15):
    """The same pool with the k nearest rows of every row."""
    return replace(pool, neighbours=neighbours(pool.vectors, NeighbourParams(k=k)))


@pytest.mark.parametrize(
    "repeats", [0.0, 0.5, 0.97], ids=["none repeats", "half repeat", "nearly all repeat"]
)
@pytest.mark.parametrize("count", [1, 2, 30, 200])
def test_every_metric_is_the_same_with_and_without_them(repeats, count):
    """Few and many rows chosen; rows that repeat fifteen others, so that none of a list is of another text."""
    pool = pool_of(repeats=repeats, seed=count)
    rows = np.random.default_rng(count).permutation(200)[:count]
    read, multiplied = measure(with_neighbours(pool), rows), measure(pool, rows)
    # The density of repeated rows is read from differences that single precision hardly tells from none.
    loose = {"novelsum": 1e-3}
    for name, value in multiplied.items():
        assert read[name] == pytest.approx(value, rel=loose.get(name, 1e-5), abs=CLOSE, nan_ok=True), name


@pytest.mark.parametrize("k", [1, 15])
def test_a_row_far_from_all_chosen_ones_is_multiplied(k):
    """Where no chosen row is among the nearest the distance is still the least one."""
    pool = with_neighbours(pool_of(seed=4), k)
    rows = np.array([3, 11])
    known = np.isin(pool.neighbours.indices, rows).any(axis=1)
    assert 0 < known.sum() < 100
    found = 1 - geometry.nearest_others(pool.vectors, rows, pool.neighbours)
    others = np.setdiff1d(np.arange(200), rows)
    np.testing.assert_allclose(found[others], nearest_by_hand(pool.vectors, rows)[others], atol=CLOSE)
    np.testing.assert_allclose(found[rows], 1 - pool.vectors[3] @ pool.vectors[11], atol=CLOSE)


def test_a_row_is_never_its_own_nearest_one():
    """One chosen row has no other one, with the list as without."""
    pool = with_neighbours(pool_of(seed=5))
    assert geometry.nearest_others(pool.vectors, np.array([7]), pool.neighbours)[7] == -1


def test_few_products_are_left_where_many_rows_are_chosen(monkeypatch):
    """Of 200 rows with 60 chosen, those without a chosen neighbour are multiplied and no others."""
    pool = with_neighbours(pool_of(seed=6))
    rows = np.random.default_rng(6).permutation(200)[:60]
    wanted = []
    multiply = geometry._multiply

    def counted(vectors, rows, some, best, check):
        wanted.append(len(some))
        multiply(vectors, rows, some, best, check)

    monkeypatch.setattr(geometry, "_multiply", counted)
    geometry.nearest_others(pool.vectors, rows, pool.neighbours)
    assert wanted == [int((~np.isin(pool.neighbours.indices, rows)).all(axis=1).sum())]
    assert wanted[0] < 20
