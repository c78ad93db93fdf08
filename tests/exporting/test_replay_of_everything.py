"""All decisions at once, made by one process and again by another; then one thing at a time is other."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from small_project import rows

from core import Project
from core.exporting import read_recipe

REPOSITORY = Path(__file__).parents[2]
TEMPLATE = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request."
    "\n\n### Instruction:\n{instruction}\n\n### Response:\n{output}"
)
DECISIONS = [
    "--scores",
    "deep.csv",
    "--scores-by",
    "id=key",
    "--judge",
    "deep",
    "--min-score",
    "3",
    "--count",
    "18",
    "--strategy",
    "cluster-quota",
    "--include",
    "in.txt",
    "--exclude",
    "out.txt",
    "--max-tokens",
    "700",
    "--dedup-distance",
    "0.02",
    "--seed",
    "5",
    "--take-out",
    "exact-duplicates",
    "--take-out",
    "near-duplicates=0.05",
    "--leave-out",
    "too-long",
    "--limit",
    "60",
    "--fix",
    "same-role",
    "--format",
    "messages",
]
MORE = ["--judge-column", "deep=verdict,scale=0..59:1..10,lower-is-better", "--option", "quota 1=2"]


def _core(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "core", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def _write(folder: Path) -> None:
    """Templated text with a judge of its own, a file of other scores, and lists of pins."""
    records = rows()
    texts = [
        {"id": each["id"], "text": TEMPLATE.format(**each), "quality": each["quality"]} for each in records
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in texts))
    with (folder / "deep.csv").open("w", newline="") as file:
        lines = [(each["id"], each["depth_score"]) for each in reversed(records) if each["id"] != "r33"]
        csv.writer(file).writerows([("key", "verdict"), *lines])
    (folder / "in.txt").write_text("r40\n")
    (folder / "out.txt").write_text("r02\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of the data, with the export below it."""
    folder = tmp_path_factory.mktemp("everything")
    _write(folder)
    done = _core("select", "rows.jsonl", "--home", "home", *DECISIONS, *MORE, "--out", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def elsewhere(made, tmp_path):
    """Recipe and data copied to a folder of their own, and what a replay says there, without the first home."""
    for name in ("rows.jsonl", "deep.csv"):
        shutil.copy(made / name, tmp_path)
    recipe = yaml.safe_load((made / "out" / "recipe.yaml").read_text("utf-8"))

    def replay(*, without=()):
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
        ignored = shutil.ignore_patterns(*without)
        shutil.copytree(made / "home" / "store", tmp_path / "home" / "store", ignore=ignored)
        home = tmp_path / "home"
        done = _core("replay", "recipe.yaml", "--home", home, "--json", cwd=tmp_path)
        return done, json.loads(done.stdout)

    return tmp_path, recipe, replay


def test_every_decision_at_once_is_replayed_in_a_fresh_process_and_home(made, tmp_path):
    """Vectors are computed anew; removals, scores, quotas, pins, budget, near copies and mending are all there."""
    recipe = yaml.safe_load((made / "out" / "recipe.yaml").read_text("utf-8"))
    assert [each["rule"] for each in recipe["taken_out"]] == ["exact-duplicates", "near-duplicates"]
    assert recipe["scores"][0]["file"] == "deep.csv"
    assert recipe["source"]["schema_name"] == "text"
    assert recipe["choice"]["options"] == {"quota 1": 2.0}
    assert (recipe["choice"]["include"], recipe["choice"]["exclude"]) == (["r40"], ["r02"])
    assert recipe["training"]["left_out"] == ["too-long"]
    for name in ("rows.jsonl", "deep.csv", "out/recipe.yaml", "out/ids.txt"):
        shutil.copy(made / name, tmp_path)
    done = _core("replay", "recipe.yaml", "--home", "fresh", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["same"], said["differences"]) == (True, [])
    assert said["selected"] == recipe["outcome"]["selected"]


OTHERS = {
    "data": (lambda _, folder: _edit(folder / "rows.jsonl", "rye bread", "wheat bread"), "data", "another content"),
    "score file": (lambda _, folder: _edit(folder / "deep.csv", "r05,", "r05,9"), "scores", "deep.csv"),
    "rule": (
        lambda recipe, _: recipe["taken_out"][1].update(version=0, ids_sha256="0" * 64),
        "taken out", "The rule is of version 1 here; the recipe was made with 0.",
    ),
    "library": (lambda recipe, _: recipe["libraries"].update(numpy="1.0"), "library", "Install numpy==1.0"),
    "vectors": (
        lambda recipe, _: (recipe["arrays"].update(vectors="0" * 64), recipe["libraries"].update(torch="1.0")),
        "vectors", "torch is ",
    ),
    "tokenizer": (lambda recipe, _: recipe["arrays"].update(tokens="0" * 64), "tokens", "version of the tokenizer"),
    "library of the tokens": (
        lambda recipe, _: (recipe["arrays"].update(tokens="0" * 64), recipe["libraries"].update(tokenizers="0.1")),
        "tokens", "tokenizers is ",
    ),
    "mended rows": (lambda recipe, _: recipe["training"].update(exported=3), "training rows", "Mending gives"),
}  # fmt: skip


DECIDED = {
    "threshold": {"min_score": 6.0},
    "count": {"count": 9},
    "quota": {"options": {"quota 1": 5.0}},
    "pin of a row that is in": {"include": []},
    "pin of a row that is out": {"exclude": ["r40"], "include": []},
    "budget": {"max_tokens": 200},
    "near copies": {"dedup_distance": 0.4},
    "judge": {"judge": "quality"},
    "strategy": {"strategy": "top-score", "options": {}},
}  # fmt: skip


def test_every_other_decision_gives_other_ids_and_is_said(made, tmp_path):
    """Threshold, quota, pins, budget and the rest have a part in the ids: a recipe edited there is found out."""
    recipe = read_recipe(made / "out" / "recipe.yaml")
    home = tmp_path / "home"
    shutil.copytree(made / "home", home)
    project = Project.of_recipe(recipe, made / "rows.jsonl", home=home)
    assert project.replay(recipe).same
    for name, change in DECIDED.items():
        other = recipe.model_copy(update={"choice": recipe.choice.model_copy(update=change)})
        replayed = project.replay(other)
        assert not replayed.same, name
        assert replayed.first.what == "ids", name
        assert "its decisions or its digest were edited" in replayed.first.cause


def _edit(path: Path, before: str, after: str) -> None:
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")


@pytest.mark.parametrize("other", OTHERS)
def test_one_thing_that_is_other_is_named_first_with_its_cause(elsewhere, other):
    """Whatever else is decided; ids that are the same all the same are said to be so."""
    folder, recipe, replay = elsewhere
    change, what, cause = OTHERS[other]
    change(recipe, folder)
    if other not in ("data", "score file", "mended rows"):
        recipe["outcome"]["ids_sha256"] = "0" * 64
    done, said = replay(without=["scores"] if other == "score file" else [])  # stored scores would hold
    first = said["differences"][0]
    assert first["what"] == what
    assert cause in f"{first['problem']} {first['cause']}"
    assert done.returncode == (0 if other == "mended rows" else 2)
