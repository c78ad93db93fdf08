from __future__ import annotations

from dataclasses import fields, replace

import pytest

from core import Pins, SelectParams
from core.decisions import decisions, in_words

JUDGED = SelectParams(judge="quality", min_score=3.0, strategy="top-score")
QUOTAS = tuple((f"quota {label}", 5.0) for label in (-1, 2, 7, 9))


@pytest.mark.parametrize(
    ("params", "said"),
    [
        (JUDGED, "Top score among rows with quality of 3 or more"),
        (SelectParams(strategy="random", seed=3), "Random among all rows; seed 3"),
        (
            SelectParams(judge="q", options=(("drop_outliers", 5.0),), pins=Pins(exclude=frozenset("a"))),
            "k-center among rows that q scored; leave outliers for last (%) 5; 1 row never in",
        ),
        (SelectParams(options=(("drop_outliers", 0.0),)), "k-center among all rows"),
        (SelectParams(strategy="gone", options=(("speed", 2),)), "gone among all rows; speed 2"),
        (
            replace(JUDGED, max_tokens=1_250_000, dedup_distance=0.05),
            "Top score among rows with quality of 3 or more; at most 1,250,000 tokens; "
            "near copies within 0.05 left out",
        ),
        (
            replace(JUDGED, strategy="deita", options=(("similarity", 0.8), ("with_judge", "depth"))),
            "Best without repeats among rows with quality of 3 or more; most similar allowed (cosine "
            "similarity) 0.8; scores multiplied with those of depth",
        ),
        (
            replace(JUDGED, strategy="deita", options=(("with_judge", ""),)),
            "Best without repeats among rows with quality of 3 or more",
        ),
        (
            replace(JUDGED, strategy="cluster-quota", options=QUOTAS[:2]),
            "Best of each cluster among rows with quality of 3 or more; 5 rows of noise; 5 rows of cluster 2",
        ),
        (
            replace(JUDGED, strategy="cluster-quota", options=QUOTAS),
            "Best of each cluster among rows with quality of 3 or more; quotas of 4 clusters",
        ),
        (
            replace(JUDGED, pins=Pins(include=frozenset("abc"), exclude=frozenset("cd"))),
            "Top score among rows with quality of 3 or more; 2 rows always in; 2 rows never in",
        ),
    ],
)
def test_decisions_in_words(params, said):
    """Strategy, threshold, and whatever is not at its default; what is unknown goes by its name."""
    assert in_words(params) == said
    assert decisions(params, 12, 60) == f"12 of 60 rows: {said}"


def test_no_decision_is_left_out():
    """Each field of the decisions but the count, which stands beside them, changes the words."""
    changed = {
        "judge": "depth",
        "min_score": 4.0,
        "strategy": "random",
        "seed": 1,
        "options": (("quota 1", 2.0),),
        "pins": Pins(include=frozenset("a")),
        "max_tokens": 5,
        "dedup_distance": 0.1,
    }
    assert changed.keys() == {each.name for each in fields(SelectParams)} - {"count"}
    start = replace(JUDGED, strategy="cluster-quota")
    said = {in_words(replace(start, **{name: value})) for name, value in changed.items()}
    assert len(said | {in_words(start)}) == len(changed) + 1
