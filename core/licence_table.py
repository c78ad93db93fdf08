"""What a person said of a dataset, in the ledger's file: its licence, and why the rows were chosen."""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

from core.ledger import LedgerFile


class _Said:
    """One text of a dataset; the last one counts."""

    table: ClassVar[str]
    column: ClassVar[str]

    def __init__(self, path: Path | str, dataset: str) -> None:
        self._file = LedgerFile(path)
        self._dataset = dataset

    def get(self) -> str:
        """What was said last; empty where nothing was.

        Raises:
            StoreError: the file is there and cannot be read.
        """
        asked = f"SELECT {self.column} FROM {self.table} WHERE dataset = ?"
        rows = self._file.read(self.table, asked, (self._dataset,))
        return str(rows[0][0]) if rows else ""

    def set(self, text: str) -> None:
        """Remember it for this dataset.

        Raises:
            StoreError: it cannot be written.
        """
        schema = (
            f"CREATE TABLE IF NOT EXISTS {self.table} "
            f"(dataset TEXT PRIMARY KEY, {self.column} TEXT NOT NULL, at REAL NOT NULL);"
        )
        say = f"INSERT OR REPLACE INTO {self.table} (dataset, {self.column}, at) VALUES (?, ?, ?)"
        values = (self._dataset, text, time.time())
        self._file.write(schema, lambda connection: connection.execute(say, values).rowcount)


class LicenceTable(_Said):
    """The licence of one dataset."""

    table, column = "licences", "licence"


class WhyTable(_Said):
    """Why rows of one dataset were chosen."""

    table, column = "whys", "why"
