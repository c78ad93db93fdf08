"""Lists of turns, whatever their keys and role names, become messages of five roles; what is odd is counted.

Columns of one plain type are read by polars as a whole. Mixed ones, JSON text, tool calls and content in
parts are read row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
import polars as pl

from core.domain import Problem
from core.loading.columns import as_text
from core.loading.places import Places
from core.loading.schemas.texts import MESSAGES, as_texts, blank

ROLES = {
    **dict.fromkeys(("system", "developer", "user", "assistant", "tool"), ""),
    **dict.fromkeys(("human", "prompter", "question"), "user"),
    **dict.fromkeys(("gpt", "bing", "bard", "chatgpt", "model", "bot", "answer"), "assistant"),
    **dict.fromkeys(("function_call", "tool_call"), "assistant"),
    **dict.fromkeys(("observation", "function", "function_response", "tool_response", "ipython"), "tool"),
}
ROLES = {name: role or name for name, role in ROLES.items()}
CALLS = ("function_call", "tool_call")  # roles whose content is the call itself, as JSON
ROLE_KEYS, CONTENT_KEYS = ("role", "from"), ("content", "value")
KEPT_FIELDS = ("tool_calls", "tool_call_id", "function_call", "name", "reasoning_content", "weight")
INSTRUCTING = ("system", "developer")
DEEPEST = 64  # levels of nesting in a cell that holds JSON as text

NO_TURNS = "no list of turns, so the row has no messages"
NO_MESSAGE = "turns that are no message, left out of the messages"
PARTS = "content in parts that are not text, kept for the export and not shown"
NO_TEXT = "turns without text, read as empty"
UNKNOWN = "turns of a role that is not known, kept as they are named"
BEGINS_WITH_ANSWER = "conversations that begin with the assistant"
REPEATED_ROLE = "conversations in which user or assistant speaks twice in a row"
UNANSWERED = "conversations that do not end with an answer"


class Turns(NamedTuple):
    """Messages of each row, and what belongs to them beside role and content.

    messages: (n,) list of role and content, empty where a row has none.
    fields: (n,) list as long as that of the messages: a JSON object or null each; None where no row has any.
    found: turns that were left out or changed.
    """

    messages: pl.Series
    fields: pl.Series | None
    found: tuple[Problem, ...]


def read_turns(column: pl.Series) -> Turns:
    """The turns of a column: lists of {role, content} or {from, value}, or of texts, the user's first."""
    messages = _of_one_type(column)
    if messages is None:
        return read_row_by_row(column.to_list())
    empty = _rows_where(messages.list.len() == 0, NO_TURNS)
    return Turns(messages, None, empty)


def _of_one_type(column: pl.Series) -> pl.Series | None:
    """The messages, where every turn is a text or an object of two texts and nothing else matters."""
    if not isinstance(column.dtype, pl.List):
        return None
    turns = column.drop_nulls().explode().rename("turn")
    if turns.null_count():
        return None
    element = pl.element()
    if turns.dtype == pl.String:
        is_user = pl.int_range(pl.len()) % 2 == 0
        role = pl.when(is_user).then(pl.lit("user")).otherwise(pl.lit("assistant"))
        made = pl.struct(role.alias("role"), element.alias("content"))
    elif (keys := _plain_keys(turns)) is not None:
        role = element.struct.field(keys[0]).str.strip_chars().str.to_lowercase().replace(ROLES)
        made = pl.struct(role.alias("role"), element.struct.field(keys[1]).alias("content"))
    else:
        return None
    messages = pl.DataFrame([column.alias("turns")]).select(
        pl.col("turns").list.eval(made).cast(MESSAGES).fill_null(pl.lit([], dtype=MESSAGES)).alias("messages")
    )
    return messages.to_series()


def _plain_keys(turns: pl.Series) -> tuple[str, str] | None:
    """The keys of role and text, where all have both and none has anything else that is kept."""
    if not isinstance(turns.dtype, pl.Struct):
        return None
    fields = turns.struct.unnest()
    roles = [key for key in ROLE_KEYS if key in fields.columns]
    texts = [key for key in CONTENT_KEYS if key in fields.columns]
    if len(roles) != 1 or len(texts) != 1:
        return None
    role, text = fields[roles[0]], fields[texts[0]]
    if role.dtype != pl.String or text.dtype != pl.String or role.null_count() or text.null_count():
        return None
    if any(fields[name].null_count() < fields.height for name in KEPT_FIELDS if name in fields.columns):
        return None
    calls = role.str.strip_chars().str.to_lowercase().is_in(CALLS).any()
    return None if calls else (roles[0], texts[0])


