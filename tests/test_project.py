from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import polars as pl
import pytest
from small_project import built, copied, fake_embed, fake_project, made_up_vectors, rows, write

from core import MapParams, Pins, Project, Reason, SelectParams, orders
from core.clustering import ClusterParams
from core.embedding import EmbedParams
from core.encoders import packaged_folder
from core.errors import Cancelled, ParameterError, StoreError
from core.loading import load
from core.projection import ProjectParams
from core.selection import strategies, strategy
from core.store import Store

COMPUTED_BY = (
    "embedding.embed",
    "neighbours.neighbours",
    "clustering.cluster",
    "clustering.names",
    "projection.project",
    "projection.draft",
    "tokens.count_tokens",
)


@pytest.fixture
def project():
    """The sixty rows with every stage stored, in a home that all tests share."""
    file, home = built()
    return Project.open(file, home=home)


@pytest.fixture
def fake(monkeypatch):
    """No model and no UMAP: vectors that depend on the text alone, coordinates that depend on the vectors."""
    monkeypatch.setattr("core.project.embedding.embed", fake_embed)
    monkeypatch.setattr("core.project.projection.project", fake_project)


@pytest.fixture
def calls(monkeypatch):
    """How often each stage was computed."""
    counted = Counter()

    def counting(name, compute):
        def count(*arguments, **settings):
            counted[name] += 1
            return compute(*arguments, **settings)

        return count

    for name in COMPUTED_BY:
        module, function = name.split(".")
        loaded = getattr(__import__(f"core.{module}"), module)
        monkeypatch.setattr(loaded, function, counting(name, getattr(loaded, function)))
    return counted


def _many(path, count=70):
    """A file of made-up rows without repeats."""
    return write(
        path, [{"instruction": f"Say {k} in words", "output": str(k), "score": k % 5} for k in range(count)]
    )


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
    names = [
        "SHA256SUMS",
        "control_ids.txt",
        "ids.txt",
        "recipe.yaml",
        "selection.parquet",
        "train.messages.jsonl",
    ]
    assert (
        sorted(file.name for file in files)
        == sorted(path.name for path in (tmp_path / "out").iterdir())
        == names
    )
    assert (tmp_path / "out" / "ids.txt").read_text().split() == chosen.ids
    messages = [
        json.loads(line)["messages"] for line in (tmp_path / "out" / names[-1]).read_text().splitlines()
    ]
    assert [turns[0]["content"] for turns in messages] == project.dataset.frame["prompt"].gather(
        chosen.rows
    ).to_list()


def test_home_and_out_may_begin_with_a_tilde(tmp_path, monkeypatch, fake):
    """No folder of the name ~ appears anywhere."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    project = Project.open(_many(tmp_path / "a.jsonl", 3), home="~/kept")
    project.export(project.select(SelectParams()), "~/out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "kept", "out"]


# Computed once.


def test_a_second_project_on_the_same_home_computes_nothing(tmp_path, calls, monkeypatch):
    """Every call is answered from the store: no stage, no order and no control curve is computed."""
    file, home = copied(tmp_path / "home")
    params = SelectParams(judge="quality", min_score=2, count=9)
    first = Project.open(file, home=home)
    expected = first.select(params).ids
    first.control_curve(params, 0)
    monkeypatch.setattr("core.selection.k_center.farthest_first", _never)
    monkeypatch.setattr("core.orders.metrics.coverage", _never)
    second = Project.open(file, home=home)
    second.build()
    assert second.has_map()
    assert second.select(params).ids == expected
    second.control_curve(params, 0)
    second.figure(second.select(params))
    second.export(second.select(params), tmp_path / "out")
    assert calls == {}


def _never(*_, **__):
    raise AssertionError("computed again")


def test_a_fresh_home_computes_every_stage_once(tmp_path, fake, calls):
    """However often a project is asked, no stage runs twice."""
    project = Project.open(_many(tmp_path / "a.jsonl"), home=tmp_path / "home")
    for _ in range(2):
        project.build()
        project.figure()
        project.compare(project.select(SelectParams(count=3)))
    assert calls == dict.fromkeys(COMPUTED_BY, 1)


def test_other_scores_with_the_same_prompts_reuse_the_map(tmp_path, calls):
    """A judge's new column costs no embedding, no clusters and no map; tokens count the responses too."""
    _, home = copied(tmp_path / "home")
    changed = [{**row, "quality": 6 - (row["quality"] or 3), "output": "Else."} for row in rows()]
    project = Project.open(write(tmp_path / "other.jsonl", changed), home=home)
    project.build()
    assert calls == {"tokens.count_tokens": 1}
    assert np.array_equal(project.vectors(), Project.open(built()[0], home=home).vectors())


