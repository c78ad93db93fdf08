"""Decisions about judges: kept with undo, found by others, in orders, recipes and replays; the map stays."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from small_project import copied

from core import Project, SelectParams, scoring
from core.domain import ScoreColumn
from core.errors import DataError, ParameterError, WinnowError
from core.exporting import read_recipe
from core.loading import load, without


@pytest.fixture
def small(tmp_path):
    """(file, home): the sixty rows with their map, in a home of one's own."""
    return copied(tmp_path / "home")


@pytest.fixture
def perplexity(tmp_path):
    """A file with a perplexity for fifty of the sixty rows, ten strangers and one cell that is no number."""
    lines = ["uid,ppl,grade"]
    lines += [f"r{place:02},{'oops' if place == 3 else 1 + place},{place % 2}" for place in range(50)]
    lines += [f"stranger{place},1,1" for place in range(10)]
    path = tmp_path / "ppl.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def column(path: Path, **about: object) -> ScoreColumn:
    """The perplexity of that file, lower being better."""
    file = scoring.open_scores(path, by="id", key="uid").file
    return replace(ScoreColumn(name="ppl", column="ppl", file=file, invert=True), **about)


def test_what_a_decision_would_give_is_said_before_it_is_accepted(small, perplexity):
    """Rows matched and without, rows of the file without a match, odd cells with their rows, examples."""
    project = Project.open(small[0], home=small[1])
    found = project.examine_scores(column(perplexity))
    assert (found.match.matched, found.match.without, found.match.unused) == (50, 10, 10)
    assert (found.counts.odd, found.odd) == (1, ("line 5: 'oops'",))
    assert (found.judge.scored, found.judge.unscored) == (49, 11)
    assert found.examples == ((0, "1", -1.0), (1, "2", -2.0), (2, "3", -3.0))
    assert found.sentences[0] == "50 of 60 rows matched (83.3%); 10 without a match."
    assert not project.kept_scores()


def test_a_cell_that_is_no_number_is_named_with_its_line(tmp_path):
    """Behind a broken and a blank line, of the dataset's own column and of another file's."""
    rows = [
        json.dumps({"id": name, "instruction": name, "output": "b", "mood": mood})
        for name, mood in (("p", "1"), ("q", "fine"), ("r", "2"))
    ]
    text = "\n".join([rows[0], "{broken", "", *rows[1:]])
    (tmp_path / "rows.jsonl").write_text(text)
    (tmp_path / "moods.jsonl").write_text(f"\n\n{text}")
    dataset = load(tmp_path / "rows.jsonl")
    opened = scoring.open_scores(tmp_path / "moods.jsonl", by="id", key="id")
    assert opened.lost.startswith("1 row (line 4: ")
    own = ScoreColumn(name="mood", column="mood")
    said = [
        scoring.examine(dataset, own).odd,
        scoring.examine(dataset, replace(own, file=opened.file), opened).odd,
        scoring.examine(without(dataset, np.array([0])), own).odd,
    ]
    assert said == [("line 4: 'fine'",), ("line 6: 'fine'",), ("line 4: 'fine'",)]


def test_rows_of_a_score_file_that_cannot_be_read_are_said(tmp_path):
    """Beside the match where a column joins; row by row they are refused, for the rows behind may be shifted."""
    rows = [json.dumps({"id": name, "instruction": name, "output": "b"}) for name in "pq"]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    (tmp_path / "s.jsonl").write_text('{"id": "p", "s": 1}\n{"id": "p2", "s\n{"id": "q", "s": 2}')
    dataset, column = load(tmp_path / "rows.jsonl"), ScoreColumn(name="s", column="s")
    opened = scoring.open_scores(tmp_path / "s.jsonl", by="id", key="id")
    found = scoring.examine(dataset, replace(column, file=opened.file), opened)
    assert found.match.matched == 2
    assert found.sentences[1].startswith("Not read of the file: 1 row (line 2: ")
    opened = scoring.open_scores(tmp_path / "s.jsonl")
    with pytest.raises(DataError, match=r"could not be read: 1 row \(line 2: .* no row is sure of its score"):
        scoring.examine(dataset, replace(column, file=opened.file), opened)


def test_a_kept_judge_is_there_for_whoever_opens_the_file_and_undo_takes_it_away(small, perplexity):
    """In the home's ledger, as one step; unmatched rows are unscored."""
    file, home = small
    first = Project.open(file, home=home)
    kept = first.keep_scores([column(perplexity)])
    again = Project.open(file, home=home)
    expected = [-(1.0 + place) if place < 50 and place != 3 else math.nan for place in range(60)]
    for project in (kept, again):
        assert list(project.judges) == ["quality", "depth_score", "ppl"]
        np.testing.assert_array_equal(project.judges["ppl"].scores, np.array(expected, np.float32))
    assert first.kept_scores() == again.scores
    assert again.score_steps() == 1
    assert list(again.undo_scores().judges) == ["quality", "depth_score"]
    assert Project.open(file, home=home).scores == ()


