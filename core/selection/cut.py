"""From an order to a selection: a slice, a reason for every row, and what has to be said about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Judge, Mask, Order, Positions, Reason, Selection, SelectParams, Ties
from core.draws import Keys
from core.errors import ParameterError
from core.selection.budget import Tokens, held
from core.selection.registry import strategy
from core.selection.tied import NO_TIE, Levels
from core.wording import all_are, counted


@dataclass(frozen=True, slots=True)
class Pinned:
    """Pins as positions; a row that is pinned both ways is left out."""

    include: Positions
    exclude: Positions


NO_PINS = Pinned(np.empty(0, np.int64), np.empty(0, np.int64))


def eligible(n: int, judge: Judge | None, min_score: float | None) -> Mask:
    """(n,) the rows that a strategy may take: scored, and at or above the threshold (inclusive).

    Without a judge every row is eligible.
    """
    if judge is None:
        return np.ones(n, dtype=bool)
    if min_score is None:
        return ~np.isnan(judge.scores)
    return judge.scores >= _as_score(min_score)


def _as_score(min_score: float) -> np.float32:
    """The threshold, rounded as the scores are, so that 4.7 in the file is at or above 4.7."""
    with np.errstate(over="ignore"):  # beyond every float32 is above every score
        return np.float32(min_score)


def with_pins(order: Order, n: int, pins: Pinned, draw: Keys) -> Order:
    """The pinned rows first, then the order without what is pinned or excluded.

    Pins never reshuffle the others: excluding a row lets the next one in, and that is all.
    """
    if not len(pins.include) and not len(pins.exclude):
        return order
    held = np.zeros(n, dtype=bool)
    held[pins.exclude] = True
    held[pins.include] = True
    include = np.setdiff1d(pins.include, pins.exclude)
    return np.concatenate((include[np.argsort(draw[include])], order[~held[order]]))


def cut(
    params: SelectParams,
    *,
    ids: pl.Series,
    order: Order,
    judge: Judge | None,
    pins: Pinned = NO_PINS,
    tokens: Tokens | None = None,
    near_copies: Mask | None = None,
    levels: Levels | None = None,
) -> Selection:
    """The first rows of an order that ``with_pins`` made: pinned ones, and what count and budget allow.

    Args:
        ids: (n,) str. order: rows in the sequence of choice; complete, or longer than count or budget.
        judge: the one that ``params`` names. pins: as positions.
        tokens: (n,) of prompt and response; needed for a budget. near_copies: (n,) left out before.
        levels: the rows that are equal to the strategy; without them nothing is said of ties.
    """
    allowed = eligible(len(ids), judge, params.min_score)
    allowed[pins.exclude] = False
    copies = np.zeros(len(ids), dtype=bool) if near_copies is None else allowed & near_copies
    copies[pins.include] = False
    pinned = np.setdiff1d(pins.include, pins.exclude)
    within = len(order) if params.max_tokens is None else held(order, _given(tokens), params.max_tokens)
    wanted = within if params.count is None else min(params.count, within)
    rows = order[: max(wanted, len(pinned))]
    codes = _reasons(params, judge, order=order, rows=rows, allowed=allowed, copies=copies, pins=pins)
    rows.flags.writeable = codes.flags.writeable = False
    found = _Found.of(codes, allowed=allowed, copies=copies, pinned=pinned, within=within, of=len(order))
    return Selection(
        params=params,
        ids=ids.gather(rows).to_list(),
        rows=rows,
        codes=codes,
        eligible=found.eligible,
        reachable=max(within, len(pinned)) if found.is_short else found.takeable,
        ties=ties_at_the_cut(params, levels, allowed, codes),
        notes=(*_budget_notes(params, found, tokens), *_notes(params, judge, found)),
    )


def _given(tokens: Tokens | None) -> Tokens:
    if tokens is None:
        raise ParameterError("A token budget needs the tokens of every row.", "Give them to the cut.")
    return tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What there is to say of a cut, in rows.

    within: how many from the start of the order the budget holds. is_short: whether the order goes on.
    """

    eligible: int
    copies: int
    pinned: Positions
    beyond: int  # pinned without being eligible
    unscored: int
    repeats: int  # left out by the strategy
    within: int
    is_short: bool

    @classmethod
    def of(
        cls, codes: NDArray[np.uint8], *, allowed: Mask, copies: Mask, pinned: Positions, within: int, of: int
    ) -> _Found:
        """Counted from the reasons; ``of`` is the length of the order."""
        return cls(
            eligible=int(allowed.sum()),
            copies=int(copies.sum()),
            pinned=pinned,
            beyond=int((~allowed[pinned]).sum()),
            unscored=int((codes == Reason.UNSCORED).sum()),
            repeats=int(((codes == Reason.DUPLICATE) & ~copies).sum()),
            within=within,
            is_short=within < of,
        )

    @property
    def takeable(self) -> int:
        """How many rows the highest count would take if there were no budget."""
        return self.eligible - self.copies + self.beyond

    def is_ended_by_budget(self, count: int | None) -> bool:
        """Whether the budget leaves rows out that the count would take."""
        return self.is_short and (count is None or self.within < count)


