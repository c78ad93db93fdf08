"""Small pools of rows to choose from, and the path from a pool to a selection."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import strategies as st

from core.domain import Judge, Neighbours, Order, Pins, Selection, SelectParams
from core.draws import draws, id_keys
from core.selection import Candidates, Levels, Pinned, cut, eligible, strategies, strategy, with_pins

NAMES = sorted(strategies())
SKIPPING = ["deita"]  # those that leave out eligible rows for good
FILLING = sorted(set(NAMES) - set(SKIPPING))
GRADES = (0.1, 1.0, 2.5, 4.35, 4.7, 5.0)  # 0.1, 4.35 and 4.7 are no float32
DIRECTIONS = np.array(
    [(1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0), (1, 1, 0), (0, 1, 1), (1, 1, 1), (1, -1, 1)], float
)
NO_SCORE = None


def unit(vectors) -> np.ndarray:
    """(n, d) float32 rows of length one."""
    wide = np.asarray(vectors, dtype=float)
    return (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float32)


def nearest(vectors: np.ndarray, k: int) -> Neighbours:
    """The k nearest of every row by brute force, itself left out."""
    wide = vectors.astype(float)
    distances = 1 - wide @ wide.T
    np.fill_diagonal(distances, np.inf)
    indices = np.argsort(distances, axis=1, kind="stable")[:, : min(k, len(vectors) - 1)]
    found = np.take_along_axis(distances, indices, axis=1)
    return Neighbours(indices.astype(np.int32), found.astype(np.float32))


def column(scores) -> np.ndarray:
    """(n,) float32, NaN where a score is missing."""
    return np.array([np.nan if score is NO_SCORE else score for score in scores], dtype=np.float32)


def judge(scores, name: str = "judge") -> Judge:
    """A judge who gave these scores."""
    given = [float(score) for score in scores if score is not NO_SCORE]
    missing = len(scores) - len(given)
    low, high = min(given, default=math.nan), max(given, default=math.nan)
    return Judge(name, column(scores), low, high, None, len(given), missing)


@dataclass(frozen=True)
class Pool:
    """Rows with everything that any strategy looks at; ``scores`` as a person writes them."""

    ids: list[str]
    scores: list[float | None]
    others: list[list[float | None]]
    vectors: np.ndarray = field(repr=False)
    labels: list[int]
    neighbours: Neighbours = field(repr=False)
    response_chars: list[int]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def judge(self) -> Judge:
        """The one whose scores count."""
        return judge(self.scores)

    def judge_of(self, params: SelectParams) -> Judge | None:
        """The one that the parameters name, without the rows that a second one left unscored."""
        if params.judge is None:
            return None
        names = [value for name, value in params.options if name == "with_judge" and value]
        seconds = [self.others[int(name.removeprefix("other "))] for name in names]
        complete = zip(self.scores, *seconds, strict=True)
        return judge([NO_SCORE if NO_SCORE in each else each[0] for each in complete])

    def scored_at_least(self, threshold: float | None) -> set[str]:
        """The ids that pass, by the decimal numbers themselves."""
        return {
            id_
            for id_, score in zip(self.ids, self.scores, strict=True)
            if score is not None and (threshold is None or score >= threshold)
        }

    def in_another_order(self, places: list[int]) -> Pool:
        """The same rows, the i-th of them the one that was at ``places[i]``, with the same graph."""
        now_at = np.argsort(places)
        graph = Neighbours(
            now_at[self.neighbours.indices[places]].astype(np.int32), self.neighbours.distances[places]
        )
        return Pool(
            [self.ids[i] for i in places],
            [self.scores[i] for i in places],
            [[other[i] for i in places] for other in self.others],
            self.vectors[places],
            [self.labels[i] for i in places],
            graph,
            [self.response_chars[i] for i in places],
        )

    def candidates(self, params: SelectParams) -> Candidates:
        """Everything that a strategy may look at, for these parameters."""
        return Candidates(
            eligible=eligible(len(self), self.judge_of(params), params.min_score),
            draw=draws(id_keys(self.ids), params.seed),
            scores=column(self.scores) if params.judge else None,
            others=tuple(column(other) for other in self.others),
            named={f"other {i}": column(other) for i, other in enumerate(self.others)},
            vectors=self.vectors,
            neighbours=self.neighbours,
            labels=np.array(self.labels, dtype=np.int32),
            response_chars=np.array(self.response_chars, dtype=np.int64),
        )

    def order(self, params: SelectParams, limit: int | None = None) -> Order:
        """The sequence in which the strategy takes the rows, pins left out; at least ``limit`` or all."""
        chosen = strategy(params.strategy)
        return chosen.rule(
            self.candidates(params),
            chosen.settings(params),
            limit=len(self) if limit is None else limit,
            check=lambda: None,
        )

    def choose(self, params: SelectParams) -> Selection:
        """From the pool to a selection, with an order that is as long as it has to be and no longer."""
        pins = Pinned(self.positions(params.pins.include), self.positions(params.pins.exclude))
        needed = None if params.count is None else params.count + len(params.pins)
        order = self.order(params, needed)
        return cut(
            params,
            ids=pl.Series(self.ids, dtype=pl.String),
            order=with_pins(order, len(self), pins, draws(id_keys(self.ids), params.seed)),
            judge=self.judge_of(params),
            pins=pins,
            levels=self.levels(params),
        )

    def levels(self, params: SelectParams) -> Levels | None:
        """The rows that are equal to the strategy."""
        chosen = strategy(params.strategy)
        return chosen.levels(self.candidates(params), chosen.settings(params))

    def positions(self, ids) -> np.ndarray:
        """Where these ids are, ascending."""
        return np.array(sorted(self.ids.index(each) for each in ids), dtype=np.int64)


def pool(scores, *, others=(), vectors=None, labels=None, k: int = 3, response_chars=None) -> Pool:
    """A pool with these scores; the rest is filled in: distinct directions, one cluster, one length."""
    n = len(scores)
    vectors = np.eye(n, max(n, 2), dtype=np.float32) if vectors is None else unit(vectors)
    ids = [f"row {i}" for i in range(n)]
    labels = [0] * n if labels is None else list(labels)
    chars = [100] * n if response_chars is None else list(response_chars)
    return Pool(ids, list(scores), [list(o) for o in others], vectors, labels, nearest(vectors, k), chars)


def random_pool(n: int, *, seed: int, d: int = 8, clusters: int = 5) -> Pool:
    """Rows in clusters of unequal size, with grades in half steps, some of them missing."""
    rng = np.random.default_rng(seed)
    labels = np.minimum(rng.geometric(0.4, n) - 1, clusters - 1)
    vectors = rng.normal(size=(clusters, d))[labels] + 0.5 * rng.normal(size=(n, d))

    def grades():
        given = rng.integers(2, 11, n) / 2
        return [NO_SCORE if rng.random() < 0.1 else float(grade) for grade in given]

    return pool(
        grades(),
        others=[grades(), grades()],
        vectors=vectors,
        labels=labels.tolist(),
        k=10,
        response_chars=rng.integers(0, 60, n).tolist(),
    )


def choosing(**settings) -> SelectParams:
    """Parameters with the pool's judge."""
    return replace(SelectParams(judge="judge"), **settings)


