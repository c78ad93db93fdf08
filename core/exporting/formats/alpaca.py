"""Alpaca: instruction, input, output and system, for rows that ask once and are answered once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import polars as pl

from core.domain import Dataset, Positions
from core.exporting.formats.form import Limit, TrainingFormat, parts, write_array
from core.exporting.formats.shape import marked_beside, shape

COLUMNS = ("instruction", "input", "output", "system")


def _table(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    """Instruction and input are apart where the source has them so, else the whole prompt is the first."""
    of_role = [_content(role).alias(role) for role in ("user", "assistant", "system")]
    instruction, given = (_own(dataset, role, rows) for role in ("instruction", "input"))
    frame = dataset.frame.select("messages")[rows].select(*of_role)
    frame = frame.with_columns(instruction.alias("instruction"), given.alias("input"))
    is_blank = pl.col("input").str.strip_chars() == ""
    joined = pl.concat_str("instruction", "input", separator="\n\n")
    whole = pl.when(is_blank).then("instruction").otherwise(joined)
    apart = (whole == pl.col("user")).fill_null(value=False)
    return frame.select(
        instruction=pl.when(apart).then("instruction").otherwise("user"),
        input=pl.when(apart).then("input").otherwise(pl.lit("")),
        output="assistant",
        system=pl.col("system").fill_null(""),
    )


def _content(role: str) -> pl.Expr:
    turn = pl.element()
    said = turn.filter(turn.struct.field("role") == role).struct.field("content")
    return pl.col("messages").list.eval(said).list.first()


def _own(dataset: Dataset, role: str, rows: Positions) -> pl.Series:
    """(k,) the source's own text of that role; null where it has none, so that nothing is taken apart."""
    columns = dataset.mapping.of(role) if dataset.schema == "alpaca" else ()
    if len(columns) == 1 and dataset.rows[columns[0]].dtype == pl.String:
        return dataset.rows[columns[0]].gather(rows).fill_null("")
    return pl.repeat(None if columns or role == "instruction" else "", len(rows), dtype=pl.String, eager=True)


def _records(dataset: Dataset, rows: Positions) -> Iterator[dict[str, Any]]:
    for part in parts(rows):
        yield from _table(dataset, part).iter_rows(named=True)


def _alpaca(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    write_array(_records(dataset, rows), out)


ALPACA = (
    TrainingFormat(
        "alpaca",
        "Alpaca",
        "train.alpaca.json",
        "instruction, input, output, system; rows of one question and one answer",
        _alpaca,
        _table,
        limits=(
            Limit("offers or calls tools, or has other fields that Alpaca has no column for",
                  pl.col("tools") | marked_beside()),
            Limit("is not one user turn and one answer",
                  pl.col("body") != pl.lit(["user", "assistant"], dtype=pl.List(pl.String))),
            Limit("the system text is a developer's", pl.col("roles").list.first() == "developer"),
        ),
        shape=shape,
        trainers=("trl", "axolotl", "llama-factory", "unsloth"),
    ),
)  # fmt: skip
