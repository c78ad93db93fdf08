"""Explore, asserted by the numbers on the screen."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from oracles import DRAWS, distances, farthest_first, packed, radius, token_counts, vs_random
from screen import EXPLORE, EXPORT, LOAD, SAMPLE, App, number, open_app

from core import Project
from core.domain import Pins
from core.errors import StoreError
from core.ledger import Ledger
from core.selection import strategies

GRADES = [score / 2 for score in range(11)]  # both judges of the sample
BOX = [(20_000, 20_000), (20_000, 45_000), (45_000, 45_000), (45_000, 20_000)]


@pytest.fixture(scope="session")
def between(maps):
    """Distances between all rows of the sample."""
    return distances(Project.open(SAMPLE, home=maps).vectors())


def eligible_rows(sample: pl.DataFrame, judge: str, threshold: float) -> list[int]:
    """Positions of the rows at or above a threshold."""
    return sample.with_row_index("row").filter(pl.col(judge) >= threshold)["row"].to_list()


def rows_inside(project: Project, polygon: list[tuple[float, float]] = BOX) -> list[int]:
    """Rows inside a box, by comparison with its sides."""
    (left, low), (right, high) = polygon[0], polygon[2]
    x, y = packed(project.coords()).T
    return [int(row) for row in np.flatnonzero((x > left) & (x < right) & (y > low) & (y < high))]


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
    assert app.rows()["id"].to_list() == [sample["id"][row] for row in chosen[:5]]


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


def test_a_radius_between_two_measured_sizes_is_marked_and_bounded(sample, project, between):
    """What is interpolated says so, and lies between the radii of fewer and of more rows."""
    order = farthest_first(project.vectors(), eligible_rows(sample, "accuracy", 4.5), 64)
    for count in (50, 60):
        app = open_app(judge="accuracy", min="4.5", count=str(count)).settle()
        shown = app.figures()["Covering radius"]
        if not shown.startswith("≈"):
            assert shown == f"{radius(between, order[:count]):.3f}"
        low, high = radius(between, order[: count + 4]), radius(between, order[: count - 4])
        assert low - 0.0005 <= number(shown) <= high + 0.0005
    app = open_app(judge="accuracy", min="4.5", count="33").settle()
    assert app.figures()["Covering radius"].startswith("≈ ")


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
    assert app.rows()["score"].to_list() == [5.0] * 5


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


# --- rows around the cut -------------------------------------------------------------------------


def test_each_tab_shows_the_rows_that_its_sentence_names(sample, project):
    """Around the cut of a brute-force order: taken first, taken last, next in line, left out."""
    app = open_app(judge="accuracy", min="4.5", count="30", strategy="k-center")
    eligible = eligible_rows(sample, "accuracy", 4.5)
    order = farthest_first(project.vectors(), eligible, 35)
    ids = [sample["id"][row] for row in order]
    assert app.says("The first 5 of 30, in order of choice.")
    assert app.rows()["id"].to_list() == ids[:5]
    app.tab("Just above the cut")
    assert app.says("The last rows that got in, nearest the cut first.")
    assert app.rows()["id"].to_list() == ids[29:24:-1]
    app.tab("Just below")
    assert app.says("The first rows that did not get in, nearest the cut first.")
    assert app.rows()["id"].to_list() == ids[30:35]
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


# --- pins ----------------------------------------------------------------------------------------


def test_a_lasso_includes_every_row_inside_it(app: App, project, sample):
    """Rows below the threshold too; the page counts them and says so."""
    inside = rows_inside(project)
    app.pin("include", polygon=BOX).settle()
    eligible = eligible_rows(sample, "accuracy", 4.5)
    beyond = len(set(inside) - set(eligible))
    assert len(inside) > 100
    assert app.figures()["Selected"] == f"{len(inside):,}"
    assert app.says(f"All {len(inside):,} pinned rows are in: more than the 100 asked for.")
    assert app.says(f"Pinned, and in without being eligible: {beyond:,} rows.")
    app.tab("Pinned")
    assert app.says(f"Pinned: {len(inside):,} rows.")
    assert set(app.rows()["id"]) == {sample["id"][row] for row in inside[:5]}


def test_an_excluded_cluster_is_not_eligible(app: App, project, sample):
    """Its eligible rows leave the count, and none of its rows is chosen."""
    cluster = project.labels() == 3
    left = [row for row in eligible_rows(sample, "accuracy", 4.5) if not cluster[row]]
    app.pin("exclude", cluster=3)
    assert app.figures()["Eligible"] == f"{len(left):,}"
    assert app.figures()["Selected"] == "100"
    app.drag(level=GRADES.index(4.5), count=1_000).settle()
    assert app.figures()["Selected"] == f"{len(left):,}"
    assert not set(app.tab("Left out").rows()["id"]) - {
        sample["id"][row] for row in range(sample.height) if row not in left
    }


def test_a_lasso_on_an_isolated_cluster_takes_only_its_rows(app: App, project, sample):
    """Polygon and cluster together mean both."""
    both = [row for row in rows_inside(project) if project.labels()[row] == 2]
    assert both
    app.pin("exclude", polygon=BOX, cluster=2)
    assert project.pins.exclude == {sample["id"][row] for row in both}


def test_undo_and_clear_take_pins_back(app: App, project):
    """Undo takes back the last decision whole; clear lets the rows inside go, and no others."""
    before = app.figures()["Eligible"]
    app.pin("exclude", cluster=1).pin("exclude", cluster=2)
    app.pin("clear", cluster=1)
    assert len(Ledger(project.home / "ledger.sqlite").pins(project.dataset.fingerprint).exclude) == int(
        (project.labels() == 2).sum()
    )
    app.pin("undo")
    both = np.isin(project.labels(), (1, 2)).sum()
    assert len(Ledger(project.home / "ledger.sqlite").pins(project.dataset.fingerprint).exclude) == both
    app.pin("undo").pin("undo").pin("undo")
    assert app.figures()["Eligible"] == before


def test_clearing_an_empty_spot_leaves_the_pins(app: App, project):
    """A lasso around no rows is about no rows."""
    app.pin("exclude", cluster=1)
    app.pin("clear", polygon=[(-9_000, -9_000), (-9_000, -8_000), (-8_000, -8_000)])
    assert len(project.pins.exclude) == (project.labels() == 1).sum()


def test_the_same_decision_sent_twice_is_one(app: App, project):
    """An event that comes again with another run is not applied again."""
    app.send(pin={"n": 5, "op": "exclude", "cluster": 1}).send(pin={"n": 5, "op": "include", "cluster": 2})
    assert len(project.pins.include) == 0
    assert project.ledger.steps(project.dataset.fingerprint) == 1


def test_pins_survive_sliders_pages_and_sessions(app: App, project, sample):
    """They are in the ledger, not in the session."""
    app.pin("include", rows=[7]).pin("exclude", rows=[8])
    expected = (sample["id"][7], sample["id"][8])
    for act in (
        lambda: app.drag(level=2, count=40),
        lambda: app.drag(level=10, count=60),
        lambda: app.turn_to(LOAD).turn_to(EXPLORE),
        lambda: app.choose("strategy", "top-score"),
    ):
        act()
        rows = app.tab("Pinned").rows()
        assert tuple(rows["id"]) == expected
        assert tuple(rows["reason"]) == ("pinned: always in", "excluded")
    assert tuple(open_app().tab("Pinned").rows()["id"]) == expected


def test_a_clicked_point_opens_its_row_in_full(app: App, sample):
    """Prompt, answer, scores and reason, as text."""
    row = sample.row(400, named=True)
    app.click(400)
    texts = app.said("text")
    assert row["output"] in texts
    assert any(row["instruction"] in text for text in texts)
    known = next(text for text in texts if "tokens" in text)
    assert f"accuracy: {row['accuracy']:g}" in known
    assert f"{token_counts(sample[400:401])[0]:,} tokens" in known


def test_the_drawer_stays_open_while_the_page_runs_again(app: App):
    """Work that ends in the background runs the page; what a person reads must not close on them."""
    app.click(400).run().run()
    assert "pin_include" in app.buttons()
    app.press("pin_include")
    assert "pin_include" not in app.buttons(), "a decision closes it"


@pytest.mark.parametrize(
    ("button", "reason"), [("pin_include", "pinned: always in"), ("pin_exclude", "excluded")]
)
def test_a_row_is_pinned_from_its_drawer(app: App, sample, button, reason):
    """Include and exclude in the drawer do what the map's do, and clear takes them back."""
    app.click(400).press(button)
    rows = app.tab("Pinned").rows()
    assert (rows["id"].to_list(), rows["reason"].to_list()) == ([sample["id"][400]], [reason])
    app.click(400).press("pin_clear")
    assert app.says("Nothing is pinned.")


