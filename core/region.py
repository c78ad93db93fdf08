"""A task's region: the rows and clusters near its examples (LTD, arXiv 2305.09246). Pure arrays.

LTD takes the clusters whose centres lie near the task's rows. Here a person sees both: how near each centre
is, and how near each row is, and decides which count.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.domain import Labels, Mask, Vectors
from core.meaning import Distances, distances_to


@dataclass(frozen=True, slots=True)
class Region:
    """How near the rows and the clusters of a dataset are to the examples of a task.

    distances: (n,) cosine distance of each row to its nearest few examples, as in ``meaning.distances_to``.
    labels: (n,) cluster of each row.
    clusters: (c,) labels of the clusters, the nearest centre first; noise is none.
    centre_distances: (c,) cosine distance of each centre to its nearest few examples.
    examples: (c,) examples that have this centre as their nearest.
    """

    distances: Distances = field(repr=False)
    labels: Labels = field(repr=False)
    clusters: NDArray[np.int64]
    centre_distances: Distances
    examples: NDArray[np.int64]

    def inside(self, max_distance: float | None, clusters: Collection[int] = ()) -> Mask:
        """(n,) rows at most so far from the examples (inclusive), and all rows of the clusters named."""
        within = np.zeros(len(self.distances), dtype=np.bool_)
        if max_distance is not None:
            within |= self.distances <= np.float32(max_distance)
        return within | np.isin(self.labels, np.array(sorted(clusters), dtype=np.int64))

    def distance_of(self, count: int) -> float:
        """The smallest distance within which at least ``count`` rows lie; all ties of the last one are in."""
        if not len(self.distances) or count < 1:
            return 0.0
        place = min(count, len(self.distances)) - 1
        return float(str(np.partition(self.distances, place)[place]))


def region(vectors: Vectors, labels: Labels, examples: Vectors) -> Region:
    """The region around (m, d) examples; at least one is needed."""
    clusters, centres = cluster_centres(vectors, labels)
    away = distances_to(centres, examples)
    nearest = (examples @ centres.T).argmax(axis=1) if len(clusters) else np.empty(0, dtype=np.int64)
    counts = np.bincount(nearest, minlength=len(clusters)).astype(np.int64)
    order = np.lexsort((clusters, away))
    return Region(distances_to(vectors, examples), labels, clusters[order], away[order], counts[order])


def cluster_centres(vectors: Vectors, labels: Labels) -> tuple[NDArray[np.int64], Vectors]:
    """(c,) labels ascending without noise, and (c, d) their centres: the mean of the rows, of unit length."""
    clusters = np.unique(labels[labels >= 0]).astype(np.int64)
    centres = np.empty((len(clusters), vectors.shape[1]), dtype=np.float32)
    for place, cluster in enumerate(clusters):
        mean = vectors[labels == cluster].mean(axis=0, dtype=np.float64)
        centres[place] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return clusters, centres
