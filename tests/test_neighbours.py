"""The nearest rows, against every pair in double precision."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from real_rows import FILE, some_rows

from core import neighbours as module
from core.domain import Progress
from core.errors import Cancelled, ParameterError
from core.neighbours import NeighbourParams, neighbours

ROOT = Path(__file__).parents[1]
CLOSE = 2e-6  # products and differences in single precision


def _unit(rows):
    rows = np.asarray(rows, dtype=float)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _scattered(n, d=24, seed=0):
    return _unit(np.random.default_rng(seed).normal(size=(n, d)))


def _clustered(n=3000, d=32, groups=30, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(groups, d))
    return _unit(centres[rng.integers(0, groups, n)] + 0.4 * rng.normal(size=(n, d)))


def _by_hand(vectors):
    """(n, n) cosine distances in double precision; a row is never its own neighbour."""
    wide = vectors.astype(float)
    distances = 1 - wide @ wide.T
    np.fill_diagonal(distances, np.inf)
    return distances


def _digest(found):
    return hashlib.sha256(found.indices.tobytes() + found.distances.tobytes()).hexdigest()


def _recall(found, truth, k):
    """The share of neighbours that are no farther than the true k-th one."""
    farthest = np.sort(truth, axis=1)[:, k - 1]
    chosen = np.take_along_axis(truth, found.indices, axis=1)
    return (chosen <= farthest[:, None] + CLOSE).mean()


def _check_form(found, n, k):
    """Assert what holds of every answer: shapes, kinds, order, no row twice and none its own."""
    assert found.indices.shape == found.distances.shape == (n, k)
    assert found.indices.dtype == np.int32
    assert found.distances.dtype == np.float32
    assert not found.indices.flags.writeable
    assert not found.distances.flags.writeable
    assert (np.diff(found.distances, axis=1) >= 0).all()
    assert (found.indices != np.arange(n)[:, None]).all()
    assert (found.indices >= 0).all()
    assert (found.indices < n).all()
    assert all(len(set(row)) == k for row in found.indices.tolist())


# Up to EXACT_ROWS: every pair is looked at.


@pytest.mark.parametrize("k", [1, 5, 15, 50])
def test_the_neighbours_are_those_of_brute_force(k):
    """Three hundred rows, a tenth of them exact duplicates, have the k least distances there are."""
    vectors = _scattered(300)
    vectors[200:230] = vectors[:30]
    found = neighbours(vectors, NeighbourParams(k=k))
    _check_form(found, 300, k)
    truth = _by_hand(vectors)
    np.testing.assert_allclose(found.distances, np.sort(truth, axis=1)[:, :k], atol=CLOSE)
    np.testing.assert_allclose(found.distances, np.take_along_axis(truth, found.indices, axis=1), atol=CLOSE)


def test_rows_without_ties_get_the_same_indices_as_brute_force():
    """Where no two distances are equal the indices themselves are decided, nearest first."""
    vectors = _unit(np.column_stack([np.cos(np.arange(40) ** 1.5 / 90), np.sin(np.arange(40) ** 1.5 / 90)]))
    found = neighbours(vectors, NeighbourParams(k=6))
    truth = _by_hand(vectors)
    gaps = np.diff(np.sort(truth, axis=1)[:, :8], axis=1)
    clear = (gaps > 1e-5).all(axis=1)
    assert clear.sum() >= 10
    np.testing.assert_array_equal(found.indices[clear], np.argsort(truth, axis=1)[clear, :6])


def test_blocks_end_where_rows_end(monkeypatch):
    """A number of rows that is no multiple of the block gives the same neighbours as brute force."""
    monkeypatch.setattr(module, "_BLOCK", 64)
    vectors = _scattered(201, seed=3)
    found = neighbours(vectors, NeighbourParams(k=7))
    _check_form(found, 201, 7)
    np.testing.assert_allclose(found.distances, np.sort(_by_hand(vectors), axis=1)[:, :7], atol=CLOSE)


def test_equal_rows_are_at_distance_zero_exactly():
    """A duplicate is its copy's nearest neighbour, at 0 and not at a rounding error."""
    vectors = _scattered(60)
    vectors[59] = vectors[7]
    found = neighbours(vectors, NeighbourParams(k=3))
    assert (found.indices[7, 0], found.indices[59, 0]) == (59, 7)
    assert found.distances[7, 0] == found.distances[59, 0] == 0.0
    assert (found.distances >= 0).all()


