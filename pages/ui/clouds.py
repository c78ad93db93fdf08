"""A project's map as the browser holds it."""

from __future__ import annotations

import numpy as np

from core import Project
from pages.ui.map import Cloud, pack_cloud

MOST_POINTS = 200_000  # above, a sample is drawn while every count stays exact


def pack_project(project: Project, *, draft: bool) -> Cloud:
    """The packed map: the real one, or the draft, which has no clusters yet."""
    n = len(project.dataset)
    judges = {name: judge.scores for name, judge in project.judges.items()}
    drawn = None
    if n > MOST_POINTS:
        # A uniform sample keeps the densities of the map in proportion.
        drawn = np.sort(np.random.default_rng(0).choice(n, MOST_POINTS, replace=False))
    if draft:
        nothing = np.zeros(n, dtype=np.int32)
        lengths = project.tokens() if project.has_tokens() else nothing
        return pack_cloud(
            project.draft(), nothing, {0: "All rows"}, judges=judges, lengths=lengths, drawn=drawn, draft=True
        )
    clusters = project.clusters()
    return pack_cloud(
        project.coords(),
        clusters.labels,
        clusters.names,
        judges=judges,
        lengths=project.tokens(),
        drawn=drawn,
    )
