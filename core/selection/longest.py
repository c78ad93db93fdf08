"""Strategy ``longest``: the rows with the longest responses, a baseline that is hard to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.domain import OptionValue, Order
from core.selection.registry import Candidates, Strategy
from core.selection.tied import RULE, Column, Tie
from core.selection.ties import by_score


def _longest(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    """By characters of the response (n,), the longest first; scores part only responses of one length."""
    assert candidates.response_chars is not None
    scores = () if candidates.scores is None else (candidates.scores,)
    return by_score(candidates, candidates.response_chars, *scores)


def _length(candidates: Candidates, settings: Mapping[str, OptionValue]) -> Column:
    """(n,) rows of one length are equal."""
    assert candidates.response_chars is not None
    return candidates.response_chars


STRATEGY = Strategy(
    name="longest",
    title="Longest responses",
    summary="The rows with the longest responses, in characters. A baseline that many methods fail to beat.",
    source="arXiv 2402.04833",
    rule=_longest,
    needs=frozenset({"response_chars", "neighbours"}),
    tie=Tie(
        key=_length, rule=f"the judge's score where one is chosen, then {RULE}", at=" at {:,.0f} characters"
    ),
)
