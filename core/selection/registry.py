"""What a strategy is, what it may look at, and the list of all of them.

A strategy is one module of this package that defines ``STRATEGY``; adding a file adds a strategy.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.domain import Labels, Mask, Neighbours, OptionValue, Order, Scores, SelectParams, Vectors
from core.errors import ParameterError

Need = Literal["scores", "response_chars", "vectors", "neighbours", "labels"]
Tied = Literal["score", "everything"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The rows a strategy chooses from; what it does not need may be missing.

    eligible: (n,) the rows it may take.
    draw: (n,) a random number a row, from the seed and the row's id: the last word in every tie.
    scores: (n,) the judge's; higher is better.
    others: the scores of the other judges, in the order in which they break ties.
    response_chars: (n,) characters of the response.
    """

    eligible: Mask
    draw: NDArray[np.uint64]
    scores: Scores | None = None
    others: tuple[Scores, ...] = ()
    response_chars: NDArray[np.int64] | None = None
    vectors: Vectors | None = None
    neighbours: Neighbours | None = None
    labels: Labels | None = None


class Rule(Protocol):
    """How a strategy orders the eligible rows."""

    def __call__(
        self,
        candidates: Candidates,
        options: Mapping[str, OptionValue],
        *,
        limit: int,
        check: Callable[[], None],
    ) -> Order:
        """The first ``limit`` rows it would take, or all; a longer limit only adds to the end.

        ``check`` is called now and then by long rules and raises ``Cancelled`` to stop them.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One setting of a strategy, with its unit and the direction in which it works."""

    name: str
    title: str
    help: str
    default: float
    low: float
    high: float
    step: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A way of choosing: its rule, what it needs, and how it is explained.

    tied: what makes rows equal before the tie rule: the same score, or being eligible at all;
        None where the rule decides between any two rows by itself.
    slow: whether an order takes long enough to be kept in the store and made off the script thread.
    """

    name: str
    title: str
    summary: str
    source: str
    rule: Rule = field(repr=False)
    needs: frozenset[Need] = frozenset()
    options: tuple[Option, ...] = ()
    tied: Tied | None = None
    slow: bool = False
    version: int = 1

    def settings(self, params: SelectParams) -> dict[str, OptionValue]:
        """The strategy's settings: the defaults, replaced by what ``params`` names.

        Raises:
            ParameterError: an unknown setting, or one outside its range.
        """
        known = {option.name: option for option in self.options}
        settings: dict[str, OptionValue] = {name: option.default for name, option in known.items()}
        for name, value in params.options:
            option = known.get(name)
            if option is None:
                names = ", ".join(known) or "none"
                raise ParameterError(f"{self.name} has no setting {name}.", f"Its settings: {names}.")
            if isinstance(value, str) or not option.low <= value <= option.high:
                raise ParameterError(
                    f"{name} is {value}, outside {option.low:g} to {option.high:g}.", option.help
                )
            settings[name] = value
        return settings


@cache
def strategies() -> dict[str, Strategy]:
    """Every strategy by name, in alphabetical order."""
    package = importlib.import_module("core.selection")
    modules = [
        importlib.import_module(f"core.selection.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    ]
    found = [module.STRATEGY for module in modules if hasattr(module, "STRATEGY")]
    return {strategy.name: strategy for strategy in sorted(found, key=lambda strategy: strategy.name)}


def strategy(name: str) -> Strategy:
    """The strategy of that name.

    Raises:
        ParameterError: there is none; the hint names the nearest.
    """
    known = strategies()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        guess = f"Did you mean {close[0]}? " if close else ""
        raise ParameterError(f"There is no strategy {name!r}.", f"{guess}Known: {', '.join(known)}.")
    return known[name]
