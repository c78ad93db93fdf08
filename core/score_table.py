"""The table of decisions about judges in the ledger's file: each step holds them all, so undo deletes one."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import threading
import time
from pathlib import Path

import pydantic

from core.domain import ScoreColumn
from core.errors import StoreError
from core.ledger import LedgerFile, Stamp

SCHEMA = """
CREATE TABLE IF NOT EXISTS score_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    columns TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS score_events_by_dataset ON score_events (dataset, number);
"""
COLUMNS = pydantic.TypeAdapter(tuple[ScoreColumn, ...], config={"defer_build": True})  # built at first use
EVENTS = "SELECT number, columns FROM score_events WHERE dataset = ? ORDER BY number"


class ScoreTable:
    """What was decided about the judges of one dataset, step by step. Safe to share between threads."""

    def __init__(self, path: Path | str, dataset: str) -> None:
        self._file = LedgerFile(path)
        self._dataset = dataset
        self._lock = threading.Lock()
        self._held: tuple[Stamp, tuple[ScoreColumn, ...]] | None = None

    def columns(self) -> tuple[ScoreColumn, ...]:
        """What holds now; read again only when the file has changed, so that other sessions are heard.

        Raises:
            StoreError: the file cannot be read, or holds a decision that is none.
        """
        with self._lock:
            stamp = self._file.stamp()  # before reading: what is written meanwhile is read next time
            if self._held is None or self._held[0] != stamp:
                events = self._file.read("score_events", EVENTS, (self._dataset,))
                self._held = stamp, self._read(events[-1][1]) if events else ()
            return self._held[1]

    def keep(self, columns: tuple[ScoreColumn, ...]) -> None:
        """Make these the decisions, as one step that ``undo`` takes back; the same ones again are no step.

        Raises:
            StoreError: the step cannot be written; what was decided before is untouched.
        """
        if columns == self.columns():
            return
        row = self._dataset, columns_to_json(columns), time.time()
        insert = "INSERT INTO score_events (dataset, columns, at) VALUES (?, ?, ?)"
        self._file.write(SCHEMA, lambda connection: connection.execute(insert, row))

    def undo(self) -> None:
        """Take back the last step; nothing happens where there is none.

        Raises:
            StoreError: the step cannot be taken back.
        """

        def step(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM score_events WHERE number = "
                "(SELECT MAX(number) FROM score_events WHERE dataset = ?)",
                (self._dataset,),
            )

        if self._file.path.exists():
            self._file.write(SCHEMA, step)

    def steps(self) -> int:
        """How many steps can be undone."""
        return len(self._file.read("score_events", EVENTS, (self._dataset,)))

    def _read(self, text: str) -> tuple[ScoreColumn, ...]:
        try:
            return COLUMNS.validate_json(text)
        except pydantic.ValidationError as cause:
            raise StoreError(
                f"The decisions about judges in {self._file.path} cannot be understood.",
                "Use the version of Winnow that wrote them, or move the file away.",
            ) from cause


def columns_to_json(columns: tuple[ScoreColumn, ...]) -> str:
    """The decisions as text that ``ScoreTable`` reads."""
    return json.dumps([dataclasses.asdict(each) for each in columns], ensure_ascii=False, sort_keys=True)
