"""Selections side by side: every metric beside random draws of the same size, and beside the pool."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl

from core import metrics
from core.domain import OnProgress, Progress, Selection, ignore_progress
from core.errors import ParameterError
from core.held_out import HeldOut, held_out
from core.orders import CONTROL_DRAWS

if TYPE_CHECKING:
    from core.project import Project

MOST = 6  # selections side by side


class Verdict(StrEnum):
    """How a value stands to those of random draws of the same size."""

    BETTER = "better than random"
    WORSE = "worse than random"
    INSIDE = "inside random's range"
    NEITHER = "neither"  # the metric has no better side
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Standing:
    """One metric of one selection; nan where there is nothing to measure.

    mean, low, high: of the random draws of this selection's size. pool: of all rows.
    """

    value: float
    mean: float
    low: float
    high: float
    pool: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Compared:
    """One selection of a comparison: its metrics by name, and what the judges that did not choose say."""

    name: str
    selection: Selection = field(repr=False)
    standings: Mapping[str, Standing] = field(repr=False)
    held_out: HeldOut


@dataclass(frozen=True, slots=True)
class Comparison:
    """Selections of one dataset, in the sequence in which they were given."""

    compared: tuple[Compared, ...]
    draws: int

    def table(self) -> pl.DataFrame:
        """One line a metric and selection, in full precision: what the CSV holds."""
        lines = [
            {
                "metric": metric.title,
                "unit": metric.unit,
                "better": metric.better or "neither",
                "selection": one.name,
                "rows": len(one.selection),
                "value": standing.value,
                "random mean": standing.mean,
                "random low": standing.low,
                "random high": standing.high,
                "pool": standing.pool,
                "verdict": standing.verdict.value,
            }
            for name, metric in metrics.METRICS.items()
            for one in self.compared
            for standing in (one.standings[name],)
        ]
        return pl.DataFrame(lines).with_columns(pl.selectors.float().fill_nan(None))


def compare_many(
    project: Project,
    selections: Mapping[str, Selection],
    *,
    draws: int = CONTROL_DRAWS,
    on_progress: OnProgress = ignore_progress,
) -> Comparison:
    """Put selections of one project beside each other, each beside random draws of its own size.

    Raises:
        ParameterError: there is none, there are more than six, or there is no draw to compare with.
    """
    if not 1 <= len(selections) <= MOST:
        raise ParameterError(
            f"{len(selections)} selections cannot be compared.", f"Give one to {MOST} of them, by name."
        )
    if draws < 1:
        raise ParameterError("There is no random draw to compare with.", "Take at least 1; 5 is usual.")
    return Comparison(
        tuple(
            compare_one(project, name, chosen, draws=draws, on_progress=on_progress)
            for name, chosen in selections.items()
        ),
        draws,
    )


def compare_one(
    project: Project,
    name: str,
    chosen: Selection,
    *,
    draws: int = CONTROL_DRAWS,
    on_progress: OnProgress = ignore_progress,
) -> Compared:
    """One selection beside random draws of its size; its scores are those of its own judge."""
    judge = chosen.params.judge

    def step(done: int, note: str) -> OnProgress:
        """What a set is measured by is reported as that set; but what is made once a dataset by its name."""
        return lambda at: on_progress(
            at if at.stage != "measure" else Progress("figures", done, draws + 1, note)
        )

    mine = project.measure(chosen.rows, judge=judge, on_progress=step(0, "the selection"))
    drawn = [
        project.control_measures(
            len(chosen), seed, judge=judge, on_progress=step(seed + 1, f"random draw {seed + 1} of {draws}")
        )
        for seed in range(draws)
    ]
    pool = project.pool_measures(judge, on_progress=on_progress)
    standings = {
        metric.name: standing(
            metric, mine[metric.name], [each[metric.name] for each in drawn], pool[metric.name]
        )
        for metric in metrics.METRICS.values()
    }
    return Compared(name, chosen, standings, held_out(project, chosen, draws=draws, on_progress=on_progress))


def standing(metric: metrics.Metric, value: float, drawn: list[float], pool: float) -> Standing:
    """A value beside the range of the random draws; the ends of the range are inside it."""
    known = [each for each in drawn if not math.isnan(each)]
    if not known:
        nan = math.nan
        return Standing(value, nan, nan, nan, pool, Verdict.UNKNOWN)
    low, high = min(known), max(known)
    return Standing(value, sum(known) / len(known), low, high, pool, _verdict(metric, value, low, high))


def _verdict(metric: metrics.Metric, value: float, low: float, high: float) -> Verdict:
    if math.isnan(value):
        return Verdict.UNKNOWN
    if metric.better is None:
        return Verdict.NEITHER
    # The same rows, summed in another sequence, may differ in the last digit.
    slack = 1e-9 * max(abs(low), abs(high))
    if low - slack <= value <= high + slack:
        return Verdict.INSIDE
    is_above = value > high
    return Verdict.BETTER if is_above == (metric.better == "higher") else Verdict.WORSE
