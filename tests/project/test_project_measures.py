"""Metrics of selections, draws and the pool, as a project gives them: measured once and kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
from small_project import copied

from core import Project, SelectParams, metrics
from core.domain import Progress


@pytest.fixture
def fresh(tmp_path):
    """(file, home) of the sixty rows, with nothing measured yet."""
    return copied(tmp_path / "home")


def _never(*_, **__):
    raise AssertionError("measured again")


def test_a_selection_is_measured_by_every_metric(project):
    """What ``core.metrics`` gives for the same rows, in the order of ``METRICS``."""
    chosen = project.select(SelectParams(judge="quality", count=12))
    found = project.measure(chosen.rows, judge="quality")
    assert list(found) == list(metrics.METRICS)
    assert found == pytest.approx(metrics.measure(project.pool("quality"), chosen.rows), nan_ok=True)
    assert [name for name, value in found.items() if math.isnan(value)] == []


def test_the_same_rows_are_measured_once_whatever_their_sequence(fresh, monkeypatch):
    """Backwards and for another judge: only the scores are looked at again."""
    project = Project.open(fresh[0], home=fresh[1])
    rows = np.arange(7, 20)
    first = project.measure(rows, judge="quality")
    monkeypatch.setattr("core.metrics.measure_content", _never)
    assert project.measure(rows[::-1], judge="quality") == first
    other = project.measure(rows, judge="depth_score")
    assert {name for name in first if first[name] != other[name]} == {
        "mean_score", "score_p10", "score_median", "unscored",
    }  # fmt: skip
    with pytest.raises(AssertionError, match="measured again"):
        project.measure(rows[1:], judge="quality")


def test_what_is_measured_of_draws_and_of_the_pool_is_stored(fresh, monkeypatch):
    """A second project measures nothing, for any judge and without one; another size is another draw."""
    file, home = fresh
    first = Project.open(file, home=home)
    drawn, everything = first.control_measures(9, 1, judge="quality"), first.pool_measures(None)
    monkeypatch.setattr("core.metrics.measure_content", _never)
    second = Project.open(file, home=home)
    assert second.control_measures(9, 1, judge="quality") == drawn
    assert second.control_measures(9, 1, judge="depth_score")["radius"] == drawn["radius"]
    assert second.pool_measures(None) == pytest.approx(everything, nan_ok=True)
    with pytest.raises(AssertionError, match="measured again"):
        second.control_measures(10, 1, judge="quality")


def test_a_draw_is_measured_like_any_rows(project):
    """The figures of the control of a size are those of its rows."""
    rows = project.control(2)[:15]
    expected = project.measure(rows, judge="quality")
    assert project.control_measures(15, 2, judge="quality") == pytest.approx(expected)


@pytest.mark.parametrize("size", [60, 10_000])
def test_a_draw_of_all_rows_is_the_pool_for_every_seed(project, size):
    """Everything is covered, no cluster is empty, and the mixture is the pool's."""
    found = project.control_measures(size, 3, judge="quality")
    assert found == project.pool_measures("quality")
    assert (found["rows"], found["radius"], found["covered"], found["empty_clusters"]) == (60, 0, 1, 0)
    assert found["cluster_kl"] == pytest.approx(0, abs=1e-12)


def test_nobody_can_write_into_what_others_read(project):
    """Sessions share what was measured."""
    with pytest.raises(TypeError):
        project.pool_measures(None)["rows"] = 1


def test_measuring_says_that_it_works_and_can_be_stopped(fresh):
    """Whoever waits is told of the stage; what the callback raises comes out and nothing is kept."""
    project, seen = Project.open(fresh[0], home=fresh[1]), []

    def stop(progress: Progress) -> None:
        seen.append(progress.stage)
        raise InterruptedError

    for _ in range(2):
        with pytest.raises(InterruptedError):
            project.measure(np.arange(5), judge=None, on_progress=stop)
    assert seen == ["measure", "measure"]
