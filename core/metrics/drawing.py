"""Rows drawn by their ids: the control, and the samples that slow metrics are measured on."""

from __future__ import annotations

import numpy as np

from core.domain import Positions
from core.draws import Keys, draws

CONTROL = np.uint64(0x636F6E74726F6C21)  # sets the control's draws apart from those of a strategy's seed
SAMPLE_SEED = 0x6D656173  # of the draw that metrics sample by


def random_rows(keys: Keys, count: int, seed: int) -> Positions:
    """The control: ``count`` rows of the whole pool, drawn by seed and id; smaller draws are prefixes.

    It shares no draw with a strategy of the same seed: a control must not be what it is compared with.
    """
    order = np.argsort(draws(keys ^ CONTROL, seed))
    return order[:count]
