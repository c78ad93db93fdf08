"""A ledger with scenes, and a project that can make some."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kept_scenes import DATA, SCENE
from small_project import copied

from core import Project
from core.scene_table import SceneTable


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "ledger.sqlite"


@pytest.fixture
def table(path):
    """Four scenes: A, B, C, D."""
    one = SceneTable(path, DATA)
    for name in "ABCD":
        one.add(replace(SCENE, name=name), replace=False)
    return one


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The sixty rows."""
    file, home = copied(tmp_path_factory.mktemp("scenes") / "home")
    return Project.open(file, home=home)


@pytest.fixture
def fresh(project):
    """The sixty rows without pins and scenes."""
    (project.home / "ledger.sqlite").unlink(missing_ok=True)
    return Project(project.dataset, home=project.home)
