"""The table of scenes in the ledger's file: one transaction a step, and nothing is deleted at once."""

from __future__ import annotations

import difflib
import json
import sqlite3
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import ParameterError, StoreError
from core.ledger import LedgerFile
from core.scenes import (
    MOST_NAME,
    Scene,
    Shown,
    checked_name,
    checked_note,
    models_of_json,
    params_from_json,
    params_to_json,
    quoted,
    removals_of_json,
)

KEPT = 20  # deleted scenes of a dataset that can be brought back

SCHEMA = """
CREATE TABLE IF NOT EXISTS scenes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    note TEXT NOT NULL,
    params TEXT NOT NULL,
    figures TEXT NOT NULL,
    picture BLOB NOT NULL,
    ids_digest TEXT NOT NULL,
    made TEXT NOT NULL,
    gone REAL  -- when it was deleted
);
CREATE UNIQUE INDEX IF NOT EXISTS scenes_by_name ON scenes (dataset, name) WHERE gone IS NULL;
"""
SCENES = (
    "SELECT name, note, params, figures, picture, ids_digest, made FROM scenes "
    "WHERE dataset = ? AND gone IS NULL ORDER BY place, number"
)
Step = Callable[[sqlite3.Connection], Any]


class SceneTable:
    """The scenes of one dataset, in the sequence in which they are shown."""

    def __init__(self, path: Path | str, dataset: str) -> None:
        self._file = LedgerFile(path)
        self._dataset = dataset

    def all(self) -> tuple[Scene, ...]:
        """Every scene.

        Raises:
            StoreError: the file cannot be read, or holds a scene that is none.
        """
        return tuple(
            _scene(row, self._file.path) for row in self._file.read("scenes", SCENES, (self._dataset,))
        )

    def add(self, scene: Scene, *, replace: bool) -> None:
        """Put a scene at the end, or in the place of the one of its name.

        Raises:
            ParameterError: there is one of that name, and ``replace`` was not asked for.
            StoreError: it cannot be written; the scenes are as before.
        """

        def step(connection: sqlite3.Connection) -> None:
            here = self._numbers(connection)
            place = self._places(connection)
            if scene.name in here:
                if not replace:
                    raise taken(scene.name)
                at = place[here[scene.name]]
                _set_gone(connection, here[scene.name])
            else:
                at = max(place.values(), default=0) + 1
            insert = (
                "INSERT INTO scenes (dataset, place, name, note, params, figures, picture, ids_digest, made) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            )
            connection.execute(insert, (self._dataset, at, *_values(scene)))
            self._forget_the_oldest(connection)

        self._file.write(SCHEMA, step)

    def rename(self, name: str, *, to: str | None, note: str | None) -> None:
        """Give a scene another name, another note or both; raises as ``add`` does."""
        new, text = (None if to is None else checked_name(to)), (None if note is None else checked_note(note))

        def step(connection: sqlite3.Connection) -> None:
            here = self._numbers(connection)
            number = _found(here, name)
            if new is not None and new != name:
                if new in here:
                    raise taken(new)
                connection.execute("UPDATE scenes SET name = ? WHERE number = ?", (new, number))
            if text is not None:
                connection.execute("UPDATE scenes SET note = ? WHERE number = ?", (text, number))

        self._file.write(SCHEMA, step)

    def move(self, name: str, by: int) -> None:
        """Show a scene so many places later, or earlier with a negative number; the ends are the ends."""

        def step(connection: sqlite3.Connection) -> None:
            here = self._numbers(connection)
            number, sequence = _found(here, name), list(here.values())
            at = sequence.index(number)
            sequence.insert(min(max(at + by, 0), len(sequence) - 1), sequence.pop(at))
            places = [(place, each) for place, each in enumerate(sequence, start=1)]
            connection.executemany("UPDATE scenes SET place = ? WHERE number = ?", places)

        self._file.write(SCHEMA, step)

    def delete(self, name: str) -> int:
        """Take a scene out; the number by which ``bring_back`` finds it."""

        def step(connection: sqlite3.Connection) -> int:
            number = _found(self._numbers(connection), name)
            _set_gone(connection, number)
            self._forget_the_oldest(connection)
            return number

        return self._file.write(SCHEMA, step)

    def bring_back(self, number: int | None) -> str:
        """Put a deleted scene, or the one deleted last, where it was; the name it has now.

        Raises:
            ParameterError: there is no such scene any more.
            StoreError: it cannot be written.
        """

        def step(connection: sqlite3.Connection) -> str:
            gone = connection.execute(
                "SELECT number, name FROM scenes WHERE dataset = ? AND gone IS NOT NULL "
                "AND (? IS NULL OR number = ?) ORDER BY gone DESC, number DESC LIMIT 1",
                (self._dataset, number, number),
            ).fetchone()
            if gone is None:
                raise ParameterError("There is no deleted scene to bring back.", f"The last {KEPT} are kept.")
            name = _free_name(gone[1], self._numbers(connection))
            connection.execute("UPDATE scenes SET gone = NULL, name = ? WHERE number = ?", (name, gone[0]))
            return name

        return self._file.write(SCHEMA, step)

    def _numbers(self, connection: sqlite3.Connection) -> dict[str, int]:
        """Name -> number, in sequence."""
        statement = (
            "SELECT name, number FROM scenes WHERE dataset = ? AND gone IS NULL ORDER BY place, number"
        )
        return dict(connection.execute(statement, (self._dataset,)))

    def _places(self, connection: sqlite3.Connection) -> dict[int, int]:
        """Number -> place, of all scenes of the dataset, deleted ones too: they may come back."""
        statement = "SELECT number, place FROM scenes WHERE dataset = ?"
        return dict(connection.execute(statement, (self._dataset,)))

    def _forget_the_oldest(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "DELETE FROM scenes WHERE number IN (SELECT number FROM scenes "
            "WHERE dataset = ? AND gone IS NOT NULL ORDER BY gone DESC, number DESC LIMIT -1 OFFSET ?)",
            (self._dataset, KEPT),
        )


def _set_gone(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("UPDATE scenes SET gone = ? WHERE number = ?", (time.time(), number))


def _found(here: dict[str, int], name: str) -> int:
    if name in here:
        return here[name]
    close = difflib.get_close_matches(name, here, n=1)
    guess = f"Did you mean {quoted(close[0])}? " if close else ""
    known = f"Scenes: {', '.join(here)}." if here else "None is saved of this dataset yet."
    raise ParameterError(f"There is no scene {quoted(name)}.", f"{guess}{known}")


def find(scenes: tuple[Scene, ...], name: str) -> Scene:
    """The scene of that name.

    Raises:
        ParameterError: there is none; the hint names those there are.
    """
    return scenes[_found({scene.name: place for place, scene in enumerate(scenes)}, name)]


def taken(name: str) -> ParameterError:
    """What is said where a name is taken."""
    return ParameterError(f"There is a scene {quoted(name)} already.", "Choose another name, or replace it.")


def _free_name(name: str, here: dict[str, int]) -> str:
    """The name, or where another scene has it by now, the name with a number."""
    if name not in here:
        return name
    marks = (f" ({number})" for number in range(2, len(here) + 3))
    return next(free for mark in marks if (free := name[: MOST_NAME - len(mark)] + mark) not in here)


def _values(scene: Scene) -> tuple[object, ...]:
    figures = json.dumps({name: asdict(each) for name, each in scene.figures.items()})
    params = params_to_json(scene.params, scene.removals, scene.models)
    return (scene.name, scene.note, params, figures, scene.picture, scene.ids_digest, scene.made)


def _scene(row: tuple[Any, ...], path: Path) -> Scene:
    name, note, params, figures, picture, digest, made = row
    try:
        decided, problems = params_from_json(params)
        removals, models = removals_of_json(params), models_of_json(params)
        shown = {title: Shown(**values) for title, values in json.loads(figures).items()}
    except (ValueError, TypeError, AttributeError, KeyError, zlib.error) as cause:
        raise StoreError(
            f"The scene {quoted(name)} in {path} could not be read: {cause}.",
            "It was changed by hand, or another version wrote it: put a copy of the file back.",
        ) from cause
    return Scene(
        name=name,
        note=note,
        params=decided,
        picture=picture,
        figures=shown,
        ids_digest=digest,
        made=made,
        problems=problems,
        removals=removals,
        models=models,
    )
