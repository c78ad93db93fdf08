"""The strategy ``repaired``: scores that the neighbours contradict are repaired, then the best come first."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from by_hand import sorted_by_hand
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import NO_SCORE, choosing, column, nearest, pool, pools, random_pool, seeds, thresholds_near, unit

from core.draws import draws, id_keys
from core.selection import repaired as repaired_module
from core.selection import transitions
from core.selection.repaired import repaired, tail_distance
from core.selection.transitions import consensus, fitted, scale_of


def _near(rows, row, count):
    """The scores of the nearest scored rows, nearest first."""
    found = [rows.scores[other] for other in rows.neighbours.indices[row]]
    return [score for score in found if score is not NO_SCORE][:count]


def _chances(triples, grades):
    """Expectation maximisation, one triple at a time: the prior and the chances of each true grade."""
    g = len(grades)
    chance = {t: {i: 0.7 if t == i else 0.3 / max(g - 1, 1) for i in grades} for t in grades}
    prior = dict.fromkeys(grades, 1 / g)
    for _ in range(transitions.ROUNDS):
        seen, mass = defaultdict(float), defaultdict(float)
        for triple, count in triples.items():
            joint = {t: prior[t] * math.prod(chance[t][i] for i in triple) for t in grades}
            for t in grades:
                share = count * joint[t] / sum(joint.values())
                mass[t] += share
                for i in triple:
                    seen[t, i] += share
        new = {
            t: {i: seen[t, i] / (3 * mass[t]) for i in grades} if mass[t] > 0 else chance[t] for t in grades
        }
        prior = {t: mass[t] / max(sum(triples.values()), 1) for t in grades}
        change = max(abs(new[t][i] - chance[t][i]) for t in grades for i in grades)
        chance = new
        if change <= transitions.STILL:
            break
    return prior, chance


def _repaired_by_hand(rows, seed, voters, confidence=0.5):
    """The definition, round by round and row by row, for scores of few different values."""
    grades = sorted({score for score in rows.scores if score is not NO_SCORE})
    scored = [row for row, score in enumerate(rows.scores) if score is not NO_SCORE]
    triples = Counter((rows.scores[row], *near) for row in scored if len(near := _near(rows, row, 2)) == 2)
    prior, chance = _chances(triples, grades)
    draw = draws(id_keys(rows.ids), seed)
    tail = rows.neighbours.distances.mean(axis=1) if len(rows) > 1 else [0.0]
    took_part, suspected, suggested = Counter(), Counter(), defaultdict(Counter)

    def nearest_to(own):
        return lambda votes: max(
            votes, key=lambda g: (votes[g], -abs(grades.index(g) - grades.index(own)), -grades.index(g))
        )

    for number in range(repaired_module.ROUNDS):
        drawn = draws(draw, number).tolist()
        present = {row for row in range(len(rows)) if drawn[row] < 0.9 * 2**64}
        votes = {
            row: Counter(
                [
                    rows.scores[other]
                    for other in rows.neighbours.indices[row]
                    if other in present and rows.scores[other] is not NO_SCORE
                ][:voters]
            )
            for row in scored
            if row in present
        }
        for grade in grades:
            given = sum(prior[t] * chance[t][grade] for t in grades)
            wrong = 1 - prior[grade] * chance[grade][grade] / given if given > 0 else 0.0
            asked = [row for row, said in votes.items() if rows.scores[row] == grade and said]
            took_part.update(asked)

            def doubt(row, grade=grade, votes=votes):
                length = math.sqrt(sum(count**2 for count in votes[row].values()))
                return votes[row][grade] / length, tail[row], draw[row]

            for row in sorted(asked, key=doubt)[: math.floor(wrong * len(asked) + 0.001)]:
                suspected[row] += 1
                suggested[row][nearest_to(grade)(votes[row])] += 1
    result = list(rows.scores)
    for row in scored:
        own = rows.scores[row]
        others = {grade: suggested[row][grade] for grade in grades if grade != own}
        share = (suspected[row] + 1) / (took_part[row] + 2)
        if others and share > 0.5:
            best = nearest_to(own)(others)
            if share * ((others[best] + 1) / (suspected[row] + len(grades))) >= confidence:
                result[row] = best
    return result


def _expected(rows, params, voters=10, confidence=0.5):
    tail = rows.neighbours.distances.mean(axis=1).tolist() if len(rows) > 1 else [0.0]
    return sorted_by_hand(rows, params, _repaired_by_hand(rows, params.seed, voters, confidence), tail)


@pytest.fixture
def few_rounds(monkeypatch):
    """Enough rounds of the fit for a comparison."""
    monkeypatch.setattr(transitions, "ROUNDS", 60)
    monkeypatch.setattr(repaired_module, "ROUNDS", 11)


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize("voters", [3, 10])
@pytest.mark.parametrize(("seed", "confidence"), [(0, 0.0), (1, 0.2), (2, 0.3)])
def test_two_hundred_rows_are_repaired_and_sorted_as_by_hand(seed, confidence, voters):
    """Half-step grades, some of them missing: the same scores, and the same sequence."""
    rows = random_pool(200, seed=seed)
    options = (("confidence", confidence), ("voters", voters))
    params = choosing(strategy="repaired", min_score=2.0, seed=seed, options=options)
    by_hand = _repaired_by_hand(rows, seed, voters, confidence)
    assert by_hand != rows.scores
    draw = draws(id_keys(rows.ids), seed)
    mine = repaired(column(rows.scores), rows.neighbours, draw, voters=voters, confidence=confidence)
    np.testing.assert_array_equal(mine, column(by_hand))
    assert rows.choose(params).ids == _expected(rows, params, voters, confidence)


@settings(max_examples=40, deadline=None)
@given(
    rows=pools(),
    threshold=thresholds_near(),
    seed=seeds(),
    voters=st.sampled_from([2, 3, 10]),
    confidence=st.sampled_from([0.0, 0.3, 0.5]),
)
def test_pools_full_of_ties_are_repaired_as_by_hand(*, rows, threshold, seed, voters, confidence):
    """Few rows, few grades, many repeats, one grade only: the same sequence."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transitions, "ROUNDS", 40)
        patch.setattr(repaired_module, "ROUNDS", 7)
        options = (("confidence", confidence), ("voters", voters))
        params = choosing(strategy="repaired", min_score=threshold, seed=seed, options=options)
        assert rows.choose(params).ids == _expected(rows, params, voters, confidence)


