"""Trust of a project: what is measured, what it means in words, judges joined to one from ledger to replay."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from real_rows import FILE, on_real_rows
from small_project import copied, rows, write

from core import Project, SelectParams
from core.aggregates import RULES, aggregated
from core.domain import ScoreColumn
from core.errors import DataError, ParameterError
from core.exporting import read_recipe
from core.families import Families
from core.trust_reading import findings
from core.trust_verdict import verdict

BOTH = ("quality", "depth_score")
MEDIAN = ScoreColumn(name="both", rule="median", of=BOTH)


@pytest.fixture
def small(tmp_path):
    """The sixty rows with their map, in a home of their own."""
    file, home = copied(tmp_path / "home")
    return Project.open(file, home=home)


def made_up(folder, *, noise, count=400):
    """A project whose second judge says what the first does, but for some noise; longer is not better."""
    drawn = np.random.default_rng(1)
    truth = drawn.integers(1, 6, count)
    other = np.clip(truth + (drawn.random(count) < noise) * drawn.integers(-2, 3, count), 1, 5)
    base = rows()
    records = [
        base[place % len(base)]
        | {"id": f"x{place}", "quality": float(truth[place]), "depth_score": float(other[place]),
           "output": "word " * int(drawn.integers(1, 60))}
        for place in range(count)
    ]  # fmt: skip
    return Project.open(write(folder / "made.jsonl", records), home=folder / "made")


def said(found, section):
    return [each for each in findings(found) if each.section == section]


def test_the_verdict_follows_the_agreement(tmp_path):
    """Supported where judges agree, tentative between, not supported where they do not; a step only then."""
    params = SelectParams(judge="quality", min_score=4)
    for noise, word, tone in ((0.0, "is supported", "good"), (1.0, "is not supported", "warn")):
        folder = tmp_path / str(noise)
        folder.mkdir()
        found = made_up(folder, noise=noise).trust(params)
        told = verdict(found)
        assert f"A hard filter on quality at 4 or more {word}: 2 judges agree at alpha" in told.sentence
        assert told.tone == tone
        assert (told.step is None) == (tone == "good")
    (tmp_path / "between").mkdir()
    between = verdict(made_up(tmp_path / "between", noise=0.65).trust(params))
    assert "tentative" in between.sentence


def test_judges_that_grade_differently_and_rank_alike_are_sent_to_percentiles(tmp_path):
    """One is stricter by a grade or more; the advice says so, and only then."""
    drawn = np.random.default_rng(2)
    records = [
        each | {"quality": float(grade), "depth_score": float(max(grade - 3, 0))}
        for each, grade in zip(rows(), drawn.integers(1, 6, 60), strict=True)
    ]
    found = Project.open(write(tmp_path / "strict.jsonl", records), home=tmp_path / "strict")
    assert "go by percentiles" in verdict(found.trust(SelectParams())).advice
    (tmp_path / "coins").mkdir()
    assert (
        "go by percentiles" not in verdict(made_up(tmp_path / "coins", noise=1).trust(SelectParams())).advice
    )


def test_a_threshold_that_everything_passes_is_no_agreement(small):
    """Two filters that keep every row overlap whole, as chance has it: no finding calls that good."""
    found = small.trust(SelectParams(judge="depth_score", min_score=0))
    assert {each.tone for each in said(found, "filters")} == {"warn"}


def test_the_other_threshold_keeps_about_the_same_share(small):
    """The attainable one that is nearest, by counting; without a threshold nothing is filtered."""
    found = small.trust(SelectParams(judge="quality", min_score=4.0))
    judges = small.judges
    share = (judges["quality"].scores >= 4).sum() / judges["quality"].scored
    depth = judges["depth_score"].scores
    best = min(abs((depth >= level).mean() - share) for level in np.unique(depth))
    at = found.now.thresholds["depth_score"]
    assert abs((depth >= at).mean() - share) == pytest.approx(best)
    assert said(found, "filters")
    free = small.trust(SelectParams(judge="quality"))
    assert not said(free, "filters") and not said(free, "clusters")
    assert "at" not in verdict(free).sentence.split("is not")[0].split("quality")[1]


def test_rows_apart_are_those_with_the_widest_spread_whatever_their_order(tmp_path, small):
    """Widest first, by percentiles counted again; many ties, and a shuffled file gives the same ids."""
    found = small.trust(SelectParams()).overall
    spread = found.spread
    assert spread[found.apart[0]] == np.nanmax(spread)
    assert (np.diff(spread[found.apart]) <= 0).all()
    assert np.isnan(spread[17]), "one judge alone is not apart"
    tied = [row | {"depth_score": float(place % 2)} for place, row in enumerate(rows())]
    listed = []
    for name, records in (("one", tied), ("other", tied[::-1])):
        again = Project.open(write(tmp_path / f"{name}.jsonl", records), home=tmp_path / name)
        apart = again.trust(SelectParams()).overall.apart
        listed.append(again.dataset.frame["id"].gather(apart).to_list())
    assert listed[0] == listed[1]


def test_too_few_and_unknown_judges_are_refused_with_a_hint(small):
    """One judge has nobody to be compared with."""
    with pytest.raises(ParameterError, match="two judges"):
        small.trust(SelectParams(), judges=["quality"])
    with pytest.raises(ParameterError, match="no judge 'kwality'"):
        small.trust(SelectParams(), judges=["quality", "kwality"])


def test_families_that_play_two_parts_are_warned_of(small):
    """What is said is kept with the dataset and told at once."""
    before = said(small.trust(SelectParams()), "families")[0]
    assert "Not known: the writer of the responses and the evaluator" in before.sentence
    small.keep_families(Families(writer="gpt-4", evaluator="people", judges=(("quality", "OpenAI"),)))
    after = said(small.trust(SelectParams()), "families")[0]
    assert after.tone == "warn"
    assert "quality and the writer" in after.sentence
    assert "another family, such as Anthropic" in after.advice
    small.keep_families(
        Families(writer="people", evaluator="gpt-4", judges=(("quality", "Meta"), ("depth_score", "Meta")))
    )
    assert said(small.trust(SelectParams()), "families")[0].tone == "good"


def test_a_cluster_that_loses_most_is_named_and_ties_are_counted(small):
    """With a step to quotas; the most frequent score with its share."""
    labels = small.labels()
    label = np.bincount(labels[labels >= 0]).argmax()
    poor = [row | {"quality": 1.0 if labels[place] == label else 5.0} for place, row in enumerate(rows())]
    folder = small.home.parent
    again = Project.open(write(folder / "poor.jsonl", poor), home=small.home)
    again.tokens()
    found = again.trust(SelectParams(judge="quality", min_score=4, count=5))
    alert = said(found, "clusters")[0]
    assert small.clusters().names[int(label)] in alert.sentence
    assert alert.step.name == "cluster-quota"
    tie = said(found, "ties")[0]
    assert "quality gives 2 different scores" in tie.sentence
    assert tie.figure.value == pytest.approx(max((labels == label).mean(), (labels != label).mean()))


def test_every_finding_is_plain_values_for_the_command_line(run, small):
    """JSON without numbers that are none, and sentences without it."""
    file = small.dataset.source
    code, out, _ = run(
        "trust", file, "--home", small.home, "--judge", "quality", "--min-score", "4", "--json"
    )
    told = json.loads(out, parse_constant=pytest.fail)
    assert (code, told["judge"], told["threshold"]) == (0, "quality", 4.0)
    assert {each["section"] for each in told["findings"]} >= {"agreement", "filters", "length", "ties"}
    code, out, _ = run("trust", file, "--home", small.home, "--writer", "gpt-4", "--evaluator", "gpt-5")
    assert "The writer of the responses and the evaluator are both of OpenAI" in out
    assert small.families().writer == "gpt-4"
    code, _, err = run("trust", file, "--home", small.home, "--judge", "kwality")
    assert (code, "Did you mean quality?" in err) == (2, True)


# Judges joined to one.


def test_a_joined_judge_is_kept_found_by_others_and_taken_back(small):
    """Scores by the rule; a judge of its own with its counts; Undo takes it away; vectors are not made again."""
    joined = small.keep_scores([MEDIAN])
    found = joined.judges["both"]
    wanted = aggregated("median", [small.judges[name].scores for name in BOTH])
    assert found.scores == pytest.approx(wanted, nan_ok=True)
    assert (found.scored, found.unscored) == (59, 1)
    again = Project.open(small.dataset.source, home=small.home)
    assert again.judges.keys() == {*BOTH, "both"}
    assert again.has_map()
    assert again.work_key == small.work_key
    assert again.undo_scores().judges.keys() == set(BOTH)


def test_a_joined_judge_waits_for_its_parts_and_is_no_part_itself(small):
    """A part that is switched off leaves it out with the reason; an aggregate of one is not made."""
    off = small.with_scores([MEDIAN, ScoreColumn(name="quality", off=True)])
    assert off.judges.keys() == {"depth_score"}
    assert "quality is no judge any more" in off.dataset.lost[0].why
    with pytest.raises(DataError, match="cannot be made"):
        small.keep_scores([MEDIAN, ScoreColumn(name="of it", rule="mean", of=("both", "quality"))])
    assert small.kept_scores() == ()
    for wrong in (
        replace(MEDIAN, rule="best"), replace(MEDIAN, of=("quality",)),
        replace(MEDIAN, of=("quality", "quality")), replace(MEDIAN, name="quality"),
    ):  # fmt: skip
        with pytest.raises(ParameterError):
            small.with_scores([wrong])


def test_a_repaired_judge_asks_the_neighbours_once_and_waits_for_a_map(small, tmp_path):
    """It is the strategy's repair; opening a home without a map leaves it out, and says why."""
    column = ScoreColumn(name="mended", rule="repaired", of=("quality",))
    found = small.keep_scores([column]).judges["mended"]
    params = SelectParams(judge="quality", strategy="repaired", count=20)
    order = small.select(params).rows
    assert (np.diff(found.scores[order]) <= 0).all()
    bare = Project.open(small.dataset.source, home=tmp_path / "bare")
    assert "mended" not in bare.with_scores([column], make=False).judges
    assert "there is no map yet" in bare.with_scores([column], make=False).dataset.lost[0].why