def test_a_row_that_is_not_there_opens_nothing(app: App):
    """What a browser sends is input."""
    for row in (-1, 1_008, 10**12):
        app.click(row)
        assert "pin_include" not in app.buttons()


def test_more_pins_than_a_curve_reaches_end_the_wait(app: App, sample):
    """A radius that was not measured is a dash, and the page does not run on and on."""
    everything = [(-1, -1), (-1, 70_000), (70_000, 70_000), (70_000, -1)]
    app.pin("include", polygon=everything).settle()
    assert app.figures()["Selected"] == f"{sample.height:,}"
    assert app.figures()["Covering radius"] == "–"


# --- what has to be said -------------------------------------------------------------------------


def test_a_threshold_above_every_score_offers_the_button_that_mends_it(sample):
    """The highest score is named, and the button sets it."""
    app = open_app(judge="accuracy", min="9")
    assert app.figures()["Eligible"] == "0"
    assert app.says("No rows at ≥ 9; the highest score is 5.")
    assert (
        next(each.label for each in app.at.button if each.key == "lower_threshold")
        == "Set the threshold to 5"
    )
    app.press("lower_threshold")
    assert app.figures()["Eligible"] == f"{len(eligible_rows(sample, 'accuracy', 5)):,}"
    assert "lower_threshold" not in app.buttons()


