"""The strategy ``facility``: each next row is the one that makes the choice stand best for all rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from by_hand import sorted_by_hand
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import choosing, pool, pools, random_pool, seeds, thresholds_near

from core.domain import SelectParams
from core.errors import ParameterError
from core.selection import graph, strategy

WEIGHTS = (0.0, 0.3, 1.0)
UNIT = 2**20  # similarities count in such steps


def _lists(rows, passing, *, compared):
    """For each row that passes: the rows it lists, with their similarity."""
    k = rows.neighbours.indices.shape[1]
    wide = rows.vectors.astype(float)
    lists = {}
    for row in passing:
        if compared:
            near = sorted((other for other in passing if other != row), key=lambda o: -(wide[row] @ wide[o]))
            lists[row] = {other: float(wide[row] @ wide[other]) for other in near[:k]}
        else:
            pairs = zip(rows.neighbours.indices[row], rows.neighbours.distances[row], strict=True)
            lists[row] = {int(other): 1 - float(far) for other, far in pairs if other in passing}
    return {
        row: {other: round(min(max(near, 0), 1) * UNIT) for other, near in listed.items()}
        for row, listed in lists.items()
    }


def _greedy(rows, params, weight, *, compared):
    """The definition: try every row at every pick, ties by score and the tie rule."""
    sequence = [rows.ids.index(id_) for id_ in sorted_by_hand(rows, params, rows.scores)]
    lists = _lists(rows, set(sequence), compared=compared)
    cover = {x: int(min(listed.values(), default=0) * 0.8) for x, listed in lists.items()}
    stands = {y: {y: UNIT} for y in sequence}
    for x, listed in lists.items():
        for y, similar in listed.items():
            stands[y][x] = max(stands[y].get(x, 0), similar)
            stands[x][y] = max(stands[x].get(y, 0), similar)
    grades = [rows.scores[row] for row in sequence]
    span = (max(grades) - min(grades)) if grades else 0

    def gain(y):
        return sum(max(similar - cover[x], 0) for x, similar in stands[y].items())

    def value(y):
        worth = (np.float32(rows.scores[y]) - np.float32(min(grades))) / span if span else 0.0
        return round((1 - weight) * gain(y) / most + weight * float(worth), 9)

    most = max((gain(y) for y in sequence), default=1)
    order, left = [], list(sequence)
    while left:
        best = max(left, key=value)  # of equal ones the first
        left.remove(best)
        order.append(rows.ids[best])
        for x, similar in stands[best].items():
            cover[x] = max(cover[x], similar)
    return order


def _choosing(weight=0.0, **settings_):
    return choosing(strategy="facility", options=(("quality", weight),), **settings_)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("exact_rows", [0, 8192])
@pytest.mark.parametrize("seed", [0, 1])
def test_two_hundred_rows_are_taken_as_by_brute_force(monkeypatch, weight, exact_rows, seed):
    """On the graph that is given, and where rows are compared: the greedy sequence, to the last row."""
    monkeypatch.setattr(graph, "EXACT_ROWS", exact_rows)
    monkeypatch.setattr(graph, "BLOCK", 7)
    rows = random_pool(200, seed=seed)
    params = _choosing(weight, min_score=2.0, seed=seed)
    assert rows.choose(params).ids == _greedy(rows, params, weight, compared=exact_rows > 0)


@settings(max_examples=80, deadline=None)
@given(rows=pools(), threshold=thresholds_near(), weight=st.sampled_from([0.0, 0.25, 1.0]), seed=seeds())
def test_ties_go_by_score_and_the_tie_rule(rows, threshold, weight, seed):
    """Few directions, few grades and many repeats: every pick is the first of the best."""
    held, graph.EXACT_ROWS = graph.EXACT_ROWS, 0
    try:
        params = _choosing(weight, min_score=threshold, seed=seed)
        assert rows.choose(params).ids == _greedy(rows, params, weight, compared=False)
    finally:
        graph.EXACT_ROWS = held


@settings(max_examples=25, deadline=None)
@given(rows=pools(), threshold=thresholds_near(), seed=seeds())
def test_the_score_alone_is_top_score(rows, threshold, seed):
    """With all the weight on the score, the order is that of the score and the tie rule."""
    params = _choosing(1.0, min_score=threshold, seed=seed)
    assert rows.choose(params).ids == sorted_by_hand(rows, params, rows.scores)


def _stands_for(vectors, picks):
    return np.maximum(vectors.astype(float) @ vectors[picks].T.astype(float), 0).max(axis=1).mean()


@pytest.mark.parametrize("count", [8, 20, 60])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_graph_costs_less_than_a_hundredth_of_the_objective(count, seed):
    """The mean similarity to the nearest chosen row is at least 99 % of the exact greedy one's."""
    rows = random_pool(400, seed=seed)
    rows = replace(rows, scores=[3.0] * 400)
    similar = np.maximum(rows.vectors @ rows.vectors.T, 0)
    best, exact = np.zeros(400), []
    for _ in range(count):
        exact.append(int(np.maximum(similar - best[:, None], 0).sum(axis=0).argmax()))
        best = np.maximum(best, similar[:, exact[-1]])
    mine = rows.order(_choosing(), count)[:count]
    assert _stands_for(rows.vectors, mine) >= 0.99 * _stands_for(rows.vectors, exact)


def test_where_few_rows_are_eligible_they_are_compared_with_one_another():
    """One row in ten passes, so the graph knows hardly any pair of them: still near the exact objective."""
    rows = random_pool(400, seed=4)
    rows = replace(rows, scores=[5.0 if i % 10 == 0 else 1.0 for i in range(400)])
    few = rows.vectors[::10]
    picks = rows.order(_choosing(min_score=4.0), 6)[:6] // 10
    rng = np.random.default_rng(0)
    drawn = [_stands_for(few, rng.permutation(40)[:6]) for _ in range(200)]
    assert _stands_for(few, picks) > max(drawn)


def test_a_weight_on_quality_needs_a_judge():
    """Without one the problem names what is missing and the hint both ways out; at 0 it works."""
    rows = pool([3.0, 4.0])
    with pytest.raises(ParameterError, match="needs a judge") as caught:
        rows.choose(SelectParams(strategy="facility", options=(("quality", 0.5),)))
    assert "set quality to 0" in caught.value.hint
    assert len(rows.choose(SelectParams(strategy="facility"))) == 2


def test_more_weight_takes_better_rows():
    """The mean score of thirty rows rises with the weight."""
    rows = random_pool(200, seed=5)
    means = []
    for weight in (0.0, 0.3, 1.0):
        chosen = rows.choose(_choosing(weight, count=30))
        means.append(np.mean([rows.scores[row] for row in chosen.rows]))
    assert means[0] < means[1] < means[2]


def test_it_can_be_stopped_between_any_two_picks():
    """``check`` is asked at least once a pick."""
    asked = []
    chosen = strategy("facility")
    candidates = random_pool(90, seed=6).candidates(choosing(strategy="facility"))
    settings_ = chosen.settings(SelectParams())
    chosen.rule(candidates, settings_, limit=40, check=lambda: asked.append(1))
    assert len(asked) >= 40
