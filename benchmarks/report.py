"""The rows of the table of speeds, and how they are printed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measured comparison. ``target`` is what the ratio or the figure has to reach, in words."""

    step: str
    baseline: str
    result: str
    ratio: str
    target: str
    met: bool
    remark: str = ""


def timed(work: Callable[[], T], *, repeats: int = 1) -> tuple[float, T]:
    """The shortest of ``repeats`` runs in seconds, and what the last run gave."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


def at_least(
    step: str, *, ours: float, theirs: float, factor: float, baseline: str, remark: str = ""
) -> Line:
    """A line for "so many times as fast as the baseline in the same run"."""
    ratio = theirs / ours
    return Line(
        step=step,
        baseline=f"{baseline}: {theirs:.2f} s",
        result=f"{ours:.2f} s",
        ratio=f"{ratio:.1f}x",
        target=f"at least {factor:g}x",
        met=ratio >= factor,
        remark=remark,
    )


def at_most(step: str, value: float, limit: float, unit: str, remark: str = "") -> Line:
    """A line for "no more than so many seconds, bytes or megabytes"."""
    return Line(
        step=step,
        baseline="",
        result=f"{value:,.3g} {unit}" if value < 1000 else f"{value:,.0f} {unit}",
        ratio="",
        target=f"at most {limit:,g} {unit}",
        met=value <= limit,
        remark=remark,
    )


def table(lines: Sequence[Line]) -> str:
    """The lines as a Markdown table."""
    rows = [("step", "result", "baseline in the same run", "ratio", "target", "met", "remark")]
    rows += [
        (
            line.step,
            line.result,
            line.baseline,
            line.ratio,
            line.target,
            "yes" if line.met else "NO",
            line.remark,
        )
        for line in lines
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join((texts[0], rule, *texts[1:]))
