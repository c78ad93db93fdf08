"""The list of strategies: one file each, explained, with settings that are checked."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from pools import NAMES, pool

import core.selection
from core.domain import SelectParams
from core.errors import ParameterError
from core.selection import Option, strategies, strategy

ADDED = """
import numpy as np

from core.selection.registry import Strategy


def _last_first(candidates, options, *, limit, check):
    return np.flatnonzero(candidates.eligible)[::-1]


STRATEGY = Strategy(
    name="last-first", title="Last first", summary="The file, backwards.", source="a test", rule=_last_first
)
"""


@pytest.fixture
def one_more_file(tmp_path, monkeypatch):
    """A strategy in a file of its own, in a second folder of the package."""
    (tmp_path / "last_first.py").write_text(ADDED)
    monkeypatch.setattr(core.selection, "__path__", [*core.selection.__path__, str(tmp_path)])
    strategies.cache_clear()
    yield
    strategies.cache_clear()
    sys.modules.pop("core.selection.last_first", None)
    vars(core.selection).pop("last_first", None)


@pytest.mark.usefixtures("one_more_file")
def test_a_file_that_is_added_adds_a_strategy():
    """No list is edited: it is found by name, and it chooses."""
    assert sorted(strategies()) == sorted([*NAMES, "last-first"])
    params = SelectParams(strategy="last-first", count=2)
    assert pool([1.0, 2.0, 3.0]).choose(params).ids == ["row 2", "row 1"]


def test_the_strategies_of_the_design_are_there_in_alphabetical_order():
    """All ten, and each is found under the name that it says."""
    names = "cluster-quota deita facility k-center longest random repaired stratified threshold top-score"
    assert set(names.split()) <= set(strategies())
    assert list(strategies()) == sorted(strategies())
    assert all(each.name == name for name, each in strategies().items())


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_and_setting_is_explained(name):
    """Title, summary in sentences, and where it comes from; a setting has a help text and a sane range."""
    each = strategy(name)
    assert each.title
    assert each.summary.endswith(".")
    assert each.source
    for option in each.options:
        assert option.title
        assert option.help.endswith(".")
        if isinstance(option, Option):
            assert option.low <= option.default <= option.high
            assert 0 < option.step <= option.high - option.low


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_works_with_only_what_it_says_it_needs(name):
    """Whatever it does not name may be missing: scores, vectors, neighbours, clusters."""
    each = strategy(name)
    rows = pool([3.0, 1.0, 2.0, 2.0], labels=[0, 0, 1, 1])
    whole = rows.candidates(SelectParams(judge="judge"))
    needed = {need: getattr(whole, need) for need in each.needs}
    candidates = core.selection.Candidates(eligible=whole.eligible, draw=whole.draw, **needed)
    order = each.rule(candidates, each.settings(SelectParams()), limit=4, check=lambda: None)
    assert sorted(order.tolist()) == [0, 1, 2, 3]
    assert order.dtype == np.int64


@pytest.mark.parametrize(
    ("written", "meant"),
    [("kcenter", "k-center"), ("topscore", "top-score"), ("Random", "random"), ("treshold", "threshold")],
)
def test_a_misspelt_strategy_gets_a_guess_and_the_list(written, meant):
    """The problem names what was written, the hint the nearest name and all others."""
    with pytest.raises(ParameterError) as caught:
        strategy(written)
    assert repr(written) in caught.value.problem
    assert caught.value.hint.startswith(f"Did you mean {meant}?")
    assert all(name in caught.value.hint for name in NAMES)


def test_a_name_like_no_other_gets_the_list_without_a_guess():
    """Nothing is suggested where nothing is near."""
    with pytest.raises(ParameterError) as caught:
        strategy("qqqq")
    assert "Did you mean" not in caught.value.hint
    assert "k-center" in caught.value.hint


def _settings(name, *options):
    return strategy(name).settings(SelectParams(strategy=name, options=options))


def test_settings_are_the_defaults_until_named():
    """Without options the defaults hold; a named one replaces its own default only."""
    assert _settings("k-center") == {"drop_outliers": 0.0}
    assert _settings("stratified", ("temperature", 3.0)) == {"temperature": 3.0}


@pytest.mark.parametrize("value", [-0.5, 50.5, 1e9, math.inf, math.nan, "5", ""])
def test_a_setting_outside_its_range_is_refused(value):
    """The problem names the value and the range."""
    with pytest.raises(ParameterError) as caught:
        _settings("k-center", ("drop_outliers", value))
    assert str(value) in caught.value.problem
    assert "0 to 50" in caught.value.problem


@pytest.mark.parametrize("value", [1.0, 0, True])
def test_a_setting_that_names_a_judge_is_a_name(value):
    """A number is refused, and a name is handed on: whether there is such a judge the dataset knows."""
    with pytest.raises(ParameterError, match="not the name of a judge"):
        _settings("deita", ("with_judge", value))
    assert _settings("deita", ("with_judge", "5"))["with_judge"] == "5"
    assert _settings("deita")["with_judge"] == ""


@pytest.mark.parametrize("value", [0, 0.0, 50, 50.0, 12.5])
def test_the_ends_of_a_range_belong_to_it(value):
    """Whole numbers and fractions alike."""
    assert _settings("k-center", ("drop_outliers", value)) == {"drop_outliers": value}


def test_an_unknown_setting_is_refused_with_the_known_ones():
    """Also where a strategy has none."""
    with pytest.raises(ParameterError, match="drop_outliers"):
        _settings("k-center", ("temperature", 1.0))
    with pytest.raises(ParameterError, match="none"):
        _settings("random", ("temperature", 1.0))


def test_a_setting_of_single_clusters_is_named_by_the_cluster():
    """Any number of them beside the others; noise is -1."""
    found = _settings("cluster-quota", ("quota -1", 0.0), ("quota 12", 25), ("temperature", 3.0))
    assert (found["quota -1"], found["quota 12"], found["temperature"], found["floor"]) == (0.0, 25, 3.0, 0.0)


@pytest.mark.parametrize(
    "name",
    [
        "quota",
        "quota ",
        "quota x",
        "quota 03",
        "quota +3",
        "quota 1.0",
        "quota -0",
        "quota 9999999999",
        "quota 3 ",
    ],
)
def test_a_setting_of_no_cluster_is_unknown(name):
    """It has one spelling: the word, a space and the number; the hint says so."""
    with pytest.raises(ParameterError, match="quota with the number of a cluster"):
        _settings("cluster-quota", (name, 5.0))
    with pytest.raises(ParameterError, match="no setting quota 3"):
        _settings("stratified", ("quota 3", 5.0))


@pytest.mark.parametrize("value", [-1, 0.5, 24.999, math.inf, math.nan, "25", 1e12])
def test_a_quota_is_a_whole_number_of_rows(value):
    """Anything else is refused by its name and value."""
    with pytest.raises(ParameterError, match=r"quota 3 is"):
        _settings("cluster-quota", ("quota 3", value))
