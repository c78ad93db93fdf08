"""What a schema is: its roles, the columns that may play them, and what becomes of a file's rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from core.domain import Problem, SchemaMapping

NAMED_OTHERWISE = 0.8  # confidence where a needed column has another name than the usual one
NOT_NAMED = 0.6  # where only what is in a column tells its role
LEAST_FIT = 0.5  # of a schema whose columns are all there by name, whatever is in them


class Canonical(NamedTuple):
    """What a schema makes of the rows.

    frame: (n,) ``prompt``, ``response``, ``system``, ``messages``, and where there are any: ``tools`` (JSON
        text or null), ``rejected`` (messages), ``chosen_turns`` (how many of the last messages stand
        against them), ``turn_fields`` (one JSON object or null a message: what belongs to the message
        beside role and content).
    problems: what was left out or is odd, counted by rows that are loaded all the same.
    """

    frame: pl.DataFrame
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    """A part that a column plays in a schema.

    names: the usual names of such a column. others: names that occur as well.
    needed: whether the schema is none without it.
    several: whether more than one column may play it; the first that says something in a row counts.
    by_content: whether a list column of any name may play it.
    """

    name: str
    names: tuple[str, ...]
    others: tuple[str, ...] = ()
    needed: bool = False
    several: bool = False
    by_content: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """One shape of instruction data.

    fits: the share, 0 to 1, of some rows whose cells have this shape under a mapping.
    lacks: what is missing where the columns are there and their content does not fit, in words.
    """

    name: str
    summary: str
    roles: tuple[Role, ...]
    fits: Callable[[pl.DataFrame, SchemaMapping], float]
    canonical: Callable[[pl.DataFrame, SchemaMapping], Canonical]
    lacks: str

    @property
    def needed(self) -> tuple[Role, ...]:
        """The roles that a column has to play."""
        return tuple(role for role in self.roles if role.needed)

    def missing(self, columns: Sequence[str]) -> list[str]:
        """The needed roles for which there is no column of a known name, by their usual name."""
        return [role.names[0] for role in self.needed if not {*role.names, *role.others} & set(columns)]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A schema with the columns it would use, and how sure that is, from 0 to 1."""

    mapping: SchemaMapping
    confidence: float


def propose(schema: Schema, sample: pl.DataFrame) -> Candidate | None:
    """The columns that this schema would use of some rows; None where a needed role has none."""
    chosen: list[tuple[str, str]] = []
    surest = 1.0
    for role in schema.roles:
        free = [name for name in sample.columns if name not in {column for _, column in chosen}]
        ranked = _ranked(role, free, sample)
        if role.by_content and len(ranked) > 1:
            ranked.sort(key=lambda pair: -pair[1] * _fit_of(schema, sample, role, pair[0]))
        if not ranked and role.needed:
            return None
        for column, weight in ranked if role.several else ranked[:1]:
            chosen.append((role.name, column))
            surest = min(surest, weight) if role.needed and not role.several else surest
    mapping = SchemaMapping(schema.name, tuple(chosen))
    return Candidate(mapping, round(surest * schema.fits(sample, mapping), 2))


def _fit_of(schema: Schema, sample: pl.DataFrame, role: Role, column: str) -> float:
    return schema.fits(sample, SchemaMapping(schema.name, ((role.name, column),)))


def _ranked(role: Role, columns: Sequence[str], sample: pl.DataFrame) -> list[tuple[str, float]]:
    """(column, how much its name tells), the most telling first."""
    usual = [(name, 1.0) for name in role.names if name in columns]
    known = [(name, NAMED_OTHERWISE) for name in role.others if name in columns]
    nested = [name for name in columns if isinstance(sample.schema[name], pl.List) and role.by_content]
    unnamed = [(name, NOT_NAMED) for name in nested if name not in {*role.names, *role.others}]
    return usual + known + unnamed
