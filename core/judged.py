"""What a judge will read of each row: a question and the answer to it."""

from __future__ import annotations

from typing import Literal, NamedTuple

import polars as pl

from core.domain import JUDGED_CHOICES
from core.errors import ParameterError

INSTRUCTING = ("system", "developer")
WITH_SYSTEM = "-with-system"


class Judged(NamedTuple):
    """(n,) texts. A blank line divides a question's turns; their roles are named where not all ask."""

    questions: pl.Series
    answers: pl.Series


def judged(frame: pl.DataFrame, choice: str = JUDGED_CHOICES[0]) -> Judged:
    """Question and answer of every row of ``Dataset.frame``.

    An exchange begins with the user and ends before the user speaks again; its answer is the assistant's last
    turn in it, and what stands before that, such as tool results, belongs to the question. Of a whole
    conversation the last answer is judged, and everything before it is the question. A row without any
    answered exchange gives its prompt and its response.

    Raises:
        ParameterError: there is no such choice.
    """
    if choice not in JUDGED_CHOICES:
        raise ParameterError(
            f"There is no choice {choice!r} of what is judged.", f"Choices: {', '.join(JUDGED_CHOICES)}."
        )
    part = choice.removesuffix(WITH_SYSTEM)
    read = _read(_turns(frame["messages"]), part)
    whole = frame.select("prompt", "response", "system").with_row_index("row")
    both = whole.join(read, on="row", how="left", maintain_order="left")
    has = pl.col("answer").is_not_null()
    question = pl.when(has).then("question").otherwise("prompt")
    if choice.endswith(WITH_SYSTEM):
        said = pl.col("system").str.strip_chars() != ""
        question = pl.when(said).then(pl.format("system:\n{}\n\n{}", "system", question)).otherwise(question)
    answer = pl.when(has).then("answer").otherwise("response")
    texts = both.select(question.alias("question"), answer.alias("answer"))
    return Judged(texts["question"], texts["answer"])


def _turns(messages: pl.Series) -> pl.DataFrame:
    """One line a turn that is no system text: row, role, content, place, and the number of its exchange."""
    turns = pl.DataFrame([messages.alias("turn")]).with_row_index("row")
    turns = turns.filter(pl.col("turn").list.len() > 0).explode("turn").unnest("turn")
    turns = turns.filter(~pl.col("role").is_in(INSTRUCTING)).with_row_index("place")
    asks = pl.col("role") == "user"
    begins = asks & ~asks.shift(1, fill_value=False).over("row")
    return turns.with_columns(exchange=begins.cast(pl.Int32).cum_sum().over("row"))


def _read(turns: pl.DataFrame, part: str) -> pl.DataFrame:
    """One line a row that has an answer: row, question, answer."""
    asked = turns.filter(pl.col("exchange") > 0)
    last = (pl.col("role") == "assistant") & (pl.col("content").str.strip_chars() != "")
    answers = asked.filter(last).unique(("row", "exchange"), keep="last", maintain_order=True)
    keep: Literal["first", "last"] = "first" if part == "first-exchange" else "last"
    answers = answers.unique("row", keep=keep, maintain_order=True).select(
        "row", end="place", answer="content", number="exchange"
    )
    before = turns.join(answers, on="row", how="inner", maintain_order="left").filter(
        pl.col("place") < pl.col("end")
    )
    if part != "conversation":
        before = before.filter(pl.col("exchange") == pl.col("number"))
    users = (pl.col("role") == "user").all().over("row")
    named = pl.when(users).then("content").otherwise(pl.format("{}:\n{}", "role", "content"))
    questions = before.with_columns(named.alias("said")).group_by("row", maintain_order=True)
    joined = questions.agg(pl.col("said").str.join("\n\n").alias("question"))
    return joined.join(answers.select("row", "answer"), on="row", how="inner")
