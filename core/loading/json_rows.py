"""JSON, one document or one value a line: which objects in it are the rows, and what is wrong with the rest.

orjson reads what is well-formed. What it refuses is read once more by the standard library, which knows
the NaN and Infinity that Python writes, lone halves of surrogate pairs and integers of any length.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeGuard

import orjson

from core.errors import DataError
from core.loading.columns import frame_of
from core.loading.mixed import framed
from core.loading.parts import MixedTypesError
from core.loading.places import REPLACEMENT, Places, Read, decoded
from core.loading.schemas import is_conversation, known

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

PLAIN = frozenset({str, int, bool, type(None)})
LONG_NUMBER = re.compile(rb"[0-9]{19}")  # may not fit into 64 bits: orjson would round it to a float
DEEPEST = 64  # levels of nesting; beyond, libraries that walk a value run out of stack
NOT_JSON = "NaN or Infinity, which JSON does not have, read as null"
HALVES = f"halves of a surrogate pair, which are no characters, shown as {REPLACEMENT}"


class JsonError(ValueError):
    """Why a text is not JSON, in words."""


def read_json(name: str, content: bytes) -> Read:
    """The rows, the problems, and how many rows the file holds, loaded or not.

    Raises:
        DataError: a document that is not well-formed, or no row that can be read.
    """
    found = Places()
    records = list(records_of(_values(name, content, found), found))
    if not records:
        raise no_row(name, found)
    rows, mixed = frame_of(records)
    return found.read(rows, *mixed)


def are_lines(head: bytes) -> bool:
    """Whether a file that begins so is one value a line: the first line is one, and another follows."""
    filled = (line for line in map(bytes.strip, head.splitlines()) if line)
    first, second = next(filled, b""), next(filled, b"")
    return bool(second) and _is_json(first)


def read_lines(name: str, pieces: Iterable[bytes], *, mixed: bool = False) -> Read:
    """As ``read_json``, of JSON lines as they come.

    mixed: whether a column is known to hold several types, which takes longer.

    Raises:
        DataError: no row can be read.
        MixedTypesError: a column holds several types.
    """
    found = Places()
    rows, said = framed(records_of(_lines(split_lines(pieces), found), found), mixed=mixed)
    if not found.taken:
        raise no_row(name, found)
    if rows is None:
        raise MixedTypesError
    return found.read(rows, *said)


def records_of(values: Iterable[tuple[int, Json]], found: Places) -> Iterator[dict[str, Json]]:
    """The rows among values with their numbers; what is none is lost."""
    for number, value in values:
        if _is_row(value, f"{found.unit} {number}", found):
            found.numbers.append(number)
            yield value


def split_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    r"""The lines of a text in pieces, as ``bytes.splitlines`` divides it: at \n, \r and \r\n."""
    begun: list[bytes] = []  # a line whose end has not been seen
    for piece in pieces:
        begun.append(piece)
        if b"\n" in piece or b"\r" in piece:
            whole = b"".join(begun)
            lines = whole.splitlines()
            begun = []
            if not whole.endswith(b"\n"):  # a last line that goes on, or whose \n comes with the next piece
                begun = [lines.pop() + b"\r" * whole.endswith(b"\r")]
            yield from lines
    yield from b"".join(begun).splitlines()


def no_row(name: str, found: Places) -> DataError:
    """What is said of a file without any row; the first loss is the reason."""
    hint = found.first() or 'Each row is a JSON object such as {"instruction": ..., "output": ...}.'
    return DataError(f"{name} has no row that can be read.", hint)


def _values(name: str, content: bytes, found: Places) -> Iterable[tuple[int, Json]]:
    """(number, value) of every line, where each is a value of its own, else of every row of the document."""
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
    return enumerate(rows if isinstance(rows, list) else [rows], start=1)


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


def _lines(lines: Iterable[bytes], found: Places) -> Iterator[tuple[int, Json]]:
    found.unit = "line"
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, parse(line.removeprefix(codecs.BOM_UTF8), found, f"line {number}")
        except JsonError as cause:
            found.lose("broken JSON", f"line {number}: {cause}")


def _rows_in(name: str, value: dict[str, Json], found: Places) -> Sequence[Json]:
    """The rows of an object: under one of its keys, as arrays side by side, or the object itself."""
    if is_conversation(value):
        return [value]
    lists = {key: rows for key, item in value.items() if (rows := _objects(item))}
    key = key_of_rows(name, list(value), {key: list(rows[0]) for key, rows in lists.items()})
    if key is None:
        return _columns(name, value) or [value]
    say_key(key, len(lists[key]), value, found)
    return lists[key]


def key_of_rows(name: str, keys: Sequence[str], lists: Mapping[str, Sequence[str]]) -> str | None:
    """Under which of the keys of an object its rows are; None where it is a row or columns itself.

    lists: the keys with a list of objects, and the columns of the first of them.

    Raises:
        DataError: rows under more than one key.
    """
    under = [key for key, columns in lists.items() if known(columns)] or list(lists)
    if known(keys) or not under:
        return None
    if len(under) > 1:
        raise DataError(
            f"{name} has rows under more than one key: {', '.join(under)}.", "Save one of them as a file."
        )
    return under[0]


def say_key(key: str, count: int, keys: Iterable[str], found: Places) -> None:
    """Which key the rows were found under, and what stands beside it."""
    found.change(f"rows found under the key {key}", count)
    for beside in (other for other in keys if other != key):
        found.change(f"keys beside {key}, which are not loaded", 1, beside)


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
