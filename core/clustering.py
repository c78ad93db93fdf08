"""Unit rows to clusters, and clusters to names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Coords, Labels, OnProgress, Progress, Vectors, ignore_progress
from core.errors import ParameterError
from core.machine import products_on_one_core
from core.wording import counted
from core.words import words as words_of

VERSION = 2  # raised when the same vectors or texts would get other labels or names

MOST_READABLE = 40  # clusters, where the number is not asked for: a legend that can still be read
HDBSCAN_ROWS = 200_000  # its time grows with the square of the rows: 8 s for 52,000, two minutes here
NOISE = -1
NOISE_NAME = "noise"
WORDLESS = "no words"

_SEEDS = 2**32  # scikit-learn takes those from 0 up to it
_WIDTH = 64  # principal components that k-means starts on
_POLISH = 5  # passes on the full width afterwards
_CANDIDATES = 30  # words a cluster that may end up in its name


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterParams:
    """How rows are grouped; hashable, so that it is a cache key.

    method: "kmeans" puts every row in a cluster; "hdbscan" finds dense groups and calls the rest noise.
    clusters: of k-means; None: floor(sqrt(n / 2)) as in CaR (arXiv 2402.18191), 40 at most.
    min_cluster_size: of HDBSCAN, in rows; None: a five-hundredth of them, 5 at least.
    seed: of k-means; HDBSCAN draws nothing.
    """

    method: Literal["kmeans", "hdbscan"] = "kmeans"
    clusters: int | None = None
    min_cluster_size: int | None = None
    seed: int = 0


def cluster(
    vectors: Vectors,
    params: ClusterParams | None = None,
    *,
    coords: Coords | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Labels:
    """Group n unit rows: (n,) int32 labels, 0 the largest cluster, -1 noise where the method has it.

    k-means (Lloyd) runs on 64 principal components and ends with a few passes on the full width; the
    same vectors give the same labels on any number of cores. HDBSCAN (arXiv 1705.07321) looks at
    ``coords``, such as the map, since density means little in hundreds of dimensions.

    Raises: ParameterError for settings that the rows do not allow, and for HDBSCAN without coords.
    """
    import sklearn.cluster  # noqa: F401 - a limit on threads holds only for libraries already loaded

    params = params or ClusterParams()
    if not 0 <= params.seed < _SEEDS:
        raise ParameterError(f"A seed of {params.seed} cannot be used.", f"Take one from 0 to {_SEEDS - 1}.")
    if params.method not in ("kmeans", "hdbscan"):
        raise ParameterError(f'There is no clustering "{params.method}".', "Choose kmeans or hdbscan.")
    n = len(vectors)
    on_progress(Progress("clusters", 0, n))
    if n == 0:
        found: NDArray[np.int32] = np.empty(0, dtype=np.int32)
    else:
        with products_on_one_core():  # sums of threads would depend on how many there are
            found = _dense(coords, n, params) if params.method == "hdbscan" else _kmeans(vectors, params)
    labels = _by_size(found)
    labels.setflags(write=False)
    on_progress(Progress("clusters", n, n, counted(int(labels.max(initial=-1)) + 1, "cluster")))
    return labels


def default_clusters(rows: int) -> int:
    """Return how many clusters k-means makes of so many rows unless told otherwise."""
    return max(1, min(math.isqrt(rows // 2), MOST_READABLE))


def _kmeans(vectors: Vectors, params: ClusterParams) -> NDArray[np.int32]:
    from sklearn.cluster import KMeans

    k = default_clusters(len(vectors)) if params.clusters is None else params.clusters
    if not 1 <= k <= len(vectors):
        raise ParameterError(
            f"{counted(k, 'cluster')} cannot be made of {counted(len(vectors), 'row')}.",
            "Choose a number from 1 to the rows.",
        )
    k = min(k, _distinct(vectors, k))  # equal rows cannot be told apart
    start = KMeans(k, n_init=1, random_state=params.seed).fit(_reduced(vectors)).labels_
    kinds, start, sizes = np.unique(start, return_inverse=True, return_counts=True)
    centres = np.zeros((len(kinds), vectors.shape[1]))
    np.add.at(centres, start, vectors)
    centres = (centres / sizes[:, None]).astype(np.float32)
    polished = KMeans(len(kinds), init=centres, n_init=1, max_iter=_POLISH).fit(vectors)
    return np.asarray(polished.labels_, dtype=np.int32)


def _distinct(vectors: Vectors, enough: int) -> int:
    """Count the distinct rows, up to enough of them."""
    seen: set[bytes] = set()
    for row in vectors:
        seen.add(row.tobytes())
        if len(seen) >= enough:
            break
    return len(seen)


def _reduced(vectors: Vectors) -> NDArray[np.float32]:
    """Turn the rows onto their 64 principal components, which takes a quarter of the time."""
    if vectors.shape[1] <= _WIDTH or len(vectors) <= _WIDTH:
        return vectors
    centred = vectors - vectors.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, -_WIDTH:]
    return np.ascontiguousarray(centred @ axes)


def _dense(coords: Coords | None, n: int, params: ClusterParams) -> NDArray[np.int32]:
    from sklearn.cluster import HDBSCAN

    if coords is None or len(coords) != n:
        raise ParameterError(
            "HDBSCAN needs the coordinates of every row, which are not there.",
            "Make the map first, or choose kmeans.",
        )
    if n > HDBSCAN_ROWS:
        raise ParameterError(
            f"HDBSCAN takes {HDBSCAN_ROWS:,} rows at most, and there are {n:,}.", "Choose kmeans."
        )
    least = max(5, round(n / 500)) if params.min_cluster_size is None else params.min_cluster_size
    if least < 2:
        raise ParameterError("A cluster of HDBSCAN has at least 2 rows.", "Raise min_cluster_size.")
    if n < least:
        return np.full(n, NOISE, dtype=np.int32)
    return np.asarray(HDBSCAN(min_cluster_size=least, copy=True).fit(coords).labels_, dtype=np.int32)


def _by_size(found: NDArray[np.int32]) -> Labels:
    """Number the clusters by size, 0 the largest; of two equal ones the one seen first comes first."""
    kinds, first, sizes = np.unique(found, return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    order = order[kinds[order] != NOISE]
    labels = np.full(found.shape, NOISE, dtype=np.int32)
    new = np.full(int(found.max(initial=-1)) + 2, NOISE, dtype=np.int32)  # the last place is noise's own
    new[kinds[order]] = np.arange(len(order), dtype=np.int32)
    labels[:] = new[found]
    return labels


def names(texts: Sequence[str], labels: Labels, *, words: int = 3) -> dict[int, str]:
    """Name each cluster by the words that set it apart: {label: "word, word, word"}, no two equal.

    Class-based TF-IDF (BERTopic, arXiv 2203.05794) on distinct words a row, with the square root of the
    frequency so that what is said everywhere, such as "write" or "sentence", gives way. English stop words
    are left out. Noise is called "noise"; a cluster without words, "no words".
    """
    taken = {NOISE_NAME}
    named: dict[int, str] = {NOISE: NOISE_NAME} if (labels == NOISE).any() else {}
    ranked = _ranked(words_of(texts), labels)
    for label in sorted({int(label) for label in np.unique(labels)} - {NOISE}):
        name = next(name for name in _proposals(ranked.get(label, []), words) if name not in taken)
        taken.add(name)
        named[label] = name
    return named


def _ranked(table: pl.DataFrame, labels: Labels) -> dict[int, list[str]]:
    """Return the best candidate words of each cluster, best first."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    stop = pl.Series(sorted(ENGLISH_STOP_WORDS))
    said = (
        table.with_columns(label=pl.Series(labels)[table["row"]])
        .filter(pl.col("label") != NOISE, ~pl.col("word").is_in(stop.implode()))
        .filter(~pl.col("word").str.contains(r"^\p{Hiragana}+$"))  # Japanese endings and particles
    )
    clusters = max(1, said["label"].n_unique())
    mean = said.height / clusters
    counted = said.group_by("label", "word").agg(pl.len().alias("said"))
    weight = (pl.col("said") / pl.col("said").sum().over("label")).sqrt()
    weight *= (1 + mean / pl.col("said").sum().over("word")).log()
    best = (
        counted.with_columns(weight=weight)
        .sort("label", "weight", "word", descending=[False, True, False])
        .group_by("label", maintain_order=True)
        .agg(pl.col("word").head(_CANDIDATES))
    )
    return dict(zip(best["label"].to_list(), best["word"].to_list(), strict=True))


def _proposals(candidates: Sequence[str], words: int) -> Iterator[str]:
    """Yield names for one cluster, the best first, without end."""
    distinct: list[str] = []
    for word in candidates:
        if not any(_alike(word, other) for other in distinct):
            distinct.append(word)
    stem, rest = distinct[: words - 1], distinct[words - 1 :]
    for last in rest:
        yield ", ".join([*stem, last])
    name = ", ".join(distinct[:words]) or WORDLESS
    yield name
    for number in count(2):
        yield f"{name} ({number})"


def _alike(word: str, other: str) -> bool:
    """Whether two words say the same thing twice: poem and poems, or pairs of characters that overlap."""
    if len(word) <= 2 and len(other) <= 2 and not (word + other).isascii():
        return bool(set(word) & set(other))
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False)))
    return shared >= 3 and max(len(word), len(other)) - shared <= 3
