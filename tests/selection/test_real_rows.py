"""Choosing from the real 52,002 rows and their three judges, against a computation in polars."""

from __future__ import annotations

import gzip

import numpy as np
import polars as pl
import pytest
from pools import judge
from real_rows import FILE, some_rows
from scipy.spatial import cKDTree

from core.domain import Neighbours, SelectParams
from core.draws import draws, id_keys
from core.neighbours import neighbours
from core.selection import Candidates, cut, eligible, facility, strategy

JUDGES = ["judge_gpt4omini", "judge_llama31_8b", "judge_mistral7b"]
SEED = 11

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FILE.exists(), reason="The real rows are not here: ../shared/data is absent."),
]


@pytest.fixture(scope="module")
def rows():
    """id, the scores of the judges, and the draw of every row."""
    with gzip.open(FILE) as file:
        frame = pl.read_ndjson(file.read()).select(pl.col("id").cast(pl.String), *JUDGES)
    return frame.with_columns(draw=pl.Series(draws(id_keys(frame["id"]), SEED)))


@pytest.fixture(scope="module")
def graph(rows):
    """The ten nearest of made-up directions in space, where all neighbours are found exactly."""
    points = np.random.default_rng(1).normal(size=(len(rows), 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    chords, indices = cKDTree(points).query(points, k=11)
    return Neighbours(indices[:, 1:].astype(np.int32), (chords[:, 1:] ** 2 / 2).astype(np.float32))


def _by_polars(rows, graph, threshold, keys):
    """Ids of the rows that pass, sorted by the keys, the distance to a better row, and the draw."""
    passing = rows.with_row_index("row").filter(pl.col(JUDGES[0]) >= threshold)
    passing = passing.with_columns(
        level=pl.struct(keys).rank("dense", descending=True) if keys else pl.lit(1, pl.UInt32)
    )
    places = pl.col("row").cast(pl.Int64)
    edges = pl.DataFrame(
        {
            "row": np.repeat(np.arange(len(rows)), graph.indices.shape[1]),
            "other": graph.indices.ravel().astype(np.int64),
            "far": graph.distances.ravel(),
        }
    )
    distance = (
        edges.join(passing.select(places, "level"), on="row")
        .join(passing.select(places.alias("other"), pl.col("level").alias("level_of_other")), on="other")
        .filter(pl.col("level_of_other") < pl.col("level"))
        .group_by("row")
        .agg(pl.col("far").min())
    )
    return (
        passing.with_columns(places)
        .join(distance, on="row", how="left")
        .with_columns(pl.col("far").fill_null(float("inf")))
        .sort("level", "far", "draw", descending=[False, True, False])
    )


def _choose(rows, graph, params):
    scores = judge(rows[JUDGES[0]].to_list(), JUDGES[0])
    candidates = Candidates(
        eligible=eligible(len(rows), scores, params.min_score),
        draw=rows["draw"].to_numpy(),
        scores=scores.scores,
        others=tuple(rows[name].cast(pl.Float32).to_numpy() for name in JUDGES[1:]),
        neighbours=graph,
    )
    chosen = strategy(params.strategy)
    order = chosen.rule(candidates, {}, limit=len(rows), check=lambda: None)
    return cut(params, ids=rows["id"], order=order, judge=scores, levels=chosen.levels(candidates, {}))


@pytest.mark.parametrize("count", [1000, 9229, None])
@pytest.mark.parametrize(("name", "keys"), [("top-score", JUDGES), ("threshold", JUDGES[1:])])
def test_the_real_rows_are_chosen_as_polars_sorts_them(rows, graph, name, keys, count):
    """The same ids in the same sequence, the same eligible count and the same tie, for 52,002 rows."""
    params = SelectParams(judge=JUDGES[0], min_score=2, count=count, strategy=name, seed=SEED)
    chosen = _choose(rows, graph, params)
    expected = _by_polars(rows, graph, 2, keys)
    assert chosen.eligible == len(expected)
    assert chosen.ids == expected["id"].head(len(expected) if count is None else count).to_list()
    if name == "top-score" and count is not None:
        last = expected[JUDGES[0]][count - 1]
        assert chosen.ties.score == last
        assert chosen.ties.tied == (expected[JUDGES[0]] == last).sum()
        assert chosen.ties.chosen == (expected[JUDGES[0]].head(count) == last).sum()


@pytest.mark.parametrize("exact_rows", [facility.EXACT_ROWS, 0])
def test_facility_covers_real_rows_as_the_exact_greedy_choice_does(monkeypatch, real_project, exact_rows):
    """Five thousand real vectors, over all pairs and as of many rows: at least 99 % at every count."""
    monkeypatch.setattr(facility, "EXACT_ROWS", exact_rows)
    some = some_rows()
    vectors = real_project.vectors()[some]
    everybody = Candidates(
        eligible=np.ones(5000, dtype=bool),
        draw=draws(id_keys(str(row) for row in some), SEED),
        vectors=vectors,
        neighbours=neighbours(vectors),
    )
    order = strategy("facility").rule(everybody, {"quality": 0.0}, limit=1000, check=lambda: None)
    similar = np.maximum(vectors @ vectors.T, 0)
    mine = np.maximum.accumulate(similar[:, order], axis=1).mean(axis=0)
    best = np.maximum.accumulate(similar[:, _greedy(similar, 1000)], axis=1).mean(axis=0)
    for count in (5, 10, 20, 50, 100, 500, 1000):
        assert mine[count - 1] >= 0.99 * best[count - 1]


def _greedy(similar, count):
    """The exact greedy choice: each pick adds most to the sum of the best similarities."""
    covered, gain, picks = np.zeros(len(similar), np.float32), similar.sum(axis=0, dtype=float), []
    for _ in range(count):
        picks.append(int(gain.argmax()))
        column = similar[:, picks[-1]]
        for row in np.flatnonzero(column > covered):
            gain -= np.clip(similar[row], covered[row], column[row]) - covered[row]
        covered = np.maximum(covered, column)
    return picks
