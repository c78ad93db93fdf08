"""Unit rows and their neighbours to a map, and texts to a draft of one.

umap and numba are imported inside functions: importing core stays fast. Their kernels are compiled in
every process anew (umap keeps no cache on disk), so a process that makes maps calls ``warm_up`` first.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.domain import Coords, Neighbours, OnProgress, Progress, Vectors, ignore_progress
from core.errors import ParameterError
from core.machine import products_on_one_core
from core.word_counts import tf_idf

if TYPE_CHECKING:
    from core.layout import Graph

VERSION = 3  # raised when the same input would get another map

_FEWEST = 4  # rows that UMAP can lay out
_MANY = 10_000  # rows above which fewer epochs are enough, as in umap
_SEEDS = 2**32  # numpy takes those from 0 up to it
_EXTENT = 10.0  # of the starting layout, as umap scales its own


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectParams:
    """How the map is laid out; hashable, so that it is a cache key.

    n_neighbours: neighbours a row that shape the map, itself left out; at most those in the graph.
    min_dist: how close points may lie, in units of the map.
    spread: the scale of the map that min_dist is relative to.
    epochs: rounds of layout; None: 200 above 10,000 rows, else 500.
    negatives: points pushed away for each one drawn near; more of them spread the map.
    seed: of the layout; the same input and seed give the same bytes.
    """

    n_neighbours: int = 15
    min_dist: float = 0.05  # keeps neighbours together better than umap's own 0.1
    spread: float = 1.0
    epochs: int | None = None
    negatives: int = 5
    seed: int = 0


def project(
    vectors: Vectors,
    neighbours: Neighbours,
    params: ProjectParams | None = None,
    *,
    on_progress: OnProgress = ignore_progress,
) -> Coords:
    """Lay n unit rows out on a plane by UMAP (arXiv 1802.03426): (n, 2) float32, read-only.

    The graph is the one given, weighed by umap-learn; the start is the two principal components; the layout
    is ``core.layout``: the same bytes on every run, in every process, on any number of cores. Rows that
    cannot be told apart, or are fewer than four, lie on a spiral.

    Raises: ParameterError for settings out of range; whatever ``on_progress`` raises, between two epochs.
    """
    params = params or ProjectParams()
    _check(params)
    n = len(vectors)
    epochs = params.epochs or (200 if n > _MANY else 500)
    on_progress(Progress("map", 0, epochs, "weighing neighbours"))
    start = _start(vectors, params.seed)
    width = min(params.n_neighbours, neighbours.indices.shape[1])
    if start is None or n < _FEWEST or width < 2:
        coords = _spiral(n)
    else:
        settled = replace(params, epochs=epochs, n_neighbours=width)
        coords = _laid_out(start, neighbours, settled, on_progress)
    coords.setflags(write=False)
    on_progress(Progress("map", epochs, epochs))
    return coords


def draft(texts: Sequence[str]) -> Coords:
    """Sketch a map of n texts within a second or two: (n, 2) float32, read-only, deterministic.

    TF-IDF on distinct words and a truncated SVD. The first component is about as long as the text, so the
    second and third are drawn, each as its signed square root, which spreads the crowd in the middle. A
    text without a word that another one has lies at the origin.
    """
    weights = tf_idf(texts)
    coords = _spiral(len(texts)) if weights is None else _second_and_third(weights)
    coords.setflags(write=False)
    return coords


def warm_up() -> None:
    """Compile what ``project`` needs, on 64 made-up rows, so that the first map of a process is not late."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(64, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    distances = 1 - vectors @ vectors.T
    np.fill_diagonal(distances, np.inf)
    indices = np.argsort(distances, axis=1)[:, :4].astype(np.int32)
    project(
        vectors,
        Neighbours(indices, np.take_along_axis(distances, indices, 1)),
        ProjectParams(n_neighbours=4, epochs=2),
    )


