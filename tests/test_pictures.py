"""Still pictures of the map."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from core.palette import NOISE, ON_LIGHT
from core.pictures import BOTH, ONLY_FIRST, ONLY_SECOND, Layer, overlap_picture, picture, selection_picture

CORNERS = np.array([[0, 0], [10, 0], [0, 10], [10, 10]], dtype=np.float32)
NOTHING = np.empty(0, dtype=np.int64)


def pixels(png):
    """(height, width, 4) of a PNG, 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).astype(int)


def colour_near(shown, across, down):
    """The most opaque pixel within four of a place: (red, green, blue), or None where nothing is."""
    height, width = shown.shape[:2]
    column, line = int(across * (width - 1)), int(down * (height - 1))
    part = shown[max(line - 4, 0) : line + 5, max(column - 4, 0) : column + 5].reshape(-1, 4)
    best = part[part[:, 3].argmax()]
    return tuple(best[:3]) if best[3] else None


def is_like(shown, wanted):
    """Whether a colour is another one, but for rounding and a little of what lies below."""
    return max(abs(a - b) for a, b in zip(shown, ImageColor.getrgb(wanted), strict=True)) <= 20


def test_each_point_stands_where_the_map_has_it_with_up_as_up():
    """A row at the top left of the map is painted at the top left, and nothing is where no row is."""
    shown = pixels(picture(CORNERS, [Layer(np.array([2]), ON_LIGHT[0])], width=200, height=200))
    assert is_like(colour_near(shown, 0.03, 0.03), ON_LIGHT[0])
    assert colour_near(shown, 0.97, 0.97) is None
    assert colour_near(shown, 0.5, 0.5) is None


def test_both_axes_keep_one_scale():
    """A square map in a wide picture stays square: its corners are as far apart across as down."""
    shown = pixels(picture(CORNERS, [Layer(np.arange(4), ON_LIGHT[0])], width=400, height=200))
    down, across = np.nonzero(shown[..., 3])
    assert abs((across.max() - across.min()) - (down.max() - down.min())) <= 1


def test_chosen_rows_have_the_colours_of_their_clusters_and_noise_its_own():
    """Cluster 0, 1 and noise are told apart by their colours; a row that is not chosen is grey."""
    labels = np.array([0, 1, -1, 0], dtype=np.int32)
    shown = pixels(selection_picture(CORNERS, labels, np.array([0, 1, 2]), width=200, height=200))
    assert is_like(colour_near(shown, 0.03, 0.97), ON_LIGHT[0])
    assert is_like(colour_near(shown, 0.97, 0.97), ON_LIGHT[1])
    assert is_like(colour_near(shown, 0.03, 0.03), NOISE)
    red, green, blue = colour_near(shown, 0.97, 0.03)
    assert red == green == blue


def test_an_overlap_tells_shared_rows_from_those_of_one_side():
    """Rows in both selections, in the first alone and in the second alone have three colours."""
    shown = pixels(overlap_picture(CORNERS, np.array([0, 1]), np.array([1, 2]), width=200, height=200))
    assert is_like(colour_near(shown, 0.97, 0.97), BOTH)
    assert is_like(colour_near(shown, 0.03, 0.97), ONLY_FIRST)
    assert is_like(colour_near(shown, 0.03, 0.03), ONLY_SECOND)


def test_the_ground_is_transparent_and_the_bytes_are_the_same_twice():
    """So a picture stands on light and on dark, and a saved one is not changed by being made again."""
    labels = np.zeros(4, dtype=np.int32)
    first, second = (selection_picture(CORNERS, labels, np.array([3])) for _ in range(2))
    assert first == second
    shown = pixels(first)
    assert shown.shape == (600, 960, 4)
    assert (shown[..., 3] == 0).mean() > 0.99


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_map_of_no_rows_or_of_one_place_is_still_a_picture(n):
    """No row, one row, or all rows on one spot give a picture in its size."""
    coords = np.ones((n, 2), dtype=np.float32)
    rows = np.arange(n)
    shown = pixels(selection_picture(coords, np.zeros(n, np.int32), rows, width=80, height=50))
    assert shown.shape == (50, 80, 4)
    assert bool(shown[..., 3].any()) == (n > 0)


def test_nothing_chosen_leaves_the_ground_alone():
    """Without a chosen row every pixel is grey or empty."""
    shown = pixels(selection_picture(CORNERS, np.zeros(4, np.int32), NOTHING, width=80, height=50))
    painted = shown[shown[..., 3] > 0]
    assert len(painted)
    assert (painted[:, 0] == painted[:, 1]).all()
    assert (painted[:, 1] == painted[:, 2]).all()
