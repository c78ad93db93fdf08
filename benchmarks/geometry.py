"""Texts to vectors, vectors to neighbours, clusters and the map, each against what people use today."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.fresh import seconds_in_a_new_process, umap, winnow
from benchmarks.report import Line, at_least, at_most, table, timed
from core.clustering import ClusterParams, cluster, names
from core.domain import Coords, Neighbours, Progress, Vectors
from core.embedding import EmbedParams, embed
from core.encoders import packaged_folder
from core.neighbours import neighbours
from core.projection import draft, warm_up

ROUNDS = 3  # ours and theirs in turn, so that other work on the machine meets both
SAMPLE = 3000  # random rows where all of them would take the baseline minutes
LEAST_COSINE = 0.999
LEAST_RECALL = 0.95
TRUST_ROWS = 5000  # trustworthiness compares every pair of them
TRUST_NEIGHBOURS = 15


def measure(texts: Sequence[str], vectors: Vectors) -> list[Line]:
    """Every line of this file; ``vectors`` are those of ``texts``."""
    return [*embedding(texts), *map_from_vectors(vectors), *graph(vectors), *clusters(texts, vectors)]


def embedding(texts: Sequence[str]) -> list[Line]:
    """A random sample of rows against sentence-transformers' own ``encode``, both with the model loaded."""
    rng = np.random.default_rng(0)
    sample = [texts[row] for row in rng.choice(len(texts), min(SAMPLE, len(texts)), replace=False)]
    theirs = _sentence_transformer()
    made = embed(sample)  # the trial of bf16 is paid once a dataset, here before the clock starts
    settled = EmbedParams(precision=made.precision)
    pairs, reference = [], np.empty(0)
    for _ in range(ROUNDS):
        slow, reference = timed(lambda: theirs.encode(sample, batch_size=32, show_progress_bar=False))
        pairs.append((_seconds_of_embedding(sample, settled), slow))
    ours, slow = _median(pairs)
    cosine = float((made.vectors * reference).sum(axis=1).min())
    rates = f"{len(sample) / ours:,.0f} against {len(sample) / slow:,.0f} rows/s"
    return [
        at_least(
            f"embed {len(sample):,} random rows",
            ours=ours,
            theirs=slow,
            factor=6,
            baseline="sentence-transformers, fp32, batch 32",
            remark=f"{rates}, {made.precision}, lowest cosine {cosine:.5f}",
        ),
        _no_less("embed, lowest cosine to fp32", cosine, LEAST_COSINE),
    ]


def _seconds_of_embedding(texts: Sequence[str], params: EmbedParams) -> float:
    """Time from the loaded model to the vectors."""
    loaded = 0.0

    def note(progress: Progress) -> None:
        nonlocal loaded
        if progress.note == "counting tokens":
            loaded = time.perf_counter()

    embed(texts, params, on_progress=note)
    return time.perf_counter() - loaded


def map_from_vectors(vectors: Vectors) -> list[Line]:
    """Neighbours and map against umap-learn's defaults.

    Who runs umap-learn in a script or a new notebook waits for its kernels to compile. Winnow's are compiled
    while the vectors are computed, so that is the first line; the other two treat both sides alike.
    """
    alone = seconds_in_a_new_process("umap", vectors)
    ours_alone = seconds_in_a_new_process("winnow", vectors)
    warm_up()
    umap(vectors[:TRUST_ROWS])
    first, coords = timed(lambda: winnow(vectors))
    theirs, usual = timed(lambda: umap(vectors))
    second, again = timed(lambda: winnow(vectors))
    ours = (first + second) / 2  # one before and one after: other work on the machine meets both
    trust, usual_trust = (_trustworthiness(vectors, each) for each in (coords, usual))
    same = "the same bytes twice" if coords.tobytes() == again.tobytes() else "NOT the same bytes twice"
    step = f"map {len(vectors):,} vectors"
    name = "umap-learn's defaults"
    return [
        at_least(
            f"{step}, as one waits for it", ours=ours, theirs=alone, factor=5,
            baseline=f"{name}, new process", remark=same,
        ),
        at_least(
            f"{step}, both in a new process", ours=ours_alone, theirs=alone, factor=2,
            baseline=f"{name}, new process",
        ),
        at_least(f"{step}, both compiled", ours=ours, theirs=theirs, factor=1, baseline=f"{name}, compiled"),
        _no_less(f"map, trustworthiness of {TRUST_ROWS:,} rows", trust, usual_trust),
    ]  # fmt: skip