def test_a_row_is_left_out_among_more_equal_rows_than_neighbours():
    """Thirty identical rows and five neighbours: each row finds five others of them, never itself."""
    vectors = _scattered(50)
    vectors[10:40] = vectors[10]
    found = neighbours(vectors, NeighbourParams(k=5))
    _check_form(found, 50, 5)
    assert (found.distances[10:40] == 0).all()
    assert ((found.indices[10:40] >= 10) & (found.indices[10:40] < 40)).all()


def test_equal_distances_are_listed_by_index():
    """Four copies of a row are told in the order in which they stand in the data."""
    vectors = _scattered(30)
    vectors[[3, 9, 17, 28]] = vectors[21]
    found = neighbours(vectors, NeighbourParams(k=8))
    np.testing.assert_array_equal(found.indices[21, :4], [3, 9, 17, 28])
    np.testing.assert_array_equal(found.indices[9, :4], [3, 17, 21, 28])


@pytest.mark.parametrize("k", [19, 20, 500])
def test_as_many_neighbours_as_there_are_other_rows(k):
    """With k of n - 1 or more, every other row is a neighbour, nearest first."""
    vectors = _scattered(20)
    found = neighbours(vectors, NeighbourParams(k=k))
    _check_form(found, 20, 19)
    np.testing.assert_allclose(found.distances, np.sort(_by_hand(vectors), axis=1)[:, :19], atol=CLOSE)


@pytest.mark.parametrize("n", [0, 1])
def test_without_other_rows_there_are_no_neighbours(n):
    """No row and one row give an array without columns."""
    _check_form(neighbours(np.ones((n, 1), dtype=np.float32)), n, 0)


def test_two_rows_are_each_other_s_neighbour():
    """At right angles, their cosine distance is 1."""
    found = neighbours(np.eye(2, dtype=np.float32))
    assert found.indices.tolist() == [[1], [0]]
    np.testing.assert_allclose(found.distances, 1, atol=CLOSE)


def test_the_vectors_may_be_read_only_and_stay_as_they_are():
    """A frozen array is searched and not changed."""
    vectors = _scattered(80)
    before = vectors.copy()
    vectors.setflags(write=False)
    neighbours(vectors)
    np.testing.assert_array_equal(vectors, before)


def test_a_memory_map_gives_the_same_bytes_as_the_array(tmp_path):
    """Vectors that lie on disk are searched like those in memory."""
    vectors = _scattered(120)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    assert _digest(neighbours(mapped)) == _digest(neighbours(vectors))
    mapped._mmap.close()


# Above EXACT_ROWS: cell by cell.


@pytest.fixture
def few_exact(monkeypatch):
    """Lower the number of rows up to which every pair is looked at."""
    monkeypatch.setattr(module, "EXACT_ROWS", 500)


@pytest.mark.usefixtures("few_exact")
@pytest.mark.parametrize("k", [1, 15])
def test_the_search_by_cells_finds_nearly_all_neighbours(k):
    """At least 95 of 100 true neighbours among 3,000 clustered rows, each at its true distance."""
    vectors = _clustered()
    found = neighbours(vectors, NeighbourParams(k=k))
    _check_form(found, 3000, k)
    truth = _by_hand(vectors)
    assert _recall(found, truth, k) >= 0.95
    np.testing.assert_allclose(found.distances, np.take_along_axis(truth, found.indices, axis=1), atol=CLOSE)


