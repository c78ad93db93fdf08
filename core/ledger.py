"""The SQLite file of what people decided: pins, with their undo. Judgements and ratings join them here."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from core.domain import Pins
from core.errors import StoreError

PinOperation = Literal["include", "exclude", "clear"]

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
"""


class Ledger:
    """Decisions of people about the rows of datasets, safe from crashes and from two writers at once.

    The file appears with the first decision: looking writes nothing. SQLite's rollback journal, unlike its
    write-ahead log, leaves a file that can be read where nothing can be written.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._pins: dict[str, Pins] = {}

    def pins(self, dataset: str) -> Pins:
        """What is pinned in the dataset of that fingerprint; read from disk once, then held.

        Raises:
            StoreError: the file is there and cannot be read.
        """
        with self._lock:
            if dataset not in self._pins:
                self._pins[dataset] = self._replay(dataset)
            return self._pins[dataset]

    def pin(self, dataset: str, operation: PinOperation, ids: Iterable[str]) -> Pins:
        """Include, exclude or clear rows, as one step that ``undo`` takes back whole.

        Raises:
            StoreError: the step cannot be written; what was decided before is untouched.
        """
        row = (dataset, operation, json.dumps(sorted(set(ids))), time.time())
        with self._lock:
            self._write("INSERT INTO pin_events (dataset, operation, ids, at) VALUES (?, ?, ?, ?)", row)
            self._pins[dataset] = self._replay(dataset)
            return self._pins[dataset]

    def undo(self, dataset: str) -> Pins:
        """Take back the last step; nothing happens where there is none.

        Raises:
            StoreError: the step cannot be taken back.
        """
        last = "SELECT max(number) FROM pin_events WHERE dataset = ?"
        with self._lock:
            if self._path.exists():
                self._write(f"DELETE FROM pin_events WHERE number = ({last})", (dataset,))
            self._pins[dataset] = self._replay(dataset)
            return self._pins[dataset]

    def steps(self, dataset: str) -> int:
        """How many steps can be undone."""
        return len(self._read("SELECT number FROM pin_events WHERE dataset = ?", (dataset,)))

    def _replay(self, dataset: str) -> Pins:
        include: set[str] = set()
        exclude: set[str] = set()
        statement = "SELECT operation, ids FROM pin_events WHERE dataset = ? ORDER BY number"
        for operation, text in self._read(statement, (dataset,)):
            ids = set(json.loads(text))
            include -= ids
            exclude -= ids
            if operation == "include":
                include |= ids
            elif operation == "exclude":
                exclude |= ids
        return Pins(include=frozenset(include), exclude=frozenset(exclude))

    def _read(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """The rows; none where there is no file yet, or one in which nothing was ever written."""
        if not self._path.exists():
            return []
        existing = f"{self._path.absolute().as_uri()}?mode=rw"  # read-only where the system says so
        try:
            with closing(sqlite3.connect(existing, uri=True, timeout=PATIENCE)) as connection:
                begun = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'pin_events'").fetchone()
                return connection.execute(statement, values).fetchall() if begun else []
        except sqlite3.Error as cause:
            raise StoreError(
                f"The decisions in {self._path} could not be read: {cause}.",
                "Move the file away to start without pins, or put a copy of it back.",
            ) from cause

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        """One transaction: there whole or not at all."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=PATIENCE)) as connection, connection:
                connection.executescript(SCHEMA)
                connection.execute(statement, values)
        except (sqlite3.Error, OSError) as cause:
            raise StoreError(
                f"The decision could not be written to {self._path}: {cause}.",
                "Free some space or check the folder's rights; earlier decisions are untouched.",
            ) from cause
