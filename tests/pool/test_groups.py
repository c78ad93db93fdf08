"""Groups of duplicates, against a few lines of brute force on random rows."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest

from core.domain import Neighbours
from core.errors import ParameterError
from core.health import groups
from core.health.differences import differences
from core.neighbours import NeighbourParams, neighbours

TEXTS = ("a b", "A  b", "a b\n", "ab", "\ta\u00a0b", "", "É", "é", "a b c")


def frame_of(prompts: list[str], responses: list[str]) -> pl.DataFrame:
    """The columns of a dataset that groups look at."""
    n = len(prompts)
    nothing = pl.Series([None] * n, dtype=pl.String)
    return pl.DataFrame({"prompt": prompts, "response": responses, "system": nothing, "tools": nothing})


def random_frame(rng: np.random.Generator, n: int) -> pl.DataFrame:
    """Rows that repeat each other in every way."""
    prompts, responses = (rng.choice(TEXTS, n).tolist() for _ in range(2))
    return frame_of(prompts, responses)


def sets(found: groups.Groups) -> list[list[int]]:
    """The groups in their sequence."""
    return [found.rows(place).tolist() for place in range(len(found))]


def by_hand(keys: list[object]) -> list[list[int]]:
    """Rows of equal keys, the largest group first, then by the first row."""
    found = [[row for row, each in enumerate(keys) if each == key] for key in dict.fromkeys(keys)]
    return sorted((rows for rows in found if len(rows) > 1), key=lambda rows: (-len(rows), rows[0]))


@pytest.mark.parametrize("seed", range(6))
def test_exact_groups_are_rows_of_the_same_texts(seed: int) -> None:
    """To the byte, or once split at white space and in lower case."""
    rng = np.random.default_rng(seed)
    frame = random_frame(rng, int(rng.integers(0, 60)))
    pairs = list(zip(frame["prompt"], frame["response"], strict=True))
    assert sets(groups.exact(frame, alike="verbatim")) == by_hand(pairs)
    plain = [tuple(" ".join(text.lower().split()) for text in pair) for pair in pairs]
    assert sets(groups.exact(frame)) == by_hand(plain)


@pytest.mark.parametrize("seed", range(4))
def test_same_prompt_groups_hold_at_least_two_answers(seed: int) -> None:
    """Rows of one prompt are a group only where they are not all the same row."""
    frame = random_frame(np.random.default_rng(seed), 50)
    expected = [
        rows
        for rows in by_hand(frame["prompt"].to_list())
        if len({frame["response"][row] for row in rows}) > 1
    ]
    assert expected
    assert sets(groups.same_prompt(frame, alike="verbatim")) == expected


def test_a_turn_between_or_a_rejected_answer_makes_rows_others() -> None:
    """The first prompt and the last answer alone do not make two conversations the same."""
    frame = frame_of(["hi"] * 4, ["bye"] * 4)
    turns = [["hi", "x", "bye"], ["hi", "y", "bye"], ["hi", "x", "bye"], ["hi", "x", "bye"]]
    messages = [[{"role": "user", "content": each} for each in row] for row in turns]
    frame = frame.with_columns(pl.Series("messages", messages))
    assert sets(groups.exact(frame)) == [[0, 2, 3]]
    rejected = [[{"role": "assistant", "content": each}] for each in "nnno"]
    assert sets(groups.exact(frame.with_columns(pl.Series("rejected", rejected)))) == [[0, 2]]
    assert sets(groups.exact(frame.with_columns(system=pl.Series(["s", None, None, None])))) == [[2, 3]]


def clumps(seed: int, n: int = 90) -> np.ndarray:
    """Unit rows in clumps of every tightness, some of them the same."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((12, 8))[rng.integers(0, 12, n)]
    rows += rng.standard_normal((n, 8)) * rng.choice([0, 0.05, 0.2], n)[:, None]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("distance", [0.0, 0.01, 0.05, 0.2])
def test_near_groups_are_chains_of_close_rows(seed: int, distance: float) -> None:
    """With every row in the graph, they are what joining every close pair gives."""
    vectors = clumps(seed)
    graph = neighbours(vectors, NeighbourParams(k=len(vectors) - 1))
    joined = list(range(len(vectors)))
    for one, other in combinations(range(len(vectors)), 2):
        if 1 - float(vectors[one].astype(float) @ vectors[other].astype(float)) <= distance + 1e-6:
            joined = [joined[one] if each == joined[other] else each for each in joined]
    assert sets(groups.near(graph, distance)) == by_hand(joined)


def test_more_copies_than_neighbours_are_one_group() -> None:
    """A hundred identical rows know fifteen others each, and still hang together."""
    vectors = clumps(9, 300)
    vectors[100:200] = vectors[100]
    found = groups.near(neighbours(vectors), 0.0)
    assert set(range(100, 200)) <= set(found.rows(0).tolist())


def test_a_chain_that_the_graph_does_not_hold_joins_nothing() -> None:
    """What is said in the docstring: a pair that neither row's list holds may stay apart."""
    indices = np.array([[1], [0], [3], [2]], dtype=np.int32)
    found = groups.near(Neighbours(indices, np.zeros((4, 1), np.float32)), 0.1)
    assert sets(found) == [[0, 1], [2, 3]]
    none = Neighbours(np.empty((3, 0), np.int32), np.empty((3, 0), np.float32))
    assert len(groups.near(none, 0.1)) == 0


@pytest.mark.parametrize("stays", groups.STAYS)
@pytest.mark.parametrize("seed", range(5))
def test_of_each_group_the_best_row_stays(stays: str, seed: int) -> None:
    """Best score, else longest, else first; an unscored row gives way to every scored one."""
    rng = np.random.default_rng(seed)
    frame = random_frame(rng, 70)
    scores = rng.choice([np.nan, 1, 2], 70).astype(np.float32)
    lengths = rng.integers(0, 3, 70)
    found = groups.exact(frame)

    def merit(row: int) -> tuple[float, ...]:
        score = -1.0 if np.isnan(scores[row]) else float(scores[row])
        return {"best": (score, lengths[row], -row), "longest": (lengths[row], -row), "first": (-row,)}[stays]

    best = {max(rows, key=merit) for rows in sets(found)}
    gone = {row for rows in sets(found) for row in rows} - best
    assert set(groups.staying(found, stays=stays, scores=scores, lengths=lengths)) == best
    assert groups.spare(found, stays=stays, scores=scores, lengths=lengths).tolist() == sorted(gone)


@pytest.mark.parametrize("wrong", [-0.1, 0.6, float("nan")])
def test_a_distance_that_cannot_be_is_refused(wrong: float) -> None:
    """Near copies lie within half of the way to a right angle."""
    graph = Neighbours(np.zeros((2, 1), np.int32), np.zeros((2, 1), np.float32))
    with pytest.raises(ParameterError, match="distance"):
        groups.near(graph, wrong)
    with pytest.raises(ParameterError, match="alike"):
        groups.exact(frame_of(["a"], ["b"]), alike="nearly")


def test_differences_give_both_texts_back() -> None:
    """The pieces put together are the texts; what is marked is what only one of them says."""
    one, other = "Name three colours, please.", "Name two  colours please <b>"
    left, right = differences(one, other)
    assert "".join(each.text for each in left) == one
    assert "".join(each.text for each in right) == other
    assert "three" in {each.text.strip() for each in left if each.differs}
    assert all("colours" not in each.text for each in (*left, *right) if each.differs)
