"""Who is asking for which row: claims in the ledger of judgements, so that two runs never pay for one."""

from __future__ import annotations

import os
import platform
import sqlite3
import threading
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from core.errors import StoreError
from core.judgements import Judgements
from core.judging.judgement import Judgement, LlmJudge, Status, Task

LEASE = 20.0  # seconds without a sign of life after which a run's claims lapse
FREE = (Status.ERROR,)  # asked again by the next run: there was no reply to pay for
BATCH = "batch "  # what the owner of a batch's claims begins with; they do not lapse


class Desk:
    """One run's half of the ledger: what it claims and what it records. Safe between threads.

    again: statuses that are asked again, where they were given before this desk was opened; never ``OK``.
    owner: None for a run of this process; a batch has one that outlives the process.
    """

    def __init__(
        self,
        judgements: Judgements,
        judge: LlmJudge,
        *,
        again: Collection[Status] = FREE,
        owner: str | None = None,
    ) -> None:
        self.number = judgements.number(judge)
        self.owner = owner or uuid.uuid4().hex
        self._judgements, self._again = judgements, tuple(sorted(set(again) - {Status.OK}))
        self._opened = time.time()
        self._lock = threading.Lock()
        self._connection = judgements.connection()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up the claims of a run and close the file."""
        if not self.owner.startswith(BATCH):
            self.release()
        with self._lock:
            self._connection.close()

    def claim(self, tasks: list[Task]) -> list[Task]:
        """Those that nobody has judged and nobody else is asking for; they are this run's now."""
        with self._writing() as connection:
            self._say_alive(connection)
            _lapse(connection)
            return [
                task for task in tasks if self._is_free(connection, task) and self._take(connection, task)
            ]

    def record(self, judgements: list[Judgement]) -> None:
        """Write them and give up their claims; what is ok is never written over."""
        with self._writing() as connection:
            self._write(connection, judgements)

    def settle(self, judgements: list[Judgement]) -> int:
        """The same for those whose claim is still this owner's, and how many; others settled the rest."""
        with self._writing() as connection:
            mine = self._claimed(connection)
            found = [each for each in judgements if (each.content, each.sample) in mine]
            self._write(connection, found)
            return len(found)

    def claimed(self) -> set[tuple[bytes, int]]:
        """(content, sample) of everything that this owner has claimed."""
        with self._writing() as connection:
            return self._claimed(connection)

    def release(self, only: Collection[tuple[bytes, int]] | None = None) -> None:
        """Give up every claim of this owner, or those alone."""
        with self._writing() as connection:
            if only is None:
                connection.execute("DELETE FROM claims WHERE owner = ?", (self.owner,))
            else:
                gone = [(self.number, *key, self.owner) for key in only]
                connection.executemany(f"{UNCLAIM} AND owner = ?", gone)
            connection.execute("DELETE FROM owners WHERE owner = ?", (self.owner,))

    def beat(self) -> None:
        """Say that this run is alive."""
        with self._writing() as connection:
            self._say_alive(connection)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction of this desk's connection.

        Raises:
            StoreError: it cannot be written; what was written before is untouched.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.Error as cause:
                raise StoreError(
                    f"The judgements could not be written to {self._judgements.path}: {cause}.",
                    "Free some space or check the folder's rights; what was written before is untouched.",
                ) from cause

    def _write(self, connection: sqlite3.Connection, judgements: list[Judgement]) -> None:
        keys = [(self.number, each.content, each.sample) for each in judgements]
        for key, each in zip(keys, judgements, strict=True):
            written = connection.execute(RECORD, _values(key, each)).fetchone()
            if written is not None:
                connection.execute(REPLY, (written[0], each.form, each.prompt, each.reply))
        connection.executemany(UNCLAIM, keys)

    def _claimed(self, connection: sqlite3.Connection) -> set[tuple[bytes, int]]:
        rows = connection.execute("SELECT content, sample FROM claims WHERE owner = ?", (self.owner,))
        return {(content, sample) for content, sample in rows}

    def _is_free(self, connection: sqlite3.Connection, task: Task) -> bool:
        found = connection.execute(
            "SELECT status, at FROM judgements WHERE judge = ? AND content = ? AND sample = ?",
            (self.number, task.content, task.sample),
        ).fetchone()
        return found is None or (Status(found[0]) in self._again and found[1] < self._opened)

    def _take(self, connection: sqlite3.Connection, task: Task) -> bool:
        taken = connection.execute(
            "INSERT OR IGNORE INTO claims (judge, content, sample, owner) VALUES (?, ?, ?, ?)",
            (self.number, task.content, task.sample, self.owner),
        )
        return taken.rowcount == 1

    def _say_alive(self, connection: sqlite3.Connection) -> None:
        if not self.owner.startswith(BATCH):
            connection.execute(
                "INSERT OR REPLACE INTO owners (owner, machine, process, until) VALUES (?, ?, ?, ?)",
                (self.owner, machine(), process(os.getpid()), time.time() + LEASE),
            )


RECORD = """
INSERT INTO judgements (judge, content, sample, status, score, reason, prompt_tokens, completion_tokens,
    cost, paid, seconds, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (judge, content, sample) DO UPDATE SET
    status = excluded.status, score = excluded.score, reason = excluded.reason,
    prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens,
    cost = excluded.cost, paid = paid + excluded.paid, seconds = excluded.seconds, at = excluded.at
WHERE status != 0
RETURNING id
"""

UNCLAIM = "DELETE FROM claims WHERE judge = ? AND content = ? AND sample = ?"
REPLY = "INSERT OR REPLACE INTO replies (id, form, prompt, reply) VALUES (?, ?, ?, ?)"


def _values(key: tuple[int, bytes, int], each: Judgement) -> tuple[object, ...]:
    return (
        *key, int(each.status), each.score, each.reason, each.usage.prompt, each.usage.completion,
        each.cost, each.cost or 0.0, each.seconds, each.at,
    )  # fmt: skip


def _lapse(connection: sqlite3.Connection) -> None:
    """Free what runs had claimed that are no more."""
    for owner, where, began, until in connection.execute("SELECT * FROM owners").fetchall():
        if until < time.time() or not is_running(where, began):
            connection.execute("DELETE FROM claims WHERE owner = ?", (owner,))
            connection.execute("DELETE FROM owners WHERE owner = ?", (owner,))


def is_running(where: str, began: str) -> bool:
    """Whether a process runs still, as far as can be told from here: one elsewhere is taken to."""
    return where != machine() or process(int(began.partition(" ")[0] or 0)) == began


def machine() -> str:
    """This machine since it was started, where that can be told."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{platform.node()} {boot.read_text('ascii').strip() if boot.exists() else ''}"


def process(number: int) -> str:
    """A process by its number and the time it began, so that a later one of that number is another."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return f"{number} " if not Path("/proc/self").exists() else ""
    return f"{number} {fields[19]}" if fields[0] != "Z" else ""