def pinning(include=(), exclude=()) -> Pins:
    return Pins(include=frozenset(include), exclude=frozenset(exclude))


@st.composite
def pools(draw, min_rows: int = 1, max_rows: int = 20) -> Pool:
    """Pools full of ties: few grades, few directions, few clusters, repeated rows and missing scores."""
    n = draw(st.integers(min_rows, max_rows))

    def per_row(values):
        return draw(st.lists(st.sampled_from(values), min_size=n, max_size=n))

    scores = per_row([NO_SCORE, *GRADES])
    if not any(score is not NO_SCORE for score in scores):
        scores[0] = draw(st.sampled_from(GRADES))
    return pool(
        scores,
        others=[per_row([NO_SCORE, 1.0, 2.0]) for _ in range(draw(st.integers(0, 2)))],
        vectors=DIRECTIONS[per_row(range(len(DIRECTIONS)))],
        labels=per_row([-1, 0, 0, 0, 7]),
        response_chars=per_row([0, 5, 5, 2000]),
    )


def thresholds_near(values=GRADES):
    """A threshold at, between or beyond the grades, or none."""
    between = [(low + high) / 2 for low, high in pairwise(values)]
    return st.sampled_from([None, 0.0, *values, *between, 9.0])


def seeds():
    return st.integers(0, 2**31)
