"""What the map shows at one moment besides the cloud: a few kilobytes at every rerun of the fragment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pages.ui.map.cloud import Cloud
from pages.ui.map.wire import Header, Positions, pack, pack_set

BUDGET = 7_000  # bytes of one move
WIDE = 65_536  # positions of more points than this take four bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Everything that the map shows at one moment besides the cloud.

    order: rows in the sequence in which they would be taken, pinned ones first and excluded ones
        left out; the selection is its first ``count``.
    order_id: names the order; the same as long as only ``count`` changes.
    eligible: rows that pass the threshold and all filters, exact, of all n.
    seq: the ``Settings.seq`` that this answers (0 before the first).
    ack: the ``Pin.n`` applied last (0 before the first).
    judge: whose scores the threshold is of; None where there is none.
    level: index into ``Cloud.levels[judge]``; None: every scored row.
    found: rows that get a ring, because they were looked for.
    reachable: how many rows could be taken, where ``order`` is only made as far as it is needed.
    limited: what those rows are called where a limit leaves fewer than are eligible; empty where none does.
    pending: the order is being computed; ``order`` is the best that is known and ``message`` says so.
    """

    order: Positions = field(repr=False)
    count: int
    eligible: int
    order_id: str
    seq: int = 0
    ack: int = 0
    judge: str | None = None
    level: int | None = None
    colour: str = "cluster"
    isolated: int | None = None  # cluster id
    include: Positions = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    exclude: Positions = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    found: Positions = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    can_undo: bool = False
    reachable: int | None = None
    limited: str = ""
    pending: bool = False
    message: str = ""


def pack_move(cloud: Cloud, move: Move, *, budget: int = BUDGET) -> bytes:
    """Pack a move into at most ``budget`` bytes (52,002 rows, whatever the count, up to some hundred pins).

    ``chosen`` is the set of chosen points; ``window`` holds the points of the order around the count,
    as many as the budget leaves room for, so that the browser can follow the thumb exactly inside it.
    """
    taken = min(max(move.count, 0), len(move.order))
    arrays: dict[str, NDArray[Any]] = {"by_cluster": _by_cluster(cloud, move.order[:taken])}
    header = _move_header(cloud, move, taken)
    for name, rows in (("pinned", move.include), ("excluded", move.exclude), ("found", move.found)):
        if len(rows):
            header[name], arrays[name] = pack_set(cloud.points_of(rows), cloud.points)
    points, ranks = _ordered_points(cloud, move.order)
    held = int(np.searchsorted(ranks, taken))  # chosen points that are drawn
    code, data = pack_set(points[:held], cloud.points)
    kind: type[np.unsignedinteger[Any]] = np.uint16 if cloud.points <= WIDE else np.uint32
    wide = np.dtype(kind).itemsize + (0 if cloud.drawn is None else 4)
    spare = budget - len(pack({**header, "chosen": code}, arrays)) - 100  # 100: what describes the arrays
    first, last = 0, min(spare // wide, len(points))
    if last < min(2 * held, len(points)):  # the order from its start does not fit: set and surroundings
        first, last = _window(len(points), held, (spare - len(data)) // wide)
    if first:
        header["chosen"], arrays["chosen"] = code, data
    header["window"] = [first, held]
    arrays["window"] = points[first:last].astype(kind)
    if cloud.drawn is not None:
        arrays["ranks"] = ranks[first:last].astype(np.uint32)
    return pack(header, arrays)


def _move_header(cloud: Cloud, move: Move, taken: int) -> Header:
    """The header of a move; what is empty or off is left out, since every byte is sent each time."""
    header: Header = {
        "cloud": cloud.id,
        "seq": move.seq,
        "judge": move.judge,
        "level": _offered(cloud, move),
        "count": move.count,
        "taken": taken,
        "eligible": move.eligible,
        "max_count": len(move.order) if move.reachable is None else move.reachable,
        "order_id": move.order_id[:16],
        "colour": move.colour,
        "isolated": move.isolated,
        "pins": [len(move.include), len(move.exclude), int(move.can_undo), move.ack],
    }
    if move.limited:
        header["limited"] = move.limited
    if move.pending or move.message:
        header |= {"pending": move.pending, "message": move.message[:200]}
    return header


def _offered(cloud: Cloud, move: Move) -> int | None:
    """The level, moved to the nearest on offer: it may come from a browser that saw another judge."""
    offered = cloud.levels.get(move.judge or "")
    if offered is None or not len(offered) or move.level is None:
        return None
    return min(max(move.level, 0), len(offered) - 1)


def _by_cluster(cloud: Cloud, chosen: Positions) -> NDArray[Any]:
    """(c,) chosen rows a cluster, exact, of all n rows."""
    counts = np.bincount(cloud.cluster_of[chosen], minlength=len(cloud.clusters))
    return counts.astype(np.uint16 if counts.max(initial=0) < WIDE else np.uint32)


def _ordered_points(cloud: Cloud, order: Positions) -> tuple[Positions, Positions]:
    """The drawn points in the sequence of the order, and the place of each in it."""
    if cloud.drawn is None:
        return order, np.arange(len(order))
    is_drawn = np.zeros(cloud.rows, dtype=np.bool_)
    is_drawn[cloud.drawn] = True
    ranks = np.flatnonzero(is_drawn[order])
    return cloud.points_of(order[ranks]), ranks


def _window(length: int, middle: int, room: int) -> tuple[int, int]:
    """[first, last) of at most ``room`` entries around ``middle``, moved inwards at the ends."""
    room = max(0, min(room, length))
    first = min(max(0, middle - room // 2), length - room)
    return first, first + room
