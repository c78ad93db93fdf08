"""Messages: lists of {role, content}, as chat models take them, with tool calls, parts and reasoning."""

from __future__ import annotations

import polars as pl

from core.domain import SchemaMapping
from core.loading.schemas.conversation import canonical_of
from core.loading.schemas.dialogue import read_turns, turn_share
from core.loading.schemas.schema import Canonical, Role, Schema

NAMES = ("conversations", "conversation", "dialogue", "dialog", "turns", "chat")


def _fits(rows: pl.DataFrame, mapping: SchemaMapping) -> float:
    return turn_share(rows[mapping.of("messages")[0]], keys=("role",))


def _canonical(rows: pl.DataFrame, mapping: SchemaMapping) -> Canonical:
    return canonical_of(rows, mapping, read_turns(rows[mapping.of("messages")[0]]))


MESSAGES_SCHEMA = Schema(
    "messages",
    "a list of turns with role and content",
    roles=(
        Role("messages", ("messages",), NAMES, needed=True, by_content=True),
        Role("system", ("system",), ("system_prompt",)),
        Role("tools", ("tools",), ("functions",)),
    ),
    fits=_fits,
    canonical=_canonical,
    lacks="lists of {role, content}",
)