def read_row_by_row(values: Sequence[Any]) -> Turns:
    """The same for values of any kind."""
    found = Places()
    messages, fields = [], []
    for row, value in enumerate(values, start=1):
        place = f"row {row}"
        turns = listed(value)
        read = [_turn(turn, number, found, place) for number, turn in enumerate(turns or [])]
        kept = [turn for turn in read if turn is not None]
        if len(kept) < len(read):
            found.change(NO_MESSAGE, len(read) - len(kept), place)
        if not kept:
            found.change(NO_TURNS, 1, place)
        messages.append([{"role": role, "content": content} for role, content, _ in kept])
        fields.append([extra for _, _, extra in kept])
    some = any(extra is not None for each in fields for extra in each)
    own = pl.Series("turn_fields", fields, dtype=pl.List(pl.String)) if some else None
    return Turns(pl.Series("messages", messages, dtype=MESSAGES), own, found.problems())


def listed(value: object) -> list[Any] | None:
    """A list of turns: as it is, out of JSON text, or a single turn; None where it is none."""
    if isinstance(value, str):
        value = parsed(value)
    if isinstance(value, dict):
        return [value] if _said(value, ROLE_KEYS) is not None else None
    return value if isinstance(value, list) else None


def is_turn(value: object) -> bool:
    """Whether this is an object with a role and a content, by any of their names."""
    return (
        isinstance(value, dict)
        and isinstance(_said(value, ROLE_KEYS), str)
        and any(key in value for key in (*CONTENT_KEYS, "tool_calls"))
    )


