"""Still pictures of the map, as PNG: for saved selections, comparisons and reports.

They are painted here rather than by a browser, so that every face can make one without starting a browser,
and the same selection gives the same bytes. The ground is transparent: they stand on light and on dark.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain import Coords, Labels, Positions
from core.palette import NOISE, ON_LIGHT

Pixels = NDArray[np.float32]  # (height, width, 4): red, green, blue, opacity; 0 to 1

WIDTH, HEIGHT = 960, 600  # pixels
MARGIN = 0.03  # of the width and the height, left free on each side
FINER = 2  # a picture is painted so many times larger, then averaged: smooth edges
GROUND = "#808080"  # rows that are not chosen
BOTH, ONLY_FIRST, ONLY_SECOND = "#5b5b5b", "#0072b2", "#d55e00"  # after Okabe and Ito


@dataclass(frozen=True, slots=True)
class Layer:
    """Some rows in one colour each.

    rows: (k,) positions; later ones lie over earlier ones.
    colours: one for all, or (k,) indices into ``ON_LIGHT``, -1 for noise.
    diameter: of a point, in pixels of a picture that is ``WIDTH`` wide. opacity: from 0 to 1.
    """

    rows: Positions
    colours: str | Labels
    diameter: float = 4.0
    opacity: float = 0.9


def selection_picture(
    coords: Coords,
    labels: Labels,
    rows: Positions,
    *,
    colour: str | None = None,
    width: int = WIDTH,
    height: int = HEIGHT,
    coarse: float = 1.0,
) -> bytes:
    """The chosen rows in the colours of their clusters, or in one colour, over all rows in grey: a PNG.

    ``coarse``: how many times larger the points are; above 1 for pictures that are shown small.
    """
    layers = (_ground(coords, coarse), Layer(rows, colour or labels[rows], _diameter(len(rows)) * coarse))
    return picture(coords, layers, width=width, height=height)


def overlap_picture(
    coords: Coords,
    first: Positions,
    second: Positions,
    *,
    colours: tuple[str, str] = (ONLY_FIRST, ONLY_SECOND),
    width: int = WIDTH,
    height: int = HEIGHT,
    coarse: float = 1.0,
) -> bytes:
    """What two selections share, and what only one of them has, over all rows in grey: a PNG.

    ``coarse``: as in ``selection_picture``.
    """
    size = _diameter(max(len(first), len(second))) * coarse
    layers = (
        _ground(coords, coarse),
        Layer(np.intersect1d(first, second), BOTH, size),
        Layer(np.setdiff1d(first, second), colours[0], size),
        Layer(np.setdiff1d(second, first), colours[1], size),
    )
    return picture(coords, layers, width=width, height=height)


def picture(coords: Coords, layers: Sequence[Layer], *, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Paint the layers one over the other: a PNG with a transparent ground.

    Args:
        coords: (n, 2) the map; both axes keep one scale.
        layers: the lowest first.
        width: in pixels. height: in pixels.
    """
    places = _places(coords, width * FINER, height * FINER)
    canvas = np.zeros((height * FINER, width * FINER, 4), dtype=np.float32)
    for layer in layers:
        _paint(canvas, places[layer.rows], layer, radius=layer.diameter / 2 * FINER * width / WIDTH)
    fine = canvas.reshape(height, FINER, width, FINER, 4)
    opacity = fine[..., 3:].mean(axis=(1, 3))
    colour = (fine[..., :3] * fine[..., 3:]).mean(axis=(1, 3)) / np.maximum(opacity, 1e-6)
    pixels = np.round(np.concatenate((colour, opacity), axis=2) * 255).astype(np.uint8)
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(out, "PNG", optimize=True)
    return out.getvalue()


def _ground(coords: Coords, coarse: float) -> Layer:
    """All rows in grey, the fainter and the smaller the more there are."""
    opacity = float(np.clip(40 / np.sqrt(max(len(coords), 1)), 0.15, 0.5))
    return Layer(np.arange(len(coords)), GROUND, _diameter(len(coords)) * 0.7 * coarse, opacity)


def _diameter(count: int) -> float:
    """Of so many points, so that few are seen and many do not run together: 5.2 for 100, 3 for 9,000."""
    return float(9 * max(count, 1) ** -0.12)


def _places(coords: Coords, width: int, height: int) -> NDArray[np.int64]:
    """(n, 2) column and line of each row's point; the map's upward axis points up."""
    if not len(coords):
        return np.empty((0, 2), dtype=np.int64)
    wide = coords.astype(np.float64)
    low, high = wide.min(axis=0), wide.max(axis=0)
    room = np.array([width, height]) * (1 - 2 * MARGIN)
    scale = (room / np.maximum(high - low, 1e-9)).min()
    centred = (wide - (low + high) / 2) * scale * (1, -1)
    places: NDArray[np.int64] = np.round(centred + np.array([width, height]) / 2).astype(np.int64)
    return places


def _paint(canvas: Pixels, places: NDArray[np.int64], layer: Layer, *, radius: float) -> None:
    """Lay discs over the canvas. Points of one layer do not add up: the last one shows."""
    inks = _inks(layer.colours, len(places))
    own = np.zeros_like(canvas[..., 0], dtype=bool)
    colour = canvas[..., :3].copy()
    height, width = own.shape
    for across, down in _disc(radius):
        column, line = places[:, 0] + across, places[:, 1] + down
        inside = (column >= 0) & (column < width) & (line >= 0) & (line < height)
        own[line[inside], column[inside]] = True
        colour[line[inside], column[inside]] = inks[inside]
    below = canvas[own]
    kept = below[:, 3:] * (1 - layer.opacity)
    opacity = layer.opacity + kept
    canvas[own, :3] = (colour[own] * layer.opacity + below[:, :3] * kept) / opacity
    canvas[own, 3:] = opacity


def _disc(radius: float) -> list[tuple[int, int]]:
    """The pixels of a disc around 0, 0, the rim first, so that the middle of a point is its own."""
    reach = range(-int(radius), int(radius) + 1)
    inside = [(across, down) for across in reach for down in reach if across**2 + down**2 <= radius**2]
    return sorted(inside, key=lambda pixel: -(pixel[0] ** 2 + pixel[1] ** 2))


def _inks(colours: str | Labels, count: int) -> NDArray[np.float32]:
    """(count, 3) red, green and blue of each point."""
    if isinstance(colours, str):
        return np.tile(_rgb(colours), (count, 1))
    palette = np.array([_rgb(each) for each in (*ON_LIGHT, NOISE)], dtype=np.float32)
    inks: NDArray[np.float32] = palette[np.where(colours < 0, len(ON_LIGHT), colours % len(ON_LIGHT))]
    return inks


def _rgb(name: str) -> NDArray[np.float32]:
    from PIL import ImageColor

    return np.array([part / 255 for part in ImageColor.getrgb(name)], dtype=np.float32)
