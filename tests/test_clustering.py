"""Groups of rows, numbered by size, and the words that name them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.clustering import HDBSCAN_ROWS, ClusterParams, cluster, default_clusters
from core.domain import Progress
from core.errors import Cancelled, ParameterError

ROOT = Path(__file__).parents[1]


def _unit(rows):
    rows = np.asarray(rows, dtype=float)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _blobs(sizes, d=24, spread=0.05, seed=0):
    """Rows in well-separated groups, mixed, and the group of each row."""
    rng = np.random.default_rng(seed)
    of = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return _unit(np.eye(len(sizes), d)[of] + spread * rng.normal(size=(len(of), d))), of


def _plane(sizes, scattered=0, seed=0):
    """Points in dense groups on a plane, then scattered ones far around, and the group of each, -1 none."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(len(sizes)), sizes)
    angle = 2 * np.pi * np.arange(len(sizes)) / len(sizes)
    centres = 10 * np.column_stack([np.cos(angle), np.sin(angle)])
    dense = centres[of] + 0.2 * rng.normal(size=(len(of), 2))
    around = 2 * np.pi * np.arange(scattered) / max(1, scattered)
    lonely = (50 + 20 * np.arange(scattered))[:, None] * np.column_stack([np.cos(around), np.sin(around)])
    return np.vstack([dense, lonely]).astype(np.float32), np.append(of, np.full(scattered, -1))


def _same_groups(labels, of):
    """Whether two groupings are one, whatever the numbers."""
    pairs = set(zip(labels.tolist(), of.tolist(), strict=True))
    return len(pairs) == len(set(labels.tolist())) == len(set(of.tolist()))


# k-means.


@pytest.mark.parametrize("d", [24, 100], ids=["as it is", "on principal components"])
def test_well_separated_groups_are_recovered(d):
    """Four groups far apart come out as they went in, on few and on many dimensions."""
    vectors, of = _blobs([50, 30, 90, 70], d=d)
    labels = cluster(vectors, ClusterParams(clusters=4))
    assert _same_groups(labels, of)
    assert (labels.dtype, labels.shape, labels.flags.writeable) == (np.int32, (240,), False)


def test_labels_are_numbered_by_size():
    """Label 0 is the largest group, and the last label the smallest."""
    vectors, of = _blobs([50, 30, 90, 70])
    labels = cluster(vectors, ClusterParams(clusters=4))
    assert np.bincount(labels).tolist() == [90, 70, 50, 30]
    assert [of[labels == label][0] for label in range(4)] == [2, 3, 0, 1]


def test_of_two_groups_of_one_size_the_one_seen_first_comes_first():
    """Ties of size are decided by the rows, not by the method's own numbers."""
    for seed in range(6):
        vectors, of = _blobs([20, 20, 20], seed=seed)
        labels = cluster(vectors, ClusterParams(clusters=3))
        first_seen = list(dict.fromkeys(of.tolist()))
        assert [of[labels == label][0] for label in range(3)] == first_seen


@pytest.mark.parametrize(
    ("rows", "clusters"),
    [(0, 1), (1, 1), (2, 1), (7, 1), (8, 2), (200, 10), (241, 10), (242, 11), (3199, 39), (3200, 40)],
)
def test_the_default_number_is_the_root_of_half_the_rows(rows, clusters):
    """The floor of it, and 1 at least."""
    assert default_clusters(rows) == clusters


@pytest.mark.parametrize("rows", [3362, 52_002, 1_000_000])
def test_the_default_number_stays_readable(rows):
    """Forty at most, however many rows there are."""
    assert default_clusters(rows) == 40


def test_the_default_number_is_used_and_can_be_changed():
    """Two hundred rows make ten clusters unless another number is asked for."""
    vectors = _unit(np.random.default_rng(0).normal(size=(200, 12)))
    assert set(cluster(vectors).tolist()) == set(range(10))
    assert set(cluster(vectors, ClusterParams(clusters=57)).tolist()) == set(range(57))
    assert set(cluster(vectors, ClusterParams(clusters=1)).tolist()) == {0}
    assert sorted(cluster(vectors, ClusterParams(clusters=200)).tolist()) == list(range(200))


