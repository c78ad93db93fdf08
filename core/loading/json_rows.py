"""JSON, one document or one value a line: which objects in it are the rows, and what is wrong with the rest.

orjson reads what is well-formed. What it refuses is read once more by the standard library, which knows
the NaN and Infinity that Python writes, lone halves of surrogate pairs and integers of any length.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeGuard

import orjson
import polars as pl

from core.domain import Problem
from core.errors import DataError
from core.loading.columns import frame_of
from core.loading.places import REPLACEMENT, Places, decoded
from core.loading.schemas import known

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

PLAIN = frozenset({str, int, bool, type(None)})
LONG_NUMBER = re.compile(rb"[0-9]{19}")  # may not fit into 64 bits: orjson would round it to a float
DEEPEST = 64  # levels of nesting; beyond, libraries that walk a value run out of stack
NOT_JSON = "NaN or Infinity, which JSON does not have, read as null"
HALVES = f"halves of a surrogate pair, which are no characters, shown as {REPLACEMENT}"


class JsonError(ValueError):
    """Why a text is not JSON, in words."""


def read_json(name: str, content: bytes) -> tuple[pl.DataFrame, tuple[Problem, ...], int]:
    """The rows, the problems, and how many rows the file holds, loaded or not.

    Raises:
        DataError: a document that is not well-formed, or no row that can be read.
    """
    found = Places()
    records = [record for place, record in _values(name, content, found) if _is_row(record, place, found)]
    if not records:
        hint = found.first() or 'Each row is a JSON object such as {"instruction": ..., "output": ...}.'
        raise DataError(f"{name} has no row that can be read.", hint)
    rows, mixed = frame_of(records)
    return rows, (*found.problems(), *mixed), len(records) + found.lost


def _values(name: str, content: bytes, found: Places) -> Iterable[tuple[str, Json]]:
    """(place, value) of every line, where each is a value of its own, else of every row of the document."""
    lines = content.splitlines()
    filled = [line for line in map(bytes.strip, lines) if line]
    if len(filled) > 1 and _is_json(filled[0]):
        return _lines(lines, found)
    try:
        value = parse(content, found)
    except JsonError as cause:
        if _are_lines(filled, expected=".jsonl" in name.lower() or ".ndjson" in name.lower()):
            return _lines(lines, found)
        raise DataError(
            f"{name} is not well-formed JSON: {cause}.",
            "Mend that place, or save one row a line as JSONL: then only broken lines are left out.",
        ) from cause
    rows = _rows_in(name, value, found) if isinstance(value, dict) else value
    return ((f"row {n}", row) for n, row in enumerate(rows if isinstance(rows, list) else [rows], start=1))


def _is_json(text: bytes) -> bool:
    try:
        parse(text, Places())
    except JsonError:
        return False
    return True


def _are_lines(filled: Sequence[bytes], *, expected: bool) -> bool:
    """Whether lines of which the first is broken are rows all the same, not pieces of one document."""
    whole = sum(line.startswith(b"{") and line.endswith(b"}") for line in filled)
    enough = whole > 0 if expected else 2 * whole > len(filled)
    return len(filled) > 1 and enough and not filled[0].startswith(b"[")


def _lines(lines: Sequence[bytes], found: Places) -> Iterator[tuple[str, Json]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", parse(line.removeprefix(codecs.BOM_UTF8), found, f"line {number}")
        except JsonError as cause:
            found.lose("broken JSON", f"line {number}: {cause}")


def _rows_in(name: str, value: dict[str, Json], found: Places) -> Sequence[Json]:
    """The rows of an object: under one of its keys, as arrays side by side, or the object itself."""
    lists = {key: rows for key, item in value.items() if (rows := _objects(item))}
    under = {key: rows for key, rows in lists.items() if known(list(rows[0]))} or lists
    if known(list(value)) or not under:
        return _columns(name, value) or [value]
    if len(under) > 1:
        keys = ", ".join(under)
        raise DataError(f"{name} has rows under more than one key: {keys}.", "Save one of them as a file.")
    key, rows = next(iter(under.items()))
    found.change(f"rows found under the key {key}", len(rows))
    for beside in (other for other in value if other != key):
        found.change(f"keys beside {key}, which are not loaded", 1, beside)
    return rows


def _objects(value: Json) -> list[dict[str, Json]]:
    """The items of a list of objects; empty where it is not one."""
    items = value if isinstance(value, list) else []
    objects = [item for item in items if isinstance(item, dict)]
    return objects if len(objects) == len(items) else []


def _columns(name: str, value: dict[str, Json]) -> list[dict[str, Json]]:
    """Rows out of an object of arrays, or of pandas' object of objects; empty where it is neither."""
    arrays = {key: item for key, item in value.items() if isinstance(item, list)}
    objects = {key: item for key, item in value.items() if isinstance(item, dict)}
    if len(objects) == len(value) and len({tuple(item) for item in objects.values()}) == 1:
        arrays = {key: list(item.values()) for key, item in objects.items()}
    if len(arrays) < len(value):
        return []
    lengths = {key: len(column) for key, column in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(
            f"The columns of {name} have different lengths: {lengths}.", "Make them the same length."
        )
    return [dict(zip(arrays, cells, strict=True)) for cells in zip(*arrays.values(), strict=True)]


def _is_row(value: Json, place: str, found: Places) -> TypeGuard[dict[str, Json]]:
    if not isinstance(value, dict):
        found.lose("not a JSON object", f"{place}: {_kind(value)}")
        return False
    if not _is_plain(value) and _is_deep(value):
        found.lose("nested too deeply", f"{place}: more than {DEEPEST} levels")
        return False
    return True


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "text", int: "a number", float: "a number", bool: "true or false"}
    return kinds.get(type(value), "null")


