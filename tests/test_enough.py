from __future__ import annotations

import numpy as np
import pytest

from core.enough import LEAST_BEND, count_for, knee, rounded

COUNTS = np.array([10, 20, 40, 80, 160, 320, 640, 1280])


def _farthest_above(counts, gain):
    """The point of a polyline farthest above the line from its first to its last, one point at a time."""
    first, last, best = 0, len(counts) - 1, (LEAST_BEND, None)
    for place in range(len(counts)):
        share = np.log10(counts[place] / counts[first]) / np.log10(counts[last] / counts[first])
        line = gain[first] + share * (gain[last] - gain[first])
        height = (gain[place] - line) / (gain[last] - gain[first])
        if height >= best[0] and (best[1] is None or height > best[0]):
            best = (height, place)
    return best[1]


@pytest.mark.parametrize("seed", range(20))
def test_the_knee_is_the_point_farthest_above_the_chord(seed):
    """On rising curves with random steps, and on the same curves upside down."""
    gain = np.cumsum(np.random.default_rng(seed).exponential(size=8) ** 2)
    assert knee(COUNTS, gain, "higher") == _farthest_above(COUNTS, gain)
    assert knee(COUNTS, -gain, "lower") == _farthest_above(COUNTS, gain)


def test_a_bend_is_found_where_it_is():
    """A curve that rises evenly to 80 rows and then stays has its knee at 80."""
    assert knee(COUNTS, np.array([0, 1, 2, 3, 3, 3, 3, 3.0]), "higher") == 3


def test_no_knee_is_invented():
    """None on a straight line, one bent the other way, a falling or flat one, and where neither way is better."""
    straight = np.log(COUNTS)
    for values in (straight, np.exp(straight / 2), -straight, np.ones(8), np.full(8, np.nan)):
        assert knee(COUNTS, values, "higher") is None
    assert knee(COUNTS, np.array([0, 1, 2, 3, 3, 3, 3, 3.0]), None) is None
    assert knee(COUNTS[:3], np.array([0.0, 3.0, 3.0]), "higher") is None


def test_counts_without_a_value_have_no_part_in_the_knee():
    """The curve of a high threshold ends early: its knee is that of the part there is."""
    values = np.array([0, 2, 3, 3.2, 3.3, np.nan, np.nan, np.nan])
    assert knee(COUNTS, values, "higher") == knee(COUNTS[:5], values[:5], "higher") == 2


def test_a_count_is_read_between_two_counts_on_a_logarithmic_line():
    """Half of the way in value is half of the way in powers; what is never reached has no count."""
    falling = np.array([1.0, 0.8, 0.6])
    assert count_for(COUNTS[:3], falling, 0.7, "lower") == pytest.approx(np.sqrt(20 * 40))
    assert count_for(COUNTS[:3], falling, 1.2, "lower") == 10
    assert count_for(COUNTS[:3], falling, 0.5, "lower") is None
    assert count_for(COUNTS[:3], -falling, -0.7, "higher") == pytest.approx(np.sqrt(20 * 40))


def test_what_is_read_off_a_curve_has_two_figures():
    """No precision is claimed that a curve does not have."""
    assert [rounded(each) for each in (1.2, 9.7, 48.7, 487.3, 52_002.0)] == [1, 10, 49, 490, 52_000]