def parsed(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value of a JSON text; None where it is none, or is nested too deeply to be walked."""
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if _depth_within(value, DEEPEST) else None


def _depth_within(value: object, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        level = [
            child
            for each in level
            if isinstance(each, (dict, list))
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return True
    return False


def _said(turn: dict[str, Any], keys: Sequence[str]) -> Any:  # noqa: ANN401 - any JSON value
    return next((turn[key] for key in keys if turn.get(key) is not None), None)


def _turn(turn: object, number: int, found: Places, place: str) -> tuple[str, str, str | None] | None:
    """Role, content and further fields of one turn; None where it is no message."""
    if isinstance(turn, str):
        return ("assistant" if number % 2 else "user"), turn, None
    if not isinstance(turn, dict):
        return None
    name, content = _said(turn, ROLE_KEYS), _said(turn, CONTENT_KEYS)
    extra = {key: without_nulls(turn[key]) for key in KEPT_FIELDS if turn.get(key) is not None}
    if name is None and content is None:
        return None
    role = str(as_text(name) or "unknown").strip().lower()
    calls = extra.get("tool_calls") or extra.get("function_call")
    text = _content(content, calls, extra, found, place)
    if role in CALLS and (made := _calls_in(text)):
        extra |= {"content": None, "tool_calls": made}
    return ROLES.get(role, role), text, as_text(extra) if extra else None


def _content(content: object, calls: object, extra: dict[str, Any], found: Places, place: str) -> str:
    """The text of a turn: its own, that of its parts, or its tool calls as JSON."""
    if isinstance(content, str) and (content or not calls):
        return content
    if isinstance(content, list):
        texts = [_part(part) for part in content]
        if None in texts:
            extra["content"] = without_nulls(content)
            found.change(PARTS, 1, place)
        return "\n".join(text for text in texts if text is not None)
    if content is not None and not isinstance(content, str):
        return as_text(content) or ""
    if calls:
        extra["content"] = content
        return as_text(calls) or ""
    found.change(NO_TEXT, 1, place)
    return ""


def _part(part: object) -> str | None:
    """The text of one part of a content; None where it is an image, a sound or another thing."""
    if isinstance(part, str):
        return part
    text = part.get("text") if isinstance(part, dict) else None
    return text if isinstance(text, str) else None


def _calls_in(text: str) -> list[dict[str, Any]]:
    """Tool calls as chat trainers write them, out of the JSON of one call or of several."""
    value = parsed(text)
    calls = value if isinstance(value, list) else [value]
    if not calls or not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        return []
    return [
        {"type": "function", "function": {"name": call["name"], "arguments": call.get("arguments", {})}}
        for call in calls
    ]


def without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The same value without keys of null, which a column adds where one of its objects lacks a key."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


# What the messages tell.


def flat(messages: pl.Series) -> pl.DataFrame:
    """One line a message: row, role, content; rows without messages have none."""
    frame = pl.DataFrame([messages.alias("turn")]).with_row_index("row")
    return frame.filter(pl.col("turn").list.len() > 0).explode("turn").unnest("turn")


def texts_of(messages: pl.Series, turns: pl.DataFrame) -> pl.DataFrame:
    """``prompt`` (the first user turn that says something), ``response`` (the last answer), ``system``."""
    users = turns.filter(pl.col("role") == "user")
    picked = {
        "first": users.filter(~blank("content")).unique("row", keep="first"),
        "last": users.unique("row", keep="last"),
        "response": turns.filter(pl.col("role") == "assistant").unique("row", keep="last"),
        "system": turns.filter(pl.col("role").is_in(INSTRUCTING)).unique("row", keep="first"),
    }
    frame = pl.select(row=pl.int_range(len(messages), dtype=pl.get_index_type()))
    for name, found in picked.items():
        part = found.select("row", pl.col("content").alias(name))
        frame = frame.join(part, on="row", how="left", maintain_order="left")
    prompt = pl.coalesce("first", "last", pl.lit("")).alias("prompt")
    return frame.select(prompt, pl.col("response", "system").fill_null(""))


def odd_turns(turns: pl.DataFrame) -> tuple[Problem, ...]:
    """What a trainer may trip over, by rows that are loaded all the same."""
    body = turns.filter(~pl.col("role").is_in(INSTRUCTING)).select("row", "role")
    speaks = pl.col("role").is_in(("user", "assistant"))
    again = (pl.col("row") == pl.col("row").shift()) & (pl.col("role") == pl.col("role").shift()) & speaks
    kinds = {
        BEGINS_WITH_ANSWER: body.unique("row", keep="first").filter(pl.col("role") == "assistant"),
        REPEATED_ROLE: body.filter(again),
        UNANSWERED: body.unique("row", keep="last").filter(pl.col("role") != "assistant"),
        UNKNOWN: turns.filter(~pl.col("role").is_in(list(ROLES.values()))),
    }
    return tuple(
        problem for kind, found in kinds.items() for problem in _rows_at(found["row"].unique().sort(), kind)
    )


def _rows_where(mask: pl.Series, kind: str) -> tuple[Problem, ...]:
    return _rows_at(mask.arg_true(), kind)


def _rows_at(rows: pl.Series, kind: str) -> tuple[Problem, ...]:
    if not len(rows):
        return ()
    return (Problem(kind, len(rows), tuple(f"row {row + 1}" for row in rows.head(5))),)


def turn_share(column: pl.Series, *, texts: bool = False, keys: Sequence[str] = ROLE_KEYS) -> float:
    """The share of cells, 0 to 1, that are lists of turns with one of these role keys, or of texts."""
    lists = [listed(value) for value in column.to_list()]
    if texts:
        fitting = [value for value in lists if value and all(isinstance(turn, str) for turn in value)]
    else:
        fitting = [
            value
            for value in lists
            if value and any(is_turn(turn) and _said(turn, keys) is not None for turn in value)
        ]
    return len(fitting) / len(lists) if lists else 0.0


def tool_texts(rows: pl.DataFrame, columns: Sequence[str]) -> tuple[pl.Series, tuple[Problem, ...]]:
    """(n,) the tools that a row offers, as JSON text, null where there are none."""
    if not columns:
        return pl.Series("tools", [None] * rows.height, dtype=pl.String), ()
    column = rows[columns[0]]
    if column.dtype.is_nested():
        made = [as_text(without_nulls(value)) if value is not None else None for value in column.to_list()]
        column = pl.Series(
            "tools", [None if text in ("[]", "{}") else text for text in made], dtype=pl.String
        )
        return column, ()
    texts = as_texts(column).alias("tools")
    different = texts.unique()
    good = {text for text in different if parsed(text)}
    empty = {text for text in different if text.strip() in ("", "[]", "{}", "null")}
    odd = _rows_where(~texts.is_in([*good, *empty]), "tools that are not JSON, left out of the messages")
    return pl.select(pl.when(texts.is_in(list(good))).then(texts).alias("tools")).to_series(), odd
