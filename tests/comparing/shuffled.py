"""The sample with one judge's scores dealt out at random: a file whose scores say nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from small_project import SAMPLE

JUDGE = "accuracy"


def sample_text(seed: int) -> str:
    """The lines of the sample, with the scores of ``accuracy`` in another sequence."""
    frame = pl.read_ndjson(SAMPLE)
    mixed = np.random.default_rng(seed).permutation(frame.height)
    return frame.with_columns(frame[JUDGE].gather(mixed).alias(JUDGE)).write_ndjson()


def write_sample(path: Path, seed: int) -> Path:
    """Write them; the path."""
    path.write_text(sample_text(seed))
    return path