def test_every_row_lies_nearest_to_the_mean_of_its_own_cluster():
    """What Lloyd's k-means converges to, here checked by hand for at least 97 of 100 rows."""
    vectors, _ = _blobs([80, 80, 80, 80], d=90, spread=0.12)
    labels = cluster(vectors, ClusterParams(clusters=6))
    means = np.stack([vectors[labels == label].astype(float).mean(axis=0) for label in range(6)])
    gaps = ((vectors[:, None].astype(float) - means[None]) ** 2).sum(axis=2)
    assert (gaps.argmin(axis=1) == labels).mean() >= 0.97


def test_equal_rows_share_a_cluster_and_make_no_more_than_there_are_kinds():
    """Three kinds of rows give three clusters even where eight are asked for."""
    kinds = np.repeat(np.arange(3), [30, 20, 10])
    labels = cluster(_unit(np.eye(3, 10))[kinds], ClusterParams(clusters=8))
    assert labels.tolist() == kinds.tolist()


def test_rows_that_are_all_equal_are_one_cluster():
    """Nothing sets them apart."""
    assert cluster(_unit(np.ones((50, 8)))).tolist() == [0] * 50


def test_no_rows_have_no_labels_and_one_row_is_a_cluster():
    """The smallest datasets are no special case to the caller."""
    assert cluster(np.empty((0, 8), dtype=np.float32)).shape == (0,)
    assert cluster(_unit(np.ones((1, 8)))).tolist() == [0]


@pytest.mark.parametrize("clusters", [0, -1, 21])
def test_a_number_of_clusters_that_the_rows_do_not_allow_is_refused(clusters):
    """The problem tells the number, the hint the range."""
    vectors, _ = _blobs([10, 10])
    with pytest.raises(ParameterError, match=f"{clusters} clusters") as refused:
        cluster(vectors, ClusterParams(clusters=clusters))
    assert "from 1" in refused.value.hint


def test_an_unknown_method_is_refused():
    """The hint names the ones there are."""
    with pytest.raises(ParameterError, match="spectral") as refused:
        cluster(_blobs([5, 5])[0], ClusterParams(method="spectral"))
    assert "kmeans" in refused.value.hint
    assert "hdbscan" in refused.value.hint


_ELSEWHERE = """
import sys
import numpy as np
from core.clustering import cluster
sys.stdout.write(" ".join(map(str, cluster(np.load(sys.argv[1])).tolist())))
"""


