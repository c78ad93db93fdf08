"""Choosing on the real rows: k-center against the loop it replaces, a new threshold, a slider move."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.report import Line, at_least, at_most, timed
from core import Project, SelectParams, selection
from core.domain import Order, Vectors
from core.selection.farthest import farthest_first
from pages.ui import choose, rows
from pages.ui.clouds import pack_project
from pages.ui.map import Cloud, pack_move
from pages.ui.moves import BUDGET, move_of
from pages.ui.state import TABS
from pages.ui.view import View

MOVES = 60


def one_product_a_pick(vectors: Vectors, count: int) -> Order:
    """The baseline: greedy k-center with one BLAS product over all rows a pick, in single precision."""
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    picks = [int(np.argmax(vectors @ mean))]
    distance = 1 - vectors @ vectors[picks[0]]
    for _ in range(count - 1):
        picks.append(int(distance.argmax()))
        np.minimum(distance, 1 - vectors @ vectors[picks[-1]], out=distance)
    return np.array(picks)


def published_greedy(vectors: Vectors, count: int) -> Order:
    """The published form of the same loop: scikit-learn's distances, one call a pick."""
    from sklearn.metrics import pairwise_distances

    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    picks = [int(np.argmax(vectors @ mean))]
    distance = pairwise_distances(vectors, vectors[picks])[:, 0]
    for _ in range(count - 1):
        picks.append(int(distance.argmax()))
        new = pairwise_distances(vectors, vectors[picks[-1:]])[:, 0]
        distance = np.minimum(distance, new)
    return np.array(picks)


def k_center(project: Project) -> list[Line]:
    """1,000 and 9,229 of all rows against the loop, and the loop as it is published on 50 picks."""
    vectors = np.array(project.vectors())
    lines = [
        _against_the_loop(project, vectors, count, factor) for count, factor in ((1000, 4.0), (9229, 7.0))
    ]
    ours, _ = timed(lambda: _ours(project, vectors, 1000))
    part, _ = timed(lambda: published_greedy(vectors, 50))
    baseline = "pairwise_distances a pick, 50 picks scaled to 1,000"
    step = "k-center, 1,000, the published loop"
    return [*lines, at_least(step, ours=ours, theirs=part * 20, factor=100, baseline=baseline)]


def _against_the_loop(project: Project, vectors: Vectors, count: int, factor: float) -> Line:
    ours, order = timed(lambda: _ours(project, vectors, count), repeats=3)
    theirs, loop = timed(lambda: one_product_a_pick(vectors, count))
    gap = _radius_gap(vectors, order, loop)
    return at_least(
        f"k-center, {count:,} of {len(vectors):,}",
        ours=ours,
        theirs=theirs,
        factor=factor,
        baseline="one product a pick",
        remark=f"{(order == loop).mean():.2%} of the places equal, radii differ by {gap:.0e}",
    )


def _ours(project: Project, vectors: Vectors, count: int) -> Order:
    return farthest_first(vectors, np.arange(len(vectors)), project.draw(0), limit=count)


def _radius_gap(vectors: Vectors, order: Order, loop: Order) -> float:
    """How far the covering radii of the two choices differ."""
    radii = [
        float((1 - (vectors @ vectors[picks].T).max(axis=1)).max()) for picks in (order[:1000], loop[:1000])
    ]
    return abs(radii[0] - radii[1])


def new_threshold(project: Project) -> list[Line]:
    """k-center of 1,000 at a threshold that was not asked for before, from vectors in memory."""
    judge = next(iter(project.judges))
    project.neighbours()
    seconds = [timed(partial(_fresh_order, project, judge, score))[0] for score in (1.0, 2.0, 3.0)]
    step = "k-center at a new threshold, N = 1,000"
    return [at_most(step, max(seconds), 0.7, "s", "slowest of three thresholds")]


def _fresh_order(project: Project, judge: str, min_score: float) -> Order:
    """The strategy's work for a threshold, past every cache."""
    chosen = SelectParams(judge=judge, min_score=min_score, count=1000)
    candidates = selection.Candidates(
        eligible=selection.eligible(len(project.dataset), project.judges[judge], min_score),
        draw=project.draw(0),
        scores=project.judges[judge].scores,
        vectors=project.vectors(),
        neighbours=project.neighbours(),
    )
    k_center_rule = selection.strategy("k-center")
    return k_center_rule.rule(candidates, k_center_rule.settings(chosen), limit=1000, check=lambda: None)


def slider_move(project: Project) -> list[Line]:
    """Python's part of a move with the order and its curve in memory, and what goes to the map."""
    lines = []
    cloud = pack_project(project, draft=False)
    for strategy, count in (("k-center", 900), ("k-center", 9229), ("top-score", 9229)):
        view = View(data="", judge=next(iter(project.judges)), min_score=1.0, count=count, strategy=strategy)
        params = view.params(project.pins)
        project.order(params)
        project.curve(params)
        for seed in range(5):
            project.control_curve(params, seed)
        _ = [_one_move(project, cloud, view, count) for _ in range(3)]
        spent = [_one_move(project, cloud, view, count - step) for step in range(MOVES)]
        remark = f"median {statistics.median(ms for ms, _ in spent):.1f} ms of {MOVES} moves"
        slowest = statistics.quantiles([ms for ms, _ in spent], n=20)[-1]
        lines.append(
            at_most(f"slider move, {strategy}, N = {count:,}, Python (95 %)", slowest, 20, "ms", remark)
        )
        largest = max(size for _, size in spent) / 1000
        lines.append(at_most(f"slider move, {strategy}, N = {count:,}, to the map", largest, 10, "KB"))
    return lines


def _one_move(project: Project, cloud: Cloud, view: View, count: int) -> tuple[float, int]:
    """(milliseconds, bytes) of everything that the fragment computes for one move."""
    start = time.perf_counter()
    view = replace(view, count=count)
    choice = choose.choose(project, view, owner="bench")
    choose.coverage(project, choice, owner="bench")
    choose.figures(project, choice)
    packed = pack_move(cloud, move_of(project, cloud, view, choice), budget=BUDGET)
    shown, _ = rows.rows_of(TABS[0], project, choice)
    rows.table(project, choice, shown, TABS[0])
    return (time.perf_counter() - start) * 1000, len(packed)