def test_a_changed_prompt_is_another_map(tmp_path, fake, calls):
    """One letter more in one prompt: every stage that reads prompts is computed again."""
    records = [{"instruction": f"Say {k}", "output": "x"} for k in range(5)]
    Project.open(write(tmp_path / "a.jsonl", records), home=tmp_path / "home").build()
    records[3]["instruction"] += "!"
    project = Project.open(write(tmp_path / "b.jsonl", records), home=tmp_path / "home")
    assert not project.has_map()
    project.build()
    assert calls == dict.fromkeys(COMPUTED_BY, 2)
    assert np.array_equal(project.vectors(), made_up_vectors([row["instruction"] for row in records]))


def test_a_setting_changes_its_stage_and_those_after_it(tmp_path, fake, calls):
    """Another layout keeps vectors, neighbours and k-means clusters; more clusters keep the layout."""
    file, home = _many(tmp_path / "a.jsonl"), tmp_path / "home"
    Project.open(file, home=home).build()
    calls.clear()
    Project.open(file, home=home, params=MapParams(project=ProjectParams(seed=1))).build()
    assert calls == {"projection.project": 1}
    calls.clear()
    Project.open(file, home=home, params=MapParams(cluster=ClusterParams(clusters=3))).build()
    assert calls == {"clustering.cluster": 1, "clustering.names": 1}


def _trained(folder, tokenizer, value):
    """A model of word vectors in a folder, trained to another value each time."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    torch.manual_seed(value)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=4)]).save(str(folder))


def test_a_model_trained_anew_in_the_same_folder_gives_new_vectors(tmp_path):
    """What is in the folder counts, not when it was touched; hidden files beside it do not."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(packaged_folder() / "tokenizer.json"))
    file, model = _many(tmp_path / "a.jsonl", 9), tmp_path / "model"
    params = MapParams(embed=EmbedParams(model=str(model)))

    def vectors():
        return np.array(Project.open(file, home=tmp_path / "home", params=params).vectors())

    _trained(model, tokenizer, 1)
    first = vectors()
    (model / ".cache").mkdir()
    (model / ".cache" / "seen").write_text("x")
    os.utime(model / "modules.json", (0, 0))
    assert np.array_equal(vectors(), first)
    assert len([*(tmp_path / "home").glob("store/vectors/*")]) == 1
    _trained(model, tokenizer, 2)
    assert not np.allclose(vectors(), first)
    _trained(model, tokenizer, 1)
    assert np.array_equal(vectors(), first)


def test_has_map_draft_and_tokens_tell_what_is_stored(tmp_path, fake):
    """Each turns true with its stage and not before."""
    project = Project.open(_many(tmp_path / "a.jsonl"), home=tmp_path / "home")
    seen = []
    for stage in ("draft", "tokens", "vectors", "neighbours", "clusters", "coords"):
        seen.append((project.has_draft(), project.has_tokens(), project.has_map()))
        getattr(project, stage)()
    assert seen == [(False, False, False), (True, False, False), *[(True, True, False)] * 4]
    assert project.has_map()


