"""Scores that a model gave travel with an export, and a choice made with them replays where nobody asked it."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from judge_server import KEY
from judged_rows import SECRET_PATH, SECRET_VALUE, ask, frozen_files, opened, records

from core import Project, SelectParams
from core.asking import Asking
from core.domain import ScoreColumn
from core.errors import DataError
from core.exporting import archive, read_recipe
from core.judging.rubric import RUBRICS, Rubric
from core.model_scores import freeze, scores_in

REPOSITORY = Path(__file__).parents[2]


def replayed(folder: Path, *more: object) -> tuple[int, dict]:
    """What ``replay`` says in a fresh process with a home of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "core", "replay", "out/recipe.yaml", "--home", "fresh", "--json", *map(str, more)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def test_a_fresh_process_and_home_give_the_same_ids_from_the_frozen_scores(original, elsewhere):
    """Also through an aggregate and through ties; no server is asked, and no ledger of judgements is made."""
    code, said = replayed(elsewhere)
    assert (code, said["same"], said["differences"], said["selected"]) == (0, True, [], len(original[2]))
    assert not (elsewhere / "fresh" / "judgements.sqlite").exists()
    assert len(frozen_files(elsewhere / "out")) == 2


def test_each_row_of_a_frozen_file_is_what_the_ledger_holds(original):
    """Status, mean and spread of the samples by SQL row by row; what has no score has an empty cell, no number."""
    folder, project, _ = original
    ledger = sqlite3.connect(folder / "home" / "judgements.sqlite")
    asked = Asking(
        project.dataset, next(k.judge for k in project.judgements.judges() if k.number == 1), home=folder
    )
    each = "SELECT status, score FROM judgements WHERE judge = 1 AND content = ?"
    words = ["ok", "unparsed", "refused", "error", "skipped"]
    expected = {}
    for row, (name, content) in enumerate(zip(project.dataset.frame["id"], asked.rows.contents, strict=True)):
        found = ledger.execute(each, (content,)).fetchall()
        scores = [score for status, score in found if status == 0]
        if scores:
            spread = f"{max(scores) - min(scores):g}" if len(scores) > 1 else ""
            expected[name] = [f"{sum(scores) / len(scores):g}", "ok", spread]
        elif found or not records()[row]["output"]:
            status = words[min(status for status, _ in found)] if found else "skipped"
            expected[name] = ["", status, ""]
    path = next(path for path in frozen_files(folder / "out") if "-m-accuracy-" in path.name)
    with path.open(encoding="utf-8", newline="") as file:
        head, *lines = csv.reader(file)
    assert head == ["id", "score", "status", "spread"]
    told = {name: [f"{float(score):g}" if score else "", status, f"{float(s):g}" if s else ""]
            for name, score, status, s in lines}  # fmt: skip
    assert told == expected
    assert {"ok", "skipped"} < {status for _, status, _ in told.values()}
    assert 0 < len(told) < 40


