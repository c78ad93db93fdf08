"""Texts that were embedded before are not embedded again, and each row has the vector of its own text."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from small_project import fake_embed, made_up_vectors, write

from core import Project, embedding
from core.domain import Progress, ignore_progress
from core.embedding import EmbedParams
from core.errors import Cancelled
from core.keys import MapParams


@pytest.fixture
def asked(monkeypatch):
    """How many texts each call was to embed."""
    counts = []

    def counted(texts, *more, **settings):
        counts.append(len(texts))
        return fake_embed(texts, *more, **settings)

    monkeypatch.setattr(embedding, "embed", counted)
    return counts


def opened(tmp_path, names, *, home="home"):
    """A project of rows that say these names."""
    rows = [{"id": f"r{at}", "instruction": name, "output": "yes"} for at, name in enumerate(names)]
    return Project.open(write(tmp_path / "rows.jsonl", rows), home=tmp_path / home)


def right(project):
    """Whether each row has the vector of its text."""
    texts = project.dataset.frame["prompt"].to_list()
    return np.array_equal(project.vectors(), made_up_vectors(texts))


def test_rows_that_are_put_back_are_embedded_and_no_others(tmp_path, asked):
    """And what was there is gathered; on the next opening everything is stored."""
    project = opened(tmp_path, [f"name {number}" for number in range(40)])
    gone = project.take_out("by-hand", ids=[f"r{number}" for number in (3, 7, 11, 12, 30)])
    assert right(project.cleaned())
    project.put_back(gone)
    assert right(project.cleaned())
    assert asked == [35, 5]
    assert project.notes()["precision"] == "fp32"
    assert right(opened(tmp_path, [f"name {number}" for number in range(40)]))
    assert asked == [35, 5]


@pytest.mark.parametrize("seed", range(15))
def test_any_rows_out_and_back_embed_what_no_stored_dataset_has(tmp_path, asked, seed):
    """Among repeats and empty texts, in any sequence of steps; texts are counted as they are asked for."""
    draw = random.Random(seed)
    names = [draw.choice(["", " ", "a", "b", *map(str, range(60))]) for _ in range(50)]
    project, stored = opened(tmp_path, names), []
    for _ in range(4):
        out = draw.sample(range(50), draw.randint(1, 45))
        part = project.without([project.propose("by-hand", ids=[f"r{at}" for at in out])])
        stays = [names[at] for at in range(50) if at not in out]
        asked.clear()
        assert right(part)
        least = min((sum(name not in one for name in stays) for one in stored), default=len(stays))
        assert sum(asked) == (least if stays not in map(list, stored) else 0)
        stored.append(stays)


def test_a_file_that_has_grown_costs_what_is_new(tmp_path, asked):
    """In another sequence too; the settings of the model part one run from another."""
    assert right(opened(tmp_path, list("abcdef")))
    assert right(opened(tmp_path, list("xfedcbay")))
    assert asked == [6, 2]
    file, params = tmp_path / "rows.jsonl", MapParams(embed=EmbedParams(max_tokens=9))
    assert right(Project.open(file, home=tmp_path / "home", params=params))
    assert asked == [6, 2, 8]


def test_other_weights_under_the_same_name_are_not_mixed(tmp_path, asked, monkeypatch):
    """All texts are embedded again."""
    assert right(opened(tmp_path, list("abcdef")))
    before = embedding.embed

    def changed(texts, *more, **settings):
        from dataclasses import replace

        return replace(before(texts, *more, **settings), digest="1" * 64)

    monkeypatch.setattr(embedding, "embed", changed)
    project = opened(tmp_path, list("abcdefg"))
    assert right(project)
    assert asked == [6, 1, 7]
    assert project.notes()["digest"] == "1" * 64


def test_word_counts_belong_to_their_texts(tmp_path):
    """Their vectors are those of the whole set, whatever was stored before."""
    names = [f"name of {word} and {other}" for word in "abc" for other in ("sea", "sky", "sun", "fog")]
    counted = MapParams(embed=EmbedParams(model="word-counts"))
    for some in (names[:8], names):
        opened(tmp_path, some)
        made = Project.open(tmp_path / "rows.jsonl", home=tmp_path / "home", params=counted).vectors()
    alone = Project.open(tmp_path / "rows.jsonl", home=tmp_path / "other", params=counted).vectors()
    assert np.array_equal(made, alone)


def test_parts_of_a_stopped_job_are_not_taken_for_other_rows(tmp_path, monkeypatch):
    """After another set of rows was embedded meanwhile, as many rows are missing, and they are others."""
    names, stop = [f"name {number}" for number in range(20)], [False]

    def in_parts(texts, params=None, *, on_progress=ignore_progress, parts=None):
        there = parts.load(0)
        made = fake_embed(texts, params)
        if there is not None and there.shape == made.vectors.shape:
            from dataclasses import replace

            made = replace(made, vectors=np.asarray(there))
        parts.save(0, made.vectors)
        if stop[0]:
            raise Cancelled
        on_progress(Progress("embed", len(texts), len(texts)))
        return made

    monkeypatch.setattr(embedding, "embed", in_parts)
    project = opened(tmp_path, names)

    def without(*out):
        return project.without([project.propose("by-hand", ids=[f"r{at}" for at in out])])

    assert right(without(0, 1, 2))
    stop[0] = True
    with pytest.raises(Cancelled):
        project.vectors()
    stop[0] = False
    assert right(without(5, 6, 7))
    assert right(project)
    left = [json.loads(p.read_text())["content"]["stage"] for p in tmp_path.rglob("manifest.json")]
    assert left.count("vectors") == 3
