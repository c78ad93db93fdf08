"""Where the data of a recipe is looked for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_project import SAMPLE, sample_home

from core import Project, SelectParams
from core.exporting import Recipe, read_recipe
from core.opening import data_of, holds_data_of


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Of twenty rows of the sample."""
    folder = tmp_path_factory.mktemp("recipe")
    project = Project.open(SAMPLE, home=sample_home())
    project.export(project.select(SelectParams(count=20, strategy="random")), folder / "out")
    return read_recipe(folder / "out" / "recipe.yaml")


def test_the_very_content_is_preferred_to_a_nearer_namesake(recipe, tmp_path):
    """A file of the name with another content counts only where there is no better one."""
    near, far = tmp_path / "near", tmp_path / "far" / "uploads"
    near.mkdir()
    far.mkdir(parents=True)
    (near / SAMPLE.name).write_text('{"prompt": "other"}\n')
    assert data_of(recipe, [near, tmp_path / "far"]) == near / SAMPLE.name
    assert not holds_data_of(recipe, near / SAMPLE.name)
    shutil.copy(SAMPLE, far)
    assert data_of(recipe, [near, tmp_path / "far"]) == far / SAMPLE.name
    assert holds_data_of(recipe, far / SAMPLE.name)


def test_no_path_of_a_recipe_is_followed(recipe, tmp_path):
    """Only the last part of the name counts, and only in the folders that are given."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.jsonl").write_text("{}\n")
    for name in ("../secret.jsonl", str(tmp_path / "secret.jsonl"), "", ".."):
        stranger = recipe.model_copy(update={"source": recipe.source.model_copy(update={"name": name})})
        assert data_of(stranger, [inside, Path("/nowhere/at/all")]) is None


def test_a_recipe_without_a_digest_takes_the_first_of_its_name(recipe, tmp_path):
    """Recipes of the first version record none: the file is taken, and never said to be the same."""
    shutil.copy(SAMPLE, tmp_path)
    old = recipe.model_copy(update={"source": recipe.source.model_copy(update={"sha256": ""})})
    assert data_of(old, [tmp_path]) == tmp_path / SAMPLE.name
    assert not holds_data_of(old, tmp_path / SAMPLE.name)