def test_the_recipe_says_how_each_model_was_asked_and_no_secret(original):
    """Model, host, rubric, prompt, every setting, rows by status and the digest of the file of its scores."""
    folder, project, _ = original
    recipe = read_recipe(folder / "out" / "recipe.yaml")
    first, depth, both = recipe.scores
    path = folder / "out" / first.file
    facts = first.model
    assert (first.judge, depth.judge, both.judge) == ("m accuracy", "depth", "both")
    assert both.model is None
    assert first.file_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts.model, facts.rubric, facts.rubric_version) == ("m", "accuracy", 1)
    assert facts.rubric_sha256 == RUBRICS["accuracy"].hash
    assert depth.model.rubric_sha256 == RUBRICS["complexity"].hash
    assert len({facts.prompt_sha256, depth.model.prompt_sha256}) == 2
    assert (facts.temperature, facts.samples, facts.form, facts.scored_by) == (0.5, 2, "json", "grade")
    assert facts.parameters == {"seed": 7, "team_api_key": "not told"}
    assert facts.host.startswith("127.0.0.1:")
    statuses = pl.read_csv(path)["status"].value_counts()
    assert {k: v for k, v in facts.rows.items() if v and k != "pending"} == dict(statuses.iter_rows())
    assert sum(facts.rows.values()) == 40
    sums = (folder / "out" / "SHA256SUMS").read_text()
    assert f"{first.file_sha256}  {first.file}\n" in sums
    project.save_scene(project.select(SelectParams(judge="depth", count=3)), "kept")
    written_files = [path for path in (folder / "out").rglob("*") if path.is_file()]
    told = [*(path.read_bytes() for path in written_files), (folder / "home" / "ledger.sqlite").read_bytes()]
    assert len(written_files) > 15
    for secret in (KEY, SECRET_PATH, SECRET_VALUE):
        assert not [content for content in told if secret.encode() in content], secret
    bundle = project.bundle(original[2], licence="mit", report=True, format="bundle")
    with archive(bundle, "bundle") as file, zipfile.ZipFile(file) as z:
        assert {first.file, depth.file} < set(z.namelist())
        for secret in (KEY, SECRET_PATH, SECRET_VALUE):
            assert not [name for name in z.namelist() if secret.encode() in z.read(name)], secret


