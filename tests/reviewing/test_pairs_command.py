"""Two files of answers on the command line."""

from __future__ import annotations

import json

import polars as pl
import pytest
from judge_server import JudgeServer

from core.pair_rates import Vote
from core.pairs import of_files
from core.rating_table import RatingTable


@pytest.fixture
def files(tmp_path):
    """Four prompts, of which one has the same answer twice; verdicts of a judge in both orders."""
    verdicts = [("first", "second"), ("first", "first"), ("tie", "tie"), ("2", "maybe")]
    for name in "ab":
        lines = [
            {"id": n, "prompt": f"ask {n}", "output": "same" if n == 2 else f"{name} {n}", "ab": ab, "ba": ba}
            for n, (ab, ba) in enumerate(verdicts)
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--home", tmp_path / "home"


def test_a_judges_verdicts_in_both_orders_give_a_win_rate(run, files):
    """Flips are ties, and what is no verdict is said."""
    code, said, _ = run("pairs", *files, "--verdict-a-first", "ab", "--verdict-b-first", "ba")
    assert code == 0
    assert "3 pairs; 1 more with the same answer on both sides left out." in said
    assert "Judge: a.jsonl wins 1, ties 1 and loses 1 of 3: 50%" in said
    assert "The verdict changed with the order in 1 of 2 (50%" in said
    assert "Cells that are no verdict: 1 (1 'maybe')." in said
    _, said, _ = run(
        "pairs", *files, "--verdict-a-first", "ab", "--verdict-b-first", "ba", "--by-side", "--json"
    )
    rates = json.loads(said)["rates"]
    assert rates.keys() == {"judge"}
    assert (rates["judge"]["flips"], rates["judge"]["wins"], rates["judge"]["unread"]) == (1, 1, {"maybe": 1})


def test_votes_of_people_in_the_app_are_found_by_the_texts(run, files):
    """In the ledger of the home; nobody has voted is said as such."""
    assert "No pair is decided yet." in run("pairs", *files)[1]
    a, b = (pl.read_ndjson(path) for path in files[:2])
    found = of_files(("a.jsonl", a, "output"), ("b.jsonl", b, "output"), by="id", prompt="prompt")
    RatingTable(files[3] / "ledger.sqlite", "").vote(found.digest, Vote("0", "Ann", True, 1))
    assert "People: a.jsonl wins 1, ties 0 and loses 0 of 1: 100%" in run("pairs", *files)[1]


def test_files_that_cannot_be_joined_end_with_one_line(run, files):
    """Exit code 2, the problem and the hint; a column that is not guessed is asked for."""
    code, _, said = run("pairs", *files, "--by", "nothing")
    assert (code, "There is no column 'nothing' in a.jsonl" in said) == (2, True)
    files[1].write_text('{"id": 1, "said": "x"}\n')
    code, _, said = run("pairs", *files)
    assert (code, "--answers-b" in said) == (2, True)


def test_a_model_is_asked_and_its_verdicts_told_beside_those_of_people(run, files, monkeypatch):
    """Twenty requests first, then the rest; asked again nothing is paid; its win rate is there without asking."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with JudgeServer() as server:
        about = (*files, "--model", "m", "--base-url", server.url)
        assert run("pairs", *files, "--ask")[2].startswith("No model is named")
        code, said, problems = run("pairs", *about, "--estimate", "--price", "1,2")
        assert (code, "0 requests" in said, sum(server.paid.values())) == (0, True, 6), problems
        found = json.loads(run("pairs", *about, "--ask", "--json")[1])
        assert (found["asked"]["asked"], found["asked"]["rows"]["ok"]) == (0, 6)
        rate = found["rates"]["m preference"]
        assert (rate["twice"], rate["alone"], rate["pending"]) == (3, 0, 0)
        assert rate["flip_low"] <= rate["flip_rate"] <= rate["flip_high"]
        assert sum(server.paid.values()) == 6
        a, b = (pl.read_ndjson(path) for path in files[:2])
        pairs = of_files(("a.jsonl", a, "output"), ("b.jsonl", b, "output"), by="id", prompt="prompt")
        RatingTable(files[3] / "ledger.sqlite", "").vote(pairs.digest, Vote("0", "Ann", True, 1))
        said = run("pairs", *about)[1]
        assert "People: a.jsonl wins 1" in said and "m preference: a.jsonl wins" in said
        assert "Beside people: The same result for" in said
        assert "The verdict changed with the order in" in said


def test_one_file_is_a_preference_set_or_two_columns(run, tmp_path):
    """Without pairs and without columns it says what to name."""
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"prompt": f"ask {n}", "chosen": f"good {n}", "rejected": f"bad {n}", "alt": "alt"} for n in range(5)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    home = ("--home", tmp_path / "home")
    assert "5 pairs." in run("pairs", path, *home)[1]
    both = ("--answers-a", "alt", "--answers-b", "rejected")
    assert json.loads(run("pairs", path, *both, "--json", *home)[1])["a"] == "alt"
    plain = tmp_path / "plain.jsonl"
    plain.write_text('{"instruction": "a", "input": "", "output": "b"}\n')
    code, _, said = run("pairs", plain, *home)
    assert code == 2 and "has no pairs" in said
