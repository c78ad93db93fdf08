"""What a subset is like, beside random draws of its size and beside the pool.

Distances are cosine distances, 1 - x.y: 0 is the same direction, lower means better covered.
"""

from core.metrics.catalogue import METRICS, Metric
from core.metrics.curves import Curve, coverage, ladder
from core.metrics.drawing import SAMPLE_SEED, random_rows
from core.metrics.measuring import VERSION, measure, measure_content, measure_scores, table
from core.metrics.pool import Figures, Pool, cheap_figures

__all__ = [
    "METRICS",
    "SAMPLE_SEED",
    "VERSION",
    "Curve",
    "Figures",
    "Metric",
    "Pool",
    "cheap_figures",
    "coverage",
    "ladder",
    "measure",
    "measure_content",
    "measure_scores",
    "random_rows",
    "table",
]
