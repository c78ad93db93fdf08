"""How a check looks: an expression that is the text which made it speak, or null."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from core.health.check import MOST_SEEN, Found

PROMPT = pl.col("prompt").fill_null("")
RESPONSE = pl.col("response").fill_null("")
TURNS = pl.col("messages").list.eval(pl.element().struct.field("content")).list.join("\n").fill_null("")
FENCED = r"(?s)```.*?(?:```|\z)|`[^`\n]{1,200}`"  # code between marks, which is no prose


def found_where(frame: pl.DataFrame, seen: pl.Expr, *, among: pl.Expr | None = None) -> Found:
    """The rows where ``seen`` is not null, ascending, each with the first characters of it.

    among: a quick condition that every such row meets; ``seen`` is asked of no other row.
    """
    table = frame.lazy().with_row_index("row")
    table = table if among is None else table.filter(among)
    clipped = seen.str.slice(0, MOST_SEEN).alias("seen")
    found = table.select("row", clipped).drop_nulls("seen").collect()
    return found_at(found["row"].to_list(), found["seen"].to_list())


def found_at(rows: Sequence[int], seen: Sequence[str]) -> Found:
    """What is found at these ascending positions."""
    positions = np.asarray(rows, dtype=np.int64)
    positions.flags.writeable = False
    return Found(positions, tuple(piece[:MOST_SEEN] for piece in seen))


def said_when(condition: pl.Expr, seen: pl.Expr | str) -> pl.Expr:
    """``seen`` where the condition holds, else null."""
    piece = pl.lit(seen) if isinstance(seen, str) else seen
    return pl.when(condition).then(piece)


def last_line(text: pl.Expr) -> pl.Expr:
    """The last line that is not empty, without the space around it."""
    return text.str.strip_chars_end().str.extract(r"([^\n]*)\z").str.strip_chars_start()


def prose(text: pl.Expr) -> pl.Expr:
    """The text without its code between backticks."""
    return (
        pl.when(text.str.contains("`", literal=True)).then(text.str.replace_all(FENCED, " ")).otherwise(text)
    )


def either(*words: str) -> str:
    """A group of a pattern: any of these."""
    return f"(?:{'|'.join(words)})"
