"""Which rows a strategy holds to be equal, and what is said where the cut falls between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.domain import Mask, OptionValue, Ties, Vectors

if TYPE_CHECKING:
    from core.selection.registry import Candidates

Column = NDArray[np.floating] | NDArray[np.integer]  # (n,), higher is better

BY_DRAW = "a hash of the seed and the id"
RULE = f"the other judges' scores, then the distance to the rows chosen before, farther first, then {BY_DRAW}"
NO_TIE = Ties(None, 0, 0, "")


class Levels(NamedTuple):
    """The rows in groups of equal ones.

    code: (n,) the group of each row. values: (g,) what the rows of a group have in common.
    """

    code: NDArray[np.int64]
    values: NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """What makes rows equal to a strategy, and what parts them then.

    key: gives (n,) numbers; rows with the same number are equal.
    rule: how equal rows are parted, in words that follow "decided by".
    said: the sentence about a cut that falls between equal rows; ``{chosen}`` of ``{tied}`` got in, and
        ``{at}`` is their number, if it is one and the same for all.
    at: how that number is written; empty where it says nothing to a person.
    """

    key: Callable[[Candidates, Mapping[str, OptionValue]], Column]
    rule: str = RULE
    said: str = "{chosen} of the selected rows came out of a tie of {tied}{at}."
    at: str = ""

    def levels(self, candidates: Candidates, settings: Mapping[str, OptionValue]) -> Levels:
        """The groups of equal rows: the same for any count, and for any pins."""
        key = self.key(candidates, settings)
        values, code = np.unique(key, return_inverse=True)
        return Levels(code.astype(np.int64), np.asarray(values, dtype=key.dtype))

    def at_the_cut(self, levels: Levels, taken: Mask, waiting: Mask) -> Ties:
        """How many rows were equal to one on the other side of the cut, and how many of them got in.

        Args:
            levels: the groups of equal rows.
            taken: (n,) rows that are in by the order.
            waiting: (n,) rows that a higher count would take.
        """
        inside = np.bincount(levels.code[taken], minlength=len(levels.values))
        outside = np.bincount(levels.code[waiting], minlength=len(levels.values))
        parted = np.flatnonzero((inside > 0) & (outside > 0))
        if not len(parted):
            return NO_TIE
        chosen, tied = int(inside[parted].sum()), int((inside + outside)[parted].sum())
        value = float(str(levels.values[parted[0]])) if self.at and len(parted) == 1 else None
        at = "" if value is None else self.at.format(value)
        return Ties(
            value, chosen, tied, self.rule, self.said.format(chosen=f"{chosen:,}", tied=f"{tied:,}", at=at)
        )


def nothing(candidates: Candidates, settings: Mapping[str, OptionValue]) -> Column:
    """(n,) one number: to the strategy all eligible rows are equal."""
    return np.zeros(len(candidates.eligible), dtype=np.int64)


def score(candidates: Candidates, settings: Mapping[str, OptionValue]) -> Column:
    """(n,) the judge's score, where it decides alone."""
    assert candidates.scores is not None
    return candidates.scores


def pairs(left: Column, right: Column) -> Column:
    """(n,) a number for each pair of values that a row has."""
    _, one = np.unique(left, return_inverse=True)
    _, other = np.unique(right, return_inverse=True)
    both: Column = one * (int(other.max(initial=0)) + 1) + other
    return both


def vector_groups(vectors: Vectors) -> NDArray[np.int64]:
    """(n,) a number for each different vector: rows with one and the same are equal in any distance."""
    if not vectors.size:
        return np.zeros(len(vectors), dtype=np.int64)
    raw = np.ascontiguousarray(vectors).view(np.dtype((np.void, vectors.itemsize * vectors.shape[1])))
    _, group = np.unique(raw.ravel(), return_inverse=True)
    return group.astype(np.int64)
