"""The command line: the same ids as an independent computation, and what is said of them."""

from __future__ import annotations

import hashlib
import json
import re
import sys

import numpy as np
import pytest
from own_process import core_says, scores_of
from small_project import SAMPLE, rows, sample_home, write

import core.__main__ as command
from core import Project
from core.domain import Progress
from core.project import Clusters

# The same ids as an independent computation, on the sample, in processes of their own.


def _drawn(ids, seed):
    """A random number a row from the seed and its id: splitmix64 of two sha256, in plain integers."""
    mask = 2**64 - 1

    def first(text):
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")

    def mixed(value):
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
        return value ^ (value >> 31)

    return [mixed(first(each) ^ first(f"winnow {seed}")) for each in ids]


def _farthest(project, eligible, count, drawn):
    eligible = sorted(eligible, key=drawn.__getitem__)
    wide = project.vectors()[eligible].astype(float)
    picks = [int((wide * wide.mean(axis=0)).sum(axis=1).argmax())]
    nearest = np.full(len(wide), np.inf)
    while len(picks) < count:
        nearest = np.minimum(nearest, 1 - (wide * wide[picks[-1]]).sum(axis=1))
        picks.append(int(nearest.argmax()))
    return [eligible[pick] for pick in picks]


def _best(project, eligible, count, drawn):
    """By accuracy, helpfulness, distance to what is better (in the neighbour graph), then the draw."""
    rank = list(zip(scores_of("accuracy"), scores_of("helpfulness"), strict=True))
    indices, distances = project.neighbours()
    inside = set(eligible)

    def distance(row):
        better = [
            d
            for k, d in zip(indices[row], distances[row], strict=True)
            if k in inside and rank[k] > rank[row]
        ]
        return float(min(better, default=np.inf))

    return sorted(eligible, key=lambda row: (-rank[row][0], -rank[row][1], -distance(row), drawn[row]))[
        :count
    ]


EXPECTED = {
    "k-center": _farthest,
    "top-score": _best,
    "random": lambda _, eligible, count, drawn: sorted(eligible, key=drawn.__getitem__)[:count],
}