@pytest.mark.parametrize("rule", RULES)
def test_a_recipe_makes_a_joined_judge_again(run, small, tmp_path, rule):
    """In another home, by its rule and parts alone, to the same ids."""
    spec = f"joined={rule}:quality,depth_score"
    out = tmp_path / "out"
    code, _, err = run(
        "select", small.dataset.source, "--home", small.home, "--out", out, "--aggregate", spec,
        "--judge", "joined", "--min-score", "40", "--count", "7", "--strategy", "top-score",
    )  # fmt: skip
    assert code == 0, err
    recipe = read_recipe(out / "recipe.yaml")
    assert (recipe.scores[0].rule, recipe.scores[0].joins) == (rule, list(BOTH))
    _, other = copied(tmp_path / "other")
    code, told, err = run("replay", out / "recipe.yaml", "--data", small.dataset.source, "--home", other)
    assert "The same 7 ids" in told, err


def test_flags_of_joined_judges_that_make_no_sense_are_said(run, small):
    """An unknown rule or judge; without a name the title is made, and without judges all are joined."""
    base = ("select", small.dataset.source, "--home", small.home, "--out", small.home / "o", "--count", "3")
    code, _, err = run(*base, "--aggregate", "best")
    assert (code, "There is no aggregate 'best'" in err) == (2, True)
    code, _, err = run(*base, "--aggregate", "median:quality,other")
    assert (code, "There is no judge 'other' to join" in err) == (2, True)
    name = "median of 2 judges"
    code, _, err = run(*base, "--aggregate", "median", "--judge", name, "--strategy", "top-score")
    assert code == 0, err


