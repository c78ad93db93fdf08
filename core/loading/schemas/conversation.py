"""What every schema of turns makes of them: system text and tools beside the messages, and their texts."""

from __future__ import annotations

import polars as pl

from core.domain import Problem, SchemaMapping
from core.loading.schemas.dialogue import Turns, flat, odd_turns, read_turns, texts_of, tool_texts
from core.loading.schemas.schema import Canonical
from core.loading.schemas.texts import MESSAGES, blank, message, text_of

NO_FIELDS = pl.lit(None, dtype=pl.String)


def conversation(rows: pl.DataFrame, mapping: SchemaMapping) -> Canonical:
    """One column of turns, with a system text and tools where there are columns for them."""
    return canonical_of(rows, mapping, read_turns(rows[mapping.of("conversations")[0]]))


def canonical_of(rows: pl.DataFrame, mapping: SchemaMapping, turns: Turns) -> Canonical:
    """The canonical columns out of turns."""
    turns, beside = _with_system(turns, text_of(rows, mapping.of("system"), "system"))
    tools, odd_tools = tool_texts(rows, mapping.of("tools"))
    lines = flat(turns.messages)
    texts = texts_of(turns.messages, lines)
    more = [] if turns.fields is None else [turns.fields.alias("turn_fields")]
    frame = texts.with_columns([turns.messages.alias("messages"), tools, *more])
    return Canonical(frame, (*turns.found, *odd_turns(lines), *beside, *odd_tools))


def _with_system(turns: Turns, system: pl.Series) -> tuple[Turns, tuple[Problem, ...]]:
    """The system column's text as the first message, where there is none yet."""
    if (system == "").all():
        return turns, ()
    first = pl.col("messages").list.first().struct.field("role").is_in(("system", "developer"))
    frame = pl.DataFrame([turns.messages.alias("messages"), system.alias("system")]).with_columns(
        first.fill_null(value=False).alias("has"), said=~blank("system")
    )
    adds = pl.col("said") & ~pl.col("has")
    grown = pl.concat_list(message("system", "system"), "messages").cast(MESSAGES)
    frame = frame.with_columns(
        adds.alias("adds"), pl.when(adds).then(grown).otherwise("messages").alias("new")
    )
    fields = turns.fields
    if fields is not None:
        longer = pl.concat_list(NO_FIELDS, "f")
        both = pl.DataFrame([fields.alias("f"), frame["adds"]])
        fields = both.select(pl.when("adds").then(longer).otherwise("f").alias("turn_fields")).to_series()
    differs = frame["said"] & frame["has"] & (_first_text(turns.messages) != system)
    kind = "system texts in a column beside a system turn, which counts"
    places = tuple(f"row {row + 1}" for row in differs.arg_true().head(5))
    beside = (Problem(kind, int(differs.sum()), places),) if differs.any() else ()
    return Turns(frame["new"].alias("messages"), fields, turns.found), beside


def _first_text(messages: pl.Series) -> pl.Series:
    first = pl.col("messages").list.first().struct.field("content").fill_null("")
    return pl.DataFrame([messages.alias("messages")]).select(first).to_series()


def fields_or_none(turns: Turns) -> pl.Series:
    """(n,) the further fields of each message, null where a message has none."""
    if turns.fields is not None:
        return turns.fields
    nothing = pl.col("m").list.eval(pl.when(pl.lit(value=False)).then(pl.element().struct.field("role")))
    frame = pl.DataFrame([turns.messages.alias("m")])
    return frame.select(nothing.cast(pl.List(pl.String)).alias("turn_fields")).to_series()


def one_after_the_other(before: Turns, after: Turns) -> Turns:
    """The messages of both, row by row."""
    frame = pl.DataFrame([before.messages.alias("a"), after.messages.alias("b")])
    messages = frame.select(pl.concat_list("a", "b").cast(MESSAGES).alias("messages")).to_series()
    fields = None
    if before.fields is not None or after.fields is not None:
        both = pl.DataFrame([fields_or_none(before).alias("a"), fields_or_none(after).alias("b")])
        fields = both.select(pl.concat_list("a", "b").alias("turn_fields")).to_series()
    return Turns(messages, fields, (*before.found, *after.found))
