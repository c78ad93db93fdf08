"""Every metric by name: what it is called, its unit, which way is better and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

EPSILON = 0.4  # cosine distance; of 52,002 Alpaca rows, 1,000 random ones cover 25 %, 9,229 cover 70 %
REDUNDANT = 0.9  # cosine similarity above which a row says what another one says (arXiv 2312.15685)
ANCHORS = 2000  # rows whose novelty is averaged
TEXTS = 2000  # rows whose words are looked at

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a set of rows.

    better: which way is better; None where neither is.
    form: how a value is written, as a format spec.
    help: the formula in words, one sentence.
    """

    name: str
    title: str
    unit: str
    better: Better | None
    form: str
    help: str


_SCORES = (
    Metric("mean_score", "Mean score", "score", "higher", ".2f", "Mean score of the scored rows."),
    Metric(
        "score_p10", "Score, 10th percentile", "score", "higher", ".2f",
        "A tenth of the scored rows have this score or less.",
    ),
    Metric(
        "score_median", "Score, median", "score", "higher", ".2f",
        "Half of the scored rows have this score or less.",
    ),
    Metric("unscored", "Share unscored", "share", "lower", ".1%", "Rows without a score, of all rows."),
)  # fmt: skip
_SIZES = (
    Metric("rows", "Rows", "rows", None, ",.0f", "How many rows."),
    Metric("tokens", "Tokens", "tokens", None, ",.0f", "Tokens of all rows, prompt and response together."),
    Metric(
        "mean_tokens", "Mean tokens a row", "tokens", None, ",.1f",
        "Mean tokens of a row, prompt and response together.",
    ),
    Metric(
        "tokens_p10", "Tokens a row, 10th percentile", "tokens", None, ",.0f",
        "A tenth of the rows have this many tokens or fewer.",
    ),
    Metric(
        "tokens_median", "Tokens a row, median", "tokens", None, ",.0f",
        "Half of the rows have this many tokens or fewer.",
    ),
    Metric(
        "tokens_p90", "Tokens a row, 90th percentile", "tokens", None, ",.0f",
        "Nine tenths of the rows have this many tokens or fewer.",
    ),
    Metric(
        "mean_response", "Mean response length (characters)", "characters", None, ",.1f",
        "Mean characters of a response.",
    ),
    Metric(
        "response_p10", "Response length, 10th percentile", "characters", None, ",.0f",
        "A tenth of the responses have this many characters or fewer.",
    ),
    Metric(
        "response_median", "Response length, median", "characters", None, ",.0f",
        "Half of the responses have this many characters or fewer.",
    ),
    Metric(
        "response_p90", "Response length, 90th percentile", "characters", None, ",.0f",
        "Nine tenths of the responses have this many characters or fewer.",
    ),
)  # fmt: skip
_CLUSTERS = (
    Metric("clusters", "Clusters covered", "clusters", "higher", ",.0f", "Clusters with at least one row."),
    Metric(
        "empty_clusters", "Empty clusters", "clusters", "lower", ",.0f",
        "Clusters of the pool without a row here.",
    ),
    Metric(
        "cluster_entropy", "Cluster entropy", "share", "higher", ".3f",
        "Entropy of the clusters' shares, divided by that of equal shares: 1 is as even as can be.",
    ),
    Metric(
        "cluster_kl", "Divergence from the pool's clusters", "nats", None, ".3f",
        "Kullback-Leibler divergence of the clusters' shares from the pool's: 0 is the mixture of the pool.",
    ),
)  # fmt: skip
_COVERAGE = (
    Metric(
        "radius", "Covering radius (cosine distance)", "cosine distance", "lower", ".3f",
        "Greatest distance from any row of the pool to its nearest row here.",
    ),
    Metric(
        "radius_p95", "Covering radius, 95th percentile", "cosine distance", "lower", ".3f",
        "Distance within which 95 % of the pool have their nearest row here.",
    ),
    Metric(
        "mean_nearest", "Mean nearest distance (cosine)", "cosine distance", "lower", ".3f",
        "Mean distance from a row of the pool to its nearest row here.",
    ),
    Metric(
        "facility", "Facility location", "cosine similarity", "higher", ".3f",
        "Mean similarity of a row of the pool to its nearest row here.",
    ),
    Metric(
        "covered", f"Share of the pool within {EPSILON:g}", "share", "higher", ".1%",
        f"Rows of the pool whose nearest row here is at a cosine distance of {EPSILON:g} or less.",
    ),
)  # fmt: skip
_DIVERSITY = (
    Metric(
        "redundancy", "Redundancy", "share", "lower", ".1%",
        f"Rows with another row here at a cosine similarity above {REDUNDANT:g}, of all rows here.",
    ),
    Metric(
        "pair_distance", "Mean pair distance (cosine)", "cosine distance", "higher", ".3f",
        "Mean distance of two different rows here.",
    ),
    Metric(
        "vendi", "Vendi score", "rows", "higher", ",.1f",
        "How many unlike rows would be as diverse: the exponential of the entropy of the eigenvalues of the "
        "similarities; it grows with the number of rows.",
    ),
    Metric(
        "novelsum", "NovelSum", "", "higher", ".3f",
        f"Mean novelty of {ANCHORS:,} rows here: distances to the other rows, nearer ones counting more, "
        "times the density of the pool around the row.",
    ),
)  # fmt: skip
_WORDS = (
    Metric(
        "distinct_2", "Distinct word pairs", "share", "higher", ".1%",
        f"Different pairs of adjacent words, of all pairs, in prompts and responses of {TEXTS:,} rows.",
    ),
    Metric(
        "mtld", "Lexical diversity (MTLD)", "words", "higher", ".1f",
        "Mean length of a run of words in which the share of different words stays at 0.72 or more, in "
        f"prompts and responses of {TEXTS:,} rows.",
    ),
    Metric(
        "compression", "Compression ratio", "times", "lower", ".2f",
        f"Bytes of prompts and responses of {TEXTS:,} rows, over their bytes after zlib.",
    ),
)  # fmt: skip

SCORE_METRICS = tuple(metric.name for metric in _SCORES)
METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (*_SIZES[:2], *_SCORES, *_COVERAGE, *_DIVERSITY, *_CLUSTERS, *_WORDS, *_SIZES[2:])
    }
)
"""Every metric by name, in the order in which it is shown."""
