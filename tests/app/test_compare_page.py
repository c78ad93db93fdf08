"""Compare: every number beside random, the honest line, and rows of one side only."""

from __future__ import annotations

import io
import re
import time
from html import unescape

import numpy as np
import polars as pl
import pytest
import streamlit as st
from screen import EXPLORE, App, open_app

from core import Project, SelectParams
from core.comparison import Verdict, compare_one
from core.errors import StoreError
from core.metrics import METRICS
from pages.ui import compare, contest

COMPARE = "pages/curate/compare.py"
SENTENCES, METRICS_TABLE, JUDGES_TABLE, STABILITY = (
    "compare-honest",
    "compare-metrics",
    "compare-judges",
    "compare-stability",
)


def bodies(app: App) -> list[str]:
    """Every piece of HTML on the page."""
    return [each.proto.body for each in app.at.get("html")]


def settled(app: App, within: float = 120) -> App:
    """Run until nothing on the page is awaited any more."""
    until = time.monotonic() + within
    while any("…" in each for each in (*app.said("caption"), *bodies(app))):
        assert time.monotonic() < until, app.said("caption")
        time.sleep(0.1)
        app.run()
    return app


def html(app: App, kind: str) -> str:
    """The piece of HTML of a kind."""
    return next(each for each in bodies(app) if f"{kind}'" in each)


def cells(app: App, kind: str) -> list[list[str]]:
    """A table, line by line, head first, as a person reads it."""
    lines = re.findall(r"<tr.*?</tr>", html(app, kind), re.DOTALL)
    return [
        [
            unescape(" ".join(re.sub(r"<[^>]+>", " ", cell).split()))
            for cell in re.findall(r"<t[hd].*?</t[hd]>", line)
        ]
        for line in lines
    ]


def honest(app: App) -> list[str]:
    """The sentence on each selection, its letter first."""
    found = re.findall(r"<p>(.*?)</p>", html(app, SENTENCES))
    return [unescape(re.sub(r"<[^>]+>", "", each)) for each in found]


def names(app: App) -> list[str]:
    """Letter and name of every selection on the page."""
    titles = [each for each in bodies(app) if "class='compare-title'" in each]
    return [unescape(re.sub(r"<[^>]+>", "", each.replace("</span><span>", ": "))) for each in titles]


def add(app: App, option: str) -> None:
    """Pick a line of the box that adds a selection."""
    app.choose(next(each.key for each in app.at.selectbox if each.key.startswith("add_contender")), option)


def params(**changes: object) -> SelectParams:
    """The decisions of the sample's link that the tests use."""
    return SelectParams(
        **{"judge": "accuracy", "min_score": 4.5, "count": 80, "strategy": "k-center"} | changes
    )


def opened(**link: str) -> App:
    """The page at those decisions."""
    return settled(open_app(COMPARE, **{"judge": "accuracy", "min": "4.5", "count": "80"} | link))


def test_the_first_visit_shows_the_current_selection_beside_random_and_the_top(project: Project):
    """Three pictures with their decisions, and figures that core measures for the same decisions."""
    app = opened()
    assert names(app) == ["A: Now on Explore", "B: Random eligible rows", "C: Top score"]
    assert len(app.at.get("image")) == 4  # three selections, and the overlap of the first two
    app.choose("figures_tab", "All")
    lines = {line[0]: line[1:] for line in cells(app, METRICS_TABLE)}
    drawn = [project.control_measures(80, seed, judge="accuracy") for seed in range(5)]
    said = {verdict.value: words.partition(" ")[2] or words for verdict, words in compare.SAID.items()}
    shown = 0
    for metric in METRICS.values():
        line = next(
            cells for title, cells in lines.items() if title.startswith(metric.title.partition(" (")[0])
        )
        values = [each[metric.name] for each in drawn]
        for cell, strategy in zip(line, ("k-center", "random", "top-score"), strict=False):
            mine = project.measure(project.select(params(strategy=strategy)).rows, judge="accuracy")
            assert cell.split()[0] == f"{mine[metric.name]:{metric.form}}"
            if metric.better and not min(values) <= mine[metric.name] <= max(values):
                is_better = (mine[metric.name] > max(values)) == (metric.better == "higher")
                assert said[(Verdict.BETTER if is_better else Verdict.WORSE).value] in cell
            elif metric.better:
                assert cell.endswith("in random's range")
            shown += 1
        assert line[3].split()[0] == f"{np.mean(values):{metric.form}}"
        assert line[4] == f"{project.pool_measures('accuracy')[metric.name]:{metric.form}}"
    assert shown == 3 * len(METRICS)
    assert app.says("What to hope for: one to three points.")


