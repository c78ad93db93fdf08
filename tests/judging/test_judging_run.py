"""Runs against a local server: every row gets a status, none is invented, and nothing is paid twice."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import numpy as np
import pytest
from asked import QUICK, asking, by_server, place, written
from judge_server import FAULTS, KEY, JudgeServer

from core import Project, SelectParams
from core.errors import ParameterError, WinnowError
from core.judgements import Judgements
from core.judging.endpoint import endpoint
from core.judging.judgement import Price, Status
from core.llm_judges import FILE

TESTS = Path(__file__).parents[1]


@pytest.mark.slow
def test_every_fault_at_once_leaves_every_row_in_a_stated_status(tmp_path):
    """5 % of each: what is ok is what the server gave, no other row has a score, and no ok row is asked again."""
    with JudgeServer(faults=dict.fromkeys(FAULTS, 0.05), key=KEY, seed=1) as server:
        found = asking(tmp_path, server, 2_000)
        limits = replace(QUICK, concurrency=64, timeout=1.0, attempts=8)
        standing = found.run(place(server), limits=limits, price=Price(1, 2)).go()
        assert standing.state == "done"
        counts = found.standings().counts
        assert sum(counts.values()) == 2_000
        assert counts[Status.OK] > 1_300
        assert counts[Status.UNPARSED] > 250
        assert counts[Status.REFUSED] > 50
        assert set(server.paid.values()) == {1}
        scores = found.judgements.scores(found.number, found.rows.contents)
        given = np.array(list(by_server(found, server)), dtype=np.float32)
        ok = ~np.isnan(scores)
        assert int(ok.sum()) == counts[Status.OK]
        np.testing.assert_array_equal(scores[ok], given[ok])
        for row, judgement in found.rows_with(Status.UNPARSED, most=1_000):
            assert judgement.score is None
            assert judgement.reason
            assert np.isnan(scores[row])
        asked = dict(server.requests)
        found.run(place(server), again=tuple(Status), limits=limits).go()
        ok_bodies = {json.dumps(found.rows.prompt(int(row)).messages[-1]) for row in np.flatnonzero(ok)}
        later = server.bodies[sum(asked.values()) :]
        assert not ok_bodies & {json.dumps(body["messages"][-1]) for body in later}


def test_duplicates_are_asked_once_and_empty_rows_never(tmp_path):
    """Copies share a judgement; a row without an answer is skipped, and unscored."""
    with JudgeServer() as server:
        found = asking(tmp_path, server, 20, copies=15)
        with (tmp_path / "rows.jsonl").open("a") as file:
            file.write(json.dumps({"instruction": "Say nothing", "input": "", "output": " "}) + "\n")
        found = type(found)(
            Project.open(tmp_path / "rows.jsonl", home=tmp_path).dataset, found.judge, home=tmp_path
        )
        found.run(place(server, key=None), limits=QUICK).go()
        assert sum(server.requests.values()) == 20
        assert found.standings() == ({Status.OK: 35, Status.SKIPPED: 1}, 0)
        judge = Project.open(tmp_path / "rows.jsonl", home=tmp_path).judges["m accuracy"]
        assert (judge.scored, judge.unscored) == (35, 1)
        assert np.isnan(judge.scores[35])
        assert found.judgements.state() == "1:1"


def test_two_sessions_at_once_pay_for_each_row_once(tmp_path):
    """Whoever claims a row asks for it; together they ask for all."""
    with JudgeServer(delay=0.005) as server:
        sessions = [
            asking(tmp_path, server, 400).run(place(server, key=None), limits=QUICK) for _ in range(2)
        ]
        threads = [threading.Thread(target=session.go) for session in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        done = [session.standing().done for session in sessions]
        assert sum(done) == 400
        assert min(done) > 0
        assert len(server.paid) == 400
        assert set(server.paid.values()) == {1}


@pytest.mark.parametrize(
    ("settings", "key", "says"),
    [
        ({"key": KEY}, "sk-wrong-key-wrong-key", "refused the key"),
        ({"key": KEY}, None, "wants a key"),
        ({"account": False}, KEY, "no credit left"),
    ],
)
def test_a_bad_key_or_an_empty_account_ends_the_run_at_once(tmp_path, settings, key, says):
    """One request, one sentence, no errors in the ledger: all rows stay pending."""
    with JudgeServer(**settings) as server:
        found = asking(tmp_path, server)
        standing = found.run(place(server, key=key), limits=QUICK).go()
        assert standing.failed
        assert says in standing.note
        assert len(server.headers) == 1
        assert found.standings() == ({}, 60)


def test_a_server_that_is_not_there_ends_the_run_with_a_sentence(tmp_path):
    """After the attempts of the first row, not after those of all."""
    with JudgeServer() as server:
        found = asking(tmp_path, server)
    standing = found.run(place(server, key=None), limits=QUICK).go()
    assert standing.failed
    assert "gave no answer" in standing.note
    assert found.standings().pending == 60


def test_the_limit_in_money_holds_to_within_the_requests_in_flight(tmp_path):
    """The run stops by itself, says why, and goes over by no more than what was under way."""
    with JudgeServer(delay=0.002) as server:
        found = asking(tmp_path, server, 600)
        price = Price(1_000, 1_000)
        standing = found.run(place(server, key=None), limits=replace(QUICK, max_cost=20.0), price=price).go()
        each = max(judgement.cost for judgement in found.judgements.of(1))
        assert 20.0 <= standing.spent <= 20.0 + QUICK.concurrency * each
        assert not standing.failed
        assert "limit of 20" in standing.note
        assert found.judgements.paid(1) == pytest.approx(standing.spent)
        with pytest.raises(ParameterError):
            found.run(place(server, key=None), limits=replace(QUICK, max_cost=1.0))


def test_a_limit_in_money_stops_where_tokens_are_not_counted(tmp_path):
    """A cap that cannot be kept is not pretended."""
    with JudgeServer(usage=False) as server:
        found = asking(tmp_path, server, 100)
        standing = found.run(
            place(server, key=None), limits=replace(QUICK, max_cost=1.0), price=Price(1, 1)
        ).go()
        assert "counts no tokens" in standing.note
        assert standing.done <= QUICK.concurrency


def test_an_answer_that_is_larger_than_any_verdict_is_not_read_to_its_end(tmp_path, monkeypatch):
    """It is an error of its row, and the rows beside it have their scores."""
    monkeypatch.setattr("core.judging.client.MOST_BYTES", 5_000)

    def endless(body, reply):
        if "Name 3" in body["messages"][-1]["content"]:
            reply["choices"][0]["message"]["content"] += " " * 6_000
        return reply

    with JudgeServer(kind=endless) as server:
        found = asking(tmp_path, server, 10)
        standing = found.run(place(server, key=None), limits=replace(QUICK, attempts=2)).go()
        assert standing.counts == {Status.OK: 9, Status.ERROR: 1}
        ((_, kept),) = found.rows_with(Status.ERROR)
        assert kept.reason == "the answer was larger than any verdict could be"


def test_one_judge_twice_is_two_judges_that_can_be_compared(tmp_path):
    """Under another name the same model is asked anew, and Trust says how far it agrees with itself."""
    shift = iter(range(1_000))

    def wavering(_, reply):
        said = json.dumps({"score": next(shift) % 2 + 3, "reason": ""})
        reply["choices"][0]["message"]["content"] = said
        return reply

    with JudgeServer(kind=wavering) as server:
        for name in ("once", "again"):
            found = asking(tmp_path, server, 41, name=name)
            found.run(place(server, key=None), limits=replace(QUICK, concurrency=1)).go()
        assert set(server.requests.values()) == {2}
    project = Project.open(tmp_path / "rows.jsonl", home=tmp_path)
    told = project.trust(SelectParams(judge="once", min_score=4, count=5))
    assert told.judges == ("once", "again")
    scores = [project.judges[name].scores for name in told.judges]
    assert (scores[0] + scores[1] == 7).all()  # an odd number of rows, asked in one sequence
    assert told.overall.pairs[0].spearman.value == pytest.approx(-1)


def test_a_run_is_paused_resumed_and_cancelled(tmp_path):
    """Paused it sends nothing; cancelled it keeps what came back, and the next run goes on from there."""
    with JudgeServer(delay=0.01) as server:
        found = asking(tmp_path, server, 300)
        session = found.run(place(server, key=None), limits=QUICK)
        thread = threading.Thread(target=session.go)
        thread.start()
        _until(lambda: session.standing().done > 20)
        session.pause()
        _until(lambda: session.standing().in_flight == 0)
        before = sum(server.requests.values())
        _until(lambda: session.standing().state == "paused")
        time.sleep(0.3)
        assert sum(server.requests.values()) == before
        session.resume()
        _until(lambda: session.standing().done > before + 10)
        session.cancel()
        thread.join(20)
        assert session.standing().state == "stopped"
        assert session.standing().done == sum(server.paid.values()) < 300
        assert found.run(place(server, key=None), limits=QUICK).go().done == 300 - session.standing().done
        assert set(server.paid.values()) == {1}


def test_a_server_that_bears_four_at_once_is_asked_fewer(tmp_path):
    """Too many requests make the run slower, not wrong."""
    with JudgeServer(delay=0.01, most_at_once=4) as server:
        found = asking(tmp_path, server, 200)
        standing = found.run(place(server, key=None), limits=replace(QUICK, concurrency=32)).go()
        assert standing.counts == {Status.OK: 200}
        assert standing.limit < 16


@pytest.mark.parametrize("header", ["seconds", "milliseconds", "date"])
def test_a_server_that_asks_to_be_left_alone_is(tmp_path, header):
    """One 429 with Retry-After stops the whole run for as long as it says; only what was under way arrives."""
    said = {
        "seconds": lambda: {"retry-after": "1"},
        "milliseconds": lambda: {"retry-after-ms": "1000"},
        "date": lambda: {"retry-after": formatdate(time.time() + 2, usegmt=True)},  # its seconds are whole
    }
    refused = []

    def once(_, reply):
        if refused or len(server.times) < 20:
            return reply
        refused.append(time.monotonic())
        return 429, {"error": {"message": "Rate limit reached"}}, said[header]()

    with JudgeServer(delay=0.02, kind=once) as server:
        found = asking(tmp_path, server, 200)
        assert found.run(place(server, key=None), limits=QUICK).go().counts == {Status.OK: 200}
        meanwhile = sum(refused[0] < each < refused[0] + 0.95 for each in server.times)
        assert meanwhile <= 2 * QUICK.concurrency
        assert len(server.times) == 201


def test_what_a_server_does_not_take_is_left_out_and_remembered(tmp_path):
    """Schema, odds and the older name of a limit are tried once, in this run and in the next."""
    with JudgeServer(structured=False, newer=True) as server:
        found = asking(tmp_path, server, 30)
        assert found.run(place(server, key=None), limits=QUICK, most=10).go().counts == {Status.OK: 10}
        tried = len(server.bodies)
        assert tried <= 10 + 3  # a schema, JSON without one, the older name
        found.run(place(server, key=None), limits=QUICK).go()
        assert len(server.bodies) == tried + 20
        assert "response_format" not in server.bodies[-1]
        assert "max_completion_tokens" in server.bodies[-1]


def test_odds_and_samples_make_scores_finer(tmp_path):
    """Weighted by the odds of the token; the mean of the samples that gave one."""
    with JudgeServer(odds=True) as server:
        from core.judging.rubric import RUBRICS

        found = asking(tmp_path, server, 10, rubric=RUBRICS["quality"], weighted=True, samples=3)
        found.run(place(server, key=None), limits=QUICK).go()
        assert sum(server.requests.values()) == 30
        scores = found.judgements.scores(1, found.rows.contents)
        given = np.array(list(by_server(found, server)), dtype=float)
        # The server puts 0.8 on the grade and 0.2 on the one below, which may be off the scale.
        expected = [each if each == 1 else 0.8 * each + 0.2 * (each - 1) for each in given]
        np.testing.assert_allclose(scores, expected, atol=1e-3)


def _until(holds, seconds=20.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


RUN = """
import sys
sys.path[:0] = [{repository!r}, {tests!r}, {here!r}]
from pathlib import Path
from asked import place, QUICK
from core.asking import Asking
from core.judging.endpoint import endpoint
from core.judging.judgement import LlmJudge
from core.loading import load
folder, url = Path(sys.argv[1]), sys.argv[2]
found = Asking(load(folder / "rows.jsonl"), LlmJudge(model="m", base_url=url), home=folder)
found.run(endpoint(url, environment={{}}), limits=QUICK).go()
print("done", flush=True)
"""


@pytest.mark.slow
def test_ten_kills_pay_twice_at_most_for_what_was_in_flight(tmp_path):
    """The process is killed in mid-run ten times; the last run ends it, and nothing is missing."""
    written(tmp_path, 900)
    script = RUN.format(repository=str(TESTS.parent), tests=str(TESTS), here=str(TESTS / "judging"))
    in_flight = 0
    with JudgeServer(delay=0.02, keep=False) as server:
        for _ in range(10):
            before = sum(server.paid.values())
            process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), server.url])
            _until(lambda before=before: sum(server.paid.values()) > before + 25, 60)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            in_flight += QUICK.concurrency
            _until(lambda: server.in_flight == 0)
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), server.url], capture_output=True, check=True
        )
        assert done.stdout == b"done\n"
        twice = sum(server.paid.values()) - 900
        assert len(server.paid) == 900
        assert 0 <= twice <= in_flight
    kept = Judgements(tmp_path / FILE)
    assert kept.counts(1) == {Status.OK: 900}


def _leaking(body, reply):
    """A grade, a refusal or chatter, each with the key in it."""
    said = (json.dumps({"score": 4, "reason": f"You sent {KEY}."}), f"{KEY} is a fine key.", None)
    message = reply["choices"][0]["message"]
    message["content"] = said[sum(body["messages"][-1]["content"].encode()) % 3]
    message["refusal"] = None if message["content"] else f"Not with {KEY}."
    return reply


def test_the_key_is_nowhere_but_in_the_header(tmp_path, caplog, capsys):
    """Not in the home, a log, an exception, a standing, a reason or a repr, even where the server repeats it."""
    caplog.set_level(logging.DEBUG)
    faults = dict.fromkeys(("malformed", "hostile", "500", "dropped", "429", "html"), 0.1)
    said = []
    with JudgeServer(faults=faults, key=KEY) as server:
        found = asking(tmp_path, server, 80)
        session = found.run(place(server), limits=QUICK)
        said += [repr(session.go()), repr(vars(session)), repr(vars(session.run)), repr(place(server))]
        assert all(each["authorization"] == f"Bearer {KEY}" for each in server.headers)
    with JudgeServer(key="another", echo_key=True) as server:
        standing = asking(tmp_path, server, 80, name="echo").run(place(server), limits=QUICK).go()
        assert "[key]" in standing.note
        said.append(repr(standing))
    with JudgeServer(kind=_leaking) as server:
        found = asking(tmp_path, server, 10, name="leaks")
        found.run(place(server), limits=QUICK).go()
        kept = found.judgements.of(found.number)
        assert {each.status for each in kept} == {Status.OK, Status.UNPARSED, Status.REFUSED}
        assert all("[key]" in each.reply for each in kept)
    with pytest.raises(WinnowError) as error:
        endpoint("http://example.org/v1", key=KEY, environment={})
    said += [str(error.value), repr(error.value), caplog.text, *capsys.readouterr()]
    assert not [each for each in said if KEY in each]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 1
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