def test_a_joined_judge_that_decides_is_judged_by_its_parts(small):
    """By the reliability of their sum, which is said not to be alpha; overlap says what is a part of it."""
    joined = small.with_scores([MEDIAN])
    found = joined.trust(SelectParams(judge="both", min_score=60))
    rho = found.overall.pairs[0].spearman.value
    assert found.judges == BOTH
    assert verdict(found).figure.value == pytest.approx(max(2 * rho / (1 + rho), 0))
    assert "quality is a part of both," in said(found, "filters")[0].sentence
    assert said(found, "length")[0].title == "both and length"
    assert all(each.step is None or each.step.name != "both" for each in findings(found))


@on_real_rows
def test_three_real_judges_support_no_hard_filter():
    """Alpha 0.139, Spearman 0.20 to 0.31, said plainly and in three seconds; length is most of what they share."""
    project = Project.open(FILE, home="/nonexistent")
    params = SelectParams(judge="judge_gpt4omini", min_score=3, count=1000)
    start = time.process_time()
    found = project.trust(params)
    told = (verdict(found), *findings(found))
    assert time.process_time() - start < 3
    assert "A hard filter on judge_gpt4omini at 3 or more is not supported" in told[0].sentence
    assert round(told[0].figure.value, 3) == 0.139
    assert [round(each.spearman.value, 2) for each in found.overall.pairs] == [0.29, 0.31, 0.2]
    assert all(each.sentence.endswith(".") and each.advice.endswith(".") for each in told)
    assert max(found.overall.beyond_length) < 0.2
