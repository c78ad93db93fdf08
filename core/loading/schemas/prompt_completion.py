"""Prompt and completion: two texts, or two lists of messages."""

from __future__ import annotations

import polars as pl

from core.domain import SchemaMapping
from core.loading.schemas.schema import Role, Schema
from core.loading.schemas.sides import fits_texts, prompt_and_completion


def _fits(rows: pl.DataFrame, mapping: SchemaMapping) -> float:
    return fits_texts(rows, mapping, "prompt", "completion")


PROMPT_COMPLETION = Schema(
    "prompt-completion",
    "a prompt and a completion, each a text or a list of messages",
    roles=(
        Role("prompt", ("prompt",), ("question", "query", "instruction"), needed=True),
        Role("completion", ("completion",), ("response", "answer"), needed=True),
        Role("system", ("system",), ("system_prompt",)),
        Role("tools", ("tools",)),
    ),
    fits=_fits,
    canonical=prompt_and_completion,
    lacks="a prompt and a completion",
)
