"""Which rows every strategy chooses, and what pins make of it, against a few independent lines."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from small_project import copied, qualities, rows, write

from core import Pins, Project, Reason, SelectParams, orders
from core.errors import ParameterError

# Choosing, against a few independent lines.


def _drawn(seed):
    """A random number a row from the seed and its id: splitmix64 of two sha256, in plain integers."""
    mask = 2**64 - 1

    def first(text):
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")

    numbers = []
    for row in rows():
        mixed = first(row["id"]) ^ first(f"winnow {seed}")
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
        numbers.append(mixed ^ (mixed >> 31))
    return numbers


def test_top_score_takes_the_best_scores(project):
    """By quality, then by the other judge, which never ties; the unscored row is not there."""
    chosen = project.select(SelectParams(judge="quality", count=20, strategy="top-score"))
    scored = [row for row in rows() if row["quality"] is not None]
    best = sorted(scored, key=lambda row: (-row["quality"], -row["depth_score"]))
    assert chosen.ids == [row["id"] for row in best[:20]]


def test_threshold_takes_everything_at_or_above_it(project):
    """The threshold is inclusive, and without a count nothing is capped."""
    chosen = project.select(SelectParams(judge="quality", min_score=4.5, strategy="threshold"))
    assert sorted(chosen.ids) == [row["id"] for row in rows() if (row["quality"] or 0) >= 4.5]


BOTH = SelectParams(judge="quality", strategy="deita", options=(("with_judge", "depth_score"),))


@pytest.mark.usefixtures("fake")
def test_a_second_judge_is_a_factor_and_its_unscored_rows_are_unscored(tmp_path):
    """Both scores are needed: a row without either is counted, said and left out, at any threshold."""
    records = rows()
    for place in (3, 40):
        records[place]["depth_score"] = None
    project = Project.open(write(tmp_path / "small.jsonl", records), home=tmp_path)
    chosen = project.select(BOTH)
    reasons = dict(zip((row["id"] for row in records), chosen.reasons, strict=True))
    assert {id_ for id_, reason in reasons.items() if reason == "unscored"} == {"r03", "r17", "r40"}
    assert "Without a score by quality or depth_score, and so left out: 3 rows." in chosen.notes
    assert chosen.eligible == 57
    depth = {row["id"]: 1 + 5 * row["depth_score"] / 59 for row in records if row["depth_score"] is not None}
    products = {row["id"]: row["quality"] * depth[row["id"]] for row in records if row["id"] in chosen.ids}
    assert chosen.ids == sorted(chosen.ids, key=products.__getitem__, reverse=True)


@pytest.mark.parametrize(
    ("name", "problem", "hint"),
    [
        ("quality", "names quality, which is the judge already", "It can be: depth_score."),
        ("depth", "no judge 'depth' in small.jsonl for with_judge", "It can be: depth_score."),
    ],
)
def test_a_second_judge_that_cannot_be_is_refused(project, name, problem, hint):
    """The same judge, and one that is not there: the hint names those that can be."""
    with pytest.raises(ParameterError, match=problem) as caught:
        project.select(replace(BOTH, options=(("with_judge", name),)))
    assert caught.value.hint == hint


def test_a_second_judge_needs_a_file_with_two(tmp_path):
    """A file with one score column says so, with both ways out."""
    records = [{**row, "depth_score": "none"} for row in rows()]
    project = Project.open(write(tmp_path / "one.jsonl", records), home=tmp_path)
    with pytest.raises(ParameterError, match="needs a second judge, and one") as caught:
        project.select(BOTH)
    assert "Leave with_judge out" in caught.value.hint


@pytest.mark.parametrize("seed", [0, 7, -1])
def test_random_draws_by_seed_and_id(project, seed):
    """The eligible rows by the number that seed and id give, smallest first."""
    chosen = project.select(
        SelectParams(judge="quality", min_score=2, count=12, strategy="random", seed=seed)
    )
    drawn, quality = _drawn(seed), qualities()
    eligible = [row for row in range(60) if quality[row] >= 2]
    assert chosen.rows.tolist() == sorted(eligible, key=drawn.__getitem__)[:12]


def test_k_center_takes_the_farthest_row_each_time(project):
    """Greedy over all pairs in double precision, from the row nearest the mean; repeats go by their draw."""
    chosen = project.select(SelectParams(judge="quality", min_score=2, count=25, strategy="k-center"))
    rows_in = sorted(np.flatnonzero(qualities() >= 2), key=_drawn(0).__getitem__)
    wide = project.vectors()[rows_in].astype(float)
    picks = [int((wide * wide.mean(axis=0)).sum(axis=1).argmax())]
    nearest = np.full(len(wide), np.inf)
    while len(picks) < 25:
        nearest = np.minimum(nearest, 1 - (wide * wide[picks[-1]]).sum(axis=1))
        picks.append(int(nearest.argmax()))
    assert chosen.rows.tolist() == [rows_in[pick] for pick in picks]


def test_stratified_gives_each_cluster_its_share(project):
    """Half of the rows hold half of every cluster, to within one row."""
    chosen = project.select(SelectParams(count=30, strategy="stratified"))
    labels = project.labels()
    for label in set(labels.tolist()):
        assert abs((labels[chosen.rows] == label).sum() - (labels == label).sum() / 2) <= 1


def test_the_whole_numbers_and_floats_of_numpy_are_as_good_as_pythons(tmp_path, calls):
    """A threshold out of an array is no other threshold: the same rows, and one stored order."""
    file, home = copied(tmp_path / "home")
    chosen = []
    for low, count in ((4, 10), (4.0, 10), (np.float32(4), np.int64(10)), (np.float64(4), np.int32(10))):
        project = Project.open(file, home=home)
        params = SelectParams(judge="quality", min_score=low, count=count, options=(("drop_outliers", low),))
        chosen.append(project.select(params))
        project.export(chosen[-1], tmp_path / "out")
    assert len({tuple(each.ids) for each in chosen}) == 1
    assert len(list(home.glob("store/order/*"))) == 1


# Pins.


def test_pins_of_the_parameters_hold(project):
    """Included rows come first even below the threshold, excluded ones never; nobody else moves."""
    params = SelectParams(judge="quality", min_score=3, count=10, strategy="top-score")
    plain = project.select(params)
    low = next(row["id"] for row in rows() if (row["quality"] or 5) < 2)
    pins = Pins(include=frozenset({low}), exclude=frozenset(plain.ids[2:4]))
    pinned = project.select(SelectParams(**{**_fields(params), "pins": pins}))
    assert pinned.ids == [
        low,
        *plain.ids[:2],
        *project.select(SelectParams(**{**_fields(params), "count": 11})).ids[4:],
    ]
    reasons = dict(zip(project.dataset.frame["id"], pinned.codes, strict=True))
    assert reasons[low] == Reason.PINNED
    assert {reasons[each] for each in plain.ids[2:4]} == {Reason.EXCLUDED}


def _fields(params):
    return {name: getattr(params, name) for name in params.__dataclass_fields__}


def test_pins_of_the_ledger_are_not_applied_by_themselves(tmp_path):
    """``project.pins`` is what people pinned; a selection uses the pins that it is given."""
    file, home = copied(tmp_path / "home")
    project = Project.open(file, home=home)
    project.ledger.pin(project.dataset.fingerprint, "exclude", ["r00"])
    assert project.pins == Pins(exclude=frozenset({"r00"}))
    everything = SelectParams(strategy="random")
    assert "r00" in project.select(everything).ids
    assert "r00" not in project.select(SelectParams(strategy="random", pins=project.pins)).ids


@pytest.mark.parametrize("excluded", [1, 3, 20])
def test_an_excluded_row_is_replaced_even_at_the_end_of_an_order(project, monkeypatch, excluded):
    """Where the count is as long as the order that is made, those left out are made up for."""
    monkeypatch.setattr(orders, "FIRST_LIMIT", 8)
    plain = project.order(SelectParams(count=60))
    ids = project.dataset.frame["id"]
    out = plain[:excluded]
    pins = Pins(exclude=frozenset(ids.gather(out).to_list()))
    chosen = project.select(SelectParams(count=8, pins=pins))
    assert chosen.rows.tolist() == plain[excluded : excluded + 8].tolist()
    assert Counter(chosen.reasons.to_list()) == {
        "chosen": 8,
        "excluded": excluded,
        "over budget": 52 - excluded,
    }


def test_the_longest_responses_of_a_file_are_chosen_by_their_characters(project):
    """The same rows as sorting the file's own texts, whatever the judges say."""
    chosen = project.select(SelectParams(strategy="longest", count=9))
    lengths = sorted((len(each["output"]) for each in rows()), reverse=True)
    output = {each["id"]: each["output"] for each in rows()}
    assert [len(output[id_]) for id_ in chosen.ids] == lengths[:9]