def _is_plain(value: object) -> bool:
    return isinstance(value, dict) and PLAIN.issuperset(map(type, value.values()))


def _is_deep(value: dict[str, Json]) -> bool:
    level: list[dict[str, Json] | list[Json]] = [value]
    for _ in range(DEEPEST):
        below = (list(item.values()) if isinstance(item, dict) else item for item in level)
        level = [child for items in below for child in items if isinstance(child, (dict, list))]
        if not level:
            return False
    return True


def parse(text: bytes, found: Places, place: str = "") -> Json:
    """The value of one JSON text; what had to be changed in it is counted in ``found``.

    Raises:
        JsonError: it is not JSON, in spite of every allowance.
    """
    try:
        value: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _parse_leniently(text, found, place)
    if _is_plain(value) or not LONG_NUMBER.search(text):
        return value
    return _parse_leniently(text, found, place)


def _parse_leniently(text: bytes, found: Places, place: str) -> Json:
    changed = Places()
    names: list[str] = []
    try:
        value: Json = json.loads(decoded(text, changed, place), parse_constant=names.append)
        value = _without_halves(value, changed, place) if b"\\u" in text else value
    except json.JSONDecodeError as cause:
        where = f"line {cause.lineno}, column {cause.colno}" if b"\n" in text else f"column {cause.colno}"
        raise JsonError(f"{cause.msg[0].lower()}{cause.msg[1:].removesuffix(' at')} at {where}") from cause
    except RecursionError as cause:
        raise JsonError("nested too deeply") from cause
    except ValueError as cause:
        raise JsonError("a number with thousands of digits") from cause
    if names:
        changed.change(NOT_JSON, len(names), place)
    found.add(changed)
    return value


def _without_halves(value: Json, found: Places, place: str) -> Json:
    if isinstance(value, dict):
        return {_whole(key, found, place): _without_halves(item, found, place) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_halves(item, found, place) for item in value]
    return _whole(value, found, place) if isinstance(value, str) else value


def _whole(text: str, found: Places, place: str) -> str:
    mended = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if mended != text:
        found.change(HALVES, mended.count(REPLACEMENT) - text.count(REPLACEMENT), place)
    return mended