def test_vectors_map_pins_and_scenes_stay_and_orders_are_others(small, perplexity):
    """Only what a score has a part in is computed again."""
    file, home = small
    before = Project.open(file, home=home)
    before.ledger.pin(before.dataset.fingerprint, "include", ["r05"])
    params = SelectParams(judge="quality", strategy="top-score", count=10)
    before.save_scene(before.select(params), "before")
    after = before.keep_scores([column(perplexity, name="quality")])
    assert after.has_map()
    assert after.keys.vectors == before.keys.vectors
    assert after.keys.coords == before.keys.coords
    assert after.map_key != before.map_key
    assert after.work_key == before.work_key
    assert after.pins.include == {"r05"}
    assert [scene.name for scene in after.scenes()] == ["before"]
    chosen = after.select(params)
    assert chosen.ids == ["r00", "r01", "r02", *(f"r{place:02}" for place in range(4, 11))]
    assert before.select(params).ids != chosen.ids
    assert Project.open(file, home=home, scores=()).select(params).ids == before.select(params).ids


def test_an_order_in_the_store_is_not_that_of_another_judge_of_the_same_name(small, perplexity):
    """Slow orders are stored: their key holds the scores of every judge, since others break ties."""
    file, home = small
    params = SelectParams(judge="quality", strategy="k-center", count=10)
    plain = Project.open(file, home=home)
    plain.select(params)
    other = plain.with_scores([column(perplexity, name="depth_score")])
    assert other.keys.order(params, 10) != plain.keys.order(params, 10)
    same = plain.with_scores([ScoreColumn(name="quality", column="quality"), ScoreColumn(name="x", off=True)])
    assert same.select(params).ids == plain.select(params).ids


def test_a_judge_outlives_its_file_through_the_store_and_is_missed_without(small, perplexity):
    """Altered or gone: the accepted scores hold while they are stored, else the judge is left out, in words."""
    file, home = small
    Project.open(file, home=home).keep_scores([column(perplexity)])
    perplexity.write_text(perplexity.read_text().replace("r00,1,", "r00,2,"))
    assert Project.open(file, home=home).judges["ppl"].scores[0] == -1
    Project.open(file, home=home).store.prune(stage="scores")
    altered = Project.open(file, home=home)
    assert list(altered.judges) == ["quality", "depth_score"]
    assert "was altered" in altered.dataset.lost[0].why
    perplexity.unlink()
    assert "is not there" in Project.open(file, home=home).dataset.lost[0].why


def test_a_column_that_is_no_score_is_switched_off_and_one_of_the_dataset_is_renamed(small):
    """Without a second file."""
    file, home = small
    project = Project.open(file, home=home).with_scores(
        [
            ScoreColumn(name="depth_score", off=True),
            ScoreColumn(name="shallow", column="depth_score", scale=(0, 59, 0, 5), invert=True),
            ScoreColumn(name="cats", column="topic", labels=(("cats", 1), ("tax", 0))),
        ]
    )
    assert list(project.judges) == ["quality", "shallow", "cats"]
    depth = np.array(project.dataset.rows["depth_score"].to_list())
    np.testing.assert_allclose(project.judges["shallow"].scores, 5 - depth * 5 / 59, rtol=1e-5, atol=1e-5)
    assert (
        project.judges["cats"].unscored == project.dataset.rows["topic"].is_in(["cats", "tax"]).not_().sum()
    )


def test_by_position_needs_as_many_rows(small, tmp_path):
    """Refused with both counts, or row i belongs to row i."""
    project = Project.open(small[0], home=small[1])
    short, right = tmp_path / "short.jsonl", tmp_path / "right.jsonl"
    short.write_text('{"s": 1.5}\n' * 59)
    right.write_text("".join(json.dumps({"s": place / 2}) + "\n" for place in range(60)))
    with pytest.raises(DataError, match=r"59 rows and small.jsonl 60"):
        project.examine_scores(ScoreColumn(name="s", column="s", file=scoring.open_scores(short).file))
    file = scoring.open_scores(right).file
    found = project.examine_scores(ScoreColumn(name="s", column="s", file=file))
    np.testing.assert_array_equal(found.judge.scores, np.arange(60, dtype=np.float32) / 2)


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"name": [f"r{place:02}" for place in range(40)], "grade": range(40)}, "name"),
        ({"grade": [f"r{place % 3:02}" for place in range(40)]}, None),
        ({"uid": [f"r{place:02}" for place in range(20)] + ["?"] * 20}, "uid"),
        ({"uid": [f"r{place:02}" for place in range(19)] + ["?"] * 21}, None),
        ({"few": [f"r{place:02}" for place in range(25)] * 2, "all": [f"r{n:02}" for n in range(50)]}, "all"),
        ({"s": [0.5, 1.5]}, None),
        ({"text": []}, None),
    ],
)
def test_the_column_that_holds_ids_is_told_from_grades(small, tmp_path, columns, named):
    """By different ids in half of the file's rows or more, whatever it is called; the fullest of several."""
    project = Project.open(small[0], home=small[1])
    file = scoring.open_scores(_written(tmp_path / "s.parquet", columns))
    assert scoring.naming_column(project.dataset, file) == named