def test_a_map_is_named_by_dataset_and_settings(project):
    """Two projects share a name exactly where they share the map and the rows."""
    file, home = built()
    assert project.map_key == Project.open(file, home=home / "other").map_key
    others = [MapParams(project=ProjectParams(seed=1)), MapParams(cluster=ClusterParams(clusters=2))]
    names = {Project.open(file, home=home, params=params).map_key for params in others}
    assert len(names | {project.map_key}) == 3


def test_a_damaged_stage_is_computed_again(tmp_path, fake, calls, caplog):
    """A flipped byte is said and mended, and the result is what it was."""
    file, home = _many(tmp_path / "a.jsonl"), tmp_path / "home"
    before = np.array(Project.open(file, home=home).vectors())
    (damaged,) = home.glob("store/vectors/*/vectors.npy")
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x7f")
    assert np.array_equal(Project.open(file, home=home).vectors(), before)
    assert calls["embedding.embed"] == 2
    assert "damaged" in caplog.text


def test_notes_say_how_the_vectors_were_made(project):
    """Model, digest of the weights, precision and what was cut; nothing before there are vectors."""
    notes = project.notes()
    assert notes["model"] == "all-MiniLM-L6-v2"
    assert len(bytes.fromhex(notes["digest"])) == 32
    assert notes["precision"] in ("fp32", "bf16")
    assert notes["truncated"] == 0
    assert Project(project.dataset, home="nowhere").notes() == {}


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("k-center", {"embed", "neighbours", "choose rows"}),
        ("stratified", {"embed", "clusters", "names"}),
        ("threshold", {"embed", "neighbours"}),
        ("random", set()),
    ],
)
def test_progress_tells_every_stage_that_a_selection_needs(tmp_path, fake, name, stages):
    """Choosing from a file that is not embedded yet says what it is doing; so does exporting after it."""
    project, seen = Project.open(_many(tmp_path / "a.jsonl"), home=tmp_path / "home"), []
    params = SelectParams(strategy=name, count=3)
    chosen = project.select(params, on_progress=lambda each: seen.append(each.stage))
    assert set(seen) == stages
    project.export(chosen, tmp_path / "out", on_progress=lambda each: seen.append(each.stage))
    assert {"embed", "neighbours", "clusters", "names"} <= set(seen)


def test_a_selection_can_be_stopped_in_any_stage(tmp_path, fake):
    """What is raised where progress is told ends the work, and the next try works."""
    project = Project.open(_many(tmp_path / "a.jsonl"), home=tmp_path / "home")
    for unwanted in ("embed", "neighbours", "choose rows"):

        def stop(progress, unwanted=unwanted):
            if progress.stage == unwanted:
                raise Cancelled

        with pytest.raises(Cancelled):
            project.select(SelectParams(count=3), on_progress=stop)
    assert len(project.select(SelectParams(count=3))) == 3


def test_clusters_of_kmeans_need_no_map(tmp_path, fake, calls):
    """Stratified draws do not wait for a layout."""
    project = Project.open(_many(tmp_path / "a.jsonl"), home=tmp_path / "home")
    project.select(SelectParams(strategy="stratified", count=3))
    assert set(calls) == {"embedding.embed", "clustering.cluster", "clustering.names"}


def test_stopped_work_goes_on_where_it_stopped(tmp_path, monkeypatch):
    """A cancelled embedding keeps its finished parts, and the next call takes them up."""
    params = MapParams(embed=EmbedParams(part_texts=16, precision="fp32"))
    project = Project.open(built()[0], home=tmp_path / "home", params=params)

    def stop(progress):
        if any((tmp_path / "home" / "store").glob("vectors-part/*/manifest.json")):
            raise Cancelled

    monkeypatch.setattr("core.embedding._SECONDS_BETWEEN_REPORTS", 0.0)
    with pytest.raises(Cancelled):
        project.vectors(on_progress=stop)
    assert project.notes() == {}
    vectors = project.vectors()
    assert "taken from an earlier run" in project.notes()["note"]
    wide = Project.open(*built()[:1], home=built()[1]).vectors()
    assert (vectors * wide).sum(axis=1).min() > 0.9999
    assert [item.stage for item in project.store.ls()] == ["vectors"]


