"""Token budget and near copies through the whole of the library: orders, store, recipe, replay, command line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import accumulate, pairwise

import numpy as np
import pytest
import yaml
from small_project import built, copied, rows, write

from core import Pins, Project, SelectParams
from core.errors import ParameterError
from core.exporting import read_recipe
from core.selection import semdedup, strategies

BOTH = SelectParams(
    judge="quality", min_score=2.0, count=30, strategy="top-score", max_tokens=120, dedup_distance=0.3
)


@pytest.fixture
def project(tmp_path):
    """The sixty rows, every stage stored, no order made yet."""
    file, home = copied(tmp_path / "home")
    return Project.open(file, home=home)


def _in_budget(project, order, budget):
    """How many rows from the start fit, by running sums."""
    tokens = project.tokens()
    return sum(spent <= budget for spent in accumulate(int(tokens[row]) for row in order))


# Orders that are made only as far as the budget goes.


@pytest.mark.parametrize("count", [None, 20, 60])
@pytest.mark.parametrize("pinned", [0, 7])
def test_a_slow_order_is_long_enough_for_its_budget(project, short, count, pinned):
    """Whatever is made of it, the rows are those that the budget holds of the whole order; pins count."""
    ids = project.dataset.frame["id"].to_list()
    pins = Pins(include=frozenset(ids[:pinned]), exclude=frozenset(ids[30 : 30 + pinned]))
    whole = project.select(SelectParams(pins=pins)).rows
    for budget in (0, 40, 150, 400, 700, 10**6):
        held = max(_in_budget(project, whole, budget), pinned)
        expected = whole[: held if count is None else min(held, count)].tolist()
        fresh = Project.open(project.dataset.source, home=project.home)
        params = SelectParams(count=count, max_tokens=budget, pins=pins)
        chosen = fresh.select(params)
        assert chosen.rows.tolist() == expected, budget
        assert fresh.ready_order(params) is not None
        assert fresh.curve(params).counts[-1] >= len(expected)
        assert "duplicate" not in set(chosen.reasons)


def test_a_budget_spares_the_work_beyond_it(project, short):
    """Forty rows are asked for and the budget holds few: the order is not made to forty."""
    tokens = project.tokens()
    params = SelectParams(count=40, max_tokens=int(3 * tokens.mean()))
    assert project.curve_limit(params) == 8
    chosen = project.select(params)
    assert len(project.order(params)) == project.curve_limit(params) < 40
    assert 0 < len(chosen) < 8


def test_a_larger_budget_only_adds_rows(project, short):
    """For every strategy, over lengths of orders that were made one after the other."""
    for name in strategies():
        params = SelectParams(judge="quality", strategy=name, seed=2)
        chosen = [project.select(replace(params, max_tokens=budget)).ids for budget in (30, 200, 500, 900)]
        for smaller, larger in pairwise(chosen):
            assert larger[: len(smaller)] == smaller, name


def test_the_tokens_are_those_of_the_default_tokenizer(project):
    """The selection holds at most the budget, and the next row would exceed it."""
    params = SelectParams(judge="quality", strategy="top-score", max_tokens=200)
    chosen, whole = project.select(params), project.select(replace(params, max_tokens=None)).rows
    held = int(project.tokens()[chosen.rows].sum())
    assert held <= 200 < held + int(project.tokens()[whole[len(chosen)]])


# Near copies.


def _copies_by_hand(project, params):
    """Positions of scored rows with an earlier one of their cluster that is nearer, pair by pair."""
    wide, labels = project.vectors().astype(float), project.labels()
    whole = replace(params, min_score=None, count=None, max_tokens=None, dedup_distance=None)
    sequence = project.select(replace(whole, strategy="top-score")).rows.tolist()
    return {
        row for place, row in enumerate(sequence)
        if any(labels[row] == labels[other] and 1 - float(wide[row] @ wide[other]) < params.dedup_distance
               for other in sequence[:place])
    }  # fmt: skip


@pytest.mark.parametrize("strategy", strategies())
def test_every_strategy_chooses_among_the_rows_that_are_left(project, strategy):
    """None that a comparison of all pairs finds is chosen, and each of those that pass is a duplicate."""
    params = replace(BOTH, strategy=strategy, max_tokens=None, count=None)
    chosen, out = project.select(params), _copies_by_hand(project, params)
    passing = project.select(SelectParams(judge="quality", min_score=2.0, strategy="threshold")).rows.tolist()
    assert len(out & set(passing)) > 5
    assert not out & set(chosen.rows.tolist())
    assert out & set(passing) <= set(np.flatnonzero(chosen.reasons == "duplicate").tolist())
    if strategy != "deita":
        assert sorted(chosen.rows.tolist()) == sorted(set(passing) - out)


def test_a_pinned_copy_is_in_and_moves_nobody(project):
    """It comes first, and the others are those of the order without it."""
    params = replace(BOTH, max_tokens=None, count=10)
    row = min(_copies_by_hand(project, params))
    each = project.dataset.frame["id"][row]
    free = project.select(params).ids
    pinned = project.select(replace(params, pins=Pins(include=frozenset({each}))))
    assert pinned.ids == [each, *free[:9]]
    assert pinned.reasons[row] == "pinned"


def test_near_copies_are_found_once_and_stored(project, monkeypatch):
    """Neither another count, threshold or strategy nor another process looks for them again."""
    first = project.select(BOTH)
    monkeypatch.setattr(semdedup, "copies_in", lambda *_, **__: 1 / 0)
    again = Project.open(project.dataset.source, home=project.home)
    assert again.ready_order(BOTH) is None, "it is not in memory"
    assert again.select(BOTH).ids == first.ids
    assert again.ready_order(BOTH) is not None
    for change in ({"count": 3}, {"min_score": 4.0}, {"strategy": "k-center"}, {"max_tokens": 50}):
        again.select(replace(BOTH, **change))
    with pytest.raises(ZeroDivisionError):
        again.select(replace(BOTH, dedup_distance=0.2))


def _scored_anew(project, folder, **changed):
    """The same prompts in the same home, with other scores: name -> what a row's number and score give."""
    records = [
        {**row, **{name: change(place, row[name]) for name, change in changed.items()}}
        for place, row in enumerate(rows())
    ]
    return Project.open(write(folder / "other.jsonl", records), home=project.home)


