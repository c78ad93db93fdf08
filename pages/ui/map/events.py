"""What the browser sends back, checked: it is input like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pages.ui.map.cloud import EXTENT, Packed, quantise
from pages.ui.map.wire import Positions

PinOp = Literal["include", "exclude", "clear", "undo", "like"]
MAX_VERTICES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the controls of the map stand.

    seq: grows with every change; goes back in ``Move.seq``.
    level: index into ``Cloud.levels`` of the judge; None where no threshold can be set.
    colour: "cluster", "selected", "length" or "judge:" and a judge's name.
    isolated: the id of the one cluster that is looked at, or None.
    """

    seq: int
    level: int | None
    count: int
    colour: str
    isolated: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One decision made on the map. Rows in the polygon and of the cluster, where both are given.

    n: grows with every decision of a browser; goes back in ``Move.ack``, after which the next is sent.
    polygon: vertices in packed units (see ``cloud``); even-odd rule.
    """

    n: int
    op: PinOp
    polygon: tuple[tuple[float, float], ...] = ()
    cluster: int | None = None
    rows: tuple[int, ...] = ()


def read_settings(state: Mapping[str, Any]) -> Settings | None:
    """The settings in the component's state; None where there are none."""
    raw = state.get("settings")
    if not isinstance(raw, Mapping) or not isinstance(raw.get("colour"), str):
        return None
    seq, count = _whole(raw.get("seq")), _whole(raw.get("count"))
    if seq is None or count is None or seq < 0 or count < 0:
        return None
    return Settings(
        seq=seq,
        level=_whole(raw.get("level")),
        count=count,
        colour=raw["colour"],
        isolated=_whole(raw.get("isolated")),
    )


def read_pin(state: Mapping[str, Any]) -> Pin | None:
    """The decision in a component's state, inside ``on_pin``; None where it cannot be understood."""
    raw = state.get("pin")
    if not isinstance(raw, Mapping) or raw.get("op") not in get_args(PinOp):
        return None
    polygon, rows = _polygon(raw.get("polygon")), raw.get("rows") or ()
    if polygon is None or not isinstance(rows, Sequence) or any(_whole(r) is None for r in rows):
        return None
    return Pin(
        n=_whole(raw.get("n")) or 0,
        op=raw["op"],
        polygon=polygon,
        cluster=_whole(raw.get("cluster")),
        rows=tuple(int(r) for r in rows),
    )


def read_open(state: Mapping[str, Any]) -> int | None:
    """The row (position in the dataset) that was clicked, inside ``on_open``."""
    raw = state.get("open")
    return _whole(raw.get("row")) if isinstance(raw, Mapping) else None


def pin_rows(pin: Pin, coords: NDArray[np.float32], labels: NDArray[np.int32]) -> Positions:
    """The rows that a pin is about, ascending; none for an undo."""
    n = len(labels)
    if pin.rows:
        return np.unique([row for row in pin.rows if 0 <= row < n]).astype(np.int64)
    if not pin.polygon and pin.cluster is None:
        return np.zeros(0, dtype=np.int64)
    inside = np.ones(n, dtype=np.bool_) if pin.cluster is None else labels == pin.cluster
    if pin.polygon:
        inside &= inside_polygon(quantise(coords), pin.polygon)
    return np.flatnonzero(inside)


def inside_polygon(points: Packed, polygon: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
    """(n,) whether each point, in packed units, lies in the polygon: even-odd rule, as in the browser."""
    x, y = points[:, 0].astype(np.float64), points[:, 1].astype(np.float64)
    inside = np.zeros(len(points), dtype=np.bool_)
    last_x, last_y = polygon[-1]
    for next_x, next_y in polygon:
        spans = (next_y > y) != (last_y > y)
        if next_y != last_y:
            inside ^= spans & (x < (last_x - next_x) * (y - next_y) / (last_y - next_y) + next_x)
        last_x, last_y = next_x, next_y
    return inside


def _whole(value: object) -> int | None:
    """An integer that a browser sent, which may arrive as 3.0; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value)


def _polygon(value: object) -> tuple[tuple[float, float], ...] | None:
    """Checked vertices; () where there is no polygon, None where it is not one."""
    if not value:
        return ()
    if not isinstance(value, Sequence) or not 3 <= len(value) <= MAX_VERTICES:
        return None
    vertices = []
    for vertex in value:
        if not isinstance(vertex, Sequence) or len(vertex) != 2:
            return None
        x, y = vertex
        if not all(isinstance(v, int | float) and abs(v) <= 16 * EXTENT for v in (x, y)):
            return None
        vertices.append((float(x), float(y)))
    return tuple(vertices)
