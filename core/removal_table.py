"""The table of what people took out, in the ledger's file: every step holds all that was decided by then.

So undo is one step back, redo one forward, and what was found is there however the stages change.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.domain import Cleaning, Positions, Removal
from core.errors import StoreError
from core.ledger import LedgerFile, Stamp

KEPT = 100  # steps of a dataset that can be undone

SCHEMA = """
CREATE TABLE IF NOT EXISTS removal_steps (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    decided TEXT NOT NULL,
    at REAL NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0  -- 1 after undo; -1 where the steps before it are forgotten
);
CREATE INDEX IF NOT EXISTS removal_steps_by_dataset ON removal_steps (dataset, number);
"""
LAST = "SELECT decided FROM removal_steps WHERE dataset = ? AND undone < 1 ORDER BY number DESC LIMIT 1"
COUNTS = "SELECT undone, COUNT(*) FROM removal_steps WHERE dataset = ? GROUP BY undone"
Change = Callable[[Cleaning], Cleaning]


class RemovalTable:
    """What is out of one whole file, and what is fine, step by step. Safe to share between threads."""

    def __init__(self, path: Path | str, dataset: str) -> None:
        self._file = LedgerFile(path)
        self._dataset = dataset
        self._lock = threading.Lock()
        self._held: tuple[Stamp, Cleaning] | None = None

    def now(self) -> Cleaning:
        """What is decided; read again only when the file has changed.

        Raises:
            StoreError: the file is there and cannot be read.
        """
        with self._lock:
            stamp = self._file.stamp()  # before reading: what is written meanwhile is read next time
            if self._held is None or self._held[0] != stamp:
                found = self._file.read("removal_steps", LAST, (self._dataset,))
                self._held = stamp, _read(found[0][0], self._file.path) if found else Cleaning()
            return self._held[1]

    def change(self, step: Change) -> bool:
        """Decide something anew, as one step; whether it is another decision than before.

        Raises:
            StoreError: it cannot be written; what was decided before is untouched.
        """

        def write(connection: sqlite3.Connection) -> bool:
            found = connection.execute(LAST, (self._dataset,)).fetchone()
            before = _read(found[0], self._file.path) if found else Cleaning()
            after = step(before)
            if after == before:
                return False
            connection.execute("DELETE FROM removal_steps WHERE dataset = ? AND undone = 1", (self._dataset,))
            row = (self._dataset, cleaning_to_json(after), time.time())
            connection.execute("INSERT INTO removal_steps (dataset, decided, at) VALUES (?, ?, ?)", row)
            self._forget_the_oldest(connection)
            return True

        return self._file.write(SCHEMA, write)

    def undo(self) -> bool:
        """Take the last step back; False where there is none. Raises as ``change`` does."""
        return self._mark(1, "MAX", "undone = 0")

    def redo(self) -> bool:
        """Make the step that was taken back last once more; False where there is none."""
        return self._mark(0, "MIN", "undone = 1")

    def steps(self) -> tuple[int, int]:
        """How many steps can be undone, and how many redone."""
        found = dict(self._file.read("removal_steps", COUNTS, (self._dataset,)))
        return found.get(0, 0), found.get(1, 0)

    def _mark(self, undone: int, end: str, where: str) -> bool:
        if not self._file.path.exists():
            return False

        def write(connection: sqlite3.Connection) -> bool:
            which = f"SELECT {end}(number) FROM removal_steps WHERE dataset = ? AND {where}"
            (number,) = connection.execute(which, (self._dataset,)).fetchone()
            connection.execute("UPDATE removal_steps SET undone = ? WHERE number = ?", (undone, number))
            return number is not None

        return self._file.write(SCHEMA, write)

    def _forget_the_oldest(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "DELETE FROM removal_steps WHERE number IN (SELECT number FROM removal_steps "
            "WHERE dataset = ? ORDER BY number DESC LIMIT -1 OFFSET ?)",
            (self._dataset, KEPT + 1),
        )
        connection.execute(  # what the oldest step that can be undone goes back to
            "UPDATE removal_steps SET undone = -1 WHERE number IN (SELECT number FROM removal_steps "
            "WHERE dataset = ? ORDER BY number DESC LIMIT 1 OFFSET ?)",
            (self._dataset, KEPT),
        )


# The decisions as JSON.


def cleaning_to_json(cleaning: Cleaning) -> str:
    """Removals with the rows they found, and what is fine."""
    fine = {rule: sorted(ids) for rule, ids in cleaning.fine}
    return json.dumps({"removals": removals_as_json(cleaning.removals), "fine": fine})


def removals_as_json(removals: tuple[Removal, ...]) -> list[dict[str, Any]]:
    """Each removal by the names of its fields; the rows it found as a compressed set of bits."""
    return [
        {
            "rule": each.rule,
            "settings": dict(each.settings),
            "kept": sorted(each.kept),
            "ids": sorted(each.ids),
            "version": each.version,
            "found": _packed(each.found),
            "ids_sha256": each.ids_sha256,
        }
        for each in removals
    ]


def removals_from_json(stored: list[dict[str, Any]]) -> tuple[Removal, ...]:
    """What ``removals_as_json`` gave.

    Raises:
        ValueError, TypeError, AttributeError, KeyError, zlib.error: it is something else.
    """
    return tuple(
        Removal(
            rule=str(each["rule"]),
            settings=tuple(sorted(each["settings"].items())),
            kept=frozenset(each["kept"]),
            ids=frozenset(each["ids"]),
            version=int(each["version"]),
            found=_unpacked(each["found"]),
            ids_sha256=str(each["ids_sha256"]),
        )
        for each in stored
    )


def _packed(rows: Positions) -> str:
    bits = np.zeros(int(rows[-1]) + 1 if len(rows) else 0, dtype=np.uint8)
    bits[rows] = 1
    return base64.b64encode(zlib.compress(np.packbits(bits).tobytes())).decode()


def _unpacked(text: str) -> Positions:
    bits = np.unpackbits(np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8))
    rows = np.flatnonzero(bits)
    rows.flags.writeable = False
    return rows


def _read(text: str, path: Path) -> Cleaning:
    try:
        stored = json.loads(text)
        fine = tuple(sorted((rule, frozenset(ids)) for rule, ids in stored["fine"].items()))
        return Cleaning(removals_from_json(stored["removals"]), fine)
    except (ValueError, TypeError, AttributeError, KeyError, zlib.error) as cause:
        raise StoreError(
            f"What was taken out could not be read in {path}: {cause}.",
            "It was changed by hand, or another version wrote it: put a copy of the file back.",
        ) from cause
