"""Exporting: the whole bundle of a real choice, and a million rows as JSON lines and Parquet.

python -m benchmarks.export FILE ROWS FOLDER: the second alone, in a process whose memory is then known.
"""

from __future__ import annotations

import dataclasses
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.report import Line, at_most, timed
from core import Project, SelectParams
from core.domain import Dataset
from core.exporting import FORMATS, REPORT_CONTENTS, layout, write_bundle
from core.exporting.layout import TABLE
from core.loading import load
from core.measures import SETS
from core.metrics import METRICS

CHOSEN, MANY = 9_229, 1_000_000
MOST_SECONDS, MOST_MANY_SECONDS, MOST_GIB, MOST_REPORT = 5.0, 60.0, 3.0, 5.0


def bundle(project: Project) -> list[Line]:
    """Everything that trainers read of 9,229 rows, with card and report: first of its count, then again."""
    return [*_of_a_new_count(project), *_known(project)]


def _of_a_new_count(project: Project) -> list[Line]:
    """Nothing was measured of this selection, nor of random draws of its size; then with a first report."""
    project.measure_ahead()  # as the worker does after a map
    judge = next(iter(project.judges))

    def seconds(count: int, *, report: bool) -> float:
        chosen = project.select(SelectParams(strategy="top-score", judge=judge, count=count))
        with tempfile.TemporaryDirectory(prefix="winnow-bench-") as folder:
            return timed(
                lambda: project.export(chosen, folder, format="bundle", licence="cc-by-nc-4.0", report=report)
            )[0]

    step = f"the whole bundle, {CHOSEN:,} rows, of a new count"
    new, with_report = seconds(CHOSEN - 2, report=False), seconds(CHOSEN - 1, report=True)
    sets = f"card with {len(METRICS)} metrics of {SETS} sets"
    return [
        at_most(step, new, MOST_SECONDS, "s", sets),
        at_most(f"{step}, and a first report", with_report, MOST_SECONDS, "s", f"{sets}, curves"),
    ]


def _known(project: Project) -> list[Line]:
    """The same once its figures are known."""
    chosen = project.select(SelectParams(strategy="random", count=CHOSEN))
    made = project.bundle(chosen, licence="cc-by-nc-4.0", report=True, format="bundle")
    with tempfile.TemporaryDirectory(prefix="winnow-bench-") as folder:
        seconds, _ = timed(lambda: write_bundle(made, Path(folder), "bundle"), repeats=3)
        again, _ = timed(
            lambda: project.export(chosen, folder, format="bundle", licence="cc-by-nc-4.0", report=True),
            repeats=3,
        )
        report = sum((Path(folder) / name).stat().st_size for name in REPORT_CONTENTS) / 1e6
    files = len(layout("bundle").forms)
    return [
        Line(
            step=f"the whole bundle, {CHOSEN:,} rows",
            baseline=f"{files} training files, card, report, sums; figures of the report stored",
            result=f"{again:.2f} s",
            ratio="",
            target=f"at most {MOST_SECONDS:g} s",
            met=again <= MOST_SECONDS,
            remark=f"{seconds:.2f} s of it writing",
        ),
        at_most(f"the report of {CHOSEN:,} of {len(project.dataset):,} rows", report, MOST_REPORT, "MB"),
    ]


def million(data: Path) -> list[Line]:
    """A million rows as JSON lines and as Parquet, from a process that holds them."""
    with tempfile.TemporaryDirectory(prefix="winnow-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.export", str(data), str(MANY), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    seconds, gib = found["seconds"], found["peak_bytes"] / 2**30
    return [
        Line(
            step=f"{MANY:,} rows as JSON lines and Parquet",
            baseline=f"{found['before_bytes'] / 2**30:.2f} GiB held before",
            result=f"{seconds:.1f} s, {gib:.2f} GiB at most",
            ratio="",
            target=f"at most {MOST_MANY_SECONDS:g} s and {MOST_GIB:g} GiB",
            met=seconds <= MOST_MANY_SECONDS and gib <= MOST_GIB,
            remark=f"{found['written_bytes'] / 2**20:,.0f} MiB written",
        )
    ]


def repeated(dataset: Dataset, rows: int) -> Dataset:
    """The same rows over and over, each with an id of its own in its texts, so that none shares memory."""
    times = math.ceil(rows / len(dataset))
    texts = pl.concat([dataset.frame.select("prompt", "response")] * times).head(rows)
    texts = texts.with_columns(id=pl.int_range(rows).cast(pl.String), tools=pl.lit(None, dtype=pl.String))

    def turn(role: str, column: str) -> pl.Expr:
        said = pl.concat_str(column, "id", separator="\n").alias("content")
        return pl.struct(pl.lit(role).alias("role"), said)

    messages = pl.concat_list(turn("user", "prompt"), turn("assistant", "response"))
    frame = texts.select("id", "tools", messages=messages)
    return dataclasses.replace(dataset, frame=frame, rows=frame)


def _write_many(data: Path, rows: int, folder: Path) -> None:
    dataset = repeated(load(data), rows)
    order = np.random.default_rng(0).permutation(rows)
    before = _peak()
    start = time.perf_counter()
    for form in (FORMATS["messages"], TABLE):
        with (folder / Path(form.file).name).open("wb") as out:
            form.save(dataset, order, out)
    seconds = time.perf_counter() - start
    written = sum(file.stat().st_size for file in folder.iterdir())
    found = {"seconds": seconds, "peak_bytes": _peak(), "before_bytes": before, "written_bytes": written}
    print(json.dumps(found))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    _write_many(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
