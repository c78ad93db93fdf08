"""Messages with roles, as chat trainers read them: whole, divided into prompt and completion, or in pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any

import numpy as np
import polars as pl

from core.domain import Dataset, Positions
from core.exporting.formats import form
from core.exporting.formats.form import Limit, TrainingFormat, parts, write_lines
from core.exporting.formats.shape import (
    NO_CALL_ID,
    NO_OUTPUT_ID,
    NOT_ANSWERED,
    NOTHING_BEFORE,
    ODD_CALL,
    PARTS,
    TEXT_AND_CALL,
    UNKNOWN_ROLE,
    is_odd,
    marked,
    marked_beside,
    message_records,
    shape,
)

CALL = pl.Struct({"name": pl.String, "arguments": pl.String})
CALLS = pl.List(pl.Struct({"id": pl.String, "type": pl.String, "function": CALL}))
SFT = ("trl", "axolotl", "llama-factory", "unsloth")

Records = Iterable[dict[str, Any]]


def _messages(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    write_lines(message_records(dataset, rows), out)


def _messages_parquet(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    """A row group at a time, where the messages hold nothing that only all rows together give a type."""
    bare = _bare(dataset, rows)
    if bare is None:
        form.write_parquet(message_table(dataset, rows), out)
    else:
        form.write_parquet((bare[part] for part in form.groups(np.arange(bare.height))), out)


def message_table(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    """``messages`` as a table, with ``tools`` as JSON text where any of the rows offers some."""
    bare = _bare(dataset, rows)
    return table_of(message_records(dataset, rows), ("messages",)) if bare is None else bare


def _bare(dataset: Dataset, rows: Positions) -> pl.DataFrame | None:
    """The rows' messages and tools, if all messages are role and content alone."""
    frame = dataset.frame
    bare = frame.select(name for name in ("messages", "tools", "turn_fields") if name in frame.columns)[rows]
    if "turn_fields" in bare.columns and bare["turn_fields"].list.drop_nulls().list.len().sum():
        return None
    return bare.select("messages", *(["tools"] if "tools" in bare.columns and bare["tools"].count() else []))


def table_of(records: Records, turns: tuple[str, ...]) -> pl.DataFrame:
    """Records as a table: these columns are lists of messages, every other one is JSON text.

    The arguments of a tool call are JSON text too, since no two tools have the same ones. Where one call is
    odd, all calls are JSON text.
    """
    whole = list(records)
    odd = any(is_odd(each.get("tool_calls", [])) for row in whole for name in turns for each in row[name])
    typed = _as_texts if odd else _typed
    made: list[dict[str, Any]] = [
        {
            name: [typed(each) for each in value] if name in turns else _json(value)
            for name, value in row.items()
        }
        for row in whole
    ]
    keys = dict.fromkeys(
        ("role", "content", *(key for row in made for name in turns for each in row[name] for key in each))
    )
    types = {} if odd else {"tool_calls": CALLS}
    message = pl.List(pl.Struct({key: types.get(key, pl.String) for key in keys}))
    names = dict.fromkeys((*turns, *(name for row in made for name in row)))
    schema = {name: message if name in turns else pl.String for name in names}
    return pl.DataFrame(made, schema=schema)


def _typed(message: dict[str, Any]) -> dict[str, Any]:
    return {name: _calls(value) if name == "tool_calls" else _json(value) for name, value in message.items()}


def _as_texts(message: dict[str, Any]) -> dict[str, Any]:
    return {name: _json(value) for name, value in message.items()}


