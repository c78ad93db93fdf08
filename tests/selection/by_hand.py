"""The tie rule in plain Python, for pools of a few hundred rows."""

from __future__ import annotations

import math

from pools import NO_SCORE

from core.draws import draws, id_keys


def sorted_by_hand(rows, params, *columns):
    """The ids that pass, sorted by the columns, the other judges, the distance to a better row, the draw."""
    grades = {
        id_: tuple(-math.inf if c[i] is NO_SCORE else c[i] for c in (*columns, *rows.others))
        for i, id_ in enumerate(rows.ids)
    }
    draw = dict(zip(rows.ids, draws(id_keys(rows.ids), params.seed).tolist(), strict=True))
    passing = rows.scored_at_least(params.min_score)

    def distance_to_better(i):
        near = zip(rows.neighbours.indices[i], rows.neighbours.distances[i], strict=True)
        better = [
            float(far)
            for other, far in near
            if rows.ids[other] in passing and grades[rows.ids[other]] > grades[rows.ids[i]]
        ]
        return min(better, default=math.inf)

    def key(id_):
        return ([-grade for grade in grades[id_]], -distance_to_better(rows.ids.index(id_)), draw[id_])

    return sorted(passing, key=key)
