"""The shapes of instruction data: how a file's columns become prompt, response and messages.

A schema is one ``Schema`` value in ``SCHEMAS``; the first whose columns are all there is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from core.errors import DataError

MESSAGE = pl.Struct({"role": pl.String, "content": pl.String})


@dataclass(frozen=True, slots=True)
class Schema:
    """One shape: the columns it needs (each with its other names) and what becomes of them."""

    name: str
    needs: tuple[tuple[str, ...], ...]
    canonical: Callable[[pl.DataFrame], pl.DataFrame]  # -> prompt, response, system, messages

    def missing(self, columns: list[str]) -> list[str]:
        """The needed columns that are not there, by their first name."""
        return [names[0] for names in self.needs if not set(names) & set(columns)]


def recognise(rows: pl.DataFrame) -> Schema:
    """The schema of these columns.

    Raises:
        DataError: no known shape; says the columns found and what the nearest shape lacks.
    """
    fitting = [schema for schema in SCHEMAS if not schema.missing(rows.columns)]
    if fitting:
        return fitting[0]
    nearest = min(SCHEMAS, key=lambda schema: len(schema.missing(rows.columns)))
    known = "; ".join(f"{s.name} ({', '.join(names[0] for names in s.needs)})" for s in SCHEMAS)
    found = ", ".join(rows.columns[:20]) or "none"
    lacking = " and ".join(nearest.missing(rows.columns))
    raise DataError(
        f"The columns are not of a known shape. Found: {found}.",
        f"Known: {known}. The nearest is {nearest.name}, which lacks {lacking}.",
    )


def _alpaca(rows: pl.DataFrame) -> pl.DataFrame:
    """instruction, input, output (Dolly: context, response), with optional system and history."""
    instruction = _text(rows, "instruction")
    given = _text(rows, "input", "context")
    request = pl.when(given.str.strip_chars() == "").then(instruction)
    columns = rows.select(
        request.otherwise(pl.concat_str(instruction, given, separator="\n\n")).alias("request"),
        _text(rows, "output", "response").alias("response"),
        _text(rows, "system").alias("system"),
    )
    turns = _history(rows)
    said = columns.select(
        pl.when(pl.col("system") != "").then(pl.concat_list(_message("system", "system"))).otherwise(_none()),
        turns,
        pl.concat_list(_message("user", "request"), _message("assistant", "response")).alias("last"),
    )
    messages = said.select(pl.concat_list(*said.columns).alias("messages")).to_series()
    first_user = turns.list.first().struct.field("content")
    prompt = pl.select(pl.coalesce(first_user, columns["request"]).alias("prompt")).to_series()
    return pl.DataFrame([prompt, columns["response"], columns["system"], messages])


def _text(rows: pl.DataFrame, *names: str) -> pl.Expr:
    """The first of the named columns as text, empty where it is null or absent."""
    name = next((name for name in names if name in rows.columns), None)
    if name is None:
        return pl.lit("")
    if rows[name].dtype.is_nested():
        return pl.col(name).map_batches(_nested_as_text, return_dtype=pl.String).fill_null("")
    return pl.col(name).cast(pl.String).fill_null("")


def _nested_as_text(column: pl.Series) -> pl.Series:
    return pl.DataFrame([column.alias("value")]).select(pl.struct("value").struct.json_encode()).to_series()


def _message(role: str, content: str) -> pl.Expr:
    return pl.struct(pl.lit(role).alias("role"), pl.col(content).alias("content"))


def _none() -> pl.Expr:
    return pl.lit([], dtype=pl.List(MESSAGE))


def _history(rows: pl.DataFrame) -> pl.Series:
    """Earlier turns, [[question, answer], ...], as messages; empty where there are none."""
    nothing = pl.Series("turns", [[]] * rows.height, dtype=pl.List(MESSAGE))
    if "history" not in rows.columns or rows["history"].dtype != pl.List(pl.List(pl.String)):
        return nothing
    turns = [
        [
            {"role": role, "content": text or ""}
            for pair in pairs or []
            for role, text in zip(("user", "assistant"), pair or [], strict=False)
        ]
        for pairs in rows["history"].to_list()
    ]
    return pl.Series("turns", turns, dtype=pl.List(MESSAGE))


SCHEMAS: tuple[Schema, ...] = (Schema("alpaca", (("instruction",), ("output", "response")), _alpaca),)
