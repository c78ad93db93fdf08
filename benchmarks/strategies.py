"""Orders of the real rows, made past every cache, and how near facility comes to the exact greedy choice."""

from __future__ import annotations

import numpy as np

from benchmarks.report import Line, at_most, timed
from core import Project, SelectParams, selection
from core.domain import Order, Vectors
from core.neighbours import neighbours
from core.selection import facility

REPEATS = 3
LIMITS = (
    ("deita", 9229, 3.0, "s"),
    ("facility", 1000, 5.0, "s"),
    ("facility", 9229, 15.0, "s"),
    ("repaired", 9229, 20.0, "s"),
    ("cluster-quota", 9229, 100.0, "ms"),
    ("longest", 9229, 100.0, "ms"),
    ("top-score", 9229, 100.0, "ms"),
)
SAMPLE = 5000
COUNTS = (5, 10, 20, 50, 100, 500, 1000)
SHARE = 0.99  # of the exact greedy objective, at least
MISSING = 100 * (1 - SHARE)


def orders(project: Project) -> list[Line]:
    """How long each strategy takes, from vectors, graph and clusters in memory."""
    _candidates(project)
    return [_line(project, *limit) for limit in LIMITS]


def _line(project: Project, name: str, count: int, limit: float, unit: str) -> Line:
    seconds, _ = timed(lambda: fresh_order(project, name, count), repeats=REPEATS)
    value = seconds * 1000 if unit == "ms" else seconds
    return at_most(f"{name}, N = {count:,}", value, limit, unit, f"best of {REPEATS}, past every cache")


def fresh_order(project: Project, name: str, count: int) -> Order:
    """The strategy's work by the first judge, past every cache."""
    chosen = selection.strategy(name)
    settings = chosen.settings(SelectParams(strategy=name))
    return chosen.rule(_candidates(project), settings, limit=count, check=lambda: None)


def _candidates(project: Project) -> selection.Candidates:
    judge, *others = project.judges.values()
    return selection.Candidates(
        eligible=selection.eligible(len(project.dataset), judge, None),
        draw=project.draw(0),
        scores=judge.scores,
        others=tuple(other.scores for other in others),
        response_chars=project.dataset.frame["response"].str.len_chars().to_numpy().astype(np.int64),
        vectors=project.vectors(),
        neighbours=project.neighbours(),
        labels=project.labels(),
    )


def facility_objective(project: Project) -> list[Line]:
    """What facility loses against the exact greedy choice on a sample, exactly and as of many rows."""
    rows = np.sort(np.argsort(project.draw(1))[:SAMPLE])
    vectors = np.array(project.vectors()[rows])
    candidates = selection.Candidates(
        eligible=np.ones(SAMPLE, dtype=bool),
        draw=project.draw(0)[rows],
        vectors=vectors,
        neighbours=neighbours(vectors),
    )
    best = _covered(vectors, exact_greedy(vectors, COUNTS[-1]))
    held, lines = facility.EXACT_ROWS, []
    try:
        for way, exact_rows in (("every pair", held), ("as of many rows", 0)):
            facility.EXACT_ROWS = exact_rows
            rule = selection.strategy("facility").rule
            order = rule(candidates, {"quality": 0.0}, limit=COUNTS[-1], check=lambda: None)
            lines.append(_loss(way, _covered(vectors, order) / best))
    finally:
        facility.EXACT_ROWS = held
    return lines


def _loss(way: str, shares: np.ndarray) -> Line:
    remark = ", ".join(f"{share:.2%} at {count:,}" for share, count in zip(shares, COUNTS, strict=True))
    missing = max(100 * (1 - float(shares.min())), 0.0)
    return at_most(f"facility, {SAMPLE:,} rows, {way}: short of exact greedy", missing, MISSING, "%", remark)


def exact_greedy(vectors: Vectors, count: int) -> Order:
    """The greedy choice over all pairs, in single precision: the reference."""
    similar = np.maximum(vectors @ vectors.T, 0)
    covered = np.zeros(len(vectors), dtype=np.float32)
    gain = similar.sum(axis=0, dtype=np.float64)
    picks = []
    for _ in range(count):
        picks.append(int(gain.argmax()))
        column = similar[:, picks[-1]]
        nearer = np.flatnonzero(column > covered)
        before, after = covered[nearer, None], column[nearer, None]
        gain -= (np.clip(similar[nearer], before, after) - before).sum(axis=0, dtype=np.float64)
        covered[nearer] = column[nearer]
        gain[picks[-1]] = -1
    return np.array(picks)


def _covered(vectors: Vectors, order: Order) -> np.ndarray:
    """The objective at each of the counts: mean similarity of a row to the nearest chosen one."""
    similar = np.maximum(vectors @ vectors[order].T, 0)
    best = np.maximum.accumulate(similar, axis=1)
    return np.array([float(best[:, count - 1].mean(dtype=np.float64)) for count in COUNTS])
