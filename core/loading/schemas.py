"""The shapes of instruction data: how a file's columns become prompt, response and messages.

A schema is one ``Schema`` value in ``SCHEMAS``; the first whose columns are all there is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import orjson
import polars as pl

from core.domain import Problem
from core.errors import DataError
from core.loading.columns import as_text

MESSAGE = pl.Struct({"role": pl.String, "content": pl.String})


@dataclass(frozen=True, slots=True)
class Schema:
    """One shape: the columns it needs (each with its other names) and what becomes of them."""

    name: str
    needs: tuple[tuple[str, ...], ...]
    takes: tuple[str, ...]  # further columns that it turns into messages, where they are there
    canonical: Callable[[pl.DataFrame], pl.DataFrame]  # -> prompt, response, system, messages
    problems: Callable[[pl.DataFrame], tuple[Problem, ...]]  # what ``canonical`` leaves out, counted

    def missing(self, columns: Sequence[str]) -> list[str]:
        """The needed columns that are not there, by their first name."""
        return [names[0] for names in self.needs if not set(names) & set(columns)]

    @property
    def uses(self) -> frozenset[str]:
        """Every column whose content is read as text, and which therefore holds no scores."""
        return frozenset(name for names in self.needs for name in names) | frozenset(self.takes)


def known(columns: Sequence[str]) -> bool:
    """Whether some schema reads these columns."""
    return any(not schema.missing(columns) for schema in SCHEMAS)


def recognise(rows: pl.DataFrame) -> Schema:
    """The schema of these columns.

    Raises:
        DataError: no known shape; says the columns found and what the nearest shape lacks.
    """
    fitting = [schema for schema in SCHEMAS if not schema.missing(rows.columns)]
    if fitting:
        return fitting[0]
    nearest = min(SCHEMAS, key=lambda schema: len(schema.missing(rows.columns)))
    shapes = "; ".join(f"{s.name} ({', '.join(names[0] for names in s.needs)})" for s in SCHEMAS)
    found = ", ".join(rows.columns[:20]) or "none"
    lacking = nearest.missing(rows.columns)
    raise DataError(
        f"The columns are not of a known shape. Found: {found}.",
        f"Known: {shapes}. The nearest is {nearest.name}, which lacks {' and '.join(lacking)}."
        + _did_you_mean(lacking, rows.columns),
    )


def _did_you_mean(lacking: Sequence[str], columns: Sequence[str]) -> str:
    folded = {column.casefold(): column for column in columns}
    alike = {name: get_close_matches(name, folded, n=1, cutoff=0.75) for name in lacking}
    pairs = [f"{folded[match]} instead of {name}" for name, matches in alike.items() for match in matches]
    return f" Did you write {' and '.join(pairs)}?" if pairs else ""


def _alpaca(rows: pl.DataFrame) -> pl.DataFrame:
    """instruction, input, output (Dolly: context, response), with optional system and history."""
    texts = pl.DataFrame(
        [
            _text(rows, "request", "instruction"),
            _text(rows, "given", "input", "context"),
            _text(rows, "response", "output", "response"),
            _text(rows, "system", "system"),
        ]
    )
    both = pl.concat_str("request", "given", separator="\n\n")
    texts = texts.with_columns(pl.when(_blank("given")).then("request").otherwise(both).alias("request"))
    history = _history(rows)
    asked = history.filter((pl.col("role") == "user") & ~_blank("content"))
    asked = asked.unique("row", keep="first", maintain_order=True)
    row = pl.int_range(rows.height, dtype=pl.Int64, eager=True).alias("row")
    first = pl.DataFrame([row]).join(asked, on="row", how="left", maintain_order="left")["content"]
    prompt = pl.select(pl.coalesce(first, texts["request"]).alias("prompt")).to_series()
    return pl.DataFrame([prompt, texts["response"], texts["system"], _messages(row, texts, history)])


def _messages(row: pl.Series, texts: pl.DataFrame, history: pl.DataFrame) -> pl.Series:
    """The system text where there is one, the earlier turns, the request and the response."""
    parts = [
        texts.select(row, pl.lit(role).alias("role"), pl.col(column).alias("content"))
        for role, column in (("system", "system"), ("user", "request"), ("assistant", "response"))
    ]
    parts[0] = parts[0].filter(~_blank("content"))
    parts.insert(1, history)
    turns = pl.concat(parts).sort("row", maintain_order=True)
    message = pl.struct("role", "content").alias("messages")
    return turns.group_by("row", maintain_order=True).agg(message)["messages"]


def _text(rows: pl.DataFrame, alias: str, *names: str) -> pl.Series:
    """The first of the named columns that says something in a row, as text; empty where none does."""
    columns = [as_texts(rows[name]).alias(name) for name in names if name in rows.columns]
    if not columns:
        return pl.repeat("", rows.height, dtype=pl.String, eager=True).alias(alias)
    said = [pl.when(~_blank(column.name)).then(column.name) for column in columns]
    return pl.DataFrame(columns).select(pl.coalesce(*said, columns[0].name).alias(alias)).to_series()


def as_texts(column: pl.Series) -> pl.Series:
    """A column of any type as text; null and NaN are empty."""
    if column.dtype.is_float():
        column = column.fill_nan(None)
    if column.dtype.is_nested() or column.dtype == pl.Binary:
        column = pl.Series(column.name, map(as_text, column.to_list()), dtype=pl.String)
    try:
        return column.cast(pl.String).fill_null("")
    except pl.exceptions.PolarsError:  # a type that polars has no text for, such as a duration
        return pl.Series(column.name, map(as_text, column.to_list()), dtype=pl.String).fill_null("")


def _blank(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars() == ""


def _history(rows: pl.DataFrame) -> pl.DataFrame:
    """Earlier turns, [[question, answer], ...], one a line: row, role, content; blank pairs left out."""
    turns: dict[str, list[Any]] = {"row": [], "role": [], "content": []}
    for row, value in enumerate(_histories(rows)):
        for pair in _pairs(value) or []:
            turns["row"] += [row, row]
            turns["role"] += ["user", "assistant"]
            turns["content"] += pair
    return pl.DataFrame(turns, schema={"row": pl.Int64, "role": pl.String, "content": pl.String})


def _histories(rows: pl.DataFrame) -> list[Any]:
    if "history" not in rows.columns or rows["history"].null_count() == rows.height:
        return []
    return rows["history"].to_list()


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


def _alpaca_problems(rows: pl.DataFrame) -> tuple[Problem, ...]:
    odd = [row for row, value in enumerate(_histories(rows), start=1) if _pairs(value) is None]
    if not odd:
        return ()
    kind = "history that is not [[question, answer], ...], so it is not in the messages"
    return (Problem(kind, len(odd), tuple(f"row {row}" for row in odd[:5])),)


SCHEMAS: tuple[Schema, ...] = (
    Schema(
        "alpaca",
        needs=(("instruction",), ("output", "response")),
        takes=("input", "context", "system", "history"),
        canonical=_alpaca,
        problems=_alpaca_problems,
    ),
)
