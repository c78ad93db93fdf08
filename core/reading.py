"""The what-if plane read aloud: where more rows stop paying, and what one place holds."""

from __future__ import annotations

import math

import numpy as np

from core.domain import SelectParams
from core.enough import LEAST_COUNTS, count_for, knee, rounded
from core.plane import FIGURES, FIRST, Plane
from core.wording import counted

AT_LEAST = "\N{GREATER-THAN OR EQUAL TO}"


def knee_of(plane: Plane, name: str, threshold: int) -> int | None:
    """The place in ``plane.counts`` after which a figure improves slowly; see ``core.enough.knee``.

    None where the curve has no knee, and for figures that more rows do not buy, such as the mean score. The
    whole pool is left out: that all rows cover all rows says nothing of the choice.
    """
    figure = FIGURES[name]
    if not figure.gains:
        return None
    return knee(plane.counts, plane.chosen_from(name)[threshold], figure.better)


def where(params: SelectParams, min_score: float | None) -> str:
    """A threshold in words: "at accuracy ≥ 4.5"."""
    return "without a threshold" if min_score is None else f"at {params.judge} {AT_LEAST} {min_score:g}"


def reading(plane: Plane, name: str, threshold: int) -> str:
    """How many rows are enough by one figure at one threshold, and what random draws need for the same."""
    if not FIGURES[name].gains or not len(plane.counts):
        return ""
    title = "number of clusters covered" if name == "clusters" else FIGURES[name].title.lower()
    at = f"{_begun(where(plane.params, plane.thresholds[threshold]))} the {title}"
    if plane.reach(threshold) < LEAST_COUNTS:
        return f"{at} is known at {counted(plane.reach(threshold), 'count')}: too few to look for a knee."
    place = knee_of(plane, name, threshold)
    if place is None:
        return f"{at} has no knee: nowhere do more rows stop paying."
    value, count = float(plane.figures[name][threshold, place]), int(plane.counts[place])
    return (
        f"{at} stops improving fast after about {counted(count, 'row')} ({written(value, name)}); "
        f"{_random_for(plane, name, value, count)}."
    )


def _random_for(plane: Plane, name: str, value: float, count: int) -> str:
    drawn = plane.control[name].mean
    needed = count_for(plane.counts, drawn, value, FIGURES[name].better)
    if needed is None:
        return f"random draws do not get there with {plane.counts[-1]:,}"
    about = rounded(needed)
    if needed <= plane.counts[0]:
        return f"random draws get there with {about:,} or fewer"
    if about == rounded(count):
        return "random draws need as many"
    return f"random draws need about {about:,} for the same"


def standing(plane: Plane, name: str, threshold: int | None, size: int | None) -> str:
    """The figure of one place beside that of random draws of its size."""
    if threshold is None:
        return "No row reaches this threshold."
    if not len(plane.counts):
        return (
            f"Without near copies and repeats fewer than {FIRST} rows can be selected: too few for a curve."
        )
    at = where(plane.params, plane.thresholds[threshold])
    if size is None or not np.isfinite(plane.figures["rows"][threshold, size]):
        asked = plane.params.count if size is None else int(plane.counts[size])
        return _too_few(at, int(plane.eligible[threshold]), asked)
    count, value = int(plane.counts[size]), float(plane.figures[name][threshold, size])
    low, high = float(plane.control[name].low[size]), float(plane.control[name].high[size])
    if not math.isfinite(value):
        return f"{counted(count, 'row')} {at}: nothing to measure."
    drawn = f"random draws {written(low, name)} to {written(high, name)}" if math.isfinite(low) else ""
    return f"{counted(count, 'row')} {at}: {FIGURES[name].title.lower()} {written(value, name)}, {drawn}."


def _too_few(at: str, eligible: int, asked: int | None) -> str:
    """Why there is no selection of the count that is asked for."""
    if asked == 0:
        return "The count is 0: no row is selected."
    there = f"{_begun(at)} there {'is' if eligible == 1 else 'are'} {counted(eligible, 'row')}"
    if asked is not None and asked > eligible:
        return f"{there}: not as many as the count asks for."
    wanted = "not all of them" if asked is None else f"fewer than the {asked:,} asked for"
    return f"{there}; without near copies and repeats {wanted} can be selected."


def _begun(words: str) -> str:
    """As a sentence begins."""
    return words[0].upper() + words[1:]


def written(value: float, name: str) -> str:
    """A figure as it is written in full; a dash where there is none."""
    return "\N{EN DASH}" if math.isnan(value) else f"{value:{FIGURES[name].form}}"