def test_work_that_fails_in_the_background_is_said_once_and_can_be_tried_again(app: App, monkeypatch):
    """A full disk while an order is made: words, no endless waiting, and the next move tries anew."""
    order = Project.order

    def fail(*_, **__):
        time.sleep(0.5)  # longer than a page waits
        raise StoreError("No space is left on the disk.", "Free some.")

    monkeypatch.setattr(Project, "order", fail)
    app.drag(level=5, count=100).settle()
    assert app.says("No space is left on the disk. Free some.")
    monkeypatch.setattr(Project, "order", order)
    app.drag(level=6, count=100).settle()
    assert not app.says("No space is left")
    assert app.figures()["Selected"] == "100"


def test_while_an_order_is_made_the_counts_are_there(app: App, project, sample, monkeypatch):
    """Eligible and selected need no order, and pins count in them; the rest is waited for."""
    app.pin("exclude", cluster=3)
    made = threading.Event()
    order = Project.order

    def slow(self, *given, **named):
        made.wait(20)
        return order(self, *given, **named)

    monkeypatch.setattr(Project, "order", slow)
    app.drag(level=5, count=100)
    left = [row for row in eligible_rows(sample, "accuracy", 2.5) if project.labels()[row] != 3]
    assert app.figures() == {
        "Pool": "1,008", "Eligible": f"{len(left):,}", "Selected": "100", "Tokens": "…", "Mean score": "…",
        "Covering radius": "…",
    }  # fmt: skip
    made.set()
    assert app.settle().figures()["Eligible"] == f"{len(left):,}"


def test_curves_that_fail_leave_the_rest_of_the_page(app: App, monkeypatch):
    """The radius is a dash with the reason; everything else is there."""

    def fail(*_, **__):
        raise StoreError("No space is left on the disk.", "Free some.")

    monkeypatch.setattr(Project, "curve", fail)
    app.drag(level=5, count=100).settle()
    assert app.figures()["Covering radius"] == "–"
    assert app.figures()["Selected"] == "100"
    assert app.says("No space is left on the disk. Free some.")


def test_a_decision_that_cannot_be_written_is_said(app: App, monkeypatch):
    """The page stays, with the reason, both for the map and for the drawer."""

    def fail(*_, **__):
        raise StoreError("The decision could not be written.", "Free some space.")

    monkeypatch.setattr(Ledger, "pin", fail)
    app.pin("exclude", cluster=1)
    assert "The decision could not be written. Free some space." in app.said("warning")
    assert app.figures()["Selected"] == "100"
    app.click(4).press("pin_include")
    assert "The decision could not be written. Free some space." in app.said("error")


def test_a_ledger_that_cannot_be_read_is_said(home):
    """A damaged file of decisions is named instead of being taken for an empty one."""
    (home / "ledger.sqlite").write_bytes(b"this is no database" * 100)
    app = open_app()
    assert any("ledger.sqlite could not be read" in text for text in app.said("error"))


def test_pins_on_the_draft_are_about_the_places_of_the_draft(folder, home, sample, monkeypatch):
    """What a person outlines is what they see; nothing heavy runs for it."""
    path = folder / "rows.jsonl"
    path.write_bytes(sample.with_columns(output=pl.lit("x")).write_ndjson().encode())
    project = Project.open(path, home=home)
    inside = packed(project.draft())
    app = open_app(data=str(path))
    assert app.says("No map of 1,008 rows yet")
    for stage in ("coords", "vectors", "labels"):
        monkeypatch.setattr(
            Project, stage, lambda *_, stage=stage, **__: pytest.fail(f"{stage} was computed")
        )
    app.pin("exclude", polygon=BOX)
    x, y = inside.T
    rows = np.flatnonzero((x > 20_000) & (x < 45_000) & (y > 20_000) & (y < 45_000))
    assert len(rows) > 5
    assert project.pins == Pins(exclude=frozenset(project.dataset.frame["id"].gather(rows)))


# --- odd files -----------------------------------------------------------------------------------

Mapped = Callable[..., App]


