"""Pairs that a model compares: both orders, the rule, flips, and nothing paid twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from asked import QUICK, place
from judge_server import FAULTS, KEY, LEANING, JudgeServer, pair_of, worth

from core import Project
from core.asking import Asking
from core.asking_pairs import AskingPairs
from core.claiming import Desk
from core.errors import ParameterError
from core.judging.judgement import Judgement, LlmJudge, Price, Status
from core.judging.rubric import built_in
from core.model_scores import freeze
from core.pair_rates import Vote
from core.pairs import POSITION, of_files

TESTS = Path(__file__).parents[1]


def pairs_of(rows, *, copies=0, prompt="Name {}"):
    """That many pairs of answers, the first of them repeated at the end."""
    places = [*range(rows), *range(copies)]
    sides = [
        (name, pl.DataFrame({"prompt": [prompt.format(i) for i in places], "answer": [f"{name} says {i}" for i in places]}), "answer")
        for name in ("a", "b")
    ]  # fmt: skip
    return of_files(*sides, by=POSITION, prompt="prompt")


def asking(folder, server, rows=40, *, pairs=None, **settings):
    """A judge of such pairs, in the folder as a home."""
    judge = LlmJudge(**{"model": "m", "base_url": server.url, "rubric": built_in("preference"), **settings})
    return AskingPairs(pairs or pairs_of(rows), judge, home=folder)


def by_walk(pairs, replies):
    """Wins, ties, losses, flips and those towards the first, counted pair by pair from what the server said."""
    found = dict.fromkeys(("wins", "ties", "losses", "flips", "to_first"), 0)
    for one, other in zip(pairs.answers_a, pairs.answers_b, strict=True):
        ab, ba = replies.get((one, other)), replies.get((other, one))
        if ab is None or ba is None:
            continue
        words = {
            ("A", "A"): "wins", ("A", "tie"): "wins", ("tie", "A"): "wins",
            ("B", "B"): "losses", ("B", "tie"): "losses", ("tie", "B"): "losses",
        }  # fmt: skip
        first = "A" if ab[0] > ab[1] else "B" if ab[0] < ab[1] else "tie"
        second = "B" if ba[0] > ba[1] else "A" if ba[0] < ba[1] else "tie"
        found[words.get((first, second), "ties")] += 1
        found["flips"] += first != second
        found["to_first"] += (first, second) in {("A", "B"), ("A", "tie"), ("tie", "B")}
    return found


def said_by(found, server):
    """(first answer, second answer) -> the grades that the server gave, where its reply was read."""
    replies = {}
    for judgement in found.judgements.of(found.number, status=Status.OK, most=100_000):
        said = json.loads(judgement.reply)
        line = found.lines.contents.index(judgement.content)
        replies[found.lines.texts(line)[1:]] = (said["first"], said["second"])
    return replies


@pytest.mark.slow
def test_every_fault_at_once_and_no_verdict_is_invented(tmp_path):
    """4 % of each: pairs without a verdict in both orders count for nobody, the others by the rule."""
    with JudgeServer(faults=dict.fromkeys(FAULTS, 0.04), key=KEY, seed=2) as server:
        found = asking(tmp_path, server, 400, model=LEANING)
        limits = replace(QUICK, concurrency=32, timeout=2.0, attempts=8)
        assert found.run(place(server), limits=limits).go().state == "done"
        counts = found.standings().counts
        assert sum(counts.values()) == 800
        assert counts[Status.UNPARSED] > 50 and counts[Status.REFUSED] > 10
        assert set(server.paid.values()) == {1}
        replies, judged = said_by(found, server), found.judged()
        assert len(replies) == counts[Status.OK]
        for (first, second), grades in replies.items():
            assert grades in ((worth(first), worth(second)), (10, 1))
        wanted = by_walk(found.pairs, replies)
        assert {name: getattr(judged.rate, name) for name in wanted} == wanted
        assert wanted["flips"] > 20
        assert judged.rate.lean_interval[0] > 0.5  # the server leans to the first
        assert judged.rate.twice == judged.rate.pairs == 400 - judged.alone - judged.without
        assert judged.alone > 20


def test_both_orders_are_asked_and_kept_under_keys_of_their_own(tmp_path):
    """Each pair twice, the answers changing places; pairs with the same texts and sets turned round share them."""
    with JudgeServer() as server:
        pairs = pairs_of(12, copies=5)
        found = asking(tmp_path, server, pairs=pairs)
        assert found.run(place(server, key=None), limits=QUICK).go().counts == {Status.OK: 24}
        shown = [tuple(text for _, text in pair_of(body)) for body in server.bodies]
        assert sorted(shown) == sorted({*zip(pairs.answers_a, pairs.answers_b, strict=True),
                                        *zip(pairs.answers_b, pairs.answers_a, strict=True)})  # fmt: skip
        rate = found.judged().rate
        assert (rate.pairs, rate.twice, rate.flips) == (17, 17, 0)
        turned = replace(pairs, answers_a=pairs.answers_b, answers_b=pairs.answers_a)
        other = asking(tmp_path, server, pairs=turned)
        assert other.pending() == []
        assert (other.judged().rate.wins, other.judged().rate.losses) == (rate.losses, rate.wins)


def test_a_server_that_takes_no_schema_is_asked_for_two_numbers(tmp_path):
    """And a pair without a prompt is never asked."""
    with JudgeServer(structured=False, newer=True) as server:
        found = asking(tmp_path, server, 10)
        found.run(place(server, key=None), limits=QUICK).go()
        assert "response_format" not in server.bodies[-1]
        assert "two bare numbers" in server.bodies[-1]["messages"][-1]["content"]
        judged = found.judged()
        wins = sum(
            worth(a) > worth(b) for a, b in zip(found.pairs.answers_a, found.pairs.answers_b, strict=True)
        )
        assert (judged.rate.wins, judged.rate.pairs) == (wins, 10)
        empty = asking(tmp_path, server, pairs=pairs_of(3, prompt=" "))
        assert empty.standings() == ({Status.SKIPPED: 6}, 0)
        assert empty.pending() == []


def test_the_trial_is_twenty_requests_and_limits_count_pairs(tmp_path):
    """A capped run leaves no pair with one order; money stops it, and what is pending is foretold."""
    with JudgeServer() as server:
        found, where = asking(tmp_path, server, 60), place(server, key=None)
        assert found.trial(where, limits=QUICK).go().done == 20
        assert found.trial(where, limits=QUICK).go().done == 0
        assert (found.judged().rate.twice, found.judged().alone) == (10, 0)
        price = Price(1_000, 1_000)
        foretold = found.estimate(price=price)
        before = sum(server.paid.values())
        assert foretold.requests == 100
        assert found.run(where, most=15, limits=QUICK).go().done == 30
        assert (found.judged().rate.twice, found.judged().alone) == (25, 0)
        capped = found.run(where, limits=replace(QUICK, max_cost=4.0), price=price).go()
        assert "limit of 4" in capped.note
        assert found.standings().pending == 120 - sum(server.paid.values())
        found.run(where, limits=QUICK, price=price).go()
        assert found.judged().rate.pairs == 60
        assert before == 20 and set(server.paid.values()) == {1}
        asked = [each for each in found.judgements.of(found.number) if each.cost]
        mean = sum(each.cost for each in asked) / len(asked) * foretold.requests
        assert foretold.cost.low <= mean <= foretold.cost.high


def test_samples_are_joined_before_the_answers_are_compared(tmp_path):
    """The mean of the differences decides: two narrow defeats do not outweigh a clear win."""
    with JudgeServer() as server:
        found = asking(tmp_path, server, 3, samples=3)
        assert len(found.pending()) == 18
        apart = (
            (9, -1, -1),
            (2, -1, -1),
            (None, -4, 1),
        )  # of the pairs, where A is first; B first: the opposite
        with Desk(found.judgements, found.judge) as desk:
            for line, content in enumerate(found.lines.contents):
                for sample, each in enumerate(apart[line // 2]):
                    score = None if each is None else (each if line % 2 == 0 else -each)
                    status = Status.UNPARSED if each is None else Status.OK
                    desk.record([Judgement(content, sample, status, score)])
        rate = found.judged().rate
        assert (rate.wins, rate.ties, rate.losses, rate.flips) == (1, 1, 1, 0)
        assert {vote.pair: vote.for_a for vote in found.judged().votes} == {"1": 1, "2": 0, "3": -1}


def test_unparsed_replies_are_asked_again_and_nothing_else(tmp_path):
    """What is ok stays; the verdict appears once the model gives one."""
    with JudgeServer(faults={"malformed": 0.5}) as server:
        found, where = asking(tmp_path, server, 20), place(server, key=None)
        found.run(where, limits=QUICK).go()
        unparsed = found.standings().counts[Status.UNPARSED]
        assert found.judged().alone > 0
        line, judgement = found.rows_with(Status.UNPARSED)[0]
        assert judgement.reply == "I think this is quite good overall." and judgement.score is None
        assert found.lines.contents[line] == judgement.content
        server.faults = {}
        again = found.run(
            where, within=found.rows_that_are(Status.UNPARSED), again={Status.UNPARSED}, limits=QUICK
        )
        assert again.go().counts == {Status.OK: unparsed}
        assert found.judged().rate.twice == 20


def test_two_sessions_at_once_pay_for_each_order_once(tmp_path):
    """Whoever claims an order asks for it."""
    with JudgeServer(delay=0.005) as server:
        sessions = [
            asking(tmp_path, server, 150).run(place(server, key=None), limits=QUICK) for _ in range(2)
        ]
        threads = [threading.Thread(target=session.go) for session in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sum(session.standing().done for session in sessions) == 300
        assert len(server.paid) == 300 and set(server.paid.values()) == {1}


def test_rows_and_pairs_are_not_mistaken_for_each_other(tmp_path):
    """A rubric of the other kind is refused; a judge of pairs scores no row, and people agree with it or not."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"prompt": f"Name {i}", "response": f"a says {i}"}) + "\n" for i in range(9))
    )
    with JudgeServer() as server:
        with pytest.raises(ParameterError, match="reads rows"):
            asking(tmp_path, server, rubric=built_in("quality"))
        found = asking(tmp_path, server, 9)
        found.run(place(server, key=None), limits=QUICK).go()
        project = Project.open(rows, home=tmp_path)
        assert project.judges == {}
        (known,) = project.judgements.judges()
        assert freeze(project.dataset, known, project.judgements) is None
        with pytest.raises(ParameterError, match="compares two answers"):
            Asking(project.dataset, found.judge, home=tmp_path)
        judged = found.judged()
        people = tuple(vote._replace(person="Ann") for vote in judged.votes if vote.a_first)[:5]
        assert (judged.beside(people).pairs, judged.beside(people).same) == (5, 5)
        wrong = (Vote(people[0].pair, "Ann", True, -people[0].better or 1),)
        assert judged.beside(wrong).same == 0


