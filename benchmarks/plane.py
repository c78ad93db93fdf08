"""The what-if plane on the real rows: fresh orders and curves, from vectors and graph in memory."""

from __future__ import annotations

from functools import partial

from benchmarks.report import Line, at_most, timed
from core import Project, SelectParams

SIZES = 20


def measure(project: Project) -> list[Line]:
    """All thresholds of the first judge by 20 counts by top score; the random draws are in the store."""
    params = SelectParams(judge=next(iter(project.judges)), min_score=3.0, count=1000, strategy="top-score")
    _fresh(project).plane(params, sizes=SIZES)  # measures the random draws
    runs = []
    for _ in range(3):
        fresh = _fresh(project)
        runs.append(timed(partial(fresh.plane, params, sizes=SIZES)))
    seconds, plane = min(runs, key=lambda run: run[0])
    step = f"what-if plane, top score, {len(plane.thresholds)} thresholds by {len(plane.counts)} counts"
    return [at_most(step, seconds, 2.0, "s", "best of three; the random draws come from the store")]


def _fresh(project: Project) -> Project:
    """The same project with its stages in memory, and neither orders nor curves."""
    again = Project(project.dataset, home=project.home, params=project.params)
    for stage in (again.vectors, again.neighbours, again.labels, again.tokens):
        stage()
    return again
