"""The region of a task."""

from __future__ import annotations

import numpy as np
import pytest

from core.region import cluster_centres, region


def unit(rows):
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(8))
def test_rows_and_centres_by_hand(seed):
    """Distances, centres and nearest centres beside loops; ties, noise and a single cluster among them."""
    rng = np.random.default_rng(seed)
    n, c, m = 60, 1 + seed % 4, 1 + seed * 2
    vectors, examples = unit(rng.normal(size=(n, 5))), unit(rng.normal(size=(m, 5)))
    vectors[10:20] = vectors[0]
    labels = np.append(rng.integers(-1, c, n - c), range(c)).astype(np.int32)
    found = region(vectors, labels, examples)

    def away(row):
        similar = np.sort(examples.astype(float) @ row.astype(float))[::-1][: min(max(m // 4, 1), 3)]
        return 1 - similar.mean()

    centres = {}
    for label in range(c):
        mean = vectors[labels == label].astype(float).mean(axis=0)
        centres[label] = mean / np.linalg.norm(mean)
    expected = sorted(centres, key=lambda label: round(away(centres[label]), 5))
    assert found.clusters.tolist() == expected
    assert np.allclose(found.centre_distances, [away(centres[label]) for label in expected], atol=3e-6)
    assert np.allclose(found.distances, [away(row) for row in vectors], atol=3e-6)
    nearest = [max(centres, key=lambda label: example @ centres[label]) for example in examples]
    assert found.examples.tolist() == [nearest.count(label) for label in expected]
    for limit, named in ((0.4, ()), (None, (0,)), (0.9, (0, 99)), (-1, ()), (2, ()), (None, ())):
        mask = found.inside(limit, named)
        assert mask.tolist() == [
            bool((limit is not None and d <= np.float32(limit)) or label in named)
            for d, label in zip(found.distances, labels, strict=True)
        ]


@pytest.mark.parametrize("count", [0, 1, 7, 11, 60, 99])
def test_the_distance_of_a_count_takes_at_least_that_many(count):
    """All ties of the last row are in, and nothing beyond them."""
    rng = np.random.default_rng(1)
    vectors = unit(rng.normal(size=(60, 4)))
    vectors[:10] = vectors[0]
    found = region(vectors, np.zeros(60, dtype=np.int32), vectors[:1])
    limit = found.distance_of(count)
    if count:
        kth = np.sort(found.distances)[min(count, 60) - 1]
        assert found.inside(limit).sum() == (found.distances <= kth).sum() >= min(count, 60)
    else:
        assert limit == 0


def test_noise_only():
    """Without a cluster there are no centres, and rows still have their distance."""
    vectors = unit([[1, 0], [0, 1]])
    found = region(vectors, np.array([-1, -1], dtype=np.int32), vectors[:1])
    assert not len(found.clusters) and not len(found.examples)
    assert found.distances.tolist() == [0, 1]
    assert cluster_centres(vectors, found.labels)[1].shape == (0, 2)
