"""The tables beside the training file: why each row of the pool is in or out, and the rows at the cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from core.domain import Positions, Reason
from core.exporting.issues import ISSUES
from core.exporting.layout import Part
from core.exporting.mending import Prepared
from core.exporting.taken import with_taken_out

if TYPE_CHECKING:
    from core.exporting.bundle import Bundle


class Edge(NamedTuple):
    """above: the last rows that got in, nearest the cut first. below: the first that did not."""

    above: Positions
    below: Positions


def sidecar(bundle: Bundle, parts: Sequence[Part] = (), prepared: Prepared | None = None) -> pl.DataFrame:
    """Every row of the file, in its order: why it is in or out, and where it lies.

    ``order`` counts from 1 in the sequence of choice; null for rows that are not chosen. Where one of the
    training files leaves chosen rows out, ``left_out_of_`` its form has the reason. Where rows were mended or
    left out for a trainer, ``changed`` and ``left_out`` have the issues.
    """
    chosen = bundle.selection
    n = len(bundle.dataset)
    place = np.zeros(n, dtype=np.int64)
    place[chosen.rows] = np.arange(1, len(chosen) + 1)
    named = pl.DataFrame(
        {"cluster": list(bundle.names), "cluster_name": list(bundle.names.values())},
        schema={"cluster": pl.Int32, "cluster_name": pl.String},
    )
    frame = pl.DataFrame(
        {
            "id": bundle.dataset.frame["id"],
            "reason": chosen.reasons.cast(pl.String),
            "order": pl.Series(place).replace(0, None),
            **_scores(bundle),
            "cluster": pl.Series(bundle.labels),
            "x": bundle.coords[:, 0],
            "y": bundle.coords[:, 1],
            "pinned": pl.Series(np.isin(chosen.codes, [Reason.PINNED, Reason.EXCLUDED])),
        }
    )
    frame = frame.join(named, on="cluster", how="left", maintain_order="left")
    frame = frame.with_columns([*_left_out(n, parts, prepared), *_done(n, prepared)])
    return frame if bundle.out is None else with_taken_out(frame, bundle.out)


def border(bundle: Bundle, edge: Edge) -> pl.DataFrame:
    """The rows on both sides of the cut: side, distance from the cut in rows, id, reason, scores, texts."""
    rows = np.concatenate((edge.above, edge.below))
    sides = ["above"] * len(edge.above) + ["below"] * len(edge.below)
    away = [*range(1, len(edge.above) + 1), *range(1, len(edge.below) + 1)]
    place = np.zeros(len(bundle.dataset), dtype=np.int64)
    place[bundle.selection.rows] = np.arange(1, len(bundle.selection) + 1)
    texts = bundle.dataset.frame.select("id", "prompt", "response")[rows]
    return pl.DataFrame(
        {
            "side": pl.Series(sides, dtype=pl.String),
            "rows_from_the_cut": pl.Series(away, dtype=pl.Int64),
            "id": texts["id"],
            "reason": bundle.selection.reasons.gather(rows).cast(pl.String),
            "order": pl.Series(place[rows]).replace(0, None),
            **{name: scores.gather(rows) for name, scores in _scores(bundle).items()},
            "cluster": pl.Series(bundle.labels[rows]),
            "prompt": texts["prompt"],
            "response": texts["response"],
        }
    )


def _scores(bundle: Bundle) -> dict[str, pl.Series]:
    """(n,) scores of each judge by the name of its column; null where there is none."""
    judges = bundle.dataset.judges.items()
    return {f"score_{name}": pl.Series(judge.scores).fill_nan(None) for name, judge in judges}


def _left_out(n: int, parts: Sequence[Part], prepared: Prepared | None) -> list[pl.Series]:
    """(n,) for each file that leaves rows out: why, null for all other rows."""
    found = []
    for form, held in parts:
        if held.reasons.count() and prepared is not None:
            said = _texts(n, f"left_out_of_{form.name}", {})
            found.append(said.scatter(prepared.rows, held.reasons))
    return found


def _done(n: int, prepared: Prepared | None) -> list[pl.Series]:
    """(n,) what was mended and why a row was left out for a trainer; none where nothing was decided."""
    if not prepared or not prepared.mending:
        return []
    left = {row: ISSUES[why].title for row, why in prepared.left.items()}
    changed = {row: ", ".join(names) for row, names in prepared.changed.items()}
    return [_texts(n, "left_out", left), _texts(n, "changed", changed)]


def _texts(n: int, name: str, said: Mapping[int, str]) -> pl.Series:
    nothing = pl.Series(name, [None] * n, dtype=pl.String)
    return nothing.scatter(list(said), list(said.values())) if said else nothing
