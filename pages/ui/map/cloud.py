"""What the browser holds of a dataset: places, clusters, lengths and score levels of the points.

Coordinates are in *packed units*: 0 to 65,535, one scale for both axes. A judge's scores travel as
indices into the thresholds on offer, so that eligibility at each of them is exact in the browser.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pages.ui.map.wire import Bytes, Header, Positions, pack

Packed = NDArray[np.uint16]  # (n, 2), packed units

EXTENT = 65_535  # the longer axis of the map runs from 0 to this
MAX_LEVELS = 200
LENGTH_BINS = 8
BINS = 44  # bars of a histogram of scores, of equal width
UNSCORED = 255  # in a judge's array of level indices; a code of the wire, never a score
NOISE = -1


@dataclass(frozen=True, slots=True)
class Cloud:
    """What the browser holds of a dataset, and what Python needs to speak about it.

    packet: the bytes for ``carry``.
    drawn: (m,) rows that are drawn, ascending; None where all are.
    clusters: (c,) cluster ids in the order of the legend: by size, noise last.
    cluster_of: (n,) index into ``clusters`` of every row.
    levels: judge name -> (l,) thresholds on offer, ascending, each attained by some row.
    """

    id: str
    rows: int
    packet: bytes = field(repr=False)
    drawn: Positions | None = field(repr=False)
    clusters: NDArray[np.int64] = field(repr=False)
    cluster_of: NDArray[np.uint16] = field(repr=False)
    levels: Mapping[str, NDArray[np.float32]] = field(repr=False)

    @property
    def points(self) -> int:
        """How many points are drawn."""
        return self.rows if self.drawn is None else len(self.drawn)

    def threshold(self, judge: str, level: int) -> float:
        """The score of a level; rows with a score at or above it are eligible."""
        offered = self.levels[judge]
        return float(offered[min(max(level, 0), len(offered) - 1)])

    def level(self, judge: str, threshold: float) -> int:
        """The lowest level at or above a threshold; the highest one where none is."""
        offered = self.levels[judge]
        return min(int(np.searchsorted(offered, np.float32(threshold))), len(offered) - 1)

    def points_of(self, rows: NDArray[Any]) -> Positions:
        """The drawn points among ``rows``, in their order."""
        if self.drawn is None:
            return np.asarray(rows, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.drawn, rows), len(self.drawn) - 1)
        points: Positions = at[self.drawn[at] == rows]
        return points


def pack_cloud(
    coords: NDArray[np.float32],
    labels: NDArray[np.int32],
    names: Mapping[int, str],
    *,
    judges: Mapping[str, NDArray[np.float32]],
    lengths: NDArray[Any],
    drawn: NDArray[Any] | None = None,
    draft: bool = False,
    note: str = "",
) -> Cloud:
    """Pack a map: ``coords`` (n, 2), ``labels`` (n,), scores (n,) with NaN = unscored, tokens (n,).

    drawn: rows to draw where not all are; every count in the header is of all n rows all the same.
    note: one sentence about how the map was made, shown below it.
    """
    rows = np.arange(len(labels)) if drawn is None else np.unique(np.asarray(drawn, dtype=np.int64))
    clusters, cluster_of = _clusters(labels)
    edges = _length_edges(lengths)
    offered = {name: levels(scores) for name, scores in judges.items()}
    codes = {name: level_indices(scores, offered[name]) for name, scores in judges.items()}
    xy = quantise(coords)[rows]
    arrays: dict[str, NDArray[Any]] = {
        "x": xy[:, 0],
        "y": xy[:, 1],
        "cluster": cluster_of[rows].astype(np.uint8 if len(clusters) <= 256 else np.uint16),
        "length": np.searchsorted(edges, np.asarray(lengths)[rows], side="right").astype(np.uint8),
        **{f"judge{i}": codes[name][rows] for i, name in enumerate(judges)},
    }
    if drawn is not None:
        arrays["row"] = rows.astype(np.uint32)
    header: Header = {
        "n": len(labels),
        "drawn": len(rows),
        "draft": draft,
        "note": note,
        "clusters": _cluster_heads(clusters, cluster_of, names),
        "judges": [_judge_head(name, offered[name], codes[name], judges[name]) for name in judges],
        "lengths": {**_span(lengths), "edges": edges.tolist(), "unit": "tokens"},
    }
    header["id"] = hashlib.sha256(pack(header, arrays)).hexdigest()[:12]
    sampled = None if drawn is None else rows
    return Cloud(header["id"], len(labels), pack(header, arrays), sampled, clusters, cluster_of, offered)


def quantise(coords: NDArray[np.float32]) -> Packed:
    """(n, 2) coordinates in packed units: the longer axis fills 0 to 65,535, the other is centred."""
    exact = np.asarray(coords, dtype=np.float64)
    if not len(exact):
        return np.zeros((0, 2), dtype=np.uint16)
    low, high = exact.min(axis=0), exact.max(axis=0)
    span = float((high - low).max()) or 1.0
    packed: Packed = np.rint((exact - (low + high) / 2) / span * EXTENT + EXTENT / 2).astype(np.uint16)
    return packed


def levels(scores: NDArray[np.float32], limit: int = MAX_LEVELS) -> NDArray[np.float32]:
    """Thresholds worth offering: distinct scores ascending, or ``limit`` attained quantiles of them."""
    scored = np.sort(scores[~np.isnan(scores)])
    distinct = np.unique(scored)
    if len(distinct) <= limit:
        return distinct
    return np.unique(scored[np.rint(np.linspace(0, len(scored) - 1, limit)).astype(np.int64)])


def level_indices(scores: NDArray[np.float32], offered: NDArray[np.float32]) -> Bytes:
    """(n,) the highest level each row passes; ``UNSCORED`` where it has no score."""
    codes = np.searchsorted(offered, scores, side="right") - 1
    return np.where(np.isnan(scores), UNSCORED, codes).astype(np.uint8)


def _clusters(labels: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Cluster ids, largest first and noise last, and the place of every row's cluster among them."""
    ids, inverse, totals = np.unique(labels, return_inverse=True, return_counts=True)
    places = np.lexsort((ids, -totals, ids == NOISE))
    rank = np.empty(len(ids), dtype=np.uint16)
    rank[places] = np.arange(len(ids))
    return ids[places].astype(np.int64), rank[inverse.reshape(-1)]


