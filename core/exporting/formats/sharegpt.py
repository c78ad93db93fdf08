"""ShareGPT: turns of from and value, with the system text and the tools beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import orjson
import polars as pl

from core.domain import Dataset, Positions
from core.exporting.formats.form import Limit, TrainingFormat, json_of, parts, write_array
from core.exporting.formats.shape import (
    CALLS,
    NO_CALL_ID,
    NO_OUTPUT_ID,
    ODD_CALL,
    PARTS,
    TEXT_AND_CALL,
    UNKNOWN_ROLE,
    marked,
    marked_beside,
    shape,
)

NAMES = {"user": "human", "assistant": "gpt", "tool": "observation"}
CALL = "function_call"
PLACED = (*CALLS, "tool_call_id", "name", NO_CALL_ID, NO_OUTPUT_ID)
TURN = pl.Struct({"from": pl.String, "value": pl.String})
TURNS = pl.List(TURN)


def _records(dataset: Dataset, rows: Positions) -> Iterator[dict[str, Any]]:
    """All three keys in every record: trainers look for them in each."""
    names = [name for name in ("messages", "turn_fields", "tools") if name in dataset.frame.columns]
    frame = dataset.frame.select(names)
    for part in parts(rows):
        for record in frame[part].iter_rows(named=True):
            messages = record["messages"]
            fields = record.get("turn_fields") or [None] * len(messages)
            has_system = bool(messages) and messages[0]["role"] == "system"
            turns = [_turn(*pair) for pair in zip(messages, fields, strict=True)]
            yield {
                "conversations": turns[has_system:],
                "system": messages[0]["content"] if has_system else "",
                "tools": record.get("tools") or "",
            }


def _turn(message: dict[str, str], fields: str | None) -> dict[str, str]:
    own = orjson.loads(fields) if fields else {}
    if any(name in own for name in CALLS):
        return {"from": CALL, "value": _calls(message["content"], own)}
    return {"from": NAMES.get(message["role"], message["role"]), "value": message["content"]}


def _calls(content: str, own: dict[str, Any]) -> str:
    """Name and arguments of each call as JSON; the very text of the source where it was written so there."""
    functions = [call["function"] for call in own.get("tool_calls") or ()] or [own["function_call"]]
    called = [{"name": each["name"], "arguments": _parsed(each.get("arguments", {}))} for each in functions]
    if _parsed(content) in (called, called[0] if len(called) == 1 else called):
        return content
    texts = [_call(each) for each in functions]
    return texts[0] if len(texts) == 1 else f"[{','.join(texts)}]"


def _call(function: dict[str, Any]) -> str:
    """One call as JSON; arguments that are JSON text already are taken over as they are written."""
    arguments = function.get("arguments", {})
    is_object = isinstance(arguments, str) and isinstance(_parsed(arguments), dict)
    text = arguments if is_object else json_of(arguments).decode()
    return f'{{"name":{json_of(function["name"]).decode()},"arguments":{text}}}'


def _parsed(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The value of a JSON text, else the value itself."""
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return value


def _sharegpt(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    write_array(_records(dataset, rows), out)


def _table(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    schema: dict[str, pl.DataType] = {"conversations": TURNS, "system": pl.String(), "tools": pl.String()}
    return pl.DataFrame(list(_records(dataset, rows)), schema=schema)


def _later(roles: str, *names: str) -> pl.Expr:
    return pl.col(roles).list.eval(pl.element().is_in(names)).list.any()


SHAREGPT = (
    TrainingFormat(
        "sharegpt",
        "ShareGPT",
        "train.sharegpt.json",
        "turns of human, gpt, function_call and observation; system text and tools beside them",
        _sharegpt,
        _table,
        limits=(
            UNKNOWN_ROLE,
            Limit("a system text that is not the first turn, or a developer's",
                  _later("body", "system") | _later("roles", "developer")),
            Limit("a turn has text beside its tool call", marked(TEXT_AND_CALL)),
            Limit("messages have what the form has no place for, such as reasoning or an odd tool call",
                  marked(ODD_CALL, PARTS) | marked_beside(*PLACED)),
        ),
        shape=shape,
        trainers=("axolotl", "llama-factory", "unsloth"),
    ),
)  # fmt: skip
