"""What the options of the command line decide."""

from __future__ import annotations

import json
import re

import polars as pl
import pytest
from small_project import write

from core import Project, SelectParams

# Options.


def test_the_options_are_the_parameters(run, small, tmp_path):
    """Seed, settings of the strategy and format reach the recipe and the choice."""
    file, home = small
    arguments = ("--seed", 5, "--option", "drop_outliers=20", "--count", 12, "--format", "csv")
    assert run("select", file, *arguments, "--out", tmp_path / "out", "--home", home)[0] == 0
    params = SelectParams(count=12, seed=5, options=(("drop_outliers", 20.0),))
    assert _ids(tmp_path) == Project.open(file, home=home).select(params).ids
    assert (tmp_path / "out" / "train.csv").exists()


def test_quotas_of_single_clusters_reach_choice_and_recipe_and_are_replayed(run, small, tmp_path):
    """Typed as options; what they cost and what cannot be kept is said, and the recipe gives the same ids."""
    file, home = small
    quotas = ("--option", "quota 0=3", "--option", "quota 1=900", "--count", 30)
    arguments = ("--strategy", "cluster-quota", "--judge", "quality", *quotas)
    code, said, _ = run("select", file, *arguments, "--out", tmp_path / "out", "--home", home)
    project = Project.open(file, home=home)
    labels, passing = project.labels(), project.judges["quality"].scores >= 0
    all_of_1 = int(((labels == 1) & passing).sum())
    rows = project.positions(frozenset(_ids(tmp_path)))
    assert (code, [int((labels[rows] == label).sum()) for label in (0, 1)]) == (0, [3, all_of_1])
    assert re.search(
        rf"^Fewer eligible rows than the quota: cluster 1 .* with {all_of_1} of 900\.", said, re.M
    )
    assert re.search(r"^The quotas cost .* for the best 30 rows without them\.$", said, re.M)
    recipe = (tmp_path / "out" / "recipe.yaml").read_text("utf-8")
    assert "quota 1: 900.0" in recipe
    assert "Fewer eligible rows than the quota" in recipe
    assert run("replay", tmp_path / "out" / "recipe.yaml", "--data", file, "--home", home)[0] == 0
    (tmp_path / "out" / "recipe.yaml").write_text(recipe.replace("quota 0: 3.0", "quota 0: 4.0"), "utf-8")
    assert run("replay", tmp_path / "out" / "recipe.yaml", "--data", file, "--home", home)[0] == 2


def test_a_judge_may_be_named_by_an_option(run, small, tmp_path):
    """The name goes to the choice as it is written, and into the recipe, from which it can be replayed."""
    file, home = small
    arguments = ("--judge", "quality", "--strategy", "deita", "--option", "with_judge=depth_score")
    out = ("--out", tmp_path / "out", "--home", home)
    assert run("select", file, *arguments, "--count", 12, *out)[0] == 0
    options = (("with_judge", "depth_score"),)
    params = SelectParams(judge="quality", count=12, strategy="deita", options=options)
    assert _ids(tmp_path) == Project.open(file, home=home).select(params).ids
    assert run("replay", tmp_path / "out" / "recipe.yaml", "--data", file, "--home", home)[0] == 0


