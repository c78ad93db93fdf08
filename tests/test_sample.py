from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from small_project import SAMPLE, sample_home

from benchmarks import sample_store
from core import Project
from core.project import SHIPPED

ROWS = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()]
README = SAMPLE.with_name("README.md").read_text("utf-8")
WITH_DEFECT = [row for row in ROWS if row["defect"]]
JUDGES = ("accuracy", "helpfulness")


@pytest.fixture(scope="module")
def project():
    """The sample with every stage, read from what ships where that is there."""
    return Project.open(SAMPLE, home=sample_home())


# The rows.


def test_there_are_1008_rows_with_unique_ids():
    """w0001 to w1008, all of them loaded, without a problem."""
    assert [row["id"] for row in ROWS] == [f"w{number:04}" for number in range(1, 1009)]
    project = Project.open(SAMPLE)
    assert len(project.dataset) == 1008
    assert project.dataset.problems == ()


def test_there_are_48_tasks_of_21_rows():
    """As the description says, in no order that a plot could follow."""
    tasks = Counter(row["task"] for row in ROWS)
    assert len(tasks) == 48
    assert set(tasks.values()) == {21}
    runs = sum(first["task"] == second["task"] for first, second in pairwise(ROWS))
    assert runs < 50


def test_there_are_several_languages():
    """About one row in eight is not English; seven languages have ten rows or more."""
    languages = Counter(row["language"] for row in ROWS)
    assert 0.10 <= 1 - languages["en"] / 1008 <= 0.15
    assert sum(rows >= 10 for rows in languages.values()) >= 7
    chinese = [row for row in ROWS if row["language"] == "zh"]
    assert all(re.search("[\u4e00-\u9fff]", row["output"]) for row in chinese)


def test_a_quarter_has_a_defect_and_the_description_counts_them():
    """Each kind as often as the table says."""
    assert 0.2 <= len(WITH_DEFECT) / 1008 <= 0.3
    described = {kind: int(rows) for kind, rows in re.findall(r"(?m)^\| `(\w+)` \| (\d+) \|", README)}
    assert described == Counter(row["defect"] for row in WITH_DEFECT)


def test_no_instruction_repeats():
    """Not even in other spacing or case."""
    assert len({" ".join(row["instruction"].lower().split()) for row in ROWS}) == 1008


def test_every_row_has_an_instruction_and_an_output():
    """The flaws are of sense, not of form."""
    assert all(row["instruction"].strip() and row["output"].strip() for row in ROWS)
    assert all(isinstance(row["input"], str) for row in ROWS)
    assert len({tuple(row) for row in ROWS}) == 1


# The scores.


@pytest.mark.parametrize("judge", JUDGES)
def test_scores_are_half_points_from_0_to_5(judge):
    """Every row is scored, and every grade is given to somebody."""
    scores = Counter(row[judge] for row in ROWS)
    assert sorted(scores) == [grade / 2 for grade in range(11)]


def test_the_judges_do_not_agree_in_their_distributions():
    """At least a third of the rows would have to move for one to look like the other."""
    counts = [np.bincount([int(2 * row[judge]) for row in ROWS], minlength=11) for judge in JUDGES]
    assert np.abs(counts[0] - counts[1]).sum() / 2 / 1008 >= 1 / 3


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("defect", ["wrong_fact", "off_topic", "needless_refusal"])
def test_grave_defects_score_clearly_lower(judge, defect):
    """By two points or more, on average, than rows without one."""
    flawed = np.mean([row[judge] for row in ROWS if row["defect"] == defect])
    sound = np.mean([row[judge] for row in ROWS if row["defect"] is None])
    assert sound - flawed >= 2


def test_truncated_rows_get_at_most_what_the_rubric_allows():
    """3.5 of accuracy, as the description says."""
    assert max(row["accuracy"] for row in ROWS if row["defect"] == "truncated") <= 3.5


def test_winnow_finds_both_judges(project):
    """With their scale and nobody unscored."""
    assert {name: judge.scale for name, judge in project.judges.items()} == dict.fromkeys(
        JUDGES, (0.0, 5.0, 0.5)
    )
    assert [judge.unscored for judge in project.judges.values()] == [0, 0]