def graph(vectors: Vectors) -> list[Line]:
    """Neighbours alone against pynndescent, with what each finds of the true ones."""
    ours, found = timed(lambda: neighbours(vectors), repeats=2)
    cold, _ = timed(lambda: _descent(vectors))
    theirs, other = timed(lambda: _descent(vectors))
    recall, their_recall = (_recall(vectors, each) for each in (found, other))
    remark = f"recall {recall:.3f} against {their_recall:.3f}; its later calls {theirs:.1f} s"
    return [
        at_least(
            f"15 neighbours of {len(vectors):,}",
            ours=ours,
            theirs=cold,
            factor=1,
            baseline="pynndescent, its first call in a process",
            remark=remark,
        ),
        _no_less("neighbours, recall", recall, LEAST_RECALL),
    ]


def clusters(texts: Sequence[str], vectors: Vectors) -> list[Line]:
    """k-means and names; the draft map."""
    from sklearn.cluster import KMeans

    params = ClusterParams()
    ours, labels = timed(lambda: cluster(vectors, params), repeats=2)
    count = int(labels.max()) + 1
    theirs, full = timed(lambda: KMeans(count, n_init=1, random_state=0).fit(vectors))
    inertia = _inertia(vectors, labels) / float(full.inertia_)
    naming, named = timed(lambda: names(texts, labels))
    drafting, _ = timed(lambda: draft(texts))
    remark = f"k-means on the full width {theirs:.1f} s, inertia {inertia:.4f} of its"
    return [
        at_most(f"{count} clusters", ours, 5, "s", remark),
        at_most("name them", naming, 3, "s", f"{len(set(named.values()))} names, no two equal"),
        at_most("draft map", drafting, 2, "s"),
    ]


def _descent(vectors: Vectors) -> Neighbours:
    from pynndescent import NNDescent

    indices, distances = NNDescent(vectors, metric="cosine", n_neighbors=16, random_state=0).neighbor_graph
    return Neighbours(indices[:, 1:], distances[:, 1:])


def _sentence_transformer() -> Any:  # noqa: ANN401 - a model without types
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(packaged_folder()), device="cpu", local_files_only=True)
    model.encode(["warm", "up"])
    return model


def _trustworthiness(vectors: Vectors, coords: Coords) -> float:
    from sklearn.manifold import trustworthiness

    rows = _some(len(vectors), TRUST_ROWS)
    score = trustworthiness(vectors[rows], coords[rows], n_neighbors=TRUST_NEIGHBOURS, metric="cosine")
    return float(score)


def _recall(vectors: Vectors, found: Neighbours) -> float:
    """The share of found neighbours that are as near as the true k-th one, on a sample of rows."""
    rows = _some(len(vectors), 1000)
    k = found.indices.shape[1]
    similar = vectors[rows] @ vectors.T
    similar[np.arange(len(rows)), rows] = -np.inf
    least = np.partition(similar, -k, axis=1)[:, -k, None]
    return float((np.take_along_axis(similar, found.indices[rows], 1) >= least - 1e-6).mean())


def _inertia(vectors: Vectors, labels: NDArray[np.int32]) -> float:
    groups = (vectors[labels == label] for label in range(int(labels.max()) + 1))
    return float(sum(((rows - rows.mean(axis=0)) ** 2).sum() for rows in groups))


def _some(n: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng(1).choice(n, min(count, n), replace=False)


def _median(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The pair whose ratio is the middle one."""
    middle = statistics.median_low([theirs / ours for ours, theirs in pairs])
    return next(pair for pair in pairs if pair[1] / pair[0] == middle)


def _no_less(step: str, value: float, least: float) -> Line:
    return Line(
        step=step,
        baseline="",
        result=f"{value:.4f}",
        ratio="",
        target=f"at least {least:.4f}",
        met=value >= least,
    )


def main() -> int:
    """Measure on the real rows, the vectors included; 1 where a promise is not kept."""
    from benchmarks.__main__ import DATA
    from core import Project

    with tempfile.TemporaryDirectory(prefix="winnow-bench-") as home:
        opened = Project.open(DATA, home=Path(home))
        seconds, vectors = timed(opened.vectors)
        print(f"embed {len(vectors):,} rows: {seconds:.1f} s, all told; {opened.notes()['note']}")
        lines = measure(opened.dataset.frame["prompt"].to_list(), np.asarray(vectors))
    print(table(lines))
    return 0 if all(line.met for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
