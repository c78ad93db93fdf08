"""What a judge is asked: a rubric with its scale, built in or from a person's file; versioned and hashed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import DataError, ParameterError

MOST_GRADES = 101
LARGEST = 64 * 1024  # bytes of a rubric's file
ON_A_STEP = 1e-6

Reads = Literal["exchange", "question", "pair"]
PAIR: Reads = "pair"


class Rubric(BaseModel):
    """One dimension, its scale, and the words that ask for it.

    low, high, step: the grades offered, both ends included.
    reads: what is shown: ``exchange`` is question and answer of a row, ``question`` its question alone,
        ``pair`` a question and two answers, each of which gets a grade.
    asks: one or two sentences that say what is graded and what counts.
    grades: (grade, what deserves it) pairs, for as many grades as need a word.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # built at first use

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9 _.-]{0,39}$")
    dimension: str = Field(min_length=1, max_length=80)
    version: int = Field(default=1, ge=1)
    low: float
    high: float
    step: float = Field(gt=0)
    reads: Reads = "exchange"
    asks: str = Field(min_length=1, max_length=4_000)
    grades: tuple[tuple[float, str], ...] = ()
    source: str = ""

    @model_validator(mode="after")
    def _whole_scale(self) -> Rubric:
        steps = (self.high - self.low) / self.step
        if not math.isfinite(steps) or steps < 1 or steps > MOST_GRADES - 1:
            raise ValueError(f"the scale needs 2 to {MOST_GRADES} grades")
        if abs(steps - round(steps)) > ON_A_STEP:
            raise ValueError("the step does not lead from the lowest grade to the highest")
        if any(not self.offers(grade) for grade, _ in self.grades):
            raise ValueError("a grade that is described is not on the scale")
        return self

    @property
    def hash(self) -> str:
        """sha256 of everything that reaches the model or reads its reply; the source is not among it."""
        return digest_of(self.words)

    @property
    def words(self) -> dict[str, Any]:
        """Everything that its hash is of, field by field: what ``Rubric`` can be made of again."""
        return self.model_dump(mode="json", exclude={"source"})

    @property
    def scale(self) -> tuple[float, ...]:
        """Every grade, ascending."""
        return _scale(self.low, self.step, self._steps)

    @property
    def _steps(self) -> int:
        return round((self.high - self.low) / self.step)

    def offers(self, number: float) -> bool:
        """Whether that is a grade of the scale."""
        if not math.isfinite(number) or not self.low - ON_A_STEP <= number <= self.high + ON_A_STEP:
            return False
        steps = (number - self.low) / self.step
        return abs(steps - round(steps)) <= ON_A_STEP


def digest_of(words: Mapping[str, Any]) -> str:
    """sha256 of a rubric's words as ``Rubric.words`` gives them."""
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


@lru_cache
def _scale(low: float, step: float, steps: int) -> tuple[float, ...]:
    """Remembered, for every prompt is made with it."""
    return tuple(round(low + place * step, 6) for place in range(steps + 1))


def plain(grade: float) -> str:
    """4 and 4.5, never 4.0."""
    return f"{grade:g}"


def built_in(name: str) -> Rubric:
    """The rubric of that name.

    Raises:
        ParameterError: there is none.
    """
    known = {**RUBRICS, **PAIR_RUBRICS}
    if name not in known:
        raise ParameterError(
            f"There is no rubric {name!r}.",
            f"Rubrics: {', '.join(known)}; or name a YAML file with one of your own.",
        )
    return known[name]


def read_rubric(path: str | Path) -> Rubric:
    """A rubric out of a YAML file, whose keys are the fields of ``Rubric``.

    Raises:
        DataError: it cannot be read or is no rubric; the hint names the field.
    """
    where = Path(path)
    try:
        content = where.read_bytes()
    except OSError as cause:
        raise DataError(
            f"The rubric {where.name} could not be read: {cause.strerror}.", "Check the path."
        ) from cause
    return rubric_of(content, where.name)


def rubric_of(content: bytes, name: str) -> Rubric:
    """A rubric out of YAML text; ``name`` is what errors call it. Raises as ``read_rubric`` does."""
    if len(content) > LARGEST:
        raise DataError(
            f"The rubric {name} is larger than {LARGEST // 1024} KB.", "A rubric is a page of text."
        )
    try:
        fields = yaml.safe_load(content.decode("utf-8-sig"))
        if not isinstance(fields, dict):
            raise TypeError("it has no fields")
        return Rubric.model_validate(fields)
    except ValidationError as cause:
        first = cause.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "scale"
        raise DataError(
            f"The rubric {name} does not hold: {first['msg'].removeprefix('Value error, ')}.",
            f"Look at its field {field}.",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, ValueError, RecursionError) as cause:
        why = str(cause).splitlines()[0]
        raise DataError(
            f"The rubric {name} is no YAML file with fields: {why}.", "Write NAME: VALUE lines."
        ) from None