def _cluster_heads(
    clusters: NDArray[np.int64], cluster_of: NDArray[np.uint16], names: Mapping[int, str]
) -> list[Header]:
    totals = np.bincount(cluster_of, minlength=len(clusters)).tolist()
    return [
        {"id": int(c), "name": names.get(int(c), "Noise" if c == NOISE else f"Cluster {c}"), "total": total}
        for c, total in zip(clusters, totals, strict=True)
    ]


def _judge_head(name: str, offered: NDArray[np.float32], codes: Bytes, scores: NDArray[np.float32]) -> Header:
    """A judge in words: shortest decimals of its float32 levels, exact counts a level and a bin."""
    counts = np.bincount(codes, minlength=UNSCORED + 1)
    scored = scores[~np.isnan(scores)]
    return {
        "name": name,
        "levels": [float(str(level)) for level in offered],
        "counts": counts[: len(offered)].tolist(),
        "bins": np.histogram(scored, bins=BINS)[0].tolist() if len(scored) else [],
        "unscored": int(counts[UNSCORED]),
    }


def _length_edges(lengths: NDArray[Any]) -> NDArray[Any]:
    """Inner edges of up to ``LENGTH_BINS`` bins of about equal size, in tokens."""
    if not len(lengths):
        return np.zeros(0, dtype=np.int64)
    inner = np.linspace(0, 1, LENGTH_BINS + 1)[1:-1]
    edges: NDArray[Any] = np.unique(np.quantile(lengths, inner, method="nearest"))
    return np.asarray(edges[edges > np.min(lengths)])


def _span(values: NDArray[Any]) -> Header:
    return {"min": int(np.min(values)), "max": int(np.max(values))} if len(values) else {"min": 0, "max": 0}
