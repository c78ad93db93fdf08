"""The tables of what people said in the ledger's file: ratings, blind samples, votes on pairs."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.errors import StoreError
from core.ledger import LedgerFile, Stamp
from core.pair_rates import Vote
from core.ratings import Rating
from core.review import Sample

SCHEMA = """
CREATE TABLE IF NOT EXISTS ratings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    row TEXT NOT NULL,
    person TEXT NOT NULL,
    score REAL,
    of INTEGER NOT NULL,
    keep INTEGER,
    queue TEXT NOT NULL,
    blind INTEGER NOT NULL,
    shown INTEGER NOT NULL,  -- whether the judges were shown afterwards
    at REAL NOT NULL,
    undone REAL
);
CREATE INDEX IF NOT EXISTS ratings_by_dataset ON ratings (dataset, number);
CREATE TABLE IF NOT EXISTS blind_samples (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    sample TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS pair_votes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    pairs TEXT NOT NULL,  -- digest of the pairs
    pair TEXT NOT NULL,
    person TEXT NOT NULL,
    a_first INTEGER NOT NULL,
    better INTEGER NOT NULL,  -- 1: the one shown first, 0: a tie, -1: the other
    at REAL NOT NULL,
    undone REAL
);
CREATE INDEX IF NOT EXISTS pair_votes_by_pairs ON pair_votes (pairs, number);
"""
RATINGS = (
    "SELECT row, person, score, of, keep, queue, shown, blind FROM ratings "
    "WHERE dataset = ? AND undone IS NULL ORDER BY number"
)
SAMPLES = "SELECT sample FROM blind_samples WHERE dataset = ? ORDER BY number DESC LIMIT 1"
VOTES = (
    "SELECT pair, person, a_first, better FROM pair_votes WHERE pairs = ? AND undone IS NULL ORDER BY number"
)
SPOKEN = (  # what was taken back before the judges were shown leaves a row as it was, and so does a skip
    "SELECT 1 FROM ratings WHERE dataset = ? AND row = ? AND person = ? "
    "AND (shown = 1 OR (undone IS NULL AND (score IS NOT NULL OR keep IS NOT NULL))) LIMIT 1"
)


class RatingTable:
    """What people said about one dataset, step by step. Safe to share between threads and processes."""

    def __init__(self, path: Path | str, dataset: str) -> None:
        self._file = LedgerFile(path)
        self._dataset = dataset

    def stamp(self) -> Stamp:
        """Changes when something was said."""
        return self._file.stamp()

    def all(self) -> tuple[Rating, ...]:
        """Every rating that was not taken back, in sequence.

        Raises:
            StoreError: the file cannot be read.
        """
        return tuple(
            Rating(
                row=row,
                person=person,
                score=score,
                of=of,
                keep=None if keep is None else bool(keep),
                queue=queue,
                shown=bool(shown),
                blind=bool(blind),
            )
            for row, person, score, of, keep, queue, shown, blind in self._file.read(
                "ratings", RATINGS, (self._dataset,)
            )
        )

    def add(self, rating: Rating) -> Rating:
        """Keep a rating as one step; as it was kept, blind or not.

        Raises:
            StoreError: it cannot be written; what was said before is untouched.
        """
        key = (self._dataset, rating.row, rating.person)

        def step(connection: sqlite3.Connection) -> Rating:
            kept = replace(rating, blind=connection.execute(SPOKEN, key).fetchone() is None)
            insert = (
                "INSERT INTO ratings (dataset, row, person, score, of, keep, queue, blind, shown, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            )
            keep = None if kept.keep is None else int(kept.keep)
            values = (kept.score, kept.of, keep, kept.queue, int(kept.blind), int(kept.shown), time.time())
            connection.execute(insert, (*key, *values))
            return kept

        return self._file.write(SCHEMA, step)

    def undo(self, person: str) -> str | None:
        """Take back the last thing that a person said; the id of its row, None where there is nothing.

        It stays in the table as undone, so that what was shown with it is not forgotten.

        Raises:
            StoreError: it cannot be written.
        """
        return self._undo("ratings", "dataset", "row", self._dataset, person)

    def sample(self) -> Sample | None:
        """The blind sample that was drawn last.

        Raises:
            StoreError: the file cannot be read, or holds a sample that is none.
        """
        rows = self._file.read("blind_samples", SAMPLES, (self._dataset,))
        if not rows:
            return None
        try:
            return Sample.of(json.loads(rows[0][0]))
        except (ValueError, TypeError, KeyError) as cause:
            raise StoreError(
                f"The blind sample in {self._file.path} cannot be understood.", "Draw another one."
            ) from cause

    def keep_sample(self, sample: Sample) -> None:
        """Make it the blind sample; ratings of earlier ones stay. Raises ``StoreError`` where it cannot."""
        row = (self._dataset, json.dumps(asdict(sample)), time.time())
        insert = "INSERT INTO blind_samples (dataset, sample, at) VALUES (?, ?, ?)"
        self._file.write(SCHEMA, lambda connection: connection.execute(insert, row))

    def votes(self, pairs: str) -> tuple[Vote, ...]:
        """Every vote on the pairs of that digest that was not taken back, in sequence."""
        rows = self._file.read("pair_votes", VOTES, (pairs,))
        return tuple(Vote(pair, person, bool(a_first), better) for pair, person, a_first, better in rows)

    def vote(self, pairs: str, vote: Vote) -> None:
        """Keep a vote as one step; raises ``StoreError`` where it cannot be written."""
        row = (pairs, vote.pair, vote.person, int(vote.a_first), vote.better, time.time())
        insert = "INSERT INTO pair_votes (pairs, pair, person, a_first, better, at) VALUES (?, ?, ?, ?, ?, ?)"
        self._file.write(SCHEMA, lambda connection: connection.execute(insert, row))

    def undo_vote(self, pairs: str, person: str) -> str | None:
        """Take back the last vote of a person; the id of its pair, None where there is none."""
        return self._undo("pair_votes", "pairs", "pair", pairs, person)

    def _undo(self, table: str, by: str, told: str, key: str, person: str) -> str | None:
        def step(connection: sqlite3.Connection) -> str | None:
            last: tuple[Any, ...] | None = connection.execute(
                f"SELECT number, {told} FROM {table} WHERE {by} = ? AND person = ? AND undone IS NULL "
                "ORDER BY number DESC LIMIT 1",
                (key, person),
            ).fetchone()
            if last is None:
                return None
            connection.execute(f"UPDATE {table} SET undone = ? WHERE number = ?", (time.time(), last[0]))
            return str(last[1])

        return self._file.write(SCHEMA, step) if self._file.path.exists() else None
