"""The nouns of Winnow: array aliases, enums and frozen records. Imports nothing of core.

n rows, d vector width, k chosen rows, c clusters. Row i of every array is row i of
``Dataset.frame``. Arrays that leave a module are read-only.
"""

from __future__ import annotations

import hashlib
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

HUB = "hf://"  # what names a dataset on the Hugging Face hub begins with


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


EMBED_CHOICES = ("first-user", "all-user", "conversation")
"""What is embedded of a row with several turns; the first is the default."""

JUDGED_CHOICES = tuple(
    f"{part}{system}"
    for part in ("last-exchange", "first-exchange", "conversation")
    for system in ("", "-with-system")
)
"""What a judge will read of a row with several turns; the first is the default."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A text that many prompts share, verbatim.

    place: begins, between (whole lines or the beginnings of lines), ends, or system (a system text).
    count: the rows that it is cut from, or that have the system text.
    """

    place: str
    text: str
    count: int = field(default=0, compare=False)

    @property
    def key(self) -> str:
        """Eight hexadecimal digits that name it in a link and on the command line."""
        return hashlib.sha256(f"{self.place}\0{self.text}".encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class SchemaMapping:
    """Which columns of a file play which roles of a schema; a person may edit it.

    columns: (role, column) pairs. Where a role has several, the first that says something in a row counts.
    """

    schema: str
    columns: tuple[tuple[str, str], ...] = ()

    def of(self, role: str) -> tuple[str, ...]:
        """The columns of that role; none where it is not played."""
        return tuple(column for name, column in self.columns if name == role)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFile:
    """A second file with scores, and how its rows find those of the dataset.

    name: without its folder. sha256: of the file as it was accepted. path: where it lay then.
    by: the column of the dataset (``id``, ``prompt`` or one of its own) that ``key``, a column of the file,
        is equal to. Both are empty where row i belongs to row i.
    """

    name: str
    sha256: str
    by: str = ""
    key: str = ""
    path: str = field(default="", compare=False)

    @property
    def joined(self) -> str:
        """How its rows find those of the dataset, in words."""
        return f"{self.key} = {self.by}" if self.key else "by position"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreColumn:
    """A decision about one judge: which column it is, and what becomes of its cells.

    name: what the judge is called. column: of ``file``, or of the dataset where that is None.
    scale: (from low, from high, to low, to high), linear; a cell outside the first two stays outside.
    invert: lower is better; with a scale its ends change places, without one the sign turns.
    labels: (text, score) pairs; a text that is not among them is unscored. Empty: cells are numbers.
    unscored: numbers in the file that stand for no score, before any scale.
    rule, of: an aggregate: one of ``core.aggregates.RULES`` and the judges that it joins; then there is
        neither column nor file.
    model: of a model's frozen scores, the ``ModelFacts`` of them as JSON; else empty.
    off: the column of that name is no judge, and nothing else here counts.
    """

    name: str
    column: str = ""
    file: ScoreFile | None = None
    scale: tuple[float, float, float, float] | None = None
    invert: bool = False
    labels: tuple[tuple[str, float], ...] = ()
    unscored: tuple[float, ...] = ()
    rule: str = ""
    of: tuple[str, ...] = ()
    model: str = field(default="", repr=False)  # the scores are those of the file, whatever is said of them
    off: bool = False


@dataclass(frozen=True, slots=True)
class LostScores:
    """A judge that was decided on and is not there, and why."""

    column: ScoreColumn
    why: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """One file, read. Row i of ``frame`` and of ``rows`` is row i of every array.

    frame: ``id`` (str, unique), ``prompt`` (without ``left_out`` it is the text that is embedded),
        ``response`` (the last answer), ``system``, ``messages`` (list of role and content), ``tools`` (JSON
        text, null where there are none), and the file's own columns where the names are free. Preference
        pairs have ``rejected`` (list of role and content) and ``chosen_turns`` (how many of the last messages
        stand against it); where messages hold more than that, as tool calls, ``turn_fields`` has one JSON
        object or null for each message.
    rows: the file's own columns, verbatim, for export.
    places: file, unit (line or row) and number (from 1): where each row stands; no part of what is stored.
    fingerprint: sha256 of the content; the key of everything computed from it.
    text_fingerprint: sha256 of the embedded texts alone; equal prompts share vectors whatever the scores.
    sha256: of the file as it was read, as sha256sum gives it.
    boilerplate: what many prompts share. left_out: the pieces of it that are not embedded; ``prompt``,
        messages and exports have them all the same.
    judged: what a judge will read, one of ``JUDGED_CHOICES``.
    scores: what was decided about judges, in sequence; without any, ``judges`` are those that were found.
    lost: those of them whose file cannot be read any more.
    judges_digest: sha256 of all scores where something was decided about judges, else empty.
    whole: the fingerprint of the whole file, where rows were taken out of it; else empty.
    taken_out: how many rows were.
    """

    name: str
    source: str
    schema: str
    frame: pl.DataFrame = field(repr=False)
    rows: pl.DataFrame = field(repr=False)
    places: pl.DataFrame = field(repr=False)
    judges: Mapping[str, Judge] = field(repr=False)
    problems: tuple[Problem, ...]
    rows_read: int
    fingerprint: str
    text_fingerprint: str
    sha256: str
    mapping: SchemaMapping = SchemaMapping("alpaca")
    embed: str = EMBED_CHOICES[0]
    boilerplate: tuple[Piece, ...] = field(default=(), repr=False)
    left_out: tuple[Piece, ...] = field(default=(), repr=False)
    judged: str = JUDGED_CHOICES[0]
    scores: tuple[ScoreColumn, ...] = ()
    lost: tuple[LostScores, ...] = ()
    judges_digest: str = ""
    whole: str = ""
    taken_out: int = 0

    def __len__(self) -> int:
        return self.frame.height

    @property
    def faults(self) -> tuple[Problem, ...]:
        """The problems without the texts that many prompts share, which are no fault of the file."""
        shared = {f"piece {piece.key}" for piece in self.boilerplate}
        return tuple(each for each in self.problems if shared.isdisjoint(each.places))

    @property
    def scored_fingerprint(self) -> str:
        """Names the content with its judges: the key of whatever a score has a part in."""
        return f"{self.fingerprint}+{self.judges_digest}" if self.judges_digest else self.fingerprint

    @property
    def origin(self) -> str:
        """The fingerprint of the whole file: what people decide is kept under it."""
        return self.whole or self.fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One decision to take rows out of a dataset before anything is computed from it.

    rule: a name in ``core.removals.RULES``; settings: its own, as sorted (name, value) pairs.
    kept: ids that the rule finds and a person keeps all the same. ids: those named by hand.
    version: of the rule.
    found: (k,) positions in the whole file, ascending, without those kept; other removals have no part in it.
    ids_sha256: of their ids, one a line, in the order of the file.
    """

    rule: str
    settings: tuple[tuple[str, OptionValue], ...] = ()
    kept: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    version: int = 1
    found: Positions = field(repr=False, compare=False)
    ids_sha256: str


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What people decided about the rows of a whole file: what is out, in sequence, and what is fine.

    fine: (rule, ids) pairs: rows that a rule finds and a person looked at and keeps.
    """

    removals: tuple[Removal, ...] = ()
    fine: tuple[tuple[str, frozenset[str]], ...] = ()

    def kept(self, rule: str) -> frozenset[str]:
        """The ids that are fine, whatever that rule finds."""
        return dict(self.fine).get(rule, frozenset())


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
    max_tokens: how many tokens of prompt and response the rows hold together at most; None: no limit.
    dedup_distance: rows this near to a better row of their cluster, in cosine distance above 0 and at most
        0.5, are left out before the strategy chooses (SemDeDup, arXiv 2303.09540); None: none are.
    """

    judge: str | None = None
    min_score: float | None = None
    count: int | None = None
    strategy: str = "k-center"
    seed: int = 0
    options: tuple[tuple[str, OptionValue], ...] = ()
    pins: Pins = Pins()
    max_tokens: int | None = None
    dedup_distance: float | None = None

    def without_count(self) -> SelectParams:
        """The same decisions for any count and token budget: what an order depends on."""
        return replace(self, count=None, max_tokens=None)


@dataclass(frozen=True, slots=True)
class Ties:
    """How much of the choice a tie decided: ``chosen`` rows out of ``tied`` equal ones.

    Rows are tied where the strategy holds them to be equal, and some are in and some are not.

    score: the one score, or the one length in characters, of the tied rows, at which the cut falls; None
        where there is no such number, as inside several clusters, and where nothing is tied.
    chosen: tied rows that got in; 0 where nothing is tied.
    tied: rows equal before the rule, in or out; pinned rows are not among them.
    rule: how equal rows are parted.
    said: all this but the rule, in a sentence; empty where nothing is tied.
    """

    score: float | None
    chosen: int
    tied: int
    rule: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows chosen, and why every other row is not among them.

    ids: (k,) str, in order of choice.
    rows: (k,) positions in the dataset.
    codes: (n,) ``Reason`` of every row.
    eligible: rows that pass the threshold and are not excluded; near copies among them count too.
    reachable: rows that the highest count would take, under the token budget as far as the order tells.
    """

    params: SelectParams
    ids: list[str] = field(repr=False)
    rows: Positions = field(repr=False)
    codes: NDArray[np.uint8] = field(repr=False)
    eligible: int
    reachable: int
    ties: Ties
    notes: tuple[str, ...] = ()  # what was capped, tied or missing, in words

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def reasons(self) -> pl.Series:
        """(n,) reason of every row, as a polars Enum."""
        return pl.Series("reason", self.codes).cat.to(REASON_DTYPE)
