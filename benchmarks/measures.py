"""Measuring on the real rows: every metric of a large selection, and a long curve against all products."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Line, at_least, at_most, timed
from core import Project, SelectParams, metrics
from core.agreement import DRAWS, agreement
from core.domain import Order, Vectors
from core.neighbours import TO_COMPLETE, completed, neighbours
from core.trust_reading import findings
from core.trust_verdict import verdict


def every_metric(project: Project) -> list[Line]:
    """All metrics of 9,229 of all rows, past what is kept; and what they are read from, once a dataset."""
    pool, order = project.pool(_judge(project)), _top_score(project, 9229)
    once, found = timed(lambda: completed(pool.vectors, neighbours(pool.vectors, TO_COMPLETE)))
    every_cell = replace(TO_COMPLETE, probes=len(project.dataset))
    searched, wanted = timed(lambda: neighbours(pool.vectors, every_cell))
    assert np.abs(found.distances - wanted.distances).max() < 1e-6
    read, _ = timed(lambda: metrics.measure(replace(pool, neighbours=found), order), repeats=3)
    multiplied, _ = timed(lambda: metrics.measure(pool, order), repeats=3)
    drawn = project.control(0)[: len(order)]
    read_draw, _ = timed(lambda: metrics.measure(replace(pool, neighbours=found), drawn), repeats=3)
    multiplied_draw, _ = timed(lambda: metrics.measure(pool, drawn), repeats=3)
    step = f"every metric of {len(order):,} of {len(project.dataset):,} rows"
    note = f"{len(metrics.METRICS)} metrics, best of three"
    return [
        at_least(
            "nearest rows, none missed", ours=once, theirs=searched, factor=1.5, baseline="all cells searched"
        ),
        at_least(step, ours=read, theirs=multiplied, factor=1.2, baseline="all pairs", remark=note),
        at_least(
            f"the same of {len(drawn):,} random rows", ours=read_draw, theirs=multiplied_draw, factor=2,
            baseline="all pairs", remark=note,
        ),
    ]  # fmt: skip


def judges_agree(project: Project) -> list[Line]:
    """Alpha of all judges with its interval, and the correlation of each two."""
    seconds, found = timed(lambda: agreement(project.judges), repeats=3)
    assert found is not None
    step = f"agreement of {len(project.judges)} judges on {found.rows:,} rows"
    return [at_most(step, seconds, 2, "s", f"alpha {found.alpha:.3f}, {DRAWS} draws, best of three")]


def trusted(project: Project) -> list[Line]:
    """Everything on the Trust page, nothing of it in memory; then at another threshold."""
    params = [SelectParams(judge=_judge(project), min_score=score, count=1000) for score in (3, 2)]
    fresh = Project(project.dataset, home=project.home)
    first, found = timed(lambda: (told := fresh.trust(params[0]), verdict(told), findings(told)))
    again, _ = timed(lambda: findings(fresh.trust(params[1])), repeats=5)
    step = f"trust page of {len(project.judges)} judges on {len(project.dataset):,} rows"
    return [
        at_most(step, first, 3, "s", f"{len(found[2])} findings, nothing in memory"),
        at_most("the same at another threshold", again, 0.3, "s", "best of five"),
    ]


def long_curve(project: Project) -> list[Line]:
    """The coverage curve of the highest scores to 26,000, from the graph, against a product of every pair."""
    vectors, graph, order = np.asarray(project.vectors()), project.neighbours(), _top_score(project, 26_000)
    counts = metrics.ladder(len(order), pool=len(project.dataset))
    ours, curve = timed(lambda: metrics.coverage(vectors, order, counts, graph), repeats=2)
    theirs, (radius, mean) = timed(lambda: every_pair(vectors, order, counts))
    gaps = float(np.abs(curve.radius - radius).max()), float(np.abs(curve.mean - mean).max())
    return [
        at_least(
            f"coverage curve, top-score, to {len(order):,}",
            ours=ours,
            theirs=theirs,
            factor=3,
            baseline="a product of every pair",
            remark=f"radii differ by {gaps[0]:.0e}, means by {gaps[1]:.0e}",
        )
    ]


def every_pair(
    vectors: Vectors, order: Order, counts: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The baseline: each row times each chosen row, count by count, in products of 4,096 by 1,024 at most."""
    chosen = vectors[order]
    radius, mean = np.zeros(len(counts), np.float32), np.zeros(len(counts))
    for start in range(0, len(vectors), 4096):
        rows, left = vectors[start : start + 4096], 0
        best = np.full(len(rows), -1, np.float32)
        for step, stop in enumerate(counts):
            while left < stop:
                right = min(left + 1024, int(stop))
                np.maximum(best, (rows @ chosen[left:right].T).max(axis=1), out=best)
                left = right
            radius[step] = max(radius[step], (1 - best).max())
            mean[step] += (1 - best).sum(dtype=np.float64) / len(vectors)
    return radius, mean


def _judge(project: Project) -> str:
    return next(iter(project.judges))


def _top_score(project: Project, count: int) -> Order:
    return project.order(SelectParams(judge=_judge(project), strategy="top-score", count=count))[:count]
