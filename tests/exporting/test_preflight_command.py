"""The command line's preflight, its fixes, and the replay that checks them."""

from __future__ import annotations

import gzip
import json
import re

import pytest
from small_project import fake_embed, fake_project

from core import embedding, projection
from core.__main__ import main

TURNS = [{"role": "user", "content": "question"}, {"role": "assistant", "content": "answer"}]


@pytest.fixture
def chats(tmp_path, monkeypatch):
    """Nine conversations in a home of their own: three end with a question, two have an empty answer."""
    monkeypatch.setattr(embedding, "embed", fake_embed)
    monkeypatch.setattr(projection, "project", fake_project)
    records = []
    for n in range(9):
        turns = [{**each, "content": f"{each['content']} {n}"} for each in TURNS]
        turns += [{"role": "user", "content": "and?"}] if n % 3 == 0 else []
        turns[1] = {**turns[1], "content": ""} if n in (4, 5) else turns[1]
        records.append({"id": f"r{n}", "messages": turns})
    path = tmp_path / "chats.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    return path, tmp_path / "home"


def _run(capsys, *arguments):
    code = main([str(each) for each in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_preflight_says_what_each_trainer_does_and_what_helps(chats, capsys):
    """Counts, reasons, ids, and the flags that mend or leave out; as sentences and as JSON."""
    path, home = chats
    code, out, _ = _run(capsys, "preflight", path, "--trainer", "openai", "--home", home)
    assert code == 0
    assert "OpenAI fine-tuning: 4 of 9 rows kept" in out
    assert "3 rejected, does not end with an assistant turn" in out
    assert "(r0, r3, r6); --fix unanswered or --leave-out unanswered" in out
    _, out, _ = _run(capsys, "preflight", path, "--fix", "unanswered", "--home", home, "--json")
    report = json.loads(out)
    assert (report["rows"], report["changed"], report["left_out"]) == (9, 3, 0)
    openai = report["trainers"]["openai"]
    assert (openai["kept"], [each["issue"] for each in openai["findings"]]) == (7, ["silent-turn"])
    for found in report["trainers"].values():
        assert found["kept"] + sum(each["count"] for each in found["findings"]) == 9


def test_a_token_limit_needs_no_map(chats, capsys):
    """Rows over it are counted with the default tokenizer."""
    path, home = chats
    code, out, _ = _run(
        capsys, "preflight", path, "--trainer", "trl", "--limit", "3", "--home", home, "--json"
    )
    (finding,) = json.loads(out)["trainers"]["trl"]["findings"][1:]
    assert (code, finding["issue"], finding["fate"]) == (0, "too-long", "cut")
    assert not list(home.glob("store/vectors*"))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--trainer", "tlr"], "There is no trainer 'tlr'"),
        (["--fix", "no-answer"], "There is no fix for no-answer"),
        (["--leave-out", "nonsense"], "There is no issue 'nonsense'"),
        (["--limit", "0"], "limit of 0 tokens cannot be checked"),
        (["--tokenizer", "/nowhere"], "There is no folder /nowhere"),
        (["--tokenizer", "."], "could not be read"),
    ],
)
def test_bad_flags_end_with_two_and_a_hint(chats, capsys, flags, said):
    """One line on the error stream, no output."""
    path, home = chats
    code, out, err = _run(capsys, "preflight", path, *flags, "--home", home)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_what_select_mended_is_said_recorded_and_replayed(chats, capsys, tmp_path):
    """The recipe has it, preflight of the recipe sees its rows, and a recipe of other rows is found out."""
    path, home = chats
    flags = ["--strategy", "random", "--count", "8", "--format", "bundle", "--fix", "unanswered"]
    flags += ["--leave-out", "no-answer", "--home", home, "--out", tmp_path / "out"]
    code, out, err = _run(capsys, "select", path, *flags)
    assert (code, err) == (0, "")
    assert re.search(r"\d rows? changed: the turns after the last answer are left out", out)
    assert "data/train-00000-of-00001.parquet" in out
    ids = (tmp_path / "out" / "ids.txt").read_text().split()
    lines = (tmp_path / "out" / "train.messages.jsonl").read_text().splitlines()
    left = {"r4", "r5"} & set(ids)
    assert (len(ids), len(lines)) == (8, 8 - len(left))
    recipe = tmp_path / "out" / "recipe.yaml"
    again = ["replay", recipe, "--data", path, "--home", home]
    assert _run(capsys, *again)[:2] == (0, "The same 8 ids as in the recipe, in the same order.\n")
    code, out, _ = _run(capsys, "preflight", recipe, "--data", path, "--home", home, "--json")
    assert json.loads(out)["rows"] == 8
    recipe.write_text(recipe.read_text().replace(f"exported: {len(lines)}", "exported: 5"))
    code, out, _ = _run(capsys, *again)
    assert code == 0
    assert f"Mending gives {len(lines)} training rows" in out
    assert "the recipe has 5" in out


def test_preflight_refuses_a_recipe_of_another_file(chats, capsys, tmp_path):
    """Rather than judging other rows."""
    path, home = chats
    flags = ["--strategy", "random", "--count", "3", "--home", home, "--out", tmp_path / "out"]
    assert _run(capsys, "select", path, *flags)[0] == 0
    other = tmp_path / "other.jsonl.gz"
    other.write_bytes(gzip.compress(path.read_bytes().replace(b"answer 1", b"another 1")))
    code, _, err = _run(
        capsys, "preflight", tmp_path / "out" / "recipe.yaml", "--data", other, "--home", home
    )
    assert code == 2
    assert "is not the file of the recipe" in err


def test_a_verbatim_form_refuses_fixes_before_the_work(chats, capsys, tmp_path):
    """Nothing is written."""
    path, home = chats
    flags = ["--strategy", "random", "--fix", "unanswered", "--home", home, "--out", tmp_path / "out"]
    code, _, err = _run(capsys, "select", path, *flags)
    assert (code, (tmp_path / "out").exists()) == (2, False)
    assert "jsonl holds the source's own columns" in err
