"""Several judges as one: median, mean and minimum of percentiles, free of length, repaired."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.domain import Scores

LEAST = 2  # judges that have to have scored a row, where there are several; else it is unscored
DIGITS = 3  # of a percentile, so that what is shown is what is compared

RULES: Mapping[str, str] = {
    "median": "Median percentile",
    "mean": "Mean percentile",
    "minimum": "Lowest percentile",
    "length-free": "Median percentile, free of length",
    "repaired": "Repaired by neighbours",
}
"""Name of a rule -> its title. The first three need two judges, the others one."""

HELP: Mapping[str, str] = {
    "median": "Of the percentiles that the judges give a row, the middle one: one odd judge does not count.",
    "mean": "Their mean: every judge counts alike.",
    "minimum": "The lowest: a row has to convince every judge.",
    "length-free": "The median, less what the length of the response explains of it.",
    "repaired": "Scores that a row's neighbours surely contradict are replaced first, then the median "
    "(DS2, arXiv 2410.10877).",
}
NEED_TWO = frozenset({"median", "mean", "minimum"})

Percentiles = NDArray[np.float64]  # (n,) above 0 and below 100, NaN = unscored


def percentiles(scores: NDArray[np.floating]) -> Percentiles:
    """(n,) the share of the scored rows below each, in percent, equal scores sharing the middle of theirs.

    The same whatever rising scale the scores are on; NaN stays NaN.
    """
    known = ~np.isnan(scores)
    _, place, counts = np.unique(scores[known], return_inverse=True, return_counts=True)
    found = np.full(len(scores), np.nan)
    if len(counts):
        found[known] = ((np.cumsum(counts) - counts / 2) / counts.sum() * 100)[place]
    return found


def aggregated(
    rule: str,
    judges: Sequence[Scores],
    *,
    lengths: NDArray[np.int64] | None = None,
    repair: Callable[[Scores], Scores] | None = None,
) -> Scores:
    """(n,) the scores of an aggregate, in percentiles; of one repaired judge, on its own scale.

    A row is scored where at least ``LEAST`` of the judges scored it, or the only one there is.

    Args:
        rule: one of ``RULES``.
        judges: (n,) each, NaN = unscored.
        lengths: (n,) characters of the responses, for ``length-free``.
        repair: for ``repaired``, from the scores of a judge to those that its neighbours leave.
    """
    if rule == "repaired":
        assert repair is not None
        judges = [repair(scores) for scores in judges]
        if len(judges) == 1:
            return judges[0]
    told = np.stack([percentiles(scores) for scores in judges], axis=1)
    spoken = (~np.isnan(told)).sum(axis=1) >= min(LEAST, len(judges))
    found = np.full(len(told), np.nan)
    if rule == "mean":
        found[spoken] = np.nanmean(told[spoken], axis=1)
    elif rule == "minimum":
        found[spoken] = np.nanmin(told[spoken], axis=1)
    else:
        found[spoken] = np.nanmedian(told[spoken], axis=1)
    if rule == "length-free":
        assert lengths is not None
        found = length_free(found, lengths)
    return found.round(DIGITS).astype(np.float32)


def length_free(scores: NDArray[np.floating], lengths: NDArray[np.int64]) -> Percentiles:
    """(n,) percentiles of what is left of the ranks of scores when those of lengths are taken off."""
    known = ~np.isnan(scores)
    found = np.full(len(scores), np.nan)
    if not known.any():
        return found
    score, length = percentiles(scores[known]), percentiles(lengths[known].astype(np.float64))
    score, length = score - score.mean(), length - length.mean()
    spread = length @ length
    slope = (score @ length) / spread if spread else 0.0
    found[known] = percentiles((score - slope * length).round(9))
    return found


def spread(judges: Sequence[Scores]) -> NDArray[np.float64]:
    """(n,) how far the judges are apart on a row: highest less lowest percentile; NaN with fewer than two."""
    told = np.stack([percentiles(scores) for scores in judges], axis=1)
    several = (~np.isnan(told)).sum(axis=1) >= LEAST
    found = np.full(len(told), np.nan)
    found[several] = np.nanmax(told[several], axis=1) - np.nanmin(told[several], axis=1)
    return found


def title_of(rule: str, judges: Sequence[str]) -> str:
    """What an aggregate is called where nobody names it."""
    if len(judges) == 1:
        return f"{judges[0]}, {'repaired' if rule == 'repaired' else 'free of length'}"
    names = {"length-free": "length-free median", "repaired": "repaired median"}
    return f"{names.get(rule, rule)} of {len(judges)} judges"
