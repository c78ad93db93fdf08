"""What the map sends back: settings, pins, clicks and lassos."""

from __future__ import annotations

import json

import numpy as np
import pytest
from polygons import winding

from pages.ui.map import cloud as clouds
from pages.ui.map import events

# --- what comes back -------------------------------------------------------------------------------


def test_settings_are_read() -> None:
    """The JSON that the browser sends becomes the settings, field by field."""
    sent = json.loads('{"seq": 4, "level": 3, "count": 1000, "colour": "judge:a", "isolated": null}')
    assert events.read_settings({"settings": sent}) == events.Settings(
        seq=4, level=3, count=1000, colour="judge:a", isolated=None
    )


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "x",
        {},
        {"seq": "4", "count": 3, "colour": "cluster"},
        {"seq": 4, "count": float("nan"), "colour": "cluster"},
        {"seq": 4, "count": float("inf"), "colour": "cluster"},
        {"seq": 4, "count": -1, "colour": "cluster"},
        {"seq": 4, "count": 10, "colour": 3},
        {"seq": True, "count": 10, "colour": "cluster"},
    ],
)
def test_settings_that_make_no_sense_are_none(raw: object) -> None:
    """Wrong types, numbers that are none and counts below zero are no settings."""
    assert events.read_settings({"settings": raw}) is None


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {"op": "drop table"},
        {"op": "include", "polygon": [[0, 0], [1, 1]]},
        {"op": "include", "polygon": [[0, 0], [1, 1], [1, "2"]]},
        {"op": "include", "polygon": [[0, 0], [1, 1], [float("nan"), 2]]},
        {"op": "include", "polygon": [[i, i] for i in range(10_000)]},
        {"op": "include", "rows": ["1; rm"]},
        {"op": "include", "rows": 5},
    ],
)
def test_pins_that_make_no_sense_are_none(raw: object) -> None:
    """Unknown operations, broken polygons and rows that are no numbers pin nothing."""
    assert events.read_pin({"pin": raw}) is None


def test_a_click_gives_its_row() -> None:
    """A row is a number; anything else opens nothing."""
    assert events.read_open({"open": {"row": 17}}) == 17
    assert events.read_open({"open": {"row": "17"}}) is None
    assert events.read_open({}) is None


def test_rows_in_a_lasso_are_those_it_winds_around() -> None:
    """Against a loop over the points and the winding number of a star."""
    rng = np.random.default_rng(11)
    coords = rng.normal(size=(600, 2)).astype(np.float32)
    packed = clouds.quantise(coords).astype(float)
    star = [
        (32_767 + r * np.cos(a), 32_767 + r * np.sin(a))
        for r, a in zip([26_000, 9_000] * 6, np.arange(12) / 12 * 2 * np.pi, strict=True)
    ]
    pin = events.Pin(n=1, op="include", polygon=tuple(star))
    found = events.pin_rows(pin, coords, np.zeros(600, np.int32))
    assert 50 < len(found) < 550
    assert found.tolist() == [i for i, (x, y) in enumerate(packed) if winding(star, x, y)]


def test_a_lasso_on_an_isolated_cluster_takes_only_its_rows() -> None:
    """Rows that are faded at that moment are not meant."""
    coords = np.array([[0, 0], [1, 1], [0, 1], [1, 0]], dtype=np.float32)
    everything = ((-9.0, -9.0), (70_000.0, -9.0), (70_000.0, 70_000.0), (-9.0, 70_000.0))
    labels = np.array([2, 2, -1, 2], dtype=np.int32)
    pin = events.Pin(n=1, op="exclude", polygon=everything, cluster=2)
    assert events.pin_rows(pin, coords, labels).tolist() == [0, 1, 3]


def test_pinned_rows_outside_the_dataset_are_dropped() -> None:
    """Each row once, in order, and none that there is not."""
    pin = events.Pin(n=1, op="include", rows=(3, 3, -1, 10**9, 0))
    assert events.pin_rows(pin, np.zeros((4, 2), np.float32), np.zeros(4, np.int32)).tolist() == [0, 3]


def test_an_undo_is_about_no_row() -> None:
    """It takes a step back, whichever rows that was about."""
    pin = events.Pin(n=1, op="undo")
    assert len(events.pin_rows(pin, np.zeros((4, 2), np.float32), np.zeros(4, np.int32))) == 0
