"""Rows that two models judged, chosen and exported; and the export in a folder of its own."""

from __future__ import annotations

import shutil

import pytest
from judge_server import KEY, JudgeServer
from judged_rows import ask, opened, written
from small_project import fake_project

from core import SelectParams
from core.domain import ScoreColumn
from core.judging.rubric import RUBRICS


@pytest.fixture(scope="module")
def faked():
    """A map in no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.stages.projection.project", fake_project)
        yield


@pytest.fixture(scope="module")
def server():
    """A server whose replies are now and then no verdict."""
    with JudgeServer(faults={"hostile": 0.15, "refusal": 0.15}, key=KEY, seed=4) as found:
        yield found


@pytest.fixture(scope="module")
def original(faked, server, tmp_path_factory):
    """(folder, selection): judged by two models and joined to one judge, chosen, exported whole."""
    folder = tmp_path_factory.mktemp("judged")
    file = written(folder)
    project = opened(file, folder / "home")
    ask(project, server, rows=30)
    ask(project, server, name="depth", rubric=RUBRICS["complexity"], samples=1, weighted=False)
    joined = ScoreColumn(name="both", rule="mean", of=("m accuracy", "depth"))
    project = opened(file, folder / "home").keep_scores([joined])
    project.name_licence("cc-by-4.0")
    chosen = project.select(SelectParams(judge="both", strategy="top-score", count=12))
    project.export(chosen, folder / "out", format="bundle", licence="cc-by-4.0", report=True)
    return folder, project, chosen


@pytest.fixture
def elsewhere(original, tmp_path):
    """The data and the export in a folder of their own, without the home."""
    shutil.copy(original[0] / "rows.jsonl", tmp_path)
    shutil.copytree(original[0] / "out", tmp_path / "out")
    return tmp_path