def test_the_same_vectors_give_the_same_labels_in_any_process(tmp_path):
    """Two runs here and one each with one and three threads elsewhere agree, where groups are not clear."""
    vectors = _unit(np.random.default_rng(1).normal(size=(700, 90)))
    np.save(tmp_path / "vectors.npy", vectors)
    here = cluster(vectors).tolist()
    assert cluster(vectors.copy()).tolist() == here
    for threads in ("1", "3"):
        names_of_limits = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
        run = subprocess.run(
            [sys.executable, "-c", _ELSEWHERE, str(tmp_path / "vectors.npy")],
            cwd=ROOT,
            env={**os.environ, **dict.fromkeys(names_of_limits, threads)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert [int(label) for label in run.stdout.split()] == here


def test_the_seed_starts_k_means_elsewhere():
    """Where groups are not clear another seed finds another grouping."""
    vectors = _unit(np.random.default_rng(2).normal(size=(400, 20)))
    one, other = (cluster(vectors, ClusterParams(seed=seed)) for seed in (0, 1))
    assert not _same_groups(one, other)


def test_the_vectors_stay_as_they_are():
    """A frozen array is grouped and not changed."""
    vectors, _ = _blobs([40, 50], d=80)
    before = hashlib.sha256(vectors.tobytes()).digest()
    vectors.setflags(write=False)
    cluster(vectors)
    assert hashlib.sha256(vectors.tobytes()).digest() == before


def test_progress_begins_and_ends_and_tells_the_number():
    """The last report is the whole and says how many clusters there are."""
    told: list[Progress] = []
    cluster(_blobs([40, 60])[0], ClusterParams(clusters=2), on_progress=told.append)
    assert [report.done for report in told] == [0, 100]
    assert told[-1] == Progress("clusters", 100, 100, "2 clusters")


def test_one_cluster_is_not_called_clusters():
    """The note of the last report agrees with its number."""
    told: list[Progress] = []
    cluster(_blobs([40, 60])[0], ClusterParams(clusters=1), on_progress=told.append)
    assert told[-1].note == "1 cluster"


def test_stopping_passes_through():
    """What on_progress raises reaches the caller."""

    def stop(_):
        raise Cancelled

    with pytest.raises(Cancelled):
        cluster(_blobs([40, 60])[0], on_progress=stop)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed):
    """Said in words, before any work."""
    vectors, _ = _blobs([5, 5])
    with pytest.raises(ParameterError, match="seed"):
        cluster(vectors, ClusterParams(seed=seed))


# HDBSCAN.


def test_dense_groups_on_the_map_are_clusters_and_scattered_points_are_noise():
    """Three groups are found, numbered by size; each far point belongs to none."""
    coords, of = _plane([40, 90, 60], scattered=7)
    vectors = np.zeros((len(coords), 3), dtype=np.float32)
    labels = cluster(vectors, ClusterParams(method="hdbscan", min_cluster_size=15), coords=coords)
    assert (labels[of == -1] == -1).all()
    for label, group in enumerate([1, 2, 0]):
        assert (labels[of == group] == label).mean() >= 0.9
        assert set(labels[of == group].tolist()) <= {label, -1}
    assert (labels.dtype, labels.flags.writeable) == (np.int32, False)


def test_noise_is_not_counted_as_a_cluster():
    """The note of the last report counts the dense groups alone."""
    coords, _ = _plane([40, 90, 60], scattered=7)
    told: list[Progress] = []
    params = ClusterParams(method="hdbscan", min_cluster_size=15)
    cluster(np.zeros((197, 3), np.float32), params, coords=coords, on_progress=told.append)
    assert told[-1].note == "3 clusters"


def test_groups_below_the_least_size_are_noise():
    """Twenty points together are a cluster where ten are enough, and noise where thirty are asked for."""
    coords, of = _plane([60, 20, 70])
    vectors = np.zeros((150, 2), dtype=np.float32)
    small, large = (
        cluster(vectors, ClusterParams(method="hdbscan", min_cluster_size=least), coords=coords)
        for least in (10, 30)
    )
    assert small.max() == 2
    assert large.max() == 1
    assert (large[of == 1] == -1).all()


def test_hdbscan_finds_the_same_twice_and_leaves_the_map_alone():
    """Nothing is drawn, and the coordinates may be read-only."""
    coords, _ = _plane([40, 60, 50], scattered=9)
    coords.setflags(write=False)
    before = coords.copy()
    vectors = np.zeros((len(coords), 2), dtype=np.float32)
    one, other = (cluster(vectors, ClusterParams(method="hdbscan", seed=s), coords=coords) for s in (0, 1))
    assert one.tobytes() == other.tobytes()
    np.testing.assert_array_equal(coords, before)


@pytest.mark.parametrize("coords", [None, np.zeros((7, 2), dtype=np.float32)], ids=["none", "too few"])
def test_hdbscan_without_the_coordinates_of_every_row_is_refused(coords):
    """The hint says to make the map first."""
    with pytest.raises(ParameterError) as refused:
        cluster(_blobs([10, 10])[0], ClusterParams(method="hdbscan"), coords=coords)
    assert "map" in refused.value.hint


@pytest.mark.parametrize("least", [1, 0, -4])
def test_a_least_size_below_two_is_refused(least):
    """One row is no group."""
    coords, _ = _plane([10, 10])
    with pytest.raises(ParameterError, match="at least 2"):
        cluster(coords, ClusterParams(method="hdbscan", min_cluster_size=least), coords=coords)


def test_more_rows_than_hdbscan_takes_are_refused_at_once():
    """The hint names the method that does take them."""
    many = np.zeros((HDBSCAN_ROWS + 1, 2), dtype=np.float32)
    with pytest.raises(ParameterError, match="200,000") as refused:
        cluster(many, ClusterParams(method="hdbscan"), coords=many)
    assert "kmeans" in refused.value.hint


@pytest.mark.parametrize("n", [1, 4])
def test_fewer_rows_than_the_least_size_are_all_noise(n):
    """Four rows are no cluster of five."""
    coords = np.zeros((n, 2), dtype=np.float32)
    assert cluster(coords, ClusterParams(method="hdbscan"), coords=coords).tolist() == [-1] * n
