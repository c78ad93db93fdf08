"""The rows of a second file beside those of a dataset: by a column that both have, or row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from core.domain import Scores


@dataclass(frozen=True, slots=True)
class Match:
    """How the rows of a file and of a dataset meet.

    rows: of the dataset. matched: of them, those that a row of the file belongs to.
    file_rows: of the file. unused: of them, those that belong to no row of the dataset.
    repeated: keys that stand in more than one row of the file. blank: rows of the file without a key.
    """

    rows: int
    matched: int
    file_rows: int
    unused: int
    repeated: int = 0
    blank: int = 0

    @property
    def without(self) -> int:
        """Rows of the dataset that no row of the file belongs to."""
        return self.rows - self.matched


def keys_of(column: pl.Series) -> pl.Series:
    """What is compared: text without blanks around it, 7 and 7.0 alike; null where there is none."""
    if column.dtype.is_float() and bool((column.is_null() | (column == column.floor())).all()):
        column = column.fill_nan(None).cast(pl.Int64, strict=False)
    text = column.cast(pl.String, strict=False).str.strip_chars()
    return text.set(text == "", None).alias("key")


def match(keys: pl.Series, file_keys: pl.Series) -> Match:
    """Count what meets; keys as ``keys_of`` gives them, (n,) of the dataset and (m,) of the file."""
    blank = file_keys.null_count()
    known = file_keys.drop_nulls()
    return Match(
        rows=len(keys),
        matched=int(keys.is_in(known.unique().implode()).fill_null(value=False).sum()),
        file_rows=len(file_keys),
        unused=len(known) - int(known.is_in(keys.drop_nulls().unique().implode()).sum()) + blank,
        repeated=int((known.alias("key").value_counts()["count"] > 1).sum()),
        blank=blank,
    )


def joined(keys: pl.Series, file_keys: pl.Series, scores: Scores) -> tuple[Scores, int]:
    """(n,) scores of the dataset's rows, and how many keys repeat in the file with different scores.

    A key that repeats with one and the same score has that score; with different ones it has none, because
    nothing tells which is meant.
    """
    given = pl.DataFrame({"key": file_keys, "score": pl.Series(scores, nan_to_null=True)})
    one = (
        given.drop_nulls("key")
        .group_by("key")
        .agg(pl.col("score").first(), (pl.col("score").n_unique() > 1).alias("several"))
    )
    score = pl.when(~pl.col("several")).then("score").alias("score")
    found = pl.DataFrame({"key": keys}).join(
        one.select("key", score), on="key", how="left", maintain_order="left"
    )
    out = found["score"].cast(pl.Float32).fill_null(float("nan")).to_numpy().astype(np.float32)
    return out, int(one["several"].sum())
