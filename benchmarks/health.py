"""Looking at the texts of the real rows: every check, and evaluation prompts among them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.report import Line, at_most
from core.health import CHECKS, leaked
from core.loading import load

CHECKS_SECONDS, LEAKS_SECONDS = 10, 10
PROMPTS = 1_000


def measure(data: Path) -> list[Line]:
    """Seconds of all checks together, with the slowest named, and of the rule of words."""
    frame = load(data).frame
    times = {}
    for check in CHECKS:
        times[check.name] = min(_seconds(partial(check.find, frame)) for _ in range(2))
    slowest = max(times, key=lambda name: times[name])
    prompts = frame["prompt"][: PROMPTS * 50 : 50].to_list()
    seconds = min(_seconds(partial(leaked, frame, prompts)) for _ in range(2))
    remark = f"the slowest: {slowest}, {times[slowest]:.2f} s"
    rows = f"{frame.height:,} rows"
    return [
        at_most(f"{len(CHECKS)} checks of {rows}", sum(times.values()), CHECKS_SECONDS, "s", remark),
        at_most(f"{PROMPTS:,} evaluation prompts among {rows}", seconds, LEAKS_SECONDS, "s", "by words"),
    ]


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
