"""Strategy ``k-center``: each next row is the one farthest from all rows chosen before."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from core.domain import OptionValue, Order
from core.selection.farthest import farthest_first
from core.selection.registry import Candidates, Option, Strategy
from core.selection.tied import BY_DRAW, Column, Tie, vector_groups

OUTLIER_NEIGHBOUR = 10  # an outlier is a row whose 10th nearest neighbour is far


def _k_center(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    assert candidates.vectors is not None
    rows = np.flatnonzero(candidates.eligible)
    late = np.zeros(len(rows), dtype=bool)
    dropped = int(len(rows) * float(options["drop_outliers"]) / 100)
    if dropped:
        assert candidates.neighbours is not None
        far = candidates.neighbours.distances[rows]
        far = far[:, min(OUTLIER_NEIGHBOUR, far.shape[1]) - 1]
        late[np.lexsort((candidates.draw[rows], -far))[:dropped]] = True
    kept, outliers = rows[~late], rows[late]
    order = farthest_first(
        candidates.vectors, kept, candidates.draw, limit=min(limit, len(kept)), check=check
    )
    if len(order) < len(kept) or limit <= len(kept):
        return order
    # Outliers are not lost: they follow when every other row is taken.
    return np.concatenate((order, outliers[np.argsort(candidates.draw[outliers])]))


def _vector(candidates: Candidates, settings: Mapping[str, OptionValue]) -> Column:
    """(n,) rows with one and the same vector are equal; between others the distance decides."""
    assert candidates.vectors is not None
    return vector_groups(candidates.vectors)


STRATEGY = Strategy(
    name="k-center",
    title="k-center",
    summary="Spreads the choice over the map: each next row is the one farthest from those chosen before.",
    source="LTD, arXiv 2305.09246; Sener and Savarese, arXiv 1708.00489",
    rule=_k_center,
    needs=frozenset({"vectors", "neighbours"}),
    options=(
        Option(
            name="drop_outliers",
            title="Leave outliers for last (%)",
            help="k-center chases outliers: this share of the eligible rows, those whose 10th nearest "
            "neighbour is farthest, is taken only when all others are.",
            default=0.0,
            low=0.0,
            high=50.0,
            step=1.0,
        ),
    ),
    tie=Tie(
        key=_vector,
        rule=f"{BY_DRAW}; between rows of different vectors the distance decides",
        said="{chosen} of the selected rows have the same vector as rows that are not selected: "
        "{tied} in all.",
    ),
    slow=True,
)
