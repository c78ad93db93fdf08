"""Selections held still for a report: the order at every threshold, so that sliders need no engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core import selection
from core.domain import Judge, OnProgress, Order, Positions, Selection, SelectParams, ignore_progress
from core.errors import ParameterError
from core.plane import Plane
from core.wording import counted

if TYPE_CHECKING:
    from core.project import Project

MOST_PLACES = 700_000  # rows of all orders together: of 52,002 rows, twelve complete orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What every threshold and count would select, without choosing again.

    thresholds: (t,) ascending, inclusive; (None,) without a judge. eligible: (t,) rows that pass each.
    orders: different ones alone; where one begins like a longer one, the longer one serves both.
    held: (t,) which of ``orders`` a threshold has, and how many of its rows.
    pinned: rows that are in whatever the count.
    ends: (t,) whether an order goes on beyond what is held.
    at: (threshold, count) of the selection that the report is about.
    """

    thresholds: tuple[float | None, ...]
    eligible: tuple[int, ...]
    orders: tuple[Order, ...] = field(repr=False)
    held: tuple[tuple[int, int], ...]
    pinned: int
    ends: tuple[bool, ...]
    at: tuple[int, int]

    def rows(self, threshold: int, count: int) -> Positions:
        """The rows that a threshold and a count select, in order of choice."""
        order, length = self.held[threshold]
        return self.orders[order][: min(max(count, self.pinned), length)]

    @property
    def note(self) -> str:
        """Where the held data ends, in words; empty where all of it is there."""
        shortest = min((self.held[t][1] for t, ends in enumerate(self.ends) if ends), default=None)
        if shortest is None:
            return ""
        return (
            f"Where more rows are eligible, the sliders end at {counted(shortest, 'row')}: this "
            "file holds no more of the order of choice."
        )


def frozen(
    project: Project, chosen: Selection, plane: Plane, *, on_progress: OnProgress = ignore_progress
) -> Frozen:
    """Hold the orders at the thresholds of a plane, which has been measured for the selection's decisions.

    Raises:
        ParameterError: nothing is selected, or the rows are not those that the decisions give.
    """
    params = chosen.params
    at, _ = plane.place(params.min_score, None)
    if not len(chosen) or at is None:
        raise ParameterError(
            "Nothing is selected, so there is nothing to report.", "Lower the threshold or raise the count."
        )
    most = max(MOST_PLACES // len(plane.thresholds), len(chosen))
    limit = min(most, len(project.dataset) if plane.limit is None else max(plane.limit, len(chosen)))
    excluded = project.positions(params.pins.exclude)
    pinned = _pinned(params)
    orders: list[Order] = []
    held, eligible = [], []
    for threshold in plane.thresholds:  # ascending, so the longest order comes first
        asked = replace(params, min_score=threshold, count=limit)
        order = _order(project, asked, max(limit, pinned), on_progress)
        orders, place = _shared(orders, order)
        held.append((place, len(order)))
        eligible.append(_eligible(len(project.dataset), project.judge(params), threshold, excluded))
    found = Frozen(
        thresholds=plane.thresholds,
        eligible=tuple(eligible),
        orders=tuple(orders),
        held=tuple(held),
        pinned=pinned,
        ends=tuple(length == limit < rows for (_, length), rows in zip(held, eligible, strict=True)),
        at=(at, len(chosen)),
    )
    if not np.array_equal(found.rows(*found.at), chosen.rows):
        raise ParameterError(
            "The selection's rows are not those that its decisions give.", "Choose again with Project.select."
        )
    return found


def _order(project: Project, params: SelectParams, limit: int, on_progress: OnProgress) -> Order:
    """The first rows of an order, as far as the token budget goes; pinned ones are in beyond it."""
    order = project.order(params, on_progress=on_progress)[:limit]
    if params.max_tokens is None:
        return order
    within = selection.held(order, project.tokens(), params.max_tokens)
    return order[: max(within, _pinned(params))]


def _pinned(params: SelectParams) -> int:
    """Rows that are in whatever the count."""
    return len(params.pins.include - params.pins.exclude)


def _shared(orders: list[Order], order: Order) -> tuple[list[Order], int]:
    """The orders with this one, and its place; one that begins like it is there already serves it."""
    for place, other in enumerate(orders):
        if np.array_equal(other[: len(order)], order):
            return orders, place
    return [*orders, order], len(orders)


def _eligible(n: int, judge: Judge | None, threshold: float | None, excluded: Positions) -> int:
    allowed = selection.eligible(n, judge, threshold)
    allowed[excluded] = False
    return int(allowed.sum())


def smallest(values: NDArray[np.integer]) -> NDArray[np.unsignedinteger]:
    """The same numbers, none negative, in the narrowest of 8, 16 and 32 bits."""
    most = int(values.max(initial=0))
    kind = next(kind for kind in (np.uint8, np.uint16, np.uint32) if most <= np.iinfo(kind).max)
    return values.astype(kind)
