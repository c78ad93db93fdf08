"""The map and its draft: neighbours stay neighbours, the same bytes everywhere, whatever the rows."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from real_rows import FILE, real_texts, some_rows
from sklearn.manifold import trustworthiness

from core.domain import Neighbours, Progress
from core.errors import Cancelled, ParameterError
from core.neighbours import neighbours
from core.projection import ProjectParams, draft, project, warm_up

ROOT = Path(__file__).parents[1]


def _unit(rows):
    rows = np.asarray(rows, dtype=float)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _topics(n, groups=8, d=24, seed=0):
    """Rows around some centres, and the centre of each row."""
    rng = np.random.default_rng(seed)
    of = rng.integers(0, groups, n)
    return _unit(rng.normal(size=(groups, d))[of] + 0.35 * rng.normal(size=(n, d))), of


def _graph(vectors, k=15):
    """The nearest rows, by every pair in double precision."""
    distances = np.maximum(1 - vectors.astype(float) @ vectors.T.astype(float), 0)
    np.fill_diagonal(distances, np.inf)
    indices = np.argsort(distances, axis=1, kind="stable")[:, : min(k, max(len(vectors) - 1, 0))]
    near = np.take_along_axis(distances, indices, 1)
    return Neighbours(indices.astype(np.int32), near.astype(np.float32))


def _gaps(coords):
    """(n, n) distances on the map; a point is infinitely far from itself."""
    gaps = np.linalg.norm(coords[:, None].astype(float) - coords[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    return gaps


@pytest.fixture(scope="module")
def six_hundred():
    """Six hundred rows of eight topics, their graph and their map."""
    vectors, of = _topics(600)
    near = _graph(vectors)
    return vectors, of, near, project(vectors, near)


# The map.


def test_a_map_is_a_place_for_each_row(six_hundred):
    """Two finite float32 coordinates a row, which nobody can change."""
    vectors, _, _, coords = six_hundred
    assert (coords.shape, coords.dtype) == ((len(vectors), 2), np.float32)
    assert np.isfinite(coords).all()
    with pytest.raises(ValueError, match="read-only"):
        coords[0, 0] = 1


def test_what_is_close_on_the_map_is_close_in_meaning(six_hundred):
    """Trustworthiness is high, and far above that of places drawn at random."""
    vectors, _, _, coords = six_hundred
    anywhere = np.random.default_rng(0).normal(size=coords.shape)
    of_map, of_chance = (
        trustworthiness(vectors, at, n_neighbors=15, metric="cosine") for at in (coords, anywhere)
    )
    assert of_map >= 0.85
    assert of_map >= of_chance + 0.3


def test_topics_stay_together_on_the_map(six_hundred):
    """The nearest point is of the same topic, nearly always."""
    _, of, _, coords = six_hundred
    assert (of[_gaps(coords).argmin(axis=1)] == of).mean() > 0.97


def test_the_map_can_be_made_from_the_neighbours_that_winnow_finds(six_hundred):
    """The graph of the stage before it serves as well as that of brute force."""
    vectors, of, _, _ = six_hundred
    coords = project(vectors, neighbours(vectors))
    assert (of[_gaps(coords).argmin(axis=1)] == of).mean() > 0.97


def test_the_same_input_gives_the_same_bytes_and_is_left_alone(six_hundred):
    """A second run in the same process, on frozen arrays, with another map made in between."""
    vectors, _, near, coords = six_hundred
    before = hashlib.sha256(vectors.tobytes() + near.indices.tobytes() + near.distances.tobytes()).digest()
    project(vectors[:100], _graph(vectors[:100]), ProjectParams(epochs=5, seed=9))
    for array in (vectors, near.indices, near.distances):
        array.setflags(write=False)
    assert project(vectors, near).tobytes() == coords.tobytes()
    after = hashlib.sha256(vectors.tobytes() + near.indices.tobytes() + near.distances.tobytes()).digest()
    assert after == before


def test_another_seed_draws_another_map_of_the_same_topics(six_hundred):
    """The seed is used, and the default is not the only one that works."""
    vectors, of, near, coords = six_hundred
    other = project(vectors, near, ProjectParams(seed=1))
    assert other.tobytes() != coords.tobytes()
    assert (of[_gaps(other).argmin(axis=1)] == of).mean() > 0.97


def test_the_random_numbers_of_others_neither_matter_nor_change(six_hundred):
    """numpy's global generator is not drawn from and not seeded."""
    vectors, _, near, coords = six_hundred
    np.random.seed(5)
    again = project(vectors, near)
    drawn = np.random.random()
    np.random.seed(5)
    assert drawn == np.random.random()
    assert again.tobytes() == coords.tobytes()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 9, 40])
