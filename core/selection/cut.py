"""From an order to a selection: a slice, a reason for every row, and what has to be said about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Judge, Mask, Order, Positions, Reason, Selection, SelectParams, Ties
from core.draws import Keys
from core.selection.registry import strategy
from core.selection.ties import RULE
from core.wording import all_are, counted

NO_TIE = Ties(None, 0, 0, "")


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
    params: SelectParams, *, ids: pl.Series, order: Order, judge: Judge | None, pins: Pinned = NO_PINS
) -> Selection:
    """The first ``params.count`` rows of an order that ``with_pins`` made.

    Args:
        ids: (n,) str.
        order: rows in the sequence of choice, pinned ones first; at least as long as the count, or complete.
        judge: the one that ``params`` names.
        pins: the pins as positions.
    """
    n = len(ids)
    allowed = eligible(n, judge, params.min_score)
    allowed[pins.exclude] = False
    pinned = np.setdiff1d(pins.include, pins.exclude)
    wanted = len(order) if params.count is None else max(params.count, len(pinned))
    rows = order[:wanted]
    codes = _reasons(params, judge, order=order, rows=rows, allowed=allowed, pins=pins)
    rows.flags.writeable = codes.flags.writeable = False
    count = int(allowed.sum())
    return Selection(
        params=params,
        ids=ids.gather(rows).to_list(),
        rows=rows,
        codes=codes,
        eligible=count,
        ties=ties_at_the_cut(params, judge, allowed, codes),
        notes=tuple(
            _notes(
                params,
                judge,
                eligible=count,
                pinned=len(pinned),
                beyond=int((~allowed[pinned]).sum()),
                unscored=int((codes == Reason.UNSCORED).sum()),
                repeats=int((codes == Reason.DUPLICATE).sum()),
            )
        ),
    )


def _reasons(
    params: SelectParams, judge: Judge | None, *, order: Order, rows: Positions, allowed: Mask, pins: Pinned
) -> NDArray[np.uint8]:
    """(n,) the first reason that applies, from the last written to the first."""
    codes = np.full(len(allowed), Reason.OVER_BUDGET, dtype=np.uint8)
    if params.count is None or len(order) < params.count:
        # The order is complete: an eligible row that is not in it was left out by the strategy as a repeat.
        codes[allowed] = Reason.DUPLICATE
        codes[order] = Reason.OVER_BUDGET
    if judge is not None:
        codes[~allowed] = Reason.BELOW_THRESHOLD
        codes[np.isnan(judge.scores)] = Reason.UNSCORED
    codes[rows] = Reason.CHOSEN
    codes[pins.include] = Reason.PINNED
    codes[pins.exclude] = Reason.EXCLUDED
    return codes


def ties_at_the_cut(
    params: SelectParams, judge: Judge | None, allowed: Mask, codes: NDArray[np.uint8]
) -> Ties:
    """How many rows with one and the same score there were where the cut falls, and how many got in."""
    tied = strategy(params.strategy).tied
    taken = codes == Reason.CHOSEN
    waiting = allowed & (codes == Reason.OVER_BUDGET)
    if tied is None or not waiting.any() or not taken.any():
        return NO_TIE
    if tied == "everything" or judge is None:
        return Ties(None, int(taken.sum()), int((taken | waiting).sum()), RULE)
    lowest = judge.scores[taken].min()
    alike = judge.scores == lowest
    if not (alike & waiting).any():
        return NO_TIE
    return Ties(float(str(lowest)), int((alike & taken).sum()), int((alike & (taken | waiting)).sum()), RULE)


def _notes(
    params: SelectParams,
    judge: Judge | None,
    *,
    eligible: int,
    pinned: int,
    beyond: int,
    unscored: int,
    repeats: int,
) -> list[str]:
    notes = []
    if judge is not None and params.min_score is not None and _as_score(params.min_score) > judge.high:
        notes.append(
            f"No rows at \N{GREATER-THAN OR EQUAL TO} {params.min_score:g}; "
            f"the highest score is {judge.high:g}."
        )
    elif repeats:
        fewer = "" if params.count is None else f", so fewer are selected than the {params.count:,} asked for"
        notes.append(f"Left out as too similar to a selected row: {counted(repeats, 'row')}{fewer}.")
    elif params.count is not None and params.count > eligible + beyond:
        notes.append(
            f"{all_are(eligible, 'eligible row')} selected: fewer than the {params.count:,} asked for."
        )
    if params.count is not None and pinned > params.count:
        notes.append(f"{all_are(pinned, 'pinned row')} in: more than the {params.count:,} asked for.")
    if beyond:
        notes.append(f"Pinned, and in without being eligible: {counted(beyond, 'row')}.")
    if judge is not None and unscored:
        notes.append(f"Without a score by {judge.name}, and so left out: {counted(unscored, 'row')}.")
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