# Choosing, against a few independent lines.


def _quality():
    return np.array([np.nan if row["quality"] is None else row["quality"] for row in rows()], dtype=float)


def _drawn(seed):
    """A random number a row from the seed and its id: splitmix64 of two sha256, in plain integers."""
    mask = 2**64 - 1

    def first(text):
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")

    numbers = []
    for row in rows():
        mixed = first(row["id"]) ^ first(f"winnow {seed}")
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
        numbers.append(mixed ^ (mixed >> 31))
    return numbers


def test_top_score_takes_the_best_scores(project):
    """By quality, then by the other judge, which never ties; the unscored row is not there."""
    chosen = project.select(SelectParams(judge="quality", count=20, strategy="top-score"))
    scored = [row for row in rows() if row["quality"] is not None]
    best = sorted(scored, key=lambda row: (-row["quality"], -row["depth_score"]))
    assert chosen.ids == [row["id"] for row in best[:20]]


def test_threshold_takes_everything_at_or_above_it(project):
    """The threshold is inclusive, and without a count nothing is capped."""
    chosen = project.select(SelectParams(judge="quality", min_score=4.5, strategy="threshold"))
    assert sorted(chosen.ids) == [row["id"] for row in rows() if (row["quality"] or 0) >= 4.5]


@pytest.mark.parametrize("seed", [0, 7, -1])
def test_random_draws_by_seed_and_id(project, seed):
    """The eligible rows by the number that seed and id give, smallest first."""
    chosen = project.select(
        SelectParams(judge="quality", min_score=2, count=12, strategy="random", seed=seed)
    )
    drawn, quality = _drawn(seed), _quality()
    eligible = [row for row in range(60) if quality[row] >= 2]
    assert chosen.rows.tolist() == sorted(eligible, key=drawn.__getitem__)[:12]


def test_k_center_takes_the_farthest_row_each_time(project):
    """Greedy over all pairs in double precision, from the row nearest the mean; repeats go by their draw."""
    chosen = project.select(SelectParams(judge="quality", min_score=2, count=25, strategy="k-center"))
    rows_in = sorted(np.flatnonzero(_quality() >= 2), key=_drawn(0).__getitem__)
    wide = project.vectors()[rows_in].astype(float)
    picks = [int((wide * wide.mean(axis=0)).sum(axis=1).argmax())]
    nearest = np.full(len(wide), np.inf)
    while len(picks) < 25:
        nearest = np.minimum(nearest, 1 - (wide * wide[picks[-1]]).sum(axis=1))
        picks.append(int(nearest.argmax()))
    assert chosen.rows.tolist() == [rows_in[pick] for pick in picks]


def test_stratified_gives_each_cluster_its_share(project):
    """Half of the rows hold half of every cluster, to within one row."""
    chosen = project.select(SelectParams(count=30, strategy="stratified"))
    labels = project.labels()
    for label in set(labels.tolist()):
        assert abs((labels[chosen.rows] == label).sum() - (labels == label).sum() / 2) <= 1


def test_the_whole_numbers_and_floats_of_numpy_are_as_good_as_pythons(tmp_path, calls):
    """A threshold out of an array is no other threshold: the same rows, and one stored order."""
    file, home = copied(tmp_path / "home")
    chosen = []
    for low, count in ((4, 10), (4.0, 10), (np.float32(4), np.int64(10)), (np.float64(4), np.int32(10))):
        project = Project.open(file, home=home)
        params = SelectParams(judge="quality", min_score=low, count=count, options=(("drop_outliers", low),))
        chosen.append(project.select(params))
        project.export(chosen[-1], tmp_path / "out")
    assert len({tuple(each.ids) for each in chosen}) == 1
    assert len(list(home.glob("store/order/*"))) == 1


# Pins.


