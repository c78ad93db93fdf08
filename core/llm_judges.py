"""The models that have scored rows of a dataset, as judges beside its columns; what each reads of a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Dataset, Judge, Mask
from core.draws import draws, id_keys
from core.errors import ParameterError
from core.judged import judged
from core.judgements import Judgements
from core.judging.judgement import LlmJudge, Task, content_of
from core.judging.prompts import JSON, LINE, Prompt, prompt
from core.judging.rubric import PAIR
from core.loading.judges import judge as judge_of_scores

FILE = "judgements.sqlite"


@dataclass(frozen=True, slots=True)
class Rows:
    """What a judge reads of each row of a dataset.

    contents: (n,) names of what is read; duplicate rows share one, and it is asked once.
    empty: (n,) rows with nothing to judge; they are skipped and never asked.
    """

    judge: LlmJudge
    questions: pl.Series = field(repr=False)
    answers: pl.Series = field(repr=False)
    contents: list[bytes] = field(repr=False)
    empty: Mask = field(repr=False)
    keys: NDArray[np.uint64] = field(repr=False)  # (n,) random by id: the sequence in which rows are asked

    def __len__(self) -> int:
        return len(self.contents)

    def unit(self, content: bytes) -> bytes:
        """What counts as one where so many are asked: each content."""
        return content

    def prompt(self, row: int, *, structured: bool | None = None) -> Prompt:
        """The prompt about one row, as it is sent."""
        form = JSON if (self.judge.structured if structured is None else structured) else LINE
        return prompt(
            self.judge.rubric, self.questions[row], self.answers[row], form=form, explain=self.judge.explain
        )

    def tasks(self, within: Mask | None = None) -> list[Task]:
        """Every sample of every different content of some rows or all, in a sequence that belongs to ids."""
        rows = np.flatnonzero(~self.empty if within is None else within & ~self.empty)
        first: dict[bytes, int] = {}
        for row in rows[np.argsort(self.keys[rows], kind="stable")].tolist():
            first.setdefault(self.contents[row], row)
        questions, answers = self.questions.to_list(), self.answers.to_list()  # cell by cell takes seconds
        return [
            Task(content, sample, questions[row], answers[row])
            for content, row in first.items()
            for sample in range(self.judge.samples)
        ]


def rows_of(dataset: Dataset, judge: LlmJudge) -> Rows:
    """What a judge reads of each row, as the dataset's choice of what is judged says.

    Raises:
        ParameterError: its rubric compares two answers, and a row has one.
    """
    if judge.rubric.reads == PAIR:
        raise ParameterError(
            f"The rubric {judge.rubric.name} compares two answers, and a row has one.",
            "Ask about pairs of answers, or take a rubric that reads rows.",
        )
    texts = judged(dataset.frame, dataset.judged)
    questions, answers = texts.questions.fill_null(""), texts.answers.fill_null("")
    empty = (questions.str.strip_chars() == "").to_numpy()
    if judge.rubric.reads == "exchange":
        empty = empty | (answers.str.strip_chars() == "").to_numpy()
    contents = [
        content_of(question, answer, judge.rubric)
        for question, answer in zip(questions.to_list(), answers.to_list(), strict=True)
    ]
    keys = draws(id_keys(dataset.frame["id"]), 0)
    return Rows(judge, questions, answers, contents, empty, keys)


def llm_judges(dataset: Dataset, *, home: Path) -> dict[str, Judge]:
    """Every model that has scored any row of the dataset, by name; rows that it has not scored are NaN.

    Raises:
        StoreError: the ledger of judgements cannot be read.
    """
    judgements = Judgements(home / FILE)
    contents: dict[str, list[bytes]] = {}
    found = {}
    for number, judge, _ in judgements.judges():
        reads = judge.rubric.reads
        if reads == PAIR:
            continue
        if reads not in contents:
            contents[reads] = rows_of(dataset, judge).contents
        scores = judgements.scores(number, contents[reads])
        if not np.isnan(scores).all():
            found[judge.title] = judge_of_scores(judge.title, scores)
    return found
