"""Figures, strategies and rows of Explore, asserted by the numbers on the screen."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import DRAWS, GRADES, distances, eligible_rows, farthest_first, radius, token_counts, vs_random
from screen import SAMPLE, App, number, open_app

from core import Project
from core.domain import SelectParams
from core.selection import strategies


@pytest.fixture(scope="session")
def between(maps):
    """Distances between all rows of the sample."""
    return distances(Project.open(SAMPLE, home=maps).vectors())


# --- figures -------------------------------------------------------------------------------------


def test_a_new_visitor_sees_counts_that_polars_confirms(app: App, sample):
    """Pool, eligible and selected are those of the file at the threshold of the link."""
    threshold = float(app.at.query_params["min"])
    rows = len(eligible_rows(sample, "accuracy", threshold))
    figures, beside = app.figures(), app.beside()
    assert figures["Pool"] == f"{sample.height:,}" == "1,008"
    assert (figures["Eligible"], beside["Eligible"]) == (
        f"{rows:,}",
        f"{rows / sample.height:.1%} of the pool",
    )
    assert (figures["Selected"], beside["Selected"]) == ("100", "9.9% of the pool")


@pytest.mark.parametrize("judge", ["accuracy", "helpfulness"])
def test_at_every_threshold_the_eligible_rows_are_those_that_polars_counts(judge, sample):
    """Each level of the slider, of both judges, counts rows at or above it."""
    app = open_app(judge=judge, strategy="random")
    for level, score in enumerate(GRADES):
        app.drag(level=level, count=100)
        assert app.figures()["Eligible"] == f"{len(eligible_rows(sample, judge, score)):,}", score
        assert app.at.query_params["min"] == f"{score:g}"


def test_the_figures_of_k_center_are_those_of_a_brute_force(sample, project, between):
    """Tokens, mean score, covering radius and their differences to random, for 16 rows chosen one by one."""
    app = open_app(judge="accuracy", min="4.5", count="16", strategy="k-center").settle()
    chosen = farthest_first(project.vectors(), eligible_rows(sample, "accuracy", 4.5), 16)
    control = [project.control(seed)[:16] for seed in range(DRAWS)]
    tokens, scores = token_counts(sample), sample["accuracy"].to_numpy()
    figures, beside = app.figures(), app.beside()
    assert figures["Tokens"] == f"{tokens[chosen].sum():,}"
    assert beside["Tokens"] == vs_random(
        tokens[chosen].sum(), [tokens[rows].sum() for rows in control], ",.0f"
    )
    assert figures["Mean score"] == f"{scores[chosen].mean():.2f}"
    assert beside["Mean score"] == vs_random(
        scores[chosen].mean(), [scores[rows].mean() for rows in control], ".2f"
    )
    assert figures["Covering radius"] == f"{radius(between, chosen):.3f}"
    drawn = [radius(between, rows) for rows in control]
    assert beside["Covering radius"] == vs_random(radius(between, chosen), drawn, ".3f")
    assert app.rows()["id"].to_list() == [sample["id"][row] for row in chosen[:10]]


def test_all_eligible_rows_have_the_figures_of_the_filtered_file(sample, between):
    """Where the count asks for more than there are, the selection is the filter and the page says so."""
    app = open_app(judge="helpfulness", min="4", count="5000", strategy="threshold").settle()
    rows = eligible_rows(sample, "helpfulness", 4)
    figures = app.figures()
    assert (figures["Eligible"], figures["Selected"]) == (f"{len(rows):,}", f"{len(rows):,}")
    assert figures["Tokens"] == f"{token_counts(sample)[rows].sum():,}"
    assert figures["Mean score"] == f"{sample['helpfulness'][rows].mean():.2f}"
    assert figures["Covering radius"] == f"{radius(between, rows):.3f}"
    assert app.says(f"All {len(rows):,} eligible rows are selected: fewer than the 5,000 asked for.")


@pytest.mark.parametrize("count", [33, 61])
def test_the_radius_of_a_small_dataset_is_measured_at_every_count(sample, project, between, count):
    """No figure of the sample stands between two others."""
    app = open_app(judge="accuracy", min="4.5", count=str(count)).settle()
    order = farthest_first(project.vectors(), eligible_rows(sample, "accuracy", 4.5), count)
    assert app.figures()["Covering radius"] == f"{radius(between, order):.3f}"


def test_a_radius_between_two_measured_sizes_is_marked_and_bounded(sample, project, between, monkeypatch):
    """What is interpolated, as of many rows, says so, and lies between the radii of fewer and of more rows."""
    monkeypatch.setattr("core.metrics.curves.SMALL_POOL", 0)
    order = farthest_first(project.vectors(), eligible_rows(sample, "accuracy", 2.5), 64)
    app = open_app(judge="accuracy", min="2.5", count="33").settle()
    shown = app.figures()["Covering radius"]
    assert shown.startswith("≈ ")
    low, high = radius(between, order[:37]), radius(between, order[:29])
    assert low - 0.0005 <= number(shown) <= high + 0.0005


def test_no_rows_have_no_figures(project):
    """A count of nothing gives dashes, not numbers, and nothing is waited for."""
    app = open_app(count="0")
    assert app.figures() | {"Pool": "", "Eligible": ""} == {
        "Pool": "", "Eligible": "", "Selected": "0", "Tokens": "0", "Mean score": "–", "Covering radius": "–",
    }  # fmt: skip
    assert app.says("No row is selected.")


# --- strategies ----------------------------------------------------------------------------------


FILLING = sorted(strategies().keys() - {"deita"})  # which leaves out repeats for good


@pytest.mark.parametrize("name", FILLING)
def test_every_strategy_fills_the_count_with_eligible_rows(name, sample):
    """N rows, or all that are eligible; none below the threshold."""
    app = open_app(judge="helpfulness", min="4.5")
    app.choose("strategy", name)
    at = GRADES.index(4.5)
    app.drag(level=at, count=200).settle()
    assert app.figures()["Selected"] == "200"
    assert (app.rows()["score"] >= 4.5).all()
    app.drag(level=at, count=1_000).settle()
    assert app.figures()["Selected"] == f"{len(eligible_rows(sample, 'helpfulness', 4.5)):,}"
    assert app.at.query_params["strategy"] == name


def test_deita_says_how_many_repeats_it_left_out(sample):
    """What is selected and what is said to be too similar are together the eligible rows."""
    app = open_app(judge="helpfulness", min="4.5", count="1000", strategy="deita").settle()
    selected = number(app.figures()["Selected"])
    left_out = len(eligible_rows(sample, "helpfulness", 4.5)) - selected
    assert left_out > 0
    assert app.says(f"Left out as too similar to a selected row: {left_out:.0f} rows, so fewer are selected")


def test_top_score_takes_the_highest_and_counts_its_ties(sample):
    """The mean is that of the sorted column, and the tie at the cut is counted as polars counts it."""
    app = open_app(judge="helpfulness", min="3", count="200", strategy="top-score")
    best = sample["helpfulness"].sort(descending=True).head(200)
    assert app.figures()["Mean score"] == f"{best.mean():.2f}"
    cut = best[-1]
    chosen, tied = (best == cut).sum(), (sample["helpfulness"] == cut).sum()
    assert app.says(f"{chosen:,} of the selected rows came out of a tie of {tied:,} at {cut:g}.")
    assert app.rows()["score"].to_list() == [5.0] * 10


def test_another_judge_starts_at_a_threshold_of_its_own(app: App, sample):
    """Its threshold is the highest but the last that half of its rows pass."""
    app.choose("judge", "helpfulness")
    passing = [
        score for score in GRADES[:-1] if len(eligible_rows(sample, "helpfulness", score)) * 2 >= 1_008
    ]
    assert (app.at.query_params["judge"], app.at.query_params["min"]) == ("helpfulness", f"{passing[-1]:g}")
    assert app.figures()["Eligible"] == f"{len(eligible_rows(sample, 'helpfulness', passing[-1])):,}"


def test_a_seed_draws_other_rows_and_the_same_seed_the_same(app: App):
    """Random rows follow the seed, and the link carries it."""
    app.choose("strategy", "random")
    first = app.rows()["id"].to_list()
    app.choose("seed", 7)
    second = app.rows()["id"].to_list()
    assert not set(first) & set(second)
    assert app.at.query_params["seed"] == "7"
    assert open_app(**app.at.query_params).rows()["id"].to_list() == second
    app.choose("seed", 0)
    assert app.rows()["id"].to_list() == first
    assert "seed" not in app.at.query_params


def test_a_setting_of_a_strategy_changes_the_choice_and_is_forgotten_with_it(app: App, project, sample):
    """Half of the eligible rows as outliers leaves out those whose tenth neighbour is farthest."""
    key = "option k-center drop_outliers"
    app.choose(key, 50.0)
    app.drag(level=GRADES.index(4.5), count=300).settle()
    rows = np.array(eligible_rows(sample, "accuracy", 4.5))
    far = project.neighbours().distances[rows, 9]
    kept = set(sample["id"][rows[np.argsort(far)][: len(rows) - len(rows) // 2].tolist()])
    assert set(app.rows()["id"]) <= kept
    app.choose("strategy", "stratified").choose("strategy", "k-center")
    assert app.value(key) == 0.0
    assert not set(app.settle().rows()["id"]) <= kept


def test_a_second_judge_is_picked_from_the_others_and_dropped_when_it_becomes_the_first(project, sample):
    """The box offers the other judge; its score counts as a factor, and nobody multiplies one with itself."""
    app = open_app(judge="accuracy", min="4", count="40", strategy="deita").settle()
    key = "option deita with_judge"
    box = next(each for each in app.at.selectbox if each.key == key)
    assert box.options == ["No second judge", "helpfulness"]
    app.choose(key, "helpfulness").settle()
    params = SelectParams(
        judge="accuracy",
        min_score=4,
        count=40,
        strategy="deita",
        options=(("with_judge", "helpfulness"),),
    )
    expected = project.select(params)
    app.tab("Selected")
    assert app.rows()["id"].to_list() == expected.ids[: len(app.rows())]
    assert app.says(expected.ties.said)
    app.choose("judge", "helpfulness").settle()
    assert app.value(key) == ""
    assert not app.at.warning


def test_the_screen_says_what_is_tied_in_any_strategy(project):
    """A draw is said to be one, and the longest are cut at a length."""
    app = open_app(judge="accuracy", min="4", count="30", strategy="random").settle()
    said = project.select(SelectParams(judge="accuracy", min_score=4, count=30, strategy="random")).ties.said
    assert said.startswith("Selected rows are a draw: 30 out of")
    assert app.says(said)
    app.choose("strategy", "stratified").settle()
    assert app.says("Selected rows are a draw inside their clusters: 30 out of")


# --- rows around the cut -------------------------------------------------------------------------


def test_each_tab_shows_the_rows_that_its_sentence_names(sample, project):
    """Around the cut of a brute-force order: taken first, taken last, next in line, left out."""
    app = open_app(judge="accuracy", min="4.5", count="30", strategy="k-center")
    eligible = eligible_rows(sample, "accuracy", 4.5)
    order = farthest_first(project.vectors(), eligible, 40)
    ids = [sample["id"][row] for row in order]
    assert app.says("The first 10 of 30, in order of choice.")
    assert app.rows()["id"].to_list() == ids[:10]
    app.tab("Just above the cut")
    assert app.says("The last rows that got in, nearest the cut first.")
    assert app.rows()["id"].to_list() == ids[29:19:-1]
    app.tab("Just below")
    assert app.says("The first rows that did not get in, nearest the cut first.")
    assert app.rows()["id"].to_list() == ids[30:40]
    app.tab("Left out")
    below = sample.height - len(eligible)
    assert app.says(
        f"{978:,} rows: {below:,} below the threshold, {len(eligible) - 30:,} eligible, over the count."
    )
    assert not set(app.rows()["id"]) & set(ids[:30])
    app.tab("Pinned")
    assert app.says("Nothing is pinned.")
    assert "rows" not in [each.key for each in app.at.dataframe]


def test_the_table_tells_why_a_row_is_out(sample):
    """Each row left out is named with the reason that its score gives it."""
    app = open_app(judge="accuracy", min="4.5", count="30").tab("Left out")
    scores = dict(zip(sample["id"], sample["accuracy"], strict=True))
    for row in app.rows().itertuples():
        assert row.score == scores[row.id]
        assert row.reason == ("below the threshold" if row.score < 4.5 else "eligible, over the count")
