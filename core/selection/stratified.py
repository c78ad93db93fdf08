"""Strategy ``stratified``: random rows, with every cluster given its share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from core.domain import OptionValue, Order
from core.selection.registry import Candidates, Option, Strategy
from core.selection.shares import shared_out
from core.selection.tied import BY_DRAW, Column, Tie


def _stratified(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    """Every prefix holds each cluster's share of it, to within one row."""
    assert candidates.labels is not None
    rows = np.flatnonzero(candidates.eligible)
    shuffled = rows[np.argsort(candidates.draw[rows])]
    temperature = float(options["temperature"])
    return shared_out(shuffled, candidates.labels, temperature=temperature, limit=limit)


def _cluster(candidates: Candidates, settings: Mapping[str, OptionValue]) -> Column:
    """(n,) rows of one cluster are equal."""
    assert candidates.labels is not None
    return candidates.labels


STRATEGY = Strategy(
    name="stratified",
    title="Stratified random",
    summary="Random rows, each cluster given a share of the count by its size.",
    source="LIMA draws with temperature 3, arXiv 2305.11206",
    rule=_stratified,
    needs=frozenset({"labels"}),
    options=(
        Option(
            name="temperature",
            title="Temperature",
            help="A cluster's share is proportional to size^(1/T): 1 is proportional, "
            "higher evens the clusters out.",
            default=1.0,
            low=1.0,
            high=100.0,
            step=0.5,
        ),
    ),
    tie=Tie(
        key=_cluster,
        rule=BY_DRAW,
        said="Selected rows are a draw inside their clusters: {chosen} out of {tied}.",
    ),
)
