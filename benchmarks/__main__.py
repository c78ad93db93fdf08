"""``make bench``: every promised speed, measured in one run on the real rows."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks import app, choosing, geometry
from benchmarks.report import Line, table
from core import Project

DATA = Path(__file__).parents[2] / "shared" / "data" / "alpaca52k_judged.jsonl.gz"
SELECTION = {"geometry", "choosing", "app"}


def main(arguments: list[str]) -> int:
    """Measure what is named, or everything; 1 where a promise is not kept."""
    wanted = set(arguments) or SELECTION
    if not DATA.exists():
        print(f"The benchmark runs on {DATA}, which is not there.")
        return 2
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="winnow-bench-") as folder:
        home = Path(folder)
        if "app" in wanted:
            lines += show(app.first_screen(home, DATA.parent))
            lines += show(app.memory(home, DATA))
            lines += show(app.bytes_of_moves(home, DATA))
        # A home that is kept between runs saves the minutes of embedding when only choosing is measured.
        project = Project.open(DATA, home=os.environ.get("WINNOW_BENCH_HOME", home))
        project.build()
        if "choosing" in wanted:
            lines += show(choosing.k_center(project))
            lines += show(choosing.new_threshold(project))
            lines += show(choosing.slider_move(project))
        if "geometry" in wanted:
            lines += show(geometry.measure(project.dataset.frame["prompt"].to_list(), project.vectors()))
    print("\n" + table(lines))
    return 0 if all(line.met for line in lines) else 1


def show(lines: list[Line]) -> list[Line]:
    """Say each line as soon as it is measured."""
    for line in lines:
        print(f"{line.step}: {line.result} {line.ratio} ({line.target}) {line.remark}", flush=True)
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
