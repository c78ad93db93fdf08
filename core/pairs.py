"""Two answers to one prompt: which pairs there are, and in which order they are shown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from core.domain import Dataset
from core.errors import DataError
from core.pair_rates import LOSE, TIE, WIN, Vote
from core.wording import counted

POSITION = "position"
JUDGE = "judge"  # who imported verdicts are by
PROMPTS = ("prompt", "instruction", "question", "query", "input")
ANSWERS = ("response", "output", "answer", "completion", "generation", "text", "model_output")
TOLD = 8  # columns that an error names
FOR_A = frozenset({"a", "1", "1.0", "first", "win", "won", "model_a", "answer_a", "left", "[[a]]"})
FOR_B = frozenset(
    {"b", "2", "2.0", "second", "lose", "lost", "loss", "model_b", "answer_b", "right", "[[b]]"}
)
EVEN = frozenset({"tie", "tied", "draw", "equal", "same", "both", "c", "0", "0.0", "0.5", "3", "[[c]]"})


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two answers each to k prompts.

    a, b: what the two sides are called. ids: (k,) unique.
    rows: (k,) the columns of the file that they come from, in which a judge's verdicts may stand.
    digest: sha256 of all texts in whatever sequence: votes are kept under it.
    equal: pairs left out since both answers are the same.
    without: rows left out since they have no partner or an empty answer.
    """

    a: str
    b: str
    ids: list[str] = field(repr=False)
    prompts: list[str] = field(repr=False)
    answers_a: list[str] = field(repr=False)
    answers_b: list[str] = field(repr=False)
    rows: pl.DataFrame = field(repr=False)
    digest: str
    equal: int = 0
    without: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def sentence(self) -> str:
        """How many there are, and what was left out."""
        parts = [counted(len(self), "pair")]
        if self.equal:
            parts.append(f"{self.equal:,} more with the same answer on both sides left out")
        if self.without:
            parts.append(f"{counted(self.without, 'row')} without a partner or an answer left out")
        return "; ".join(parts)


def of_preferences(dataset: Dataset) -> Pairs:
    """The chosen answer (A) beside the rejected one (B) of every row that has both.

    Raises:
        DataError: the dataset has no pairs.
    """
    frame = dataset.frame
    if "rejected" not in frame.columns:
        raise DataError(
            f"{dataset.name} has no pairs of a chosen and a rejected answer.",
            "Take two of its columns, or two files of answers.",
        )
    turns = frame.select("messages", "rejected", "chosen_turns").rows()
    prompts, chosen, rejected = [], [], []
    for messages, bad, count in turns:
        shared = len(messages) - (count or 0)
        prompts.append(_transcript(messages[:shared]))
        chosen.append(_said(messages[shared:]))
        rejected.append(_said(bad or ()))
    lines = _rows(frame["id"].to_list(), prompts, chosen, rejected)
    return _made("chosen", "rejected", lines, dataset.rows)


def of_columns(dataset: Dataset, a: str, b: str) -> Pairs:
    """Two columns of the dataset as two answers to its prompt; raises ``DataError`` for one there is not."""
    one, other = (_texts(dataset.rows, each, dataset.name) for each in (a, b))
    frame = dataset.frame
    lines = _rows(frame["id"].to_list(), frame["prompt"].to_list(), one, other)
    return _made(a, b, lines, dataset.rows)


def of_files(
    a: tuple[str, pl.DataFrame, str], b: tuple[str, pl.DataFrame, str], *, by: str, prompt: str
) -> Pairs:
    """The answers of two models in two files.

    Args:
        a: name, rows and the column of the answers of the one file.
        b: the same of the other.
        by: the column, in both, that is equal where a pair belongs together; ``position`` for row by row.
        prompt: the column of the first file that is shown as the prompt.

    Raises:
        DataError: a column is not there, a key repeats, or by position with another number of rows.
    """
    (name_a, rows_a, answer_a), (name_b, rows_b, answer_b) = a, b
    one, other = _texts(rows_a, answer_a, name_a), _texts(rows_b, answer_b, name_b)
    prompts = _texts(rows_a, prompt, name_a)
    if by == POSITION:
        if len(one) != len(other):
            raise DataError(
                f"{name_a} has {counted(len(one), 'row')} and {name_b} {len(other):,}, so row by row they do "
                "not belong together.",
                "Join them by a column that both have.",
            )
        ids = [str(place) for place in range(1, len(one) + 1)]
        return _made(name_a, name_b, _rows(ids, prompts, one, other), rows_a)
    keys, at = _keys(rows_a, by, name_a), _keys(rows_b, by, name_b)
    partner = {key: place for place, key in enumerate(at) if key is not None}
    met = [(place, partner[key]) for place, key in enumerate(keys) if key is not None and key in partner]
    here = [place for place, _ in met]
    others = [other[place] for _, place in met]
    lines = _rows(_at(keys, here), _at(prompts, here), _at(one, here), others)
    alone = len(keys) + len(at) - 2 * len(met)
    found = _made(name_a, name_b, lines, rows_a[here], without=alone)
    if not len(found):
        raise DataError(
            f"No row of {name_a} meets a row of {name_b} by {by} with two different answers.",
            "Join them by another column, or row by row.",
        )
    return found


