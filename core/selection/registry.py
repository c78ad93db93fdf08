"""What a strategy is, what it may look at, and the list of all of them.

A strategy is one module of this package that defines ``STRATEGY``; adding a file adds a strategy.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.domain import Labels, Mask, Neighbours, OptionValue, Order, Scores, SelectParams, Vectors
from core.errors import ParameterError
from core.selection.tied import Levels, Tie

Need = Literal["scores", "response_chars", "vectors", "neighbours", "labels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The rows a strategy chooses from; what it does not need may be missing.

    eligible: (n,) the rows it may take.
    draw: (n,) a random number a row, from the seed and the row's id: the last word in every tie.
    scores: (n,) the judge's; higher is better.
    others: the scores of the other judges, in the order in which they break ties.
    named: the same by name, for a setting that names a judge.
    response_chars: (n,) characters of the response.
    """

    eligible: Mask
    draw: NDArray[np.uint64]
    scores: Scores | None = None
    others: tuple[Scores, ...] = ()
    named: Mapping[str, Scores] = field(default_factory=dict)
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
    """One setting of a strategy, with its unit and the direction in which it works.

    whole: whether only whole numbers are accepted.
    """

    name: str
    title: str
    help: str
    default: float
    low: float
    high: float
    step: float
    whole: bool = False

    def checked(self, value: OptionValue, name: str) -> OptionValue:
        """The value, of a setting of this name.

        Raises:
            ParameterError: it is no number, not a whole one where it has to be, or outside the range.
        """
        if isinstance(value, str) or not self.low <= value <= self.high:
            raise ParameterError(f"{name} is {value}, outside {self.low:g} to {self.high:g}.", self.help)
        if self.whole and value != int(value):
            raise ParameterError(f"{name} is {value:g}, which is no whole number.", self.help)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOption:
    """A setting that names one more judge of the dataset; empty for none.

    A row without a score by that judge is unscored. Whether there is such a judge is checked where the
    dataset is known.
    """

    name: str
    title: str
    help: str
    default: str = ""

    def checked(self, value: OptionValue, name: str) -> OptionValue:
        """The value, of a setting of this name.

        Raises:
            ParameterError: it is no name.
        """
        if not isinstance(value, str):
            raise ParameterError(f"{name} is {value}, and not the name of a judge.", self.help)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A way of choosing: its rule, what it needs, and how it is explained.

    tie: which rows are equal to it and what parts them; None where nothing is known of that.
    slow: whether an order takes long enough to be kept in the store and made off the script thread.
    keyed: a setting that every cluster may have for itself, named by it: ``quota 3`` is that of cluster 3.
    """

    name: str
    title: str
    summary: str
    source: str
    rule: Rule = field(repr=False)
    needs: frozenset[Need] = frozenset()
    options: tuple[Option | JudgeOption, ...] = ()
    tie: Tie | None = None
    slow: bool = False
    keyed: Option | None = None
    version: int = 1

    def settings(self, params: SelectParams) -> dict[str, OptionValue]:
        """The strategy's settings: the defaults, replaced by what ``params`` names.

        Raises:
            ParameterError: an unknown setting, or one outside its range.
        """
        settings: dict[str, OptionValue] = {option.name: option.default for option in self.options}
        for name, value in params.options:
            option = self._option(name)
            if option is None:
                raise ParameterError(
                    f"{self.name} has no setting {name}.", f"Its settings: {self._setting_names()}."
                )
            settings[name] = option.checked(value, name)
        return settings

    def further_judges(self, params: SelectParams) -> dict[str, str]:
        """Setting -> the judge that it names, for the settings that name one."""
        settings = self.settings(params)
        named = (option.name for option in self.options if isinstance(option, JudgeOption))
        return {name: str(settings[name]) for name in named if settings[name]}

    def levels(self, candidates: Candidates, settings: Mapping[str, OptionValue]) -> Levels | None:
        """The groups of rows that are equal to it, if it knows them."""
        return None if self.tie is None else self.tie.levels(candidates, settings)

    def _option(self, name: str) -> Option | JudgeOption | None:
        if self.keyed is not None and re.fullmatch(rf"{self.keyed.name} (0|-?[1-9][0-9]{{0,8}})", name):
            return self.keyed
        return next((option for option in self.options if option.name == name), None)

    def _setting_names(self) -> str:
        names = [option.name for option in self.options]
        if self.keyed is not None:
            names.append(f"{self.keyed.name} with the number of a cluster")
        return ", ".join(names) or "none"


def of_clusters(settings: Mapping[str, OptionValue], name: str) -> dict[int, int]:
    """{cluster: value} of a keyed setting, for the clusters that have one of their own."""
    start = f"{name} "
    own = [(key.removeprefix(start), value) for key, value in settings.items() if key.startswith(start)]
    return {int(label): int(value) for label, value in own}


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
