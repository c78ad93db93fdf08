"""The ledger of judgements: an SQLite file of its own, and the judges that are in it."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.domain import Scores
from core.errors import ParameterError, StoreError
from core.judging.judgement import Judgement, LlmJudge, Status, Usage
from core.judging.request import Capabilities
from core.judging.rubric import Rubric

PATIENCE = 30.0  # seconds to wait for another process that is writing
PAGES = -65_536  # KiB of the file in memory
LOG = 8_192  # pages of the log before they go into the file

SCHEMA = """
CREATE TABLE IF NOT EXISTS judges (
    number INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    rubric TEXT NOT NULL,
    made REAL NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0  -- runs
);
CREATE TABLE IF NOT EXISTS judgements (  -- rows are added at the end, whatever their content
    id INTEGER PRIMARY KEY,
    judge INTEGER NOT NULL,
    content BLOB NOT NULL,
    sample INTEGER NOT NULL,
    status INTEGER NOT NULL,
    score REAL,
    reason TEXT NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    cost REAL,
    paid REAL NOT NULL DEFAULT 0,
    seconds REAL NOT NULL,
    at REAL NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS judgements_by_key ON judgements (judge, content, sample);
CREATE TABLE IF NOT EXISTS replies (
    id INTEGER PRIMARY KEY,
    form TEXT NOT NULL,
    prompt TEXT NOT NULL,
    reply TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS judgements_by_status ON judgements (judge, status, score);
CREATE TABLE IF NOT EXISTS claims (
    judge INTEGER NOT NULL,
    content BLOB NOT NULL,
    sample INTEGER NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (judge, content, sample)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claims_by_owner ON claims (owner);
CREATE TABLE IF NOT EXISTS owners (
    owner TEXT PRIMARY KEY,
    machine TEXT NOT NULL,
    process TEXT NOT NULL,
    until REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS capabilities (
    place TEXT PRIMARY KEY,
    taken TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS batches (
    owner TEXT PRIMARY KEY,
    judge INTEGER NOT NULL,
    batch TEXT,
    state TEXT NOT NULL,
    requests INTEGER NOT NULL,
    machine TEXT NOT NULL,
    process TEXT NOT NULL,
    made REAL NOT NULL
);
"""

NUMBER = "SELECT number FROM judges WHERE digest = ?"


class Known(NamedTuple):
    """A judge of the ledger, by its number there, and when it was first asked."""

    number: int
    judge: LlmJudge
    made: float


class Became(NamedTuple):
    """What became of a content: the best status of its samples, and how far those with a score are apart.

    spread: highest less lowest score; None with fewer than two.
    """

    status: Status
    spread: float | None


class Judgements:
    """The file, with SQLite's write-ahead log: a reply that is written survives the end of the process.

    It appears with the first judge: looking writes nothing.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection that makes the file where there is none.

        Raises:
            StoreError: it cannot be opened or written.
        """
        with self._said("written"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = self.connection()
            try:
                yield connection
            finally:
                connection.close()

    def connection(self) -> sqlite3.Connection:
        """A connection for one thread at a time; whoever asks for it closes it."""
        connection = sqlite3.connect(
            self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = {PAGES}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG}")
        connection.executescript(SCHEMA)
        return connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection, or None where there is no file yet."""
        if not self.path.exists():
            yield None
            return
        with self._said("read"):
            connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            try:
                has = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'batches'").fetchone()
                yield connection if has else None
            finally:
                connection.close()

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as cause:
            raise StoreError(
                f"The judgements in {self.path} could not be {what}: {cause}.",
                "Free some space or check the folder's rights; what was written before is untouched.",
            ) from cause

    # Judges.

    def number(self, judge: LlmJudge) -> int:
        """The judge's number, given with its first judgement and kept.

        Raises:
            ParameterError: another judge has that name.
            StoreError: the file cannot be written.
        """
        settings = json.dumps({**judge.as_dict(), "samples": judge.samples})
        rubric = judge.rubric.model_dump_json()
        with self.writing() as connection:
            connection.execute("BEGIN IMMEDIATE")
            taken = "SELECT 1 FROM judges WHERE name = ? AND digest != ?"
            if connection.execute(taken, (judge.title, judge.digest)).fetchone():
                raise ParameterError(
                    f"There is a judge {judge.title!r} with other settings.",
                    "Give this one a name of its own.",
                )
            connection.execute(
                "INSERT INTO judges (digest, name, settings, rubric, made) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (digest) DO UPDATE SET settings = excluded.settings",
                (judge.digest, judge.title, settings, rubric, time.time()),
            )
            found = connection.execute(
                "SELECT number FROM judges WHERE digest = ?", (judge.digest,)
            ).fetchone()
            connection.execute("COMMIT")
            return int(found[0])

    def judges(self) -> tuple[Known, ...]:
        """Every judge, the oldest first."""
        with self._reading() as connection:
            if connection is None:
                return ()
            rows = connection.execute("SELECT number, settings, rubric, made FROM judges ORDER BY number")
            return tuple(
                Known(number, _judge(settings, rubric), made) for number, settings, rubric, made in rows
            )

    def known(self, judge: LlmJudge) -> int | None:
        """The judge's number, if it was asked before."""
        with self._reading() as connection:
            if connection is None:
                return None
            found = connection.execute(
                "SELECT number FROM judges WHERE digest = ?", (judge.digest,)
            ).fetchone()
            return None if found is None else int(found[0])

    def ended(self, judge: LlmJudge) -> None:
        """Note that a run of that judge came to its end, so that its scores are read again."""
        with self.writing() as connection:
            connection.execute("UPDATE judges SET ended = ended + 1 WHERE digest = ?", (judge.digest,))

    def state(self) -> str:
        """Changes when a run ends; empty where there is no judge. Quick with any number of them."""
        with self._reading() as connection:
            if connection is None:
                return ""
            rows = connection.execute("SELECT number, ended FROM judges ORDER BY number")
            return " ".join(f"{number}:{ended}" for number, ended in rows)

    def has_batches(self, number: int) -> bool:
        """Whether that judge has batches that are not collected yet."""
        with self._reading() as connection:
            if connection is None:
                return False
            some = "SELECT 1 FROM batches WHERE judge = ? AND state != 'collected' LIMIT 1"
            return connection.execute(some, (number,)).fetchone() is not None

    def in_batches(self, number: int) -> set[tuple[bytes, int]]:
        """(content, sample) of what that judge's batches are asked for."""
        if not self.has_batches(number):
            return set()
        with self._reading() as connection:
            if connection is None:
                return set()
            claimed = (
                "SELECT content, sample FROM claims WHERE judge = ? AND owner IN (SELECT owner FROM batches)"
            )
            return set(connection.execute(claimed, (number,)).fetchall())

    # Judgements.

    def counts(self, number: int) -> dict[Status, int]:
        """How many judgements of that judge have each status."""
        with self._reading() as connection:
            if connection is None:
                return {}
            grouped = "SELECT status, count(*) FROM judgements WHERE judge = ? GROUP BY status"
            return {Status(status): count for status, count in connection.execute(grouped, (number,))}

    def paid(self, number: int) -> float:
        """Money spent on that judge, re-asked rows included, in the currency of the prices of the time."""
        with self._reading() as connection:
            if connection is None:
                return 0.0
            return float(
                connection.execute(
                    "SELECT total(paid) FROM judgements WHERE judge = ?", (number,)
                ).fetchone()[0]
            )

    def statuses(self, number: int) -> dict[tuple[bytes, int], Status]:
        """(content, sample) -> status of every judgement of that judge."""
        with self._reading() as connection:
            if connection is None:
                return {}
            every = "SELECT content, sample, status FROM judgements WHERE judge = ?"
            return {
                (content, sample): Status(status)
                for content, sample, status in connection.execute(every, (number,))
            }

    def became(self, number: int) -> dict[bytes, Became]:
        """Content -> what became of it, of every content that the judge was asked about."""
        with self._reading() as connection:
            if connection is None:
                return {}
            each = (
                "SELECT content, min(status), sum(status = 0), "
                "max(CASE status WHEN 0 THEN score END) - min(CASE status WHEN 0 THEN score END) "
                "FROM judgements WHERE judge = ? GROUP BY content"
            )
            return {
                content: Became(Status(status), spread if scored > 1 else None)
                for content, status, scored, spread in connection.execute(each, (number,))
            }

    def scores(self, number: int, contents: Sequence[bytes]) -> Scores:
        """(n,) the mean of the samples that gave a score; NaN where none did, never a number for it."""
        with self._reading() as connection:
            rows = (
                []
                if connection is None
                else connection.execute(
                    "SELECT content, avg(score) FROM judgements "
                    "WHERE judge = ? AND status = 0 GROUP BY content",
                    (number,),
                ).fetchall()
            )
        found = dict(rows)
        scores = np.array([found.get(content, np.nan) for content in contents], dtype=np.float32)
        scores.flags.writeable = False
        return scores

    def of(self, number: int, *, status: Status | None = None, most: int = 1_000) -> list[Judgement]:
        """Judgements with their replies, the newest first; of one status or of all."""
        with self._reading() as connection:
            if connection is None:
                return []
            which = "" if status is None else "AND status = ?"
            values = (number, *(() if status is None else (int(status),)), most)
            rows = connection.execute(
                "SELECT content, sample, status, score, reason, reply, form, prompt, prompt_tokens, "
                "completion_tokens, cost, seconds, at FROM judgements "
                "LEFT JOIN replies USING (id) "
                f"WHERE judge = ? {which} ORDER BY at DESC, content, sample LIMIT ?",
                values,
            )
            return [_judgement(row) for row in rows]

    # What servers take.

    def taken(self, judge: LlmJudge) -> Capabilities:
        """What was found out about the judge's server and model."""
        with self._reading() as connection:
            if connection is None:
                return Capabilities()
            row = connection.execute(
                "SELECT taken FROM capabilities WHERE place = ?", (_place(judge),)
            ).fetchone()
            return Capabilities(**json.loads(row[0])) if row else Capabilities()

    def remember(self, judge: LlmJudge, taken: Capabilities) -> None:
        """Keep what was found out, so that the next run does not try again."""
        if taken != self.taken(judge):
            known = dataclasses.asdict(taken)
            with self.writing() as connection:
                connection.execute(
                    "INSERT OR REPLACE INTO capabilities (place, taken) VALUES (?, ?)",
                    (_place(judge), json.dumps(known)),
                )


def _place(judge: LlmJudge) -> str:
    return f"{judge.base_url} {judge.model}"


def _judge(settings: str, rubric: str) -> LlmJudge:
    kept = json.loads(settings)
    return LlmJudge(
        name=kept["name"], model=kept["model"], rubric=Rubric.model_validate_json(rubric),
        base_url=kept["base_url"], temperature=kept["temperature"], samples=kept["samples"],
        weighted=kept["weighted"], structured=kept["structured"], explain=kept["explain"],
        max_tokens=kept["max_tokens"], parameters=tuple((name, value) for name, value in kept["parameters"]),
    )  # fmt: skip


def _judgement(row: tuple[Any, ...]) -> Judgement:
    content, sample, status, score, reason, reply, form, prompt, asked, said, cost, seconds, at = row
    return Judgement(
        content=content, sample=sample, status=Status(status), score=score, reason=reason, reply=reply or "",
        form=form or "", prompt=prompt or "", usage=Usage(asked, said), cost=cost, seconds=seconds, at=at,
    )  # fmt: skip
