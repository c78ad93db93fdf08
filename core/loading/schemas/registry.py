"""The schemas there are: which of them a file has, how sure that is, and what an unknown file lacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import polars as pl

from core.domain import SchemaMapping
from core.errors import DataError
from core.loading.schemas.alpaca import ALPACA
from core.loading.schemas.dialogue import is_turn
from core.loading.schemas.kto import KTO
from core.loading.schemas.messages import MESSAGES_SCHEMA
from core.loading.schemas.plain import TEXT
from core.loading.schemas.preference import PREFERENCE
from core.loading.schemas.prompt_completion import PROMPT_COMPLETION
from core.loading.schemas.schema import Candidate, Schema, propose
from core.loading.schemas.sharegpt import SHAREGPT
from core.loading.schemas.turns import TURNS

SCHEMAS: dict[str, Schema] = {
    schema.name: schema
    for schema in (ALPACA, PREFERENCE, KTO, SHAREGPT, MESSAGES_SCHEMA, TURNS, PROMPT_COMPLETION, TEXT)
}
SAMPLE = 200  # rows that are looked at, spread over the file
BY_HAND = "Other names: choose schema and columns on Load, or with --schema and --column."
LEAST = 0.3  # a schema that is less sure than this is not taken


def schema(name: str) -> Schema:
    """The schema of that name.

    Raises:
        DataError: there is none; the hint names them all.
    """
    if name not in SCHEMAS:
        raise DataError(f"There is no schema {name!r}.", f"Schemas: {', '.join(SCHEMAS)}.")
    return SCHEMAS[name]


def known(columns: Sequence[str]) -> bool:
    """Whether some schema reads these columns by their usual names; ``text`` only where it stands alone."""
    schemas = [each for each in SCHEMAS.values() if each is not TEXT or len(columns) == 1]
    return any(all({*role.names} & {*columns} for role in each.needed) for each in schemas)


def is_conversation(value: dict[str, Any]) -> bool:
    """Whether this object is one row with turns in it, rather than rows or columns under a key."""
    lists = [item for item in value.values() if isinstance(item, list) and item]
    if any(all(map(is_turn, each)) for each in lists):
        return True
    turns = value.get("conversations")
    return isinstance(turns, list) and bool(turns) and all(isinstance(turn, str) for turn in turns)


def recognise(rows: pl.DataFrame) -> tuple[Candidate, ...]:
    """Every schema that these rows may be of, the surest first; some may be too unsure to be taken."""
    sample = rows.gather_every(max(1, rows.height // SAMPLE)).head(SAMPLE)
    found = [propose(each, sample) for each in SCHEMAS.values()]
    return tuple(sorted((each for each in found if each is not None), key=lambda each: -each.confidence))


def best(rows: pl.DataFrame) -> SchemaMapping:
    """The mapping of the surest schema.

    Raises:
        DataError: none is sure enough; says the columns found and what the nearest schema lacks.
    """
    candidates = recognise(rows)
    if candidates and candidates[0].confidence >= LEAST:
        return candidates[0].mapping
    raise _unknown(rows.columns, candidates)


def proposed(rows: pl.DataFrame, name: str) -> SchemaMapping:
    """The columns that the schema of that name would use; as many as there are."""
    wanted = schema(name)
    found = next((each.mapping for each in recognise(rows) if each.mapping.schema == name), None)
    if found is not None:
        return found
    pairs = [
        (role.name, column)
        for role in wanted.roles
        for column in [name for name in (*role.names, *role.others) if name in rows.columns][:1]
    ]
    return SchemaMapping(name, tuple(pairs))


def checked(mapping: SchemaMapping, columns: Sequence[str]) -> SchemaMapping:
    """The same mapping in the order of the schema's roles, if a file with those columns can be read by it.

    Raises:
        DataError: an unknown schema or role, a column that is not there, or a needed role without one.
    """
    wanted = schema(mapping.schema)
    roles = {role.name: role for role in wanted.roles}
    for role, column in mapping.columns:
        if role not in roles:
            raise DataError(f"{wanted.name} has no role {role!r}.", f"Its roles: {', '.join(roles)}.")
        if column not in columns:
            hint = f"Columns: {_listed(columns)}."
            raise DataError(f"There is no column {column!r} to be the {role}.", hint)
        if len(mapping.of(role)) > 1 and not roles[role].several:
            raise DataError(f"More than one column is named as {role}.", "Name one.")
    lacking = [role.name for role in wanted.needed if not mapping.of(role.name)]
    if lacking:
        raise DataError(
            f"The schema {wanted.name} needs a column for {' and '.join(lacking)}.",
            f"Choose one of: {_listed(columns)}.",
        )
    order = list(roles)
    pairs = sorted(mapping.columns, key=lambda pair: order.index(pair[0]))
    return SchemaMapping(mapping.schema, tuple(pairs))


def _unknown(columns: Sequence[str], candidates: Sequence[Candidate]) -> DataError:
    shapes = "; ".join(
        f"{each.name} ({', '.join(role.names[0] for role in each.needed)})" for each in SCHEMAS.values()
    )
    nearest, lacking = _nearest(columns, candidates)
    near = f"The nearest is {nearest.name}, which lacks {' and '.join(lacking)}."
    return DataError(
        f"The columns are not of a known shape. Found: {_listed(columns)}.",
        f"Known: {shapes}. {near} {BY_HAND}{_did_you_mean(lacking, columns)}",
    )


def _nearest(columns: Sequence[str], candidates: Sequence[Candidate]) -> tuple[Schema, list[str]]:
    """The schema that lacks least, and what it lacks: columns, or else what should be in them."""
    named = [each for each in candidates if each.mapping.schema != TEXT.name]
    if named:
        # A column of the usual name tells more than one that this schema would take as well.
        first = next((each for each in named if not _unusual(each)), named[0])
        nearest = SCHEMAS[first.mapping.schema]
        column = first.mapping.of(nearest.needed[-1].name)[0]
        return nearest, [f"{nearest.lacks} in {column}"]
    others: Iterable[Schema] = (each for each in SCHEMAS.values() if each is not TEXT)
    nearest = min(others, key=lambda each: len(each.missing(columns)) / len(each.needed))
    return nearest, nearest.missing(columns)


def _unusual(candidate: Candidate) -> bool:
    """Whether a needed role is played by a column of another name than the usual ones."""
    roles = SCHEMAS[candidate.mapping.schema].needed
    return any(not set(candidate.mapping.of(role.name)) & set(role.names) for role in roles)


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns[:20]) or "none"


def _did_you_mean(lacking: Sequence[str], columns: Sequence[str]) -> str:
    folded = {column.casefold(): column for column in columns}
    alike = {name: get_close_matches(name, folded, n=1, cutoff=0.75) for name in lacking}
    pairs = [f"{folded[found[0]]} instead of {name}" for name, found in alike.items() if found]
    return f" Did you write {' and '.join(pairs)}?" if pairs else ""
