"""A weighted graph of rows to places on a plane: the layout of UMAP, on all cores, the same on any number.

umap-learn moves one pair of rows after another, which either keeps to one core or gives another map on
every run. Here all rows move at once, each by the pull and push of the places of the epoch before: rows can
be shared out over threads, and neither their number nor their timing changes a byte.

numba compiles the inner loop for about half a second in every process: import this where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from core.domain import Coords
from core.machine import cores

_STEP = 0.15  # of the first epoch; it falls to nothing with the last
_DRAWN = 16  # random rows that push a row in an epoch
_PIECES = 8  # of the rows, a thread: one that is late does not hold up the others

# Held in single precision: numba would turn every number of Python into a double.
_MOMENTUM = np.float32(0.8)  # of its last move a row makes this part again; as good as twice the epochs
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
_CLIP = np.float32(4)  # of one pull or push, as in umap
_SOFT = np.float32(0.001)  # keeps a push finite, as in umap
_TINY = np.float32(1e-12)  # keeps the logarithm of nothing finite
_ODD = np.uint32(0x9E3779B1)  # multiples of it are spread over all 32 bits


class Graph(NamedTuple):
    """The edges of n rows, each in both directions: those of row i are ``others[starts[i]:starts[i + 1]]``.

    push: (n,) what one random row counts, beside the weights in (0, 1] of the edges.
    """

    starts: NDArray[np.int32]
    others: NDArray[np.int32]
    weights: NDArray[np.float32]
    push: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        starts: NDArray[np.int32],
        others: NDArray[np.int32],
        weights: NDArray[np.float32],
        negatives: int,
    ) -> Graph:
        """Weigh the random rows: ``negatives`` of them count as much as one whole edge."""
        rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        edges = np.bincount(rows, weights, minlength=len(starts) - 1)
        return cls(starts, others, weights, (edges * (negatives / _DRAWN)).astype(np.float32))


def lay_out(
    start: Coords,
    graph: Graph,
    *,
    curve: tuple[float, float],
    epochs: int,
    seed: int,
    after_epoch: Callable[[int], None],
) -> Coords:
    """Move n rows from ``start`` to where the graph pulls them: (n, 2) float32.

    Gradient descent with momentum on the cost of UMAP (arXiv 1802.03426, section 3.2), in which the sum over
    all pairs without an edge is drawn at random.

    Args:
        start: (n, 2) the first places.
        graph: symmetric.
        curve: a and b of the membership 1 / (1 + a d^2b) of two rows at a distance d on the map.
        epochs: how often every row moves.
        seed: of the random rows.
        after_epoch: told how many epochs are done; what it raises stops the layout.
    """
    places = np.array(start, dtype=np.float32)
    before, speed = np.empty_like(places), np.zeros_like(places)
    keys = np.random.default_rng(seed).integers(2**32, size=epochs, dtype=np.uint32)
    shape = (np.float32(curve[0]), np.float32(curve[1]))
    threads = cores()
    borders = np.linspace(0, len(places), threads * _PIECES + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads, thread_name_prefix="layout") as pool:
        for epoch, key in enumerate(keys):
            places, before = before, places
            step = np.float32(_STEP * (1 - epoch / epochs))
            move = partial(_move, before, places, speed, graph, shape, step, key)
            list(pool.map(move, borders[:-1], borders[1:]))
            after_epoch(epoch + 1)
    return places


@njit(nogil=True, fastmath=True)
def _move(before, places, speed, graph, shape, step, key, first, last):
    """Move the rows from ``first`` up to ``last`` from where they were ``before`` to ``places``."""
    n = np.uint64(len(before))
    for row in range(first, last):
        x, y = before[row]
        pull_x = pull_y = push_x = push_y = _ZERO
        for edge in range(graph.starts[row], graph.starts[row + 1]):
            other = graph.others[edge]
            across, up = x - before[other, 0], y - before[other, 1]
            pull = graph.weights[edge]
            force = _pull(across * across + up * up, shape)
            pull_x += pull * _clipped(force * across)
            pull_y += pull * _clipped(force * up)
        drawn = _mixed(np.uint32(row) * _ODD ^ key)
        for draw in range(_DRAWN):
            # The upper half of a product is as good as a remainder, and takes no division.
            other = np.int64(np.uint64(_mixed(drawn + np.uint32(draw) * _ODD)) * n >> np.uint64(32))
            across, up = x - before[other, 0], y - before[other, 1]
            force = _push(across * across + up * up, shape)
            push_x += _clipped(force * across)
            push_y += _clipped(force * up)
        push = graph.push[row]
        speed[row, 0] = _MOMENTUM * speed[row, 0] + step * (pull_x + push * push_x)
        speed[row, 1] = _MOMENTUM * speed[row, 1] + step * (pull_y + push * push_y)
        places[row, 0] = x + speed[row, 0]
        places[row, 1] = y + speed[row, 1]


@njit(inline="always")
def _pull(square, shape):
    """Return the slope of the cost of an edge over the distance, by the distance; below 0: nearer."""
    a, b = shape
    square += _TINY
    power = _exp2(b * _log2(square))
    return -_TWO * a * b * power / (square * (a * power + _ONE))


@njit(inline="always")
def _push(square, shape):
    """Return the same for a pair without an edge; above 0: farther."""
    a, b = shape
    power = _exp2(b * _log2(square + _TINY))
    return _TWO * b / ((_SOFT + square) * (a * power + _ONE))


@njit(inline="always")
def _clipped(force):
    return min(_CLIP, max(-_CLIP, force))


@njit(inline="always")
def _mixed(number):
    """Return 32 bits that look random, the same for the same number: the finaliser of MurmurHash3."""
    bits = np.uint32(number)
    bits = np.uint32((bits ^ bits >> np.uint32(16)) * np.uint32(0x85EBCA6B))
    bits = np.uint32((bits ^ bits >> np.uint32(13)) * np.uint32(0xC2B2AE35))
    return bits ^ bits >> np.uint32(16)


def _fitted(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], low: int
) -> tuple[np.float32, ...]:
    """Return the polynomial of degree 4 nearest to a function from low to low + 1, highest power first."""
    fit = np.polynomial.Chebyshev.interpolate(function, 4, domain=[low, low + 1])
    return tuple(np.float32(factor) for factor in fit.convert(kind=np.polynomial.Polynomial).coef[::-1])


# A power is most of the work. These are within a ten-thousandth of it, which no eye sees on a map, at a third
# of the time: the exponent by the bits of the number, what is left by a polynomial.
_LOG2, _EXP2 = _fitted(np.log2, 1), _fitted(np.exp2, 0)
_LOWEST, _HIGHEST = np.float32(-126), np.float32(126)


@njit(inline="always")
def _log2(number):
    """Return the logarithm of a normal single above 0."""
    bits = np.float32(number).view(np.int32)
    mantissa = np.int32((bits & 0x7FFFFF) | 0x3F800000).view(np.float32)
    return np.float32((bits >> 23) - 127) + _polynomial(_LOG2, mantissa)


@njit(inline="always")
def _exp2(number):
    number = max(_LOWEST, min(_HIGHEST, number))
    whole = np.floor(number)
    return np.int32((np.int32(whole) + 127) << 23).view(np.float32) * _polynomial(_EXP2, number - whole)


@njit(inline="always")
def _polynomial(factors, x):
    """Evaluate a polynomial of degree 4, highest power first."""
    return (((factors[0] * x + factors[1]) * x + factors[2]) * x + factors[3]) * x + factors[4]
