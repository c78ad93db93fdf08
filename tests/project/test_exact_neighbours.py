"""The nearest rows with none missed: when a project looks them up, keeps them and does without."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from small_project import copied

from core import MapParams, Project, SelectParams, metrics
from core.domain import Progress
from core.errors import StoreError
from core.neighbours import NeighbourParams
from core.store import Store

MANY, FEW = 30, 4  # rows of sixty: of six sets so large they pay, of six so small they do not


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """(file, home) of the sixty rows, as if they were too many to look at every pair at once."""
    file, home = copied(tmp_path / "home")
    monkeypatch.setattr("core.neighbours.EXACT_ROWS", 20)
    return file, home


def opened(fresh):
    return Project.open(fresh[0], home=fresh[1])


def test_measuring_many_rows_looks_them_up_once_a_dataset(fresh, monkeypatch):
    """They are stored: a second project reads them."""
    project, seen = opened(fresh), []
    assert not project.has_exact_neighbours()
    project.measure(np.arange(MANY), judge=None, on_progress=lambda at: seen.append(at.stage))
    assert "exact neighbours" in seen
    assert project.has_exact_neighbours()
    second = opened(fresh)
    assert second.has_exact_neighbours()

    def never(*_, **__):
        raise AssertionError("looked up again")

    monkeypatch.setattr("core.neighbours.completed", never)
    second.measure(np.arange(MANY), judge=None)


def test_they_are_thirty_two_and_the_nearest_whatever_the_map_was_made_with(fresh):
    """A map from other settings reads the same ones; told is one stage, that begins at nothing."""
    project, told = opened(fresh), []
    found = project.exact_neighbours(on_progress=told.append)
    vectors = np.asarray(project.vectors(), dtype=float)
    distances = 1 - vectors @ vectors.T
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_allclose(found.distances, np.sort(distances, axis=1)[:, :32], atol=2e-6)
    wanted = [at for at in told if at.stage == "exact neighbours"]
    assert [wanted[0].done, wanted[-1].done] == [0, len(vectors)]
    assert "neighbours" not in {at.stage for at in told}
    other = MapParams(neighbours=NeighbourParams(k=5, probes=2))
    assert Project.open(fresh[0], home=fresh[1], params=other).has_exact_neighbours()


def test_measuring_few_rows_does_without(fresh):
    """Multiplying all rows with six small sets costs less than looking at every pair."""
    project = opened(fresh)
    project.measure(np.arange(FEW), judge=None)
    assert not project.has_exact_neighbours()


@pytest.mark.parametrize("count", [MANY, FEW])
def test_figures_are_the_same_with_and_without_them(fresh, monkeypatch, count):
    """Whether they were there is no matter of what is measured."""
    project = opened(fresh)
    project.exact_neighbours()
    found = project.measure(np.arange(count), judge="quality")
    monkeypatch.setattr("core.measures.Measures.nearest", lambda *_: None)
    assert found == pytest.approx(
        opened(fresh).measure(np.arange(count), judge="quality"), rel=1e-5, abs=2e-6
    )


def test_a_small_dataset_has_them_in_its_graph(tmp_path):
    """Where the graph was made by looking at every pair, it is the answer."""
    project = opened(copied(tmp_path / "home"))
    assert project.has_exact_neighbours()
    assert project.exact_neighbours().indices is project.neighbours().indices


def test_a_full_disk_is_no_reason_not_to_measure(fresh, monkeypatch, caplog):
    """They serve the process that looked them up, and the log says that they were not stored."""
    put = Store.put

    def full(self, key, *rest):
        if key.stage == "exact-neighbours":
            raise StoreError("The disk is full.", "Make room.")
        return put(self, key, *rest)

    monkeypatch.setattr(Store, "put", full)
    project = opened(fresh)
    with caplog.at_level(logging.WARNING):
        assert project.measure(np.arange(MANY), judge=None)["rows"] == MANY
    assert "The disk is full. The exact-neighbours is used now and computed again next time." in caplog.text


def test_comparing_says_which_set_is_measured(fresh):
    """Whoever waits for a comparison reads what is measured now, and how far that is."""
    project, seen = opened(fresh), []
    chosen = project.select(SelectParams(judge="quality", count=MANY))
    project.compare_many({"mine": chosen}, on_progress=seen.append)
    figures = [at for at in seen if at.stage == "figures"]
    assert figures[0] == Progress("figures", 0, 6, "the selection")
    assert figures[-1] == Progress("figures", 5, 6, "random draw 5 of 5")
    assert [at.done for at in figures] == sorted(at.done for at in figures)


def test_what_is_measured_ahead_is_not_measured_again(fresh, monkeypatch):
    """A comparison measures its six sets, and a plane of draws only what is no count of all planes."""
    opened(fresh).measure_ahead()
    project, sizes, drawn = opened(fresh), [], []
    measure, cover = metrics.measure_content, metrics.coverage

    def measured(pool, rows, **settings):
        sizes.append(len(rows))
        return measure(pool, rows, **settings)

    def covered(vectors, order, counts, *rest, **settings):
        if any(np.array_equal(order, project.control(seed)) for seed in range(5)):
            drawn.append(counts.tolist())
        return cover(vectors, order, counts, *rest, **settings)

    monkeypatch.setattr("core.metrics.measure_content", measured)
    monkeypatch.setattr("core.metrics.coverage", covered)
    chosen = project.select(SelectParams(judge="quality", count=MANY))
    project.compare_many({"mine": chosen})
    assert sizes == [MANY] * 6
    project.plane(chosen.params)
    assert drawn == [[59]] * 5  # the rows that the judge scored


def test_a_plane_takes_what_was_compared_for_where_one_stands(fresh, monkeypatch):
    """The figures of the count itself are those of the comparison, and none of them is measured again."""
    # No count of the ladder; and one order for all thresholds, so that this count is of one set of rows.
    params = SelectParams(judge="quality", count=31, strategy="top-score")
    project, single = opened(fresh), []
    compared = project.compare_many({"mine": project.select(params)}).compared[0].standings
    cover = metrics.coverage

    def covered(vectors, order, counts, *rest, **settings):
        single.extend(counts.tolist() if len(counts) == 1 else [])
        return cover(vectors, order, counts, *rest, **settings)

    monkeypatch.setattr("core.metrics.coverage", covered)
    plane = project.plane(params)
    at = plane.counts.tolist().index(31)
    for name in ("radius", "mean_nearest"):
        assert plane.figures[name][0, at] == pytest.approx(compared[name].value, abs=1e-6)
        assert plane.control[name].high[at] == pytest.approx(compared[name].high, abs=1e-6)
    assert 31 not in single


def test_a_comparison_after_a_plane_multiplies_what_the_plane_left_alone(fresh, tmp_path, monkeypatch):
    """The figures are the same; the plane compared all rows with each of the six sets already."""
    params = SelectParams(judge="quality", count=31, strategy="top-score")
    other = Project.open(fresh[0], home=tmp_path / "other")
    expected = other.compare(other.select(params))
    project, wanted = opened(fresh), []
    chosen = project.select(params)
    project.pool_measures("quality")
    plane = project.plane_of(chosen)
    multiply = metrics.geometry._multiply

    def multiplied(vectors, rows, some, *rest):
        wanted.append(bool(np.isin(some, rows).all()))
        multiply(vectors, rows, some, *rest)

    monkeypatch.setattr("core.metrics.geometry._multiply", multiplied)
    found = project.compare(chosen)
    assert wanted == [True] * 6
    for name in ("selection", "random low", "random high", "pool"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=2e-6)
    radius = dict(zip(found["metric"], found["selection"], strict=True))[metrics.METRICS["radius"].title]
    assert plane.figures["radius"][0, plane.counts.tolist().index(31)] == pytest.approx(radius, abs=1e-6)


def test_a_plane_reads_the_draws_that_were_stored(fresh, monkeypatch):
    """Another process that compared the same count leaves nothing of the draws to measure."""
    params = SelectParams(judge="quality", count=31, strategy="top-score")
    first = opened(fresh)
    first.compare(first.select(params))
    second, single = opened(fresh), []
    cover = metrics.coverage

    def covered(vectors, order, counts, *rest, **settings):
        single.extend(counts.tolist() if len(counts) == 1 else [])
        return cover(vectors, order, counts, *rest, **settings)

    monkeypatch.setattr("core.metrics.coverage", covered)
    second.plane(params)
    assert 31 not in single
