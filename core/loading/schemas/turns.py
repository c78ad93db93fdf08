"""Turns: ``conversations`` as lists of texts, the user's first, as LIMA has them."""

from __future__ import annotations

import polars as pl

from core.domain import SchemaMapping
from core.loading.schemas.conversation import conversation
from core.loading.schemas.dialogue import turn_share
from core.loading.schemas.schema import Role, Schema
from core.loading.schemas.sharegpt import NAMES


def _fits(rows: pl.DataFrame, mapping: SchemaMapping) -> float:
    return turn_share(rows[mapping.of("conversations")[0]], texts=True)


TURNS = Schema(
    "turns",
    "a list of texts, the user's first",
    roles=(
        Role("conversations", ("conversations",), ("data", *NAMES), needed=True),
        Role("system", ("system",), ("system_prompt",)),
        Role("tools", ("tools",)),
    ),
    fits=_fits,
    canonical=conversation,
    lacks="lists of texts",
)
