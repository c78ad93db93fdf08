from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_project import SAMPLE, built, copied, made_up_vectors, rows, sample_home, write

from core import MapParams, Pins, Project, SelectParams
from core.clustering import ClusterParams
from core.embedding import EmbedParams
from core.errors import ParameterError
from core.exporting import read_recipe
from core.selection import strategies

REPOSITORY = Path(__file__).parents[1]
PARAMS = {
    "judge": "quality",
    "min_score": 2.0,
    "count": 20,
    "seed": 3,
    "pins": Pins(include=frozenset({"r40"})),
}


def _params(strategy):
    options = {
        "k-center": (("drop_outliers", 10.0),),
        "stratified": (("temperature", 3.0),),
        "deita": (("with_judge", "depth_score"),),
    }
    return SelectParams(strategy=strategy, options=options.get(strategy, ()), **PARAMS)


@pytest.fixture
def exported(tmp_path):
    """(project, folder of an export, its recipe) of the sixty rows for a strategy."""
    file, home = copied(tmp_path / "home")
    project = Project.open(file, home=home)

    def export(strategy="k-center"):
        out = tmp_path / "out"
        project.export(project.select(_params(strategy)), out)
        return project, out, read_recipe(out / "recipe.yaml")

    return export


def _process(*arguments, cwd):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def _changed(recipe, **parts):
    """The recipe with fields of its parts changed, and with the digest of other ids."""
    outcome = recipe.outcome.model_copy(update={"ids_sha256": "0" * 64})
    values = {
        name: value if not hasattr(getattr(recipe, name), "model_copy")
        else getattr(recipe, name).model_copy(update=value)
        for name, value in parts.items()
    }  # fmt: skip
    return recipe.model_copy(update={"outcome": outcome, **values})


# The same ids.


