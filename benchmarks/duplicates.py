"""Duplicates: exact ones of a million rows, near ones at a new distance, and taking them out."""

from __future__ import annotations

import polars as pl

from benchmarks.report import Line, at_most, timed
from core import Project
from core.health import groups

ROWS, OUT = 1_000_000, 1203


def exact(frame: pl.DataFrame) -> list[Line]:
    """The real rows again and again, of which one answer in seven is repeated as it is."""
    texts = frame.select("prompt", "response", "system", "tools", "messages")
    rows = pl.concat([texts] * (ROWS // len(texts) + 1)).head(ROWS).with_row_index("number")
    own = (
        pl.when(pl.col("number") % 7 == 0)
        .then("response")
        .otherwise(pl.format("{} {}", "response", "number"))
    )
    rows = rows.with_columns(response=own)
    seconds, found = timed(lambda: groups.exact(rows), repeats=2)
    remark = f"{len(found):,} groups; but for case and spaces"
    return [at_most(f"exact duplicates of {ROWS:,} rows", seconds, 5, "s", remark)]


def near(project: Project) -> list[Line]:
    """A step of the slider: the groups within another distance, and which rows can go."""
    graph, lengths = project.neighbours(), project.response_chars

    def step() -> int:
        return len(groups.spare(groups.near(graph, 0.1), lengths=lengths))

    seconds, rows = timed(step, repeats=3)
    remark = f"{rows:,} rows within 0.1"
    return [at_most(f"near duplicates of {len(project.dataset):,} rows", seconds, 1, "s", remark)]


def taking_out(project: Project) -> list[Line]:
    """1,203 rows taken out, until everything is there but the map: what choosing needs."""
    ids = project.dataset.frame["id"].gather_every(len(project.dataset) // OUT).head(OUT)
    removal = project.propose("by-hand", ids=ids)

    def clean() -> Project:
        return project.without([removal])

    seconds, left = timed(clean)
    made, _ = timed(left.build)
    step = f"{OUT:,} of {len(project.dataset):,} rows taken out"
    return [
        at_most(step, seconds, 1, "s"),
        at_most(
            f"{step}: the new map", made, 60, "s", "draft, graph, clusters and layout; nothing is embedded"
        ),
    ]