def test_near_copies_are_those_of_all_judges_that_a_setting_names(project, tmp_path):
    """A better copy that a second judge left unscored leaves nobody out, whatever was asked before."""
    params = SelectParams(judge="depth_score", strategy="deita", dedup_distance=0.3)
    both = replace(params, options=(("similarity", 0.99), ("with_judge", "quality")))
    some = _scored_anew(project, tmp_path, quality=lambda place, _: None if place % 3 else 1.0 + place % 5)
    some.select(params)
    after, fresh = some.select(both), Project.open(some.dataset.source, home=copied(tmp_path / "another")[1])
    assert after.ids == fresh.select(both).ids
    assert Project.open(some.dataset.source, home=project.home).select(both).ids == after.ids
    assert some.select(params).ids == fresh.select(params).ids


def test_rows_chosen_without_the_other_judges_leave_out_copies_without_them(project, tmp_path):
    """Turn their scores round: near copies among equals are others, and the unaided rows are the same."""
    params = SelectParams(judge="quality", strategy="top-score", dedup_distance=0.4)
    level = {"quality": lambda place, _: 3.0 + place % 2}
    plain = _scored_anew(project, tmp_path, **level)
    turned = _scored_anew(project, tmp_path, **level, depth_score=lambda _, score: -score)
    assert set(plain.select(params).ids) != set(turned.select(params).ids)
    assert plain.unaided(params).ids == turned.unaided(params).ids


def test_orders_with_and_without_copies_are_stored_apart(project):
    """A slow order without near copies is not taken for one with them, and the other way round."""
    params = SelectParams(judge="quality", count=20)
    with_copies, without = (project.select(replace(params, dedup_distance=each)).ids for each in (None, 0.3))
    again = Project.open(project.dataset.source, home=project.home)
    assert again.select(params).ids == with_copies != without
    assert again.select(replace(params, dedup_distance=0.3)).ids == without
    names = {project.keys.order(replace(params, dedup_distance=each), 60).digest for each in (None, 0.2, 0.3)}
    assert len(names) == 3


def test_the_control_is_not_touched(project, tmp_path):
    """Random rows of the whole pool, as many as are selected, whatever was left out."""
    bundle = project.bundle(project.select(BOTH))
    assert bundle.control.tolist() == project.control(0)[: len(bundle.selection)].tolist()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"max_tokens": -1}, "The token budget is -1"),
        ({"max_tokens": 0.5}, "The token budget is 0.5"),
        ({"dedup_distance": 0.0}, "The distance of near copies is 0"),
        ({"dedup_distance": 0.6}, "The distance of near copies is 0.6"),
        ({"dedup_distance": 0.1, "options": (("typo", 1),)}, "no setting typo"),
        ({"dedup_distance": 0.1, "count": -1}, "The count is -1"),
    ],
)
def test_bad_limits_are_said_before_the_work(tmp_path, change, problem):
    """Nothing is counted, embedded or stored for them."""
    fresh = Project.open(built()[0], home=tmp_path / "home")
    with pytest.raises(ParameterError, match=problem):
        fresh.select(SelectParams(**change))
    assert not (tmp_path / "home" / "store").exists()


# Recipe, replay, command line.


def _exported(project, out, params=BOTH):
    project.export(project.select(params), out, licence="cc-by-4.0")
    return read_recipe(out / "recipe.yaml")