def test_pins_of_the_parameters_hold(project):
    """Included rows come first even below the threshold, excluded ones never; nobody else moves."""
    params = SelectParams(judge="quality", min_score=3, count=10, strategy="top-score")
    plain = project.select(params)
    low = next(row["id"] for row in rows() if (row["quality"] or 5) < 2)
    pins = Pins(include=frozenset({low}), exclude=frozenset(plain.ids[2:4]))
    pinned = project.select(SelectParams(**{**_fields(params), "pins": pins}))
    assert pinned.ids == [
        low,
        *plain.ids[:2],
        *project.select(SelectParams(**{**_fields(params), "count": 11})).ids[4:],
    ]
    reasons = dict(zip(project.dataset.frame["id"], pinned.codes, strict=True))
    assert reasons[low] == Reason.PINNED
    assert {reasons[each] for each in plain.ids[2:4]} == {Reason.EXCLUDED}


def _fields(params):
    return {name: getattr(params, name) for name in params.__dataclass_fields__}


def test_pins_of_the_ledger_are_not_applied_by_themselves(tmp_path):
    """``project.pins`` is what people pinned; a selection uses the pins that it is given."""
    file, home = copied(tmp_path / "home")
    project = Project.open(file, home=home)
    project.ledger.pin(project.dataset.fingerprint, "exclude", ["r00"])
    assert project.pins == Pins(exclude=frozenset({"r00"}))
    everything = SelectParams(strategy="random")
    assert "r00" in project.select(everything).ids
    assert "r00" not in project.select(SelectParams(strategy="random", pins=project.pins)).ids


@pytest.mark.parametrize("excluded", [1, 3, 20])
def test_an_excluded_row_is_replaced_even_at_the_end_of_an_order(project, monkeypatch, excluded):
    """Where the count is as long as the order that is made, those left out are made up for."""
    monkeypatch.setattr(orders, "FIRST_LIMIT", 8)
    plain = project.order(SelectParams(count=60))
    ids = project.dataset.frame["id"]
    out = plain[:excluded]
    pins = Pins(exclude=frozenset(ids.gather(out).to_list()))
    chosen = project.select(SelectParams(count=8, pins=pins))
    assert chosen.rows.tolist() == plain[excluded : excluded + 8].tolist()
    assert Counter(chosen.reasons.to_list()) == {
        "chosen": 8,
        "excluded": excluded,
        "over budget": 52 - excluded,
    }


def test_the_longest_responses_of_a_file_are_chosen_by_their_characters(project):
    """The same rows as sorting the file's own texts, whatever the judges say."""
    chosen = project.select(SelectParams(strategy="longest", count=9))
    lengths = sorted((len(each["output"]) for each in rows()), reverse=True)
    output = {each["id"]: each["output"] for each in rows()}
    assert [len(output[id_]) for id_ in chosen.ids] == lengths[:9]


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


def _figures(project, picked, scores, *, covering=True):
    """The figures of a set of rows, line by line."""
    records = rows()
    wide = project.vectors().astype(float)
    nearest = (1 - wide @ wide[picked].T).min(axis=1) if len(picked) and covering else None
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
    ours = _figures(project, chosen.rows.tolist(), _quality())
    pool = _figures(project, list(range(60)), _quality(), covering=False)
    control = [
        _figures(project, project.control(s)[: len(chosen)].tolist(), _quality()) for s in range(draws)
    ]
    assert table["metric"].to_list() == list(ours)
    for line in table.iter_rows(named=True):
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


# HDBSCAN looks at the map.


def test_hdbscan_finds_the_groups_of_the_map(tmp_path, fake, monkeypatch):
    """Three heaps of coordinates are three clusters, whatever the vectors say; what lies apart is noise."""
    heaps = np.repeat([[0, 0], [50, 0], [0, 50]], 23, axis=0) + np.random.default_rng(0).normal(size=(69, 2))
    heaps = np.concatenate((heaps, [[500, 500]])).astype(np.float32)
    monkeypatch.setattr("core.project.projection.project", lambda *_, **__: heaps)
    params = MapParams(cluster=ClusterParams(method="hdbscan", min_cluster_size=8))
    project = Project.open(_many(tmp_path / "a.jsonl"), home=tmp_path / "home", params=params)
    labels = project.labels()
    assert [len(set(labels[start : start + 23].tolist()) - {-1}) for start in (0, 23, 46)] == [1, 1, 1]
    assert len(set(labels[:69].tolist()) - {-1}) == 3
    assert labels[69] == -1
    assert project.clusters().names[-1] == "noise"


