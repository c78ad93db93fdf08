from __future__ import annotations

import math

import numpy as np
import pytest
from small_project import copied

from core import Project, SelectParams
from core.comparison import Verdict, standing
from core.errors import ParameterError
from core.metrics import METRICS, Metric

HIGHER = Metric("m", "M", "", "higher", ".2f", "")
LOWER = Metric("m", "M", "", "lower", ".2f", "")
NO_SIDE = Metric("m", "M", "", None, ".2f", "")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    file, home = copied(tmp_path_factory.mktemp("comparing") / "home")
    return Project.open(file, home=home)


def _select(project, strategy, count=20, **changes):
    return project.select(
        SelectParams(judge="quality", min_score=2, count=count, strategy=strategy, **changes)
    )


@pytest.mark.parametrize(
    ("metric", "value", "verdict"),
    [
        (HIGHER, 4.0, Verdict.BETTER),
        (HIGHER, 0.0, Verdict.WORSE),
        (LOWER, 4.0, Verdict.WORSE),
        (LOWER, 0.0, Verdict.BETTER),
        (HIGHER, 1.0, Verdict.INSIDE),
        (LOWER, 3.0, Verdict.INSIDE),
        (HIGHER, 3.0 + 1e-12, Verdict.INSIDE),
        (HIGHER, 3.0 + 1e-6, Verdict.BETTER),
        (NO_SIDE, 9.0, Verdict.NEITHER),
        (HIGHER, math.nan, Verdict.UNKNOWN),
    ],
)
def test_a_value_is_judged_by_the_range_and_the_better_side(metric, value, verdict):
    """The ends of the range are inside it; without a better side there is no verdict."""
    found = standing(metric, value, [2.0, 1.0, math.nan, 3.0], 5.0)
    assert (found.mean, found.low, found.high, found.pool) == (2.0, 1.0, 3.0, 5.0)
    assert found.verdict is verdict


def test_without_a_measured_draw_there_is_no_verdict():
    """As of scores where there is no judge."""
    assert standing(HIGHER, 1.0, [math.nan], 1.0).verdict is Verdict.UNKNOWN


def test_every_selection_stands_beside_draws_of_its_own_size(project):
    """Mean, low and high are those of five draws, measured one by one; the value is the selection's own."""
    chosen = {"A": _select(project, "k-center", 20), "B": _select(project, "top-score", 7)}
    compared = project.compare_many(chosen).compared
    assert [one.name for one in compared] == ["A", "B"]
    for one in compared:
        size = len(one.selection)
        drawn = [project.measure(project.control(seed)[:size], judge="quality") for seed in range(5)]
        mine = project.measure(chosen[one.name].rows, judge="quality")
        for name in METRICS:
            values = [each[name] for each in drawn]
            found = one.standings[name]
            assert found.value == pytest.approx(mine[name], nan_ok=True)
            assert found.mean == pytest.approx(np.mean(values), nan_ok=True)
            assert (found.low, found.high) == pytest.approx((min(values), max(values)), nan_ok=True)
    assert compared[0].standings["mean_score"].low != compared[1].standings["mean_score"].low
    assert compared[1].standings["mean_score"].verdict is Verdict.BETTER


def test_the_table_has_a_line_a_metric_and_selection(project):
    """Values, range and verdict as in the comparison, in words a spreadsheet can hold."""
    comparison = project.compare_many({"A": _select(project, "random"), "B": _select(project, "longest")})
    table = comparison.table()
    assert table.height == 2 * len(METRICS)
    line = next(
        row
        for row in table.iter_rows(named=True)
        if row["metric"] == METRICS["radius"].title and row["selection"] == "B"
    )
    found = comparison.compared[1].standings["radius"]
    assert line["value"] == found.value
    assert (line["random low"], line["random high"]) == (found.low, found.high)
    assert (line["verdict"], line["better"], line["rows"]) == (found.verdict.value, "lower", 20)


@pytest.mark.parametrize("count", [0, 1, 59, 60, 1000])
def test_any_size_can_be_compared(project, count):
    """Nothing, one row and all rows have a standing; all rows are never better than random."""
    chosen = project.select(SelectParams(count=count, strategy="k-center"))
    one = project.compare_many({"A": chosen}).compared[0]
    assert one.standings["rows"].value == len(chosen)
    if len(chosen) == 60:
        assert {each.verdict for each in one.standings.values()} <= {
            Verdict.INSIDE, Verdict.NEITHER, Verdict.UNKNOWN
        }  # fmt: skip


def test_none_and_too_many_are_refused(project):
    """One to six selections, and at least one draw."""
    chosen = _select(project, "random")
    for wrong in ({}, {str(place): chosen for place in range(7)}):
        with pytest.raises(ParameterError, match="cannot be compared"):
            project.compare_many(wrong)
    with pytest.raises(ParameterError, match="random draw"):
        project.compare_many({"A": chosen}, draws=0)
