"""How many rows are enough: where a curve bends, and what random draws need for the same.

Curves are (s,) values at ascending counts; NaN where the selection cannot be that large.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Better = Literal["higher", "lower"] | None
Values = NDArray[np.float64]
Counts = NDArray[np.int64]

LEAST_BEND = 0.1  # of the whole gain; a curve that bends less is straight, and has no knee
LEAST_COUNTS = 4  # with fewer a bend cannot be told from a step


def knee(counts: Counts, values: Values, better: Better) -> int | None:
    """Where more rows stop paying fast: the place in ``counts``, or None where there is no such place.

    Kneedle (Satopaa et al., 2011) without smoothing, on the logarithm of the count: both axes are scaled to
    0 to 1 from the first to the last point of the curve, the gain upwards, and the knee is the point
    farthest above the straight line between the two. There is none where the line is nowhere passed by
    ``LEAST_BEND``, where the curve gains nothing, or where neither direction is better.
    """
    known = np.flatnonzero(np.isfinite(values))
    if better is None or len(known) < LEAST_COUNTS:
        return None
    gain = values[known] if better == "higher" else -values[known]
    whole = gain[-1] - gain[0]
    if whole <= 0:
        return None
    along = np.log(counts[known])
    above = (gain - gain[0]) / whole - (along - along[0]) / (along[-1] - along[0])
    place = int(np.argmax(above))
    return int(known[place]) if above[place] >= LEAST_BEND else None


def count_for(counts: Counts, values: Values, wanted: float, better: Better) -> float | None:
    """The least count at which a curve reaches a value; None where it does not.

    Between two counts it is read on a straight line over the logarithm of the count. A curve that is as good
    from its first count on gives that count.
    """
    sign = -1.0 if better == "lower" else 1.0
    known = np.flatnonzero(np.isfinite(values))
    reached = np.flatnonzero(sign * values[known] >= sign * wanted)
    if not len(reached):
        return None
    at = int(known[reached[0]])
    if not reached[0]:
        return float(counts[at])
    before = int(known[reached[0] - 1])
    share = (wanted - values[before]) / (values[at] - values[before])
    low, high = np.log(counts[before]), np.log(counts[at])
    return float(np.exp(low + share * (high - low)))


def rounded(count: float) -> int:
    """A count that is only read off a curve, to two figures: 487.3 is 490."""
    if count < 10:
        return max(1, round(count))
    step = int(10 ** (int(np.log10(count)) - 1))
    return round(count / step) * step