def as_yaml(rubric: Rubric) -> str:
    """The file that ``read_rubric`` reads, to edit a built-in rubric from."""
    fields = rubric.model_dump(mode="json")
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=100)


ALPAGASUS = "AlpaGasus, arXiv 2307.08701"
DEITA = "DEITA, arXiv 2312.15685"
RUBRICS = {
    each.name: each
    for each in (
        Rubric(
            name="accuracy",
            dimension="accuracy of the answer",
            low=0, high=5, step=0.5,
            asks="Grade how accurate the answer is for the question as it was asked. Check facts, "
            "arithmetic, code and whether every part of the question is dealt with. Length and politeness do "
            "not count.",
            grades=(
                (0, "wrong throughout, or no answer to this question"),
                (1, "mostly wrong"),
                (2, "a serious error, or a main part is missing"),
                (3, "right in the main, with errors or gaps that a reader would have to mend"),
                (4, "right, with a small slip or omission"),
                (5, "right and complete; nothing to mend"),
            ),
            source=ALPAGASUS,
        ),
        Rubric(
            name="helpfulness",
            dimension="helpfulness of the answer",
            low=0, high=5, step=0.5,
            asks="Grade how much the answer helps the person who asked. Count whether it does what was "
            "asked, in a form that can be used as it is, at a fitting length. Padding lowers the grade.",
            grades=(
                (0, "no help at all, or a refusal without need"),
                (1, "touches the subject only"),
                (2, "helps with a small part"),
                (3, "helps, and leaves work to the person"),
                (4, "helps fully, with something that could be clearer or shorter"),
                (5, "exactly what the person needs"),
            ),
            source=ALPAGASUS,
        ),
        Rubric(
            name="complexity",
            dimension="complexity of the question",
            low=1, high=6, step=1,
            reads="question",
            asks="Grade how complex the question is for whoever has to answer it: how many steps, conditions "
            "and fields of knowledge it takes. Its length does not count. Do not answer it.",
            grades=(
                (1, "one plain step that anybody can do"),
                (2, "a few plain steps"),
                (3, "several steps or one condition to keep in mind"),
                (4, "several conditions that act together, or some knowledge of a field"),
                (5, "many linked steps, or solid knowledge of a field"),
                (6, "long linked reasoning with expert knowledge"),
            ),
            source=DEITA,
        ),
        Rubric(
            name="quality",
            dimension="quality of the answer",
            low=1, high=6, step=1,
            asks="Grade the quality of the answer as a whole: whether it is right, helpful, relevant to the "
            "question, deep enough for it, well put and detailed where detail helps.",
            grades=(
                (1, "unusable"),
                (2, "poor"),
                (3, "below what one would expect"),
                (4, "sound"),
                (5, "good in nearly every respect"),
                (6, "could stand as a model answer"),
            ),
            source=DEITA,
        ),
        Rubric(
            name="difficulty",
            dimension="difficulty of the question",
            low=1, high=6, step=1,
            reads="question",
            asks="Grade how likely a capable language model is to get this question wrong. Think of hidden "
            "traps, exact reasoning, rare knowledge and demands that contradict each other. Do "
            "not answer it.",
            grades=(
                (1, "no capable model fails"),
                (3, "a model fails now and then"),
                (5, "most models fail"),
                (6, "only the strongest answer rightly, if any"),
            ),
        ),
    )
}  # fmt: skip

PAIR_RUBRICS = {
    each.name: each
    for each in (
        Rubric(
            name="preference",
            dimension="how well each answers the question",
            low=1, high=10, step=1,
            reads=PAIR,
            asks="Grade each answer by what it is worth to the person who asked: whether it does what was "
            "asked, is right, keeps to the subject, and goes as deep as the question needs. Judge both by "
            "the same measure. Length, tone, formatting and the place in which an answer stands do not "
            "count. Where neither is better, give both the same grade.",
            grades=(
                (1, "of no use, or wrong throughout"),
                (3, "touches the question; mostly wrong or missing"),
                (5, "usable, with errors or gaps that matter"),
                (7, "good, with small flaws"),
                (10, "nothing to mend"),
            ),
            source=ALPAGASUS,
        ),
    )
}  # fmt: skip
