"""The nouns of Winnow: array aliases, enums and frozen records. Imports nothing of core.

n rows, d vector width, k chosen rows, c clusters. Row i of every array is row i of
``Dataset.frame``. Arrays that leave a module are read-only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Vectors = NDArray[np.float32]  # (n, d), unit length
Scores = NDArray[np.float32]  # (n,), NaN = unscored
Labels = NDArray[np.int32]  # (n,), -1 = noise, where the method has noise
Coords = NDArray[np.float32]  # (n, 2)
Order = NDArray[np.int64]  # positions, in the sequence they would be taken
Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]

OptionValue = str | int | float | bool


class Reason(IntEnum):
    """Why a row is or is not in the selection; the reasons partition the rows."""

    CHOSEN = 0
    PINNED = 1
    UNSCORED = 2
    BELOW_THRESHOLD = 3
    DUPLICATE = 4
    OVER_BUDGET = 5
    EXCLUDED = 6

    @property
    def word(self) -> str:
        """How it is written for people and in files."""
        return self.name.lower().replace("_", " ")


REASON_DTYPE = pl.Enum([reason.word for reason in Reason])


class Neighbours(NamedTuple):
    """The k nearest rows of every row, nearest first, the row itself left out."""

    indices: NDArray[np.int32]  # (n, k)
    distances: NDArray[np.float32]  # (n, k), cosine distance 1 - x.y, ascending


class Progress(NamedTuple):
    """How far one stage of the work is; ``seconds_left`` where the stage knows better than its rate tells."""

    stage: str
    done: int
    total: int
    note: str = ""
    seconds_left: float | None = None


OnProgress = Callable[[Progress], None]
"""Called often from the working thread; raises ``Cancelled`` to stop the work."""


def ignore_progress(_: Progress) -> None:
    """Report to nobody."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A named source of scores, one value a row."""

    name: str
    scores: Scores = field(repr=False)
    low: float  # lowest score seen
    high: float  # highest score seen
    step: float | None  # distance between grades; None where scores are continuous
    scored: int
    unscored: int

    @property
    def scale(self) -> tuple[float, float, float | None]:
        """(lowest, highest, step): what was seen, not what a rubric promises."""
        return self.low, self.high, self.step


@dataclass(frozen=True, slots=True)
class Problem:
    """Something found while reading a file, counted, with the first places it was seen."""

    kind: str
    count: int
    places: tuple[str, ...] = ()  # "line 12: ..." and the like, a few at most
    loaded: bool = True  # whether these rows are in the dataset all the same


@dataclass(frozen=True, slots=True)
class Dataset:
    """One file, read. Row i of ``frame`` and of ``rows`` is row i of every array.

    frame: ``id`` (str, unique), ``prompt`` (the text that is embedded), ``response``, ``system``,
        ``messages`` (list of role and content), and the file's own columns where the names are free.
    rows: the file's own columns, verbatim, for export.
    fingerprint: sha256 of the content; the key of everything computed from it.
    text_fingerprint: sha256 of the prompts alone; equal prompts share vectors whatever the scores.
    sha256: of the file as it was read, as sha256sum gives it.
    """

    name: str
    source: str
    schema: str
    frame: pl.DataFrame = field(repr=False)
    rows: pl.DataFrame = field(repr=False)
    judges: Mapping[str, Judge] = field(repr=False)
    problems: tuple[Problem, ...]
    rows_read: int
    fingerprint: str
    text_fingerprint: str
    sha256: str

    def __len__(self) -> int:
        return self.frame.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What a person decided row by row: these ids are always in, or never."""

    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.include) + len(self.exclude)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectParams:
    """Every decision behind a selection; hashable, so that it is a cache key.

    judge: whose scores count; None leaves scores out.
    min_score: the threshold, inclusive (AlpaGasus, arXiv 2307.08701, Eq. 1); None: every scored row.
    count: how many rows at most; None: all eligible ones.
    strategy: a name in ``core.selection.registry``.
    options: the strategy's own settings, as sorted (name, value) pairs.
    """

    judge: str | None = None
    min_score: float | None = None
    count: int | None = None
    strategy: str = "k-center"
    seed: int = 0
    options: tuple[tuple[str, OptionValue], ...] = ()
    pins: Pins = Pins()

    def without_count(self) -> SelectParams:
        """The same decisions for any count: what an order depends on."""
        return replace(self, count=None)


@dataclass(frozen=True, slots=True)
class Ties:
    """How much of the choice a tie decided: ``chosen`` rows out of ``tied`` equal ones.

    score: with ``top-score`` and ``deita``, the one score of the tied rows, at which the cut falls. With
        ``threshold`` None: every eligible row is tied, whatever its score. None too where nothing is tied,
        as always with the strategies that do not go by the score alone.
    chosen: tied rows that got in; 0 where nothing is tied.
    tied: rows equal before the rule, in or out; pinned rows are not among them.
    """

    score: float | None
    chosen: int
    tied: int
    rule: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows chosen, and why every other row is not among them.

    ids: (k,) str, in order of choice.
    rows: (k,) positions in the dataset.
    codes: (n,) ``Reason`` of every row.
    """

    params: SelectParams
    ids: list[str] = field(repr=False)
    rows: Positions = field(repr=False)
    codes: NDArray[np.uint8] = field(repr=False)
    eligible: int
    ties: Ties
    notes: tuple[str, ...] = ()  # what was capped, tied or missing, in words

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def reasons(self) -> pl.Series:
        """(n,) reason of every row, as a polars Enum."""
        return pl.Series("reason", self.codes).cat.to(REASON_DTYPE)
