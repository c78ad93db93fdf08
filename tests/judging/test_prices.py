"""What judging will cost, and the command that says and spends it."""

from __future__ import annotations

import json
import random

import pytest
from asked import QUICK, asking, place
from judge_server import KEY, JudgeServer

import core.__main__ as command
from core import Project
from core.errors import DataError, ParameterError
from core.judging.judgement import Price, Usage
from core.judging.price import Tried, estimate, read_prices


def test_the_estimate_covers_what_it_will_be():
    """Rows of 100 to 2,000 characters at four a token: the range holds the truth in nearly all of 200 draws."""
    held = 0
    for seed in range(200):
        chance = random.Random(seed)
        rows = [chance.randint(100, 2_000) for _ in range(1_000)]
        cost = [(size, round(size / 4 * chance.uniform(0.8, 1.2)), chance.randint(20, 80)) for size in rows]
        found = estimate(
            [Tried(*each, 1.0) for each in cost[:20]],
            requests=1_000,
            characters=sum(rows),
            price=Price(3, 6, 0.5),
        )
        true = sum(3 * prompt + 6 * said for _, prompt, said in cost) / 1e6
        held += found.cost.low <= true <= found.cost.high
        assert found.batch_cost.expected == pytest.approx(found.cost.expected / 2)
        assert found.seconds.expected == pytest.approx(1_000 / 16)
    assert held >= 185


def test_a_trial_is_kept_and_foretells_the_rest(tmp_path):
    """Twenty rows are asked once; the estimate of the others is near what they then take."""
    with JudgeServer() as server:
        found = asking(tmp_path, server, 300)
        with pytest.raises(ParameterError, match="too few"):
            found.estimate(price=Price(1, 1))
        assert found.trial(place(server, key=None), limits=QUICK).go().done == 20
        assert found.trial(place(server, key=None), limits=QUICK).go().done == 0
        foretold = found.estimate(price=Price(1, 1))
        assert foretold.requests == 280
        spent = found.run(place(server, key=None), limits=QUICK, price=Price(1, 1)).go().spent
        assert foretold.cost.low * 0.99 <= spent <= foretold.cost.high * 1.01
        assert found.estimate(rows=0, price=Price(1, 1)).cost.high == 0


def test_prices_are_read_from_a_table_that_says_when_they_were_checked(tmp_path):
    """The shipped one is empty on purpose; an entry without numbers is no price."""
    assert dict(read_prices("data/prices.yaml")) == {}
    path = tmp_path / "prices.yaml"
    path.write_text(
        "models:\n  a: {prompt: 2, completion: 4, batch: 0.5, checked: '2026-01-01'}\n  b: {checked: ''}\n"
    )
    prices = read_prices(path)
    assert prices["a"].price.of(Usage(1_000_000, 500_000)) == 4
    assert prices["a"].price.of(Usage(1_000_000, 500_000), batch=True) == 2
    assert prices["b"].price is None
    for bad in ("models:\n  a: {prompt: -1}\n", "models: [", "x: 1\n"):
        path.write_text(bad)
        with pytest.raises(DataError):
            read_prices(path)


def judge(tmp_path, server, *flags):
    fixed = ["--home", str(tmp_path), "--model", "m", "--base-url", server.url]
    return command.main(["judge", str(tmp_path / "rows.jsonl"), *fixed, *flags])


def test_the_command_foretells_asks_and_says_what_became_of_the_rows(tmp_path, capsys, monkeypatch):
    """An estimate, then the rows; then the model is a judge of the project, and no row is invented."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with JudgeServer(faults={"malformed": 0.2}) as server:
        asking(tmp_path, server, 60)
        assert judge(tmp_path, server, "--estimate", "--price", "1,2,0.5") == 0
        said = capsys.readouterr().out
        assert "40 requests:" in said
        assert "As a batch:" in said
        assert judge(tmp_path, server, "--rows", "10", "--price", "1,2", "--json") == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["asked"], report["pending"]) == (10, 30)
        assert judge(tmp_path, server) == 0
        assert "0 pending" in capsys.readouterr().out
        paid = sum(server.paid.values())
        assert judge(tmp_path, server, "--again", "unparsed", "--json") == 0
        report = json.loads(capsys.readouterr().out)
        assert sum(server.paid.values()) == paid + report["rows"]["unparsed"]
        ok = report["rows"]["ok"]
        assert report["rows"]["unparsed"] == 60 - ok > 0
    found = Project.open(tmp_path / "rows.jsonl", home=tmp_path).judges["m accuracy"]
    assert (found.scored, found.unscored) == (ok, 60 - ok)


def test_the_command_ends_with_two_where_the_server_refuses(tmp_path, capsys, monkeypatch):
    """One line on the error stream; bad flags as well."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with JudgeServer(key=KEY) as server:
        asking(tmp_path, server)
        assert judge(tmp_path, server) == 2
        assert capsys.readouterr().err.count("\n") == 1
        for flags in (
            ["--price", "x"],
            ["--rubric", "beauty"],
            ["--eligible", "nobody>=3"],
            ["--max-cost", "1"],
        ):
            assert judge(tmp_path, server, *flags) == 2
