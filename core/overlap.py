"""What two selections share, beside what two random draws of their sizes would."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.domain import Positions, Selection


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two selections, A and B, taken apart.

    both, only_first: positions, in the order in which A chose them. only_second: in that of B.
    jaccard: rows in both, of the rows in either; 0 to 1. nan where neither holds a row.
    chance: the jaccard to be expected of two random draws of the same sizes from the whole pool.
    """

    both: Positions = field(repr=False)
    only_first: Positions = field(repr=False)
    only_second: Positions = field(repr=False)
    jaccard: float
    chance: float


def overlap(first: Selection, second: Selection) -> Overlap:
    """Take two selections of one dataset apart."""
    in_second = np.isin(first.rows, second.rows)
    both = first.rows[in_second]
    either = len(first) + len(second) - len(both)
    return Overlap(
        both=both,
        only_first=first.rows[~in_second],
        only_second=second.rows[~np.isin(second.rows, first.rows)],
        jaccard=len(both) / either if either else float("nan"),
        chance=jaccard_by_chance(len(first), len(second), len(first.codes)),
    )


def jaccard_by_chance(first: int, second: int, pool: int) -> float:
    """The expected jaccard of two random draws of ``first`` and ``second`` rows from ``pool`` rows.

    Exact: the rows that both hold follow a hypergeometric distribution. nan where both are empty.
    """
    if not first + second:
        return float("nan")
    shared = np.arange(max(0, first + second - pool), min(first, second) + 1)
    before = shared[:-1]
    # P(i + 1) / P(i); in logarithms, since most of the probabilities are below every float.
    ratios = (first - before) * (second - before) / ((before + 1.0) * (pool - first - second + before + 1.0))
    logs = np.concatenate(([0.0], np.cumsum(np.log(ratios))))
    weights = np.exp(logs - logs.max())
    return float((weights * shared / (first + second - shared)).sum() / weights.sum())
