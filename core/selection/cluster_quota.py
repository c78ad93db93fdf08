"""Strategy ``cluster-quota``: the best scored rows of every cluster, each cluster with its quota."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from core.domain import Labels, OptionValue, Order
from core.errors import ParameterError
from core.selection.registry import Candidates, Option, Strategy, of_clusters
from core.selection.shares import shared_out, turns
from core.selection.tied import Column, Tie, pairs
from core.selection.ties import by_score


def _cluster_quota(
    candidates: Candidates, options: Mapping[str, OptionValue], *, limit: int, check: Callable[[], None]
) -> Order:
    """Clusters take turns by their quotas, the best row of each first; so the selections are nested.

    Quotas of single clusters come before all others: once N reaches their sum, each such cluster has given
    exactly its quota, or all its eligible rows where it has fewer. Below that sum they take turns in
    proportion to their quotas, to within one row. What they have beyond comes last of all, when no other
    row is left. The clusters between share the rest as if those with a quota of their own were not there.
    """
    assert candidates.scores is not None
    assert candidates.labels is not None
    setting = {name: float(value) for name, value in options.items()}
    best = by_score(candidates, candidates.scores)
    place = candidates.labels[best].astype(np.int64) + 1  # noise, -1, has the first
    due = _own_quotas(of_clusters(options, "quota"), candidates.labels)[place]
    turn = turns(place)
    held, beyond = turn < due, turn >= due  # neither where a cluster goes by the rule
    by_rule = ~(held | beyond)
    setting["overall"] = float(by_rule[~beyond][: int(setting["overall"])].sum())
    order: Order = np.concatenate(
        (
            shared_out(best[held], candidates.labels, temperature=1.0, limit=len(best)),
            _by_the_rule(best[by_rule], candidates.labels, setting),
            shared_out(best[beyond], candidates.labels, temperature=setting["temperature"], limit=len(best)),
        )
    )
    return order


def _own_quotas(quotas: Mapping[int, int], labels: Labels) -> NDArray[np.float64]:
    """(c + 1,) the quota at place label + 1; NaN where a cluster goes by the rule.

    Raises:
        ParameterError: there is no such cluster.
    """
    there = np.flatnonzero(np.bincount(labels + 1)) - 1
    unknown = sorted(quotas.keys() - set(there.tolist()))
    if unknown:
        runs = np.split(there, np.flatnonzero(np.diff(there) > 1) + 1)
        spans = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs if len(run)]
        noise = " (-1 is noise)" if -1 in there else ""
        raise ParameterError(
            f"A quota is set for cluster {unknown[0]}, which there is not.",
            f"Clusters: {', '.join(spans) or 'none'}{noise}.",
        )
    due = np.full(int(labels.max(initial=-1)) + 2, np.nan)
    due[np.array(list(quotas), dtype=np.int64) + 1] = list(quotas.values())
    return due


def _by_the_rule(best: Order, labels: Labels, setting: Mapping[str, float]) -> Order:
    """The rows of clusters without a quota of their own, the ``best`` of them first on the way in.

    The best overall come before all others (CaR's n₁), then each cluster's floor (its n₂), then what
    the quotas give, then what is beyond a cluster's cap. A row of an earlier part counts towards its
    cluster's quota, so a prefix holds max(floor, quota) rows of a cluster, up to its cap.
    """
    order = shared_out(best, labels, temperature=setting["temperature"], limit=len(best))
    rank = np.empty(len(labels), dtype=np.int64)  # places by score alone
    rank[best] = np.arange(len(best))
    _, cluster, size = np.unique(labels[order], return_inverse=True, return_counts=True)
    turn = turns(cluster)
    cap = np.ceil(size * setting["cap"] / 100)
    first = rank[order] < setting["overall"]
    part = np.select([first, turn < setting["floor"], turn < cap[cluster]], [0, 1, 2], default=3)
    place = np.where(first, rank[order], np.arange(len(order)))
    sequence: Order = order[np.lexsort((place, part))]
    return sequence


def _score_in_cluster(candidates: Candidates, settings: Mapping[str, OptionValue]) -> Column:
    """(n,) rows of one score in one cluster are equal."""
    assert candidates.scores is not None
    assert candidates.labels is not None
    return pairs(candidates.labels, candidates.scores)


STRATEGY = Strategy(
    name="cluster-quota",
    title="Best of each cluster",
    summary="The rows with the highest score inside each cluster; each cluster has a quota by its size.",
    source="CaR, arXiv 2402.18191; InstructionGPT-4, arXiv 2308.12067",
    rule=_cluster_quota,
    needs=frozenset({"scores", "neighbours", "labels"}),
    keyed=Option(
        name="quota",
        title="Quota of one cluster (rows)",
        help="So many rows of that cluster, a whole number: they come before all others, and what it has "
        "beyond comes last; higher favours it.",
        default=0.0,
        low=0.0,
        high=99_999_999.0,
        step=1.0,
        whole=True,
    ),
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
    tie=Tie(
        key=_score_in_cluster,
        said="{chosen} of the selected rows came out of ties of {tied} with the same score in their cluster.",
    ),
)
