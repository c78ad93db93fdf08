"""The greedy choice of facility location: who stands for whom, and what each row would still add.

Gains are sums of whole numbers and so exact: neither the sequence of additions nor the number of threads
can part a tie or make one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.domain import Positions
from core.selection.graph import Graph
from core.selection.whole import Grid

BLOCK = 512  # rows that are brought up to date at once

Whole = NDArray[np.int64]
Worth = NDArray[np.float64] | Whole

TAKEN = -(2**62)  # the gain of a row that is taken


class Ground(Protocol):
    """What is to be covered.

    gain: what each row that may be taken would add.
    """

    gain: Whole

    def take(self, row: int) -> None:
        """A row is taken: the gains of the others fall."""
        ...


class Everywhere:
    """Every pair of c rows that may be taken and s rows that are to be covered."""

    def __init__(self, grid: Grid) -> None:
        """Nothing is covered yet. ``grid``: (s, c) similarities."""
        self.grid = grid
        self.covered = np.zeros(len(grid), dtype=np.int16)
        self.gain = np.zeros(grid.shape[1], dtype=np.int64)
        for start in range(0, len(grid), BLOCK):
            self.gain += grid[start : start + BLOCK].sum(axis=0, dtype=np.int32)

    def take(self, row: int) -> None:
        """A row is taken: where it is nearer than those before it, the others lose what it covers."""
        column = self.grid[:, row]
        nearer = np.flatnonzero(column > self.covered)
        for start in range(0, len(nearer), BLOCK):
            some = nearer[start : start + BLOCK]
            before, after = self.covered[some], column[some]
            lost = np.clip(self.grid[some], before[:, None], after[:, None]).sum(axis=0, dtype=np.int32)
            self.gain -= lost - int(before.sum(dtype=np.int64))
        self.covered[nearer] = column[nearer]


class Nearby:
    """Only the pairs that a graph lists: for choices so large that a row stands for its own surroundings."""

    def __init__(self, graph: Graph, covered: Whole) -> None:
        """``covered``: (m,) how well each row is covered already."""
        self.graph = graph
        self.covered = np.maximum(graph.base, covered)
        self.gain = np.zeros(len(covered), dtype=np.int64)
        owners, rows, similar = graph.edges
        np.add.at(self.gain, rows, np.maximum(similar - self.covered[owners], 0))

    def take(self, row: int) -> None:
        """A row is taken: the gains of the rows two steps away fall, and only those."""
        _, near, similar = self.graph.edges_of(np.array([row]))
        better = similar > self.covered[near]
        changed, after = near[better], similar[better]
        before = self.covered[changed]
        self.covered[changed] = after
        owners, rows, similar = self.graph.edges_of(changed)
        lost = np.clip(similar, before[owners], after[owners]) - before[owners]
        np.subtract.at(self.gain, rows, lost)


class Walk:
    """The picks made so far, and the worth of every row at the next.

    worth: (1 - weight) · gain + weight · quality. The gain is a share of the greatest that is left, so the
    weight says the same at every pick; without a weight it is the gain itself.
    """

    def __init__(self, ground: Ground, quality: NDArray[np.float64], weight: float) -> None:
        """``quality``: a share from 0 to 1 for each row that may be taken."""
        self.ground = ground
        self._weight = weight
        self._bonus = weight * quality

    def without(self, rows: Positions) -> Walk:
        """The same, but these rows are taken already."""
        self.ground.gain[rows] = TAKEN
        self._bonus[rows] = -np.inf
        return self

    def worth(self) -> Worth:
        """(c,) what each row is worth now; least for those that are taken."""
        if not self._weight:
            return self.ground.gain
        worth = self.ground.gain / max(int(self.ground.gain.max()), 1)
        worth *= 1 - self._weight
        worth += self._bonus
        return worth

    def run(
        self, count: int, check: Callable[[], None], *, look: Callable[[Worth], None] = lambda worth: None
    ) -> Positions:
        """``count`` picks; of rows worth the same the first. ``look`` sees what they were worth at each."""
        picks = np.empty(count, dtype=np.int64)
        for place in range(count):
            check()
            worth = self.worth()
            look(worth)
            picks[place] = worth.argmax()
            self.ground.take(int(picks[place]))
            self.without(picks[place : place + 1])
        return picks


def first_of_the_best(worth: Worth, count: int) -> Positions:
    """The ``count`` places that are worth most; of equal ones the first."""
    if count >= len(worth):
        return np.arange(len(worth))
    edge = np.partition(worth, len(worth) - count)[len(worth) - count]
    above = np.flatnonzero(worth > edge)
    return np.concatenate((above, np.flatnonzero(worth == edge)[: count - len(above)]))