@pytest.mark.parametrize("strategy", ["top-score", "random", "k-center"])
def test_a_recipe_with_limits_gives_the_same_ids(project, tmp_path, strategy):
    """Counted anew for the first of them; without either limit the ids are others."""
    recipe = _exported(project, tmp_path / "out", replace(BOTH, strategy=strategy))
    assert (recipe.choice.max_tokens, recipe.choice.dedup_distance) == (120, 0.3)
    home = project.home
    if strategy == "top-score":
        home = copied(tmp_path / "fresh")[1]
        shutil.rmtree(home / "store" / "tokens")
    replayed = Project.of_recipe(recipe, project.dataset.source, home=home).replay(recipe)
    assert (replayed.same, replayed.differences) == (True, ())
    for budget in (None, 80):
        choice = recipe.choice.model_copy(update={"max_tokens": budget})
        assert not project.replay(recipe.model_copy(update={"choice": choice})).same, budget
    recipe = _exported(project, tmp_path / "out", replace(BOTH, strategy=strategy, max_tokens=None))
    for distance in (None, 0.1):
        choice = recipe.choice.model_copy(update={"dedup_distance": distance})
        assert not project.replay(recipe.model_copy(update={"choice": choice})).same, distance


def test_other_token_counts_are_the_first_difference(project, tmp_path):
    """A recipe with a budget names them by digest, and says what likely changed."""
    recipe = _exported(project, tmp_path / "out", replace(BOTH, strategy="random", dedup_distance=None))
    outcome = recipe.outcome.model_copy(update={"ids_sha256": "0" * 64})
    arrays = {**recipe.arrays, "tokens": "0" * 64}
    first = project.replay(recipe.model_copy(update={"outcome": outcome, "arrays": arrays})).first
    assert (first.what, first.cause) == ("tokens", "Likely cause: Another version of the tokenizer.")


def test_the_versions_of_what_limits_do_are_compared(project, tmp_path):
    """Of the code that counts tokens, and of the code that finds near copies."""
    recipe = _exported(project, tmp_path / "out")
    outcome = recipe.outcome.model_copy(update={"ids_sha256": "0" * 64})
    for name, words in (("tokens", "stage tokens"), ("near copies", "stage near copies")):
        versions = {**recipe.versions, name: 99}
        first = project.replay(recipe.model_copy(update={"outcome": outcome, "versions": versions})).first
        assert (first.what, words in first.problem) == ("code", True)


def test_the_card_says_both_limits_and_what_they_did(project, tmp_path):
    """As decisions with their values, and as sentences with counts."""
    recipe = _exported(project, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "at most 120 tokens" in card
    assert "near copies within 0.3 left out" in card
    assert "The budget of 120 tokens holds" in card
    assert "Left out as nearer than 0.3 to a better row" in card
    assert len(recipe.outcome.notes) >= 2
    assert "duplicate" in set(project.select(BOTH).reasons)


def test_the_command_line_takes_both_limits(project, run, tmp_path):
    """The ids, the notes and the recipe are those of the library."""
    arguments = ("--judge", "quality", "--min-score", "2", "--count", "30", "--strategy", "top-score")
    limits = ("--max-tokens", "120", "--dedup-distance", "0.3")
    where = ("--out", tmp_path / "out", "--home", project.home)
    code, out, err = run("select", project.dataset.source, *arguments, *limits, *where, "--json")
    chosen = project.select(BOTH)
    assert (code, err) == (0, "")
    assert json.loads(out)["selected"] == len(chosen)
    assert json.loads(out)["notes"] == list(chosen.notes)
    assert (tmp_path / "out" / "ids.txt").read_text().split() == chosen.ids
    choice = yaml.safe_load((tmp_path / "out" / "recipe.yaml").read_text())["choice"]
    assert (choice["max_tokens"], choice["dedup_distance"]) == (120, 0.3)
    assert (
        run(
            "replay",
            tmp_path / "out" / "recipe.yaml",
            "--data",
            project.dataset.source,
            "--home",
            project.home,
        )[0]
        == 0
    )


@pytest.mark.parametrize(
    ("limit", "problem"),
    [
        (("--max-tokens", "-5"), "The token budget is -5."),
        (("--max-tokens", "many"), "Argument --max-tokens: invalid int value: 'many'."),
        (("--dedup-distance", "0.9"), "The distance of near copies is 0.9."),
    ],
)
def test_the_command_line_refuses_in_one_line(project, run, tmp_path, limit, problem):
    """With the code of bad arguments, before anything is written."""
    where = ("--out", tmp_path / "out", "--home", project.home)
    code, out, err = run("select", project.dataset.source, *limit, *where)
    assert (code, out) == (2, "")
    assert err.startswith(problem)
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()
