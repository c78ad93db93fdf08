"""Rows taken out by a judge's word, when that judge is another by now; and steps of several people at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_project import copied

from core import Project, SelectParams, scoring
from core import removal_table as table
from core.domain import ScoreColumn
from core.errors import DataError, ParameterError
from core.exporting import read_recipe
from pages.ui import choose
from pages.ui.view import View

BY_QUALITY = {"stays": "best", "judge": "quality"}
OTHERS = {
    "off": (ScoreColumn(name="quality", off=True),),
    "turned": (ScoreColumn(name="quality", column="quality", invert=True),),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Sixty rows, ten of which repeat the prompt of another; every stage stored."""
    file, home = copied(tmp_path / "home")
    return Project.open(file, home=home)


@pytest.mark.parametrize("columns", OTHERS.values(), ids=OTHERS)
def test_what_a_judge_of_then_took_out_stays_out_and_replays(project, tmp_path, columns):
    """The recipe holds today's judges, so it names the rows themselves, and a replay takes out the same ones."""
    gone = project.take_out("same-prompt", BY_QUALITY)
    now = project.keep_scores(columns)
    assert "quality" not in now.judges or now.propose("same-prompt", BY_QUALITY) != gone
    clean = now.cleaned()
    assert clean.lost_groups() == 0
    clean.prepare()
    clean.export(clean.select(SelectParams(count=9, strategy="random")), tmp_path / "out")
    recipe = read_recipe(tmp_path / "out" / "recipe.yaml")
    (line,) = recipe.taken_out
    ids = project.dataset.frame["id"]
    assert (line.rule, line.ids) == ("by-hand", sorted(ids.gather(gone.found)))
    assert line.ids_sha256 == gone.ids_sha256
    again = Project.of_recipe(recipe, project.dataset.source, home=project.home).replay(recipe)
    assert (again.same, again.differences) == (True, ())


def test_a_judge_that_is_as_it_was_leaves_the_rule_in_the_recipe(project, tmp_path):
    """Another column switched off changes nothing about it."""
    project.take_out("same-prompt", BY_QUALITY)
    clean = project.keep_scores([ScoreColumn(name="depth_score", off=True)]).cleaned()
    clean.prepare()
    clean.export(clean.select(SelectParams(count=9, strategy="random")), tmp_path / "out")
    (line,) = read_recipe(tmp_path / "out" / "recipe.yaml").taken_out
    assert (line.rule, dict(line.settings)["judge"]) == ("same-prompt", "quality")


def test_groups_without_a_row_left_are_counted_although_the_judge_is_gone(project):
    """Every row of one group is out, one of them by hand: that is one group."""
    gone = project.take_out("same-prompt", BY_QUALITY)
    found = project.duplicates("same-prompt", BY_QUALITY)
    group = found.groups.rows(0)
    assert set(group.tolist()) & set(gone.found.tolist())
    project.take_out("by-hand", ids=project.dataset.frame["id"].gather([found.stays[0]]))
    assert project.keep_scores(OTHERS["off"]).cleaned().lost_groups() == 1


def test_what_is_put_back_is_what_was_seen(project):
    """Another person put the first step back meanwhile: its neighbour on the list stays out."""
    first, second = (project.take_out("by-hand", ids=[each]) for each in ("r01", "r02"))
    other = Project.open(project.dataset.source, home=project.home)
    assert other.put_back(0)
    assert not project.put_back(first)
    assert project.cleaning.removals == (second,)
    assert project.put_back(second)
    assert not project.cleaning.removals


def test_undo_ends_where_steps_are_forgotten(project, monkeypatch):
    """The oldest step that can be undone leads to what was out before it, not to the whole file."""
    monkeypatch.setattr(table, "KEPT", 3)
    for number in range(6):
        project.take_out("by-hand", ids=[f"r{number:02}"])
    assert project.cleaning_steps == (3, 0)
    while project.undo_cleaning():
        pass
    assert sorted(each for one in project.cleaning.removals for each in one.ids) == ["r00", "r01", "r02"]
    assert project.cleaning_steps == (0, 3)
    assert project.redo_cleaning()
    assert len(project.cleaning.removals) == 4
    project.take_out("by-hand", ids=["r20"])
    assert project.cleaning_steps == (2, 0)


def test_a_judge_whose_file_is_gone_does_not_keep_others_from_being_accepted(project, tmp_path):
    """It stays lost and decided on; beside the data it is found again."""
    where = tmp_path / "elsewhere" / "ppl.csv"
    where.parent.mkdir()
    where.write_text("id,ppl\n" + "".join(f"r{place:02},{place}\n" for place in range(60)))
    file = scoring.open_scores(where, by="id", key="id").file
    data = tmp_path / "rows" / "small.jsonl"
    data.parent.mkdir()
    data.write_bytes(Path(project.dataset.source).read_bytes())
    ppl = ScoreColumn(name="ppl", column="ppl", file=file)
    Project.open(data, home=tmp_path / "own").keep_scores([ppl])
    for each in (tmp_path / "own" / "store" / "scores").iterdir():
        for part in each.iterdir():
            part.unlink()
        each.rmdir()
    content = where.read_bytes()
    where.unlink()
    opened = Project.open(data, home=tmp_path / "own")
    assert [each.column.name for each in opened.dataset.lost] == ["ppl"]
    with pytest.raises(DataError, match="not there"):
        opened.keep_scores([*opened.scores, ScoreColumn(name="other", column="ppl", file=file)])
    kept = opened.keep_scores([*opened.scores, *OTHERS["off"]])
    assert list(kept.judges) == ["depth_score"]
    assert [each.column.name for each in kept.dataset.lost] == ["ppl"]
    (data.parent / "ppl.csv").write_bytes(content)
    assert list(Project.open(data, home=tmp_path / "own").judges) == ["depth_score", "ppl"]


def test_a_label_that_is_given_twice_has_its_last_score(project):
    """So that the recipe, which holds each label once, is the same decision."""
    twice = ScoreColumn(name="topic", column="topic", labels=(("cats", 1.0), ("tax", 2.0), ("cats", 3.0)))
    assert project.with_scores([twice]).scores[0].labels == (("cats", 3.0), ("tax", 2.0))


def test_a_judge_that_scored_none_of_what_is_left_is_no_judge_there(project):
    """As in a file that never had the rows; Explore opens with another one, and says so."""
    scored = project.dataset.frame["id"].filter(project.dataset.frame["quality"] <= 3)
    few = project.with_scores(
        [ScoreColumn(name="quality", column="quality", unscored=(1.0, 2.0, 2.5, 4.0, 4.5, 5.0))]
    )
    assert few.judges["quality"].scored
    clean = few.without([few.propose("by-hand", ids=scored)])
    assert list(clean.judges) == ["depth_score"]
    after = choose.fit(View(data="small.jsonl", judge="quality"), clean)
    assert (after["judge"], after["notes"]) == (
        "depth_score",
        ("There is no judge 'quality' in small.jsonl: depth_score is used.",),
    )
    with pytest.raises(ParameterError, match="quality"):
        clean.select(SelectParams(judge="quality", count=3))
