"""What a model is asked about: the rows of a project or pairs; the parts about judges show either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core import Project
from core.judgements import Judgements
from core.judging.judgement import LlmJudge
from core.judging.rubric import PAIR, PAIR_RUBRICS, RUBRICS, Rubric
from core.pairs import Pairs
from pages.ui import cached

if TYPE_CHECKING:  # it brings the client along, a third of a second before the first screen
    from core.asking import Asker

ORDERS = ("A first", "B first")


@dataclass(frozen=True, slots=True)
class OfPairs:
    """Pairs of answers in the home of a project."""

    project: Project
    pairs: Pairs

    @property
    def home(self) -> Path:
        """Where the ledger lives."""
        return self.project.home

    @property
    def judgements(self) -> Judgements:
        """What models said."""
        return self.project.judgements

    @property
    def judges(self) -> Mapping[str, object]:
        """No judge of rows makes a pair eligible."""
        return {}


Subject = Project | OfPairs


def origin(subject: Subject) -> str:
    """What its runs are known by."""
    return subject.pairs.digest if isinstance(subject, OfPairs) else subject.dataset.origin


def size(subject: Subject) -> int:
    """How many rows or pairs."""
    return len(subject.pairs) if isinstance(subject, OfPairs) else len(subject.dataset)


def noun(subject: Subject) -> str:
    """One of them."""
    return "pair" if isinstance(subject, OfPairs) else "row"


def requests(subject: Subject) -> int:
    """How often each of them is asked about, with one sample."""
    return len(ORDERS) if isinstance(subject, OfPairs) else 1


def asking(subject: Subject, judge: LlmJudge) -> Asker:
    """A judge on what it is asked about, put together once."""
    if isinstance(subject, OfPairs):
        return cached.asking_pairs(subject.home, subject.pairs, judge)
    return cached.asking(subject, judge)


def rubrics(subject: Subject) -> Mapping[str, Rubric]:
    """The built-in ones that fit."""
    return PAIR_RUBRICS if isinstance(subject, OfPairs) else RUBRICS


def fits(subject: Subject, rubric: Rubric) -> bool:
    """Whether a rubric reads what is asked about."""
    return (rubric.reads == PAIR) == isinstance(subject, OfPairs)


def key(subject: Subject, name: str) -> str:
    """The name of a widget whose value means something else for rows than for pairs."""
    return f"pair_{name}" if isinstance(subject, OfPairs) else name


def names(subject: Subject, lines: list[int]) -> dict[str, Sequence[object]]:
    """The columns that say which rows, or which pairs in which order, some lines of an asking are."""
    if isinstance(subject, OfPairs):
        places = [divmod(line, len(ORDERS)) for line in lines]
        pairs = [subject.pairs.ids[place] for place, _ in places]
        return {"pair": pairs, "order": [ORDERS[order] for _, order in places]}
    ids = subject.dataset.frame["id"]
    return {"row": [line + 1 for line in lines], "id": [ids[line] for line in lines]}
