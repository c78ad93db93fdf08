"""What is computed once, found again, and computed anew where something changed."""

from __future__ import annotations

import os

import numpy as np
import pytest
from small_project import COMPUTED_BY, built, copied, made_up_vectors, many, rows, write

from core import MapParams, Project, SelectParams
from core.clustering import ClusterParams
from core.embedding import EmbedParams
from core.encoders import packaged_folder
from core.errors import Cancelled
from core.projection import ProjectParams

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
    project = Project.open(many(tmp_path / "a.jsonl"), home=tmp_path / "home")
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
    file, home = many(tmp_path / "a.jsonl"), tmp_path / "home"
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
    file, model = many(tmp_path / "a.jsonl", 9), tmp_path / "model"
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
    project = Project.open(many(tmp_path / "a.jsonl"), home=tmp_path / "home")
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
    file, home = many(tmp_path / "a.jsonl"), tmp_path / "home"
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
    project, seen = Project.open(many(tmp_path / "a.jsonl"), home=tmp_path / "home"), []
    params = SelectParams(strategy=name, count=3)
    chosen = project.select(params, on_progress=lambda each: seen.append(each.stage))
    assert set(seen) == stages
    project.export(chosen, tmp_path / "out", on_progress=lambda each: seen.append(each.stage))
    assert {"embed", "neighbours", "clusters", "names"} <= set(seen)


def test_a_selection_can_be_stopped_in_any_stage(tmp_path, fake):
    """What is raised where progress is told ends the work, and the next try works."""
    project = Project.open(many(tmp_path / "a.jsonl"), home=tmp_path / "home")
    for unwanted in ("embed", "neighbours", "choose rows"):

        def stop(progress, unwanted=unwanted):
            if progress.stage == unwanted:
                raise Cancelled

        with pytest.raises(Cancelled):
            project.select(SelectParams(count=3), on_progress=stop)
    assert len(project.select(SelectParams(count=3))) == 3


def test_clusters_of_kmeans_need_no_map(tmp_path, fake, calls):
    """Stratified draws do not wait for a layout."""
    project = Project.open(many(tmp_path / "a.jsonl"), home=tmp_path / "home")
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
    assert {item.stage for item in project.store.ls()} == {"vectors", "embedded-texts"}


# HDBSCAN looks at the map.


def test_hdbscan_finds_the_groups_of_the_map(tmp_path, fake, monkeypatch):
    """Three heaps of coordinates are three clusters, whatever the vectors say; what lies apart is noise."""
    heaps = np.repeat([[0, 0], [50, 0], [0, 50]], 23, axis=0) + np.random.default_rng(0).normal(size=(69, 2))
    heaps = np.concatenate((heaps, [[500, 500]])).astype(np.float32)
    monkeypatch.setattr("core.stages.projection.project", lambda *_, **__: heaps)
    params = MapParams(cluster=ClusterParams(method="hdbscan", min_cluster_size=8))
    project = Project.open(many(tmp_path / "a.jsonl"), home=tmp_path / "home", params=params)
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
