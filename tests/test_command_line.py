from __future__ import annotations

import hashlib
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from small_project import SAMPLE, built, copied, rows, sample_home, write

import core.__main__ as command
from core import Project, SelectParams
from core.domain import Progress
from core.project import Clusters

REPOSITORY = Path(__file__).parents[1]


def _start(*arguments, **settings):
    return subprocess.Popen(
        [sys.executable, "-m", "core", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def _core(*arguments, **settings):
    """(exit code, stdout, stderr) of ``python -m core`` in a process of its own."""
    with _start(*arguments, **settings) as process:
        out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@pytest.fixture
def small(tmp_path):
    """(file, home) of the sixty rows, every stage stored."""
    return copied(tmp_path / "home")


def _scores(name):
    return np.array([row[name] for row in map(json.loads, SAMPLE.read_text("utf-8").splitlines())], float)


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
    rank = list(zip(_scores("accuracy"), _scores("helpfulness"), strict=True))
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
    code, out, err = _core("select", SAMPLE, *arguments, *where)
    assert (code, err) == (0, "")
    project = Project.open(SAMPLE, home=sample_home())
    ids = project.dataset.frame["id"].to_list()
    eligible = np.flatnonzero(_scores("accuracy") >= 3.5).tolist()
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
    assert sorted(chosen) == [ids[row] for row in np.flatnonzero(_scores("helpfulness") >= 4.5)]


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
    code, out, err = _core("map", file.name, cwd=tmp_path)
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
        f"10 of the chosen rows came out of a tie of {eligible}; decided by the other judges' scores" in out
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
        assert "empty responses: 1 (row 2)" in out


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


# Options.


def test_the_options_are_the_parameters(run, small, tmp_path):
    """Seed, settings of the strategy and format reach the recipe and the choice."""
    file, home = small
    arguments = ("--seed", 5, "--option", "drop_outliers=20", "--count", 12, "--format", "csv")
    assert run("select", file, *arguments, "--out", tmp_path / "out", "--home", home)[0] == 0
    params = SelectParams(count=12, seed=5, options=(("drop_outliers", 20.0),))
    assert _ids(tmp_path) == Project.open(file, home=home).select(params).ids
    assert (tmp_path / "out" / "train.csv").exists()


def _ids(tmp_path):
    return (tmp_path / "out" / "ids.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("form", ["{}\n{}\n", "\ufeff{}\r\n{}\r\n", "\n{}\n\n{}"])
def test_pins_come_from_files_of_ids(run, small, tmp_path, form):
    """Included ones come first and excluded ones never, however an editor saved the lines."""
    file, home = small
    (tmp_path / "in.txt").write_bytes(form.format("r40", "r17").encode())
    (tmp_path / "out.txt").write_bytes(form.format("r00", "r01").encode())
    arguments = ("--strategy", "random", "--judge", "quality", "--include", tmp_path / "in.txt")
    where = ("--exclude", tmp_path / "out.txt", "--out", tmp_path / "out", "--home", home)
    assert run("select", file, *arguments, *where)[0] == 0
    ids = _ids(tmp_path)
    assert set(ids[:2]) == {"r40", "r17"}
    assert len(ids) == 58
    assert not {"r00", "r01"} & set(ids)


def test_an_id_with_spaces_can_be_pinned_by_its_line_in_ids_txt(run, tmp_path):
    """What one export wrote, the next one reads."""
    records = [{"id": name, "instruction": f"Say {name}", "output": "x"} for name in (" a ", "b c", "é")]
    file = write(tmp_path / "a.jsonl", records)
    where = ("--out", tmp_path / "out", "--home", tmp_path / "home")
    assert run("select", file, "--strategy", "random", *where)[0] == 0
    assert set(_ids(tmp_path)) == {" a ", "b c", "é"}
    (tmp_path / "pins.txt").write_text(" a \n", "utf-8")
    assert (
        run("select", file, "--strategy", "random", "--count", 1, "--include", tmp_path / "pins.txt", *where)[
            0
        ]
        == 0
    )
    assert _ids(tmp_path) == [" a "]


def test_a_licence_gives_a_card_with_the_figures_of_the_selection(run, small, tmp_path):
    """Beside random draws of the same size, as the comparison says them."""
    file, home = small
    arguments = ("--judge", "quality", "--min-score", 3, "--count", 15, "--license", "CC-BY-NC-4.0")
    code, out, _ = run("select", file, *arguments, "--out", tmp_path / "out", "--home", home)
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    project = Project.open(file, home=home)
    table = project.compare(project.select(SelectParams(judge="quality", min_score=3, count=15)))
    mean = table.filter(pl.col("metric") == "Mean score")["selection"].item()
    assert code == 0
    assert "README.md" in out
    assert "\nlicense: cc-by-nc-4.0\n" in card
    assert "**Non-commercial.**" in card
    assert f"| Mean score | {mean:,.4g} |" in card


# What goes wrong.

SELECT = ("select", "{file}", "--home", "{home}", "--out", "{tmp}/out")
BAD = {
    "no command": ((), "required: COMMAND", "--help"),
    "unknown command": (("mop",), "invalid choice: 'mop'", "map"),
    "no file": (("map",), "required: file", "map --help"),
    "unknown flag": (("map", "{file}", "--fast"), "--fast", "--help"),
    "unknown flag of select": ((*SELECT, "--min_score", "3"), "--min_score", "--help"),
    "no folder": (("select", "{file}"), "required: --out", "select --help"),
    "no number": ((*SELECT, "--count", "ten"), "--count: invalid int value: 'ten'", "select --help"),
    "missing file": (("map", "{tmp}/none.jsonl"), "There is no file", "Check the path"),
    "a folder": (("map", "{tmp}"), "not of a kind that can be read", "Readable: json"),
    "unknown columns": (("map", "{odd}"), "Found: a, b", "Known: alpaca"),
    "a pickle": (("map", "{tmp}/x.pkl"), "can run code", "JSONL"),
    "judge": (
        (*SELECT, "--judge", "qality"),
        "no judge 'qality'",
        "Did you mean quality? Judges: quality, depth",
    ),
    "no judge": ((*SELECT, "--min-score", "3"), "needs a judge", "Judges: quality"),
    "nan": (
        (*SELECT, "--judge", "quality", "--min-score", "nan"),
        "threshold is not a number",
        "Leave it out",
    ),
    "strategy": ((*SELECT, "--strategy", "kcenter"), "no strategy 'kcenter'", "Did you mean k-center?"),
    "count": ((*SELECT, "--count", "-1"), "The count is -1", "0 or more"),
    "option": ((*SELECT, "--option", "outliers=3"), "no setting outliers", "Its settings: drop_outliers"),
    "option without value": (
        (*SELECT, "--option", "drop_outliers"),
        "'drop_outliers' is not a number",
        "NAME=VALUE",
    ),
    "option out of range": ((*SELECT, "--option", "drop_outliers=99"), "outside 0 to 50", "outliers"),
    "licence": ((*SELECT, "--license", "all rights: mine"), "not the identifier of a licence", "cc-by-4.0"),
    "no licence": ((*SELECT, "--license", ""), "needs the licence of the source", "cc-by-4.0"),
    "no recipe": (("replay", "{tmp}/none.yaml"), "There is no recipe", "Check the path"),
    "odd recipe": (("replay", "{odd}"), "odd.json is not a recipe", "that an export wrote"),
    "format": ((*SELECT, "--format", "xml"), "no export format 'xml'", "Formats: jsonl, json, csv, parquet"),
    "pins": ((*SELECT, "--include", "{odd}"), "Not in small.jsonl: 1 pinned id", "such as 'r00'"),
    "no pins": ((*SELECT, "--exclude", "{tmp}/none"), "could not be read: No such file", "one id a line"),
    "binary pins": ((*SELECT, "--exclude", "{binary}"), "it is not UTF-8 text", "one id a line"),
    "out is a file": ((*SELECT[:-1], "{odd}"), "could not be written: File exists", "choose another folder"),
    "home is a file": (
        ("map", "{file}", "--home", "{odd}"),
        "could not be written: Not a directory",
        "another home",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(run, small, tmp_path, case):
    """The problem, then the hint, on standard error; nothing on standard output, no traceback."""
    arguments, problem, hint = BAD[case]
    file, home = small
    places = {
        "file": file,
        "home": home,
        "tmp": tmp_path,
        "odd": tmp_path / "odd.json",
        "binary": tmp_path / "b",
    }
    places["odd"].write_text('[{"a": 1, "b": 2}]')
    places["binary"].write_bytes(b"\xff\xfe\x00")
    code, out, err = run(*(each.format(**places) for each in arguments))
    assert code == 2
    assert re.fullmatch(r"[^\n]+\n", err)
    assert problem in err
    assert hint in err.partition(problem)[2]
    assert [line for line in out.splitlines() if not line.startswith("small.jsonl")] == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "wrong", [("--format", "xml"), ("--license", "?"), ("--judge", "typo"), ("--include", "{odd}")]
)
def test_bad_input_is_said_before_the_work(run, tmp_path, wrong):
    """Nobody waits for an embedding to be told of a typing error."""
    (tmp_path / "odd").write_text("no-such-id")
    arguments = (each.format(odd=tmp_path / "odd") for each in wrong)
    code, _, _ = run("select", built()[0], *arguments, "--out", tmp_path / "out", "--home", tmp_path / "home")
    assert code == 2
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "arguments", [("map", "none.jsonl"), ("select", "--bogus"), ()], ids=["input", "arguments", "nothing"]
)
def test_the_process_ends_with_2_after_bad_input(tmp_path, arguments):
    """Seen from a shell: code 2, one line, and no folder is made."""
    code, out, err = _core(*arguments, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"[^\n]+\n", err)
    assert list(tmp_path.iterdir()) == []


def test_the_process_ends_with_1_after_a_bug(tmp_path):
    """A bug is not made into a problem of the person: it shows its traceback."""
    broken = "import sys, core.__main__ as m; m.Project.open = lambda *a, **k: 1 / 0"
    code = f"{broken}; sys.exit(m.main(['map', 'x']))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Traceback")
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("select", "--help"), ("store", "prune", "--help")])
def test_help_is_no_error(arguments, capsys):
    """It ends with 0 and shows the usage."""
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 0
    assert "usage: python -m core" in capsys.readouterr().out