class _Row(NamedTuple):
    id: str
    prompt: str
    one: str
    other: str


def _rows(
    ids: Sequence[object],
    prompts: Sequence[str | None],
    one: Sequence[str | None],
    other: Sequence[str | None],
) -> list[_Row]:
    """What the columns say line by line; nothing is an empty text."""
    return [
        _Row(str(each), prompt or "", (left or "").strip(), (right or "").strip())
        for each, prompt, left, right in zip(ids, prompts, one, other, strict=True)
    ]


def _at(column: Sequence[str | None], places: Sequence[int]) -> list[str | None]:
    return [column[place] for place in places]


def _made(a: str, b: str, lines: Sequence[_Row], rows: pl.DataFrame, *, without: int = 0) -> Pairs:
    """The pairs with two different answers that say something."""
    whole = [place for place, line in enumerate(lines) if line.one and line.other]
    places = [place for place in whole if lines[place].one != lines[place].other]
    kept = [lines[place] for place in places]
    digest = hashlib.sha256()
    for line in sorted(kept):
        digest.update(repr(tuple(line)).encode())
    return Pairs(
        a,
        b,
        ids=[line.id for line in kept],
        prompts=[line.prompt for line in kept],
        answers_a=[line.one for line in kept],
        answers_b=[line.other for line in kept],
        rows=rows[places],
        digest=digest.hexdigest(),
        equal=len(whole) - len(kept),
        without=without + len(lines) - len(whole),
    )


def likely(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The column that one of these names means."""
    lower = {each.lower(): each for each in reversed(columns)}
    return next((lower[name] for name in names if name in lower), None)


def _texts(rows: pl.DataFrame, column: str, where: str) -> list[str | None]:
    if column not in rows.columns:
        raise DataError(
            f"There is no column {column!r} in {where}.", f"Columns: {', '.join(rows.columns[:TOLD])}."
        )
    if rows[column].dtype.is_nested():
        raise DataError(f"The column {column!r} of {where} holds no plain text.", "Choose another column.")
    return rows[column].cast(pl.String, strict=False).to_list()


def _keys(rows: pl.DataFrame, column: str, where: str) -> list[str | None]:
    keys = [
        None if text is None or not text.strip() else text.strip() for text in _texts(rows, column, where)
    ]
    known = [key for key in keys if key is not None]
    if len(set(known)) < len(known):
        raise DataError(
            f"{column} repeats in {where}, so nothing tells which answer belongs to which.",
            "Join by a column that differs in every row, or row by row.",
        )
    return keys


def _transcript(messages: Sequence[Mapping[str, str]]) -> str:
    """What was said before the answer; a single question stands alone."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{each['role']}: {each['content']}" for each in messages)


def _said(messages: Sequence[Mapping[str, str]]) -> str:
    return "\n\n".join(each["content"] for each in messages)


# In which order they are shown, and verdicts that are there already.


def a_is_first(digest: str, pair: str, person: str) -> bool:
    """Whether side A is shown first to this person: half of the pairs, by a hash that nobody sees."""
    return hashlib.sha256(f"{digest}\0{pair}\0{person}".encode()).digest()[0] % 2 == 0


def sequence(pairs: Pairs, person: str, *, both_orders: bool = False) -> list[tuple[int, bool]]:
    """(place, whether A is first) in the sequence of this person; with both orders the second comes later."""
    draw = [hashlib.sha256(f"{pairs.digest}\0{each}".encode()).digest() for each in pairs.ids]
    first = [
        (place, a_is_first(pairs.digest, pairs.ids[place], person))
        for place in sorted(range(len(pairs)), key=lambda place: draw[place])
    ]
    return first + [(place, not a_first) for place, a_first in first] if both_orders else first


class Imported(NamedTuple):
    """Verdicts out of columns: votes of a judge, and cells that could not be read, by what they hold."""

    votes: list[Vote]
    unread: dict[str, int]


def imported(pairs: Pairs, a_first: str, b_first: str | None = None, *, by_place: bool = True) -> Imported:
    """Verdicts of a judge out of columns of the pairs' file; no cell is guessed.

    Args:
        pairs: with the columns of their file.
        a_first: the column with the verdict where A was shown first.
        b_first: the one where B was shown first; None where there was one order only.
        by_place: in ``b_first``, "first", "1" and "a" mean the answer that was shown first, which is B's.
    """
    votes: list[Vote] = []
    unread: dict[str, int] = {}
    for column, is_a_first in ((a_first, True), (b_first, False)):
        if column is None:
            continue
        for pair, cell in zip(pairs.ids, _texts(pairs.rows, column, "the file"), strict=True):
            text = (cell or "").strip().lower()
            if text not in FOR_A | FOR_B | EVEN:
                unread[text or "(empty)"] = unread.get(text or "(empty)", 0) + 1
                continue
            better = WIN if text in FOR_A else LOSE if text in FOR_B else TIE
            swapped = not is_a_first and not by_place
            votes.append(Vote(pair, JUDGE, is_a_first, -better if swapped else better))
    return Imported(votes, unread)
