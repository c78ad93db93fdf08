"""One check of a dataset's health, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from core.domain import Positions

MOST_SEEN = 120  # characters that are shown of what made a check speak


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that a check speaks of.

    rows: (k,) positions, ascending.
    seen: k pieces of text, each at most ``MOST_SEEN`` characters: what in the row made the check speak.
    """

    rows: Positions
    seen: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Check:
    """A question that each row answers with yes or no.

    name: as it stands in a recipe, such as ``empty-response``.
    title, summary: for a person; the summary is one sentence that says what is looked for and why.
    group: the heading under which it is listed.
    version: raised when the same rows would be found differently.
    find: given ``Dataset.frame`` (``id``, ``prompt``, ``response``, ``system``, ``messages``), what is found.
    """

    name: str
    title: str
    summary: str
    group: str
    version: int
    find: Callable[[pl.DataFrame], Found] = field(repr=False)
