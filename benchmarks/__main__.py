"""``make bench``: every promised speed, measured in one run on the real rows."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks import (
    app,
    choosing,
    duplicates,
    export,
    finding,
    geometry,
    health,
    judging,
    loading,
    measures,
    plane,
    scores,
    strategies,
)
from benchmarks.report import Line, table
from core import Project

DATA = Path(__file__).parents[2] / "shared" / "data" / "alpaca52k_judged.jsonl.gz"
SELECTION = {
    "loading",
    "health",
    "judging",
    "geometry",
    "choosing",
    "measures",
    "plane",
    "scores",
    "strategies",
    "app",
    "duplicates",
    "finding",
    "export",
}
WITHOUT_A_MAP = {"loading", "health", "judging", "app"}


def main(arguments: list[str]) -> int:
    """Measure what is named, or everything; 1 where a promise is not kept."""
    wanted = set(arguments) or SELECTION
    if not DATA.exists():
        print(f"The benchmark runs on {DATA}, which is not there.")
        return 2
    with tempfile.TemporaryDirectory(prefix="winnow-bench-") as folder:
        lines = without_a_map(wanted, Path(folder))
        if wanted - WITHOUT_A_MAP:
            lines += with_a_map(wanted, Path(folder))
    print("\n" + table(lines))
    return 0 if all(line.met for line in lines) else 1


def without_a_map(wanted: set[str], home: Path) -> list[Line]:
    """What begins with a file."""
    lines: list[Line] = []
    if "loading" in wanted:
        lines += show(loading.measure(home, DATA))
    if "health" in wanted:
        lines += show(health.measure(DATA))
    if "judging" in wanted:
        lines += show(judging.measure(home))
    if "app" in wanted:
        lines += show(app.first_screen(home, DATA.parent))
        lines += show(app.memory(home, DATA))
        lines += show(app.bytes_of_moves(home, DATA))
    return lines


def with_a_map(wanted: set[str], home: Path) -> list[Line]:
    """What begins with vectors; a home that is kept between runs saves the minutes of embedding."""
    lines: list[Line] = []
    project = Project.open(DATA, home=os.environ.get("WINNOW_BENCH_HOME", home))
    project.build()
    if "choosing" in wanted:
        lines += show(choosing.k_center(project))
        lines += show(choosing.new_threshold(project))
        lines += show(choosing.slider_move(project))
    if "finding" in wanted:
        lines += show(finding.measure(project))
    if "measures" in wanted:
        lines += show(measures.every_metric(project))
        lines += show(measures.judges_agree(project))
        lines += show(measures.trusted(project))
        lines += show(measures.long_curve(project))
    if "plane" in wanted:
        lines += show(plane.measure(project))
    if "scores" in wanted:
        lines += show(scores.measure(project))
    if "strategies" in wanted:
        lines += show(strategies.orders(project))
        lines += show(strategies.facility_objective(project))
    if "duplicates" in wanted:
        lines += show(duplicates.exact(project.dataset.frame))
        lines += show(duplicates.near(project))
        lines += show(duplicates.taking_out(project))
    if "export" in wanted:
        lines += show(export.bundle(project))
        lines += show(export.million(DATA))
    if "geometry" in wanted:
        lines += show(geometry.measure(project.dataset.frame["prompt"].to_list(), project.vectors()))
    return lines


def show(lines: list[Line]) -> list[Line]:
    """Say each line as soon as it is measured."""
    for line in lines:
        print(f"{line.step}: {line.result} {line.ratio} ({line.target}) {line.remark}", flush=True)
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