@pytest.mark.usefixtures("few_exact")
def test_more_probes_miss_fewer_neighbours_and_all_of_them_none():
    """The setting trades time for recall; looking into every cell is exact."""
    vectors = _scattered(1500, d=16)
    truth = _by_hand(vectors)
    recalls = [
        _recall(neighbours(vectors, NeighbourParams(k=10, probes=probes)), truth, 10)
        for probes in (1, 8, 1000)
    ]
    assert recalls[0] < recalls[1] < recalls[2]
    assert recalls[2] == 1.0


@pytest.mark.usefixtures("few_exact")
def test_cells_smaller_than_k_still_give_k_neighbours():
    """One cell of about 25 rows cannot hold 60 neighbours: the rest are found all the same."""
    vectors = _clustered(600)
    found = neighbours(vectors, NeighbourParams(k=60, probes=1))
    _check_form(found, 600, 60)


@pytest.mark.usefixtures("few_exact")
@pytest.mark.parametrize("k", [15, 400])
def test_a_thousand_equal_rows_above_the_exact_rows(k):
    """One crowded cell is cut, and its rows find each other at 0, never themselves."""
    vectors = _clustered(1400)
    vectors[200:1200] = vectors[200]
    found = neighbours(vectors, NeighbourParams(k=k))
    _check_form(found, 1400, k)
    assert (found.distances[200:1200, :15] == 0).all()


@pytest.mark.usefixtures("few_exact")
def test_all_rows_equal_above_the_exact_rows():
    """Vectors that cannot be told apart have k neighbours at 0 each."""
    found = neighbours(np.repeat(_scattered(1), 700, axis=0))
    _check_form(found, 700, 15)
    assert (found.distances == 0).all()


@pytest.mark.usefixtures("few_exact")
def test_chunks_change_nothing_that_a_row_finds(monkeypatch):
    """Memory is bounded by searching in chunks; the recall stays."""
    monkeypatch.setattr(module, "_CHUNK", 700)
    vectors = _clustered(2000)
    found = neighbours(vectors)
    _check_form(found, 2000, 15)
    assert _recall(found, _by_hand(vectors), 15) >= 0.95


# The same bytes.


def test_two_runs_give_the_same_bytes():
    """On the exact path nothing depends on which thread came first."""
    vectors = _clustered(1300)
    assert _digest(neighbours(vectors)) == _digest(neighbours(vectors.copy()))


@pytest.mark.usefixtures("few_exact")
def test_two_runs_by_cells_give_the_same_bytes_and_another_seed_may_not():
    """The cells are drawn from the seed and from nothing else."""
    vectors = _scattered(2000, d=16)
    params = NeighbourParams(probes=2)
    first = _digest(neighbours(vectors, params))
    assert _digest(neighbours(vectors, params)) == first
    assert _digest(neighbours(vectors, NeighbourParams(probes=2, seed=1))) != first


_ELSEWHERE = """
import hashlib, sys
import numpy as np
from core import neighbours as module
module.EXACT_ROWS = int(sys.argv[2])
found = module.neighbours(np.load(sys.argv[1]))
print(hashlib.sha256(found.indices.tobytes() + found.distances.tobytes()).hexdigest())
"""


