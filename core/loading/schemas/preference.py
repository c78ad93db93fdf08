"""Preference pairs: a chosen and a rejected answer to one prompt, or to the beginning that both share."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from core.domain import Problem, SchemaMapping
from core.loading.schemas.conversation import canonical_of, fields_or_none, one_after_the_other
from core.loading.schemas.dialogue import INSTRUCTING, Turns, flat, read_row_by_row
from core.loading.schemas.schema import Canonical, Role, Schema
from core.loading.schemas.sides import are_texts, fits_texts, side
from core.loading.schemas.texts import MESSAGES, as_texts, asked_and_answered, joined_text, text_of

TRANSCRIPT = re.compile(r"\n\n(Human|Assistant):[ ]?")  # Anthropic's helpful and harmless pairs
SAME = "pairs whose chosen and rejected answers are the same"


def _fits(rows: pl.DataFrame, mapping: SchemaMapping) -> float:
    return fits_texts(rows, mapping, "chosen", "rejected")


def _canonical(rows: pl.DataFrame, mapping: SchemaMapping) -> Canonical:
    """Training takes the chosen answer; the rejected one is kept beside it."""
    chosen, rejected = (rows[mapping.of(role)[0]] for role in ("chosen", "rejected"))
    prompt = next((rows[name] for name in mapping.of("prompt")), None)
    plain = prompt is not None and all(are_texts(column) for column in (prompt, chosen, rejected))
    if plain and not mapping.of("tools"):
        return _of_texts(rows, mapping)
    good, bad = _answer(chosen), _answer(rejected)
    whole = _is_whole(good, prompt)
    shared = _shared(good.messages, bad.messages)
    tail = pl.DataFrame([bad.messages.alias("bad"), shared.alias("shared"), whole.alias("whole")])
    answer = pl.when("whole").then(pl.col("bad").list.slice("shared")).otherwise("bad")
    kept = tail.select(answer.cast(MESSAGES).alias("rejected")).to_series()
    made = canonical_of(rows, mapping, _with_prompt(good, whole, rows, mapping))
    turns = (
        good.messages.list.len().cast(pl.Int64)
        - pl.select(pl.when(whole).then(shared).otherwise(0)).to_series()
    )
    return _with_rejected(made, kept, turns, good.messages, bad.messages)


def _of_texts(rows: pl.DataFrame, mapping: SchemaMapping) -> Canonical:
    texts = pl.DataFrame(
        [
            joined_text(rows, mapping.of("prompt"), mapping.of("input"), "prompt"),
            text_of(rows, mapping.of("chosen"), "response"),
            text_of(rows, mapping.of("system"), "system"),
        ]
    )
    good, bad = (side(rows[mapping.of(role)[0]], "assistant").messages for role in ("chosen", "rejected"))
    return _with_rejected(Canonical(asked_and_answered(texts)), bad, good.list.len(), good, bad)


def _with_rejected(
    made: Canonical, kept: pl.Series, turns: pl.Series, good: pl.Series, bad: pl.Series
) -> Canonical:
    """The rejected answer, and how many of the last messages are the chosen one, beside the messages."""
    same = (good == bad).fill_null(value=False).arg_true()
    places = tuple(f"row {row + 1}" for row in same.head(5))
    found = (Problem(SAME, len(same), places),) if len(same) else ()
    return Canonical(
        made.frame.with_columns(kept.alias("rejected"), turns.cast(pl.Int64).alias("chosen_turns")),
        (*made.problems, *found),
    )


def _answer(column: pl.Series) -> Turns:
    """Messages, or a text; a text may be a transcript of both speakers."""
    if are_texts(column):
        texts = as_texts(column)
        if texts.str.starts_with("\n\nHuman:").any():
            return read_row_by_row([_spoken(text) for text in texts.to_list()])
    return side(column, "assistant")


def _spoken(text: str) -> list[Any]:
    if not text.startswith("\n\nHuman:"):
        return [{"role": "assistant", "content": text}]
    pieces = TRANSCRIPT.split(text)[1:]
    pairs = zip(pieces[::2], pieces[1::2], strict=True)
    return [{"role": {"Human": "user"}.get(who, "assistant"), "content": said} for who, said in pairs]


def _is_whole(good: Turns, prompt: pl.Series | None) -> pl.Series:
    """(n,) whether the chosen side begins with the user, so that it holds its prompt."""
    if prompt is None:
        return pl.repeat(value=True, n=len(good.messages), eager=True).alias("whole")
    lines = flat(good.messages).filter(~pl.col("role").is_in(INSTRUCTING))
    begins = lines.unique("row", keep="first").filter(pl.col("role") == "user")["row"]
    row = pl.int_range(len(good.messages), dtype=pl.get_index_type(), eager=True)
    return row.is_in(begins.implode()).alias("whole")


def _with_prompt(good: Turns, whole: pl.Series, rows: pl.DataFrame, mapping: SchemaMapping) -> Turns:
    """The chosen side, with the prompt before it where it does not hold it."""
    columns = mapping.of("prompt")
    if whole.all() or not columns:
        return good
    column = rows[columns[0]]
    if mapping.of("input") and are_texts(column):
        column = joined_text(rows, columns, mapping.of("input"), "prompt")
    prompt = side(column, "user")
    both = one_after_the_other(prompt, good)
    choice = [each.alias(name) for name, each in (("a", good.messages), ("b", both.messages))]
    pick = pl.when("whole").then("a").otherwise("b")
    messages = pl.DataFrame([*choice, whole]).select(pick.alias("messages")).to_series()
    if both.fields is None:
        return Turns(messages, None, both.found)
    own = fields_or_none(good).alias("a")
    fields = pl.DataFrame([own, both.fields.alias("b"), whole]).select(pick.alias("turn_fields"))
    return Turns(messages, fields.to_series(), both.found)


def _shared(good: pl.Series, bad: pl.Series) -> pl.Series:
    """(n,) how many messages both sides begin with, at least one of the rejected side left over."""
    one, other = (flat(side).with_columns(place=pl.int_range(pl.len()).over("row")) for side in (good, bad))
    pairs = one.join(other, on=["row", "place"], maintain_order="left")
    differing = (pl.col("role") != pl.col("role_right")) | (pl.col("content") != pl.col("content_right"))
    first = pairs.filter(differing).group_by("row").agg(pl.col("place").min())
    lengths = pl.DataFrame([good.list.len().alias("a"), bad.list.len().alias("b")]).with_row_index("row")
    both = lengths.join(first, on="row", how="left", maintain_order="left")
    most = pl.min_horizontal("a", (pl.col("b").cast(pl.Int64) - 1).clip(0))
    return both.select(pl.min_horizontal(pl.col("place").fill_null(most), most).alias("shared")).to_series()


PREFERENCE = Schema(
    "preference",
    "a chosen and a rejected answer, with a prompt or with the beginning that they share",
    roles=(
        Role("prompt", ("prompt",), ("question", "instruction", "conversations", "messages", "input")),
        Role("input", ("input",)),
        Role("chosen", ("chosen",), ("chosen_response",), needed=True),
        Role("rejected", ("rejected",), ("rejected_response",), needed=True),
        Role("system", ("system",), ("system_prompt",)),
        Role("tools", ("tools",)),
    ),
    fits=_fits,
    canonical=_canonical,
    lacks="chosen and rejected answers",
)