def test_few_rows_have_a_map(n):
    """Every row has a finite place of its own, with fewer rows than neighbours as well."""
    vectors = _unit(np.random.default_rng(n).normal(size=(n, 12)))
    coords = project(vectors, _graph(vectors))
    assert (coords.shape, coords.dtype, coords.flags.writeable) == ((n, 2), np.float32, False)
    assert np.isfinite(coords).all()
    assert len(np.unique(coords, axis=0)) == n


def test_rows_that_are_all_equal_lie_apart():
    """Each of them can be seen and clicked."""
    vectors = np.repeat(_unit(np.ones((1, 8))), 50, axis=0)
    coords = project(vectors, _graph(vectors))
    assert np.isfinite(coords).all()
    assert len(np.unique(coords, axis=0)) == 50


def test_rows_of_two_kinds_are_two_groups_on_the_map():
    """Equal rows have places of their own, nearer to each other than to the other kind."""
    vectors = np.repeat(_unit(np.eye(2, 8)), 30, axis=0)
    coords = project(vectors, _graph(vectors))
    assert len(np.unique(coords, axis=0)) == 60
    nearest = _gaps(coords).argmin(axis=1)
    assert ((nearest < 30) == (np.arange(60) < 30)).all()


def test_a_larger_min_dist_leaves_more_room_between_points(six_hundred):
    """The setting does what it says."""
    vectors, _, near, _ = six_hundred
    tight, loose = (
        np.median(_gaps(project(vectors, near, ProjectParams(min_dist=room))).min(axis=1))
        for room in (0.01, 0.8)
    )
    assert loose > 2 * tight


def test_only_as_many_neighbours_as_asked_for_shape_the_map():
    """Of a wider graph the nearest count, as if the rest were not there."""
    vectors, _ = _topics(200)
    wide = _graph(vectors, 15)
    narrow = Neighbours(wide.indices[:, :6], wide.distances[:, :6])
    asked = project(vectors, wide, ProjectParams(n_neighbours=6))
    assert asked.tobytes() == project(vectors, narrow, ProjectParams(n_neighbours=6)).tobytes()
    assert asked.tobytes() != project(vectors, wide).tobytes()


def test_more_epochs_are_laid_out_only_where_asked_for():
    """Up to 10,000 rows there are 500 epochs unless the settings say otherwise."""
    vectors, _ = _topics(120)
    near = _graph(vectors)
    usual = project(vectors, near).tobytes()
    assert project(vectors, near, ProjectParams(epochs=500)).tobytes() == usual
    assert project(vectors, near, ProjectParams(epochs=20)).tobytes() != usual


# Settings, progress and stopping.


@pytest.mark.parametrize(
    "settings",
    [
        {"n_neighbours": 1},
        {"n_neighbours": -5},
        {"min_dist": -0.1},
        {"min_dist": 1.5},
        {"min_dist": float("nan")},
        {"min_dist": 0.2, "spread": 0.1},
        {"min_dist": 0.0, "spread": 0.0},
        {"spread": float("inf")},
        {"negatives": 0},
        {"negatives": -1},
        {"seed": -1},
        {"seed": 2**32},
        {"epochs": 0},
        {"epochs": -1},
    ],
    ids=repr,
)
def test_settings_out_of_range_are_refused(settings):
    """A wrong setting is told, with what is usual, before any work."""
    told = []
    vectors, _ = _topics(20)
    with pytest.raises(ParameterError) as refused:
        project(vectors, _graph(vectors), ProjectParams(**settings), on_progress=told.append)
    assert refused.value.hint
    assert told == []