def _json(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else form.json_of(value).decode()


def _calls(calls: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [with_text_arguments(call) for call in calls or ()]


def with_text_arguments(call: dict[str, Any]) -> dict[str, Any]:
    """A tool call whose arguments are JSON text, as OpenAI writes them."""
    function = call.get("function") or {}
    return {**call, "function": {**function, "arguments": _json(function.get("arguments", {}))}}


# OpenAI's fine-tuning.


def _openai_records(dataset: Dataset, rows: Positions) -> Iterator[dict[str, Any]]:
    for record in message_records(dataset, rows):
        turns = [
            {**turn, "tool_calls": _calls(turn["tool_calls"])} if turn.get("tool_calls") else turn
            for turn in record["messages"]
        ]
        yield {**record, "messages": turns}


def _openai(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    write_lines(_openai_records(dataset, rows), out)


def _openai_table(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    return table_of(_openai_records(dataset, rows), ("messages",))


# A prompt with its completion.


def _divided(dataset: Dataset, rows: Positions) -> Iterator[dict[str, Any]]:
    for record in message_records(dataset, rows):
        *prompt, completion = record.pop("messages")
        yield {"prompt": prompt, "completion": [completion], **record}


def _prompt_completion(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    write_lines(_divided(dataset, rows), out)


def _divided_table(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    return table_of(_divided(dataset, rows), ("prompt", "completion"))


# Pairs.


def _pairs(dataset: Dataset, rows: Positions) -> Iterator[dict[str, Any]]:
    if not len(rows):
        return
    for part in parts(rows):
        sides = dataset.frame.select("chosen_turns", "rejected")[part].iter_rows()
        for (count, rejected), record in zip(sides, message_records(dataset, part), strict=True):
            messages = record.pop("messages")
            prompt, chosen = messages[:-count], messages[-count:]
            yield {"prompt": prompt, "chosen": chosen, "rejected": rejected, **record}


def _preference(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    write_lines(_pairs(dataset, rows), out)


def _pairs_table(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    return table_of(_pairs(dataset, rows), ("prompt", "chosen", "rejected"))


OPENAI_NAMES = ("tool_calls", "tool_call_id", "function_call", "name", "weight", TEXT_AND_CALL)
UNLISTED = "messages have what the form has no place for, such as reasoning or content that is not text"
CHAT = (
    TrainingFormat(
        "messages",
        "Messages",
        "train.messages.jsonl",
        'one {"messages": [...]} a line, with "tools" where there are any, for chat trainers',
        _messages,
        message_table,
        trainers=SFT,
    ),
    TrainingFormat(
        "messages-parquet",
        "Messages, Parquet",
        "train.messages.parquet",
        "the same as a table; tools and the arguments of tool calls as JSON text",
        _messages_parquet,
        message_table,
        limits=(
            Limit("messages have content in parts or an odd tool call, which a table has no column for",
                  marked(PARTS, ODD_CALL)),
        ),
        shape=shape,
        trainers=SFT,
    ),
    TrainingFormat(
        "prompt-completion",
        "Prompt and completion",
        "train.prompt-completion.jsonl",
        "the last assistant turn apart from what comes before it",
        _prompt_completion,
        _divided_table,
        limits=(NOT_ANSWERED, NOTHING_BEFORE),
        shape=shape,
        trainers=("trl",),
    ),
    TrainingFormat(
        "openai",
        "OpenAI fine-tuning",
        "train.openai.jsonl",
        "messages that end with an answer, with the arguments of tool calls as text",
        _openai,
        _openai_table,
        limits=(
            NOT_ANSWERED,
            UNKNOWN_ROLE,
            Limit(
                "a tool call has no id, or an output names no call before it; OpenAI needs both",
                marked(NO_CALL_ID, NO_OUTPUT_ID, ODD_CALL),
            ),
            Limit(UNLISTED, marked_beside(*OPENAI_NAMES)),
        ),
        shape=shape,
    ),
    TrainingFormat(
        "preference",
        "Preference pairs",
        "train.preference.jsonl",
        "prompt, chosen and rejected, where the source has pairs",
        _preference,
        _pairs_table,
        limits=(
            Limit("there is no pair of a chosen and a rejected answer", ~pl.col("pair")),
            Limit(NOTHING_BEFORE.reason, pl.col("chosen_turns") >= pl.col("roles").list.len()),
        ),
        shape=shape,
        trainers=("trl-dpo", "axolotl-dpo", "unsloth-dpo"),
    ),
)  # fmt: skip
