"""How the rows lie over the pool's clusters."""

from __future__ import annotations

import numpy as np

from core.domain import Labels, Positions

NAN = float("nan")


def measure_clusters(labels: Labels, rows: Positions) -> dict[str, float]:
    """Clusters covered and empty, normalised entropy, divergence from the pool in nats; noise is left out.

    The entropy is that of the clusters' shares over log c for the c clusters of the pool, from 0 to 1; nan
    with fewer than two clusters, or where no row has a cluster.
    """
    pool = np.bincount(labels[labels >= 0])
    chosen = labels[rows]
    counts = np.bincount(chosen[chosen >= 0], minlength=len(pool))[pool > 0]
    pool = pool[pool > 0]
    found = counts > 0
    entropy = divergence = NAN
    if found.any():
        shares = counts[found] / counts.sum()
        divergence = max(float((shares * np.log(shares / (pool[found] / pool.sum()))).sum()), 0.0)
        if len(pool) > 1:
            entropy = max(float(-(shares * np.log(shares)).sum() / np.log(len(pool))), 0.0)
    return {
        "clusters": float(found.sum()),
        "empty_clusters": float((~found).sum()),
        "cluster_entropy": entropy,
        "cluster_kl": divergence,
    }
