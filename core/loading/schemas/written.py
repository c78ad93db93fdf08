"""A mapping as one line of text, for links and for the worker; and its parts as they are typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode

from core.domain import SchemaMapping
from core.errors import DataError


def written(mapping: SchemaMapping) -> str:
    """``schema=sharegpt&conversations=turns``: the schema, then role and column."""
    return urlencode([("schema", mapping.schema), *mapping.columns])


def read_mapping(text: str) -> SchemaMapping | None:
    """The mapping that ``written`` wrote; None where the text is none."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=50)
    except ValueError:
        return None
    if not pairs or pairs[0][0] != "schema":
        return None
    return SchemaMapping(pairs[0][1], tuple(pairs[1:]))


def from_roles(schema: str, columns: Mapping[str, Iterable[str]]) -> SchemaMapping:
    """The mapping of a schema out of role -> columns."""
    return SchemaMapping(schema, tuple((role, each) for role, names in columns.items() for each in names))


def by_role(mapping: SchemaMapping) -> dict[str, list[str]]:
    """role -> columns, in the order of the mapping."""
    return {role: list(mapping.of(role)) for role in dict.fromkeys(role for role, _ in mapping.columns)}


def typed(text: str) -> tuple[str, str]:
    """(role, column) out of ``role=column``.

    Raises:
        DataError: it is not of that form.
    """
    role, equals, column = text.partition("=")
    if not (role and equals and column):
        raise DataError(f"{text!r} names no role and column.", "Write ROLE=COLUMN.")
    return role, column