@pytest.mark.parametrize("exact_rows", [8192, 500], ids=["exact", "by cells"])
def test_another_process_with_other_threads_gives_the_same_bytes(tmp_path, monkeypatch, exact_rows):
    """One BLAS thread or three, on one core or all: the answer is the same."""
    monkeypatch.setattr(module, "EXACT_ROWS", exact_rows)
    vectors = _clustered(1500, d=96)
    np.save(tmp_path / "vectors.npy", vectors)
    here = _digest(neighbours(vectors))
    for threads in ("1", "3"):
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
        run = subprocess.run(
            [sys.executable, "-c", _ELSEWHERE, str(tmp_path / "vectors.npy"), str(exact_rows)],
            cwd=ROOT,
            env={**os.environ, **dict.fromkeys(names, threads)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == here


# Settings, progress and stopping.


@pytest.mark.parametrize("params", [{"k": 0}, {"k": -3}, {"probes": 0}])
def test_settings_out_of_range_are_refused_with_a_hint(params):
    """Fewer than one neighbour or one probe is a mistake that a person can mend."""
    with pytest.raises(ParameterError) as caught:
        neighbours(_scattered(10), NeighbourParams(**params))
    assert "15" in caught.value.hint


@pytest.mark.parametrize("exact_rows", [8192, 500], ids=["exact", "by cells"])
def test_progress_rises_to_the_number_of_rows(monkeypatch, exact_rows):
    """Reports name the stage, never fall and end at n of n."""
    monkeypatch.setattr(module, "EXACT_ROWS", exact_rows)
    monkeypatch.setattr(module, "_BLOCK", 256)
    told: list[Progress] = []
    neighbours(_clustered(1100), on_progress=told.append)
    done = [report.done for report in told]
    assert len(done) >= 4
    assert done == sorted(done)
    assert {(report.stage, report.total) for report in told} == {("neighbours", 1100)}
    assert done[-1] == 1100


@pytest.mark.parametrize("exact_rows", [8192, 500], ids=["exact", "by cells"])
def test_stopping_passes_through(monkeypatch, exact_rows):
    """What on_progress raises reaches the caller, at once and unchanged."""
    monkeypatch.setattr(module, "EXACT_ROWS", exact_rows)
    monkeypatch.setattr(module, "_BLOCK", 128)
    told = []

    def stop(report):
        told.append(report)
        if report.done > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        neighbours(_clustered(1500), on_progress=stop)
    assert told[-1].done < 1500
    assert sum(report.done > 0 for report in told) == 1


# Real prompts.


@pytest.mark.slow
@pytest.mark.skipif(not FILE.exists(), reason="The real rows are not here: ../shared/data is absent.")
def test_the_neighbours_of_real_prompts_are_exact_and_nearly_all_found_by_cells(monkeypatch, real_project):
    """Five thousand prompts against every pair; by cells, 95 of 100 are found as well."""
    vectors = real_project.vectors()[some_rows()]
    truth = _by_hand(vectors)
    nearest = np.sort(truth, axis=1)[:, :15]
    found = neighbours(vectors)
    _check_form(found, 5000, 15)
    np.testing.assert_allclose(found.distances, nearest, atol=CLOSE)
    np.testing.assert_allclose(found.distances, np.take_along_axis(truth, found.indices, axis=1), atol=CLOSE)
    monkeypatch.setattr(module, "EXACT_ROWS", 500)
    by_cell = neighbours(vectors)
    _check_form(by_cell, 5000, 15)
    assert _recall(by_cell, truth, 15) >= 0.95


@pytest.mark.parametrize("seed", range(5))
def test_ranks_are_those_of_a_sort_by_three_keys(seed):
    """Row, then similarity, then position: with many ties, both zeros, numbers below zero and empty places."""
    rng = np.random.default_rng(seed)
    size, values = 5_000, np.array([0.0, -0.0, -0.25, 0.25, -1e-8, 1.0, -1.0, 0.9999999], np.float32)
    row = rng.integers(0, 40, size)
    other = np.concatenate([rng.permutation(size // 2), rng.permutation(size // 2)])
    similar = np.where(rng.random(size) < 0.5, rng.choice(values, size), rng.random(size)).astype(np.float32)
    is_empty = rng.random(size) < 0.1
    similar[is_empty], other[is_empty] = -np.inf, -1
    wanted, found = np.lexsort((other, -similar, row)), module._ranked(row, other, similar)
    for each in (row, similar, other):
        np.testing.assert_array_equal(each[found], each[wanted])
