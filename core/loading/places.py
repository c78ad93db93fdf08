"""Problems met while a file is read: counted by kind, with the first places of each."""

from __future__ import annotations

import codecs
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import polars as pl

from core.domain import Problem

PLACES = 5  # how many places of a problem are named
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Read(NamedTuple):
    """The rows of one file.

    rows_read: how many rows the file holds, loaded or not.
    numbers: where each loaded row stands in the file, counted in ``unit`` from 1; None: all are loaded.
    unit: line or row.
    """

    rows: pl.DataFrame
    problems: tuple[Problem, ...]
    rows_read: int
    numbers: Sequence[int] | None = None
    unit: str = "row"


@dataclass(slots=True)
class _Kind:
    count: int = 0
    places: list[str] = field(default_factory=list)


class Places:
    """What was lost (rows that are not loaded) and what was changed (rows that are), by kind.

    numbers: where each row that is loaded stands in the file, counted in ``unit`` from 1.
    """

    def __init__(self, unit: str = "row") -> None:
        self.unit = unit
        self.numbers = array("q")
        self._lost: dict[str, _Kind] = {}
        self._changed: dict[str, _Kind] = {}

    @property
    def taken(self) -> int:
        """How many rows are loaded."""
        return len(self.numbers)

    @property
    def lost(self) -> int:
        """How many rows of the file are not loaded."""
        return sum(kind.count for kind in self._lost.values())

    def lose(self, kind: str, place: str) -> None:
        """A row that is not loaded."""
        _count(self._lost, kind, 1, place)

    def change(self, kind: str, times: int, *places: str) -> None:
        """Something that is loaded, but not as it stands in the file."""
        _count(self._changed, kind, times, *places)

    def add(self, others: Places) -> None:
        """What somebody else changed."""
        for kind, found in others._changed.items():
            self.change(kind, found.count, *found.places)

    def first(self) -> str:
        """The first loss in words; empty where nothing was lost."""
        return next((f"The first problem: {kind.places[0]}." for kind in self._lost.values()), "")

    def read(self, rows: pl.DataFrame, *more: Problem) -> Read:
        """The loaded rows with every problem; of ``more`` a place such as "row 7" is the 7th loaded row."""
        there = moved(more, lambda position: f"{self.unit} {self.numbers[position]}")
        return Read(rows, (*self.problems(), *there), len(self.numbers) + self.lost, self.numbers, self.unit)

    def problems(self) -> tuple[Problem, ...]:
        """Every kind, what was lost first."""
        return tuple(
            Problem(kind, found.count, tuple(found.places), loaded=loaded)
            for kinds, loaded in ((self._lost, False), (self._changed, True))
            for kind, found in kinds.items()
        )


def _count(kinds: dict[str, _Kind], kind: str, times: int, *places: str) -> None:
    found = kinds.setdefault(kind, _Kind())
    found.count += times
    new = [place for place in places if place and place not in found.places[-1:]]
    found.places += new[: PLACES - len(found.places)]


def moved(problems: Iterable[Problem], said: Callable[[int], str]) -> tuple[Problem, ...]:
    """The same problems; a place that begins with "row 7" begins with what is said of position 6."""

    def place(text: str) -> str:
        told = re.match(r"row (\d+)\b(.*)", text, re.DOTALL)
        return said(int(told[1]) - 1) + told[2] if told else text

    return tuple(replace(problem, places=tuple(map(place, problem.places))) for problem in problems)


def decoded(content: bytes, found: Places, place: str = "") -> str:
    """UTF-8 text; bytes that are not UTF-8 are shown as U+FFFD and counted."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        text = content.decode(errors="replace")
        _count_replaced(content, text, found, place)
        return text


def decoded_in_parts(pieces: Iterable[bytes], found: Places) -> Iterator[str]:
    """What ``decoded`` gives of all pieces joined, as they come; a character may lie in two of them."""
    begun = b""
    for piece in pieces:
        content = begun + piece
        text, taken = _beginning(content, found)
        begun = content[taken:]
        yield text
    yield decoded(begun, found)


def _beginning(content: bytes, found: Places) -> tuple[str, int]:
    """The text of all bytes but those of a last character that is not whole, and how many they are."""
    try:
        return codecs.utf_8_decode(content, "strict", False)
    except UnicodeDecodeError:
        text, taken = codecs.utf_8_decode(content, "replace", False)
        _count_replaced(content[:taken], text, found, "")
        return text, taken


def _count_replaced(content: bytes, text: str, found: Places, place: str) -> None:
    times = text.count(REPLACEMENT) - content.count(REPLACEMENT.encode())
    found.change(f"bytes that are not UTF-8, shown as {REPLACEMENT}", times, place)
