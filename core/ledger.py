"""The SQLite file of what people decided: pins, with their undo. Judgements and ratings join them here."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from core.domain import Pins
from core.errors import StoreError

PinOperation = Literal["include", "exclude", "clear"]

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
    """Decisions of people about the rows of datasets, safe from crashes and from two writers at once."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._pins: dict[str, Pins] = {}
        self._steps: dict[str, int] = {}

    def pins(self, dataset: str) -> Pins:
        """What is pinned in the dataset of that fingerprint; read from disk once, then held."""
        with self._lock:
            if dataset not in self._pins:
                self._pins[dataset] = self._replay(dataset)
            return self._pins[dataset]

    def pin(self, dataset: str, operation: PinOperation, ids: Iterable[str]) -> Pins:
        """Include, exclude or clear rows, as one step that ``undo`` takes back whole."""
        row = (dataset, operation, json.dumps(sorted(set(ids))), time.time())
        with self._lock:
            self._write("INSERT INTO pin_events (dataset, operation, ids, at) VALUES (?, ?, ?, ?)", row)
            self._pins[dataset] = self._replay(dataset)
            return self._pins[dataset]

    def undo(self, dataset: str) -> Pins:
        """Take back the last step; nothing happens where there is none."""
        last = "SELECT max(number) FROM pin_events WHERE dataset = ?"
        with self._lock:
            self._write(f"DELETE FROM pin_events WHERE number = ({last})", (dataset,))
            self._pins[dataset] = self._replay(dataset)
            return self._pins[dataset]

    def steps(self, dataset: str) -> int:
        """How many steps can be undone; no file is read once the pins were asked for."""
        self.pins(dataset)
        return self._steps[dataset]

    def _replay(self, dataset: str) -> Pins:
        self._steps[dataset] = 0
        if not self._path.exists():
            return Pins()
        include: set[str] = set()
        exclude: set[str] = set()
        with self._open() as connection:
            steps = connection.execute(
                "SELECT operation, ids FROM pin_events WHERE dataset = ? ORDER BY number", (dataset,)
            ).fetchall()
        self._steps[dataset] = len(steps)
        for operation, text in steps:
            ids = set(json.loads(text))
            include -= ids
            exclude -= ids
            if operation == "include":
                include |= ids
            elif operation == "exclude":
                exclude |= ids
        return Pins(include=frozenset(include), exclude=frozenset(exclude))

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        try:
            with self._open() as connection:
                connection.execute(statement, values)
        except (sqlite3.Error, OSError) as cause:
            raise StoreError(
                f"The decision could not be written to {self._path}: {cause}.",
                "Free some space or check the folder's rights; earlier decisions are untouched.",
            ) from cause

    def _open(self) -> _Connection:
        return _Connection(self._path)


class _Connection:
    """One short transaction: committed at the end, rolled back on an error, always closed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=30)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(SCHEMA)

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._connection.commit()
        self._connection.close()