def _ids(tmp_path):
    return (tmp_path / "out" / "ids.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("form", ["{}\n{}\n", "\ufeff{}\r\n{}\r\n", "\n{}\n\n{}"])
def test_pins_come_from_files_of_ids(run, small, tmp_path, form):
    """Included ones come first and excluded ones never, however an editor saved the lines."""
    file, home = small
    (tmp_path / "in.txt").write_bytes(form.format("r40", "r17").encode())
    (tmp_path / "out.txt").write_bytes(form.format("r00", "r01").encode())
    arguments = ("--strategy", "random", "--judge", "quality", "--include", tmp_path / "in.txt")
    where = ("--exclude", tmp_path / "out.txt", "--out", tmp_path / "out", "--home", home)
    assert run("select", file, *arguments, *where)[0] == 0
    ids = _ids(tmp_path)
    assert set(ids[:2]) == {"r40", "r17"}
    assert len(ids) == 58
    assert not {"r00", "r01"} & set(ids)


def test_an_id_with_spaces_can_be_pinned_by_its_line_in_ids_txt(run, tmp_path):
    """What one export wrote, the next one reads."""
    records = [{"id": name, "instruction": f"Say {name}", "output": "x"} for name in (" a ", "b c", "é")]
    file = write(tmp_path / "a.jsonl", records)
    where = ("--out", tmp_path / "out", "--home", tmp_path / "home")
    assert run("select", file, "--strategy", "random", *where)[0] == 0
    assert set(_ids(tmp_path)) == {" a ", "b c", "é"}
    (tmp_path / "pins.txt").write_text(" a \n", "utf-8")
    assert (
        run("select", file, "--strategy", "random", "--count", 1, "--include", tmp_path / "pins.txt", *where)[
            0
        ]
        == 0
    )
    assert _ids(tmp_path) == [" a "]


def test_select_says_what_the_form_leaves_out(run, tmp_path):
    """The count, the reason and the file; the ids name all rows, the file holds the others in their order."""
    file = tmp_path / "chats.jsonl"
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": "answer"}]
    records = [{"id": f"r{n}", "messages": turns * (1 + (n % 4 == 0))} for n in range(10)]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    arguments = ("--strategy", "random", "--format", "alpaca", "--out", tmp_path / "out", "--json")
    code, out, _ = run("select", file, *arguments, "--home", tmp_path / "home")
    notes = json.loads(out)["notes"]
    assert code == 0
    assert any(
        note.startswith("train.alpaca.json: 3 left out: is not one user turn and one answer (r")
        for note in notes
    )
    assert len(_ids(tmp_path)) == 10
    assert len(json.loads((tmp_path / "out" / "train.alpaca.json").read_text())) == 7


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--format", "preference"), "no place for any of the 60 rows"),
        (("--format", "json", "--spreadsheet"), "json is no form for a spreadsheet"),
    ],
)
def test_a_form_that_cannot_be_is_refused(run, small, tmp_path, flags, problem):
    """In one line, and nothing is written."""
    file, home = small
    arguments = ("--strategy", "random", *flags, "--out", tmp_path / "out")
    code, _, err = run("select", file, *arguments, "--home", home)
    assert code == 2
    assert problem in err
    assert not (tmp_path / "out").exists()


def test_select_writes_a_csv_for_a_spreadsheet(run, small, tmp_path):
    """Under a name that tells it from the verbatim one."""
    file, home = small
    arguments = ("--strategy", "random", "--count", 3, "--format", "csv", "--spreadsheet")
    assert run("select", file, *arguments, "--out", tmp_path / "out", "--home", home)[0] == 0
    names = {path.name for path in (tmp_path / "out").glob("train*")}
    assert names == {"train.spreadsheet.csv"}


def test_a_licence_gives_a_card_with_the_figures_of_the_selection(run, small, tmp_path):
    """Beside random draws of the same size, as the comparison says them."""
    file, home = small
    arguments = ("--judge", "quality", "--min-score", 3, "--count", 15, "--license", "CC-BY-NC-4.0")
    code, out, _ = run("select", file, *arguments, "--out", tmp_path / "out", "--home", home)
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    project = Project.open(file, home=home)
    table = project.compare(project.select(SelectParams(judge="quality", min_score=3, count=15)))
    mean = table.filter(pl.col("metric") == "Mean score")["selection"].item()
    assert code == 0
    assert "README.md" in out
    assert "\nlicense: cc-by-nc-4.0\n" in card
    assert "**Non-commercial.**" in card
    assert f"| Mean score | {mean:,.4g} |" in card


def test_the_sidecar_agrees_with_what_was_said(run, small, tmp_path):
    """The counts on the screen are those of the reasons in the file."""
    file, home = small
    arguments = ("--judge", "quality", "--min-score", "3", "--count", "15")
    _, out, _ = run("select", file, *arguments, "--out", tmp_path / "out", "--home", home, "--json")
    report = json.loads(out)
    reasons = dict(
        pl.read_parquet(tmp_path / "out" / "selection.parquet")["reason"].value_counts().iter_rows()
    )
    assert reasons["chosen"] == report["selected"]
    assert reasons["chosen"] + reasons["over budget"] == report["eligible"]
    assert sum(reasons.values()) == report["pool"]
