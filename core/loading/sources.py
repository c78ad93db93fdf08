"""Files on disk: which may be opened, and how their records are read without losing any in silence."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import IO, NamedTuple
from uuid import uuid4

import polars as pl

from core.domain import Problem
from core.errors import DataError, StoreError
from core.loading.content import PARQUET, Content, kind_of, sha256_of
from core.loading.delimited import read_delimited
from core.loading.documents import read_document
from core.loading.json_rows import are_lines, read_json, read_lines
from core.loading.parts import MixedTypesError
from core.loading.places import Read
from core.loading.unpacking import CHECK, UNREADABLE, unpacked, unreadable

HEAD_ROWS = 1000  # what is looked at before a file is opened
SMALLEST_PARQUET = 12  # bytes: the mark, the length of the footer, the mark


class Source(NamedTuple):
    """The rows of one file, verbatim, with what could not be read."""

    rows: pl.DataFrame
    problems: tuple[Problem, ...]
    rows_read: int
    digest: str  # sha256 of the kind and the uncompressed content, hexadecimal
    sha256: str  # of the file as it lies on disk, as sha256sum gives it
    typed: bool = True  # False where every cell is text, as in CSV
    numbers: Sequence[int] | None = (
        None  # where each row stands in the file, in ``unit``, from 1; None: in turn
    )
    unit: str = "row"  # or line
    inner: str = ""  # the file in an archive


def allowed_path(path: str | Path, roots: Sequence[Path]) -> Path:
    """The real path, if it lies inside one of ``roots`` after every symlink is followed.

    Raises:
        DataError: the path is outside, or a symlink leads outside.
    """
    wanted, split = divided(expanded(path))
    try:
        real = wanted.resolve()
    except (OSError, RuntimeError, ValueError) as cause:
        raise DataError(f"{str(path)!r} names no file: {first_line(cause)}.", "Check the path.") from cause
    if any(real.is_relative_to(root.resolve()) for root in roots):
        return real.with_name(f"{real.name}:{split}") if split else real
    inside = any(Path(wanted.absolute()).is_relative_to(root.absolute()) for root in roots)
    why = "is a symlink that leads" if inside and ".." not in wanted.parts else "is"
    folders = ", ".join(str(root) for root in roots)
    raise DataError(
        f"{wanted} {why} outside the folders that this app may read.",
        f"Put the file into {folders}, or start the app with WINNOW_ROOTS naming its folder.",
    )


def keep(name: str, content: bytes, folder: Path) -> Path:
    """Write an uploaded file below ``folder``, in a subfolder named by its digest; the path.

    Raises:
        StoreError: it cannot be written.
    """
    own = Path(name.replace("\\", "/").replace("\0", "")).name
    own = own if own.strip(".") else "upload"
    path = folder / hashlib.sha256(content).hexdigest()[:12] / own
    temporary = path.with_name(f".{uuid4().hex}.writing")  # two uploads at once do not meet
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            temporary.write_bytes(content)
            temporary.rename(path)
    except OSError as cause:
        with suppress(OSError):
            temporary.unlink()
        raise StoreError(
            f"The upload could not be kept in {folder}: {cause.strerror or cause}.",
            "Free some space, or open the file by its path.",
        ) from cause
    return path


def expanded(path: str | Path) -> Path:
    """The path with ``~`` replaced.

    Raises:
        DataError: ``~name`` names nobody on this machine.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as cause:
        raise DataError(f"{path} begins with a user that is not known.", "Write the path in full.") from cause


def divided(path: Path) -> tuple[Path, str]:
    """The folder and the split of ``folder:split``; any other path as it is."""
    folder, colon, split = path.name.rpartition(":")
    if colon and folder and not is_there(path) and is_folder(path.with_name(folder)):
        return path.with_name(folder), split
    return path, ""


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; a name that none can have is none."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for names that are too long


def is_there(path: Path) -> bool:
    """Whether there is anything of that name."""
    return os.path.lexists(path)


def read(path: Path) -> Source:
    """Read one file of any supported kind.

    Raises:
        DataError: no such file, an unsupported or unsafe kind, or nothing in it can be read.
    """
    source = _read(path)
    if any("\0" in name for name in source.rows.columns):  # no table can be written with such a name
        raise DataError(f"A column of {path.name} has a NUL character in its name.", "Give it another name.")
    return source