@pytest.mark.parametrize("strategy", strategies())
def test_a_replay_in_a_fresh_process_and_home_gives_the_same_ids(tmp_path, strategy):
    """On the sample, by its shipped vectors, from another folder; the export's other files are not needed."""
    project = Project.open(SAMPLE, home=sample_home())
    chosen = project.select(SelectParams(judge="accuracy", min_score=3, count=200, strategy=strategy, seed=4))
    project.export(chosen, tmp_path / "out")
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "out" / "recipe.yaml", tmp_path / "elsewhere" / "mine.yaml")
    done = _process(
        "-m", "core", "replay", "mine.yaml", "--data", SAMPLE, "--json", cwd=tmp_path / "elsewhere"
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said == {"same": True, "selected": 200, "recorded": 200, "differences": [], "first_other_id": ""}


def test_vectors_that_are_computed_again_give_the_same_ids(tmp_path):
    """Every strategy, in one fresh process that embeds the sixty rows anew."""
    file, home = built()
    project = Project.open(file, home=home)
    for strategy in strategies():
        project.export(project.select(_params(strategy)), tmp_path / strategy)
    code = (
        "import sys; from core.__main__ import main; "
        "print(*[main(['replay', f'{each}/recipe.yaml', '--data', sys.argv[1]]) for each in sys.argv[2:]])"
    )
    done = _process("-c", code, file, *strategies(), cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == " ".join("0" for _ in strategies()), done.stderr
    assert done.stdout.count("The same 20 ids as in the recipe, in the same order.") == len(strategies())


def test_the_data_is_found_beside_the_recipe(exported, run, tmp_path):
    """Without --data; a path in the recipe counts for nothing but its last part."""
    project, out, _ = exported()
    shutil.copy(project.dataset.source, out)
    text = (out / "recipe.yaml").read_text("utf-8")
    (out / "recipe.yaml").write_text(
        text.replace("name: small.jsonl", "name: ../../etc/small.jsonl"), "utf-8"
    )
    code, said, err = run("replay", out / "recipe.yaml", "--home", project.home)
    assert (code, err) == (0, "")
    assert said == "The same 20 ids as in the recipe, in the same order.\n"


def test_a_notebook_replays_too(exported):
    """The project's own method gives the ids and no difference."""
    project, out, recipe = exported("stratified")
    replayed = project.replay(recipe)
    assert (replayed.same, replayed.differences, replayed.first) == (True, (), None)
    assert replayed.ids == (out / "ids.txt").read_text().splitlines()


def test_an_option_or_pin_of_the_recipe_counts(exported):
    """Leaving any decision out gives other ids."""
    project, _, recipe = exported()
    for change in ({"options": {}}, {"include": []}, {"count": 19}, {"min_score": 4.0}, {"seed": 4}):
        choice = recipe.choice.model_copy(update=change)
        if "seed" not in change:  # k-center draws only in ties
            assert not project.replay(recipe.model_copy(update={"choice": choice})).same, change


def test_a_random_draw_is_replayed_without_vectors(tmp_path, monkeypatch):
    """Nobody waits for an embedding that the strategy does not look at."""
    file, home = built()
    project = Project.open(file, home=home)
    project.export(project.select(_params("random")), tmp_path / "out")
    monkeypatch.setattr("core.embedded.embedding.embed", lambda *_, **__: 1 / 0)
    recipe = read_recipe(tmp_path / "out" / "recipe.yaml")
    assert Project.of_recipe(recipe, file, home=tmp_path / "fresh").replay(recipe).same


def test_vectors_are_made_in_the_precision_of_the_recipe(exported, tmp_path):
    """Where none are stored in it; stored ones of that precision are used whatever was asked for."""
    project, _, recipe = exported()
    assert Project.of_recipe(recipe, project.dataset.source, home=project.home).params == project.params
    fresh = Project.of_recipe(recipe, project.dataset.source, home=tmp_path / "fresh")
    assert fresh.params.embed == EmbedParams(precision=recipe.vectors["precision"])
    other = recipe.model_copy(update={"vectors": {**recipe.vectors, "precision": "bf16"}})
    assert (
        Project.of_recipe(other, project.dataset.source, home=project.home).params.embed.precision == "bf16"
    )


def test_a_model_takes_the_place_of_the_recipes(exported, tmp_path):
    """Its folder on the other machine is not in the recipe."""
    project, _, recipe = exported()
    opened = Project.of_recipe(recipe, project.dataset.source, home=tmp_path, model="/models/mine")
    assert opened.params.embed.model == "/models/mine"


# Other ids, explained.


def _edited(record):
    return {**record, "output": "Changed."} if record["id"] == "r07" else record


DATA = {
    "a row less": (
        rows()[:-1],
        "small.jsonl has 59 rows; the recipe's had 60.",
        "rows were added or removed",
    ),
    "a text": (
        [_edited(each) for each in rows()],
        "as many rows as the recipe's, with another content",
        "A text",
    ),
}


@pytest.mark.parametrize("case", DATA)
def test_other_data_is_the_first_difference(exported, run, tmp_path, case):
    """Said before anything is computed, in one line on standard error, with the digest to look for."""
    _, out, recipe = exported()
    records, problem, cause = DATA[case]
    (tmp_path / "other").mkdir()
    file = write(tmp_path / "other" / "small.jsonl", records)
    code, said, err = run("replay", out / "recipe.yaml", "--data", file, "--home", tmp_path / "fresh")
    assert (code, said) == (2, "")
    assert re.fullmatch(r"Not the same ids\. [^\n]+\n", err)
    assert problem in err
    assert cause in err.partition(problem)[2]
    assert recipe.source.sha256[:12] in err
    assert not (tmp_path / "fresh").exists()


def test_a_file_that_is_read_in_another_way_is_said(exported):
    """The bytes are the recipe's and the fingerprint is not."""
    project, _, recipe = exported()
    other = _changed(recipe, source={"fingerprint": "0" * 64})
    first = project.replay(other).first
    assert first.what == "data"
    assert "reads it in another way" in first.problem


def test_other_vectors_are_explained(exported, run, tmp_path, monkeypatch):
    """Same model and precision, other numbers: the vectors differ, and the place of the first other id is said."""
    project, out, recipe = exported()
    there = Project.of_recipe(recipe, project.dataset.source, home=tmp_path / "fresh")
    vectors = made_up_vectors(there.dataset.frame["prompt"].to_list(), 384)
    there.store.put(there.keys.vectors, {"vectors": vectors}, project.notes())
    where = ("--data", project.dataset.source, "--home", tmp_path / "fresh")
    code, _, err = run("replay", out / "recipe.yaml", *where)
    assert code == 2
    assert re.fullmatch(r"Not the same ids\. The vectors are not those of the recipe: [^\n]+\n", err)
    assert "Another processor" in err
    place, before, now = re.search(r"Place (\d+) was (\S+) and is (\S+) now", err).groups()
    assert (out / "ids.txt").read_text().splitlines()[int(place) - 1] == before != now
    code, said, _ = run("replay", out / "recipe.yaml", *where, "--json")
    report = json.loads(said)
    assert (code, report["same"]) == (2, False)
    assert [each["what"] for each in report["differences"]] == ["vectors", "neighbours", "ids"]


EXPLAINED = {
    "library": ({"libraries": {"numpy": "1.0"}}, "k-center", "library", "numpy is ", "Install numpy==1.0"),
    "library of the vectors": (
        {"libraries": {"torch": "1.0"}, "arrays": {"vectors": "0" * 64}},
        "k-center", "vectors", "not those of the recipe", "torch is ",
    ),
    "library of the clusters": (
        {"libraries": {"scikit-learn": "1.0"}, "arrays": {"labels": "0" * 64}},
        "stratified", "labels", "The labels are not those", "scikit-learn is ",
    ),
    "model": ({"vectors": {"digest": "0" * 64}}, "k-center", "model", "other weights", "folder of the recipe's"),
    "precision": ({"vectors": {"precision": "fp8"}}, "k-center", "precision", "the recipe's in fp8", "fp8"),
    "strategy": (
        {"versions": {"strategy": 9}}, "random", "code", "strategy random is of version 1 here", "version of Winnow",
    ),
    "stage": ({"versions": {"cluster": 1}}, "stratified", "code", "stage cluster is of version 2", "Winnow"),
    "nothing": ({}, "top-score", "ids", "The 20 chosen ids are not those of the recipe", "edited"),
    "nothing that counts": (
        {"versions": {"cluster": 1}, "libraries": {"torch": "1.0"}}, "random", "ids", "20 chosen ids", "edited",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EXPLAINED)
def test_the_first_difference_is_named_with_its_cause(exported, case):
    """The earliest on the way from the data to the ids, and only what has a part in this strategy."""
    parts, strategy, what, problem, cause = EXPLAINED[case]
    project, _, recipe = exported(strategy)
    merged = {name: {**getattr(recipe, name), **change} for name, change in parts.items()}
    first = project.replay(_changed(recipe, **merged)).first
    assert first.what == what
    assert problem in first.problem
    assert cause in first.cause


@pytest.mark.parametrize(
    "other", [EmbedParams(max_tokens=8), ClusterParams(clusters=3)], ids=["embed", "cluster"]
)
def test_other_settings_are_explained(exported, other):
    """A project that is open with its own settings says which one differs from the recipe's."""
    project, _, recipe = exported("stratified")
    params = MapParams(**{"embed" if isinstance(other, EmbedParams) else "cluster": other})
    replayed = Project(project.dataset, home=project.home, params=params).replay(recipe)
    name = "embed.max_tokens is 8" if isinstance(other, EmbedParams) else "cluster.clusters is 3"
    assert replayed.first.what == "settings"
    assert replayed.first.problem == f"The setting {name} here; the recipe has None."


def test_a_difference_without_effect_is_no_failure(exported, run):
    """The same ids are the same ids: what differs besides is said, and the code is 0."""
    project, out, _ = exported()
    text = (out / "recipe.yaml").read_text("utf-8")
    (out / "recipe.yaml").write_text(re.sub(r"numpy: \S+", "numpy: '1.0'", text), "utf-8")
    code, said, err = run(
        "replay", out / "recipe.yaml", "--data", project.dataset.source, "--home", project.home
    )
    assert (code, err) == (0, "")
    assert f"Without effect on them: numpy is {np.__version__} here and was 1.0." in said


# What cannot be replayed.


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("strategy: k-center", "strategy: kcenter", "no strategy 'kcenter'"),
        ("judge: quality", "judge: nobody", "no judge 'nobody'"),
        ("min_score: 2.0", "min_score: .nan", "not a number"),
        ("count: 20", "count: -1", "The count is -1"),
        ("- r40", "- r99", "Not in small.jsonl: 1 pinned id"),
        ("drop_outliers: 10.0", "drop_outliers: .nan", "outside 0 to 50"),
        ("drop_outliers: 10.0", "drop: 10.0", "no setting drop"),
        ("    k: 15", "    k: -1", "neighbours.k is out of range"),
        ("    k: 15", "    k: [15]", "neighbours.k cannot be used"),
        ("    k: 15", "    kk: 15", "settings of neighbours are not"),
        ("min_dist: 0.05", "min_dist: .inf", "project.min_dist is out of range"),
        ("method: kmeans", "method: magic", "cluster.method cannot be used"),
        ("  cluster:\n", "  clusterss:\n", "The recipe's map has the parts"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_one_line(exported, run, before, after, problem):
    """An edited decision is said like the same mistake on the command line."""
    project, out, _ = exported()
    text = (out / "recipe.yaml").read_text("utf-8")
    assert text.count(before) == 1
    (out / "recipe.yaml").write_text(text.replace(before, after), "utf-8")
    code, said, err = run(
        "replay", out / "recipe.yaml", "--data", project.dataset.source, "--home", project.home
    )
    assert (code, said) == (2, "")
    assert re.fullmatch(r"[^\n]+\n", err)
    assert problem in err


def test_data_that_is_not_there_is_asked_for(exported, run, monkeypatch, tmp_path):
    """With its name and the flag."""
    _, out, _ = exported()
    monkeypatch.chdir(tmp_path)
    code, _, err = run("replay", out / "recipe.yaml")
    assert code == 2
    assert err == (
        "The recipe's data 'small.jsonl' lies neither beside it nor in this folder. Name it with --data FILE.\n"
    )


def test_settings_of_another_shape_are_refused(exported):
    """A part that is no list of settings."""
    project, _, recipe = exported()
    odd = recipe.model_copy(update={"map": {**recipe.map, "embed": "all"}})
    with pytest.raises(ParameterError, match="settings of embed are not"):
        Project.of_recipe(odd, project.dataset.source)