def test_progress_rises_to_the_number_of_epochs():
    """Reports come while the layout runs, never fall and end with the whole."""
    vectors, _ = _topics(300)
    told: list[Progress] = []
    project(vectors, _graph(vectors), ProjectParams(epochs=1500), on_progress=told.append)
    done = [report.done for report in told]
    assert {(report.stage, report.total) for report in told} == {("map", 1500)}
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 1500)
    assert len([epochs for epochs in done if 0 < epochs < 1500]) >= 1


def test_stopping_ends_the_layout_between_two_epochs():
    """What on_progress raises comes through, and nothing is told or laid out after it."""
    vectors, _ = _topics(300)
    told = []

    def stop(report):
        told.append(report.done)
        if report.done > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        project(vectors, _graph(vectors), ProjectParams(epochs=100_000), on_progress=stop)
    assert 0 < told[-1] < 50_000
    assert sum(done > 0 for done in told) == 1


def test_a_map_after_a_stopped_one_is_the_usual_map(six_hundred):
    """Nothing of the stopped run is left behind."""
    vectors, _, near, coords = six_hundred

    def stop(report):
        if report.note == "laying out":
            raise Cancelled

    with pytest.raises(Cancelled):
        project(vectors, near, on_progress=stop)
    assert project(vectors, near).tobytes() == coords.tobytes()


# Other processes.

_ELSEWHERE = """
import gc, hashlib, sys, warnings
import numpy as np
from core.domain import Neighbours
from core.projection import project, warm_up

def compiled():
    from numba.core.dispatcher import Dispatcher
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kernels = [each for each in gc.get_objects() if issubclass(type(each), Dispatcher)]
    return sum(len(each.signatures) for each in kernels if each.__module__.startswith(("umap", "core.layout")))

warm_up()
warm = compiled()
given = np.load(sys.argv[1])
coords = project(given["vectors"], Neighbours(given["indices"], given["distances"]))
print(hashlib.sha256(coords.tobytes()).hexdigest(), warm, compiled())
"""


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "3"])
def test_a_fresh_process_draws_the_same_bytes_with_nothing_left_to_compile(six_hundred, tmp_path, threads):
    """On another number of threads, after warm_up, the map is the same and no kernel is compiled for it."""
    vectors, _, near, coords = six_hundred
    np.savez(tmp_path / "given.npz", vectors=vectors, indices=near.indices, distances=near.distances)
    limits = ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    run = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE, str(tmp_path / "given.npz")],
        cwd=ROOT,
        env={**os.environ, **dict.fromkeys(limits, threads)},
        capture_output=True,
        text=True,
        check=True,
    )
    digest, warm, after = run.stdout.split()
    assert digest == hashlib.sha256(coords.tobytes()).hexdigest()
    assert 0 < int(warm) == int(after)


def test_warm_up_makes_a_map_of_its_own_and_leaves_the_others_alone(six_hundred):
    """It may run before or after any map."""
    vectors, _, near, coords = six_hundred
    assert warm_up() is None
    from core import layout

    kernels = [each for each in vars(layout).values() if getattr(each, "signatures", None)]
    assert kernels
    assert project(vectors, near).tobytes() == coords.tobytes()


# Real prompts.


@pytest.mark.slow
@pytest.mark.skipif(not FILE.exists(), reason="The real rows are not here: ../shared/data is absent.")
def test_the_map_of_real_prompts_is_no_less_trustworthy_than_that_of_umap(real_project):
    """Five thousand prompts, against umap-learn's own defaults on the same vectors."""
    texts, drawn = real_texts(), some_rows()
    vectors = real_project.vectors()[drawn]
    coords = project(vectors, neighbours(vectors))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of what it does itself
        from umap import UMAP

        theirs = UMAP(metric="cosine", random_state=0, n_jobs=1).fit_transform(vectors)
    ours, umaps = (trustworthiness(vectors, at, n_neighbors=15, metric="cosine") for at in (coords, theirs))
    assert ours >= umaps - 0.005
    sketch = trustworthiness(vectors, draft([texts[row] for row in drawn]), n_neighbors=15, metric="cosine")
    assert sketch >= 0.55  # places drawn at random have 0.5