def _written(path: Path, columns: dict) -> Path:
    pl.DataFrame({name: list(cells) for name, cells in columns.items()}).write_parquet(path)
    return path


def test_prompts_are_a_key_as_well(small, tmp_path):
    """Every row with that prompt has its score, so that a file without ids can be joined."""
    project = Project.open(small[0], home=small[1])
    prompts = project.dataset.frame["prompt"].unique(maintain_order=True)
    path = tmp_path / "by_prompt.parquet"
    pl.DataFrame({"text": prompts, "s": np.arange(len(prompts)) / 4}).write_parquet(path)
    file = scoring.open_scores(path, by="prompt", key="text").file
    found = project.examine_scores(ScoreColumn(name="s", column="s", file=file))
    at = {prompt: place / 4 for place, prompt in enumerate(prompts)}
    assert found.judge.scores.tolist() == [at[prompt] for prompt in project.dataset.frame["prompt"]]


@pytest.mark.parametrize("by", ["id", "nothing"])
def test_a_column_that_there_is_not_is_named_with_those_that_there_are(small, perplexity, by):
    """On either side."""
    file = scoring.open_scores(perplexity, by=by, key="uid" if by == "nothing" else "none").file
    with pytest.raises(DataError, match="There is no column") as refused:
        Project.open(small[0], home=small[1]).examine_scores(ScoreColumn(name="a", column="ppl", file=file))
    assert "Columns: " in refused.value.hint


def test_nothing_is_kept_where_a_decision_cannot_be_carried_out(small, perplexity):
    """Neither a column without a score, nor a scale without extent."""
    project = Project.open(small[0], home=small[1])
    for wrong in (
        column(perplexity, column="none"),
        ScoreColumn(name="t", column="topic"),
        column(perplexity, scale=(2, 2, 0, 5)),
    ):
        with pytest.raises(WinnowError):
            project.keep_scores([wrong])
    assert project.kept_scores() == ()
    with pytest.raises(ParameterError):
        scoring.decided((), [ScoreColumn(name="a"), ScoreColumn(name="a")])


@pytest.fixture
def exported(small, perplexity, tmp_path):
    """(recipe, ids) of a choice by a joined judge, and the folder that it was written to."""
    project = Project.open(small[0], home=small[1]).with_scores([column(perplexity)])
    chosen = project.select(SelectParams(judge="ppl", strategy="top-score", count=8))
    project.export(chosen, tmp_path / "out")
    return read_recipe(tmp_path / "out" / "recipe.yaml"), chosen.ids


def test_a_recipe_holds_the_decision_and_a_replay_gives_the_same_ids(small, perplexity, exported, tmp_path):
    """In another home: the file is found beside the data or in a folder that is named; no path is written."""
    recipe, ids = exported
    (source,) = recipe.scores
    assert (source.file, source.joined_by, source.joined_key, source.invert) == ("ppl.csv", "id", "uid", True)
    assert str(tmp_path) not in recipe.to_yaml()
    project = Project.of_recipe(recipe, small[0], home=small[1], places=(tmp_path,))
    project.store.prune(stage="scores")
    replayed = Project.of_recipe(recipe, small[0], home=small[1], places=(tmp_path,)).replay(recipe)
    assert (replayed.same, replayed.ids) == (True, ids)


@pytest.mark.parametrize("what", ["missing", "altered", "undecided"])
def test_a_replay_says_first_what_is_wrong_with_the_scores(small, perplexity, exported, tmp_path, what):
    """The score file is gone or another, or the project was opened without it."""
    recipe, _ = exported
    Project.open(small[0], home=small[1]).store.prune(stage="scores")
    if what == "missing":
        perplexity.unlink()
    if what == "altered":
        perplexity.write_text(perplexity.read_text() + "r55,1,1\n")
    if what == "undecided":
        project = Project.open(small[0], home=small[1])
    else:
        project = Project.of_recipe(recipe, small[0], home=small[1], places=(tmp_path,))
    replayed = project.replay(recipe)
    assert (replayed.same, replayed.first.what, replayed.ids) == (False, "scores", [])
    assert "ppl" in replayed.first.problem
    words = {"missing": "is not there", "altered": "was altered", "undecided": "Open the project with"}
    assert words[what] in replayed.first.cause