def test_only_hdbscan_clusters_depend_on_the_layout(project):
    """Another seed of the layout is another clustering for HDBSCAN and the same one for k-means."""
    for method, same in (("hdbscan", False), ("kmeans", True)):
        cluster = ClusterParams(method=method)
        keys = [
            Project(
                project.dataset, params=MapParams(cluster=cluster, project=ProjectParams(seed=seed))
            ).keys.clusters
            for seed in (0, 1)
        ]
        assert (keys[0] == keys[1]) is same


# Orders in growing lengths.


@pytest.fixture
def short(monkeypatch):
    """Slow orders are made to 8 rows, then 12, 16, 24, 32, 48, and all 60."""
    monkeypatch.setattr(orders, "FIRST_LIMIT", 8)


def test_longer_orders_begin_with_shorter_ones(tmp_path, short):
    """Made one by one in fresh projects, each is the beginning of the next, and the last holds every row."""
    file, home = copied(tmp_path / "home")
    made = [Project.open(file, home=home).order(SelectParams(count=count)) for count in (1, 9, 17, 60)]
    assert [len(order) for order in made] == [8, 12, 24, 60]
    for shorter, longer in pairwise(made):
        assert shorter.tolist() == longer[: len(shorter)].tolist()
    assert sorted(made[-1]) == list(range(60))


RUNGS = {0: 8, 8: 8, 9: 12, 12: 12, 13: 16, 17: 24, 25: 32, 33: 48, 49: 60, 60: 60, None: 60, 10**9: 60}


@pytest.mark.parametrize("count", RUNGS)
def test_nearby_counts_share_orders_and_curves(project, short, count):
    """The length is the first of 8, 12, 16, 24, 32, 48 and all that is enough; quick orders are complete."""
    slow, quick = SelectParams(count=count), SelectParams(count=count, strategy="random")
    assert project.curve_limit(slow) == project.curve_limit(quick) == RUNGS[count]
    assert len(project.order(slow)) == RUNGS[count]
    assert len(project.order(quick)) == 60


def test_excluded_rows_make_an_order_longer(project, short):
    """It has to be enough without them."""
    ids = project.dataset.frame["id"]
    limits = [
        project.curve_limit(SelectParams(count=8, pins=Pins(exclude=frozenset(ids.head(excluded).to_list()))))
        for excluded in (0, 1, 4, 5)
    ]
    assert limits == [8, 12, 12, 16]


def test_a_ready_order_is_one_that_is_in_memory(project, short):
    """Nothing at first; then the exact one, not for a longer wish or another seed; pins are laid over it."""
    project = Project.open(built()[0], home=built()[1])
    wish, longer = SelectParams(count=8), SelectParams(count=30)
    assert project.ready_order(wish) is None
    order = project.order(wish)
    assert project.ready_order(wish).tolist() == order.tolist()
    assert project.ready_order(longer) is None
    first = project.dataset.frame["id"][int(order[0])]
    without = SelectParams(count=7, pins=Pins(exclude=frozenset({first})))
    assert project.ready_order(without).tolist() == order[1:].tolist()
    assert project.ready_order(SelectParams(count=8, seed=1)) is None


