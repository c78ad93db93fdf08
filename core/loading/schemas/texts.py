"""Cells read as text, and the messages of rows that ask once and answer once."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from core.loading.columns import as_text

MESSAGE = pl.Struct({"role": pl.String, "content": pl.String})
MESSAGES = pl.List(MESSAGE)


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


def text_of(rows: pl.DataFrame, columns: Sequence[str], name: str) -> pl.Series:
    """The first of the columns that says something in a row, as text; empty where none does."""
    texts = [as_texts(rows[column]) for column in columns]
    if len(texts) < 2:
        text = texts[0] if texts else pl.repeat("", rows.height, dtype=pl.String, eager=True)
        return text.alias(name)
    said = [pl.when(~blank(column)).then(column) for column in columns]
    return pl.DataFrame(texts).select(pl.coalesce(*said, columns[0]).alias(name)).to_series()


def joined_text(rows: pl.DataFrame, first: Sequence[str], second: Sequence[str], name: str) -> pl.Series:
    """The first text with the second below a blank line, where the second says something."""
    texts = pl.DataFrame([text_of(rows, first, "first"), text_of(rows, second, "second")])
    both = pl.concat_str("first", "second", separator="\n\n")
    return texts.select(pl.when(blank("second")).then("first").otherwise(both).alias(name)).to_series()


def blank(column: str) -> pl.Expr:
    """Whether a text column says nothing; looked up, as texts without their blanks would be a second copy."""
    return ~pl.col(column).str.contains(r"\S")


def message(role: str, content: str) -> pl.Expr:
    """A message of that role whose content is a column."""
    return pl.struct(pl.lit(role).alias("role"), pl.col(content).alias("content"))


def asked_and_answered(texts: pl.DataFrame, earlier: pl.DataFrame | None = None) -> pl.DataFrame:
    """``messages`` beside ``prompt``, ``response`` and ``system``; a blank system text is no turn.

    earlier: row, role, content of turns that stand between the system text and the prompt.
    Gathering sorted lines takes a tenth of the memory of joining columns into lists.
    """
    row = pl.int_range(texts.height, dtype=pl.Int64, eager=True).alias("row")
    parts = [
        texts.select(row, pl.lit(role).alias("role"), pl.col(column).alias("content"))
        for role, column in (("system", "system"), ("user", "prompt"), ("assistant", "response"))
    ]
    parts[0] = parts[0].filter(~blank("content"))
    parts[1:1] = [] if earlier is None else [earlier]
    turns = pl.concat(parts).sort("row", maintain_order=True)
    made = turns.group_by("row", maintain_order=True).agg(pl.struct("role", "content").alias("messages"))
    return texts.select("prompt", "response", "system").with_columns(made["messages"].cast(MESSAGES))


def said_share(rows: pl.DataFrame, *roles: Sequence[str]) -> float:
    """The share of rows in which each of the roles says something, 0 to 1."""
    texts = pl.DataFrame([text_of(rows, columns, str(place)) for place, columns in enumerate(roles)])
    said = texts.select(pl.all_horizontal(~blank(name) for name in texts.columns).mean()).item()
    return float(said or 0.0)