def _judged(prior, matrix, *, rows=3600, seed=0):
    """True grades of groups of near rows, and what a judge who errs by the matrix makes of them."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.choice(len(prior), rows // 12, p=prior), 12)
    given = (rng.random(rows)[:, None] > np.cumsum(matrix, axis=1)[truth]).sum(axis=1)
    centres = np.repeat(rng.normal(size=(rows // 12, 24)), 12, axis=0)
    return truth, given, unit(centres + 0.1 * rng.normal(size=(rows, 24)))


PRIOR = np.array([0.2, 0.5, 0.3])
MATRIX = np.array([[0.8, 0.15, 0.05], [0.2, 0.7, 0.1], [0.05, 0.25, 0.7]])


def test_the_chances_are_found_where_the_counts_follow_from_them():
    """From the expected counts of ten million triples the prior and the matrix come back."""
    chance = np.einsum("t,ti,tj,tk->ijk", PRIOR, MATRIX, MATRIX, MATRIX)
    found = fitted(np.rint(1e7 * chance).astype(np.int64))
    np.testing.assert_allclose(found.matrix, MATRIX, atol=2e-3)
    np.testing.assert_allclose(found.prior, PRIOR, atol=2e-3)
    right = PRIOR * np.diag(MATRIX) / (PRIOR @ MATRIX)
    np.testing.assert_allclose(found.wrong(), 1 - right, atol=5e-3)


def test_a_judge_who_errs_is_found_out_from_the_neighbours():
    """Rows in groups of one true grade: the matrix is found to within five hundredths."""
    _, given, vectors = _judged(PRIOR, MATRIX)
    found = fitted(consensus(given, nearest(vectors, 10), 3))
    np.testing.assert_allclose(found.matrix, MATRIX, atol=0.05)


def test_repaired_scores_are_nearer_to_the_truth():
    """Where neighbours deserve one grade, at least half of the errors go."""
    truth, given, vectors = _judged(PRIOR, MATRIX, seed=1)
    draw = np.random.default_rng(1).permutation(len(given)).astype(np.uint64)
    mine = repaired(given.astype(np.float32), nearest(vectors, 10), draw, voters=10, confidence=0.5)
    assert (mine != truth).mean() < (given != truth).mean() / 2


def test_more_confidence_repairs_fewer_scores_and_more_of_them_rightly():
    """Of three confidences each repairs a part of what the one below it does; none at all at 1."""
    truth, given, vectors = _judged(PRIOR, MATRIX, seed=3)
    draw = np.random.default_rng(3).permutation(len(given)).astype(np.uint64) << np.uint64(48)
    graph, changed, right = nearest(vectors, 10), [], []
    for confidence in (0.0, 0.5, 0.8, 1.0):
        mine = repaired(given.astype(np.float32), graph, draw, voters=10, confidence=confidence)
        changed.append(set(np.flatnonzero(mine != given).tolist()))
        right.append((mine == truth)[mine != given].mean() if changed[-1] else 1.0)
    assert changed[0] > changed[1] > changed[2] > changed[3] == set()
    assert right[0] <= right[1] <= right[2]


def test_a_judge_who_agrees_with_all_neighbours_is_believed():
    """Groups of one grade each: no score is touched."""
    truth, _, vectors = _judged(PRIOR, np.eye(3), rows=600, seed=2)
    draw = np.arange(600, dtype=np.uint64)
    mine = repaired(truth.astype(np.float32), nearest(vectors, 10), draw, voters=10, confidence=0.5)
    assert mine.tolist() == truth.tolist()


def test_unscored_rows_stay_unscored_and_have_no_vote():
    """Their neighbours are judged by the scored rows behind them."""
    rows = replace(random_pool(200, seed=3), scores=[NO_SCORE, 3.0] * 100)
    draw = draws(id_keys(rows.ids), 0)
    mine = repaired(column(rows.scores), rows.neighbours, draw, voters=10, confidence=0.5)
    np.testing.assert_array_equal(mine, column(rows.scores))


def test_the_threshold_looks_at_the_score_as_it_was_given():
    """Every eligible row is in the order, whatever became of its score, and no other."""
    rows = random_pool(200, seed=4)
    chosen = rows.choose(choosing(strategy="repaired", min_score=3.0))
    assert set(chosen.ids) == rows.scored_at_least(3.0)


@pytest.mark.parametrize("levels", [1, 2, 11])
def test_few_different_scores_are_grades_of_their_own(levels):
    """Up to eleven: each is one grade, and stands for itself."""
    scores = np.repeat(np.arange(levels, dtype=np.float32), 3)
    grades, values = scale_of(scores)
    assert grades.tolist() == scores.tolist()
    assert values.tolist() == list(range(levels))


def test_continuous_scores_are_read_in_eleven_grades_of_about_equal_size():
    """A thousand different scores, some missing: ascending grades of 90 or 91 rows, each with its median."""
    scores = np.random.default_rng(5).permutation(np.linspace(0, 1, 1000, dtype=np.float32))
    scores = np.concatenate((scores, [np.nan])).astype(np.float32)
    grades, values = scale_of(scores)
    assert grades[-1] == transitions.UNGRADED
    assert set(np.bincount(grades[:-1])) <= {90, 91}
    for grade in range(11):
        inside = scores[grades == grade]
        assert values[grade] == np.sort(inside)[(len(inside) - 1) // 2]
        assert grade == 0 or inside.min() > scores[grades == grade - 1].max()


def test_of_equal_scores_the_rarest_comes_first():
    """All rows have one score: the one farthest from its neighbours leads, the one in the crowd ends."""
    rows = pool([3.0] * 4, vectors=[(1, 0), (1, 0.1), (1, 0.2), (-1, 0.3)])
    ids = rows.choose(choosing(strategy="repaired")).ids
    assert ids[0] == "row 3"
    assert tail_distance(rows.neighbours).argmax() == 3
