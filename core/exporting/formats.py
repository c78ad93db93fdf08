"""The forms of the training file: each a name, a file name and a writer of rows."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import orjson
import polars as pl

from core.domain import Dataset, Positions
from core.errors import ParameterError

ROW_GROUP = 25_000  # rows a Parquet row group, so that a viewer can page through the file


@dataclass(frozen=True, slots=True)
class TrainingFormat:
    """One form of the training file."""

    name: str
    title: str
    file: str
    summary: str
    write: Callable[[Dataset, Positions, IO[bytes]], None]


def _own_rows(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    return dataset.rows[rows]


def _json_of(value: object) -> bytes:
    return orjson.dumps(value, default=_as_text)


def _as_text(value: object) -> str:
    """What JSON has no form for: bytes, decimals, durations."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _jsonl(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    for record in _own_rows(dataset, rows).iter_rows(named=True):
        out.write(_json_of(record) + b"\n")


def _json(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    out.write(b"[")
    for number, record in enumerate(_own_rows(dataset, rows).iter_rows(named=True)):
        out.write(b",\n" if number else b"\n")
        out.write(_json_of(record))
    out.write(b"\n]\n")


def _csv(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    """Nested columns become JSON text, since CSV has no lists; so does what has no form in CSV."""
    frame = _own_rows(dataset, rows)
    as_text = [
        pl.Series(
            name, [None if value is None else text(value) for value in frame[name].to_list()], pl.String
        )
        for name, dtype in frame.schema.items()
        if (text := _cell(dtype)) is not None
    ]
    frame.with_columns(as_text).write_csv(out, quote_style="necessary")


def _cell(dtype: pl.DataType) -> Callable[[object], str] | None:
    """How a value of that type becomes a cell; None where polars knows."""
    if dtype.is_nested():
        return lambda value: _json_of(value).decode()
    return _as_text if dtype in (pl.Binary, pl.Duration) else None


def _parquet(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    write_parquet(_own_rows(dataset, rows), out)


def write_parquet(frame: pl.DataFrame, out: IO[bytes]) -> None:
    """By way of memory, so that a full disk is the system's own error."""
    frame.write_parquet(content := io.BytesIO(), row_group_size=ROW_GROUP)
    out.write(content.getbuffer())


def _messages(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    for messages in dataset.frame["messages"].gather(rows).to_list():
        out.write(_json_of({"messages": messages}) + b"\n")


FORMATS: dict[str, TrainingFormat] = {
    each.name: each
    for each in (
        TrainingFormat(
            "jsonl", "JSON lines", "train.jsonl", "one row a line, the file's own columns", _jsonl
        ),
        TrainingFormat("json", "JSON", "train.json", "one array, the file's own columns", _json),
        TrainingFormat("csv", "CSV", "train.csv", "the file's own columns; lists as JSON text", _csv),
        TrainingFormat("parquet", "Parquet", "train.parquet", "the file's own columns, compressed", _parquet),
        TrainingFormat(
            "messages",
            "Messages",
            "train.messages.jsonl",
            'one {"messages": [...]} a line, for chat trainers',
            _messages,
        ),
    )
}


def training_format(name: str) -> TrainingFormat:
    """The format of that name.

    Raises:
        ParameterError: there is none; the hint names them all.
    """
    if name not in FORMATS:
        raise ParameterError(f"There is no export format {name!r}.", f"Formats: {', '.join(FORMATS)}.")
    return FORMATS[name]
