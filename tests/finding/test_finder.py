"""Finding rows of a project: by words, by meaning, both, by examples."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from small_project import SAMPLE, rows, write

from core import MapParams, Project, WinnowError
from core.__main__ import main
from core.embedding import EmbedParams
from core.encoders import WORD_COUNTS
from core.finder import MOST_EXAMPLES, spread
from core.removals import removal
from core.task_region import NAME, region_settings
from core.word_counts import word_space, word_vectors


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Sixty rows on cats, bread, taxes, code and stars, some of them twice; vectors and clusters, no map."""
    folder = tmp_path_factory.mktemp("found")
    opened = Project.open(write(folder / "rows.jsonl"), home=folder / "home")
    opened.labels()
    return opened


def topics(project, found):
    """The topic of each row found."""
    return project.dataset.frame["topic"].gather(found.rows).to_list()


def by_hand(project, examples, count, without=()):
    """The nearest rows by a sort in double precision; ties in any order."""
    similar = np.sort(project.vectors().astype(float) @ np.asarray(examples, float).T, axis=1)[:, ::-1]
    away = 1 - similar[:, : max(len(examples) // 4, 1)].mean(axis=1)
    away[list(without)] = 9
    return np.sort(away)[:count]


def test_meaning_finds_what_shares_no_word(project):
    """A question about felines finds cats; by words there is nothing, and joined the cats are still found."""
    assert len(project.finder.find("feline pets", "words")) == 0
    found = project.finder.find("feline pets", "meaning", count=6)
    assert set(topics(project, found)) == {"cats"}
    query = project.finder.embed(["feline pets"])
    assert np.allclose(found.distances, by_hand(project, query, 6), atol=1e-5)
    assert project.finder.find("feline pets", "both", count=6).rows.tolist() == found.rows.tolist()


def test_both_lifts_what_words_and_meaning_agree_on(project):
    """A row with the word and the sense leads, and nothing that is unwanted is there by either way."""
    found = project.finder.find("sourdough", "both", count=10)
    assert "sourdough" in project.dataset.frame["prompt"][int(found.rows[0])]
    for how in ("both", "meaning", "words"):
        less = project.finder.find("bake -sourdough", how, count=60)
        assert len(less)
        assert not any("sourdough" in text for text in project.dataset.frame["prompt"].gather(less.rows))


@pytest.mark.parametrize("how", ["both", "words", "meaning"])
def test_hostile_queries_are_only_text(project, how):
    """Patterns, markup, half characters and control signs find something or nothing, and break nothing."""
    for query in (
        ".*",
        "(((",
        "<script>alert(1)</script>",
        "'; DROP TABLE",
        "\ud800",
        "\x00",
        "🐈",
        "-",
        '"',
    ):
        found = project.finder.find(query, how)
        assert len(set(found.rows.tolist())) == len(found) <= 60
    for query in ("", "   ", "-bread"):
        assert len(project.finder.find(query, how)) == 0
    with pytest.raises(WinnowError, match="too long"):
        project.finder.find("x" * 1_000_000, how)


def test_an_example_of_a_megabyte_is_read_to_where_the_model_reads(project):
    """A text of any length has a vector."""
    assert project.finder.embed(["cat " * 250_000]).shape == (1, 384)


def test_rows_like_rows_leave_out_the_examples(project):
    """Nearest to the examples come first; the examples themselves are not found."""
    cats = np.flatnonzero((project.dataset.frame["topic"] == "cats").to_numpy())[:4]
    found = project.finder.like(cats, count=5)
    assert not set(found.rows.tolist()) & set(cats.tolist())
    assert set(topics(project, found)) == {"cats"}
    expected = by_hand(project, project.vectors()[cats], 5, without=cats)
    assert np.allclose(found.distances, expected, atol=1e-5)
    assert len(project.finder.like(np.array([], dtype=np.int64))) == 0
    assert len(project.finder.like(np.arange(60))) == 0


def test_rows_like_texts_and_the_region_of_a_task(project):
    """Pasted examples find their topic, and the cluster that holds it is the nearest one."""
    texts = ["How do I bake a cake?", "Recipe for pizza dough", "Bake a loaf of bread"]
    found = project.finder.like_texts(texts, count=8)
    assert set(topics(project, found)) == {"bread"}
    region = project.finder.region(texts)
    inside = region.inside(region.distance_of(8))
    assert inside[found.rows].all()
    assert (region.distances[inside] <= found.distances.max()).all()
    of_bread = project.labels()[int(found.rows[0])]
    assert region.clusters[0] == of_bread and region.examples.sum() == 3
    with pytest.raises(WinnowError, match="needs examples"):
        project.finder.region([])


def test_found_rows_do_not_depend_on_the_order_of_rows(project, tmp_path):
    """The file turned round gives the same ids in the same order, ties included."""
    lines = Path(project.dataset.source).read_text().splitlines()
    turned = tmp_path / "turned.jsonl"
    turned.write_text("\n".join(reversed(lines)))
    other = Project.open(turned, home=tmp_path / "home")
    other.vectors()
    for how in ("words", "meaning", "both"):
        ids = [
            each.dataset.frame["id"].gather(each.finder.find("bread cat how", how, count=60).rows).to_list()
            for each in (project, other)
        ]
        assert ids[0] == ids[1]


def test_without_vectors_words_still_find(tmp_path):
    """Meaning says that it needs the vectors and offers words; another model's vectors serve their own query."""
    file = write(tmp_path / "rows.jsonl")
    bare = Project.open(file, home=tmp_path / "home")
    assert not bare.finder.has_vectors()
    assert len(bare.finder.find("bread", "words"))
    with pytest.raises(WinnowError, match="find by words"):
        bare.finder.find("bread", "meaning")
    with pytest.raises(WinnowError, match="find by words"):
        bare.finder.like(np.array([0]))


def test_word_counts_need_no_model(tmp_path):
    """The offline embedding takes queries too: a row's own prompt leads to that row."""
    file = write(tmp_path / "rows.jsonl")
    params = MapParams(embed=EmbedParams(model=WORD_COUNTS))
    project = Project.open(file, home=tmp_path / "home", params=params)
    project.vectors()
    assert not project.finder.is_warm()
    project.finder.warm()
    assert project.finder.is_warm()
    found = project.finder.find("How do I bake sourdough", "meaning", count=4)
    assert set(topics(project, found)) == {"bread"}
    assert len(project.finder.find("zzzz qqqq", "meaning")) == 0


def test_word_counts_of_a_part_are_those_of_the_whole(tmp_path):
    """Where rows are taken out, a query lies in the space in which the whole file was embedded."""
    file = write(tmp_path / "rows.jsonl")
    params = MapParams(embed=EmbedParams(model=WORD_COUNTS))
    whole = Project.open(file, home=tmp_path / "home", params=params)
    whole.vectors()
    gone = frozenset(whole.dataset.frame["id"][:7])
    part = whole.without([whole.propose("by-hand", ids=gone)])
    assert part.embedded_in is whole
    row = 20
    wanted = part.finder.find(part.dataset.frame["prompt"][row], "meaning", count=1)
    alone = whole.finder.find(part.dataset.frame["prompt"][row], "meaning", count=1)
    assert part.dataset.frame["id"][int(wanted.rows[0])] == whole.dataset.frame["id"][int(alone.rows[0])]
    assert np.allclose(wanted.distances, alone.distances, atol=1e-6)


def test_a_text_is_folded_into_the_space_of_the_others():
    """Texts of the space land where they were, up to what the truncation loses; unknown words lie apart."""
    texts = Project.open(SAMPLE, home="unused").dataset.frame["prompt"].to_list()
    stored, again = word_vectors(texts), word_space(texts).vectors(texts)
    assert np.quantile((stored * again).sum(axis=1), 0.01) > 0.9
    assert np.allclose(word_space(texts).vectors(["zzzz"])[0], np.eye(stored.shape[1])[-1])
    assert word_space(["one"]).vectors(["a", "b"]).tolist() == [[1], [1]]


def test_vectors_of_another_model_are_not_compared(project, monkeypatch):
    """Where the weights are not those that made the vectors, it is said instead of compared."""
    other = Project.open(project.dataset.source, home=project.home)
    monkeypatch.setattr(other, "notes", lambda: {"digest": "0" * 64})
    with pytest.raises(WinnowError, match="not the one that made the vectors"):
        other.finder.find("bread", "meaning")


def test_many_examples_are_drawn_by_their_content():
    """More than can be compared are drawn, the same ones in whatever order they come."""
    texts = [f"text {place}" for place in range(MOST_EXAMPLES * 2)]
    assert len(spread(texts)) == MOST_EXAMPLES
    assert set(spread(texts)) == set(spread(texts[::-1]))
    assert spread(["b", "a", "b"]) == ["b", "a"]


def test_the_region_of_a_task_as_the_pool(tmp_path, project):
    """What lies outside is taken out, named by text or id or cluster; the rest is the pool, and it comes back."""
    texts = ["How do I bake a cake?", "Recipe for pizza dough", "Bake a loaf of bread"]
    region = project.finder.region(texts)
    limit = region.distance_of(8)
    wanted = np.flatnonzero(region.distances <= np.float32(limit))
    outside = removal(project, NAME, region_settings(texts, max_distance=limit))
    pool = project.without((outside,))
    assert pool.dataset.frame["id"].to_list() == project.dataset.frame["id"].gather(wanted).to_list()
    assert pool.whole is project
    assert set(pool.dataset.frame["topic"]) == {"bread"}
    cluster = int(region.clusters[0])
    by_cluster = removal(project, NAME, region_settings(texts, clusters=[cluster]))
    assert (
        np.setdiff1d(np.arange(60), by_cluster.found) == np.flatnonzero(project.labels() == cluster)
    ).all()
    by_id = removal(project, NAME, region_settings(max_distance=0.0), ids=["r00"])
    stays = set(np.setdiff1d(np.arange(60), by_id.found).tolist())
    prompts = project.dataset.frame["prompt"]
    assert stays == {row for row in range(60) if prompts[row] == prompts[0]}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"examples": "[]", "distance": 0.5}, "needs examples"),
        ({"examples": "{", "distance": 0.5}, "cannot be read"),
        ({"examples": '{"a": 1}', "distance": 0.5}, "no list"),
        ({"examples": '["bread"]'}, "neither a distance nor a cluster"),
        ({"examples": '["bread"]', "distance": float("nan")}, "neither a distance nor a cluster"),
        ({"examples": '["bread"]', "clusters": "x"}, "cannot be read"),
        ({"examples": '["bread"]', "distance": 0.0}, "The nearest lies at"),
    ],
)
def test_a_region_that_cannot_be_is_refused(project, settings, said):
    """A recipe is input: what is wrong with it is named, with what to do."""
    with pytest.raises(WinnowError, match=said):
        removal(project, NAME, settings)


def test_the_command_line_takes_a_task(tmp_path, capsys):
    """``--task-examples`` chooses from the rows near a task alone, and says how many they are."""
    file = write(tmp_path / "rows.jsonl")
    (tmp_path / "task.txt").write_text("How do I bake a cake?\nRecipe for pizza dough\n")
    common = ["select", str(file), "--home", str(tmp_path / "home"), "--out", str(tmp_path / "out")]
    task = ["--task-examples", str(tmp_path / "task.txt")]
    assert main([*common, *task, "--task-distance", "0.7", "--json"]) == 0
    pool = json.loads(capsys.readouterr().out.splitlines()[-1])["pool"]
    chosen = (tmp_path / "out" / "ids.txt").read_text().split()
    topic = {each["id"]: each["topic"] for each in rows()}
    assert pool == len(chosen) and {topic[each] for each in chosen} == {"bread"}
    for flags, said in (
        (["--task-distance", "0.5"], "needs examples"),
        ([*task, "--task-distance", "3"], "no cosine distance of 3"),
        ([*task, "--task-distance", "0"], "The nearest lies at"),
        (["--task-examples", str(tmp_path / "none.txt")], "could not be read"),
    ):
        assert main([*common, *flags]) == 2
        assert said in capsys.readouterr().err
