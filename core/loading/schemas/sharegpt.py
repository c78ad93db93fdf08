"""ShareGPT: ``conversations`` of {from, value}, where from is human, gpt, function_call and others."""

from __future__ import annotations

import polars as pl

from core.domain import SchemaMapping
from core.loading.schemas.conversation import conversation
from core.loading.schemas.dialogue import turn_share
from core.loading.schemas.schema import Role, Schema

NAMES = ("conversation", "messages", "dialogue", "dialog", "turns", "chat")


def _fits(rows: pl.DataFrame, mapping: SchemaMapping) -> float:
    return turn_share(rows[mapping.of("conversations")[0]], keys=("from",))


SHAREGPT = Schema(
    "sharegpt",
    "a list of turns with from and value",
    roles=(
        Role("conversations", ("conversations",), NAMES, needed=True, by_content=True),
        Role("system", ("system",), ("system_prompt",)),
        Role("tools", ("tools",)),
    ),
    fits=_fits,
    canonical=conversation,
    lacks="lists of {from, value}",
)
