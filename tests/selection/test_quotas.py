"""What each cluster gives to a selection, what the quotas cost, and what is said of those that cannot hold."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import NO_SCORE, choosing, pinning, pool, pools, random_pool, thresholds_near

from core.domain import Reason
from core.selection import Quotas, quotas

NAMES = {-1: "noise", 0: "bread, rye", 1: "rivers", 2: "tax", 3: "moss", 4: "chess", 7: "tides"}


def _params(**settings):
    given = settings.pop("options", {})
    pairs = tuple(sorted((name, float(value)) for name, value in given.items()))
    return choosing(strategy=settings.pop("strategy", "cluster-quota"), options=pairs, **settings)


def _report(rows, params) -> Quotas:
    names = {label: NAMES[label] for label in set(rows.labels)}
    labels = np.array(rows.labels, dtype=np.int32)
    judge = rows.judge if params.judge else None
    return quotas(rows.choose(params), labels=labels, names=names, judge=judge)


def _mean(scores):
    return fmean(scores) if scores else None


def _by_hand(rows, params):
    """The table in plain Python, one cluster at a time."""
    chosen, allowed = set(rows.choose(params).ids), rows.scored_at_least(params.min_score)
    allowed -= params.pins.exclude
    pinned = params.pins.include - params.pins.exclude
    own = {int(name[6:]): int(rows_) for name, rows_ in params.options if name.startswith("quota ")}
    for cluster in sorted(set(rows.labels), key=lambda label: math.inf if label < 0 else label):
        members = {
            id_: s for id_, s, c in zip(rows.ids, rows.scores, rows.labels, strict=True) if c == cluster
        }
        mine, could = members.keys() & chosen, members.keys() & allowed
        yield {
            "cluster": cluster,
            "name": NAMES[cluster],
            "pool": len(members),
            "eligible": len(could),
            "quota": own.get(cluster, len(mine - pinned)),
            "by_hand": cluster in own,
            "selected": len(mine),
            "keep_rate": len(mine) / len(members),
            "mean_selected": _mean([members[id_] for id_ in mine if members[id_] is not NO_SCORE]),
            "mean_eligible": _mean([members[id_] for id_ in could]),
        }


def _best_mean(rows, params):
    """The mean of the pinned rows and of the highest scores there are beside them, as many as were chosen."""
    chosen, score = rows.choose(params), dict(zip(rows.ids, rows.scores, strict=True))
    pinned = params.pins.include - params.pins.exclude
    others = rows.scored_at_least(params.min_score) - params.pins.include - params.pins.exclude
    free = sum(id_ not in pinned for id_ in chosen.ids)
    best = sorted((score[id_] for id_ in others), reverse=True)[:free]
    return _mean([*best, *(score[id_] for id_ in pinned if score[id_] is not NO_SCORE)])


@settings(max_examples=60, deadline=None)
@given(
    rows=pools(),
    threshold=thresholds_near(),
    count=st.none() | st.integers(0, 24),
    quota=st.none() | st.sampled_from([0, 1, 3, 100]),
    data=st.data(),
)
def test_the_table_and_the_cost_are_those_of_a_count_by_hand(*, rows, threshold, count, quota, data):
    """Ties, missing scores, noise, pins of both kinds, no row and all rows."""
    pins = [data.draw(st.sets(st.sampled_from(rows.ids), max_size=2)) for _ in range(2)]
    options = {} if quota is None else {f"quota {rows.labels[0]}": quota}
    params = _params(min_score=threshold, count=count, pins=pinning(*pins), options=options)
    found = _report(rows, params)
    for row, expected in zip(found.table.iter_rows(named=True), _by_hand(rows, params), strict=True):
        assert row == pytest.approx(expected, nan_ok=False)
    best = _best_mean(rows, params)
    assert (found.cost is None) == (best is None)
    if found.cost is not None:
        assert found.cost.best == pytest.approx(best)
        assert found.cost.mean <= found.cost.best + 1e-9


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("strategy", ["cluster-quota", "random"])
def test_the_table_of_two_hundred_rows_is_that_of_a_count_by_hand(strategy, seed):
    """Of any strategy; where there are no quotas the column is empty and nothing is said to cost."""
    rows = random_pool(200, seed=seed)
    params = _params(strategy=strategy, count=60, min_score=2.0, seed=seed)
    found = _report(rows, params)
    for row, expected in zip(found.table.iter_rows(named=True), _by_hand(rows, params), strict=True):
        assert row == pytest.approx(expected if strategy == "cluster-quota" else {**expected, "quota": None})
    assert found.table["selected"].sum() == 60
    assert (found.cost is None) == (strategy == "random")


def test_without_a_judge_the_clusters_are_counted_and_no_mean_is_made_up():
    """Means are missing, not zero."""
    found = _report(pool([1.0, 2.0, 3.0], labels=[0, 0, 1]), replace(_params(strategy="random"), judge=None))
    assert found.table["mean_selected"].to_list() == found.table["mean_eligible"].to_list() == [None, None]
    assert found.table["selected"].to_list() == [2, 1]


# The cost in words.

TWO = pool([5.0, 5.0, 4.0, 3.0, 2.0, 1.0], labels=[0, 0, 0, 1, 1, 1])


def _cost(rows, **about):
    return str(_report(rows, _params(**about)).cost)


def test_the_cost_is_said_with_both_means():
    """Four best of six are 4.25 on average; two of each cluster 3.75."""
    assert _cost(TWO, count=4, options={"floor": 2}) == (
        "The quotas cost 0.50 points of mean score: 3.75 instead of 4.25 for the best 4 rows without them."
    )


def test_quotas_that_take_the_best_rows_cost_nothing():
    """Also where all rows are taken."""
    assert _cost(TWO, count=3, options={"quota 0": 3}) == (
        "The quotas cost nothing: the mean score is 4.67, as it is for the best 3 rows without them."
    )
    assert _cost(TWO, count=6).startswith("The quotas cost nothing: the mean score is 3.33,")


def test_a_cost_below_what_is_shown_is_not_called_nothing():
    """Two decimals, and four where the whole scale is no longer than one."""
    scores = [10.0, 10.0 - 2**-10, 9.0, 1.0]
    assert "cost less than 0.01 points" in _cost(
        pool(scores, labels=[0, 1, 1, 1]), count=1, options={"quota 1": 1}
    )
    small = pool([1.0, 0.998, 0.0], labels=[0, 1, 1])
    assert "cost 0.0020 points" in _cost(small, count=1, options={"quota 1": 1})


def test_nothing_selected_costs_nothing_that_could_be_said():
    """No mean of no rows."""
    assert _report(TWO, _params(count=0)).cost is None


def test_pins_are_in_both_means():
    """A pinned row of 1 lowers either by as much."""
    found = _report(TWO, _params(count=3, pins=pinning(["row 5"]), options={"quota 0": 2}))
    assert found.cost is not None
    assert (found.cost.mean, found.cost.best) == pytest.approx((11 / 3, 11 / 3))


# What cannot be kept.


def _problems(rows=TWO, **about):
    return _report(rows, _params(**about)).problems


def test_quotas_that_can_be_kept_are_not_commented_on():
    """Neither the plain rule nor quotas that fit; a floor that the count just holds."""
    for options in ({}, {"quota 0": 2}, {"floor": 2}, {"cap": 70}, {"quota 0": 0, "quota 1": 3}):
        assert _problems(count=3 if "quota 0" in options else 4, options=options) == (), options


def test_quotas_above_the_count_are_shared_in_proportion_and_it_says_so():
    """With the sum, and with the count that would do."""
    assert _problems(count=3, options={"quota 0": 3, "quota 1": 2}) == (
        "The quotas of single clusters add up to 5 rows, more than the 3 asked for: each gets its part in "
        "proportion, and the other clusters get none. Raise the count to 5 or lower the quotas.",
    )


def test_a_quota_above_the_eligible_rows_names_the_cluster():
    """With what there is and what was asked; four such clusters are three and one more."""
    assert _problems(count=4, min_score=2.0, options={"quota 1": 9}) == (
        "Fewer eligible rows than the quota: cluster 1 (rivers) with 2 of 9. The rows that are missing come "
        "from other clusters. Lower the threshold or the quota.",
    )
    many = pool([1.0] * 10, labels=[0, 1, 2, 3, 4] * 2)
    (said,) = _problems(many, count=9, options={f"quota {c}": 3 for c in range(4)})
    assert "cluster 0 (bread, rye) with 2 of 3, cluster 1 (rivers) with 2 of 3, cluster 2 (tax) with" in said
    assert "and 1 more. " in said


def test_floors_above_the_count_say_what_count_or_floor_would_do():
    """Each on its own, then with a quota and with rows that come first overall."""
    assert _problems(count=3, options={"floor": 2}) == (
        "At least 2 rows from each cluster add up to 4 rows, more than the 3 asked for: 1 cluster got fewer "
        "than 2. Raise the count to 4 or lower the floor to 1.",
    )
    (said,) = _problems(count=3, options={"floor": 2, "quota 0": 2})
    assert said.startswith(
        "At least 2 rows from each cluster and the quotas of single clusters add up to 4 rows, more than the 3"
    )
    (said,) = _problems(count=3, options={"floor": 3, "overall": 3})
    assert "and the best 3 rows of all add up to 9 rows" in said
    for count, floor in ((4, 2), (3, 1)):  # what the first sentence advises is enough
        assert _problems(count=count, options={"floor": floor}) == ()


def test_caps_and_quotas_that_leave_too_few_rows_say_how_many_came_from_beyond():
    """Of a cap, of quotas, and of both; lowering the count as advised is enough."""
    assert _problems(count=5, options={"cap": 60}) == (
        "The cap leaves 4 rows, fewer than the 5 asked for: 1 row beyond came in last. "
        "Lower the count to 4 or raise the cap.",
    )
    (said,) = _problems(options={"quota 1": 1})
    assert said.startswith("The quotas leave 4 rows, fewer than the 6 asked for: 2 rows beyond came in last.")
    (said,) = _problems(count=5, options={"quota 1": 1, "cap": 30})
    assert said.startswith("The quotas and the cap leave 2 rows, fewer than the 5 asked for: 3 rows beyond")
    assert _problems(count=4, options={"cap": 60}) == ()


def test_pins_that_change_what_a_quota_gives_are_named():
    """A pinned row comes on top, an excluded one is not replaced; a pin among the quota's own changes nothing."""
    for pins, has in ((pinning(["row 2"]), 3), (pinning((), ["row 0"]), 1)):
        (said,) = _problems(count=4, pins=pins, options={"quota 0": 2})
        assert said.startswith(f"Pins change what quotas give: cluster 0 (bread, rye) with {has} of 2. ")
    assert _problems(count=4, pins=pinning(["row 0"]), options={"quota 0": 2}) == ()


@settings(max_examples=60, deadline=None)
@given(rows=pools(), count=st.integers(0, 24), data=st.data())
def test_where_nothing_is_said_every_quota_floor_and_cap_holds(*, rows, count, data):
    """And where a quota is missed, something is said."""
    own = data.draw(st.dictionaries(st.sampled_from(rows.labels), st.sampled_from([0, 1, 4])))
    floor, cap = data.draw(st.integers(0, 3)), data.draw(st.sampled_from([0, 50, 100]))
    options = {f"quota {label}": quota for label, quota in own.items()} | {"floor": floor, "cap": cap}
    params = _params(count=count, options=options)
    found = _report(rows, params)
    holds = all(
        row["selected"] == row["quota"]
        if row["by_hand"]
        else min(floor, row["eligible"]) <= row["selected"] <= max(-(-row["eligible"] * cap // 100), floor)
        for row in found.table.iter_rows(named=True)
    )
    chosen = rows.choose(params)
    is_short = len(chosen) < count and (chosen.codes == Reason.OVER_BUDGET).sum() == 0
    assert holds or is_short or found.problems