def test_orders_and_control_curves_that_cannot_be_stored_are_given_all_the_same(
    project, tmp_path, monkeypatch, caplog
):
    """A full disk is said in the log; the answer is that of a disk with room, and as little to be changed."""
    params = SelectParams(count=6)
    order, curve = project.order(params), project.control_curve(params, 0)

    def full(*_, **__):
        raise StoreError("The store could not be written: No space left on device.", "Free some space.")

    file, home = copied(tmp_path / "home")
    cramped = Project.open(file, home=home)
    monkeypatch.setattr(cramped.store, "put", full)
    given, covered = cramped.order(params), cramped.control_curve(params, 0)
    np.testing.assert_array_equal(given, order)
    np.testing.assert_array_equal(covered.radius, curve.radius)
    assert not given.flags.writeable
    assert not any(array.flags.writeable for array in (covered.counts, covered.radius, covered.mean))
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        f"No space left on device. The {stage} is used now and computed again next time."
        for stage in ("order", "control-curve")
    ]


def test_a_quick_order_is_always_ready(project):
    """Strategies that take no time are computed at once and are complete."""
    for name in strategies():
        if not strategy(name).slow:
            assert len(project.ready_order(SelectParams(strategy=name, judge="quality", count=1))) == 59


def test_a_curve_reaches_as_far_as_its_order(project, short):
    """Counts below the limit share one curve, which agrees with the distances of all pairs."""
    project = Project.open(built()[0], home=built()[1])
    params = SelectParams(count=5)
    assert project.ready_curve(params) is None
    curve = project.curve(params)
    assert project.ready_curve(SelectParams(count=8)) is curve
    assert project.ready_curve(SelectParams(count=9)) is None
    assert curve.counts.tolist() == list(range(1, 9))
    wide, order = project.vectors().astype(float), project.order(params)
    for count in (1, 8):
        nearest = (1 - wide @ wide[order[:count]].T).min(axis=1)
        assert curve.at(count) == pytest.approx((nearest.max(), nearest.mean()), abs=1e-6)
    assert curve.at(9) is None


def test_control_curves_are_ready_when_all_are_there(project, short):
    """One missing draw is as good as none; each is the curve of that draw."""
    project = Project.open(built()[0], home=built()[1])
    params = SelectParams(count=5)
    for seed in range(5):
        assert project.ready_control_curves(params) is None
        curve = project.control_curve(params, seed)
    assert project.ready_control_curves(params)[-1] is curve
    wide = project.vectors().astype(float)
    nearest = (1 - wide @ wide[project.control(4)[:8]].T).min(axis=1)
    assert curve.at(8) == pytest.approx((nearest.max(), nearest.mean()), abs=1e-6)


# Threads.


def test_many_threads_that_want_one_order_compute_it_once(tmp_path, fake, calls, monkeypatch):
    """From nothing stored: each stage and the order are computed by one thread, and all get the same."""
    project = Project.open(_many(tmp_path / "a.jsonl"), home=tmp_path / "home")
    from core.selection import k_center

    counted, traverse, together = [], k_center.farthest_first, threading.Barrier(8)
    monkeypatch.setattr(k_center, "farthest_first", lambda *a, **k: counted.append(1) or traverse(*a, **k))

    def ask(_):
        together.wait(timeout=30)
        return project.order(SelectParams(count=30))

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(ask, range(8)))
    assert len(counted) == 1
    assert len({id(order) for order in got}) == 1
    assert calls["embedding.embed"] == calls["neighbours.neighbours"] == 1


def test_one_thread_that_is_stopped_does_not_stop_the_others(project, monkeypatch):
    """Where the computing thread is cancelled, one that waited computes."""
    began, stopped = threading.Event(), threading.Event()

    def cancelled(progress):
        began.set()
        stopped.wait(30)
        raise Cancelled

    params = SelectParams(count=3, seed=99)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(project.order, params, on_progress=cancelled)
        assert began.wait(30)
        second = pool.submit(project.order, params)
        stopped.set()
        assert isinstance(first.exception(timeout=30), Cancelled)
        assert len(second.result(timeout=30)) == 60


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
    project = Project.open(_many(tmp_path / "a.jsonl"), home=tmp_path / "home")
    project.store = Store(tmp_path / "other")
    project.control_curve(SelectParams(), 0)
    project.order(SelectParams(count=4))
    assert not (tmp_path / "home").exists()
    assert {item.stage for item in project.store.ls()} >= {"vectors", "order", "control-curve"}
