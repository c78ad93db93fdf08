"""Files on disk: which may be opened, and how their records are read without losing any in silence."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import polars as pl

from core.domain import Problem
from core.errors import DataError
from core.loading.columns import frame_of

SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".joblib", ".npy", ".npz", ".bin"}
PLACES = 5  # how many places of a problem are named


class Source(NamedTuple):
    """The rows of one file, verbatim, with what could not be read."""

    rows: pl.DataFrame
    problems: tuple[Problem, ...]
    rows_read: int
    digest: str  # sha256 of the uncompressed content, hexadecimal


def allowed_path(path: str | Path, roots: Sequence[Path]) -> Path:
    """The real path, if it lies inside one of ``roots`` after every symlink is followed.

    Raises:
        DataError: the path is outside, or a symlink leads outside.
    """
    wanted = Path(path).expanduser()
    real = wanted.resolve()
    if any(real.is_relative_to(root.resolve()) for root in roots):
        return real
    inside = any(Path(wanted.absolute()).is_relative_to(root.absolute()) for root in roots)
    why = "is a symlink that leads" if inside and ".." not in wanted.parts else "is"
    folders = ", ".join(str(root) for root in roots)
    raise DataError(
        f"{wanted} {why} outside the folders that this app may read.",
        f"Put the file into {folders}, or start the app with WINNOW_ROOTS naming its folder.",
    )


def read(path: Path) -> Source:
    """Read one file of any supported kind.

    Raises:
        DataError: no such file, an unsupported or unsafe kind, or nothing in it can be read.
    """
    suffix = _suffix(path)
    content = _content(path)
    digest = hashlib.sha256(content).hexdigest()
    if suffix == ".parquet":
        return Source(*_parquet(path, content), digest)
    if suffix in {".csv", ".tsv"}:
        return Source(*_delimited(path, content, "\t" if suffix == ".tsv" else ","), digest)
    return Source(*_json(path, content), digest)


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if any(suffix in PICKLES for suffix in suffixes[-2:]):
        raise DataError(
            f"{path.name} is a kind of file that can run code when it is opened, so it is refused.",
            "Save the rows as JSONL, JSON, CSV or Parquet.",
        )
    last = suffixes[-2] if len(suffixes) > 1 and suffixes[-1] == ".gz" else (suffixes or [""])[-1]
    if last not in SUFFIXES:
        kinds = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise DataError(
            f"{path.name} is not of a kind that can be read.", f"Readable: {kinds}, each also as .gz."
        )
    return last


def _content(path: Path) -> bytes:
    if not path.is_file():
        hint = "It is a folder; name one file in it." if path.is_dir() else "Check the path."
        raise DataError(f"There is no file {path}.", hint)
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as cause:
        raise DataError(
            f"{path.name} could not be read: {cause}.", "Check that the file is whole."
        ) from cause
    if content[:2] in {b"\x80\x03", b"\x80\x04", b"\x80\x05"}:
        raise DataError(
            f"{path.name} holds a Python pickle, which can run code when it is opened, so it is refused.",
            "Save the rows as JSONL, JSON, CSV or Parquet.",
        )
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise DataError(f"{path.name} is UTF-16 text.", "Save it as UTF-8.")
    if not content.strip():
        raise DataError(f"{path.name} is empty.", "Choose a file with rows in it.")
    return content.removeprefix(b"\xef\xbb\xbf")


def _parquet(path: Path, content: bytes) -> tuple[pl.DataFrame, tuple[Problem, ...], int]:
    try:
        rows = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as cause:
        raise DataError(
            f"{path.name} could not be read as Parquet: {first_line(cause)}.", "Check the file."
        ) from cause
    return rows, (), rows.height


def _delimited(path: Path, content: bytes, delimiter: str) -> tuple[pl.DataFrame, tuple[Problem, ...], int]:
    text, damaged = _decode(content)
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found = _Places(damaged)
    records: list[dict[str, Any]] = []
    try:
        header = next(reader)
        for cells in reader:
            if len(cells) == len(header):
                records.append(dict(zip(header, cells, strict=True)))
            elif cells:
                found.add(
                    "wrong number of fields", f"line {reader.line_num}: {len(cells)}, not {len(header)}"
                )
    except csv.Error as cause:
        place = f"line {reader.line_num}"
        raise DataError(f"{path.name} is not well-formed at {place}: {cause}.", "Mend that line.") from cause
    except StopIteration:
        raise DataError(f"{path.name} has no header line.", "The first line names the columns.") from None
    if len(set(header)) < len(header):
        repeated = ", ".join(name for name, times in Counter(header).items() if times > 1)
        raise DataError(f"{path.name} names a column twice: {repeated}.", "Give every column its own name.")
    rows, mixed = frame_of(records, numbers_in_text=True)
    return rows, (*found.problems(loaded=False), *mixed), len(records) + found.lost


def _json(path: Path, content: bytes) -> tuple[pl.DataFrame, tuple[Problem, ...], int]:
    found = _Places(Counter())
    records = list(_lines(content, found) if _holds_lines(content) else _document(path, content, found))
    if not records:
        raise DataError(
            f"{path.name} has no row that can be read.",
            found.first() or 'Each row is a JSON object such as {"instruction": ..., "output": ...}.',
        )
    rows, mixed = frame_of(records)
    return rows, (*found.problems(loaded=False), *mixed), len(records) + found.lost


def _holds_lines(content: bytes) -> bool:
    """Whether this is one JSON value a line, not one document."""
    first = next((line for line in content.split(b"\n", 64) if line.strip()), b"").strip()
    if first.startswith(b"["):
        return False
    try:
        whole = isinstance(orjson.loads(first), dict)
    except orjson.JSONDecodeError:
        # A pretty-printed document begins with a line that opens an object and nothing more.
        return len(first) > 1 and first.endswith(b"}")
    return whole and (b"\n" in content.strip() or not _is_columns(orjson.loads(first)))


def _is_columns(value: object) -> bool:
    return (
        isinstance(value, dict) and bool(value) and all(isinstance(column, list) for column in value.values())
    )


def _lines(content: bytes, found: _Places) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as cause:
            found.add("broken JSON", f"line {number}: {cause.msg}")
            continue
        if isinstance(record, dict):
            yield record
        else:
            found.add("not a JSON object", f"line {number}: {_kind(record)}")


def _document(path: Path, content: bytes, found: _Places) -> Iterator[dict[str, Any]]:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as cause:
        raise DataError(
            f"{path.name} is not well-formed JSON at line {cause.lineno}: {cause.msg}.",
            "Mend that place, or save one row a line as JSONL: then only broken lines are left out.",
        ) from cause
    if _is_columns(value):
        lengths = {name: len(column) for name, column in value.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(
                f"The columns of {path.name} have different lengths: {lengths}.", "Make them the same length."
            )
        yield from (dict(zip(value, cells, strict=True)) for cells in zip(*value.values(), strict=True))
        return
    for number, record in enumerate(value if isinstance(value, list) else [value], start=1):
        if isinstance(record, dict):
            yield record
        else:
            found.add("not a JSON object", f"row {number}: {_kind(record)}")


def _decode(content: bytes) -> tuple[str, Counter[str]]:
    try:
        return content.decode(), Counter()
    except UnicodeDecodeError:
        text = content.decode(errors="replace")
        return text, Counter(
            {"bytes that are not UTF-8, shown as \N{REPLACEMENT CHARACTER}": text.count("\ufffd")}
        )


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "text", int: "a number", float: "a number", bool: "true or false"}
    return kinds.get(type(value), "null")


def first_line(cause: Exception) -> str:
    """The first line of an exception's text, without its full stop."""
    return str(cause).partition("\n")[0].rstrip(".")


class _Places:
    """Problems by kind, counted, with the first few places of each."""

    def __init__(self, remarks: Counter[str]) -> None:
        self._remarks = remarks
        self._counts: Counter[str] = Counter()
        self._places: dict[str, list[str]] = {}

    @property
    def lost(self) -> int:
        return sum(self._counts.values())

    def add(self, kind: str, place: str) -> None:
        self._counts[kind] += 1
        places = self._places.setdefault(kind, [])
        if len(places) < PLACES:
            places.append(place)

    def first(self) -> str:
        return next((f"The first problem: {places[0]}." for places in self._places.values()), "")

    def problems(self, *, loaded: bool) -> tuple[Problem, ...]:
        lost = [
            Problem(kind, n, tuple(self._places[kind]), loaded=loaded) for kind, n in self._counts.items()
        ]
        return (*lost, *(Problem(kind, n) for kind, n in self._remarks.items()))
