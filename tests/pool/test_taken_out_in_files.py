"""What was taken out, as the export, the recipe, the replay and the command line tell it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from small_project import copied

from core import Project, SelectParams
from core.__main__ import main
from core.exporting import Recipe, read_recipe

PARAMS = SelectParams(judge="quality", min_score=1, count=15, strategy="longest")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Sixty rows, every stage stored."""
    file, home = copied(tmp_path / "home")
    return Project.open(file, home=home)


@pytest.fixture
def exported(project: Project, tmp_path: Path) -> Path:
    """An export of fifteen rows, after two rules and a row by hand."""
    project.take_out("same-prompt", {"stays": "longest"})
    same = project.propose("exact-duplicates").found
    project.take_out("exact-duplicates", kept=[project.dataset.frame["id"][int(same[0])]])
    project.take_out("by-hand", ids=["r00", "r01"])
    clean = project.cleaned()
    clean.export(clean.select(PARAMS), tmp_path / "out", report=True)
    return tmp_path / "out"


def recipe_in(folder: Path) -> Recipe:
    """The recipe of an export."""
    return read_recipe(folder / "recipe.yaml")


def test_the_sidecar_has_every_row_of_the_file_with_its_reason(exported: Path, project: Project) -> None:
    """Reasons partition the file; what is out names its first rule and has no place on a map."""
    table = pl.read_parquet(exported / "selection.parquet")
    assert table["id"].to_list() == project.dataset.frame["id"].to_list()
    reasons = dict(table["reason"].value_counts().iter_rows())
    taken = {each.rule: each.rows for each in recipe_in(exported).taken_out}
    assert {name: reasons.get(f"taken out: {name}", 0) for name in taken} == taken
    assert reasons["chosen"] == 15
    assert sum(reasons.values()) == 60
    out = table.filter(pl.col("reason").str.starts_with("taken out"))
    assert out.select("order", "cluster", "x", "y").null_count().row(0) == (len(out),) * 4
    scores = project.judges["quality"].scores
    assert table["score_quality"].fill_null(-1).to_list() == np.nan_to_num(scores, nan=-1).tolist()


def test_the_recipe_adds_up_and_is_read_again(exported: Path, project: Project) -> None:
    """Rules, settings, kept and named ids are there; the counts lead from the file to the pool."""
    recipe = recipe_in(exported)
    assert recipe.source.rows == 60
    assert recipe.source.fingerprint == project.dataset.fingerprint
    first, second, third = recipe.taken_out
    assert (first.rule, first.settings["stays"]) == ("same-prompt", "longest")
    assert (second.found, len(second.kept)) == (1, 1)
    assert third.ids == ["r00", "r01"]
    pool = 60 - sum(each.rows for each in recipe.taken_out)
    assert pool == len(project.cleaned().dataset)


def test_a_replay_takes_the_same_rows_out_without_the_ledger(
    exported: Path, project: Project, tmp_path: Path
) -> None:
    """In a home that knows nothing of the decisions the ids are the same."""
    home = tmp_path / "fresh"
    copied(home)
    replayed = Project.open(project.dataset.source, home=home).replay(recipe_in(exported))
    assert replayed.same
    assert replayed.differences == ()
    assert replayed.ids == (exported / "ids.txt").read_text().split()


@pytest.mark.parametrize(
    "field, value, cause", [("version", 9, "version 1 here"), ("settings", {}, "edited")]
)
def test_a_replay_names_the_rule_that_finds_other_rows(
    exported: Path, project: Project, field: str, value: object, cause: str
) -> None:
    """The digest of what a rule found is checked; the first difference says which rule and why."""
    content = yaml.safe_load((exported / "recipe.yaml").read_text())
    content["taken_out"][0] |= {field: value, "ids_sha256": "0" * 64}
    replayed = project.replay(Recipe.model_validate(content))
    first = replayed.differences[0]
    assert first.what == "taken out"
    assert "same-prompt" in first.problem
    assert cause in first.cause


def test_a_recipe_from_before_takes_nothing_out(project: Project, tmp_path: Path) -> None:
    """Version 3 had no such section and replays on the whole file, whatever the ledger says."""
    project.export(project.select(PARAMS), tmp_path / "out")
    content = yaml.safe_load((tmp_path / "out" / "recipe.yaml").read_text())
    assert content.pop("taken_out") == []
    content["recipe_version"] = 3
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(content))
    project.take_out("by-hand", ids=["r00"])
    assert project.cleaned().replay(read_recipe(tmp_path / "old.yaml")).same


