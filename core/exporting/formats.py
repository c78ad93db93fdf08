"""The forms of the training file: each a name, a file name and a writer of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import orjson
import polars as pl

from core.domain import Dataset, Positions

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


def _jsonl(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    for record in _own_rows(dataset, rows).iter_rows(named=True):
        out.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))


def _json(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    out.write(b"[")
    for number, record in enumerate(_own_rows(dataset, rows).iter_rows(named=True)):
        out.write(b",\n" if number else b"\n")
        out.write(orjson.dumps(record))
    out.write(b"\n]\n")


def _csv(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    """Nested columns become JSON text, since CSV has no lists."""
    frame = _own_rows(dataset, rows)
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    as_text = [
        pl.Series(
            name, [None if v is None else orjson.dumps(v).decode() for v in frame[name].to_list()], pl.String
        )
        for name in nested
    ]
    frame.with_columns(as_text).write_csv(out, quote_style="necessary")


def _parquet(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    _own_rows(dataset, rows).write_parquet(out, row_group_size=ROW_GROUP)


def _messages(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    for messages in dataset.frame["messages"].gather(rows).to_list():
        out.write(orjson.dumps({"messages": messages}, option=orjson.OPT_APPEND_NEWLINE))


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
