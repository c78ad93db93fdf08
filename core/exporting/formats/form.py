"""What a form of the training file is: how it is written, and which rows it has no place for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

import numpy as np
import orjson
import polars as pl

from core.domain import Dataset, Positions

ROW_GROUP = 25_000  # rows a Parquet row group, so that a viewer can page through the file
AT_ONCE = 4_096  # rows that are turned into records at a time
EXAMPLES = 3  # ids that are named for a reason

Save = Callable[[Dataset, Positions, IO[bytes]], None]
Table = Callable[[Dataset, Positions], pl.DataFrame]


class Limit(NamedTuple):
    """Rows that a form has no place for; of several limits that apply to a row, the first is named.

    applies: an expression over the columns of ``core.exporting.formats.shape``.
    """

    reason: str
    applies: pl.Expr


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many of the rows a form leaves out for one reason, with the ids of the first few."""

    reason: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What a form makes of some rows: ``rows`` and the counts of ``left_out`` are all of them.

    rows: positions of those that the file holds, in the sequence given.
    reasons: (k,) why a row is left out, null where it is held.
    """

    rows: Positions
    reasons: pl.Series
    left_out: tuple[LeftOut, ...]

    @property
    def sentence(self) -> str:
        """What is left out and why; empty where nothing is."""
        return "; ".join(
            f"{each.count:,} left out: {each.reason} ({', '.join(each.examples)})" for each in self.left_out
        )


@dataclass(frozen=True, slots=True)
class TrainingFormat:
    """One form of the training file.

    save: writes rows that it can hold. table: the same rows as a table, for the control's Parquet file.
    shape: of rows, what the limits look at. trainers: whose settings are written beside the file.
    """

    name: str
    title: str
    file: str
    summary: str
    save: Save
    table: Table
    limits: tuple[Limit, ...] = ()
    shape: Table | None = None
    trainers: tuple[str, ...] = ()

    def held(self, dataset: Dataset, rows: Positions) -> Held:
        """Which of the rows the file holds, and why the others are left out."""
        if self.shape is None or not self.limits:
            return Held(rows, pl.repeat(None, len(rows), dtype=pl.String, eager=True), ())
        shape = self.shape(dataset, rows)
        named = [pl.when(each.applies).then(pl.lit(each.reason)) for each in self.limits]
        reasons = shape.select(pl.coalesce(*named).alias("reason")).to_series()
        ids = dataset.frame["id"].gather(rows)
        left_out = tuple(
            LeftOut(each.reason, len(found), tuple(found.head(EXAMPLES)))
            for each in self.limits
            if len(found := ids.filter((reasons == each.reason).fill_null(value=False)))
        )
        kept = np.asarray(rows, dtype=np.int64)[reasons.is_null().to_numpy()]
        return Held(kept, reasons, left_out)

    def write(self, dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
        """Write the rows that the form can hold, in the sequence given."""
        self.save(dataset, self.held(dataset, rows).rows, out)


def parts(rows: Positions) -> Iterator[Positions]:
    """The rows a few thousand at a time, so that a large choice is never in memory as records."""
    return (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE))


def json_of(value: object) -> bytes:
    """The value as JSON, texts as they are."""
    return orjson.dumps(value, default=as_text)


def as_text(value: object) -> str:
    """What JSON has no form for: bytes, decimals, durations."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def write_lines(records: Iterable[dict[str, Any]], out: IO[bytes]) -> None:
    """One record a line."""
    for record in records:
        out.write(json_of(record) + b"\n")


def write_array(records: Iterable[dict[str, Any]], out: IO[bytes]) -> None:
    """One array, one record a line."""
    out.write(b"[")
    for number, record in enumerate(records):
        out.write(b",\n" if number else b"\n")
        out.write(json_of(record))
    out.write(b"\n]\n")


def write_parquet(parts: pl.DataFrame | Iterable[pl.DataFrame], out: IO[bytes]) -> None:
    """Parquet with a page index and content-defined chunks, a row group of at most 25,000 rows at a time.

    Content-defined chunks let the hub store two exports that differ in a few rows once. The parts have one
    schema; each is written before the next is made. An empty sequence of parts writes nothing.
    """
    from pyarrow import parquet

    frames = iter([parts] if isinstance(parts, pl.DataFrame) else parts)
    first = next(frames, None)
    if first is None:
        return
    schema = first.to_arrow().schema
    with parquet.ParquetWriter(
        out, schema, compression="zstd", write_page_index=True, use_content_defined_chunking=True
    ) as writer:
        for frame in itertools.chain([first], frames):
            writer.write_table(frame.to_arrow().cast(schema), row_group_size=ROW_GROUP)


def groups(rows: Positions) -> Iterator[Positions]:
    """The rows a Parquet row group at a time; no rows are one empty group, for the sake of the columns."""
    return (rows[start : start + ROW_GROUP] for start in range(0, max(len(rows), 1), ROW_GROUP))
