"""Alpaca: one instruction, with an input where there is one, and its output. Dolly's names mean the same."""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl

from core.domain import Problem, SchemaMapping
from core.loading.schemas.schema import LEAST_FIT, Canonical, Role, Schema
from core.loading.schemas.texts import asked_and_answered, blank, joined_text, said_share, text_of

HISTORY = "history that is not [[question, answer], ...], so it is not in the messages"


def _fits(rows: pl.DataFrame, mapping: SchemaMapping) -> float:
    spoken = said_share(rows, (*mapping.of("instruction"), *mapping.of("input"), *mapping.of("output")))
    return max(LEAST_FIT, spoken)


def _canonical(rows: pl.DataFrame, mapping: SchemaMapping) -> Canonical:
    """Instruction, a blank line and the input; earlier turns before them."""
    texts = pl.DataFrame(
        [
            joined_text(rows, mapping.of("instruction"), mapping.of("input"), "prompt"),
            text_of(rows, mapping.of("output"), "response"),
            text_of(rows, mapping.of("system"), "system"),
        ]
    )
    histories = _histories(rows, mapping)
    earlier = _turns(histories)
    frame = asked_and_answered(texts, earlier)
    if earlier.height:
        frame = frame.with_columns(_first_question(earlier, texts["prompt"]))
    return Canonical(frame, _problems(histories))


def _first_question(earlier: pl.DataFrame, prompt: pl.Series) -> pl.Series:
    """The first question of the history that says something, else the prompt."""
    asked = earlier.filter((pl.col("role") == "user") & ~blank("content"))
    asked = asked.unique("row", keep="first", maintain_order=True).select("row", first="content")
    frame = pl.DataFrame([prompt]).with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
    both = frame.join(asked, on="row", how="left", maintain_order="left")
    return both.select(pl.coalesce("first", "prompt").alias("prompt")).to_series()


def _turns(histories: list[Any]) -> pl.DataFrame:
    """Earlier turns, one a line: row, role, content; blank pairs left out."""
    turns: dict[str, list[Any]] = {"row": [], "role": [], "content": []}
    for row, value in enumerate(histories):
        for pair in _pairs(value) or []:
            turns["row"] += [row, row]
            turns["role"] += ["user", "assistant"]
            turns["content"] += pair
    return pl.DataFrame(turns, schema={"row": pl.Int64, "role": pl.String, "content": pl.String})


def _histories(rows: pl.DataFrame, mapping: SchemaMapping) -> list[Any]:
    column = next((rows[name] for name in mapping.of("history")), None)
    return [] if column is None or column.null_count() == rows.height else column.to_list()


def _pairs(value: object) -> list[list[str]] | None:
    """The pairs that say something, null read as empty; None where this is not a list of pairs of texts."""
    if isinstance(value, str):  # in a CSV file, or in a column that holds several kinds
        try:
            value = orjson.loads(value) if value.strip() else None
        except orjson.JSONDecodeError:
            return None
    if not isinstance(value, list):
        return [] if value is None else None
    pairs = [
        ["" if text is None else text for text in pair] if isinstance(pair, list) else [] for pair in value
    ]
    if any(len(pair) != 2 or not all(isinstance(text, str) for text in pair) for pair in pairs):
        return None
    return [pair for pair in pairs if any(text.strip() for text in pair)]


def _problems(histories: list[Any]) -> tuple[Problem, ...]:
    odd = [row for row, value in enumerate(histories, start=1) if _pairs(value) is None]
    if not odd:
        return ()
    return (Problem(HISTORY, len(odd), tuple(f"row {row}" for row in odd[:5])),)


ALPACA = Schema(
    "alpaca",
    "one instruction, with an input where there is one, and its output",
    roles=(
        Role("instruction", ("instruction",), needed=True),
        Role("output", ("output", "response"), needed=True, several=True),
        Role("input", ("input", "context"), several=True),
        Role("system", ("system",)),
        Role("history", ("history",)),
    ),
    fits=_fits,
    canonical=_canonical,
    lacks="instruction and output",
)
