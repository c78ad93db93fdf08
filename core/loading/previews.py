"""What a file would be read as, from its first rows, before it is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl

from core.domain import SchemaMapping
from core.errors import DataError
from core.loading.folders import Files, located, read_head_of
from core.loading.schemas import LEAST, Candidate, checked, proposed, recognise, schema

SAMPLES = 3  # rows that are shown as conversations


class Conversation(NamedTuple):
    """One row as it would be read.

    messages, rejected: (role, content, what else belongs to it as JSON or None) of each message; ``rejected``
        is empty but for pairs.
    """

    messages: list[tuple[str, str, str | None]]
    rejected: list[tuple[str, str, str | None]]
    tools: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a file, and the schemas that they may be of.

    columns: those of the first rows.
    candidates: the surest first; each with its mapping and its confidence from 0 to 1.
    """

    columns: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    rows: pl.DataFrame = field(repr=False)

    @property
    def best(self) -> Candidate | None:
        """The candidate that ``load`` takes by itself; None where none is sure enough."""
        first = self.candidates[0] if self.candidates else None
        return first if first is not None and first.confidence >= LEAST else None

    def proposed(self, name: str) -> SchemaMapping:
        """The columns that the schema of that name would use; a needed role may be without one."""
        return proposed(self.rows, name)

    def samples(self, mapping: SchemaMapping) -> list[Conversation]:
        """The first rows as conversations under a mapping.

        Raises:
            DataError: the columns cannot be read by it.
        """
        rows = self.rows.head(SAMPLES)
        frame = schema(checked(mapping, self.columns).schema).canonical(rows, mapping).frame
        none = pl.Series([None] * frame.height)
        beside = [frame.get_column(name, default=none) for name in ("turn_fields", "rejected", "tools")]
        return [
            Conversation(_turns(messages, fields), _turns(rejected, None), tools)
            for messages, fields, rejected, tools in zip(frame["messages"], *beside, strict=True)
        ]


def preview(path: str | Path | Files) -> Preview:
    """The first rows of a file, or of the first of several, and what it would be read as.

    Raises:
        DataError: the file cannot be read, or has no rows.
    """
    found = located(path)
    rows = read_head_of(found)
    if not rows.height:
        raise DataError(f"{found.name} has no rows.", "Choose a file with rows in it.")
    return Preview(tuple(rows.columns), recognise(rows), rows)


def _turns(messages: pl.Series | None, fields: pl.Series | None) -> list[tuple[str, str, str | None]]:
    if messages is None:
        return []
    beside = [None] * len(messages) if fields is None else fields.to_list()
    return [
        (each["role"], each["content"], more) for each, more in zip(messages.to_list(), beside, strict=True)
    ]