def _check(params: ProjectParams) -> None:
    if params.n_neighbours < 2:
        raise ParameterError("A map needs at least 2 neighbours a row.", "Raise n_neighbours; 15 is usual.")
    if not (0 <= params.min_dist <= params.spread and 0 < params.spread < math.inf):
        raise ParameterError(
            "min_dist lies between 0 and spread, which is above 0.", "0.05 with a spread of 1 is the default."
        )
    if params.negatives < 1:
        raise ParameterError("A map needs at least 1 negative a neighbour.", "5 is usual.")
    if not 0 <= params.seed < _SEEDS:
        raise ParameterError(f"A seed of {params.seed} cannot be used.", f"Take one from 0 to {_SEEDS - 1}.")
    if params.epochs is not None and params.epochs < 1:
        raise ParameterError("A map needs at least 1 epoch.", "Leave epochs empty, or raise it.")


def _start(vectors: Vectors, seed: int) -> Coords | None:
    """Return the two principal components, scaled, with a trace of noise; None where rows are all equal."""
    if len(vectors) < _FEWEST:
        return None
    with products_on_one_core():  # sums of threads would depend on how many there are
        centred = vectors - vectors.mean(axis=0)
        axes = np.linalg.eigh(centred.T @ centred)[1][:, :-3:-1]
        start = centred @ _signed(axes)
    extent = float(np.abs(start).max())
    if extent < 1e-6:
        return None
    # Equal rows would start in one place and move as one: umap separates them by noise of its own as well.
    noise = np.random.default_rng(seed).normal(scale=1e-4, size=start.shape)
    scaled: Coords = (start * (_EXTENT / extent) + noise).astype(np.float32)
    return scaled


def _signed(axes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn each column so that its largest entry is positive: a direction alone has no sign."""
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    return axes * np.where(largest < 0, -1, 1).astype(axes.dtype)


def _laid_out(
    start: Coords, neighbours: Neighbours, params: ProjectParams, on_progress: OnProgress
) -> Coords:
    from core.layout import lay_out

    epochs = params.epochs or 0
    return lay_out(
        start,
        _weighed(start, neighbours, params),
        curve=_umap().find_ab_params(params.spread, params.min_dist),
        epochs=epochs,
        seed=params.seed,
        after_epoch=lambda done: on_progress(Progress("map", done, epochs, "laying out")),
    )


def _weighed(start: Coords, neighbours: Neighbours, params: ProjectParams) -> Graph:
    """Turn distances to neighbours into memberships, as umap-learn weighs and joins them."""
    from core.layout import Graph

    n, width = len(start), params.n_neighbours
    # umap counts a row as its own first neighbour.
    indices = np.column_stack([np.arange(n, dtype=np.int32), neighbours.indices[:, :width]])
    distances = np.column_stack([np.zeros(n, dtype=np.float32), neighbours.distances[:, :width]])
    with _one_thread():
        edges, _, _ = _umap().fuzzy_simplicial_set(
            start, width + 1, None, "cosine", knn_indices=indices, knn_dists=distances
        )
    edges = edges.tocsr()
    weights = (edges.data / edges.data.max(initial=1e-9)).astype(np.float32)
    return Graph.of(edges.indptr, edges.indices, weights, params.negatives)


def _umap() -> Any:  # noqa: ANN401 - a module without types
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # it misses a tensorflow that nothing here uses
        from umap import umap_
    return umap_


@contextmanager
def _one_thread() -> Iterator[None]:
    """Hold numba to one thread: sums of threads would depend on how many there are."""
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def _spiral(n: int) -> Coords:
    """Place n points evenly on a disc, a golden angle apart, so that each can be seen and clicked."""
    place = np.arange(n)
    angle = place * (math.pi * (3 - math.sqrt(5)))
    radius = np.sqrt(place)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]).astype(np.float32)


def _second_and_third(weights: Any) -> Coords:  # noqa: ANN401 - as above
    from sklearn.utils.extmath import randomized_svd

    with products_on_one_core():
        left, sizes, _ = randomized_svd(weights, 3, n_iter=4, random_state=0)
    drawn = _signed(left[:, 1:] * sizes[1:])
    return (np.sign(drawn) * np.sqrt(np.abs(drawn))).astype(np.float32)