def test_near_duplicates_have_a_close_neighbour(project):
    """By the real vectors: all above a cosine similarity of 0.7, eight of ten above 0.8; few others have."""
    similarity = 1 - project.neighbours().distances[:, 0]
    repeats = np.array([row["defect"] == "near_duplicate" for row in ROWS])
    assert similarity[repeats].min() > 0.7
    assert (similarity[repeats] > 0.8).mean() >= 0.8
    assert (similarity[~repeats] > 0.7).mean() < 0.06  # the rows that they repeat


# What ships.


def _artefacts(store):
    return {(path.parent.name, path.name) for path in store.glob("*/[0-9a-f]*")}


def test_the_map_of_the_sample_ships(tmp_path):
    """A fresh home finds every stage at once. If this fails after a stage changed: make sample-store."""
    assert SHIPPED.is_dir()
    project = Project.open(SAMPLE, home=tmp_path / "home")
    assert project.has_map()
    assert project.has_draft()
    project.build()
    assert not (tmp_path / "home").exists()


def test_nothing_ships_that_is_not_used(project):
    """Neither artefacts of earlier versions nor orders, nor what a killed run left behind."""
    keys = project.keys
    used = (keys.vectors, keys.neighbours, keys.clusters, keys.coords, keys.draft, keys.tokens)
    assert _artefacts(SHIPPED) == {(key.stage, key.digest) for key in used}
    assert list(SHIPPED.glob("*/.*")) == []


def test_what_ships_tells_nothing_of_where_it_was_made():
    """No path stands in any manifest."""
    for manifest in SHIPPED.glob("*/*/manifest.json"):
        assert not re.search(r"/(home|root|work|tmp|Users)/", manifest.read_text("utf-8"))


@pytest.fixture(scope="module")
def recomputed(tmp_path_factory):
    """The sample's project with every stage computed now."""
    return sample_store.compute(tmp_path_factory.mktemp("recomputed"))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The sample's project as it ships, every stage of it."""
    project = Project.open(SAMPLE, home=tmp_path_factory.mktemp("unused"))
    assert project.has_map()
    assert project.has_draft()
    return project


@pytest.mark.slow
def test_computing_again_stores_under_the_same_keys(recomputed):
    """Nothing more and nothing less than what ships."""
    assert _artefacts(recomputed.store.root) == _artefacts(SHIPPED)


@pytest.mark.slow
def test_computing_again_gives_the_same_vectors(recomputed, shipped):
    """Row by row to a cosine of 0.999, whatever precision this machine chose."""
    assert (recomputed.vectors() * shipped.vectors()).sum(axis=1).min() >= 0.999


@pytest.mark.slow
def test_computing_again_gives_mostly_the_same_neighbours(recomputed, shipped):
    """Nineteen of twenty, since near ties fall this way or that by the last digits of a vector."""
    pairs = zip(recomputed.neighbours().indices, shipped.neighbours().indices, strict=True)
    assert np.mean([len(np.intersect1d(ours, theirs)) / len(theirs) for ours, theirs in pairs]) >= 0.95


@pytest.mark.slow
def test_computing_again_gives_the_same_map_from_the_same_vectors(recomputed, shipped):
    """To the byte where the precision and the vectors are those that ship; else in shape and number."""
    same = recomputed.notes()["precision"] == shipped.notes()["precision"]
    same = same and recomputed.vectors().tobytes() == shipped.vectors().tobytes()
    for stage in ("labels", "coords"):
        ours, theirs = getattr(recomputed, stage)(), getattr(shipped, stage)()
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        assert np.isfinite(ours).all()
        assert not same or ours.tobytes() == theirs.tobytes()
    assert len(recomputed.clusters().names) == pytest.approx(len(shipped.clusters().names), abs=1)


@pytest.mark.slow
def test_computing_again_gives_the_same_draft_and_tokens(recomputed, shipped):
    """They depend on no precision."""
    assert recomputed.tokens().tobytes() == shipped.tokens().tobytes()
    np.testing.assert_allclose(np.abs(recomputed.draft()), np.abs(shipped.draft()), atol=1e-3)


def test_the_sample_is_read_the_same_by_another_reader():
    """Polars and the standard library agree on every cell."""
    frame = pl.read_ndjson(SAMPLE)
    assert frame.to_dicts() == ROWS


def test_the_licence_of_the_sample_is_proposed_before_an_export(project):
    """Its card names it as the card of any dataset does, and the text below says the same."""
    assert project.proposed_licence == "cc0-1.0"
    assert "CC0 1.0" in README
