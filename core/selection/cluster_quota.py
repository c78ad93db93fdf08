"""Strategy ``cluster-quota``: the best scored rows of every cluster, each cluster with its quota."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from core.domain import OptionValue, Order
from core.selection.registry import Candidates, Option, Strategy
from core.selection.shares import shared_out, turns
from core.selection.ties import by_score


def _cluster_quota(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    """Clusters take turns by their quotas, the best row of each first; so the selections are nested.

    The best overall come before all others (CaR's n₁), then each cluster's floor (its n₂), then what
    the quotas give, then what is beyond a cluster's cap. A row of an earlier part counts towards its
    cluster's quota, so a prefix holds max(floor, quota) rows of a cluster, up to its cap.
    """
    assert candidates.scores is not None
    assert candidates.labels is not None
    setting = {name: float(value) for name, value in options.items()}
    best = by_score(candidates, candidates.scores)
    order = shared_out(best, candidates.labels, temperature=setting["temperature"], limit=len(best))
    rank = np.empty(len(candidates.eligible), dtype=np.int64)  # places by score alone
    rank[best] = np.arange(len(best))
    _, cluster, size = np.unique(candidates.labels[order], return_inverse=True, return_counts=True)
    turn = turns(cluster)
    cap = np.ceil(size * setting["cap"] / 100)
    first = rank[order] < setting["overall"]
    part = np.select([first, turn < setting["floor"], turn < cap[cluster]], [0, 1, 2], default=3)
    place = np.where(first, rank[order], np.arange(len(order)))
    sequence: Order = order[np.lexsort((place, part))]
    return sequence


STRATEGY = Strategy(
    name="cluster-quota",
    title="Best of each cluster",
    summary="The rows with the highest score inside each cluster; each cluster has a quota by its size.",
    source="CaR, arXiv 2402.18191; InstructionGPT-4, arXiv 2308.12067",
    rule=_cluster_quota,
    needs=frozenset({"scores", "neighbours", "labels"}),
    options=(
        Option(
            name="temperature",
            title="Temperature",
            help="A cluster's quota is proportional to size^(1/T): 1 is proportional, "
            "higher evens the clusters out.",
            default=1.0,
            low=1.0,
            high=100.0,
            step=0.5,
        ),
        Option(
            name="floor",
            title="At least from each cluster (rows)",
            help="So many rows of every cluster come before its quota counts; higher favours small clusters.",
            default=0.0,
            low=0.0,
            high=1000.0,
            step=1.0,
        ),
        Option(
            name="cap",
            title="At most of each cluster (%)",
            help="The share of a cluster's eligible rows that is taken before any cluster gives more; lower "
            "leaves more of the worst rows of every cluster for last.",
            default=100.0,
            low=0.0,
            high=100.0,
            step=5.0,
        ),
        Option(
            name="overall",
            title="Best of all first (rows)",
            help="So many rows with the highest score overall come first, whatever their cluster; higher "
            "is nearer to top score.",
            default=0.0,
            low=0.0,
            high=100_000.0,
            step=100.0,
        ),
    ),
)
