"""Scores of another file and the load report, on the real rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.report import Line, at_most, timed
from core import Project, scoring
from core.domain import ScoreColumn
from core.load_report import report

SEED = 0


def measure(project: Project) -> list[Line]:
    """A CSV of made-up perplexities, its rows shuffled: read, joined, looked at; and the report."""
    with tempfile.TemporaryDirectory(prefix="winnow-bench-") as folder:
        path = _written(Path(folder), project)
        read, opened = timed(lambda: scoring.open_scores(path, by="id", key="id"), repeats=5)
        column = ScoreColumn(name="ppl", column="ppl", file=opened.file, invert=True)
        looked, _ = timed(lambda: project.examine_scores(column, opened), repeats=5)
        fresh = Project(project.dataset, home=folder)
        made, _ = timed(lambda: report(fresh))
        again, _ = timed(lambda: report(fresh), repeats=3)
    return [
        at_most("read a CSV of scores", read, 1.0, "s", "best of five"),
        at_most("join and look at a column of it", looked, 0.5, "s", "best of five; before it is accepted"),
        at_most("load report, made", made, 60, "s", "tokens, languages, copies"),
        at_most("load report, stored", again, 1.0, "s", "best of three"),
    ]


def _written(folder: Path, project: Project) -> Path:
    random = np.random.default_rng(SEED)
    ids = project.dataset.frame["id"].gather(random.permutation(len(project.dataset)))
    path = folder / "ppl.csv"
    pl.DataFrame({"id": ids, "ppl": random.lognormal(2, 1, len(ids)).round(3)}).write_csv(path)
    return path
