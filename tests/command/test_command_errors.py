"""What goes wrong on the command line: one line, a hint and an exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from own_process import REPOSITORY, core_says, start
from small_project import SAMPLE, built

import core.__main__ as command

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
    "a folder": (("map", "{folder}"), "The columns are not of a known shape", "Known: alpaca"),
    "unknown columns": (("map", "{odd}"), "Found: a, b", "Known: alpaca"),
    "a pickle": (("map", "{pickle}"), "can run code", "JSONL"),
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
    "second judge": (
        (*SELECT, "--judge", "quality", "--strategy", "deita", "--option", "with_judge=quality"),
        "names quality, which is the judge already",
        "It can be: depth",
    ),
    "option out of range": ((*SELECT, "--option", "drop_outliers=99"), "outside 0 to 50", "outliers"),
    "quota of no cluster": (
        (*SELECT, "--strategy", "cluster-quota", "--judge", "quality", "--option", "quota 99=1"),
        "cluster 99, which there is not",
        "Clusters: 0 to",
    ),
    "half a row": (
        (*SELECT, "--strategy", "cluster-quota", "--judge", "quality", "--option", "quota 0=1.5"),
        "quota 0 is 1.5",
        "a whole number",
    ),
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
        "pickle": tmp_path / "x.pkl",
        "folder": tmp_path / "folder",
    }
    places["folder"].mkdir()
    (places["folder"] / "odd.json").write_text('[{"a": 1, "b": 2}]')
    places["pickle"].write_bytes(b"\x80\x04.")
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
    code, out, err = core_says(*arguments, cwd=tmp_path)
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


def test_a_schema_its_columns_and_what_is_embedded_can_be_named(tmp_path):
    """They are in the recipe, and a replay reads the file by it."""
    path, out = tmp_path / "rows.jsonl", tmp_path / "out"
    turns = [[f"q{k}", f"a{k}", f"r{k}", f"b{k}"] for k in range(8)]
    path.write_text("".join(json.dumps({"talk": each, "n": k}) + "\n" for k, each in enumerate(turns)))
    named = ["--schema", "turns", "--column", "conversations=talk", "--embed", "all-user"]
    home = ["--home", str(tmp_path / "home")]
    chosen = ["--count", "3", "--strategy", "random", "--format", "messages", "--out", str(out)]
    assert command.main(["select", str(path), *named, *chosen, *home]) == 0
    recipe = (out / "recipe.yaml").read_text()
    assert "conversations:\n    - talk\n  embed: all-user\n" in recipe
    assert command.main(["replay", str(out / "recipe.yaml"), "--data", str(path), *home]) == 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--schema", "nothing"], "There is no schema 'nothing'."),
        (["--column", "instruction"], "names no role and column."),
        (["--column", "instruction=nobody"], "There is no column 'nobody' to be the instruction."),
        (["--embed", "everything"], "There is no choice 'everything' of what to embed."),
    ],
)
def test_a_reading_that_there_is_not_is_refused_in_one_line(tmp_path, capsys, flags, words):
    """The exit code is 2 and the line says which there are."""
    code = command.main(["map", str(SAMPLE), *flags, "--home", str(tmp_path)])
    said = capsys.readouterr().err
    assert (code, said.count("\n")) == (2, 1)
    assert words in said


def test_a_reader_that_has_seen_enough_is_no_bug(tmp_path):
    """As with ``| head -1``: no traceback, and the exit code is 0."""
    source = tmp_path / "rows.jsonl"
    source.write_text('{"instruction": "a", "output": "b"}\n' * 9)
    with start("health", source, "--home", tmp_path / "home") as started:
        started.stdout.close()
        assert started.stderr.read() == ""
        assert started.wait(timeout=60) == 0
