"""Which evaluation prompts were looked for in a dataset and where they were found, in the ledger's file."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from core.ledger import LedgerFile

SCHEMA = """
CREATE TABLE IF NOT EXISTS leak_searches (
    dataset TEXT NOT NULL,
    prompts_sha256 TEXT NOT NULL,
    prompts INTEGER NOT NULL,
    similarity REAL,
    found TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (dataset, prompts_sha256)
);
"""
DONE = "SELECT prompts, similarity, found FROM leak_searches WHERE dataset = ? ORDER BY at, prompts_sha256"
KEEP = "INSERT OR REPLACE INTO leak_searches VALUES (?, ?, ?, ?, ?, ?)"


class LeakSearch(NamedTuple):
    """One search; ``rows``: positions in the whole file. ``similarity``: None where words alone decided."""

    prompts: int
    similarity: float | None
    rows: tuple[int, ...]


class LeakTable:
    """The searches in one dataset; of the same prompts the last one."""

    def __init__(self, path: Path | str, dataset: str) -> None:
        self._file = LedgerFile(path)
        self._dataset = dataset

    def get(self) -> tuple[LeakSearch, ...]:
        """All of them, the earliest first.

        Raises:
            StoreError: the file is there and cannot be read.
        """
        rows = self._file.read("leak_searches", DONE, (self._dataset,))
        return tuple(LeakSearch(prompts, near, tuple(json.loads(found))) for prompts, near, found in rows)

    def keep(self, prompts_sha256: str, prompts: int, similarity: float | None, rows: Iterable[int]) -> None:
        """Remember a search, in place of an earlier one for the same prompts.

        Raises:
            StoreError: it cannot be written.
        """
        found = json.dumps([int(row) for row in rows])
        values = (self._dataset, prompts_sha256, prompts, similarity, found, time.time())
        self._file.write(SCHEMA, lambda connection: connection.execute(KEEP, values).rowcount)
