"""What a trainer would do with each row: keep it, cut it, learn nothing from it, skip it or refuse the file.

Trainers do most of this without a word, so it is said before the files leave. Pure: a dataset in, counts out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Dataset, Positions
from core.errors import ParameterError

EXAMPLES = 3  # ids that are named for a reason
ROLES = ("system", "developer", "user", "assistant", "tool")  # what chat templates know
NO_LIMIT = 2**31 - 1  # tokens


class Fate(Enum):
    """What becomes of a row in training."""

    KEPT = "kept"
    CUT = "cut"  # only its beginning is trained on
    NOTHING_TO_LEARN = "nothing to learn"  # it stays in, without an answer
    SKIPPED = "skipped"  # it is left out, at most with a line in the log
    REJECTED = "rejected"  # it stops the training, or the whole file is refused


class Rule(NamedTuple):
    """Rows to which ``applies`` have this fate, for this reason; the first rule that applies decides.

    applies: given the limit of tokens, an expression over ``roles``, ``body``, ``answer`` and ``tokens``.
    """

    fate: Fate
    reason: str
    applies: Callable[[int], pl.Expr]


@dataclass(frozen=True, slots=True)
class Trainer:
    """One trainer: its name, and what it does with rows that it does not take as they are."""

    name: str
    title: str
    rules: tuple[Rule, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """How many rows have one fate for one reason, with the ids of the first few."""

    fate: Fate
    reason: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a trainer would do with some rows: ``rows`` is ``kept`` and the findings' counts together."""

    trainer: str
    rows: int
    kept: int
    findings: tuple[Finding, ...]

    def count(self, fate: Fate) -> int:
        """How many rows have that fate."""
        if fate is Fate.KEPT:
            return self.kept
        return sum(finding.count for finding in self.findings if finding.fate is fate)


def _first(role: str) -> pl.Expr:
    return pl.col("roles").list.first() == role


def _every_second(offset: int, role: str) -> pl.Expr:
    turns = pl.col("body").list.gather_every(2, offset)
    return turns.list.eval(pl.element() == role).list.all()


def _does_not_alternate(_: int) -> pl.Expr:
    return ~(_every_second(0, "user") & _every_second(1, "assistant"))


def _is_odd(_: int) -> pl.Expr:
    return (pl.col("body").list.len() % 2 != 0) | (pl.col("body").list.len() == 0)


def _has_unknown_role(_: int) -> pl.Expr:
    return ~pl.col("roles").list.eval(pl.element().is_in(ROLES)).list.all()


def _does_not_end_with_an_answer(_: int) -> pl.Expr:
    return (pl.col("roles").list.last() != "assistant").fill_null(value=True)


def _has_no_answer(_: int) -> pl.Expr:
    return pl.col("answer").str.strip_chars() == ""


def _is_too_long(limit: int) -> pl.Expr:
    return pl.col("tokens") > limit


UNKNOWN_ROLE = Rule(
    Fate.REJECTED,
    f"a turn is of none of the roles {', '.join(ROLES)}, which chat templates refuse",
    _has_unknown_role,
)
NO_ANSWER = Rule(Fate.NOTHING_TO_LEARN, "no assistant turn says anything", _has_no_answer)
CUT = Rule(Fate.CUT, "longer than the token limit; the end is cut off", _is_too_long)

TRAINERS: dict[str, Trainer] = {
    each.name: each
    for each in (
        Trainer("trl", "TRL", (UNKNOWN_ROLE, NO_ANSWER, CUT)),
        Trainer(
            "axolotl",
            "axolotl",
            (
                UNKNOWN_ROLE,
                Rule(
                    Fate.SKIPPED,
                    "longer than the token limit; left out unless excess_length_strategy says otherwise",
                    _is_too_long,
                ),
                NO_ANSWER,
            ),
        ),
        Trainer(
            "llama-factory",
            "LLaMA-Factory",
            (
                Rule(Fate.SKIPPED, "turns do not alternate user, assistant", _does_not_alternate),
                Rule(Fate.SKIPPED, "an odd number of turns, or none", _is_odd),
                NO_ANSWER,
                CUT,
            ),
        ),
        Trainer("unsloth", "Unsloth", (UNKNOWN_ROLE, NO_ANSWER, CUT)),
        Trainer(
            "openai",
            "OpenAI fine-tuning",
            (
                UNKNOWN_ROLE,
                Rule(
                    Fate.REJECTED,
                    "does not end with an assistant turn; one such row and the file is refused",
                    _does_not_end_with_an_answer,
                ),
                NO_ANSWER,
                CUT,
            ),
        ),
        Trainer("torchtune", "torchtune", (UNKNOWN_ROLE, NO_ANSWER, CUT)),
    )
}  # fmt: skip


def preflight(
    dataset: Dataset,
    rows: Positions,
    trainer: str,
    *,
    tokens: NDArray[np.int32] | None = None,
    limit: int | None = None,
) -> Preflight:
    """What that trainer would do with those rows, as messages.

    Args:
        dataset: n rows.
        rows: positions of the rows that are exported.
        trainer: a name in ``TRAINERS``.
        tokens: (n,) tokens of each row. Those of ``core.tokens`` leave out earlier turns, the system text
            and the chat template, so a row is at least that long.
        limit: tokens that the trainer reads of a row; None: no row is too long.

    Raises:
        ParameterError: an unknown trainer, or a limit that is no number of tokens.
    """
    chosen = _trainer(trainer)
    if limit is not None and (limit < 1 or tokens is None):
        raise ParameterError(f"A limit of {limit:,} tokens cannot be checked.", "Count tokens; 1 or more.")
    lengths = np.zeros(len(dataset), dtype=np.int32) if tokens is None else tokens
    frame = _turns(dataset, rows, lengths)
    decided = pl.coalesce(
        *(
            pl.when(rule.applies(limit or NO_LIMIT)).then(pl.lit(number, dtype=pl.Int32))
            for number, rule in enumerate(chosen.rules)
        )
    )
    frame = frame.select("id", decided.alias("rule"))
    found = [
        _finding(rule, frame.filter(pl.col("rule") == number)["id"])
        for number, rule in enumerate(chosen.rules)
    ]
    kept = frame["rule"].null_count()
    return Preflight(chosen.name, len(rows), kept, tuple(each for each in found if each.count))


def _trainer(name: str) -> Trainer:
    if name not in TRAINERS:
        raise ParameterError(f"There is no trainer {name!r}.", f"Trainers: {', '.join(TRAINERS)}.")
    return TRAINERS[name]


def _turns(dataset: Dataset, rows: Positions, tokens: NDArray[np.int32]) -> pl.DataFrame:
    """id, roles, body (the roles without a leading system text), answer (all assistant turns), tokens."""
    roles = pl.col("messages").list.eval(pl.element().struct.field("role"))
    said = pl.when(pl.element().struct.field("role") == "assistant").then(
        pl.element().struct.field("content")
    )
    answer = pl.col("messages").list.eval(said).list.drop_nulls().list.join("")
    body = pl.when(_first("system")).then(pl.col("roles").list.slice(1)).otherwise("roles")
    frame = dataset.frame.select("id", "messages")[rows]
    frame = frame.select("id", roles.alias("roles"), answer.alias("answer"), tokens=pl.Series(tokens[rows]))
    return frame.with_columns(body.alias("body"))


def _finding(rule: Rule, ids: pl.Series) -> Finding:
    return Finding(rule.fate, rule.reason, len(ids), tuple(ids.head(EXAMPLES)))