def test_every_metric_stands_in_a_tab():
    """Nothing that core measures is left out, and the tabs name nothing that it does not."""
    shown = [name for names in compare.metrics_of(compare.ALL).values() for name in names]
    assert sorted(shown) == sorted(METRICS)
    assert {name for names in compare.GROUPS.values() for name in names} | set(compare.FIRST_GLANCE) <= set(
        METRICS
    )


def test_explore_is_followed_and_what_was_kept_stays():
    """After a new strategy and count on Explore, A and the presets follow; the kept one does not."""
    app = opened()
    add(app, "now")
    assert names(app)[3] == "D: Kept: k-center"
    app.turn_to(EXPLORE)
    app.choose("strategy", "longest")
    app.drag(level=9, count=60)
    settled(app.turn_to(COMPARE))
    cards = [each for each in app.said("caption") if " among rows with accuracy of 4.5 or more" in each]
    assert [each.partition(" among")[0] for each in cards] == [
        "Longest responses",
        "Random",
        "Top score",
        "k-center",
    ]
    rows = [each for each in app.said("text") if each.endswith("of 1,008")]
    assert rows == ["60 rows of 1,008"] * 3 + ["80 rows of 1,008"]
    heads = cells(app, METRICS_TABLE)[0]
    assert sum(each.startswith("Random 5 draws of") for each in heads) == 2  # one for each size


def test_every_judge_has_a_pool_of_its_own(project: Project):
    """Selections by two judges: random draws and the pool stand there once for each, with its own scores."""
    judges = ("accuracy", "helpfulness")
    asked = [params(strategy="random", judge=judge, min_score=None) for judge in judges]
    entries = [contest.Entry(place, "One", each) for place, each in enumerate(asked)]
    listed = [(each, compare_one(project, each.name, project.select(each.params))) for each in entries]
    table = compare.metric_table(listed, compare.OVERVIEW)
    assert [f"scored by {judge}</span>" in table for judge in judges] == [True, True]
    (line,) = re.findall(r"<tr><th[^>]*>Mean score.*?</tr>", table)
    pools = [re.sub("<[^>]+>", "", each) for each in re.findall(r"<td>.*?</td>", line)[-2:]]
    assert pools == [f"{np.nanmean(project.judges[judge].scores):.2f}" for judge in judges]


def test_work_that_fails_is_said_and_not_begun_again_and_again(monkeypatch):
    """The page settles with the problem and the hint; what was found before it stays."""

    def full(*_, **__):
        raise StoreError("The disk is full.", "Free some space.")

    monkeypatch.setattr(contest, "compare_one", full)
    app = open_app(COMPARE, judge="accuracy", min="4.5", count="80")
    until = time.monotonic() + 120
    while not app.says("The disk is full. Free some space."):
        assert time.monotonic() < until
        time.sleep(0.1)
        app.run()
    assert len(names(app)) == 3


def test_six_at_most_and_one_at_least():
    """The box closes at six; removing gives the letters back, and the last one cannot go."""
    app = opened()
    for name in ("strategy longest", "strategy deita", "strategy facility"):
        add(app, name)
    assert [each[0] for each in names(app)] == list(contest.LETTERS)
    assert next(each for each in app.at.selectbox if each.key.startswith("add_contender")).disabled
    app.press("remove_B")
    assert names(app)[1] == "B: Top score"
    for _ in range(4):
        app.press("remove_A")
    assert len(names(app)) == 1
    assert next(each for each in app.at.button if each.key == "remove_A").disabled
    assert "Jaccard" not in settled(app).figures()


def test_two_selections_are_taken_apart_row_by_row(project: Project):
    """Jaccard beside chance, and on each side the rows of that side in order of choice."""
    app = opened()
    app.choose("pair_second", "C")
    settled(app)
    one, two = (project.select(params(strategy=each)).ids for each in ("k-center", "top-score"))
    both = len(set(one) & set(two))
    assert app.figures()["Jaccard"] == f"{both / (160 - both):.1%}"
    drawn = np.random.default_rng(0)
    chance = np.mean([
        (shared := len(np.intersect1d(*(drawn.permutation(1008)[:80] for _ in range(2))))) / (160 - shared)
        for _ in range(4000)
    ])  # fmt: skip
    assert float(app.beside()["Jaccard"].split("%")[0]) / 100 == pytest.approx(chance, abs=0.002)
    listed = {}
    for side in ("first", "both", "second"):
        app.choose("side", side)
        listed[side] = next(each.value for each in app.at.dataframe if each.key == "pair_rows")
    assert listed["first"]["id"].tolist() == [each for each in one if each not in two][:30]
    assert listed["both"]["id"].tolist() == [each for each in one if each in two][:30]
    assert listed["second"]["id"].tolist() == [each for each in two if each not in one][:30]
    assert set(listed["first"]["reason"]) == {"eligible, over the count"}
    assert f"only A: {80 - both} rows" in html(app, "compare-legend")


