"""What the judges that did not choose say about a selection: the check that scores cannot flatter.

A judge that chose likes what it chose. Whether the choice is better shows only in the eyes of a judge that
had no part in it. All other judges break ties, which would be a part in it: so the rows are chosen once more
without them, and those rows are what they are asked about.

A gain is claimed where the mean lies outside the range of the random draws and more than three standard
errors away from the mean of all rows, which is what random draws give in the long run. By the range alone one
selection in six that is no better than random would lie above five draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from core.domain import Judge, OnProgress, Positions, Selection, ignore_progress
from core.orders import CONTROL_DRAWS
from core.wording import counted

if TYPE_CHECKING:
    from core.project import Project

ERRORS = 3.0  # standard errors that a gain has to exceed
MARGIN = 1e-6  # of a score: rounding, of means that are the same


class Gain(StrEnum):
    """What a judge says of a selection, beside random draws of its size."""

    GAIN = "gain"
    NONE = "no gain"
    LOSS = "loss"
    UNKNOWN = "no scores"


@dataclass(frozen=True, slots=True)
class Opinion:
    """One judge's mean score of a selection, beside random draws of the same size; nan without scores.

    chose: its scores or its threshold made the selection, so that its mean says nothing about quality.
    mean: of the selected rows.
    unaided: of the rows chosen without the other judges' say in ties; ``gain`` is about these.
    random, low, high: mean and range of the random draws. pool: mean of all rows.
    error: standard error of the mean of so many rows drawn at random, of which ``pool`` is the expectation.
    """

    judge: str
    chose: bool
    mean: float
    unaided: float
    random: float
    low: float
    high: float
    pool: float
    error: float
    gain: Gain

    @property
    def errors(self) -> float:
        """How many standard errors ``unaided`` lies above ``pool``; negative below."""
        return (self.unaided - self.pool) / self.error if self.error > 0 else 0.0


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What every judge says of one selection.

    opinions: of every judge of the dataset, the one that chose first.
    aided: how many rows are selected only because other judges broke ties.
    draws: how many random draws stand beside it.
    """

    opinions: tuple[Opinion, ...]
    aided: int
    draws: int

    @property
    def independent(self) -> tuple[Opinion, ...]:
        """Those of the judges that did not choose and scored some of the rows."""
        return tuple(each for each in self.opinions if not each.chose and each.gain is not Gain.UNKNOWN)

    @property
    def sentence(self) -> str:
        """Whether the selection is better than random to judges that had no part in it, in words."""
        asked = self.independent
        if not asked:
            return "No judge in this file had no part in the choice: nobody can say whether it beats random."
        without = ""
        if self.aided:
            without = (
                f", asked about rows chosen without their say in ties ({counted(self.aided, 'row')} changed)"
            )
        who = "Judge that did not choose" if len(asked) == 1 else "Judges that did not choose"
        if all(each.low - MARGIN <= each.unaided <= each.high + MARGIN for each in asked):
            values = _joined([f"{each.unaided:.2f}" for each in asked]) + ", inside random's range"
        else:
            values = _joined([f"{each.unaided:.2f} ({_place(each)})" for each in asked])
        return f"{who}{without}: {values}: {_claim(asked)}."


def held_out(
    project: Project,
    chosen: Selection,
    *,
    draws: int = CONTROL_DRAWS,
    on_progress: OnProgress = ignore_progress,
) -> HeldOut:
    """Ask every judge about a selection, and about random draws of its size from the whole pool."""
    unaided = project.unaided(chosen.params, on_progress=on_progress)
    drawn = [project.control(seed)[: len(chosen)] for seed in range(draws)]
    first = chosen.params.judge
    judges = sorted(project.judges.values(), key=lambda judge: judge.name != first)
    return HeldOut(
        tuple(opinion(judge, chosen, unaided, drawn) for judge in judges),
        len(np.setdiff1d(chosen.rows, unaided.rows)),
        draws,
    )


def opinion(judge: Judge, chosen: Selection, unaided: Selection, drawn: list[Positions]) -> Opinion:
    """One judge's word on a selection and on the random draws."""
    found = [mean for rows in drawn if not math.isnan(mean := _mean(judge, rows))]
    params = chosen.params
    chose = judge.name == params.judge or judge.name in dict(params.options).values()  # a setting names it
    rows = chosen.rows if chose else unaided.rows
    own, nan = _mean(judge, rows), math.nan
    one = Opinion(judge.name, chose, _mean(judge, chosen.rows), own, nan, nan, nan, nan, nan, Gain.UNKNOWN)
    if math.isnan(own) or not found:
        return one
    known = replace(
        one,
        random=sum(found) / len(found),
        low=min(found),
        high=max(found),
        pool=_mean(judge, np.arange(len(judge.scores))),
        error=_error(judge, rows),
    )
    return replace(known, gain=_gain(known))


def _gain(one: Opinion) -> Gain:
    if one.low - MARGIN <= one.unaided <= one.high + MARGIN or abs(one.errors) <= ERRORS:
        return Gain.NONE
    return Gain.GAIN if one.errors > 0 else Gain.LOSS


def _error(judge: Judge, rows: Positions) -> float:
    """The standard error of the mean of k rows drawn without replacement.

    The spread of the whole pool is known, so nothing has to be estimated from a few draws.
    """
    scored = judge.scores[~np.isnan(judge.scores)].astype(np.float64)
    n, k = len(scored), int((~np.isnan(judge.scores[rows])).sum())
    return math.sqrt(scored.var(ddof=1) / k * (1 - k / n)) if n > 1 else 0.0


def _mean(judge: Judge, rows: Positions) -> float:
    scores = judge.scores[rows]
    scored = scores[~np.isnan(scores)]
    return float(scored.mean(dtype=np.float64)) if len(scored) else math.nan


def _claim(asked: tuple[Opinion, ...]) -> str:
    gains = [each.judge for each in asked if each.gain is Gain.GAIN]
    losses = [each.judge for each in asked if each.gain is Gain.LOSS]
    if not gains and not losses:
        who = "judge" if len(asked) == 1 else "judges"
        return f"no gain over random by the {who} that did not choose"
    parts = [f"a gain over random by {_joined(gains)}"] if gains else []
    parts += [f"worse than random by {_joined(losses)}"] if losses else []
    neither = [each.judge for each in asked if each.gain is Gain.NONE]
    parts += [f"no gain by {_joined(neither)}"] if neither else []
    return ", ".join(parts)


def _place(one: Opinion) -> str:
    """Where a mean lies, in words."""
    side = "above" if one.errors > 0 else "below"
    far = f"{abs(one.errors):.1f} standard errors {side} the mean of all rows"
    return f"random draws {one.low:.2f} to {one.high:.2f}, {far}"


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