@pytest.mark.parametrize("strategy", EXPECTED)
def test_select_writes_the_ids_that_an_independent_computation_gives(tmp_path, strategy):
    """On the sample: who is eligible, who is chosen and in what order; the training file is in that order."""
    arguments = ("--judge", "accuracy", "--min-score", "3.5", "--count", "200", "--strategy", strategy)
    where = ("--seed", "3", "--out", tmp_path / "out", "--home", sample_home())
    code, out, err = core_says("select", SAMPLE, *arguments, *where)
    assert (code, err) == (0, "")
    project = Project.open(SAMPLE, home=sample_home())
    ids = project.dataset.frame["id"].to_list()
    eligible = np.flatnonzero(scores_of("accuracy") >= 3.5).tolist()
    expected = [ids[row] for row in EXPECTED[strategy](project, eligible, 200, _drawn(ids, 3))]
    assert (tmp_path / "out" / "ids.txt").read_text("utf-8") == "".join(f"{each}\n" for each in expected)
    lines = (tmp_path / "out" / "train.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == expected
    assert f"1,008 rows, {len(eligible):,} eligible, 200 selected." in out


def test_select_by_threshold_takes_every_row_at_or_above_it(run, tmp_path):
    """Without a count nothing is capped."""
    arguments = ("--judge", "helpfulness", "--min-score", 4.5, "--strategy", "threshold")
    assert run("select", SAMPLE, *arguments, "--out", tmp_path / "out", "--home", sample_home())[0] == 0
    chosen = (tmp_path / "out" / "ids.txt").read_text("utf-8").split()
    ids = Project.open(SAMPLE, home=sample_home()).dataset.frame["id"].to_list()
    assert sorted(chosen) == [ids[row] for row in np.flatnonzero(scores_of("helpfulness") >= 4.5)]


# What is said.


def test_map_says_what_it_did_and_how_long(run, small):
    """The file, each stage with its seconds, and how the vectors were made."""
    file, home = small
    code, out, err = run("map", file, "--home", home)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "small.jsonl: 60 rows, schema alpaca"
    said = [re.fullmatch(r"(.+): \d+\.\d s", line) for line in lines[1:7]]
    stages = ["draft map", "tokens", "vectors", "neighbours", "clusters", "coordinates"]
    assert [match and match[1] for match in said] == stages
    assert lines[7].startswith("all-MiniLM-L6-v2 on cpu")


def test_map_answers_in_json(run, small):
    """One object and nothing else: rows, clusters without noise, seconds a stage, problems, note and home."""
    file, home = small
    code, out, err = run("map", file, "--home", home, "--json")
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert (report["rows"], report["home"], report["problems"]) == (60, str(home), [])
    assert report["clusters"] == len(set(Project.open(file, home=home).labels().tolist()) - {-1})
    assert list(report["seconds"]) == [
        "draft map",
        "tokens",
        "vectors",
        "neighbours",
        "clusters",
        "coordinates",
    ]
    assert report["note"]


def test_noise_is_no_cluster(run, small, monkeypatch):
    """The count in JSON is of clusters that rows are in."""
    file, home = small
    found = Clusters(np.zeros(60, np.int32), {-1: "noise", 0: "cats", 1: "dogs"})
    monkeypatch.setattr("core.project.Project.clusters", lambda *_, **__: found)
    assert json.loads(run("map", file, "--home", home, "--json")[1])["clusters"] == 2


def test_map_makes_a_map_where_there_is_none(tmp_path):
    """From nothing to everything stored, in a process of its own, in the folder it was started in."""
    file = write(tmp_path / "a.jsonl", [{"instruction": f"Say {k}", "output": "x"} for k in range(3)])
    code, out, err = core_says("map", file.name, cwd=tmp_path)
    assert (code, err) == (0, "")
    assert "a.jsonl: 3 rows" in out
    assert Project.open(file, home=tmp_path / ".winnow").has_map()


def test_select_answers_in_json(run, small, tmp_path):
    """Counts, ties, notes, problems and the files that were written."""
    file, home = small
    arguments = ("--judge", "quality", "--min-score", "5", "--count", "100", "--strategy", "top-score")
    code, out, err = run("select", file, *arguments, "--out", tmp_path / "out", "--home", home, "--json")
    report = json.loads(out)
    fives = sum(row["quality"] == 5 for row in rows())
    assert (code, err) == (0, "")
    assert (report["pool"], report["eligible"], report["selected"]) == (60, fives, fives)
    assert report["ties"] == {"tied": 0, "chosen": 0}
    assert report["notes"][0] == f"All {fives} eligible rows are selected: fewer than the 100 asked for."
    assert report["problems"] == []
    assert sorted(report["files"]) == sorted(str(path) for path in (tmp_path / "out").iterdir())


def test_select_says_what_was_tied_capped_and_written(run, small, tmp_path):
    """Whatever decided the choice beside the scores is said in words."""
    file, home = small
    arguments = ("--judge", "quality", "--min-score", "2", "--count", "10", "--strategy", "threshold")
    _, out, _ = run("select", file, *arguments, "--out", tmp_path / "out", "--home", home)
    eligible = sum((row["quality"] or 0) >= 2 for row in rows())
    assert (
        f"10 of the selected rows came out of a tie of {eligible}: every eligible row is equal here. "
        "Decided by the other judges' scores" in out
    )
    assert "Without a score by quality, and so left out: 1 row." in out
    assert f"60 rows, {eligible} eligible, 10 selected." in out
    assert f"Written to {tmp_path / 'out'}: train.jsonl, ids.txt" in out


@pytest.mark.parametrize("json_wanted", [False, True])
def test_what_was_not_loaded_is_said(run, tmp_path, json_wanted):
    """A broken line is counted and named, for people and for programs."""
    file = tmp_path / "a.jsonl"
    file.write_text('{"instruction": "a", "output": "b"}\n{broken\n{"instruction": "c", "output": ""}\n')
    arguments = ("--strategy", "random", "--out", tmp_path / "out", "--home", tmp_path / "home")
    code, out, _ = run("select", file, *arguments, *(["--json"] if json_wanted else []))
    assert code == 0
    if json_wanted:
        broken, empty = json.loads(out)["problems"]
        assert (broken["count"], broken["loaded"]) == (1, False)
        assert (empty["kind"], empty["count"], empty["loaded"]) == ("empty responses", 1, True)
    else:
        assert re.search(r"^broken JSON \(not loaded\): 1 \(line 2", out, re.M)
        assert "empty responses: 1 (line 3)" in out


def test_progress_is_shown_on_a_terminal_only(capsys, monkeypatch):
    """On one line that is written over; a log file and a reader of JSON get none of it."""
    for terminal, quiet in ((True, False), (False, False), (True, True)):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal, raising=False)
        say = command._Say(quiet=quiet)
        say.progress(Progress("embed", 512, 1024, "100 texts/s"))
        say.progress(Progress("embed", 1024, 1024))
        err = capsys.readouterr().err
        if terminal and not quiet:
            assert "\r\033[Kembed 512 of 1,024 100 texts/s" in err
            assert err.endswith("\r\033[K")
            assert "\n" not in err
        else:
            assert err == ""