def test_what_stays_is_what_core_says(project: Project):
    """Every variation with the share it keeps, chance beside it, word counts among them."""
    app = opened(strategy="top-score")
    found = project.stability(project.select(params(strategy="top-score")))
    lines = cells(app, STABILITY)[1:]
    assert [line[0] for line in lines] == [each.variation.title for each in found]
    for line, each in zip(lines, found, strict=True):
        assert line[1] == each.variation.detail
        assert (line[2], line[4], line[5]) == (f"{each.share:.0%}", f"{each.chance:.0%}", f"{each.rows:,}")
    assert lines[-1][1].startswith("word counts")


def test_shuffled_scores_gain_nothing_and_the_page_says_so(mapped, sample: pl.DataFrame):
    """Whatever strategy follows scores that were dealt out at random, the other judge sees no gain."""
    mixed = sample["accuracy"].gather(np.random.default_rng(5).permutation(sample.height))
    content = sample.with_columns(accuracy=mixed).write_ndjson()
    app = mapped("shuffled.jsonl", content, judge="accuracy", min="4", count="100", strategy="threshold")
    app.turn_to(COMPARE)
    for _ in range(2):
        app.press("remove_B")
    for name in ("top-score", "cluster-quota", "deita", "repaired", "facility"):
        add(app, f"strategy {name}")
    said = honest(settled(app))
    assert [each[0] for each in said] == list(contest.LETTERS)
    for each in said:
        assert each.endswith("no gain over random by the judge that did not choose.")
    assert "a gain over random" not in html(app, JUDGES_TABLE)


def test_true_scores_show_the_gain_and_who_chose():
    """The judge that chose is no witness; the other one sees a gain, in words with the distance."""
    app = opened(strategy="top-score", count="200")
    table = {line[0]: line[1:] for line in cells(app, JUDGES_TABLE)[1:]}
    assert all("chose: no witness" in cell for cell in table["accuracy"])
    assert "a gain over random" in table["helpfulness"][0]
    assert "standard errors above the mean of all rows" in honest(app)[0]


def test_the_csv_holds_what_the_table_shows(monkeypatch, project: Project):
    """One line a metric and selection, in full precision."""
    handed = {}
    button = st.download_button
    monkeypatch.setattr(
        st,
        "download_button",
        lambda label, data, **s: handed.update({s["key"]: data}) or button(label, data, **s),
    )
    opened()
    table = pl.read_csv(io.StringIO(handed["comparison_csv"]()))
    assert table.height == 3 * len(METRICS)
    line = table.filter(pl.col("selection") == "C: Top score", pl.col("metric") == METRICS["vendi"].title)
    mine = project.measure(project.select(params(strategy="top-score")).rows, judge="accuracy")["vendi"]
    assert line["value"].item() == pytest.approx(mine)


def test_names_of_judges_are_never_read_as_markup(mapped, sample: pl.DataFrame):
    """A judge whose name is HTML is shown as it is written; alone it is no witness of its own choice."""
    name = "<img src=x onerror=alert(1)> score"
    content = sample.drop("helpfulness").rename({"accuracy": name}).write_ndjson()
    app = mapped("hostile.jsonl", content, count="8")
    settled(app.turn_to(COMPARE))
    assert cells(app, JUDGES_TABLE)[1][0] == name
    assert not any("<img" in each for each in bodies(app))
    assert all("nobody can say" in each for each in honest(app))


def test_without_scores_the_page_compares_all_the_same(mapped, sample: pl.DataFrame):
    """No judge: no threshold, no score, no honest line; presets that need scores are not offered."""
    app = mapped("plain.jsonl", sample.drop("helpfulness", "accuracy").write_ndjson(), count="10")
    settled(app.turn_to(COMPARE))
    assert names(app) == ["A: Now on Explore", "B: Random eligible rows"]
    offered = next(each for each in app.at.selectbox if each.key.startswith("add_contender")).options
    assert "Top score" not in offered
    assert "Longest responses" in offered
    line = next(each for each in cells(app, METRICS_TABLE) if each[0].startswith("Mean score"))
    assert line[1] == "–"
    assert not any(SENTENCES in each for each in bodies(app) if "class='" in each)


def test_what_cannot_be_chosen_is_said_on_its_card_alone():
    """A setting out of range in a kept selection: the card says why, the others stay."""
    app = opened()
    broken = params(strategy="deita", options=(("similarity", 7.0),))
    kept = contest.Contender(kind="held", name="Broken", params=broken)
    app.at.session_state["winnow.contenders"] = (contest.Contender(kind="explore"), kept)
    settled(app.run())
    assert app.says("similarity is 7")
    assert len(cells(app, METRICS_TABLE)[0]) == 4  # metric, A, random, pool
