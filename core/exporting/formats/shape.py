"""What rows look like as conversations: all that decides whether a form has a place for them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeGuard

import orjson
import polars as pl

from core.domain import Dataset, Positions
from core.exporting.formats.form import Limit, parts

ROLES = ("system", "developer", "user", "assistant", "tool")
CALLS = ("tool_calls", "function_call")
PARTS = "content in parts"
TEXT_AND_CALL = "text beside a call"
NO_CALL_ID = "call without id"
NO_OUTPUT_ID = "output of no call"
ODD_CALL = "odd call"
NO_FUNCTION = "call without function"
MARKS = pl.List(pl.String)


def shape(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    """What limits look at, one line a row.

    roles: of the messages. body: the same without a leading system text.
    marks: the names of what messages hold beside role and content, and the constants above.
    tools: whether the row offers any. pair: whether it has a chosen and a rejected answer.
    chosen_turns: how many of the last messages are the chosen answer; 0 where there are no pairs.
    """
    roles = pl.col("messages").list.eval(pl.element().struct.field("role"))
    leads = pl.col("roles").list.first().is_in(("system", "developer")).fill_null(value=False)
    names = ("messages", "tools", "turn_fields", "rejected", "chosen_turns")
    frame = dataset.frame.select(name for name in names if name in dataset.frame.columns)[rows]
    marks = marks_of(frame)
    if "rejected" not in frame.columns:
        frame = frame.with_columns(rejected=pl.lit([], dtype=MARKS), chosen_turns=pl.lit(0))
    pair = (pl.col("rejected").list.len() > 0) & (pl.col("chosen_turns") > 0)
    return frame.select(
        roles.alias("roles"),
        pl.col("tools").is_not_null(),
        pair.fill_null(value=False).alias("pair"),
        "chosen_turns",
    ).with_columns(
        body=pl.when(leads).then(pl.col("roles").list.slice(1)).otherwise("roles"),
        marks=marks,
    )


def marks_of(frame: pl.DataFrame) -> pl.Series:
    """(n,) what messages hold beside role and content, and what is odd about tool calls; a list a row."""
    if "turn_fields" in frame.columns:
        pairs = frame.select("messages", "turn_fields").iter_rows()
        return pl.Series("marks", [_marks(*pair) for pair in pairs], dtype=MARKS)
    speaks = pl.col("messages").list.eval(pl.element().struct.field("role") == "tool").list.any()
    loose = pl.when(speaks).then(pl.lit([NO_OUTPUT_ID], dtype=MARKS)).otherwise(pl.lit([], dtype=MARKS))
    return frame.select(marks=loose).to_series()  # without fields nothing was called


def _marks(messages: list[dict[str, str]] | None, fields: list[str | None] | None) -> list[str]:
    found: set[str] = set()
    called: set[str] = set()
    for message, text in itertools.zip_longest(messages or [], fields or []):
        own = orjson.loads(text) if text else {}
        if message["role"] == "tool" and own.get("tool_call_id") not in called:
            found.add(NO_OUTPUT_ID)
        found.update(name for name in own if name != "content")
        if isinstance(own.get("content"), list):
            found.add(PARTS)
        if any(name in own for name in CALLS) and (said(message, own) or "").strip():
            found.add(TEXT_AND_CALL)
        calls = own.get("tool_calls", [])
        if is_odd(calls):
            found.add(ODD_CALL)
        elif not all(call.get("id") for call in calls):
            found.add(NO_CALL_ID)
        if not has_functions(calls):
            found.add(NO_FUNCTION)
        called.update(_ids(calls))
    return sorted(found)


def _ids(calls: object) -> Iterator[str]:
    """The ids of those calls that have one."""
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict) and isinstance(name := call.get("id"), str) and name:
            yield name


def has_functions(calls: object) -> TypeGuard[list[dict[str, Any]]]:
    """Whether each of these calls has a function with a name."""
    return isinstance(calls, list) and all(
        isinstance(call, dict)
        and isinstance(function := call.get("function"), dict)
        and isinstance(function.get("name"), str)
        for call in calls
    )


def is_odd(calls: object) -> bool:
    """Whether this is no list of tool calls, each an id, a type and a function with name and arguments."""
    return not has_functions(calls) or not all(
        call.keys() <= {"id", "type", "function"}
        and call["function"].keys() <= {"name", "arguments"}
        and all(isinstance(call.get(key, ""), str) for key in ("id", "type"))
        for call in calls
    )


def said(message: dict[str, str], own: dict[str, Any]) -> Any:  # noqa: ANN401 - a text, its parts or nothing
    """The content as it is written: that of the fields where they have one, as of a call without text."""
    return own.get("content", message["content"])


def message_records(dataset: Dataset, rows: Positions) -> Iterator[dict[str, Any]]:
    """``messages`` of each row, with tool calls and other fields of their own, and ``tools`` if any."""
    names = [name for name in ("messages", "turn_fields", "tools") if name in dataset.frame.columns]
    frame = dataset.frame.select(names)
    for part in parts(rows):
        for record in frame[part].iter_rows(named=True):
            messages, fields = record["messages"], record.get("turn_fields")
            if fields is not None:
                messages = [_whole(*pair) for pair in zip(messages, fields, strict=True)]
            tools = record.get("tools")
            yield {"messages": messages} | ({"tools": orjson.loads(tools)} if tools else {})


def _whole(message: dict[str, Any], fields: str | None) -> dict[str, Any]:
    return message if fields is None else {**message, **orjson.loads(fields)}


class Tools(NamedTuple):
    """Whether any of some rows offers tools, and whether any uses one."""

    offered: bool
    used: bool


def tools_of(dataset: Dataset, rows: Positions) -> Tools:
    """What a trainer has to know about tools in these rows."""
    frame = dataset.frame
    offered = frame["tools"].gather(rows).count() > 0
    is_tool = pl.col("messages").list.eval(pl.element().struct.field("role") == "tool").list.any()
    used = frame.select(is_tool.alias("used"))["used"].gather(rows).any()
    calls = (
        "turn_fields" in frame.columns
        and frame["turn_fields"]
        .gather(rows)
        .list.join("")
        .str.contains('"(tool_calls|function_call)":')
        .any()
    )
    return Tools(offered, bool(used or calls))


# Limits that several forms share.

UNKNOWN_ROLE = Limit(
    f"a turn is of none of the roles {', '.join(ROLES)}",
    ~pl.col("roles").list.eval(pl.element().is_in(ROLES)).list.all(),
)
NOT_ANSWERED = Limit(
    "does not end with an assistant turn",
    (pl.col("roles").list.last() != "assistant").fill_null(value=True),
)
NOTHING_BEFORE = Limit("nothing is said before the answer", pl.col("body").list.len() < 2)


def marked(*marks: str) -> pl.Expr:
    """Whether a row has one of these marks."""
    return pl.col("marks").list.set_intersection(pl.lit(list(marks), dtype=MARKS)).list.len() > 0


def marked_beside(*marks: str) -> pl.Expr:
    """Whether a row has a mark that is none of these."""
    return pl.col("marks").list.set_difference(pl.lit(list(marks), dtype=MARKS)).list.len() > 0
