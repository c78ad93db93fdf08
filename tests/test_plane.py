from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_project import built

from core import Pins, Project, SelectParams
from core.errors import ParameterError
from core.plane import FIGURES, STEPS, ladder
from core.reading import knee_of, reading, standing
from core.selection import strategies

ONE = SelectParams(judge="quality", min_score=3.0, count=17, strategy="top-score")


@pytest.fixture(scope="module")
def project():
    """The sixty rows with every stage stored."""
    file, home = built()
    return Project.open(file, home=home)


def _by_hand(project, rows):
    """The figures of some rows, one at a time."""
    vectors = project.vectors().astype(np.float64)
    scores = [float(project.judges["quality"].scores[row]) for row in rows]
    nearest = [min(1 - float(vector @ vectors[row]) for row in rows) for vector in vectors]
    return {
        "rows": len(rows),
        "tokens": sum(int(project.tokens()[row]) for row in rows),
        "clusters": len({int(project.labels()[row]) for row in rows} - {-1}),
        "mean_score": np.mean([each for each in scores if not np.isnan(each)]),
        "radius": max(nearest),
        "mean_nearest": np.mean(nearest),
    }


@pytest.mark.parametrize("name", strategies())
def test_every_place_is_the_selection_that_stands_there(project, name):
    """Threshold by count, each figure is that of ``select``; what cannot be chosen is empty; the rest is monotone."""
    pins = Pins(include=frozenset({"r03", "r40"}), exclude=frozenset({"r10", "r11"}))
    params = SelectParams(judge="quality", min_score=3.0, count=17, strategy=name, pins=pins)
    plane = project.plane(params, sizes=8)
    assert 17 in plane.counts
    for t, threshold in enumerate(plane.thresholds):
        for s, count in enumerate(plane.counts.tolist()):
            there = SelectParams(judge="quality", min_score=threshold, count=count, strategy=name, pins=pins)
            chosen = project.select(there)
            if len(chosen) < count:
                assert np.isnan([plane.figures[each][t, s] for each in FIGURES]).all()
                continue
            for each, value in _by_hand(project, chosen.rows.tolist()).items():
                assert plane.figures[each][t, s] == pytest.approx(value, abs=1e-5), (each, threshold, count)
        for each, sign in (("rows", 1), ("tokens", 1), ("clusters", 1), ("radius", -1)):
            along = sign * plane.figures[each][t, : plane.reach(t)]
            assert (np.diff(along) >= -1e-6).all(), each


def test_random_draws_stand_beside_every_count(project):
    """Mean, lowest and highest of five draws of that size, measured one by one; the pool is measured whole."""
    plane = project.plane(ONE, sizes=6)
    for s, count in enumerate(plane.counts.tolist()):
        drawn = [_by_hand(project, project.control(seed)[:count].tolist()) for seed in range(5)]
        for name in FIGURES:
            values = [each[name] for each in drawn]
            expected = np.mean(values), min(values), max(values)
            assert [part[s] for part in plane.control[name]] == pytest.approx(list(expected), abs=1e-5)
    whole = _by_hand(project, list(range(len(project.dataset))))
    assert plane.pool == pytest.approx(whole, abs=1e-5)


def test_all_attainable_thresholds_are_there_or_an_even_choice_with_the_current_one(project):
    """Seven grades are all shown; of sixty, as many as were asked for, and the one where one stands."""
    assert project.plane(ONE).thresholds == (1.0, 2.0, 2.5, 3.0, 4.0, 4.5, 5.0)
    many = SelectParams(judge="depth_score", min_score=7.0, count=5, strategy="top-score")
    plane = project.plane(many, most_thresholds=4)
    assert 4 <= len(plane.thresholds) <= 5
    assert 7.0 in plane.thresholds
    scores = project.judges["depth_score"].scores
    assert plane.eligible.tolist() == [int((scores >= each).sum()) for each in plane.thresholds]


def test_one_stands_where_the_same_rows_are_chosen(project):
    """A threshold between two grades is the higher one; no threshold is the lowest; above all there is none."""
    plane = project.plane(ONE)
    assert plane.place(3.0, 17) == (3, plane.counts.tolist().index(17))
    assert plane.place(3.7, 17)[0] == 4
    assert plane.place(None, 17)[0] == 0
    assert plane.place(9.0, 17)[0] is None
    assert plane.place(3.0, 19)[1] is None


def test_without_a_judge_there_is_one_threshold(project):
    """All rows are eligible, and the mean score is empty."""
    plane = project.plane(SelectParams(count=12, strategy="random"))
    assert plane.thresholds == (None,)
    assert plane.eligible.tolist() == [60]
    assert np.isnan(plane.figures["mean_score"]).all()
    assert standing(plane, "clusters", *plane.place(None, 12)).startswith("12 rows without a threshold: ")


