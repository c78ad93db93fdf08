"""The layout: its forces are the slopes of UMAP's cost, and its bytes hang on nothing but what it is given."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from core import layout
from core.errors import Cancelled
from core.layout import Graph, lay_out

CURVE = (1.577, 0.895)  # a and b of umap's default, rounded
GROWING = np.geomspace(1e-3, 100, 50)


def _ring(n, reach=2, negatives=5):
    """Rows in a ring, each tied to the nearest on both sides, the farther the weaker."""
    steps = np.array([step for step in range(-reach, reach + 1) if step])
    others = (np.arange(n)[:, None] + steps) % n
    weights = np.tile(1 / np.abs(steps), (n, 1))
    starts = np.arange(n + 1) * len(steps)
    return Graph.of(
        starts.astype(np.int32),
        others.ravel().astype(np.int32),
        weights.ravel().astype(np.float32),
        negatives,
    )


def _laid_out(start, graph, *, epochs=1, seed=0, after_epoch=lambda done: None):
    return lay_out(start, graph, curve=CURVE, epochs=epochs, seed=seed, after_epoch=after_epoch)


def _start(n, seed=0):
    return np.random.default_rng(seed).normal(scale=3, size=(n, 2)).astype(np.float32)


def _membership(distance):
    a, b = CURVE
    return 1 / (1 + a * distance ** (2 * b))


def _slope(cost, at, step=1e-5):
    return (cost(at + step) - cost(at - step)) / (2 * step)


def _force(kernel, distance):
    shape = tuple(np.float32(number) for number in CURVE)
    call = njit(lambda square: kernel(square, shape))
    return distance * np.array([call(np.float32(each**2)) for each in distance])


def test_an_edge_pulls_down_the_cost_of_being_apart():
    """The force is minus the slope of -log(membership), by numerical differentiation in double precision."""
    expected = -_slope(lambda d: -np.log(_membership(d)), GROWING)
    assert _force(layout._pull, GROWING) == pytest.approx(expected, rel=2e-3)


def test_a_random_row_pushes_down_the_cost_of_being_near():
    """The same for -log(1 - membership), where umap's softening no longer matters."""
    far = GROWING[GROWING > 0.3]
    expected = -_slope(lambda d: -np.log(1 - _membership(d)), far)
    assert _force(layout._push, far) == pytest.approx(expected, rel=2e-2)


def test_powers_are_near_enough_over_all_distances():
    """Within a ten-thousandth, from rows in one place to rows a whole map apart."""
    power = njit(lambda number, exponent: layout._exp2(exponent * layout._log2(number)))
    numbers = np.geomspace(1e-12, 1e6, 2000).astype(np.float32)
    for exponent in (0.5, 0.8, 0.95):
        found = np.array([power(each, np.float32(exponent)) for each in numbers])
        assert found == pytest.approx(numbers.astype(float) ** exponent, rel=1e-4)


def test_one_epoch_is_one_step_along_the_sum_of_all_pulls():
    """With nothing that pushes, every row moves by its edges alone, from where all rows were before."""
    start, graph = _start(40), _ring(40, negatives=0)
    moved = np.zeros((40, 2))
    for row in range(40):
        for edge in range(graph.starts[row], graph.starts[row + 1]):
            gap = start[row].astype(float) - start[graph.others[edge]]
            a, b = CURVE
            square = (gap**2).sum()
            force = -2 * a * b * square ** (b - 1) / (1 + a * square**b)
            moved[row] += graph.weights[edge] * np.clip(force * gap, -4, 4)
    assert _laid_out(start, graph) - start == pytest.approx(layout._STEP * moved, abs=1e-4)


def test_neighbours_end_nearer_than_strangers():
    """A ring becomes a loop: rows beside each other lie closer than rows across."""
    places = _laid_out(_start(120), _ring(120), epochs=400)
    beside = np.linalg.norm(places - np.roll(places, 1, axis=0), axis=1)
    across = np.linalg.norm(places - np.roll(places, 60, axis=0), axis=1)
    assert np.median(beside) * 4 < np.median(across)


def test_more_negatives_spread_the_map():
    """A whole edge counts as many random rows as asked for."""
    extents = [np.ptp(_laid_out(_start(120), _ring(120, negatives=count), epochs=300)) for count in (1, 20)]
    assert extents[0] < extents[1]


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_the_number_of_threads_changes_no_byte(threads, monkeypatch):
    """Rows move by the places of the epoch before, so nothing depends on who moves first."""
    start, graph = _start(101), _ring(101)
    usual = _laid_out(start, graph, epochs=30)
    monkeypatch.setattr(layout, "cores", lambda: threads)
    assert _laid_out(start, graph, epochs=30).tobytes() == usual.tobytes()


def test_the_seed_draws_the_rows_that_push():
    """Another seed is another map."""
    start, graph = _start(60), _ring(60)
    one, other = (_laid_out(start, graph, epochs=10, seed=seed) for seed in (0, 1))
    assert (one != other).any()


def test_every_row_is_drawn_about_as_often_as_any_other():
    """The rows that push are drawn evenly: counts of 7 rows lie where chance puts them."""
    rows = 7
    draw = njit(
        lambda row, turn: layout._mixed(layout._mixed(np.uint32(row)) + np.uint32(turn) * layout._ODD)
    )
    drawn = [int(draw(row, turn)) * rows >> 32 for row in range(2000) for turn in range(16)]
    counts = np.bincount(drawn, minlength=rows)
    expected = len(drawn) / rows
    assert ((counts - expected) ** 2 / expected).sum() < 22.5  # chi-squared, 6 degrees: one in a thousand


def test_rows_without_edges_and_rows_in_one_place_stay_finite():
    """A row without an edge has no reason to move; equal rows feel no force between them."""
    starts = np.array([0, 1, 2, 2], dtype=np.int32)
    graph = Graph.of(starts, np.array([1, 0], dtype=np.int32), np.ones(2, dtype=np.float32), 5)
    start = np.array([[0, 0], [0, 0], [3, 4]], dtype=np.float32)
    places = _laid_out(start, graph, epochs=50)
    assert np.isfinite(places).all()
    assert places[2].tolist() == [3, 4]


def test_every_epoch_is_told_and_may_be_the_last():
    """The start is left as it was, whatever happens."""
    told = []

    def stop(done):
        told.append(done)
        if done == 3:
            raise Cancelled

    start = _start(30)
    before = start.tobytes()
    with pytest.raises(Cancelled):
        _laid_out(start, _ring(30), epochs=10, after_epoch=stop)
    assert told == [1, 2, 3]
    assert start.tobytes() == before
