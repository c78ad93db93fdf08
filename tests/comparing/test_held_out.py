from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from shuffled import JUDGE, write_sample
from small_project import SAMPLE, copied, rows, sample_home, write

from core import Project, SelectParams
from core.domain import Judge
from core.held_out import Gain, held_out, opinion
from core.selection import strategies

BY_SCORE = [
    *((name, ()) for name, each in strategies().items() if "scores" in each.needs),
    ("threshold", ()),
    ("facility", (("quality", 0.5),)),
]
GRADES = np.array([1, 2, 2, 3, 4, 4, 4, 4, 5, np.nan])
DRAWN = 2000  # selections that are no better than random


class Rows(SimpleNamespace):
    """As much of a selection as an opinion needs."""

    def __len__(self):
        return len(self.rows)


def _rows(rows, judge="another", options=()):
    return Rows(rows=np.asarray(rows), params=SelectParams(judge=judge, options=options))


def _judge(scores):
    return Judge("one", np.asarray(scores, np.float32), 1, 5, 1, 0, 0)


def _opinions(shift):
    """What a judge of 1,000 rows says of selections drawn at random, ``shift`` standard errors better."""
    rng = np.random.default_rng(7)
    scores = rng.choice(GRADES, 1000)
    scored = scores[~np.isnan(scores)]
    step = shift * scored.std() * math.sqrt((1 - 50 / 1000) / 45)
    for _ in range(DRAWN):
        chosen, *drawn = (rng.permutation(1000)[:50] for _ in range(6))
        if shift:
            better = scores.copy()
            better[chosen] += step
            raised = opinion(_judge(better), _rows(chosen), _rows(chosen), drawn)
            plain = opinion(_judge(scores), _rows(chosen), _rows(chosen), drawn)
            yield raised.gain, plain
        else:
            found = opinion(_judge(scores), _rows(chosen), _rows(chosen), drawn)
            yield found.gain, found


def test_false_alarms_are_rare():
    """Of 2,000 random selections next to none is called a gain or a loss; by the range alone a third would be."""
    found = list(_opinions(0))
    alarms = np.mean([gain is not Gain.NONE for gain, _ in found])
    outside = np.mean([not one.low <= one.unaided <= one.high for _, one in found])
    assert outside == pytest.approx(1 / 3, abs=0.04)
    assert alarms < 0.006


def test_a_real_gain_is_seen():
    """Selections whose rows are six standard errors better are called a gain, nearly all of them."""
    assert np.mean([gain is Gain.GAIN for gain, _ in _opinions(6)]) > 0.95


def test_the_standard_error_is_the_spread_of_random_means():
    """As measured over 2,000 draws without replacement, unscored rows among them."""
    found = [one for _, one in _opinions(0)]
    spread = np.std([one.unaided for one in found])
    assert np.mean([one.error for one in found]) == pytest.approx(spread, rel=0.06)
    assert np.mean([one.unaided for one in found]) == pytest.approx(found[0].pool, abs=0.02)


def test_means_and_range_are_those_of_polars():
    """Selected rows, five draws and all rows, unscored ones left out."""
    scores = pl.Series([1.0, 5.0, None, 3.0, 4.0, None, 2.0, 5.0])
    judge = _judge(scores.fill_null(math.nan).to_numpy())
    drawn = [np.array(each) for each in ([0, 1, 2], [3, 4, 5], [6, 7, 0])]
    found = opinion(judge, _rows([7, 1, 5]), _rows([4, 2, 3]), drawn)
    means = [scores.gather(each).mean() for each in drawn]
    assert (found.mean, found.unaided) == (scores.gather([7, 1, 5]).mean(), scores.gather([4, 2, 3]).mean())
    assert (found.low, found.high) == (min(means), max(means))
    assert found.random == pytest.approx(np.mean(means))
    assert found.pool == pytest.approx(scores.mean())


