"""Shared text on its way through a project: what is embedded, the recipe, the command line."""

from __future__ import annotations

import json

import pytest
from small_project import fake_embed, rows, write

import core.__main__ as command
from core import Project, SelectParams
from core.exporting import read_recipe

STEP = " Answer step by step, and say how sure you are:"


@pytest.fixture
def wrapped(tmp_path, monkeypatch):
    """The path of the small rows, each prompt with the same ending; embedding needs no model."""
    monkeypatch.setattr("core.embedded.embedding.embed", fake_embed)
    # A first word apart, so that no two of the prompts are the same.
    records = [{**row, "instruction": f"{row['id']}. {row['instruction']}{STEP}"} for row in rows()]
    return write(tmp_path / "wrapped.jsonl", records)


def test_vectors_names_and_the_draft_are_made_without_it(wrapped, tmp_path, monkeypatch):
    """What is embedded and named has no word of the ending; what is shown has every word."""
    seen = {}

    def embedding(texts, *arguments, **named):
        seen["embed"] = list(texts)
        return fake_embed(texts, *arguments, **named)

    def naming(texts, labels):
        seen["names"] = list(texts)
        return {int(label): "x" for label in set(labels.tolist())}

    monkeypatch.setattr("core.embedded.embedding.embed", embedding)
    monkeypatch.setattr("core.stages.clustering.names", naming)
    project = Project.open(wrapped, home=tmp_path / "home")
    project.clusters()
    assert len(seen["embed"]) == 60
    assert not [each for each in (*seen["embed"], *seen["names"]) if "step" in each]
    assert all(STEP in each for each in project.dataset.frame["prompt"])


def test_a_recipe_says_what_was_left_out_and_replays(wrapped, tmp_path):
    """With the pieces, and without any; a recipe from before the search leaves nothing out."""
    for keep, count in (((), 1), (("all",), 0)):
        project = Project.open(wrapped, home=tmp_path / "home", keep=keep, judged="first-exchange")
        project.export(project.select(SelectParams(count=9)), tmp_path / f"out{count}")
        recipe = read_recipe(tmp_path / f"out{count}" / "recipe.yaml")
        assert [each["text"] for each in recipe.source.left_out] == [STEP][:count]
        again = Project.of_recipe(recipe, wrapped, home=tmp_path / "home")
        assert (again.dataset.fingerprint, again.dataset.judged) == (
            project.dataset.fingerprint,
            "first-exchange",
        )
        assert again.replay(recipe).same
        exported = (tmp_path / f"out{count}" / "train.jsonl").read_text()
        assert exported.count("step by step") == 9
    old = recipe.model_copy(update={"source": recipe.source.model_copy(update={"left_out": []})})
    assert Project.of_recipe(old, wrapped, home=tmp_path / "home").dataset.left_out == ()


def test_the_command_line_says_and_keeps_it(wrapped, tmp_path, capsys):
    """The piece with its key and rows; with the flag it is kept; a key that there is not is refused."""
    key = Project.open(wrapped, home=tmp_path / "home").dataset.left_out[0].key
    flags = ["scenes", str(wrapped), "--home", str(tmp_path / "home")]
    assert command.main([*flags, "--keep-boilerplate", "nothing"]) == 2
    assert f"Pieces: {key} 'Answer step by step, and say how sure you are:'." in capsys.readouterr().err
    said = {}
    for kept in ([], ["--keep-boilerplate"], ["--keep-boilerplate", key, "--judged", "conversation"]):
        out = str(tmp_path / f"out{len(kept)}")
        select = ["select", *flags[1:], "--strategy", "random", "--count", "3", "--out", out, "--json", *kept]
        assert command.main(select) == 0
        said[len(kept)] = json.loads(capsys.readouterr().out)["problems"]
    assert [each["count"] for each in said[0]] == [60]
    assert "left out of the map" in said[0][0]["kind"]
    assert "kept in the map" in said[1][0]["kind"]
    assert said[4] == said[1]
    assert read_recipe(tmp_path / "out4" / "recipe.yaml").source.judged == "conversation"


def test_report_and_card_say_that_something_is_not_embedded(wrapped, tmp_path):
    """In one line each, and in none where nothing was left out."""
    for keep, said in (((), 1), (("all",), 0)):
        project = Project.open(wrapped, home=tmp_path / "home", keep=keep)
        chosen = project.select(SelectParams(strategy="random", count=9))
        out = tmp_path / f"out{said}"
        project.export(chosen, out, licence="cc-by-4.0", report=True)
        for file in ("README.md", "report.html"):
            assert (out / file).read_text("utf-8").count("1 piece of text that many prompts share") == said
