"""Problems met while a file is read: counted by kind, with the first places of each."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain import Problem

PLACES = 5  # how many places of a problem are named
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(slots=True)
class _Kind:
    count: int = 0
    places: list[str] = field(default_factory=list)


class Places:
    """What was lost (rows that are not loaded) and what was changed (rows that are), by kind."""

    def __init__(self) -> None:
        self._lost: dict[str, _Kind] = {}
        self._changed: dict[str, _Kind] = {}

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


def decoded(content: bytes, found: Places, place: str = "") -> str:
    """UTF-8 text; bytes that are not UTF-8 are shown as U+FFFD and counted."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        text = content.decode(errors="replace")
        genuine = content.count(REPLACEMENT.encode())
        times = text.count(REPLACEMENT) - genuine
        found.change(f"bytes that are not UTF-8, shown as {REPLACEMENT}", times, place)
        return text
