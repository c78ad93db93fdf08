"""The table of model families in the ledger's file: who wrote, who judges, who will evaluate."""

from __future__ import annotations

import dataclasses
import functools
import json
import time
from pathlib import Path

import pydantic

from core.errors import StoreError
from core.families import Families
from core.ledger import LedgerFile

SCHEMA = """
CREATE TABLE IF NOT EXISTS families (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    families TEXT NOT NULL,
    at REAL NOT NULL
);
"""
LAST = "SELECT families FROM families WHERE dataset = ? ORDER BY number DESC LIMIT 1"


@functools.cache  # made at first use: most processes that import this read no families
def _reader() -> pydantic.TypeAdapter[Families]:
    return pydantic.TypeAdapter(Families)


class FamilyTable:
    """What a person said of the models behind one dataset; the last word counts."""

    def __init__(self, path: Path | str, dataset: str) -> None:
        self._file = LedgerFile(path)
        self._dataset = dataset

    def families(self) -> Families:
        """What was said; everything unknown before that.

        Raises:
            StoreError: the file cannot be read, or holds what is none.
        """
        found = self._file.read("families", LAST, (self._dataset,))
        try:
            return _reader().validate_json(found[0][0]) if found else Families()
        except pydantic.ValidationError as cause:
            raise StoreError(
                f"The families of models in {self._file.path} cannot be understood.",
                "Use the version of Winnow that wrote them, or move the file away.",
            ) from cause

    def keep(self, families: Families) -> None:
        """Say it anew; raises ``StoreError`` where it cannot be written."""
        if families == self.families():
            return
        row = self._dataset, json.dumps(dataclasses.asdict(families), ensure_ascii=False), time.time()
        insert = "INSERT INTO families (dataset, families, at) VALUES (?, ?, ?)"
        self._file.write(SCHEMA, lambda connection: connection.execute(insert, row))