RUN = """
import sys
sys.path[:0] = [{repository!r}, {tests!r}, {here!r}]
from pathlib import Path
from types import SimpleNamespace
from asked import QUICK
from test_pairwise import asking
from core.judging.endpoint import endpoint
server = SimpleNamespace(url=sys.argv[2])
asking(Path(sys.argv[1]), server, 250).run(endpoint(sys.argv[2], environment={{}}), limits=QUICK).go()
print("done", flush=True)
"""


@pytest.mark.slow
def test_kills_pay_twice_at_most_for_what_was_in_flight(tmp_path):
    """The process is killed in mid-run twice; the last run ends it, and no order is missing."""
    script = RUN.format(repository=str(TESTS.parent), tests=str(TESTS), here=str(TESTS / "judging"))
    command = [sys.executable, "-c", script, str(tmp_path)]
    with JudgeServer(delay=0.02, keep=False) as server:
        for _ in range(2):
            before = sum(server.paid.values())
            process = subprocess.Popen([*command, server.url])
            while sum(server.paid.values()) <= before + 25:
                assert process.poll() is None
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            while server.in_flight:
                time.sleep(0.01)
        assert subprocess.run([*command, server.url], capture_output=True, check=True).stdout == b"done\n"
        assert len(server.paid) == 500
        assert 0 <= sum(server.paid.values()) - 500 <= 2 * QUICK.concurrency
        assert asking(tmp_path, server, 250).judged().rate.twice == 250
