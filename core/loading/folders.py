"""Several files that are read as one dataset: those of a folder, or of one split of it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import polars as pl

from core.domain import Problem
from core.errors import DataError
from core.loading.columns import column_of, with_numbers
from core.loading.layouts import ABOUT, TRAIN, data_files, splits_of
from core.loading.places import PLACES
from core.loading.schemas import LEAST, recognise
from core.loading.sources import HEAD_ROWS, Source, divided, expanded, is_folder, read, read_head
from core.loading.unpacking import is_metadata
from core.loading.whereabouts import in_files, places_of

MOST_FILES = 10_000  # of one folder
QUIET = re.compile(r"(readme|licen[cs]e|notice|citation|changelog)\b.*|sha256sums", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Files:
    """Files that are read one after the other as one dataset.

    name: what the dataset is called. source: what opens it again.
    names: paths below ``root``, in the sequence in which they are read. left_out: files of other kinds.
    """

    name: str
    source: str
    root: Path
    names: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def located(path: str | Path | Files) -> Path | Files:
    """One file, or the files of a folder or of one split of it, which is named as ``folder:split``.

    Raises:
        DataError: there is no file of data in the folder, no such split, or a symlink leads out of it.
    """
    if isinstance(path, Files):
        return path
    folder, split = divided(expanded(path))
    return folder if not is_folder(folder) else _folder(folder, split)


def stamp(path: Path) -> str:
    """A word that changes when a file does, or any file of a folder."""
    try:
        found = located(path)
        files = [found] if isinstance(found, Path) else [found.root / name for name in found.names]
        stats = [f"{file} {(at := file.stat()).st_size} {at.st_mtime_ns}" for file in files]
    except (OSError, ValueError, DataError):
        return "missing"
    return hashlib.sha256("\n".join(stats).encode(errors="surrogateescape")).hexdigest()


def _folder(folder: Path, split: str) -> Files:
    names = [name for name in _names(folder) if not is_metadata(name)]
    data = data_files(names)
    if not data:
        raise DataError(
            f"The folder {folder} holds no file of data.",
            "Put JSON, JSON lines, CSV, TSV or Parquet into it.",
        )
    splits, none = splits_of(data)
    if none:  # names that tell a split by chance
        splits = {TRAIN: data}
    chosen = chosen_split(splits, split, str(folder))
    told = bool(split) or len(splits) > 1
    others = tuple(n for n in names if n not in data and n not in ABOUT and not QUIET.fullmatch(Path(n).name))
    name = f"{folder.name}:{chosen}" if told else folder.name
    source = f"{folder}:{chosen}" if told else str(folder)
    return Files(name, source, folder, splits[chosen], others)


def chosen_split(splits: dict[str, tuple[str, ...]], split: str, whose: str) -> str:
    """The split that is named, else the only one, else ``train``.

    Raises:
        DataError: there is none of that name, or none is named and it is not clear which is meant.
    """
    if split in splits:
        return split
    names = ", ".join(splits)
    if split:
        raise DataError(f"{whose} has no split {split}.", f"Its splits: {names}.")
    if len(splits) == 1 or TRAIN in splits:
        return TRAIN if TRAIN in splits else next(iter(splits))
    raise DataError(f"{whose} has the splits {names}.", f"Name one of them as {whose}:{next(iter(splits))}.")


def _names(folder: Path) -> list[str]:
    """The paths of all files below a folder."""
    found = list(islice(_walk(folder), MOST_FILES + 1))
    if len(found) > MOST_FILES:
        raise DataError(f"The folder {folder} holds more than {MOST_FILES:,} files.", "Name a smaller one.")
    return sorted(found)


def _walk(folder: Path) -> Iterator[str]:
    real = folder.resolve()

    def refuse(cause: OSError) -> None:
        raise DataError(
            f"The folder {cause.filename} could not be read: {cause.strerror}.", "Check its permissions."
        ) from cause

    for at, folders, files in os.walk(folder, onerror=refuse):
        for name in (*folders, *files):
            path = Path(at, name)
            if path.is_symlink() and not path.resolve().is_relative_to(real):
                raise DataError(
                    f"{path} is a symlink that leads out of the folder.", "Put the file itself there."
                )
        folders[:] = [name for name in folders if not is_metadata(name)]
        for name in files:
            if not Path(at, name).is_symlink():  # what it leads to inside is read already
                yield Path(at, name).relative_to(folder).as_posix()


def read_head_of(found: Path | Files) -> pl.DataFrame:
    """The first rows of a file, or of the first of several."""
    if isinstance(found, Path):
        return read_head(found)
    return read_head(found.root / found.names[0]).head(HEAD_ROWS)


def read_located(found: Path | Files) -> tuple[Source, pl.DataFrame]:
    """All rows as one, and where each stands.

    Raises:
        DataError: a file cannot be read, the files are of different schemas, or there is no row.
    """
    if isinstance(found, Path):
        one = read(found)
        source, places = one, places_of([found.name], [one])
    else:
        source, places = _read_files(found)
    if not source.rows.height:
        raise DataError(f"{found.name} has no rows.", "Choose a file with rows in it.")
    return source, places


def _read_files(files: Files) -> tuple[Source, pl.DataFrame]:
    """The rows of all files as one, every problem with its file; and where each row stands."""
    sources = [read(files.root / name) for name in files.names]
    places = places_of(files.names, sources)
    if len(sources) == 1:
        (source,) = sources
        return source._replace(problems=(*source.problems, *_left_out(files))), places
    _check_schemas(files.names, sources)
    rows, changed = _one_frame(files.names, sources)
    digest = hashlib.sha256("\0".join(["files", *(source.digest for source in sources)]).encode())
    sums = "".join(f"{each.sha256}  {name}\n" for each, name in zip(sources, files.names, strict=True))
    named = (
        _named(problem, name)
        for name, each in zip(files.names, sources, strict=True)
        for problem in each.problems
    )
    return Source(
        rows=rows,
        problems=(*_merged(named), *in_files(changed, places), *_left_out(files)),
        rows_read=sum(source.rows_read for source in sources),
        digest=digest.hexdigest(),
        sha256=hashlib.sha256(sums.encode(errors="surrogateescape")).hexdigest(),
        typed=any(source.typed for source in sources),
    ), places


def _named(problem: Problem, name: str) -> Problem:
    return replace(problem, places=tuple(f"{name}, {place}" for place in problem.places) or (name,))


def _merged(problems: Iterator[Problem]) -> list[Problem]:
    """One problem a kind, with the first places of all."""
    found: dict[tuple[str, bool], Problem] = {}
    for problem in problems:
        key = (problem.kind, problem.loaded)
        before = found.get(key, replace(problem, count=0, places=()))
        places = (*before.places, *problem.places)[:PLACES]
        found[key] = replace(before, count=before.count + problem.count, places=places)
    return sorted(found.values(), key=lambda problem: problem.loaded)


def _left_out(files: Files) -> list[Problem]:
    if not files.left_out:
        return []
    kind = "files of other kinds in the folder, which are not opened"
    return [Problem(kind, len(files.left_out), files.left_out[:PLACES])]


def _check_schemas(names: Sequence[str], sources: Sequence[Source]) -> None:
    """Files of different schemas are no one dataset; a file of none is for a mapping to read."""
    schemas: dict[str, str] = {}
    for name, source in zip(names, sources, strict=True):
        candidates = recognise(source.rows.head(HEAD_ROWS))
        if candidates and candidates[0].confidence >= LEAST:
            schemas.setdefault(candidates[0].mapping.schema, name)
    if len(schemas) > 1:
        found = ", ".join(f"{name} is {schema}" for schema, name in schemas.items())
        raise DataError(
            f"The files are of different schemas: {found}.", "Keep each schema in a folder of its own."
        )


def _one_frame(names: Sequence[str], sources: Sequence[Source]) -> tuple[pl.DataFrame, list[Problem]]:
    """All rows below each other; a column that a file lacks is null there, and that is reported."""
    problems: list[Problem] = []
    columns: dict[str, pl.Series] = {}
    for column in dict.fromkeys(column for source in sources for column in source.rows.columns):
        parts = [_part(source, column) for source in sources]
        lacking = [name for name, part in zip(names, parts, strict=True) if part is None]
        whole = [
            pl.Series(column, [None], dtype=pl.Null).new_from_index(0, source.rows.height)
            if part is None
            else part
            for source, part in zip(sources, parts, strict=True)
        ]
        if lacking:
            rows = sum(each.len() for each, part in zip(whole, parts, strict=True) if part is None)
            kind = f"rows of files without the column {column}, which is empty there"
            problems.append(Problem(kind, rows, tuple(lacking[:PLACES])))
        columns[column], changed = _below_each_other(column, whole, sources)
        problems += changed
    return pl.DataFrame(columns), problems


def _part(source: Source, column: str) -> pl.Series | None:
    return source.rows[column] if column in source.rows.columns else None


def _below_each_other(
    name: str, parts: list[pl.Series], sources: Sequence[Source]
) -> tuple[pl.Series, list[Problem]]:
    is_number = any(part.dtype.is_numeric() for part in parts)
    if is_number:  # a number that a CSV file wrote as text
        parts = [
            part if source.typed else with_numbers(part.to_frame(), leave=())[name]
            for part, source in zip(parts, sources, strict=True)
        ]
    kinds = {part.dtype for part in parts} - {pl.Null()}
    if len(kinds) < 2:
        kind = kinds.pop() if kinds else pl.Null()
        return pl.concat([part.cast(kind) for part in parts], rechunk=True), []
    column, problem = column_of(name, [value for part in parts for value in part.to_list()])
    return column, [problem] if problem else []