def test_the_report_says_what_was_taken_out(exported: Path) -> None:
    """Beside the limits stands how many rows went, and by which rules."""
    assert "Before anything was computed: Same prompt" in (exported / "report.html").read_text()


# The command line.


def select(project: Project, out: Path, *flags: str) -> list[str]:
    """Run ``select``; its arguments."""
    common = ["select", project.dataset.source, "--home", str(project.home), "--strategy", "longest"]
    return [*common, "--count", "10", "--judge", "quality", "--min-score", "1", "--out", str(out), *flags]


def test_flags_take_rows_out_and_nothing_else_does(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each rule says its count; kept ids stay; the ledger has no part unless it is asked for."""
    project.take_out("by-hand", ids=["r40", "r41", "r42"])
    (tmp_path / "keep.txt").write_text("r00\n")
    (tmp_path / "hand.txt").write_text("r02\nr03\n")
    flags = ["--take-out", "near-duplicates=0.0,stays=first", "--keep", str(tmp_path / "keep.txt")]
    flags += ["--take-out", f"by-hand={tmp_path / 'hand.txt'}", "--json"]
    assert main(select(project, tmp_path / "a", *flags)) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["pool"], said["taken_out"]) == (48, 12)
    assert [each.rule for each in recipe_in(tmp_path / "a").taken_out] == ["near-duplicates", "by-hand"]
    assert main(select(project, tmp_path / "b")) == 0
    assert "60 rows, " in capsys.readouterr().out
    assert main(select(project, tmp_path / "c", "--take-out", "as-in-app")) == 0
    assert "3 rows taken out\n57 of 60 rows are left\n" in capsys.readouterr().out
    assert main(["replay", str(tmp_path / "c" / "recipe.yaml"), "--data", project.dataset.source]) == 0


@pytest.mark.parametrize(
    ("flag", "judge"),
    [
        ("near-duplicates=0.0", "quality"),
        ("near-duplicates=0.0,judge=depth_score", "depth_score"),
        ("near-duplicates=0.0,judge=", ""),
        ("near-duplicates=0.0,stays=first", ""),
    ],
)
def test_the_judge_that_chooses_says_which_row_of_a_group_stays(
    project: Project, tmp_path: Path, flag: str, judge: str
) -> None:
    """Unless another one is named, or none, or the rule asks nobody; recipe and replay know whom."""
    assert main(select(project, tmp_path / "out", "--take-out", flag)) == 0
    recipe = recipe_in(tmp_path / "out")
    assert dict(recipe.taken_out[0].settings)["judge"] == judge
    reasons = pl.read_parquet(tmp_path / "out" / "selection.parquet")
    out = set(reasons.filter(pl.col("reason").str.starts_with("taken out"))["id"])
    groups: dict[str, list[dict[str, object]]] = {}
    for row in map(json.loads, Path(project.dataset.source).read_text().splitlines()):
        groups.setdefault(row["instruction"], []).append(row)
    for rows in groups.values():
        best = rows[0]
        for row in rows[1:] if "first" not in flag else ():
            better = [(each[judge] or 0) if judge else 0 for each in (row, best)]
            longer = [len(str(each["output"])) for each in (row, best)]
            if (better[0], longer[0]) > (better[1], longer[1]):
                best = row
        assert {row["id"] for row in rows} - out == {best["id"]}
    assert main(["replay", str(tmp_path / "out" / "recipe.yaml"), "--data", project.dataset.source]) == 0


@pytest.mark.parametrize(
    "flag, problem",
    [
        ("near", "No rule 'near'"),
        ("near-duplicates=close", "'close'"),
        ("near-duplicates=0.9", "0.9"),
        ("exact-duplicates=nearly", "'nearly'"),
        ("by-hand=nowhere.txt", "could not be read"),
    ],
)
def test_flags_that_cannot_be_are_said_in_a_line(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, problem: str
) -> None:
    """The exit code is 2 and nothing is written."""
    assert main(select(project, tmp_path / "out", "--take-out", flag)) == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_scene_brings_its_own_rows(project: Project, tmp_path: Path) -> None:
    """``--scene`` chooses from the pool that the scene was saved in, and takes no rules beside it."""
    project.take_out("by-hand", ids=["r40"])
    clean = project.cleaned()
    chosen = clean.select(PARAMS)
    clean.save_scene(chosen, "first")
    project.undo_cleaning()
    common = ["select", project.dataset.source, "--home", str(project.home), "--scene", "first"]
    assert main([*common, "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "ids.txt").read_text().split() == chosen.ids
    assert main([*common, "--out", str(tmp_path / "no"), "--take-out", "exact-duplicates"]) == 2