# The store.


def test_store_ls_lists_what_is_stored(run, small):
    """One line an artefact with its bytes, time, stage and digest, and the sum of the bytes."""
    _, home = small
    code, out, _ = run("store", "ls", "--home", home)
    *lines, total = out.splitlines()
    assert code == 0
    found = {(line.split()[3], line.split()[-1]) for line in lines}
    folders = {(path.parent.name, path.name[:12]) for path in home.glob("store/*/*")}
    assert {digest for _, digest in found} == {digest for _, digest in folders}
    assert {stage for stage, _ in found} == {"vectors", "neighbours", "clusters", "coords", "draft", "tokens"}
    size = sum(path.stat().st_size for path in home.glob("store/*/*/*"))
    assert total.split() == [f"{size:,}", "bytes", "in", "all"]


def test_store_prune_frees_what_it_says(run, small):
    """One stage, or what is old enough, or everything; a map is then made again."""
    file, home = small
    size = sum(path.stat().st_size for path in home.glob("store/draft/*/*"))
    assert run("store", "prune", "--stage", "draft", "--home", home)[:2] == (0, f"{size:,} bytes freed\n")
    assert not Project.open(file, home=home).has_draft()
    assert run("store", "prune", "--days", "1", "--home", home)[1] == "0 bytes freed\n"
    assert Project.open(file, home=home).has_map()
    assert run("store", "prune", "--home", home)[0] == 0
    assert list(home.glob("store/*/*")) == []


