"""The SQLite file of what people decided: pins, with their undo. Scenes lie in it as well."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, TypeVar

from core.domain import Pins
from core.errors import StoreError

PinOperation = Literal["include", "exclude", "clear"]
Done = TypeVar("Done")
Stamp = tuple[int, int, int] | None

PATIENCE = 30.0  # seconds to wait for another process that is writing

SCHEMA = """
CREATE TABLE IF NOT EXISTS pin_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('include', 'exclude', 'clear')),
    ids TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS pin_events_by_dataset ON pin_events (dataset, number);
CREATE TABLE IF NOT EXISTS pin_joined (  -- events that are one step with the event before them
    number INTEGER PRIMARY KEY
);
"""


class LedgerFile:
    """The file, safe from crashes and from two writers at once.

    It appears with the first decision: looking writes nothing. SQLite's rollback journal, unlike its
    write-ahead log, leaves a file that can be read where nothing can be written.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def read(self, table: str, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """The rows; none where there is no file yet, or one that has no such table yet.

        Raises:
            StoreError: the file is there and cannot be read.
        """
        if not self.path.exists():
            return []
        existing = f"{self.path.absolute().as_uri()}?mode=rw"  # read-only where the system says so
        try:
            with closing(sqlite3.connect(existing, uri=True, timeout=PATIENCE)) as connection:
                return connection.execute(statement, values).fetchall() if _has(connection, table) else []
        except sqlite3.Error as cause:
            raise StoreError(
                f"The decisions in {self.path} could not be read: {cause}.",
                "Move the file away to start without pins and scenes, or put a copy of it back.",
            ) from cause

    def stamp(self) -> Stamp:
        """Changes when the file does; None where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def write(self, schema: str, step: Callable[[sqlite3.Connection], Done]) -> Done:
        """One transaction: there whole or not at all, and nobody else writes meanwhile.

        Raises:
            StoreError: it cannot be written; what was there before is untouched.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection, connection:
                connection.executescript(schema)
                connection.execute("BEGIN IMMEDIATE")
                return step(connection)
        except (sqlite3.Error, OSError) as cause:
            raise StoreError(
                f"The decision could not be written to {self.path}: {cause}.",
                "Free some space or check the folder's rights; earlier decisions are untouched.",
            ) from cause


def _has(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None


class Ledger:
    """Pins of people on the rows of datasets, step by step."""

    def __init__(self, path: Path | str) -> None:
        self._file = LedgerFile(path)
        self._lock = threading.Lock()
        self._pins: dict[str, tuple[Stamp, Pins]] = {}

    def pins(self, dataset: str) -> Pins:
        """What is pinned in the dataset of that fingerprint; read again only when the file has changed.

        So a project of other map settings, another session or another process is heard.

        Raises:
            StoreError: the file is there and cannot be read.
        """
        with self._lock:
            held = self._pins.get(dataset)
            if held is None or held[0] != self._file.stamp():
                return self._read_again(dataset)
            return held[1]

    def pin(self, dataset: str, operation: PinOperation, ids: Iterable[str]) -> Pins:
        """Include, exclude or clear rows, as one step that ``undo`` takes back whole.

        Raises:
            StoreError: the step cannot be written; what was decided before is untouched.
        """
        ids = frozenset(ids)
        with self._lock:
            self._file.write(SCHEMA, lambda connection: _add(connection, dataset, operation, ids))
            return self._read_again(dataset)

    def restore(self, dataset: str, pins: Pins) -> bool:
        """Make the pins those, as one step that ``undo`` takes back whole; whether they were others before.

        A row that is in both sets is excluded. Where the pins are those already, no step is made.

        Raises:
            StoreError: the step cannot be written; what was decided before is untouched.
        """
        wanted = Pins(include=pins.include - pins.exclude, exclude=pins.exclude)
        with self._lock:
            if self._read_again(dataset) == wanted:
                return False
            changed = self._file.write(SCHEMA, lambda connection: _restore(connection, dataset, wanted))
            self._read_again(dataset)
            return changed

    def undo(self, dataset: str) -> Pins:
        """Take back the last step; nothing happens where there is none.

        Raises:
            StoreError: the step cannot be taken back.
        """
        with self._lock:
            if self._file.path.exists():
                self._file.write(SCHEMA, lambda connection: _take_back(connection, dataset))
            return self._read_again(dataset)

    def steps(self, dataset: str) -> int:
        """How many steps can be undone."""
        events = self._file.read("pin_events", EVENTS, (dataset,))
        joined = self._file.read("pin_joined", "SELECT number FROM pin_joined", ())
        return len({number for number, *_ in events} - {number for (number,) in joined})

    def _read_again(self, dataset: str) -> Pins:
        stamp = self._file.stamp()  # before reading: what is written meanwhile is read next time
        pins = _replayed(self._file.read("pin_events", EVENTS, (dataset,)))
        self._pins[dataset] = stamp, pins
        return pins


EVENTS = "SELECT number, operation, ids FROM pin_events WHERE dataset = ? ORDER BY number"


def _replayed(events: Iterable[tuple[Any, ...]]) -> Pins:
    """The last word about each row."""
    include: set[str] = set()
    exclude: set[str] = set()
    for _, operation, text in events:
        ids = set(json.loads(text))
        include -= ids
        exclude -= ids
        if operation == "include":
            include |= ids
        elif operation == "exclude":
            exclude |= ids
    return Pins(include=frozenset(include), exclude=frozenset(exclude))


def _add(connection: sqlite3.Connection, dataset: str, operation: PinOperation, ids: Iterable[str]) -> int:
    """Write one event; its number."""
    row = (dataset, operation, json.dumps(sorted(ids)), time.time())
    insert = "INSERT INTO pin_events (dataset, operation, ids, at) VALUES (?, ?, ?, ?)"
    return int(connection.execute(insert, row).lastrowid or 0)


def _restore(connection: sqlite3.Connection, dataset: str, wanted: Pins) -> bool:
    """Write what leads from the pins that are there to those: in words that older versions read as well."""
    found = _replayed(connection.execute(EVENTS, (dataset,)))
    if found == wanted:
        return False  # another process was quicker
    kept = wanted.include | wanted.exclude
    events: list[tuple[PinOperation, frozenset[str]]] = [
        ("clear", (found.include | found.exclude) - kept),
        ("include", wanted.include - found.include),
        ("exclude", wanted.exclude - found.exclude),
    ]
    _, *others = [_add(connection, dataset, operation, ids) for operation, ids in events if ids]
    connection.executemany("INSERT INTO pin_joined (number) VALUES (?)", [(number,) for number in others])
    return True


def _take_back(connection: sqlite3.Connection, dataset: str) -> None:
    """Delete the last event, and those before it that are one step with it."""
    numbers = [number for number, *_ in connection.execute(EVENTS, (dataset,))]
    joined = {number for (number,) in connection.execute("SELECT number FROM pin_joined")}
    while numbers:
        last = numbers.pop()
        connection.execute("DELETE FROM pin_events WHERE number = ?", (last,))
        connection.execute("DELETE FROM pin_joined WHERE number = ?", (last,))
        if last not in joined:
            return