def _read(path: Path) -> Source:
    _check_there(path)
    with unpacked(path) as stream:
        suffix = kind_of(stream)
        if suffix == ".parquet" and not stream.is_packed:
            rows = _parquet(path.name, path)  # by its path, so that its bytes are not held beside its rows
            return Source(*rows[:3], sha256_of(path, f"{suffix}\0".encode()), sha256_of(path))
        content = Content(stream, suffix)
        if suffix == ".parquet":
            rows = _parquet(path.name, io.BytesIO(content.whole()))
        elif suffix in (".csv", ".tsv"):
            rows = read_delimited(path.name, content.pieces(), "\t" if suffix == ".tsv" else ",")
        else:
            rows, content = _json(path, content, suffix)
        return Source(
            *rows[:3], content.digest, content.sha256(path), typed=suffix not in (".csv", ".tsv"),
            numbers=rows.numbers, unit=rows.unit, inner=stream.inner,
        )  # fmt: skip


def read_head(path: Path) -> pl.DataFrame:
    """The first rows: of JSON lines and Parquet without reading on, of any other file by reading it whole.

    Raises:
        DataError: as ``read``.
    """
    _check_there(path)
    with suppress(DataError), unpacked(path) as stream:  # what is wrong is then said by ``read``
        suffix = kind_of(stream)
        if suffix == ".parquet" and not stream.is_packed:
            return _parquet(path.name, path, HEAD_ROWS)[0]
        if suffix in (".jsonl", ".ndjson"):
            whole_lines, newline, _ = Content(stream, suffix).head.rpartition(b"\n")
            if newline:
                return read_json(path.name, whole_lines)[0].head(HEAD_ROWS)
    return read(path).rows.head(HEAD_ROWS)


def _check_there(path: Path) -> None:
    try:
        if path.is_file():
            return
        hint = "It is a folder; name one file in it." if path.is_dir() else "Check the path."
    except UNREADABLE as cause:
        raise unreadable(path.name, cause) from cause
    raise DataError(f"There is no file {path}.", hint)


def _json(path: Path, content: Content, suffix: str) -> tuple[Read, Content]:
    """Lines and documents are read as they come: again where a column mixes types, at once where that fails.

    Also the content that was read to its end.
    """
    read_in_parts = read_lines if are_lines(content.head) else read_document
    try:
        found = read_in_parts(path.name, content.pieces())
    except MixedTypesError:
        with unpacked(path) as again:
            content = Content(again, suffix)
            found = read_in_parts(path.name, content.pieces(), mixed=True)
    if found is not None:
        return found, content
    with unpacked(path) as again:
        content = Content(again, suffix)
        return read_json(path.name, content.whole()), content


def _check_parquet(name: str, file: IO[bytes]) -> None:
    """Both ends of the file say Parquet, and the footer that the last one announces fits between them."""
    size = file.seek(0, io.SEEK_END)
    if not size:
        raise DataError(f"{name} is empty.", "Choose a file with rows in it.")
    file.seek(0)
    first = file.read(len(PARQUET))
    file.seek(max(0, size - 8))
    last = file.read(8)
    ends = first == PARQUET and last.endswith(PARQUET) and size >= SMALLEST_PARQUET
    footer = int.from_bytes(last[:4], "little") if ends else 0
    if not ends or not 0 < footer <= size - SMALLEST_PARQUET:
        what = "its footer is damaged" if ends else "its beginning or its end is missing"
        raise DataError(f"{name} could not be read as Parquet: {what}.", CHECK)


def _parquet(name: str, source: Path | io.BytesIO, most: int | None = None) -> Read:
    try:
        with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
            _check_parquet(name, file)
            file.seek(0)
        rows = pl.read_parquet(source, n_rows=most)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as cause:
        raise DataError(f"{name} could not be read as Parquet: {first_line(cause)}.", CHECK) from cause
    return Read(rows, (), rows.height)


def first_line(cause: BaseException) -> str:
    """The first line of an exception's text, without its full stop."""
    return str(cause).partition("\n")[0].rstrip(".")
