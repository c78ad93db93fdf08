"""Whose scores count: the judge that the decisions of a selection name."""

from __future__ import annotations

import difflib
import math
from dataclasses import replace

import numpy as np

from core import selection
from core.domain import Dataset, Judge, SelectParams
from core.errors import ParameterError


def judge_of(dataset: Dataset, params: SelectParams) -> Judge | None:
    """The judge of the parameters, with no score where a further one that a setting names gave none.

    Raises:
        ParameterError: there is no such judge, or a threshold without one.
    """
    if params.judge is None:
        if params.min_score is not None:
            raise ParameterError("A threshold needs a judge, and none is chosen.", judges_hint(dataset))
        return None
    if params.judge not in dataset.judges:
        raise ParameterError(
            f"There is no judge {params.judge!r} in {dataset.name}.", judges_hint(dataset, near=params.judge)
        )
    if params.min_score is not None and math.isnan(params.min_score):
        raise ParameterError("The threshold is not a number.", "Leave it out to take every scored row.")
    judge = dataset.judges[params.judge]
    for setting, name in selection.strategy(params.strategy).further_judges(params).items():
        judge = _scored_by_both(dataset, judge, setting, name)
    return judge


def _scored_by_both(dataset: Dataset, judge: Judge, setting: str, name: str) -> Judge:
    """The judge, with no score where the one of that name, of a setting, gave none."""
    others = [each for each in dataset.judges if each != judge.name]
    if not others:
        raise ParameterError(
            f"{setting} needs a second judge, and {dataset.name} has only {judge.name}.",
            f"Leave {setting} out, or add a second score column to the file.",
        )
    if name not in others:
        same = f"{setting} names {name}, which is the judge already."
        unknown = f"There is no judge {name!r} in {dataset.name} for {setting}."
        raise ParameterError(same if name == judge.name else unknown, f"It can be: {', '.join(others)}.")
    scores = np.where(np.isnan(dataset.judges[name].scores), np.float32(np.nan), judge.scores)
    scores.flags.writeable = False
    scored = int((~np.isnan(scores)).sum())
    return replace(
        judge, name=f"{judge.name} or {name}", scores=scores, scored=scored, unscored=len(scores) - scored
    )


def judges_hint(dataset: Dataset, *, near: str = "") -> str:
    """Which judges there are, and which one a wrong name may have meant."""
    names = list(dataset.judges)
    if not names:
        return "This file has no score column: import or judge first."
    close = difflib.get_close_matches(near, names, n=1)
    guess = f"Did you mean {close[0]}? " if close else ""
    return f"{guess}Judges: {', '.join(names)}."
