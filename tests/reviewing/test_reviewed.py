"""A project that people review: queues, the blind sample, ratings as a judge, in recipe, export and replay."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from small_project import copied

from core import Project, SelectParams
from core.errors import ParameterError, StoreError
from core.exporting import read_recipe
from core.ratings import Rating

PARAMS = SelectParams(judge="quality", min_score=3.0, count=20, strategy="top-score")


@pytest.fixture
def small(tmp_path):
    """(file, home) of the sixty rows, the file where nothing else lies."""
    file, home = copied(tmp_path / "home")
    own = tmp_path / "data"
    own.mkdir()
    shutil.copy(file, own / file.name)
    return own / file.name, home


def rate(project, ids, grade, person="Ann", **more):
    for each in ids:
        project.rate(Rating(row=each, person=person, score=grade(each), **more))


def truth(each):
    """What Ann thinks of a row: by the last digit of its id."""
    return 1 + int(each[-1]) % 5


def test_a_sample_is_there_after_a_reload_and_tells_its_parts_by_nothing(small):
    """Half near the threshold, half of that selected; shown in a sequence of its own."""
    project = Project.open(small[0], home=small[1])
    chosen = project.select(replace(PARAMS, strategy="random"))
    sample = project.draw_sample(chosen, size=24)
    again = Project.open(small[0], home=small[1]).sample()
    assert again == sample
    scores = dict(zip(project.dataset.frame["id"], project.judges["quality"].scores, strict=True))
    near = [each for each in sample.ids if abs(scores[each] - 3) <= 0.5]
    assert (len(sample.ids), len(set(sample.ids)), len(near)) == (24, 24, 12)
    assert sum(each in chosen.ids for each in sample.ids) == 12
    rows = project.sample_rows(sample)
    assert set(project.dataset.frame["id"].gather(rows)) == set(sample.ids)
    assert list(project.dataset.frame["id"].gather(rows)) != sample.ids
    assert project.draw_sample(chosen, size=24, seed=2).ids != sample.ids


def test_the_precision_of_a_selection_that_is_rated_whole_is_the_share_that_people_keep(small):
    """All sixty rows drawn and rated: no weight can move the share; without a sample there is none."""
    project = Project.open(small[0], home=small[1])
    chosen = project.select(PARAMS)
    assert project.precision(chosen) is None
    project.draw_sample(chosen, size=60)
    assert project.precision(chosen).rated == 0
    rate(project, project.dataset.frame["id"], truth)
    found = project.precision(chosen)
    assert found.share == pytest.approx(np.mean([truth(each) >= 4 for each in chosen.ids]))
    assert (found.rated, found.covered, found.moved) == (20, 1, False)
    assert found.low < found.share < found.high
    assert project.precision(chosen, bar=2).share == pytest.approx(
        np.mean([truth(e) >= 2 for e in chosen.ids])
    )
    assert project.precision(project.select(SelectParams(strategy="random", count=9))).moved


def test_what_was_said_after_the_judges_were_shown_has_no_part_in_the_figures(small):
    """The first, blind word stays the one that counts there; for a judge the last word counts."""
    project = Project.open(small[0], home=small[1])
    chosen = project.select(PARAMS)
    project.draw_sample(chosen, size=60)
    rate(project, chosen.ids, lambda _: 5, shown=True)
    rate(project, chosen.ids, lambda _: 1)
    assert project.precision(chosen).share == 1
    assert set(project.keep_ratings("Ann").judges["Ann"].scores[chosen.rows]) == {1}


def test_ratings_are_a_judge_beside_the_others_and_undo_takes_it_back(small):
    """By name or of all people; unrated rows are unscored; pins, scenes and map stay."""
    project = Project.open(small[0], home=small[1])
    with pytest.raises(ParameterError, match="Nobody has rated"):
        project.keep_ratings()
    project.ledger.pin(project.dataset.origin, "include", ["r01"])
    rate(project, ["r01", "r02", "r03"], lambda _: 4)
    rate(project, ["r03"], lambda _: 1, person="Bob")
    project.rate(Rating(row="r04", person="Bob", keep=False))
    judged = project.keep_ratings("Ann").keep_ratings()
    assert list(judged.judges) == ["quality", "depth_score", "Ann", "Ann keeps", "person", "person keeps"]
    assert (judged.judges["Ann"].scored, judged.judges["Ann"].unscored) == (3, 57)
    everyone = dict(zip(judged.dataset.frame["id"], judged.judges["person"].scores, strict=True))
    assert (everyone["r02"], everyone["r03"], math.isnan(everyone["r04"])) == (4, 2.5, True)
    assert judged.judges["person keeps"].scored == 4
    assert judged.judges_of_people() == {"Ann", "Ann keeps", "person", "person keeps"}
    assert list(Project.open(small[0], home=small[1]).judges) == list(judged.judges)
    assert judged.pins.include == {"r01"}
    assert judged.has_map()
    chosen = judged.select(SelectParams(judge="Ann", min_score=4, strategy="top-score"))
    assert set(chosen.ids) == {"r01", "r02", "r03"}
    assert not judged.ratings_since("Ann")
    rate(judged, ["r09"], lambda _: 2)
    assert judged.ratings_since("Ann") and judged.judges["Ann"].scored == 3
    assert "person" not in judged.undo_scores().judges


def test_a_person_does_not_take_the_place_of_a_judge_of_the_file(small):
    """Whoever is called like a column is told."""
    project = Project.open(small[0], home=small[1])
    rate(project, ["r01"], lambda _: 4, person="quality")
    with pytest.raises(ParameterError, match="There is a judge quality already"):
        project.keep_ratings("quality")


def test_a_recipe_names_the_ratings_and_replays_from_the_export_alone(small, tmp_path):
    """Count and digest stand in it; without the file the replay says which judge is missing."""
    project = Project.open(small[0], home=small[1])
    rate(project, project.dataset.frame["id"], truth)
    judged = project.keep_ratings("Ann")
    chosen = judged.select(SelectParams(judge="Ann", min_score=4, count=10, strategy="top-score"))
    written = judged.export(chosen, tmp_path / "out")
    (name,) = [path.name for path in written if path.name.startswith("ratings-")]
    assert name.startswith("ratings-ann-60-")
    assert name in (tmp_path / "out" / "SHA256SUMS").read_text()
    recipe = read_recipe(tmp_path / "out" / "recipe.yaml")
    assert {each.file for each in recipe.scores} == {name}
    assert "score_Ann" in pl.read_parquet(tmp_path / "out" / "selection.parquet").columns
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "store").symlink_to(small[1] / "store")
    judged.store.prune(stage="scores")
    there = Project.of_recipe(recipe, small[0], home=tmp_path / "new", places=(tmp_path / "out",))
    again = there.replay(recipe)
    assert (again.same, again.ids) == (True, chosen.ids)
    there.export(there.select(chosen.params), tmp_path / "again")
    assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    missing = Project.of_recipe(recipe, small[0], home=tmp_path / "newer").replay(recipe)
    assert (missing.same, missing.first.what) == (False, "scores")
    assert "Ann" in missing.first.problem and name in missing.first.cause
    project.undo_scores().export(project.select(PARAMS), tmp_path / "out")
    assert not (tmp_path / "out" / name).exists()


def test_people_are_put_beside_each_judge_and_none_beside_themselves(small):
    """Few rated rows: all count; enough of the sample: it alone, with its weights."""
    project = Project.open(small[0], home=small[1])
    chosen = project.select(PARAMS)
    rate(project, [f"r{row:02}" for row in range(10)], truth)
    found = project.people_beside_judges()
    assert {name: beside.rows for name, (beside, _) in found.items()} == {"quality": 10, "depth_score": 10}
    judged = project.keep_ratings("Ann")
    assert judged.people_beside_judges().keys() == {"quality", "depth_score"}
    sample = project.draw_sample(chosen, size=24)
    rate(project, [each for each in sample.ids if each > "r09"], truth)
    beside, curve = project.people_beside_judges()["depth_score"]
    assert beside.rows == curve.rows.sum() == 24
    cells = project.people_at("quality", 3.0)
    scores = dict(zip(project.dataset.frame["id"], project.judges["quality"].scores, strict=True))
    rated = {f"r{row:02}" for row in range(10)} | set(sample.ids)
    assert cells.kept_passing == sum(truth(each) >= 4 and scores[each] >= 3 for each in rated)
    assert cells.dropped_failing == sum(truth(each) < 4 and scores[each] < 3 for each in rated)


def test_rows_on_which_judges_disagree_do_not_depend_on_people(small):
    """Their ratings are a judge, but not one of those that are looked at."""
    project = Project.open(small[0], home=small[1])
    before = project.widest_spread(10)
    assert len(before) == 10
    rate(project, project.dataset.frame["id"], truth)
    np.testing.assert_array_equal(project.keep_ratings("Ann").widest_spread(10), before)


def test_ratings_that_cannot_be_written_are_said(small, monkeypatch):
    """The decision is not kept then."""
    project = Project.open(small[0], home=small[1])
    rate(project, ["r01"], truth)
    (small[1] / "ratings").write_text("a file where the folder belongs")
    with pytest.raises(StoreError, match="could not be written"):
        project.keep_ratings("Ann")
    assert project.kept_scores() == ()


def test_rows_that_were_taken_out_keep_their_ratings(small):
    """Ratings belong to the whole file; a part of it shows those of its rows."""
    project = Project.open(small[0], home=small[1])
    rate(project, ["r01", "r02"], lambda _: 5)
    part = project.without([project.propose("by-hand", ids=frozenset(["r01"]))])
    assert len(part.ratings()) == 2
    assert part.position("r01") is None and part.position("r02") is not None
    assert part.people_beside_judges()["quality"][0].rows == 1
    assert part.keep_ratings("Ann").judges["Ann"].scored == 1
    assert Project.open(small[0], home=small[1]).judges["Ann"].scored == 2
