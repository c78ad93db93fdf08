"""What may keep a trainer from taking a row as it is: each issue by name, and whether it can be mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Dataset, Positions
from core.exporting.formats.shape import (
    NO_CALL_ID,
    NO_FUNCTION,
    NO_OUTPUT_ID,
    marked,
    marks_of,
)
from core.exporting.formats.text import holds_texts

ROLES = ("system", "developer", "user", "assistant", "tool")  # what chat templates know
ASKING, ANSWERING = ("user", "tool"), ("assistant",)
NO_LIMIT = 2**31 - 1  # tokens
CALLS = '"(tool_calls|function_call)":'


class Lengths(NamedTuple):
    """How long rows are for a trainer.

    tokens: (n,) tokens of each row. refused: (n,) whether the tokenizer's chat template refuses the row;
    None where no template was asked.
    """

    tokens: NDArray[np.int32]
    refused: NDArray[np.bool_] | None = None


class Issue(NamedTuple):
    """One thing that may be wrong with a row.

    applies: given the limit of tokens, an expression over the columns of ``turns``.
    mend: what the fix does to such a row, in words; empty where there is none.
    """

    title: str
    applies: Callable[[int], pl.Expr]
    mend: str = ""


def turns(dataset: Dataset, rows: Positions, lengths: Lengths | None = None) -> pl.DataFrame:
    """What issues look at, one line a row, in the sequence given.

    id; roles; body (roles without a leading system text, outputs of tools that follow each other as one);
    answered (some assistant turn says or calls something); silent (some turn neither says nor calls
    anything); marks (of ``marks_of``); tokens; refused; ready (a text).
    """
    names = [name for name in ("messages", "turn_fields") if name in dataset.frame.columns]
    frame = dataset.frame.select("id", *names)[rows].with_row_index("row")
    flat = frame.select("row", *names).explode(names).filter(pl.col("messages").is_not_null())
    calls = pl.col("turn_fields").str.contains(CALLS).fill_null(value=False)
    says = pl.col("content").fill_null("").str.strip_chars() != ""
    said = says | calls if "turn_fields" in names else says
    by_row = (
        flat.unnest("messages")
        .with_columns(said=said)
        .group_by("row")
        .agg(
            roles="role",
            answered=(pl.col("said") & (pl.col("role") == "assistant")).any(),
            silent=(~pl.col("said")).any(),
        )
    )
    body = pl.when(_at(0) == "system").then(pl.col("roles").list.slice(1)).otherwise("roles")
    again = (pl.element() == "tool") & (pl.element().shift(1) == "tool").fill_null(value=False)
    nothing = pl.lit([], dtype=pl.List(pl.String))
    return (
        frame.select("row", "id")
        .join(by_row, on="row", how="left", maintain_order="left")
        .with_columns(
            pl.col("roles").fill_null(nothing),
            pl.col("answered", "silent").fill_null(value=False),
            tokens=_of(rows, None if lengths is None else lengths.tokens, 0),
            marks=marks_of(frame),
            ready=pl.lit(holds_texts(dataset)),
            refused=_of(rows, None if lengths is None else lengths.refused, value=False),
        )
        .with_columns(body=body.list.eval(pl.element().filter(~again)))
        .drop("row")
    )


def _of(rows: Positions, values: NDArray[np.generic] | None, value: int | bool) -> pl.Series:
    return pl.Series(np.full(len(rows), value) if values is None else values[rows])


def _at(place: int) -> pl.Expr:
    return pl.col("roles").list.get(place, null_on_oob=True)


def _any(column: str, test: pl.Expr) -> pl.Expr:
    return pl.col(column).list.eval(test).list.any()


def _every_second(offset: int, roles: tuple[str, ...]) -> pl.Expr:
    return pl.col("body").list.gather_every(2, offset).list.eval(pl.element().is_in(roles)).list.all()


def _same_role_twice(_: int) -> pl.Expr:
    """A user twice in a row, or an assistant; two outputs of tools may follow each other."""
    one = pl.element()
    return _any("body", (one == one.shift(1)) & one.is_in(("user", "assistant")).fill_null(value=False))


def _out_of_order(_: int) -> pl.Expr:
    """Not in turns, for none of the reasons that have a name of their own."""
    named = (_unknown_role, _developer, _late_system, _leading_answer, _same_role_twice)
    alternates = _every_second(0, ASKING) & _every_second(1, ANSWERING)
    return ~alternates & ~pl.any_horizontal(*(applies(0).fill_null(value=False) for applies in named))


def _unknown_role(_: int) -> pl.Expr:
    return ~pl.col("roles").list.eval(pl.element().is_in(ROLES)).list.all()


def _developer(_: int) -> pl.Expr:
    return _any("roles", pl.element() == "developer")


def _late_system(_: int) -> pl.Expr:
    return _any("roles", pl.element().is_in(("system", "developer")).slice(1))


def _leading_answer(_: int) -> pl.Expr:
    return (pl.col("body").list.first() == "assistant").fill_null(value=False)


ISSUES: dict[str, Issue] = {
    "unknown-role": Issue(
        f"a turn is of none of the roles {', '.join(ROLES)}",
        _unknown_role,
        "human, gpt and other known names become user, assistant, system or tool",
    ),
    "developer": Issue(
        "the system text is a developer's",
        _developer,
        "developer becomes system",
    ),
    "late-system": Issue(
        "a system text is not the first turn",
        _late_system,
        "later system texts are moved to the beginning",
    ),
    "leading-answer": Issue(
        "an assistant speaks first",
        _leading_answer,
        "what is said before the first user turn is left out",
    ),
    "same-role": Issue(
        "a user or an assistant speaks twice in a row",
        _same_role_twice,
        "neighbouring texts of one role become one turn, with a blank line between them",
    ),
    "unanswered": Issue(
        "does not end with an assistant turn",
        lambda _: (pl.col("roles").list.last() != "assistant").fill_null(value=True),
        "the turns after the last answer are left out",
    ),
    "out-of-order": Issue("turns alternate otherwise than user, assistant", _out_of_order),
    "too-few": Issue("fewer than two turns", lambda _: pl.col("roles").list.len() < 2),
    "silent-turn": Issue("a turn neither says nor calls anything", lambda _: pl.col("silent")),
    "no-answer": Issue("no assistant turn says anything", lambda _: ~pl.col("answered")),
    "no-function": Issue("a tool call has no function with a name", lambda _: marked(NO_FUNCTION)),
    "call-ids": Issue(
        "a tool call has no id, or an output names no call before it",
        lambda _: marked(NO_CALL_ID, NO_OUTPUT_ID),
    ),
    "empty-text": Issue("the text is empty", lambda _: pl.col("ready") & ~pl.col("answered")),
    "only-text": Issue("a ready text has no turns", lambda _: pl.col("ready")),
    "template": Issue("the tokenizer's chat template refuses it", lambda _: pl.col("refused")),
    "too-long": Issue("longer than the token limit", lambda limit: pl.col("tokens") > limit),
}
MENDABLE = tuple(name for name, issue in ISSUES.items() if issue.mend)
