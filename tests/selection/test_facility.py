"""The strategy ``facility``: each next row is the one that makes the choice stand best for all rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from by_hand import sorted_by_hand
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import choosing, pool, pools, random_pool, seeds, thresholds_near, unit

from core.domain import SelectParams
from core.draws import draws, id_keys
from core.errors import ParameterError
from core.selection import facility, graph, locations, strategy, whole

WEIGHTS = (0.0, 0.3, 1.0)
UNIT = 15625  # similarities count in such steps


def _pairs(rows):
    """(n, n) similarities in whole steps, from vectors in whole steps, with whole numbers throughout."""
    steps = np.rint(rows.vectors * np.float32(4000)).astype(np.int64)
    return np.maximum(np.rint((steps @ steps.T) / 1024), 0).astype(int)


def _lists(rows, sequence, *, compared):
    """For each row that passes: the rows it lists, with their similarity."""
    k = min(rows.neighbours.indices.shape[1], len(sequence) - 1)
    pairs = _pairs(rows)
    lists = {}
    for row in sequence:
        if compared:
            near = sorted((other for other in sequence if other != row), key=lambda o: -pairs[row, o])
            lists[row] = {other: min(pairs[row, other], UNIT) for other in near[:k]}
        else:
            found = zip(rows.neighbours.indices[row], rows.neighbours.distances[row], strict=True)
            lists[row] = {
                int(other): round(min(max(1 - float(far), 0), 1) * UNIT)
                for other, far in found
                if other in sequence
            }
    return lists


def _greedy(stands, cover, worths, *, weight, left, count):
    """The definition: try every row at every pick; ``stands[y][x]`` is how well y stands for x.

    Returns the picks, and the best of the rows that were left at each, best first.
    """
    picks, ranking, left = [], [], list(left)
    while left and len(picks) < count:
        gains = {y: sum(max(near - cover[x], 0) for x, near in stands[y].items()) for y in left}
        most = max(1, *gains.values())
        value = {y: (1 - weight) * (gains[y] / most) + weight * worths[y] for y in left}
        ranking.append(sorted(left, key=lambda y, value=value: -value[y]))
        best = ranking[-1][0]  # of equal ones the first
        left.remove(best)
        picks.append(best)
        for x, similar in stands[best].items():
            cover[x] = max(cover[x], similar)
    return picks, ranking


def _worths(rows, sequence):
    grades = {row: float(np.float32(rows.scores[row])) for row in sequence}
    low, high = min(grades.values(), default=0), max(grades.values(), default=0)
    return {row: (grade - low) / (high - low) if high > low else 0.0 for row, grade in grades.items()}


def _expected(rows, params, weight):
    """Over all pairs: try every row at every pick, ties by score and the tie rule."""
    sequence = [rows.ids.index(id_) for id_ in sorted_by_hand(rows, params, rows.scores)]
    pairs = _pairs(rows)
    stands = {y: {x: pairs[x, y] for x in sequence} for y in sequence}
    cover = dict.fromkeys(sequence, 0)
    picks, _ = _greedy(
        stands, cover, _worths(rows, sequence), weight=weight, left=sequence, count=len(sequence)
    )
    return [rows.ids[row] for row in picks]


def _expected_of_many(rows, params, weight, *, compared):
    """A sampled walk names who contends, they are measured on all rows, and the graph tells the rest."""
    sequence = [rows.ids.index(id_) for id_ in sorted_by_hand(rows, params, rows.scores)]
    worths, pairs = _worths(rows, sequence), _pairs(rows)
    draw = draws(id_keys(rows.ids), params.seed)
    sample = sorted(sequence, key=lambda row: draw[row])[: facility.SAMPLE]
    count = facility.WIDE_PICKS
    seen = {y: {x: pairs[x, y] for x in sample} for y in sequence}
    _, ranking = _greedy(seen, dict.fromkeys(sample, 0), worths, weight=weight, left=sequence, count=count)
    contending = {row for best in ranking for row in best[: facility.CONTENDERS]}
    contenders = [row for row in sequence if row in contending]
    cover = dict.fromkeys(sequence, 0)
    stands = {y: {x: pairs[x, y] for x in sequence} for y in contenders}
    start, _ = _greedy(stands, cover, worths, weight=weight, left=contenders, count=count)
    lists = _lists(rows, sequence, compared=compared)
    near = {y: {y: UNIT} for y in sequence}
    for x, listed in lists.items():
        cover[x] = max(cover[x], int(min(listed.values(), default=0) * 0.8))
        for y, similar in listed.items():
            near[y][x] = max(near[y].get(x, 0), similar)
            near[x][y] = max(near[x].get(y, 0), similar)
    left = [row for row in sequence if row not in start]
    rest, _ = _greedy(near, cover, worths, weight=weight, left=left, count=len(left))
    return [rows.ids[row] for row in start + rest]


def _choosing(weight=0.0, **settings_):
    return choosing(strategy="facility", options=(("quality", weight),), **settings_)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_two_hundred_rows_are_taken_as_by_brute_force(monkeypatch, weight, seed):
    """Over all pairs: the greedy sequence, to the last row, whatever the size of a block."""
    monkeypatch.setattr(facility, "BLOCK", 7)
    monkeypatch.setattr(locations, "BLOCK", 5)
    rows = random_pool(200, seed=seed)
    params = _choosing(weight, min_score=2.0, seed=seed)
    assert rows.choose(params).ids == _expected(rows, params, weight)


@pytest.fixture
def many(monkeypatch):
    """What counts as many rows is so little that two hundred are, and so are the other sizes."""
    sizes = {"EXACT_ROWS": 0, "SAMPLE": 40, "WIDE_PICKS": 12, "CONTENDERS": 4, "BLOCK": 7}
    for name, size in sizes.items():
        monkeypatch.setattr(facility, name, size)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("exact_rows", [0, 8192])
def test_of_many_rows_the_first_are_found_wide_and_the_others_near(monkeypatch, weight, exact_rows):
    """On the graph that is given, and where rows are compared: as by brute force, to the last row."""
    monkeypatch.setattr(graph, "EXACT_ROWS", exact_rows)
    monkeypatch.setattr(graph, "BLOCK", 7)
    rows = random_pool(200, seed=2)
    params = _choosing(weight, min_score=2.0, seed=2)
    assert rows.choose(params).ids == _expected_of_many(rows, params, weight, compared=exact_rows > 0)


@settings(max_examples=60, deadline=None)
@given(rows=pools(), threshold=thresholds_near(), weight=st.sampled_from([0.0, 0.25, 1.0]), seed=seeds())
def test_ties_go_by_score_and_the_tie_rule(rows, threshold, weight, seed):
    """Few directions, few grades and many repeats: every pick is the first of the best."""
    params = _choosing(weight, min_score=threshold, seed=seed)
    assert rows.choose(params).ids == _expected(rows, params, weight)


SMALL = {"EXACT_ROWS": 0, "SAMPLE": 5, "WIDE_PICKS": 3, "CONTENDERS": 2}


@settings(max_examples=60, deadline=None)
@given(rows=pools(), threshold=thresholds_near(), weight=st.sampled_from([0.0, 0.25, 1.0]), seed=seeds())
def test_ties_among_many_rows_go_by_the_same_rule(rows, threshold, weight, seed):
    """The same where the first picks come from contenders and the others from the graph."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in SMALL.items():
            patch.setattr(facility, name, size)
        patch.setattr(graph, "EXACT_ROWS", 0)
        params = _choosing(weight, min_score=threshold, seed=seed)
        chosen = rows.choose(params).ids
        assert chosen == _expected_of_many(rows, params, weight, compared=False)
        places = np.random.default_rng(seed).permutation(len(rows)).tolist()
        assert rows.in_another_order(places).choose(params).ids == chosen
        assert rows.choose(replace(params, count=len(chosen) // 2)).ids == chosen[: len(chosen) // 2]


@pytest.mark.parametrize("d", [3, 384, 4096])
def test_similarities_are_exact_in_single_precision(d):
    """Equal, opposite and random rows: the sums of whole numbers, to the last digit, in any sequence."""
    rng = np.random.default_rng(d)
    vectors = unit(np.concatenate((np.eye(3, d), -np.eye(3, d), np.ones((1, d)), rng.normal(size=(40, d)))))
    steps = whole.in_steps(vectors)
    exact = steps.astype(np.int64) @ steps.astype(np.int64).T
    assert (steps @ steps.T).astype(np.int64).tolist() == exact.tolist()
    shuffled = rng.permutation(d)
    np.testing.assert_array_equal(
        whole.similarities(steps, steps), whole.similarities(steps[:, shuffled], steps[:, shuffled])
    )
    drawn = vectors[7:].astype(float)
    mine = whole.similarities(steps[7:], steps[7:]) / whole.SCALE
    np.testing.assert_allclose(mine, np.maximum(drawn @ drawn.T, 0), atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(rows=pools(), threshold=thresholds_near(), seed=seeds())
def test_the_score_alone_is_top_score(rows, threshold, seed):
    """With all the weight on the score, the order is that of the score and the tie rule."""
    params = _choosing(1.0, min_score=threshold, seed=seed)
    assert rows.choose(params).ids == sorted_by_hand(rows, params, rows.scores)


def _stands_for(vectors, picks):
    return np.maximum(vectors.astype(float) @ vectors[picks].T.astype(float), 0).max(axis=1).mean()


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("count", [5, 8, 20, 60])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_many_rows_cost_less_than_a_fiftieth_of_the_objective(monkeypatch, count, seed):
    """The mean similarity to the nearest chosen row is at least 98 % of the exact greedy one's."""
    monkeypatch.setattr(facility, "SAMPLE", 100)
    monkeypatch.setattr(facility, "CONTENDERS", 12)
    rows = random_pool(400, seed=seed)
    rows = replace(rows, scores=[3.0] * 400)
    best = _stands_for(rows.vectors, _dense_greedy(rows.vectors, count))
    assert _stands_for(rows.vectors, rows.order(_choosing(), count)[:count]) >= 0.98 * best


def _dense_greedy(vectors, count):
    """The greedy picks over all similarities, in double precision."""
    similar = np.maximum(vectors.astype(float) @ vectors.T.astype(float), 0)
    best, exact = np.zeros(len(vectors)), []
    for _ in range(count):
        exact.append(int(np.maximum(similar - best[:, None], 0).sum(axis=0).argmax()))
        best = np.maximum(best, similar[:, exact[-1]])
    return exact


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
