"""The table of clusters on Explore, asserted by the numbers on the screen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from screen import EXPLORE, EXPORT, LOAD, App, open_app
from streamlit.testing.v1 import AppTest

from core import SelectParams
from pages.ui.map import cluster_colours

COUNTED = ["Pool", "Eligible", "Selected"]


def clusters(app: App) -> pd.DataFrame:
    """The table of clusters."""
    (found,) = app.tables()
    return found.set_index("No.")


def set_quotas(app: App, **options: float) -> App:
    """Decide on quotas and other settings, as typing them into the table does."""
    pairs = tuple(sorted((name.replace("_", " "), value) for name, value in options.items()))
    app.at.session_state["winnow.view"] = replace(app.at.session_state["winnow.view"], options=pairs)
    return app.run()


def open_table(**link: str) -> App:
    """The tab of clusters, with the best of each cluster."""
    view = {"judge": "accuracy", "min": "3", "count": "100", "strategy": "cluster-quota", **link}
    return open_app(**view).tab("Clusters").settle()


@pytest.fixture
def chosen(project, sample):
    """A function: ids -> {column: rows a cluster}, counted one label at a time."""

    def count(ids):
        labels = project.labels().tolist()
        passing = (sample["accuracy"].fill_null(-1) >= 3).to_list()
        picked = sample["id"].is_in(ids).to_list()
        sets = {"Pool": [True] * len(labels), "Eligible": passing, "Selected": picked}
        return {
            name: [
                sum(each == label and there for each, there in zip(labels, mask, strict=True))
                for label in range(22)
            ]
            for name, mask in sets.items()
        }

    return count


@pytest.mark.parametrize("strategy", ["cluster-quota", "random", "k-center"])
def test_the_table_counts_what_a_loop_counts(strategy, chosen, project, sample):
    """Pool, eligible, selected, keep rate and mean score of every cluster, whatever the strategy."""
    app = open_table(strategy=strategy)
    table = clusters(app)
    params = SelectParams(judge="accuracy", min_score=3.0, count=100, strategy=strategy)
    rows = project.select(params).rows
    expected = chosen(sample["id"][rows].to_list())
    assert {name: table[name].to_list() for name in COUNTED} == expected
    assert table["Selected"].sum() == 100
    assert table["Cluster"].to_list() == [project.clusters().names[label] for label in range(22)]
    rate = np.array(expected["Selected"]) / np.array(expected["Pool"])
    assert table["Keep rate"].to_numpy() == pytest.approx(rate)
    scores, labels = sample["accuracy"].to_numpy(), project.labels()
    means = [scores[[row for row in rows if labels[row] == label]].mean() for label in range(22)]
    assert table["Mean score"].to_numpy() == pytest.approx(means)


def test_a_quota_is_what_the_cluster_gives_and_the_page_says_what_it_costs(project, sample):
    """The selection keeps its size, the table its other quotas empty; the cost is that of the means."""
    app = set_quotas(open_table(), quota_3=20.0, quota_5=0.0)
    table = clusters(app)
    assert (table["Selected"][3], table["Selected"][5], table["Selected"].sum()) == (20, 0, 100)
    assert table["Quota"].dropna().to_dict() == {3: 20.0, 5: 0.0}
    mine = float(app.figures()["Mean score"])
    best = sample["accuracy"].drop_nulls().sort(descending=True)[:100].mean()
    (cost,) = [each for each in app.said("markdown") if each.startswith("The quotas cost")]
    assert f"{mine:.2f}" in cost
    assert f"{best:.2f} for the best 100 rows without them" in cost or "nothing" in cost
    app.drag(level=6, count=60)
    assert (clusters(app)["Selected"][3], clusters(app)["Selected"].sum()) == (20, 60)


def test_quotas_outlive_other_pages_and_are_cleared_with_one_press():
    """After a visit to two pages they hold; afterwards every cluster goes by the rule again."""
    app = open_table()
    before = clusters(app)["Selected"].to_list()
    set_quotas(app, quota_3=20.0, floor=2.0)
    app.turn_to(LOAD).turn_to(EXPORT).turn_to(EXPLORE).settle()
    assert clusters(app)["Selected"][3] == 20
    app.press("clear_quotas")
    assert clusters(app)["Quota"].isna().all()
    assert app.value("option cluster-quota floor") == 2.0
    app.choose("option cluster-quota floor", 0.0)
    assert clusters(app)["Selected"].to_list() == before
    assert "clear_quotas" not in app.buttons()


def test_quotas_that_cannot_be_kept_are_said_above_the_table():
    """A sum above the count, with the figures and the way out."""
    app = set_quotas(open_table(count="10"), quota_0=8.0, quota_1=8.0)
    assert app.says("The quotas of single clusters add up to 16 rows, more than the 10 asked for")
    assert clusters(app)["Selected"].head(2).to_list() == [5, 5]


def test_with_another_strategy_the_table_is_read_and_a_button_turns_to_the_quotas():
    """No column of quotas; then there is one, and the sidebar names the strategy."""
    app = open_table(strategy="random")
    assert "Quota" not in clusters(app).columns
    assert app.says("Quotas belong to the strategy “Best of each cluster”")
    app.press("use_quotas")
    assert "Quota" in clusters(app).columns
    assert app.value("strategy") == "cluster-quota"


def test_a_quota_of_a_cluster_that_is_not_there_can_be_cleared():
    """The page says which clusters there are, and the button takes the quota back."""
    app = set_quotas(open_table(), quota_99=5.0)
    assert app.says("A quota is set for cluster 99, which there is not. Clusters: 0 to 21.")
    app.press("clear_quotas").settle()
    assert clusters(app)["Selected"].sum() == 100


def test_settings_of_another_map_leave_the_quotas_behind():
    """Its clusters have other numbers; the other settings stay, and so does all where the map is the same."""
    app = set_quotas(open_table(), quota_3=20.0, floor=2.0)
    app.turn_to(LOAD).press("use_settings")
    assert dict(app.at.session_state["winnow.view"].options) == {"floor": 2.0, "quota 3": 20.0}
    app.at.number_input(key="clusters").set_value(5)
    app.press("use_settings")
    assert app.at.session_state["winnow.view"].options == (("floor", 2.0),)


def _typed() -> None:
    import streamlit as st

    from pages.ui import quotas, state

    state.start()
    state.update(options=(("floor", 2.0), ("quota 1", 5.0), ("quota 4", 4.0)))
    cells = {0: {"Quota": 7}, 1: {"Quota": None}, 2: {"Quota": 2.5}, 3: {"Quota": -1}, 4: {"Pool": 9}}
    st.session_state["table"] = {"edited_rows": cells}
    quotas.take_edits("table", [-1, 1, 2, 3, 4])
    st.text(repr(state.current().options))


def test_what_is_typed_becomes_a_quota_where_it_is_a_number_of_rows():
    """An emptied cell takes its quota back; half a row, less than none and other columns change nothing."""
    (said,) = AppTest.from_function(_typed).run().text
    assert said.value == repr((("floor", 2.0), ("quota -1", 7.0), ("quota 4", 4.0)))


@pytest.mark.parametrize("dark", [False, True])
def test_the_dots_have_a_colour_each_and_noise_is_grey(dark):
    """Forty colours and then from the start; noise is grey, and all clusters where the map shows scores."""
    labels = [*range(41), -1]
    found = cluster_colours(labels, dark=dark, by_cluster=True)
    assert found[40] == found[0]
    assert len(set(found)) == 41
    assert set(cluster_colours(labels, dark=dark, by_cluster=False)) == {found[-1]}