def test_an_empty_store_is_listed_and_pruned(run, tmp_path):
    """Nothing there is no error, and no folder is made."""
    assert run("store", "ls", "--home", tmp_path / "none")[1].split() == ["0", "bytes", "in", "all"]
    assert run("store", "prune", "--home", tmp_path / "none")[1] == "0 bytes freed\n"
    assert not (tmp_path / "none").exists()


# A full disk, and kill -9.


def _check_whole(store):
    """Every artefact holds the very files that its manifest names, by size and sha256; the number of them."""
    count = 0
    for folder in store.glob("*/*"):
        if not folder.name.startswith("."):
            manifest = json.loads((folder / "manifest.json").read_bytes())
            for entry in manifest["content"]["files"].values():
                content = (folder / entry["file"]).read_bytes()
                assert len(content) == entry["bytes"]
                assert hashlib.sha256(content).hexdigest() == entry["sha256"]
            count += 1
    return count


def test_a_disk_that_takes_no_more_ends_with_2_and_the_next_start_goes_on(tmp_path):
    """The vectors do not fit: said in one line; what was stored before is whole and is not computed again."""
    file, _ = built()

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))

    code, out, err = _core("map", file, "--home", tmp_path / "home", preexec_fn=limited)
    assert code == 2
    assert re.fullmatch(r"The store at .* could not be written: File too large\. Free some space .*\n", err)
    assert "tokens: " in out
    store = tmp_path / "home" / "store"
    assert {folder.parent.name for folder in store.glob("*/*")} == {"draft", "tokens"}
    assert _check_whole(store) == 2
    before = {path: path.stat().st_mtime_ns for path in store.glob("*/*/*")}
    project = Project.open(file, home=tmp_path / "home")
    assert project.has_draft()
    assert project.has_tokens()
    assert len(project.vectors()) == 60
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.slow
def test_a_map_that_is_killed_while_embedding_goes_on_from_its_parts(tmp_path):
    """kill -9 after the first part of three: the rest is computed, and the vectors are those of an
    undisturbed run, to a cosine of 0.999 where the two chose different precisions, else to 1e-5."""
    words = [f"{a} {b} {c}" for a in _WORDS for b in _WORDS for c in _WORDS][:4400]
    records = [{"instruction": f"Write a few lines about {each}", "output": "x"} for each in words]
    file, home = write(tmp_path / "many.jsonl", records), tmp_path / "home"
    with _start("map", file, "--home", home) as process:
        deadline = time.monotonic() + 120
        while not list(home.glob("store/vectors-part/[0-9a-f]*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not list(home.glob("store/vectors/*"))
    kept = _check_whole(home / "store") - 2  # the draft and the tokens are there too
    project, other = Project.open(file, home=home), Project.open(file, home=tmp_path / "other")
    resumed, undisturbed = project.vectors(), other.vectors()
    assert f"{min(kept * 2048, 4400):,} taken from an earlier run" in project.notes()["note"]
    assert not list(home.glob("store/vectors-part/*"))
    assert (resumed * undisturbed).sum(axis=1).min() >= 0.999
    if project.notes()["precision"] == other.notes()["precision"]:
        np.testing.assert_allclose(resumed, undisturbed, atol=1e-5)


_WORDS = (
    "rain", "bread", "copper", "music", "winter", "river", "glass", "money", "paper", "garden",
    "engine", "island", "memory", "silver", "window", "forest", "letter", "market", "bridge",
)  # fmt: skip

BUILD = """
import sys
from core import MapParams, Project
from core.embedding import EmbedParams
from core.encoders import MINILM, load_encoder
load_encoder(MINILM).encode([[101, 102]], "fp32")
print("ready", flush=True)
params = MapParams(embed=EmbedParams(part_texts=2, precision="fp32"))
project = Project.open(sys.argv[1], home=sys.argv[2], params=params)
for stage in (project.draft, project.tokens, project.vectors, project.neighbours, project.clusters):
    stage()
print("done", flush=True)
"""


@pytest.mark.slow
def test_the_store_is_whole_after_ten_kills_at_random_moments(tmp_path):
    """Every artefact is complete after each kill, and the last run ends with the vectors of an
    undisturbed one, to 1e-5."""
    file, home = built()[0], tmp_path / "home"
    moments = random.Random(4)
    stored = []
    for _ in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", BUILD, file, home], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0.0, 0.6))
            process.kill()
        stored.append(_check_whole(home / "store"))
    assert max(stored) > 2
    done = subprocess.run(
        [sys.executable, "-c", BUILD, file, home], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout == "ready\ndone\n"
    assert "damaged" not in done.stderr
    (vectors,) = home.glob("store/vectors/*/vectors.npy")
    np.testing.assert_allclose(
        np.load(vectors), Project.open(*built()[:1], home=built()[1]).vectors(), atol=1e-5
    )


def test_the_sidecar_agrees_with_what_was_said(run, small, tmp_path):
    """The counts on the screen are those of the reasons in the file."""
    file, home = small
    arguments = ("--judge", "quality", "--min-score", "3", "--count", "15")
    _, out, _ = run("select", file, *arguments, "--out", tmp_path / "out", "--home", home, "--json")
    report = json.loads(out)
    reasons = dict(
        pl.read_parquet(tmp_path / "out" / "selection.parquet")["reason"].value_counts().iter_rows()
    )
    assert reasons["chosen"] == report["selected"]
    assert reasons["chosen"] + reasons["over budget"] == report["eligible"]
    assert sum(reasons.values()) == report["pool"]
