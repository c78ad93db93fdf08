from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_project import copied, rows

from core import Project, SelectParams
from core.domain import Pins
from core.encoders import MINILM, WORD_COUNTS
from core.selection import strategies
from core.stability import kept, models, variations

QUALITY = sorted({row["quality"] for row in rows() if row["quality"] is not None})


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    file, home = copied(tmp_path_factory.mktemp("stability") / "home")
    return Project.open(file, home=home)


def _params(**changes):
    return SelectParams(**{"judge": "quality", "min_score": 3.0, "count": 12, "strategy": "random"} | changes)


@pytest.mark.parametrize("name", strategies())
def test_the_share_kept_is_that_of_the_ids(project, name):
    """Each variation is chosen by itself: the share is the ids in both, of the selection's ids."""
    options = (("quality", 0.5),) if name == "facility" else ()
    chosen = project.select(_params(strategy=name, options=options))
    found = project.stability(chosen)
    assert [each.variation.kind for each in found] == [
        *["seed"] * 3,
        *["threshold"] * 2,
        "judge",
        "embedding",
    ]
    for each in found:
        other = project if each.variation.model is None else project.with_model(each.variation.model)
        ids = set(other.select(each.variation.params).ids)
        assert each.share == len(ids & set(chosen.ids)) / len(chosen)
        assert each.rows == len(ids)


@pytest.mark.parametrize("distance", [None, 0.2])
def test_random_rows_are_kept_as_often_as_chance_says(project, distance):
    """Over many seeds the share that another random draw keeps is the chance value, pins, near copies and all."""
    included = {"r03", "r04", "r05", "r06", "r10", "r11", "r17"}  # all but r17 would be eligible as well
    pins = Pins(include=frozenset(included), exclude=frozenset({"r12", "r13"}))
    params = _params(pins=pins, count=14, dedup_distance=distance)
    chosen = project.select(params)
    (another, *_) = variations(project, chosen)
    found = [
        kept(project, chosen, replace(another, params=replace(another.params, seed=seed)))
        for seed in range(100, 500)
    ]
    assert np.mean([each.share for each in found]) == pytest.approx(found[0].chance, abs=0.02)


def test_the_threshold_goes_one_grade_up_and_down(project):
    """To the next score that the judge gave; at either end there is one step only."""
    for place, score in enumerate(QUALITY):
        chosen = project.select(_params(min_score=score))
        steps = {
            each.title: each.params.min_score
            for each in variations(project, chosen)
            if each.kind == "threshold"
        }
        wanted = {}
        if place + 1 < len(QUALITY):
            wanted["Next higher threshold"] = QUALITY[place + 1]
        if place:
            wanted["Next lower threshold"] = QUALITY[place - 1]
        assert steps == wanted


@pytest.mark.parametrize("min_score", [None, 2.2, 4.0])
def test_another_judge_keeps_nearly_as_many_rows(project, min_score):
    """Its threshold is the one whose count of eligible rows is nearest, and the count is said."""
    chosen = project.select(_params(min_score=min_score))
    other = next(each for each in variations(project, chosen) if each.kind == "judge")
    depth = np.array([row["depth_score"] for row in rows()])
    counts = {score: int((depth >= score).sum()) for score in depth}
    assert other.params.judge == "depth_score"
    best = min(abs(count - chosen.eligible) for count in counts.values())
    assert abs(counts[other.params.min_score] - chosen.eligible) == best
    assert f"{counts[other.params.min_score]} eligible row" in other.detail


def test_two_judges_change_places(project):
    """Where a setting names the other judge, that one chooses and the first one is named; the rest is measured."""
    chosen = project.select(_params(strategy="deita", options=(("with_judge", "depth_score"),)))
    other = next(each for each in project.stability(chosen) if each.variation.kind == "judge").variation
    assert (other.params.judge, dict(other.params.options)) == ("depth_score", {"with_judge": "quality"})
    eligible = project.select(other.params).eligible
    assert f"depth_score ≥ {other.params.min_score:g}: {eligible} eligible row" in other.detail


def test_quotas_of_single_clusters_end_with_their_embedding(project):
    """Cluster 1 is another one there: its quota is left out, which is said; the other settings stay."""
    options = (("floor", 1.0), ("quota 1", 4.0))
    chosen = project.select(_params(strategy="cluster-quota", options=options))
    *others, embedded = variations(project, chosen)
    assert embedded.params.options == options[:1]
    assert "without quotas of single clusters" in embedded.detail
    assert all(each.params.options == options for each in others)


def test_without_a_judge_seed_and_embedding_are_left(project):
    """A selection without scores has neither threshold nor judge to change."""
    chosen = project.select(SelectParams(count=9, strategy="k-center"))
    assert {each.kind for each in variations(project, chosen)} == {"seed", "embedding"}


def test_word_counts_are_always_there_and_stored_models_too(project):
    """Seen from word counts, the packaged model is another embedding, as its vectors are stored."""
    assert models(project) == (WORD_COUNTS,)
    assert models(project.with_model(WORD_COUNTS)) == (MINILM,)


def test_an_empty_selection_keeps_nothing_in_particular(project):
    """No share of no rows."""
    chosen = project.select(_params(count=0))
    assert all(np.isnan(each.share) for each in project.stability(chosen))
