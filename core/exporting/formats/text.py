"""Ready texts: a template was laid over them already, so that a trainer reads them as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import polars as pl

from core.domain import Dataset, Positions
from core.exporting.formats import form
from core.exporting.formats.form import Limit, TrainingFormat, parts, write_lines

SCHEMA = "text"  # of datasets whose rows are ready texts


def holds_texts(dataset: Dataset) -> bool:
    """Whether its rows are ready texts, whose roles are part of the text."""
    return dataset.schema == SCHEMA


def _shape(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    return pl.select(ready=pl.repeat(holds_texts(dataset), len(rows)))


def _table(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    """The one message of each row, which is the whole text."""
    content = pl.col("messages").list.first().struct.field("content")
    return dataset.frame.select("messages")[rows].select(text=content)


def _records(dataset: Dataset, rows: Positions) -> Iterator[dict[str, Any]]:
    for part in parts(rows):
        yield from _table(dataset, part).iter_rows(named=True)


def _text(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    write_lines(_records(dataset, rows), out)


def _parquet(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    form.write_parquet((_table(dataset, part) for part in form.groups(np.asarray(rows))), out)


LIMITS = (Limit("it is no ready text: a template has still to be laid over it", ~pl.col("ready")),)
TEXT = TrainingFormat(
    "text",
    "Ready text",
    "train.text.jsonl",
    'one {"text": ...} a line, as it is, where the source has texts that a template was laid over',
    _text,
    _table,
    limits=LIMITS,
    shape=_shape,
    trainers=("trl", "axolotl", "llama-factory", "unsloth"),
)
TEXT_PARQUET = TrainingFormat(
    "text-parquet", TEXT.title, "train.text.parquet", "the same as a table", _parquet, _table,
    limits=LIMITS, shape=_shape,
)  # fmt: skip