def test_card_report_and_croissant_say_which_model_judged(original):
    """Model, rubric with its hash, temperature, samples, agreement, rows by status; and the table has the scores."""
    folder, project, _ = original
    out = folder / "out"
    facts = read_recipe(out / "recipe.yaml").scores[0].model
    told = (RUBRICS["accuracy"].hash[:12], "temperature 0.5", "2 samples a row", f"{facts.rows['ok']} ok")
    card = (out / "README.md").read_text("utf-8")
    told_here = card.partition("### Models that judged")[2].partition("## ")[0]
    for text in told:
        assert text in told_here, text
        assert text in (out / "report.html").read_text("utf-8"), text
    assert "### How far they agree" in card
    assert f"| `{frozen_files(out)[0].name}` | frozen scores of a model" in card
    description = json.loads((out / "croissant.json").read_text("utf-8"))
    agents = {each["prov:label"]: each for each in description["prov:wasAttributedTo"]}
    assert all(text in agents["m accuracy"]["description"] for text in told)
    assert "description" not in agents["quality"]
    used = [each["@id"] for each in description["prov:wasGeneratedBy"]["prov:used"]]
    files = {each["@id"]: each["sha256"] for each in description["distribution"]}
    for path in frozen_files(out):
        assert path.name in used
        assert files[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
    table = pl.read_parquet(out / "selection.parquet")
    for name in ("m accuracy", "depth", "both"):
        expected = pl.Series(project.judges[name].scores).fill_nan(None)
        assert table[f"score_{name}"].to_list() == expected.to_list()


def _alter(folder: Path) -> None:
    path = frozen_files(folder / "out")[-1]
    path.write_text(path.read_text("utf-8").replace(',"ok",', ',"skipped",', 1), "utf-8")


CHANGED = {
    "altered": (_alter, "were altered: their sha256 is not", "The export holds it"),
    "gone": (lambda folder: frozen_files(folder / "out")[-1].unlink(), "of m are not there", "put it beside the recipe"),
    "of another row": (
        lambda folder: _edit_recipe(folder, lambda recipe: recipe["scores"][0].update(file_sha256="0" * 64)),
        "were altered", "The export holds it",
    ),
}  # fmt: skip


def _edit_recipe(folder: Path, change) -> None:
    path = folder / "out" / "recipe.yaml"
    recipe = yaml.safe_load(path.read_text("utf-8"))
    change(recipe)
    path.write_text(yaml.safe_dump(recipe), "utf-8")


@pytest.mark.parametrize("how", CHANGED)
def test_frozen_scores_that_are_other_or_gone_are_the_first_difference(elsewhere, how):
    """Named with the judge, the file and what to do, before anything is chosen."""
    change, problem, cause = CHANGED[how]
    change(elsewhere)
    first = again(elsewhere).first
    assert first.what == "scores"
    assert "The judge " in first.problem
    assert problem in first.cause
    assert cause in first.cause


def again(folder: Path, home: Path | None = None):
    """What a replay in this process says; in a home of its own unless one is given."""
    recipe = read_recipe(folder / "out" / "recipe.yaml")
    home = home or folder / "fresh"
    project = Project.of_recipe(recipe, folder / "rows.jsonl", home=home, places=(folder / "out",))
    return project.replay(recipe)


def test_frozen_scores_elsewhere_are_found_by_their_folder(elsewhere):
    """``--scores`` names one of the files or the folder of them."""
    there = elsewhere / "scores" / "below"
    there.mkdir(parents=True)
    for path in frozen_files(elsewhere / "out"):
        path.rename(there / path.name)
    assert again(elsewhere).first.what == "scores"
    code, said = replayed(elsewhere, "--scores", there)
    assert (code, said["same"]) == (0, True)


@pytest.fixture
def own_home(original, elsewhere):
    """The home in which the models were asked, as it was, without frozen scores."""
    home = elsewhere / "own"
    shutil.copytree(original[0] / "home", home, ignore=shutil.ignore_patterns("scores", "judged", "repaired"))
    return home


def without_files(folder: Path) -> None:
    for path in frozen_files(folder / "out"):
        path.unlink()


def test_the_home_that_was_asked_needs_no_file(elsewhere, own_home):
    """Its own judgements give the very bytes of the frozen scores."""
    without_files(elsewhere)
    found = again(elsewhere, own_home)
    assert (found.same, found.differences) == (True, ())


def test_judgements_that_have_changed_since_are_said_and_the_frozen_ones_count(elsewhere, own_home, server):
    """With the file the ids are the same; without it the change is the first difference, with both counts."""
    before = read_recipe(elsewhere / "out" / "recipe.yaml").scores[0].model
    project = opened(elsewhere / "rows.jsonl", own_home)
    ask(project, server)
    found = again(elsewhere, own_home)
    assert found.same
    said = next(each for each in found.differences if each.what == "judge")
    assert "its judgements have changed since: " in said.problem
    assert f"{before.standing} then" in said.problem
    without_files(elsewhere)
    shutil.rmtree(own_home / "store" / "scores")
    shutil.rmtree(own_home / "judged")
    first = again(elsewhere, own_home).first
    assert first.what == "scores"
    assert "This home has a judge of that name, but its judgements have changed since" in first.cause


OTHER = RUBRICS["accuracy"].model_copy(update={"asks": "Grade how pleasant the answer sounds."})
ASKED_OTHERWISE = {
    "rubric": ({"rubric": OTHER}, "its rubric has another text now"),
    "temperature": ({"temperature": 1.0}, "its temperature is 1.0 now and was 0.5"),
    "model": ({"model": "m2", "name": "m accuracy"}, "its model is m2 now and was m"),
    "parameters": (
        {"parameters": (("seed", 8),)},
        "its parameters is seed 8 now and was seed 7, team_api_key not told",
    ),
}


@pytest.mark.parametrize("how", ASKED_OTHERWISE)
def test_a_namesake_that_was_asked_otherwise_is_told_from_the_recipes(elsewhere, server, how):
    """Another rubric, model or setting under the same name: said beside the frozen scores, and without them."""
    about, said = ASKED_OTHERWISE[how]
    ask(opened(elsewhere / "rows.jsonl", elsewhere / "fresh"), server, rows=3, **about)
    found = again(elsewhere)
    assert found.same
    assert said in found.differences[-1].problem
    without_files(elsewhere)
    shutil.rmtree(elsewhere / "fresh" / "store")
    shutil.rmtree(elsewhere / "fresh" / "judged")
    assert said in again(elsewhere).first.cause


def test_a_rubric_that_another_version_of_winnow_words_otherwise_is_named(elsewhere, monkeypatch):
    """The ids are those of the frozen scores all the same."""
    monkeypatch.setattr("core.model_scores.RUBRICS", {**RUBRICS, "accuracy": OTHER})
    found = again(elsewhere)
    assert found.same
    assert [each.what for each in found.differences] == ["judge"]
    assert "the rubric accuracy has another text in this version of Winnow" in found.differences[0].problem


def test_the_words_of_a_rubric_of_ones_own_leave_with_the_scores(own_home, elsewhere, server):
    """The recipe has all of them, a rubric can be made of them again, and edited ones are found out."""
    mine = Rubric(
        name="mine", dimension="tone", low=-1, high=1.5, step=0.5, asks="Grade: the tone?\n\tNothing else \u2028 – é.",
        grades=((-1, "cold"), (1.5, "#warm")), source="a note that reaches no model",
    )  # fmt: skip
    project = opened(elsewhere / "rows.jsonl", own_home)
    ask(project, server, name="mine", rubric=mine)
    project = opened(elsewhere / "rows.jsonl", own_home).with_scores([])
    shutil.rmtree(elsewhere / "out")
    project.export(project.select(SelectParams(judge="mine", count=6)), elsewhere / "out")
    models = {each.judge: each.model for each in read_recipe(elsewhere / "out" / "recipe.yaml").scores}
    assert Rubric.model_validate(models["mine"].rubric_words) == mine.model_copy(update={"source": ""})
    assert Rubric.model_validate(models["depth"].rubric_words).hash == RUBRICS["complexity"].hash
    assert again(elsewhere).same

    def edit(recipe):
        (words,) = (each["model"]["rubric_words"] for each in recipe["scores"] if each["judge"] == "mine")
        words["asks"] = words["asks"].replace("tone", "truth")

    _edit_recipe(elsewhere, edit)
    for home in (None, own_home):
        found = again(elsewhere, home)
        assert found.same
        assert "the words of the rubric mine were edited" in str(found.differences)


def test_an_export_from_frozen_scores_holds_them_again(original, elsewhere):
    """The recipe's judges become this home's, outlive the export's folder, and leave with the next export."""
    recipe = read_recipe(elsewhere / "out" / "recipe.yaml")
    home = elsewhere / "fresh"
    project = Project.of_recipe(recipe, elsewhere / "rows.jsonl", home=home, places=(elsewhere / "out",))
    project.keep_scores(project.scores)
    before = {path.name: path.read_bytes() for path in frozen_files(elsewhere / "out")}
    shutil.rmtree(elsewhere / "out")
    shutil.rmtree(home / "store" / "scores")
    later = opened(elsewhere / "rows.jsonl", home)
    chosen = later.select(original[2].params)
    assert chosen.ids == original[2].ids
    later.export(chosen, elsewhere / "out")
    assert {path.name: path.read_bytes() for path in frozen_files(elsewhere / "out")} == before
    assert read_recipe(elsewhere / "out" / "recipe.yaml").scores == recipe.scores
    later.with_scores([]).export(later.with_scores([]).select(SelectParams(count=3)), elsewhere / "out")
    assert not frozen_files(elsewhere / "out")


def test_rows_taken_out_are_in_the_frozen_file_all_the_same(original, elsewhere):
    """It belongs to the whole file; a replay takes them out again and chooses the same."""
    _, project, _ = original
    part = project.without([project.propose("by-hand", ids=["r1", "r2", "7.0"])])
    chosen = part.select(SelectParams(judge="depth", strategy="top-score", count=5))
    part.export(chosen, elsewhere / "out")
    names = {path.name for path in frozen_files(original[0] / "out")}
    assert {path.name for path in frozen_files(elsewhere / "out")} == names
    found = again(elsewhere)
    assert (found.same, found.ids) == (True, chosen.ids)


def test_a_judge_that_is_switched_off_is_not_frozen(original):
    """Only what has a part in the choice leaves."""
    _, project, _ = original
    other = project.with_scores([ScoreColumn(name="depth", off=True)])
    assert [each.column.name for each in other.frozen_models()] == ["m accuracy"]
    assert list(other.model_files()) == [other.frozen_models()[0].column.file.name]


def test_a_recipe_from_before_is_read_and_replays_where_the_models_were_asked(original, elsewhere, own_home):
    """It names no model: the home's own judgements count, as they did then."""
    _, project, _ = original
    plain = project.with_scores([])
    plain.export(plain.select(SelectParams(judge="depth", strategy="top-score", count=6)), elsewhere / "out")
    _edit_recipe(elsewhere, lambda recipe: recipe.update(recipe_version=4, scores=[]))
    without_files(elsewhere)
    assert again(elsewhere, own_home).same


BROKEN = {
    "other columns": "id,points\na,1\n",
    "no table": "\x00\x01",
    "a word as a score": '"id","score","status","spread"\n"a",good,"ok",\n',
    "a row twice": '"id","score","status","spread"\n"a",1,"ok",\n"a",2,"ok",\n',
    "an unknown status": '"id","score","status","spread"\n"a",1,"fine",\n',
    "a number for no score": '"id","score","status","spread"\n"a",-1,"refused",\n',
    "ok without a score": '"id","score","status","spread"\n"a",,"ok",\n',
    "no number": '"id","score","status","spread"\n"a",NaN,"ok",\n"b",inf,"ok",\n',
    "rows of other data": '"id","score","status","spread"\n"nobody",1,"ok",\n',
    "nothing": "",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_is_no_frozen_scores_is_refused(original, how):
    """In one sentence with the name of the file, whatever its sha256 says."""
    frozen = original[1].frozen_models()[0]
    with pytest.raises(DataError, match="judged-m-accuracy"):
        scores_in(original[1].dataset, frozen.column, BROKEN[how])


@pytest.mark.parametrize("seed", range(5))
def test_any_scores_come_back_to_the_bit_whatever_the_rows_are_called(original, seed):
    """Random numbers, ties, gaps and all equal, on ids that look like numbers, blanks or formulas."""
    _, project, _ = original
    chance = np.random.default_rng(seed)
    known = next(each for each in project.judgements.judges() if each.judge.title == "depth")
    scores = chance.normal(size=40).astype(np.float32) if seed else np.full(40, 3, np.float32)
    scores[chance.random(40) < 0.3] = np.nan
    frozen = freeze(project.dataset, known, project.judgements, scores)
    back = scores_in(project.dataset, frozen.column, frozen.content)
    np.testing.assert_array_equal(back, scores)
    head, *lines = frozen.content.splitlines(keepends=True)
    chance.shuffle(lines)
    np.testing.assert_array_equal(scores_in(project.dataset, frozen.column, head + "".join(lines)), scores)


def test_a_scene_says_which_models_judged_and_what_is_other_by_now(own_home, elsewhere, server):
    """Kept with the scene; on reopening, a judge that went on or is gone is named."""
    project = opened(elsewhere / "rows.jsonl", own_home)
    project.save_scene(
        project.select(SelectParams(judge="m accuracy", strategy="top-score", count=6)), "then"
    )
    assert project.scene("then").models == project.models()
    assert project.scene("then").models["m accuracy"].temperature == 0.5
    assert not [each for each in project.reopen_scene("then")[1] if "is not as in" in each]
    ask(project, server)
    project.keep_scores([ScoreColumn(name="depth", off=True)])
    said = opened(elsewhere / "rows.jsonl", own_home).reopen_scene("then")[1]
    told = [each for each in said if "is not as in" in each]
    assert "its judgements have changed since" in told[0]
    assert told[1].startswith("The judge depth") and "it is no judge any more" in told[1]
