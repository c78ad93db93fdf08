"""Polygons, for tests of what is drawn on the map."""

from __future__ import annotations

import math


def winding(polygon: list[tuple[float, float]], x: float, y: float) -> bool:
    """An oracle for simple polygons: the angles seen from inside add up to a full turn."""
    angles = [math.atan2(b - y, a - x) for a, b in polygon]
    turns = [
        (b - a + math.pi) % (2 * math.pi) - math.pi
        for a, b in zip(angles, angles[1:] + angles[:1], strict=True)
    ]
    return abs(sum(turns)) > math.pi