@pytest.mark.parametrize(
    ("rows", "gain"), [([2, 5], Gain.UNKNOWN), ([], Gain.UNKNOWN), (range(8), Gain.NONE)]
)
def test_without_scores_there_is_no_opinion_and_all_rows_are_no_gain(rows, gain):
    """Unscored rows, no rows, and the whole pool."""
    judge = _judge([1.0, 5.0, math.nan, 3.0, 4.0, math.nan, 2.0, 5.0])
    chosen = _rows(np.array(list(rows), dtype=int))
    assert opinion(judge, chosen, chosen, [np.arange(8)] * 5).gain is gain


@pytest.mark.parametrize(
    ("chosen", "chose"),
    [
        (_rows([0], judge="one"), True),
        (_rows([0], judge="two"), False),
        (_rows([0], judge="two", options=(("complexity", "one"),)), True),
    ],
)
def test_a_judge_that_a_setting_names_chose_as_well(chosen, chose):
    """It is no witness, though the threshold is about another judge's scores."""
    assert opinion(_judge([1.0, 2.0, 3.0]), chosen, chosen, [np.arange(2)]).chose is chose


@pytest.fixture(scope="module", params=range(4))
def mixed(request, tmp_path_factory):
    """The sample with scores that say nothing, four times."""
    folder = tmp_path_factory.mktemp("shuffled")
    path = write_sample(folder / "shuffled.jsonl", request.param)
    return Project.open(path, home=sample_home())


@pytest.mark.parametrize(("name", "options"), BY_SCORE, ids=[name for name, _ in BY_SCORE])
def test_shuffled_scores_gain_nothing(mixed, name, options):
    """Whatever strategy follows them: the judge that did not choose sees no gain, and the sentence says so."""
    params = SelectParams(judge=JUDGE, min_score=4, count=100, strategy=name, options=options)
    found = held_out(mixed, mixed.select(params))
    assert [each.gain for each in found.independent] == [Gain.NONE]
    assert found.sentence.endswith("no gain over random by the judge that did not choose.")
    chose = found.opinions[0]
    assert chose.chose
    assert chose.gain is Gain.GAIN  # it likes what it chose, and that says nothing


def test_true_scores_gain_something():
    """The sample's judges agree well enough that one likes what the other chose."""
    project = Project.open(SAMPLE, home=sample_home())
    params = SelectParams(judge=JUDGE, min_score=4.5, count=200, strategy="top-score")
    found = held_out(project, project.select(params))
    assert [each.gain for each in found.independent] == [Gain.GAIN]
    assert "standard errors above the mean of all rows): a gain over random by" in found.sentence


def test_judges_that_broke_ties_are_asked_about_rows_they_did_not_choose(tmp_path):
    """A judge whose scores are all equal leaves the choice to the next one; that one is not asked about it."""
    records = [row | {"quality": 3.0 + (place == 0)} for place, row in enumerate(rows())]
    _, home = copied(tmp_path / "home")
    path = write(tmp_path / "tied.jsonl", records)
    project = Project.open(path, home=home)
    chosen = project.select(SelectParams(judge="quality", count=20, strategy="top-score"))
    found = held_out(project, chosen)
    depth = next(each for each in found.opinions if each.judge == "depth_score")
    best = sorted((row["depth_score"] for row in records[1:]), reverse=True)[:19]
    assert depth.mean == pytest.approx((sum(best) + records[0]["depth_score"]) / 20)
    assert depth.gain is Gain.NONE
    assert depth.unaided < depth.mean
    assert found.aided > 0
    assert "chosen without their say in ties" in found.sentence


def test_one_judge_alone_cannot_vouch_for_itself(tmp_path):
    """Without a second judge nobody can say; without any judge at all it is the same."""
    alone = [{k: v for k, v in row.items() if k != "depth_score"} for row in rows()]
    _, home = copied(tmp_path / "home")
    project = Project.open(write(tmp_path / "alone.jsonl", alone), home=home)
    for judge, strategy in (("quality", "top-score"), ("quality", "k-center")):
        chosen = project.select(SelectParams(judge=judge, count=9, strategy=strategy))
        assert "nobody can say" in held_out(project, chosen).sentence
    without = project.select(SelectParams(count=9, strategy="k-center"))
    assert held_out(project, without).independent  # a choice without scores: every judge may be asked