def lines(rows: list[dict]) -> str:
    """JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def say(number: int) -> dict:
    """A row of its own topic."""
    topic = ("bread", "rivers", "taxes", "violins")[number % 4]
    return {"instruction": f"Tell me fact number {number} about {topic}", "output": f"Fact {number}."}


def test_without_a_score_column_the_page_works_and_says_why_the_slider_is_off(mapped: Mapped):
    """No judge, no mean score, every row eligible; the box of judges says why it is off."""
    app = mapped("plain.jsonl", lines([say(number) for number in range(40)])).settle()
    assert app.figures() | {"Tokens": "", "Covering radius": ""} == {
        "Pool": "40", "Eligible": "40", "Selected": "10", "Tokens": "", "Covering radius": "",
    }  # fmt: skip
    box = app.at.selectbox(key="judge")
    assert box.disabled
    assert box.proto.placeholder == "No score column in this file"
    assert "score" not in app.rows().columns
    app.choose("strategy", "top-score")
    assert app.says("Top score needs a judge, and none is chosen. This file has no score column")
    app.choose("strategy", "stratified").drag(level=None, count=25)
    assert app.figures()["Selected"] == "25"
    assert "min" not in app.at.query_params
    assert app.turn_to(EXPORT).says("no judge")


@pytest.mark.parametrize("count", [1, 2, 16])
def test_a_file_of_few_rows_works(mapped: Mapped, count):
    """Every strategy that leaves out no repeats selects all rows, and each row can be opened."""
    rows = [say(number) | {"score": number % 3} for number in range(count)]
    app = mapped("few.jsonl", lines(rows), min="0", judge="score").settle()
    for name in FILLING:
        app.choose("strategy", name).drag(level=0, count=100).settle()
        assert (app.figures()["Pool"], app.figures()["Selected"]) == (str(count), str(count)), name
        assert number(app.figures()["Covering radius"]) == pytest.approx(0, abs=0.001)
    app.click(count - 1)
    assert rows[-1]["output"] in app.said("text")


def test_rows_that_are_all_alike_work(mapped: Mapped):
    """One place on the map, one cluster, and still as many rows as asked for."""
    app = mapped("alike.jsonl", lines([say(1) | {"score": 3}] * 30), count="12").settle()
    assert (app.figures()["Pool"], app.figures()["Eligible"], app.figures()["Selected"]) == ("30", "30", "12")
    assert app.figures()["Covering radius"] == "0.000"
    app.pin("exclude", cluster=0)
    assert app.figures()["Selected"] == "0"


def test_a_threshold_between_two_floats_of_a_score_is_not_above_it(mapped: Mapped):
    """4.7 is no float32: the highest score still passes itself, and no button offers to lower it."""
    rows = [say(number) | {"score": 4.7 if number % 2 else 1.1} for number in range(20)]
    app = mapped("decimals.jsonl", lines(rows), judge="score", min="4.7").settle()
    assert app.figures()["Eligible"] == "10"
    assert "lower_threshold" not in app.buttons()


def test_rows_without_a_score_are_counted_and_never_chosen(mapped: Mapped):
    """Null is a value of its own: not zero, not the lowest score."""
    rows = [say(number) | {"score": None if number < 5 else number % 4} for number in range(40)]
    app = mapped("gaps.jsonl", lines(rows), judge="score", min="0", count="40").settle()
    assert (app.figures()["Eligible"], app.figures()["Selected"]) == ("35", "35")
    assert app.says("Without a score by score, and so left out: 5 rows.")
    rows = app.tab("Left out").rows()
    assert set(rows["reason"]) == {"no score"}
    assert rows["score"].isna().all()


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "![beacon](http://evil.test/x.png)",
    "[click](javascript:alert(1))",
    "</script><script>alert(1)</script>",
    "\u202eright to left\u202c",
    "nul \u0000 inside",
    "$x$ :red[no] `code` **bold** # heading",
    "=HYPERLINK(1)",
)


def test_hostile_text_is_shown_as_text(mapped: Mapped):
    """Ids, prompts, names of judges and of other columns: verbatim in text, escaped in Markdown."""
    judge = "![j](http://evil.test/j.png)"
    rows = [
        {"id": f"{row} {text}", "instruction": text, "output": text, judge: row or None, "<b>note</b>": text}
        for row, text in enumerate(HOSTILE * 2)
    ]
    app = mapped("hostile.jsonl", lines(rows), min="0", judge=judge)
    assert app.says(f"Without a score by {judge}, and so left out:")
    for row, text in enumerate(HOSTILE):
        app.click(row)
        assert app.said("text").count(text) == 2, text
        for kind in ("markdown", "caption", "error", "warning", "info", "subheader"):
            for each in app.at.get(kind):
                assert not any(sign in each.value for sign in ("![", "](", "<img", "<script", "<b>")), (
                    each.value
                )
