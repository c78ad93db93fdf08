"""What was taken out of the file before the choice: its lines in the recipe, its rows in the sidecar."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from core.domain import Dataset, Positions, Removal
from core.exporting.recipe import TakenOut

SAID = "taken out: "  # before the rule, as the reason of a row


@dataclass(frozen=True, slots=True)
class Out:
    """The whole file, and for each removal the rows that it took out and none before it.

    replayable: the same removals as a replay can make them.
    """

    whole: Dataset = field(repr=False)
    removals: tuple[Removal, ...]
    steps: tuple[Positions, ...] = field(repr=False)
    replayable: tuple[Removal, ...]


def taken_out(out: Out) -> list[TakenOut]:
    """The removals as a recipe writes them; ``rows`` adds up to what is missing from the file."""
    return [
        TakenOut(
            rule=each.rule,
            settings=dict(each.settings),
            version=each.version,
            found=len(each.found),
            rows=len(step),
            ids_sha256=each.ids_sha256,
            kept=sorted(each.kept),
            ids=sorted(each.ids),
        )
        for each, step in zip(out.replayable, out.steps, strict=True)
    ]


def with_taken_out(sidecar: pl.DataFrame, out: Out) -> pl.DataFrame:
    """The same table for every row of the whole file, in its order; what is out has no cluster, x and y."""
    whole = out.whole
    reasons = np.full(len(whole), "", dtype=object)
    for each, step in zip(out.removals, out.steps, strict=True):
        reasons[step] = SAID + each.rule
    scores = {f"score_{name}": pl.Series(judge.scores).fill_nan(None) for name, judge in whole.judges.items()}
    gone = pl.DataFrame(
        {
            "id": whole.frame["id"],
            "reason": pl.Series(reasons.tolist(), dtype=pl.String),
            "pinned": pl.Series([False] * len(whole)),
            **scores,
        }
    ).filter(pl.col("reason") != "")
    both = pl.concat([sidecar, gone], how="diagonal_relaxed").select(sidecar.columns)
    return whole.frame.select("id").join(both, on="id", how="left", maintain_order="left")
