"""Preference pairs as LLaMA-Factory reads them: the prompt in ShareGPT's turns, each answer beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import polars as pl

from core.domain import Dataset, Positions
from core.exporting.formats.form import Limit, TrainingFormat, parts, write_array
from core.exporting.formats.shape import MARKS, marked_beside, shape
from core.exporting.formats.sharegpt import NAMES, TURN, TURNS

ASKED = pl.col("body").list.slice(0, pl.col("body").list.len() - pl.col("chosen_turns"))
CHOSEN = pl.col("roles").list.tail(pl.col("chosen_turns"))
ONE_ANSWER = ["assistant"]


def _turn(message: dict[str, str]) -> dict[str, str]:
    return {"from": NAMES[message["role"]], "value": message["content"]}


def _records(dataset: Dataset, rows: Positions) -> Iterator[dict[str, Any]]:
    for part in parts(rows):
        for messages, (rejected,) in dataset.frame.select("messages", "rejected")[part].iter_rows():
            has_system = messages[0]["role"] == "system"
            *asked, chosen = map(_turn, messages[has_system:])
            yield {
                "conversations": asked,
                "chosen": chosen,
                "rejected": _turn(rejected),
                "system": messages[0]["content"] if has_system else "",
            }


def _pairs(dataset: Dataset, rows: Positions, out: IO[bytes]) -> None:
    if len(rows):
        write_array(_records(dataset, rows), out)
    else:  # a source without pairs has no column of them
        write_array((), out)


def _table(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    schema = {"conversations": TURNS, "chosen": TURN, "rejected": TURN, "system": pl.String()}
    return pl.DataFrame(list(_records(dataset, rows)) if len(rows) else [], schema=schema)


def _shape(dataset: Dataset, rows: Positions) -> pl.DataFrame:
    """What limits look at, with the roles of the rejected answer beside it."""
    found = shape(dataset, rows)
    if "rejected" not in dataset.frame.columns:
        return found.with_columns(rejected=pl.lit([], dtype=MARKS))
    roles = pl.col("rejected").list.eval(pl.element().struct.field("role"))
    return found.with_columns(dataset.frame.select("rejected")[rows].select(roles).to_series())


def _alternates() -> pl.Expr:
    """A user first and last, and an assistant between each two."""
    every_second = [
        ASKED.list.gather_every(2, offset).list.eval(pl.element() == role).list.all()
        for offset, role in ((0, "user"), (1, "assistant"))
    ]
    return every_second[0] & every_second[1] & (ASKED.list.len() % 2 == 1)


def _is_one(column: pl.Expr) -> pl.Expr:
    return column == pl.lit(ONE_ANSWER, dtype=MARKS)


PAIRS = (
    TrainingFormat(
        "preference-sharegpt",
        "Preference pairs, ShareGPT",
        "train.preference.sharegpt.json",
        "the same for LLaMA-Factory: conversations, and chosen and rejected as one turn each",
        _pairs,
        _table,
        limits=(
            Limit("there is no pair of a chosen and a rejected answer", ~pl.col("pair")),
            Limit("offers or calls tools, or has other fields that the form has no column for",
                  pl.col("tools") | marked_beside()),
            Limit("the chosen or the rejected answer is not one assistant turn",
                  ~(_is_one(CHOSEN) & _is_one(pl.col("rejected")))),
            Limit("the prompt does not go in turns from a user to a user, which LLaMA-Factory skips",
                  ~_alternates() | (pl.col("roles").list.first() == "developer")),
        ),
        shape=_shape,
        trainers=("llama-factory",),
    ),
)  # fmt: skip
