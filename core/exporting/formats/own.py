"""The forms that hold the file's own columns, verbatim."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any

import polars as pl

from core.domain import Dataset, Positions
from core.exporting.formats import form
from core.exporting.formats.form import TrainingFormat, as_text, parts, write_array, write_lines

FORMULA = r"^[=+\-@\t\r]"  # what a spreadsheet runs, or hides what it runs behind (OWASP, CSV injection)


def _table(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    return dataset.rows[rows]


def _records(dataset: Dataset, rows: Positions) -> Iterator[dict[str, Any]]:
    for part in parts(rows):
        yield from dataset.rows[part].iter_rows(named=True)


def _jsonl(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    write_lines(_records(dataset, rows), out)


def _json(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    write_array(_records(dataset, rows), out)


def _csv(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    """Nested columns become JSON text, since CSV has no lists; so does what has no form in CSV."""
    _as_cells(_table(dataset, rows)).write_csv(out, quote_style="necessary")


def _spreadsheet(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    """The same for people: a single quote before each text that a spreadsheet would run as a formula."""
    cells = _as_cells(_table(dataset, rows))
    texts = [
        pl.when(pl.col(name).cast(pl.String).str.contains(FORMULA))
        .then(pl.concat_str(pl.lit("'"), pl.col(name).cast(pl.String)))
        .otherwise(pl.col(name).cast(pl.String))
        .alias(name)
        for name, dtype in cells.schema.items()
        if dtype in (pl.String, pl.Categorical, pl.Enum)
    ]
    heads = {name: f"'{name}" for name in cells.columns if name[:1] in tuple("=+-@\t\r")}
    cells.with_columns(texts).rename(heads).write_csv(out, quote_style="necessary")


def _as_cells(frame: pl.DataFrame) -> pl.DataFrame:
    made = [
        pl.Series(
            name, [None if value is None else text(value) for value in frame[name].to_list()], pl.String
        )
        for name, dtype in frame.schema.items()
        if (text := _cell(dtype)) is not None
    ]
    return frame.with_columns(made)


def _cell(dtype: pl.DataType) -> Callable[[object], str] | None:
    """How a value of that type becomes a cell; None where polars knows."""
    if dtype.is_nested():
        return lambda value: form.json_of(value).decode()
    return as_text if dtype in (pl.Binary, pl.Duration) else None


def _parquet(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    form.write_parquet((_table(dataset, part) for part in form.groups(rows)), out)


OWN = (
    TrainingFormat(
        "jsonl", "JSON lines", "train.jsonl", "one row a line, the file's own columns", _jsonl, _table
    ),
    TrainingFormat("json", "JSON", "train.json", "one array, the file's own columns", _json, _table),
    TrainingFormat("csv", "CSV", "train.csv", "the file's own columns; lists as JSON text", _csv, _table),
    TrainingFormat(
        "parquet", "Parquet", "train.parquet", "the file's own columns, compressed", _parquet, _table
    ),
)
SPREADSHEET = TrainingFormat(
    "csv",
    "CSV for a spreadsheet",
    "train.spreadsheet.csv",
    "CSV to look at, not to train on: a single quote before texts that would run as a formula",
    _spreadsheet,
    _table,
)
