"""Rows of one JSON document as it comes: the elements of an array, or of the list under a key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

import polars as pl

from core.domain import Problem
from core.loading.json_rows import Json, JsonError, key_of_rows, no_row, parse, records_of, say_key
from core.loading.json_scanner import Document, ScanError
from core.loading.mixed import framed
from core.loading.parts import MixedTypesError
from core.loading.places import Places, Read
from core.loading.schemas import is_conversation

MOST_BESIDE = 10_000  # values in a list that is not one of objects; more are the column of a table


class _Rows(NamedTuple):
    """A list of objects: its rows, if they tell their types, what their types changed, and what was found."""

    frame: pl.DataFrame | None
    said: tuple[Problem, ...]
    found: Places
    columns: list[str]  # of the first row


class _NeedsAllError(Exception):
    """Only the whole document tells what its rows are."""


def read_document(name: str, pieces: Iterable[bytes], *, mixed: bool = False) -> Read | None:
    """As ``read_json``, of one document as it comes; None where it is to be read whole.

    That is one that is not well-formed, and one of columns or of a single row. Not every piece is then taken.
    mixed: whether a column is known to hold several types, which takes longer.

    Raises:
        DataError: no row can be read, or rows under more than one key.
        MixedTypesError: a column holds several types.
    """
    document = Document(pieces)
    try:
        if document.following() == b"[":
            found = Places()
            frame, said = framed(records_of(_numbered(document, found), found), mixed=mixed)
            _check_ends(document)
        else:
            frame, said, found, _ = _under_a_key(name, document, mixed=mixed)
    except (ScanError, JsonError, _NeedsAllError):
        return None
    if not found.taken:
        raise no_row(name, found)
    if frame is None:
        raise MixedTypesError
    return found.read(frame, *said)


def _numbered(document: Document, found: Places) -> Iterator[tuple[int, Json]]:
    """(number, value) of each element of the array that begins here."""
    for number, text in enumerate(document.elements(), start=1):
        yield number, parse(text, found)


def _check_ends(document: Document) -> None:
    if document.following():
        raise ScanError


def _under_a_key(name: str, document: Document, *, mixed: bool) -> _Rows:
    """The rows of the object that begins here, if they are a list under one of its keys."""
    lists: dict[str, _Rows] = {}
    beside = Places()
    keys: list[str] = []
    for text in document.members():
        key = str(parse(text, beside))
        document.colon()
        if key in keys:  # the last of two counts: which has the rows is not known before the end
            raise _NeedsAllError
        keys.append(key)
        if document.following() != b"[":
            parse(document.value(), beside)
        elif rows := _list(key, document, beside, mixed=mixed):
            lists[key] = rows
    _check_ends(document)
    chosen = key_of_rows(name, keys, {key: rows.columns for key, rows in lists.items()})
    if chosen is None:
        raise _NeedsAllError
    rows = lists[chosen]
    for other in (beside, *(each.found for key, each in lists.items() if key != chosen)):
        rows.found.add(other)
    say_key(chosen, rows.found.taken + rows.found.lost, keys, rows.found)
    return rows


def _list(key: str, document: Document, beside: Places, *, mixed: bool) -> _Rows | None:
    """The list that begins here as rows; None where it is empty, or of other values than objects."""
    found = Places()
    values = _numbered(document, found)
    some = list(islice(values, 1))
    if not some or not isinstance(some[0][1], dict):
        some += islice(values, MOST_BESIDE)
        if len(some) > MOST_BESIDE or is_conversation({key: [value for _, value in some]}):
            raise _NeedsAllError
        beside.add(found)
        return None
    objects = _Objects(chain(some, values))
    frame, said = framed(records_of(objects, found), mixed=mixed)
    if objects.are_turns:
        raise _NeedsAllError
    return _Rows(frame, said, found, list(some[0][1]))


class _Objects:
    """Numbered values, every one of which is to be an object.

    are_turns: whether each of those that were taken is a turn: then they are the one row of a conversation.
    """

    def __init__(self, values: Iterable[tuple[int, Json]]) -> None:
        self._values = values
        self.are_turns = True

    def __iter__(self) -> Iterator[tuple[int, Json]]:
        for place, value in self._values:
            if not isinstance(value, dict):
                raise _NeedsAllError
            self.are_turns = self.are_turns and is_conversation({"": [value]})
            yield place, value
