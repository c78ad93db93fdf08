"""Neighbours with none missed, against every pair in double precision."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import neighbours as module
from core.errors import Cancelled
from core.neighbours import NeighbourParams, completed, neighbours

ROOT = Path(__file__).parents[1]
CLOSE = 2e-6
FEW_PROBES = NeighbourParams(k=15, probes=2)


@pytest.fixture(autouse=True)
def few_exact(monkeypatch):
    """Search by cells from 500 rows on, in small blocks, so that there are several of each."""
    for name, value in {"EXACT_ROWS": 500, "_BLOCK": 128, "_ROUND": 512, "_WIDE": 300}.items():
        monkeypatch.setattr(module, name, value)


def _scattered(n=1700, d=16, seed=0):
    rows = np.random.default_rng(seed).normal(size=(n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _nearest_by_hand(vectors, k):
    """(n, k) the least cosine distances to other rows, in double precision."""
    wide = vectors.astype(float)
    distances = 1 - wide @ wide.T
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :k]


def test_none_is_missed_whatever_the_search_by_cells_missed():
    """Two cells of forty miss a third of the neighbours; completed, every distance is the least there is."""
    vectors = _scattered()
    found, truth = neighbours(vectors, FEW_PROBES), _nearest_by_hand(vectors, 15)
    assert (found.distances > truth + CLOSE).mean() > 0.2
    complete = completed(vectors, found)
    np.testing.assert_allclose(complete.distances, truth, atol=CLOSE)
    own = 1 - np.einsum("ijk,ik->ij", vectors[complete.indices].astype(float), vectors.astype(float))
    np.testing.assert_allclose(complete.distances, own, atol=CLOSE)


def test_its_form_is_that_of_the_search():
    """Positions and distances as before: ascending, no row its own neighbour, none twice, read-only."""
    vectors = _scattered()
    complete = completed(vectors, neighbours(vectors, FEW_PROBES))
    assert (complete.indices.dtype, complete.distances.dtype) == (np.int32, np.float32)
    assert complete.indices.shape == complete.distances.shape == (1700, 15)
    assert (np.diff(complete.distances, axis=1) >= 0).all()
    assert (complete.indices != np.arange(1700)[:, None]).all()
    assert all(len(set(row)) == 15 for row in complete.indices.tolist())
    assert not complete.indices.flags.writeable
    assert not complete.distances.flags.writeable


def test_a_thousand_equal_rows_keep_each_other():
    """Rows that repeat each other have neighbours at 0, and others are not crowded out."""
    vectors = _scattered()
    vectors[300:1300] = vectors[300]
    complete = completed(vectors, neighbours(vectors, FEW_PROBES))
    assert (complete.distances[300:1300] == 0).all()
    np.testing.assert_allclose(complete.distances, _nearest_by_hand(vectors, 15), atol=CLOSE)


def test_below_the_exact_rows_nothing_is_to_do():
    """What was found by looking at every pair is given back as it is."""
    vectors = _scattered(400)
    found = neighbours(vectors)
    assert completed(vectors, found) is found


_ELSEWHERE = """
import hashlib, sys
import numpy as np
from core import neighbours as module
module.EXACT_ROWS = 500
vectors = np.load(sys.argv[1])
found = module.completed(vectors, module.neighbours(vectors, module.NeighbourParams(probes=2)))
print(hashlib.sha256(found.indices.tobytes() + found.distances.tobytes()).hexdigest())
"""


def test_another_number_of_threads_gives_the_same_bytes(tmp_path):
    """One BLAS thread or three."""
    np.save(tmp_path / "vectors.npy", _scattered(d=96))
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    command = [sys.executable, "-c", _ELSEWHERE, str(tmp_path / "vectors.npy")]
    told = {
        subprocess.run(
            command, cwd=ROOT, env={**os.environ, **dict.fromkeys(names, threads)},
            capture_output=True, text=True, check=True,
        ).stdout
        for threads in ("1", "3")
    }  # fmt: skip
    assert len(told) == 1


def test_progress_rises_to_the_number_of_rows_and_stopping_passes_through():
    """Reports never fall and end at n of n; what one of them raises reaches the caller."""
    vectors = _scattered()
    found, told = neighbours(vectors, FEW_PROBES), []
    completed(vectors, found, on_progress=told.append)
    done = [report.done for report in told]
    assert done == sorted(done)
    assert len(done) >= 10
    assert (done[-1], {(report.stage, report.total) for report in told}) == (
        1700,
        {("exact neighbours", 1700)},
    )

    def stop(_):
        raise Cancelled

    with pytest.raises(Cancelled):
        completed(vectors, found, on_progress=stop)
