"""Prompts, completions and answers of pairs: each a text, or a list of messages."""

from __future__ import annotations

from typing import Any

import polars as pl

from core.domain import SchemaMapping
from core.loading.schemas.conversation import canonical_of, one_after_the_other
from core.loading.schemas.dialogue import Turns, is_turn, listed, read_row_by_row, read_turns
from core.loading.schemas.schema import LEAST_FIT, Canonical
from core.loading.schemas.texts import (
    MESSAGES,
    as_texts,
    asked_and_answered,
    joined_text,
    message,
    said_share,
    text_of,
)

SAMPLE = 64  # characters within which JSON text names the first key of its first message
LIKE_MESSAGES = r'^\s*[\[{][\s\[{]*"(role|content|from|value|name|tool_calls)"\s*:'


def are_texts(column: pl.Series) -> bool:
    """Whether no cell is a list of messages, so that every cell is the text itself."""
    if isinstance(column.dtype, (pl.List, pl.Struct)):
        return not any(_messages_in(value) for value in column.head(SAMPLE).to_list())
    return column.dtype != pl.String or not column.str.contains(LIKE_MESSAGES).any()


def side(column: pl.Series, role: str) -> Turns:
    """The messages of a cell; a text is one message of that role."""
    if are_texts(column):
        frame = pl.DataFrame([as_texts(column).alias("text")])
        made = pl.concat_list(message(role, "text")).cast(MESSAGES).alias("messages")
        return Turns(frame.select(made).to_series(), None, ())
    if isinstance(column.dtype, pl.List):
        return read_turns(column)
    texts = as_texts(column).to_list()
    values = column.to_list()
    return read_row_by_row(
        [
            _messages_in(value) or [{"role": role, "content": text}]
            for value, text in zip(values, texts, strict=True)
        ]
    )


def _messages_in(value: object) -> list[Any] | None:
    found = listed(value)
    return found if found and all(is_turn(turn) for turn in found) else None


def prompt_and_completion(rows: pl.DataFrame, mapping: SchemaMapping) -> Canonical:
    """The prompt's messages, then the completion's; every blank of a text is kept."""
    prompt, completion = (rows[mapping.of(role)[0]] for role in ("prompt", "completion"))
    if are_texts(prompt) and are_texts(completion) and not mapping.of("tools"):
        texts = [
            joined_text(rows, mapping.of("prompt"), mapping.of("input"), "prompt"),
            text_of(rows, mapping.of("completion"), "response"),
            text_of(rows, mapping.of("system"), "system"),
        ]
        return Canonical(asked_and_answered(pl.DataFrame(texts)))
    both = one_after_the_other(side(prompt, "user"), side(completion, "assistant"))
    return canonical_of(rows, mapping, both)


def fits_texts(rows: pl.DataFrame, mapping: SchemaMapping, *roles: str) -> float:
    """The share of rows in which all of these roles say something, at least ``LEAST_FIT``."""
    return max(LEAST_FIT, said_share(rows, *(mapping.of(role) for role in roles)))
