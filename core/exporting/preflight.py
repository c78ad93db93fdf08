"""What a trainer would do with each row: keep it, cut it, learn nothing from it, skip it or refuse the file.

Trainers do most of this without a word, so it is said before the files leave. Rules were read in the
trainers' own code (docs/decisions/0014-preflight.md). Pure: a dataset in, counts out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Dataset, Positions
from core.errors import ParameterError
from core.exporting.formats import holds_texts
from core.exporting.issues import ISSUES, NO_LIMIT, Lengths, turns

EXAMPLES = 3  # ids that are named for a reason


class Fate(Enum):
    """What becomes of a row in training."""

    KEPT = "kept"
    CUT = "cut"  # only its beginning is trained on
    NOTHING_TO_LEARN = "nothing to learn"  # it stays in, without an answer
    SKIPPED = "skipped"  # it is left out, at most with a line in the log
    REJECTED = "rejected"  # it stops the training, or the whole file is refused


class Rule(NamedTuple):
    """Rows with this issue have this fate; the first rule that applies decides.

    more: what the trainer does, where the issue and the fate do not say it.
    """

    issue: str
    fate: Fate
    more: str = ""

    @property
    def reason(self) -> str:
        """The issue, and what the trainer does with it."""
        return f"{ISSUES[self.issue].title}{self.more}"


@dataclass(frozen=True, slots=True)
class Trainer:
    """One trainer: its name, and what it does with rows that it does not take as they are.

    rules: of messages. text_rules: of ready texts, which it is given as they are.
    """

    name: str
    title: str
    rules: tuple[Rule, ...] = field(repr=False)
    text_rules: tuple[Rule, ...] = field(repr=False)

    def rules_of(self, dataset: Dataset) -> tuple[Rule, ...]:
        """Those of the form in which the rows of this dataset are for it."""
        return self.text_rules if holds_texts(dataset) else self.rules


@dataclass(frozen=True, slots=True)
class Finding:
    """How many rows have one fate for one reason, with the ids of the first few."""

    fate: Fate
    reason: str
    count: int
    examples: tuple[str, ...]
    issue: str = ""  # a name in ``ISSUES``


@dataclass(frozen=True, slots=True)
class Found:
    """An issue with how many rows have it, the ids of the first few, and what each trainer makes of it."""

    issue: str
    count: int
    examples: tuple[str, ...]
    fates: Mapping[str, Fate]


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


UNKNOWN_ROLE = Rule("unknown-role", Fate.REJECTED, ", which chat templates refuse or leave out")
TEMPLATE = Rule("template", Fate.REJECTED)
NO_ANSWER = Rule("no-answer", Fate.NOTHING_TO_LEARN)
CUT = Rule("too-long", Fate.CUT, "; the end is cut off")
NO_FUNCTION = Rule("no-function", Fate.REJECTED, ", which chat templates refuse or leave out")
TEMPLATED = (UNKNOWN_ROLE, NO_FUNCTION, TEMPLATE, NO_ANSWER, CUT)
NOTHING = Rule("empty-text", Fate.NOTHING_TO_LEARN)
READY = (NOTHING, CUT)
IN_PIECES = (Rule("empty-text", Fate.SKIPPED),)  # a longer text goes on in the next piece
SKIPPED_ORDERS = (
    "unknown-role",
    "developer",
    "late-system",
    "leading-answer",
    "same-role",
    "unanswered",
    "out-of-order",
)

TRAINERS: dict[str, Trainer] = {
    each.name: each
    for each in (
        Trainer("trl", "TRL", TEMPLATED, READY),
        Trainer(
            "axolotl",
            "axolotl",
            (
                UNKNOWN_ROLE,
                NO_FUNCTION,
                TEMPLATE,
                Rule("too-long", Fate.SKIPPED, "; left out unless excess_length_strategy says otherwise"),
                Rule("no-answer", Fate.SKIPPED, ", and rows without a token to learn are left out"),
            ),
            IN_PIECES,
        ),
        Trainer(
            "llama-factory",
            "LLaMA-Factory",
            (
                Rule("no-function", Fate.REJECTED, ", at which reading the file stops"),
                *(Rule(issue, Fate.SKIPPED) for issue in SKIPPED_ORDERS),
                NO_ANSWER,
                Rule("too-long", Fate.CUT, "; prompt and answer are cut in proportion, later turns left out"),
            ),
            (NOTHING,),
        ),
        Trainer("unsloth", "Unsloth", TEMPLATED, READY),
        Trainer(
            "openai",
            "OpenAI fine-tuning",
            (
                UNKNOWN_ROLE,
                Rule("unanswered", Fate.REJECTED, "; one such row and the file is refused"),
                Rule("silent-turn", Fate.REJECTED, "; one such row and the file is refused"),
                Rule("no-function", Fate.REJECTED, "; one such row and the file is refused"),
                Rule("call-ids", Fate.REJECTED, "; one such row and the file is refused"),
                CUT,
            ),
            (Rule("only-text", Fate.REJECTED, ", and only messages are fine-tuned on"),),
        ),
        Trainer(
            "torchtune",
            "torchtune",
            (
                UNKNOWN_ROLE,
                Rule("too-few", Fate.REJECTED),
                Rule("late-system", Fate.REJECTED),
                Rule("leading-answer", Fate.REJECTED),
                Rule("same-role", Fate.REJECTED),
                NO_ANSWER,
                CUT,
            ),
            READY,
        ),
    )
}  # fmt: skip


def preflight(
    dataset: Dataset,
    rows: Positions,
    trainer: str,
    *,
    tokens: NDArray[np.int32] | None = None,
    limit: int | None = None,
    refused: NDArray[np.bool_] | None = None,
) -> Preflight:
    """What that trainer would do with those rows, as messages; with ready texts, as they are.

    Args:
        dataset: n rows.
        rows: positions of the rows that are exported.
        trainer: a name in ``TRAINERS``.
        tokens: (n,) tokens of each row. Those of a project leave out the chat template, and of an Alpaca
            row earlier turns and the system text, so a row is at least that long.
        limit: tokens that the trainer reads of a row; None: no row is too long.
        refused: (n,) whether the trainer's chat template refuses the row; None: no template was asked.

    Raises:
        ParameterError: an unknown trainer, or a limit that is no number of tokens.
    """
    chosen = checked_trainer(trainer)
    frame = turns(dataset, rows, checked_lengths(len(dataset), tokens, limit, refused))
    return _judged(chosen, chosen.rules_of(dataset), frame, limit)


def every_preflight(
    dataset: Dataset, rows: Positions, lengths: Lengths, limit: int | None = None
) -> dict[str, Preflight]:
    """What each trainer would do with those rows, by its name; raises as ``preflight``."""
    frame = turns(dataset, rows, checked_lengths(len(dataset), lengths.tokens, limit, lengths.refused))
    return {
        name: _judged(trainer, trainer.rules_of(dataset), frame, limit) for name, trainer in TRAINERS.items()
    }


def every_issue(
    dataset: Dataset, rows: Positions, lengths: Lengths, limit: int | None = None
) -> tuple[Found, ...]:
    """Every issue that some trainer minds and some row has; a row may have several."""
    frame = turns(dataset, rows, checked_lengths(len(dataset), lengths.tokens, limit, lengths.refused))
    minded = {
        name: {
            trainer.title: rule.fate
            for trainer in TRAINERS.values()
            for rule in trainer.rules_of(dataset)
            if rule.issue == name
        }
        for name in ISSUES
    }
    found = []
    for name in [name for name in ISSUES if minded[name]]:
        ids = frame.filter(ISSUES[name].applies(limit or NO_LIMIT))["id"]
        found.append(Found(name, len(ids), tuple(ids.head(EXAMPLES)), minded[name]))
    return tuple(each for each in found if each.count)


def _judged(trainer: Trainer, rules: tuple[Rule, ...], frame: pl.DataFrame, limit: int | None) -> Preflight:
    named = [rule.issue for rule in rules]
    decided = frame.select("id", first_issue(named, limit).alias("issue"))
    found = [_finding(rule, decided.filter(pl.col("issue") == rule.issue)["id"]) for rule in rules]
    kept = decided["issue"].null_count()
    return Preflight(trainer.name, frame.height, kept, tuple(each for each in found if each.count))


def first_issue(names: Collection[str], limit: int | None) -> pl.Expr:
    """The first of these issues that a row has; null where it has none."""
    whens = [pl.when(ISSUES[name].applies(limit or NO_LIMIT)).then(pl.lit(name)) for name in names]
    return pl.coalesce(*whens) if whens else pl.lit(None, dtype=pl.String)


def checked_lengths(
    n: int,
    tokens: NDArray[np.int32] | None,
    limit: int | None,
    refused: NDArray[np.bool_] | None = None,
) -> Lengths:
    """The lengths of n rows.

    Raises:
        ParameterError: a limit that is no number of tokens, or without any tokens that it could be held to.
    """
    if limit is not None and (limit < 1 or tokens is None):
        raise ParameterError(f"A limit of {limit:,} tokens cannot be checked.", "Count tokens; 1 or more.")
    return Lengths(np.zeros(n, dtype=np.int32) if tokens is None else tokens, refused)


def checked_trainer(name: str) -> Trainer:
    """The trainer of that name.

    Raises:
        ParameterError: there is none.
    """
    if name not in TRAINERS:
        raise ParameterError(f"There is no trainer {name!r}.", f"Trainers: {', '.join(TRAINERS)}.")
    return TRAINERS[name]


def _finding(rule: Rule, ids: pl.Series) -> Finding:
    return Finding(rule.fate, rule.reason, len(ids), tuple(ids.head(EXAMPLES)), rule.issue)
