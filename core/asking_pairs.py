"""Pairs of answers and a judge that is a model: both orders of each are asked, and who wins."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.asking import Asker
from core.domain import Mask
from core.errors import ParameterError
from core.judging.judgement import LlmJudge, Task, content_of
from core.judging.prompts import JSON, LINE, Prompt, prompt
from core.judging.rubric import PAIR, PAIR_RUBRICS
from core.pair_rates import Agreement, Vote, WinRate, agreement, win_rate
from core.pairs import Pairs

ORDERS = (True, False)  # whether A is first: the lines of a pair, one after the other
EVEN = 1e-6  # grades less than that apart are equal: means of samples are not exact


@dataclass(frozen=True, slots=True)
class PairLines:
    """What a judge reads of k pairs: line 2i is pair i with A first, line 2i + 1 the same with B first.

    contents: (2k,) names of what is read; the same texts in the same order share one, and are asked once.
    empty: (2k,) lines whose prompt is empty: an answer to nothing cannot be judged, and is never asked.
    order: (k,) places of the pairs in the sequence of asking, drawn by their texts.
    """

    judge: LlmJudge
    pairs: Pairs = field(repr=False)
    contents: list[bytes] = field(repr=False)
    empty: Mask = field(repr=False)
    units: dict[bytes, bytes] = field(repr=False)
    order: list[int] = field(repr=False)

    def __len__(self) -> int:
        return len(self.contents)

    def texts(self, line: int) -> tuple[str, str, str]:
        """Prompt, first answer and second answer."""
        place, swapped = divmod(line, 2)
        answers = (self.pairs.answers_a[place], self.pairs.answers_b[place])
        return (self.pairs.prompts[place], *(answers[::-1] if swapped else answers))

    def unit(self, content: bytes) -> bytes:
        """The pair that it is one order of: both orders are counted as one where so many are asked."""
        return self.units[content]

    def prompt(self, line: int, *, structured: bool | None = None) -> Prompt:
        """The prompt about one pair in one order, as it is sent."""
        form = JSON if (self.judge.structured if structured is None else structured) else LINE
        return prompt(self.judge.rubric, *self.texts(line), form=form, explain=self.judge.explain)

    def tasks(self, within: Mask | None = None) -> list[Task]:
        """Every sample of every different line of some or all, both orders of a pair after each other."""
        wanted = ~self.empty if within is None else within & ~self.empty
        first: dict[bytes, int] = {}
        for place in self.order:
            for line in (2 * place, 2 * place + 1):
                if wanted[line]:
                    first.setdefault(self.contents[line], line)
        return [
            Task(content, sample, *self.texts(line))
            for content, line in first.items()
            for sample in range(self.judge.samples)
        ]


def lines_of(pairs: Pairs, judge: LlmJudge) -> PairLines:
    """What a judge reads of pairs, in both orders.

    Raises:
        ParameterError: its rubric reads rows.
    """
    if judge.rubric.reads != PAIR:
        raise ParameterError(
            f"The rubric {judge.rubric.name} reads rows, not pairs of answers.",
            f"Take {' or '.join(PAIR_RUBRICS)}, or one of your own that says reads: {PAIR}.",
        )
    contents = []
    for question, one, other in zip(pairs.prompts, pairs.answers_a, pairs.answers_b, strict=True):
        contents.append(content_of(question, one, judge.rubric, other))
        contents.append(content_of(question, other, judge.rubric, one))
    units = {}
    for place in range(0, len(contents), 2):
        both = contents[place : place + 2]
        units.update(dict.fromkeys(both, min(both)))
    drawn = [hashlib.sha256(units[content]).digest() for content in contents[::2]]
    order = sorted(range(len(pairs)), key=drawn.__getitem__)
    empty = np.repeat(np.array([not text.strip() for text in pairs.prompts], dtype=bool), len(ORDERS))
    return PairLines(judge, pairs, contents, empty, units, order)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model said of pairs.

    votes: of the pairs that have a verdict in both orders, two each. alone: pairs with a verdict in one order
    only: they count for nobody, since the order may have decided. without: pairs with none.
    """

    votes: tuple[Vote, ...] = field(repr=False)
    alone: int
    without: int

    @property
    def rate(self) -> WinRate:
        """Who wins, and what the order decides."""
        return win_rate(self.votes)

    def beside(self, people: tuple[Vote, ...]) -> Agreement:
        """How far it agrees with what people said of the same pairs."""
        return agreement(self.votes, people)


class AskingPairs(Asker):
    """One judge on pairs of answers, in a home: trial, price, run and ledger as of ``Asking``.

    Every pair is two requests, one in each order. ``most`` counts pairs.

    Raises:
        ParameterError: the judge's rubric reads rows.
    """

    at_once = len(ORDERS)
    noun = "pairs, once in each order"

    def __init__(self, pairs: Pairs, judge: LlmJudge, *, home: Path) -> None:
        self.pairs, self.lines = pairs, lines_of(pairs, judge)
        super().__init__(self.lines, judge, home=home, about=("pairs", pairs.digest))

    def judged(self) -> Judged:
        """The verdicts so far: in each order the answer with the higher grade, by the mean of its samples."""
        number = self.number
        if number is None:
            return Judged((), 0, len(self.pairs))
        apart = self.judgements.scores(number, self.lines.contents).reshape(-1, len(ORDERS))
        known = ~np.isnan(apart)
        whole = known.all(axis=1)
        better = np.where(np.abs(apart) < EVEN, 0, np.sign(apart))
        votes = [
            Vote(self.pairs.ids[place], self.judge.title, a_first, int(better[place, column]))
            for place in np.flatnonzero(whole).tolist()
            for column, a_first in enumerate(ORDERS)
        ]
        alone = int(known.any(axis=1).sum()) - int(whole.sum())
        return Judged(tuple(votes), alone, int((~known.any(axis=1)).sum()))
