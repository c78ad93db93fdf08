"""The public surface of a project: what it gives, compares, draws and refuses."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter

import numpy as np
import plotly.graph_objects as go
import polars as pl
import pytest
from small_project import built, copied, many, qualities, rows, write

from core import Pins, Project, SelectParams
from core.errors import ParameterError
from core.loading import load
from core.selection import strategies
from core.store import Store

# The public surface.


def test_the_dataset_says_what_was_read(project):
    """The frame with its canonical columns, the schema, a fingerprint and the number of rows."""
    data = project.dataset
    assert len(data) == data.frame.height == 60
    assert data.frame["id"].to_list() == [f"r{k:02}" for k in range(60)]
    assert {"id", "prompt", "response", "system", "messages"} <= set(data.frame.columns)
    assert data.schema == "alpaca"
    assert len(bytes.fromhex(data.fingerprint)) == 32


def test_judges_have_a_scale_and_counts(project):
    """name -> lowest, highest and step seen, scored and unscored rows."""
    assert list(project.judges) == ["quality", "depth_score"]
    quality, depth = project.judges["quality"], project.judges["depth_score"]
    assert (quality.scale, quality.scored, quality.unscored) == ((1.0, 5.0, 0.5), 59, 1)
    assert (depth.scale, depth.scored, depth.unscored) == ((0.0, 59.0, 1.0), 60, 0)


def test_vectors_are_unit_rows(project):
    """(n, d) float32 of length 1; equal prompts share a vector."""
    vectors = project.vectors()
    assert (vectors.shape, vectors.dtype) == ((60, 384), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors[50:], vectors[0:50:5])


def test_neighbours_are_the_nearest_rows(project):
    """(n, k) positions and cosine distances, ascending, as a full product of the vectors gives them."""
    indices, distances = project.neighbours()
    wide = project.vectors().astype(float)
    every = 1 - wide @ wide.T
    np.fill_diagonal(every, np.inf)
    assert (indices.shape, distances.shape) == ((60, 15), (60, 15))
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :15], atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(every, indices.astype(int), 1), distances, atol=1e-6)


def test_labels_coords_tokens_and_draft_have_a_value_a_row(project):
    """(n,) labels, 0 the largest and all of them named; (n, 2) finite coordinates; (n,) tokens."""
    labels = project.labels()
    sizes = np.bincount(labels)
    assert (labels.shape, labels.dtype) == ((60,), np.int32)
    assert sizes.tolist() == sorted(sizes, reverse=True)
    assert set(project.clusters().names) == set(labels.tolist())
    for coords in (project.coords(), project.draft()):
        assert (coords.shape, coords.dtype) == ((60, 2), np.float32)
        assert np.isfinite(coords).all()
    assert project.tokens().shape == (60,)
    assert (project.tokens() > 5).all()


def test_clusters_follow_the_topics(project):
    """Rows about one topic lie together: most of each cluster is of one topic."""
    topics, labels = project.dataset.rows["topic"].to_numpy(), project.labels()
    largest = sum(
        Counter(topics[labels == label].tolist()).most_common(1)[0][1] for label in set(labels.tolist())
    )
    assert largest >= 45


def test_every_array_is_read_only(project):
    """Sessions share arrays, so nobody may write into them."""
    chosen = project.select(SelectParams(judge="quality", count=5))
    params = SelectParams(count=5)
    curve, control = project.curve(params), project.control_curve(params, 0)
    arrays = [
        *(project.vectors(), project.labels(), project.coords(), project.draft(), project.tokens()),
        *project.neighbours(),
        *(judge.scores for judge in project.judges.values()),
        *(chosen.rows, chosen.codes),
        *(project.order(SelectParams(strategy=name, judge="quality")) for name in strategies()),
        *(project.ready_order(params), project.control(0)),
        *(curve.counts, curve.radius, curve.mean, control.counts, control.radius, control.mean),
    ]
    assert [array.flags.writeable for array in arrays] == [False] * len(arrays)


def test_a_selection_has_ids_rows_and_a_reason_for_every_row(project):
    """ids in order of choice, their positions, and (n,) reasons of which the chosen are among ``rows``."""
    chosen = project.select(SelectParams(judge="quality", min_score=4, count=10, strategy="k-center"))
    frame = project.dataset.frame
    assert chosen.ids == frame["id"].gather(chosen.rows).to_list()
    assert len(set(chosen.ids)) == len(chosen) == 10
    reasons = Counter(chosen.reasons.to_list())
    scores = np.array([np.nan if row["quality"] is None else row["quality"] for row in rows()])
    assert reasons["chosen"] == 10
    assert reasons["unscored"] == 1
    assert reasons["below threshold"] == (scores < 4).sum()
    assert reasons.total() == 60
    assert set(np.flatnonzero(chosen.reasons == "chosen")) == set(chosen.rows.tolist())


def test_export_writes_what_it_says(project, tmp_path):
    """The training file in the wanted form, the ids, the sidecar, the control and the recipe."""
    chosen = project.select(SelectParams(count=7))
    files = project.export(chosen, tmp_path / "out", format="messages")
    settings = ["axolotl.yaml", "dataset_info.json", "trl_sft.py", "unsloth_sft.py"]
    names = [
        "SHA256SUMS",
        "control_ids.txt",
        "ids.txt",
        "recipe.yaml",
        "selection.parquet",
        "train.messages.jsonl",
        *settings,
    ]
    assert (
        sorted(file.name for file in files)
        == sorted(path.name for path in (tmp_path / "out").iterdir())
        == sorted(names)
    )
    assert (tmp_path / "out" / "ids.txt").read_text().split() == chosen.ids
    messages = [
        json.loads(line)["messages"]
        for line in (tmp_path / "out" / "train.messages.jsonl").read_text().splitlines()
    ]
    assert [turns[0]["content"] for turns in messages] == project.dataset.frame["prompt"].gather(
        chosen.rows
    ).to_list()


def test_home_and_out_may_begin_with_a_tilde(tmp_path, monkeypatch, fake):
    """No folder of the name ~ appears anywhere."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    project = Project.open(many(tmp_path / "a.jsonl", 3), home="~/kept")
    project.export(project.select(SelectParams()), "~/out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "kept", "out"]


# What bad parameters get.


@pytest.mark.parametrize(
    ("settings", "problem", "hint"),
    [
        (
            {"judge": "qualty"},
            "no judge 'qualty' in small.jsonl",
            r"Did you mean quality\? Judges: quality, depth",
        ),
        ({"judge": "zzz"}, "no judge 'zzz'", r"^Judges: quality, depth_score\.$"),
        ({"min_score": 3}, "A threshold needs a judge", r"^Judges: quality, depth_score\.$"),
        ({"judge": "quality", "min_score": float("nan")}, "threshold is not a number", "Leave it out"),
        ({"strategy": "k-centre"}, "no strategy 'k-centre'", r"Did you mean k-center\? Known: .*stratified"),
        ({"strategy": "top-score"}, "Top score needs a judge", r"^Judges: quality, depth_score\.$"),
        ({"strategy": "deita"}, "Best without repeats needs a judge", r"^Judges: quality, depth_score\.$"),
        ({"strategy": "cluster-quota"}, "Best of each cluster needs a judge", r"^Judges: quality, depth"),
        ({"strategy": "repaired"}, "Repaired scores needs a judge", r"^Judges: quality, depth_score\.$"),
        (
            {"strategy": "facility", "options": (("quality", 0.5),)},
            "weight on quality needs a judge",
            "set quality to 0",
        ),
        ({"options": (("depth", 1),)}, "k-center has no setting depth", r"Its settings: drop_outliers\."),
        ({"options": (("drop_outliers", 51),)}, "outside 0 to 50", "outliers"),
        ({"count": -1}, "The count is -1", "0 or more"),
        (
            {"pins": Pins(include=frozenset({"r01", "x9"}))},
            "Not in small.jsonl: 1 pinned id, such as 'x9'",
            "'r00'",
        ),
        ({"pins": Pins(exclude=frozenset({"x9"}))}, "such as 'x9'", "by their id"),
    ],
)
def test_bad_parameters_get_a_problem_and_a_hint(project, settings, problem, hint):
    """Each is one sentence of what is wrong and one that names the alternatives."""
    with pytest.raises(ParameterError, match=problem) as caught:
        project.select(SelectParams(**settings))
    assert re.search(hint, caught.value.hint)


def test_a_file_without_scores_says_so(tmp_path):
    """The hint does not list judges that are not there."""
    project = Project.open(write(tmp_path / "a.jsonl", [{"instruction": "a", "output": "b"}]), home=tmp_path)
    with pytest.raises(ParameterError) as caught:
        project.select(SelectParams(judge="quality"))
    assert "no score column" in caught.value.hint


@pytest.mark.parametrize(
    "ask",
    [
        lambda project: project.select(SelectParams(judge="typo")),
        lambda project: project.select(SelectParams(strategy="typo")),
        lambda project: project.select(SelectParams(pins=Pins(include=frozenset({"typo"})))),
        lambda project: project.select(SelectParams(options=(("typo", 1),))),
        lambda project: project.export(project.select(SelectParams(strategy="random")), "out", format="typo"),
    ],
    ids=["judge", "strategy", "pin", "option", "format"],
)
def test_bad_parameters_are_said_before_the_work(tmp_path, ask, calls):
    """Nobody waits for an embedding to be told of a typing error."""
    project = Project.open(built()[0], home=tmp_path / "home")
    with pytest.raises(ParameterError):
        ask(project)
    assert calls == {}
    assert not (tmp_path / "home").exists()


# Comparing.


def _figures(project, picked, scores):
    """The figures of a set of rows, line by line."""
    records = rows()
    wide = project.vectors().astype(float)
    nearest = (1 - wide @ wide[picked].T).min(axis=1) if len(picked) else None
    known = [scores[row] for row in picked if not np.isnan(scores[row])]
    tokens = [int(project.tokens()[row]) for row in picked]

    def mean(values):
        return sum(values) / len(values) if values else None

    return {
        "Rows": len(picked),
        "Tokens": sum(tokens),
        "Mean score": mean(known),
        "Mean tokens a row": mean(tokens),
        "Mean response length (characters)": mean([len(records[row]["output"]) for row in picked]),
        "Clusters covered": len({int(project.labels()[row]) for row in picked} - {-1}),
        "Covering radius (cosine distance)": None if nearest is None else nearest.max(),
        "Mean nearest distance (cosine)": None if nearest is None else nearest.mean(),
    }


@pytest.mark.parametrize(("count", "draws"), [(12, 5), (1, 2), (60, 1), (0, 3)])
def test_compare_gives_what_plain_arithmetic_gives(project, count, draws):
    """metric | selection | random mean, low, high | pool, each figure computed line by line."""
    chosen = project.select(SelectParams(judge="quality", count=count, strategy="top-score"))
    table = project.compare(chosen, draws=draws)
    assert table.columns == ["metric", "selection", "random mean", "random low", "random high", "pool"]
    ours = _figures(project, chosen.rows.tolist(), qualities())
    pool = _figures(project, list(range(60)), qualities())
    control = [
        _figures(project, project.control(s)[: len(chosen)].tolist(), qualities()) for s in range(draws)
    ]
    lines = [line for line in table.iter_rows(named=True) if line["metric"] in ours]
    assert sorted(line["metric"] for line in lines) == sorted(ours)
    for line in lines:
        name = line["metric"]
        drawn = [each[name] for each in control]
        spread = [None] * 3 if None in drawn else [sum(drawn) / draws, min(drawn), max(drawn)]
        expected = [ours[name], *spread, pool[name]]
        assert list(line.values())[1:] == [
            value if value is None else pytest.approx(value, abs=2e-6) for value in expected
        ]


def test_compare_has_no_mean_score_without_a_judge(project):
    """Null, not a number, stands where there is nothing to average."""
    table = project.compare(project.select(SelectParams(count=5)), draws=2)
    line = table.row(by_predicate=pl.col("metric") == "Mean score", named=True)
    assert [line[name] for name in table.columns[1:]] == [None] * 5


def test_control_draws_are_seeded_and_prefixes(project):
    """Another seed, another draw; the same seed, the same rows, each row once."""
    assert sorted(project.control(0)) == list(range(60))
    assert project.control(0).tolist() != project.control(1).tolist()
    assert project.control(0).tolist() == Project.open(built()[0], home=built()[1]).control(0).tolist()


# Figures.


@pytest.mark.parametrize("colour", ["cluster", "selected", "length", "quality", "depth_score"])
@pytest.mark.parametrize("chosen", [False, True])
def test_a_figure_shows_every_row_once(project, colour, chosen):
    """Whatever it is coloured by, the points of all traces are the rows of the map."""
    selection = project.select(SelectParams(judge="quality", count=10)) if chosen else None
    figure = project.figure(selection, colour_by=colour)
    assert isinstance(figure, go.Figure)
    points = [point for trace in figure.data for point in zip(trace.x, trace.y, strict=True)]
    assert sorted(points) == sorted(map(tuple, project.coords()))


def test_a_figure_cannot_be_coloured_by_what_is_not_there(project):
    """The hint names everything that it can be coloured by."""
    with pytest.raises(ParameterError, match="'mood'") as caught:
        project.figure(colour_by="mood")
    assert caught.value.hint == "Colours: cluster, selected, length, quality, depth_score."


# The loaded file itself.


def test_a_project_of_one_row_works(tmp_path):
    """No neighbours, one cluster, a point: nothing divides by the missing second row."""
    file = write(tmp_path / "one.jsonl", [{"instruction": "Say hello", "output": "Hello", "score": 3}])
    project = Project.open(file, home=tmp_path / "home")
    project.build()
    chosen = project.select(SelectParams(judge="score", min_score=3, count=5))
    assert len(chosen) == 1
    assert "fewer than the 5 asked for" in chosen.notes[0]
    project.compare(chosen)
    project.figure(chosen, colour_by="score")
    assert project.export(chosen, tmp_path / "out")


def test_opening_computes_and_writes_nothing(tmp_path, calls):
    """A project may be opened to look at its judges only."""
    file, _ = built()
    project = Project(load(file), home=tmp_path / "home")
    assert len(project.judges) == 2
    assert project.pins == Pins()
    assert not project.has_map()
    assert calls == {}
    assert not (tmp_path / "home").exists()


def test_opening_frees_what_killed_processes_left(tmp_path):
    """Half-written work of yesterday is gone; that of a moment ago may be somebody's, and stays."""
    file, home = copied(tmp_path / "home")
    old, fresh = (home / "store" / "vectors" / f".writing-{name}" for name in ("old", "fresh"))
    yesterday = time.time() - 86_400
    for folder in (old, fresh):
        folder.mkdir()
        (folder / "vectors.npy").write_bytes(b"half")
    for path in (old / "vectors.npy", old):
        os.utime(path, (yesterday, yesterday))
    project = Project.open(file, home=home)
    assert (old.exists(), fresh.exists()) == (False, True)
    assert project.has_map()


def test_the_store_may_be_replaced(tmp_path, fake):
    """Everything that is computed afterwards goes to the new store, orders and curves included."""
    project = Project.open(many(tmp_path / "a.jsonl"), home=tmp_path / "home")
    project.store = Store(tmp_path / "other")
    project.control_curve(SelectParams(), 0)
    project.order(SelectParams(count=4))
    assert not (tmp_path / "home").exists()
    assert {item.stage for item in project.store.ls()} >= {"vectors", "order", "control-curve"}