def test_a_slow_strategy_is_measured_up_to_a_stated_count(project, monkeypatch):
    """The counts end there, the plane says so, and a higher current count moves the end."""
    monkeypatch.setattr("core.plane.SLOW_COUNT", 20)
    plane = project.plane(SelectParams(judge="quality", count=12, strategy="k-center"))
    assert plane.counts.max() == plane.limit == 20
    assert plane.notes == ("k-center takes its time, so the counts end at 20 rows.",)
    assert project.plane(SelectParams(judge="quality", count=33, strategy="k-center")).counts.max() == 33


def test_near_copies_have_no_place_and_a_budget_no_part(project):
    """A row left out is in no selection; the figures are those without the budget, and the plane says so."""
    params = SelectParams(judge="quality", strategy="top-score", count=17, dedup_distance=0.3)
    plane = project.plane(params)
    for t, threshold in enumerate(plane.thresholds):
        chosen = project.select(replace(params, min_score=threshold, count=None))
        fits = plane.counts <= len(chosen)
        assert np.isfinite(plane.figures["radius"][t]).tolist() == fits.tolist()
        for s in np.flatnonzero(fits):
            rows = chosen.rows[: plane.counts[s]].tolist()
            assert plane.figures["radius"][t, s] == pytest.approx(_by_hand(project, rows)["radius"], abs=1e-5)
    tight = project.plane(replace(params, max_tokens=40))
    assert np.array_equal(tight.figures["tokens"], plane.figures["tokens"], equal_nan=True)
    assert tight.notes == ("The budget of 40 tokens has no part here: the tokens say what a place costs.",)
    assert plane.notes == project.plane(params).notes == ()


def test_why_a_place_is_empty_is_said_truly(project):
    """Too few rows at the threshold, too few without near copies, or a count of 0."""
    params = SelectParams(judge="quality", min_score=2.0, count=45, strategy="top-score", dedup_distance=0.3)
    chosen = project.select(params)
    assert len(chosen) < 45 <= chosen.eligible
    for count, words in (
        (
            45,
            f"there are {chosen.eligible} rows; without near copies and repeats fewer than the 45 asked for",
        ),
        (None, f"there are {chosen.eligible} rows; without near copies and repeats not all of them"),
        (58, f"there are {chosen.eligible} rows: not as many as the count asks for"),
        (0, "The count is 0: no row is selected."),
    ):
        plane = project.plane(replace(params, count=count))
        assert words in standing(plane, "radius", *plane.place(2.0, count)), count


def test_a_curve_of_few_counts_is_not_called_straight(project):
    """Fewer than four counts show no knee, and the sentence says that they are few."""
    params = SelectParams(judge="depth_score", min_score=59.0, count=1, strategy="top-score")
    plane = project.plane(params)
    at = plane.place(59.0, 1)
    assert reading(plane, "radius", at[0]) == (
        "At depth_score ≥ 59 the covering radius is known at 1 count: too few to look for a knee."
    )
    assert standing(plane, "radius", at[0], plane.counts.tolist().index(10)) == (
        "At depth_score ≥ 59 there is 1 row: not as many as the count asks for."
    )


@pytest.mark.parametrize("largest", [1, 2, 9, 10, 11, 20, 21, 60, 1008, 9999, 52_002, 1_000_000])
@pytest.mark.parametrize("sizes", [2, 5, 12, 20])
def test_counts_are_round_few_and_end_at_the_largest(largest, sizes):
    """Ascending, at most as many as wanted, the largest last, the others a step of a power of ten or all."""
    counts = ladder(largest, sizes)
    assert len(counts) <= max(sizes, 1)
    assert counts[-1] == largest
    assert list(counts) == sorted(set(counts))
    leading = {round(step * 10) for steps in STEPS for step in steps}
    if largest > sizes:
        assert all(int(f"{each:<08d}"[:2]) in leading for each in counts[:-1])


def test_too_small_a_plane_is_refused(project):
    """One size makes no curve."""
    with pytest.raises(ParameterError, match="1 sizes"):
        project.plane(ONE, sizes=1)


def test_the_reading_names_knee_and_random_in_figures_of_the_plane(project):
    """The sentence holds the count and the value of the knee; figures that rows do not buy have none."""
    plane = project.plane(ONE, sizes=6)
    places = [(t, place) for t in range(7) if (place := knee_of(plane, "radius", t)) is not None]
    assert places
    for t, place in places:
        said = reading(plane, "radius", t)
        assert f"after about {plane.counts[place]} rows" in said
        assert f"({plane.figures['radius'][t, place]:.3f})" in said
        assert "random draws" in said
    assert knee_of(plane, "mean_score", 0) is None
    assert reading(plane, "tokens", 0) == ""


def test_progress_counts_thresholds_and_draws():
    """Each step is told before it is measured, of a total that does not change."""
    file, home = built()
    told = []
    Project.open(file, home=home).plane(
        ONE, sizes=7, on_progress=lambda step: told.append((step.stage, step.done, step.total))
    )
    assert {(stage, total) for stage, _, total in told} == {("plane", 12)}
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