def _reasons(
    params: SelectParams,
    judge: Judge | None,
    *,
    order: Order,
    rows: Positions,
    allowed: Mask,
    copies: Mask,
    pins: Pinned,
) -> NDArray[np.uint8]:
    """(n,) the first reason that applies, from the last written to the first."""
    codes = np.full(len(allowed), Reason.OVER_BUDGET, dtype=np.uint8)
    is_ended = len(rows) < len(order) and (params.count is None or len(rows) < params.count)  # by the budget
    if not is_ended and (params.count is None or len(order) < params.count):
        # The order is complete: an eligible row that is not in it was left out by the strategy as a repeat.
        codes[allowed] = Reason.DUPLICATE
        codes[order] = Reason.OVER_BUDGET
    codes[copies] = Reason.DUPLICATE
    if judge is not None:
        codes[~allowed] = Reason.BELOW_THRESHOLD
        codes[np.isnan(judge.scores)] = Reason.UNSCORED
    codes[rows] = Reason.CHOSEN
    codes[pins.include] = Reason.PINNED
    codes[pins.exclude] = Reason.EXCLUDED
    return codes


def ties_at_the_cut(
    params: SelectParams, levels: Levels | None, allowed: Mask, codes: NDArray[np.uint8]
) -> Ties:
    """How many rows were equal to one on the other side of the cut, and how many of them got in."""
    tie = strategy(params.strategy).tie
    taken = codes == Reason.CHOSEN
    waiting = allowed & (codes == Reason.OVER_BUDGET)
    if tie is None or levels is None or not waiting.any() or not taken.any():
        return NO_TIE
    return tie.at_the_cut(levels, taken, waiting)


def _budget_notes(params: SelectParams, found: _Found, tokens: Tokens | None) -> list[str]:
    """What the token budget and the near copies did, counted."""
    notes, budget, count = [], params.max_tokens, params.count
    held_by_pins = 0 if budget is None else int(_given(tokens)[found.pinned].sum(dtype=np.int64))
    if budget is not None and held_by_pins > budget:
        pinned = all_are(len(found.pinned), "pinned row")
        notes.append(f"{pinned} in: {counted(held_by_pins, 'token')}, more than the budget of {budget:,}.")
    elif budget is not None and found.is_ended_by_budget(count):
        asked = "" if count is None else f" of the {counted(count, 'row')} asked for"
        rows = counted(found.within, "row") if count is None else f"{found.within:,}"
        notes.append(f"The budget of {counted(budget, 'token')} holds {rows}{asked}.")
    if params.dedup_distance is not None:
        other = "another" if params.judge is None else "a better"
        notes.append(
            f"Left out as nearer than {params.dedup_distance:g} to {other} row of their cluster: "
            f"{counted(found.copies, 'row')}."
        )
    return notes


def _notes(params: SelectParams, judge: Judge | None, found: _Found) -> list[str]:
    notes, count, pinned = [], params.count, len(found.pinned)
    if judge is not None and params.min_score is not None and _as_score(params.min_score) > judge.high:
        notes.append(
            f"No rows at \N{GREATER-THAN OR EQUAL TO} {params.min_score:g}; "
            f"the highest score is {judge.high:g}."
        )
    elif found.repeats:
        fewer = "" if count is None else f", so fewer are selected than the {count:,} asked for"
        notes.append(f"Left out as too similar to a selected row: {counted(found.repeats, 'row')}{fewer}.")
    elif count is not None and count > found.takeable and not found.is_ended_by_budget(count):
        rest = "other eligible row" if found.copies else "eligible row"
        notes.append(
            f"{all_are(found.eligible - found.copies, rest)} selected: fewer than the {count:,} asked for."
        )
    if count is not None and pinned > count:
        notes.append(f"{all_are(pinned, 'pinned row')} in: more than the {count:,} asked for.")
    if found.beyond:
        notes.append(f"Pinned, and in without being eligible: {counted(found.beyond, 'row')}.")
    if judge is not None and found.unscored:
        notes.append(f"Without a score by {judge.name}, and so left out: {counted(found.unscored, 'row')}.")
    return notes


def thresholds(judge: Judge, *, most: int = 200) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The attainable thresholds, ascending, and how many rows are at or above each.

    A judge with more than ``most`` different scores offers that many of them, evenly spread over its rows.
    """
    scored = np.sort(judge.scores[~np.isnan(judge.scores)])
    levels = np.unique(scored)
    if len(levels) > most:
        levels = np.unique(scored[np.linspace(0, len(scored) - 1, most).astype(np.int64)])
    return levels, len(scored) - np.searchsorted(scored, levels, side="left")
