"""Whether a hard filter on a judge is supported, and the shape of every other finding about trust."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any, Literal

from core.aggregates import title_of
from core.agreement import GOOD, TENTATIVE
from core.concordance import Estimate
from core.domain import ScoreColumn
from core.trust import Trust
from core.wording import counted

Tone = Literal["good", "fair", "warn"]
LENIENCY = 0.2  # of rank correlation above alpha: the judges use their scales differently
Unit = Literal["", "share", "count", "judges"]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a button does: a judge is added, or another threshold or strategy is taken."""

    kind: Literal["aggregate", "threshold", "strategy", "families"]
    title: str
    column: ScoreColumn | None = None
    number: float = math.nan
    name: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure with its interval and chance value, what it means for this selection, and what to do.

    section: agreement, filters, length, style, clusters, ties or families.
    chance: what luck alone would give; nan where that is zero or has no meaning.
    """

    section: str
    title: str
    figure: Estimate
    unit: Unit
    tone: Tone
    sentence: str
    advice: str
    chance: float = math.nan
    step: Step | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, unknown numbers as None."""
        low, high = self.figure.low, self.figure.high
        numbers = {"value": self.figure.value, "low": low, "high": high, "chance": self.chance}
        told = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        words = {
            name: value for name, value in asdict(self).items() if name not in ("figure", "step", "chance")
        }
        return {**words, **told, "step": self.step.title if self.step else None}


def verdict(found: Trust) -> Finding:
    """Whether a hard filter on the judge that decides is supported, in one sentence."""
    figure, first = found.overall.agreement, found.now.first
    alpha = Estimate(figure.alpha, figure.low, figure.high)
    step = joined_step(found, "median")
    what = f"on {first}" if found.now.threshold is None else f"on {first} at {found.now.threshold:g} or more"
    who = f"{counted(len(found.judges), 'judge')}"
    if found.now.parts:
        return _verdict_of_joined(found, what)
    if math.isnan(alpha.value):
        said = (
            f"Whether a hard filter {what} is supported cannot be told: no two judges differ on shared rows."
        )
        return Finding(
            "agreement", "Verdict", alpha, "", "fair", said, "Score more rows with a second judge."
        )
    measured = f"{who} agree at alpha {alpha.value:.3f}"
    if alpha.value >= GOOD:
        said = f"A hard filter {what} is supported: {measured}, and {GOOD:.2f} is good agreement."
        advice = "Go on; watch the leanings below all the same."
        return Finding("agreement", "Verdict", alpha, "", "good", said, advice)
    if alpha.value >= TENTATIVE:
        said = f"A hard filter {what} is tentative: {measured}, below the {GOOD:.2f} of good agreement."
        advice = "Use several judges together, and review rows at the cut."
        return Finding("agreement", "Verdict", alpha, "", "fair", said, advice, step=step)
    said = (
        f"A hard filter {what} is not supported: {measured}, and below {TENTATIVE} another judge would "
        "choose other rows."
    )
    advice = (
        "Let the scores order rows or drop only the worst, use several judges together, and review a sample "
        "by hand."
    )
    if _mean_rho(found, found.judges) - alpha.value >= LENIENCY:
        advice = f"They rank rows more alike than they grade them: go by percentiles, not by grades. {advice}"
    return Finding("agreement", "Verdict", alpha, "", "warn", said, advice, step=step)


def _verdict_of_joined(found: Trust, what: str) -> Finding:
    """Of a judge that joins others: by what Spearman and Brown's formula makes of their mean correlation."""
    rho, count = _mean_rho(found, found.now.parts), len(found.now.parts)
    if math.isnan(rho):
        said = f"Whether a hard filter {what} is supported cannot be told: compare the judges that it joins."
        return Finding("agreement", "Verdict", Estimate(math.nan), "", "fair", said, "Switch them on above.")
    rho = max(rho, 0.0)
    joined = count * rho / (1 + (count - 1) * rho)
    words: tuple[Tone, str, str] = ("warn", "not supported", "Let it order rows or drop only the worst.")
    if joined >= TENTATIVE:
        words = ("fair", "tentative", "Review rows at the cut.")
    if joined >= GOOD:
        words = ("good", "supported", "Go on; watch the leanings below all the same.")
    tone, verb, advice = words
    said = (
        f"A hard filter {what} is {verb}: with a mean rank correlation of {rho:.2f} its {count} judges "
        f"together reach a reliability of {joined:.2f}, where {GOOD:.2f} is good and {TENTATIVE} the least."
    )
    return Finding("agreement", "Verdict", Estimate(joined), "", tone, said, advice)


def _mean_rho(found: Trust, judges: Collection[str]) -> float:
    """The mean rank correlation of each two of these judges; nan where none is known."""
    known = [
        each.spearman.value
        for each in found.overall.pairs
        if {each.one, each.other} <= set(judges) and not math.isnan(each.spearman.value)
    ]
    return sum(known) / len(known) if known else math.nan


# What can be done.


def joined_step(found: Trust, rule: str) -> Step | None:
    """The step that joins these judges by a rule; None where that judge is there, or they are too few."""
    judges = tuple(name for name in found.judges if name not in found.aggregates)
    return step_of(found, rule, judges) if len(judges) > 1 else None


def step_of(found: Trust, rule: str, judges: tuple[str, ...]) -> Step | None:
    """The step that joins exactly these; None where that judge is there or one of them joins others."""
    name = title_of(rule, judges)
    if name in found.known or found.aggregates & set(judges):
        return None
    return Step("aggregate", f"Add the judge: {name}", column=ScoreColumn(name=name, rule=rule, of=judges))
