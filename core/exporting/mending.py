"""Rows made to fit a trainer, for the export alone: what is mended, what is left out, and which rows.

A person decides per issue; what was not decided stays as it is. The source and the selection never change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from core.domain import Dataset, Positions
from core.errors import ParameterError
from core.exporting.formats.form import json_of
from core.exporting.formats.shape import message_records
from core.exporting.issues import ISSUES, MENDABLE, Lengths, turns
from core.exporting.preflight import checked_lengths, first_issue
from core.wording import counted

DEFAULT_TOKENIZER = "default"
EXAMPLES = 3
KNOWN_NAMES = {
    **dict.fromkeys(("human", "prompter", "customer"), "user"),
    **dict.fromkeys(
        ("gpt", "bot", "chatbot", "chatgpt", "bing", "bard", "claude", "model", "ai"), "assistant"
    ),
    **dict.fromkeys(("observation", "ipython", "function", "tool_response"), "tool"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """What is done to rows before they are written; names are those of ``ISSUES``.

    fixes: issues that are mended, of ``MENDABLE``. left_out: rows that have one of these after that are left
    out. limit: tokens of the issue ``too-long``. tokenizer: what counts them: ``default``, a folder or a
    name on the hub.
    """

    fixes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    limit: int | None = None
    tokenizer: str = DEFAULT_TOKENIZER

    def __bool__(self) -> bool:
        return bool(self.fixes or self.left_out)


AS_IS = Mending()


class Turn(NamedTuple):
    """A message, with the JSON of what it holds beside role and content."""

    role: str
    content: str
    fields: str | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """The rows of an export after mending: ``rows`` and ``left`` are all that came in.

    dataset: with the mended messages in place of the source's. rows: positions that stay, in their sequence.
    changed: position -> the issues mended there. left: position -> the issue that it is left out for.
    """

    dataset: Dataset = field(repr=False)
    rows: Positions = field(repr=False)
    changed: Mapping[int, tuple[str, ...]] = field(repr=False)
    left: Mapping[int, str] = field(repr=False)
    mending: Mending = AS_IS

    @property
    def sentence(self) -> str:
        """What was changed and left out, with counts, reasons and the first ids; empty where nothing was."""
        mended = {
            ISSUES[name].mend: [row for row, names in self.changed.items() if name in names]
            for name in self.mending.fixes
        }
        out = {
            f"left out: {ISSUES[name].title}": [row for row, why in self.left.items() if why == name]
            for name in self.mending.left_out
        }
        said = {f"changed: {words}": rows for words, rows in mended.items()} | out
        return "; ".join(
            f"{counted(len(rows), 'row')} {words} ({self._named(rows)})"
            for words, rows in said.items()
            if rows
        )

    def _named(self, rows: Sequence[int]) -> str:
        ids = self.dataset.frame["id"]
        return ", ".join(str(ids[row]) for row in rows[:EXAMPLES]) + (", ..." if len(rows) > EXAMPLES else "")

    def digest(self) -> str:
        """sha256 of the rows as messages, one JSON object a line: that of ``train.messages.jsonl``."""
        digest = hashlib.sha256()
        for record in message_records(self.dataset, self.rows):
            digest.update(json_of(record) + b"\n")
        return digest.hexdigest()


def checked_mending(mending: Mending) -> Mending:
    """The same decisions, each issue once and in the sequence of ``ISSUES``.

    Raises:
        ParameterError: an unknown issue, one without a fix, or one that is both mended and left out.
    """
    for name in (*mending.fixes, *mending.left_out):
        if name not in ISSUES:
            raise ParameterError(f"There is no issue {name[:60]!r}.", f"Issues: {', '.join(ISSUES)}.")
    for name in mending.fixes:
        if name not in MENDABLE:
            raise ParameterError(
                f"There is no fix for {name}.", f"Leave such rows out, or mend one of {', '.join(MENDABLE)}."
            )
    if both := set(mending.fixes) & set(mending.left_out):
        raise ParameterError(
            f"Rows with {min(both)} are to be mended and to be left out.", "Decide for one of the two."
        )
    if "too-long" in mending.left_out and mending.limit is None:
        raise ParameterError("Rows too long are to be left out, and no limit is named.", "Name it in tokens.")
    return replace(mending, fixes=_in_sequence(mending.fixes), left_out=_in_sequence(mending.left_out))


def _in_sequence(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in ISSUES if name in names)


def prepare(dataset: Dataset, rows: Positions, mending: Mending, lengths: Lengths | None = None) -> Prepared:
    """Mend rows, then leave those out that still have what is to be left out.

    A fix that would leave no question with an answer is not made, and pairs of answers are never changed.
    Tokens are those of the source's rows; what a fix adds is at most a few blank lines.

    Raises:
        ParameterError: as ``checked_mending``, or a limit without tokens.
    """
    mending = checked_mending(mending)
    made = _mended(dataset, _with_any(dataset, rows, mending.fixes), mending.fixes)
    dataset = _with_turns(dataset, {row: turns for row, (turns, _) in made.items()})
    left = _left_out(dataset, rows, mending, lengths)
    stays = [row for row in rows.tolist() if row not in left] if left else rows
    changed = {row: names for row, (_, names) in made.items() if row not in left}
    return Prepared(dataset, np.asarray(stays, dtype=np.int64), changed, left, mending)


def _left_out(dataset: Dataset, rows: Positions, mending: Mending, lengths: Lengths | None) -> dict[int, str]:
    """position -> the first issue that it is left out for."""
    if not mending.left_out:
        return {}
    limit = mending.limit if "too-long" in mending.left_out else None
    tokens, refused = lengths or (None, None)
    frame = turns(dataset, rows, checked_lengths(len(dataset), tokens, limit, refused))
    why = frame.select(first_issue(mending.left_out, limit).alias("why"))["why"]
    places = why.is_not_null().to_numpy()
    return dict(zip(rows[places].tolist(), why.drop_nulls().to_list(), strict=True))


def _with_any(dataset: Dataset, rows: Positions, issues: Sequence[str]) -> Positions:
    """The rows that have one of the issues at first; mending one may bring up another of them."""
    if not issues:
        return rows[:0]
    frame = turns(dataset, rows)
    has = frame.select(pl.any_horizontal(*(ISSUES[name].applies(0) for name in issues))).to_series()
    is_pair = (
        dataset.frame["rejected"].gather(rows).list.len().fill_null(0) > 0
        if "rejected" in dataset.frame.columns
        else pl.repeat(value=False, n=len(rows), eager=True)
    )
    wanted: Positions = rows[(has & ~is_pair).to_numpy()]
    return wanted


def _mended(
    dataset: Dataset, rows: Positions, fixes: Sequence[str]
) -> dict[int, tuple[list[Turn], tuple[str, ...]]]:
    found: dict[int, tuple[list[Turn], tuple[str, ...]]] = {}
    for row, before in zip(rows.tolist(), _turns_of(dataset, rows), strict=True):
        now = before
        names: list[str] = []
        for name in fixes:
            after = FIXES[name](now)
            if after != now:
                now, names = after, [*names, name]
        if names and _is_whole(now):
            found[row] = (now, tuple(names))
    return found


def _turns_of(dataset: Dataset, rows: Positions) -> list[list[Turn]]:
    frame = dataset.frame
    fields = (
        frame["turn_fields"].gather(rows).to_list() if "turn_fields" in frame.columns else [None] * len(rows)
    )
    return [
        [
            Turn(each["role"], each["content"], extra)
            for each, extra in zip(messages, own or [None] * len(messages), strict=True)
        ]
        for messages, own in zip(frame["messages"].gather(rows).to_list(), fields, strict=True)
    ]


def _is_whole(turns: Sequence[Turn]) -> bool:
    """Whether something is asked, and later answered."""
    asked = next((place for place, turn in enumerate(turns) if turn.role == "user"), len(turns))
    return any(turn.role == "assistant" for turn in turns[asked:])


def _with_turns(dataset: Dataset, made: Mapping[int, Sequence[Turn]]) -> Dataset:
    if not made:
        return dataset
    frame, places = dataset.frame, list(made)
    columns: dict[str, list[Any]] = {
        "messages": [[{"role": t.role, "content": t.content} for t in turns] for turns in made.values()],
        "turn_fields": [[t.fields for t in turns] for turns in made.values()],
    }
    changed = [
        _scattered(frame[name], places, values) for name, values in columns.items() if name in frame.columns
    ]
    return replace(dataset, frame=frame.with_columns(changed))


def _scattered(series: pl.Series, places: Sequence[int], values: Sequence[Any]) -> pl.Series:
    """The series with other values at some places; lists are gathered, since they cannot be scattered."""
    index = np.arange(len(series))
    index[list(places)] = len(series) + np.arange(len(places))
    return pl.concat([series, pl.Series(series.name, values, dtype=series.dtype)]).gather(index)


# The fixes: turns in, turns out; the same turns where there is nothing to mend.


def _known_names(turns: list[Turn]) -> list[Turn]:
    return [turn._replace(role=_known(turn.role)) for turn in turns]


def _known(role: str) -> str:
    name = role.strip().lower()
    if role in ("system", "developer", "user", "assistant", "tool"):
        return role
    return KNOWN_NAMES.get(
        name, name if name in ("system", "developer", "user", "assistant", "tool") else role
    )


def _no_developer(turns: list[Turn]) -> list[Turn]:
    return [turn._replace(role="system") if turn.role == "developer" else turn for turn in turns]


def _systems_first(turns: list[Turn]) -> list[Turn]:
    later = [turn for turn in turns[1:] if turn.role in ("system", "developer")]
    if not later or any(turn.fields for turn in later):
        return turns
    leads = turns[0].role in ("system", "developer")
    first = turns[0] if leads else later[0]
    texts = [turn.content for turn in ([turns[0], *later] if leads else later)]
    others = [turn for turn in turns[leads:] if turn.role not in ("system", "developer")]
    return [first._replace(content="\n\n".join(texts)), *others]


def _user_first(turns: list[Turn]) -> list[Turn]:
    leads = bool(turns) and turns[0].role in ("system", "developer")
    if len(turns) <= leads or turns[leads].role != "assistant":
        return turns
    asked = next((place for place, turn in enumerate(turns) if turn.role == "user"), len(turns))
    return [*turns[:leads], *turns[asked:]]


def _one_turn_a_role(turns: list[Turn]) -> list[Turn]:
    made: list[Turn] = []
    for turn in turns:
        last = made[-1] if made else None
        plain = last is not None and not last.fields and not turn.fields
        if last is not None and plain and last.role == turn.role and turn.role in ("user", "assistant"):
            made[-1] = last._replace(content=f"{last.content}\n\n{turn.content}")
        else:
            made.append(turn)
    return made


def _ends_answered(turns: list[Turn]) -> list[Turn]:
    last = max(
        (place for place, turn in enumerate(turns) if turn.role == "assistant"), default=len(turns) - 1
    )
    return turns[: last + 1]


FIXES: dict[str, Callable[[list[Turn]], list[Turn]]] = {
    "unknown-role": _known_names,
    "developer": _no_developer,
    "late-system": _systems_first,
    "leading-answer": _user_first,
    "same-role": _one_turn_a_role,
    "unanswered": _ends_answered,
}
