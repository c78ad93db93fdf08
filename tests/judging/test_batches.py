"""The Batch API: sent, found again after a restart, collected and cancelled, without paying twice."""

from __future__ import annotations

import json
import threading

import pytest
from asked import QUICK, asking, place
from judge_server import KEY, JudgeServer

import core.__main__ as command
from core.asking import Asking
from core.batches import Batches, open_batches
from core.errors import ParameterError, WinnowError
from core.judging import batch as batch_module
from core.judging.batch import BatchClient
from core.judging.judgement import Price, Status
from core.loading import load


def test_a_batch_is_sent_once_and_collected_when_it_is_done(tmp_path):
    """At its own price; while it waits nothing else asks for its rows, and what failed in it is asked again."""
    with JudgeServer(key=KEY, faults={"500": 0.1, "hostile": 0.1}, seed=3) as server:
        server.batch_done = False
        found = asking(tmp_path, server, 120)
        batches = Batches(found, place(server), price=Price(1, 1, 0.5))
        assert batches.step().sent == 120
        assert batches.step() == batches.step()
        assert len(server.batches) == 1
        assert found.run(place(server), limits=QUICK).go().asked == 0
        assert sum(server.requests.values()) == 0
        server.batch_done = True
        collected = batches.step()
        failed = 120 - sum(server.paid.values())
        assert (collected.collected, collected.sent, collected.waiting) == (120, failed, failed)
        counts = found.standings().counts
        assert counts[Status.ERROR] == failed > 0
        assert counts[Status.UNPARSED] > 0
        ok = [each for each in found.judgements.of(1, status=Status.OK)]
        assert ok[0].cost == pytest.approx((ok[0].usage.prompt + ok[0].usage.completion) / 2e6)
        for _ in range(10):
            batches.step()
        assert found.standings().counts.get(Status.ERROR, 0) == 0
        assert set(server.paid.values()) == {1}


class Leaking(dict):
    """Files in which every reason repeats the key."""

    def __getitem__(self, name):
        return super().__getitem__(name).replace(b"As it should be.", KEY.encode())


def test_a_key_that_the_server_puts_into_a_batch_is_blotted_out(tmp_path):
    """Neither the ledger nor any other file of the home has it, and the grades count all the same."""
    with JudgeServer(key=KEY) as server:
        server.files = Leaking()
        found = asking(tmp_path, server, 10)
        batches = Batches(found, place(server))
        batches.step()
        assert batches.step().collected == 10
        assert {each.reason for each in found.judgements.of(found.number, status=Status.OK)} == {"[key]"}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize("started", [True, False])
def test_a_batch_whose_sender_died_is_found_again_or_given_up(tmp_path, monkeypatch, started):
    """By its mark at the server: one that was started is collected, one that was not is sent anew."""
    with JudgeServer(key=KEY) as server:
        found = asking(tmp_path, server, 30)
        send = BatchClient.send

        async def dies(self, content, mark):
            if started:
                await send(self, content, mark)
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(BatchClient, "send", dies)
            with pytest.raises(KeyboardInterrupt):
                Batches(found, place(server)).step()
        with found.judgements.writing() as connection:
            connection.execute("UPDATE batches SET process = '1 1'")
        later = Batches(found, place(server)).step()
        assert (later.collected, later.sent) == ((30, 0) if started else (0, 30))
        assert len(server.batches) == 1
        Batches(found, place(server)).step()
        assert found.standings().counts == {Status.OK: 30}
        assert set(server.paid.values()) == {1}


def test_batches_are_cut_by_their_size_and_all_collected(tmp_path, monkeypatch):
    """120 requests at 50 a batch are three; by bytes as well; each row is in one of them."""
    monkeypatch.setattr(batch_module, "MOST_LINES", 50)
    with JudgeServer(key=KEY) as server:
        server.batch_done = False
        found = asking(tmp_path, server, 120)
        batches = Batches(found, place(server))
        step = batches.step()
        assert [each.requests for each in step.batches] == [50, 50, 20]
        assert [each.requests for each in open_batches(found)] == [50, 50, 20]
        server.batch_done = True
        assert batches.look().collected == 120
        assert open_batches(found) == ()
        assert found.standings().counts == {Status.OK: 120}
        monkeypatch.setattr(batch_module, "LARGEST", 20_000)
        other = Batches(asking(tmp_path, server, 120, name="by bytes"), place(server))
        server.batch_done = False
        assert len(other.step().batches) > 3
        assert max(len(file) for file in server.files.values() if b"custom_id" in file) < 110_000


def test_looking_sends_nothing(tmp_path):
    """What failed in a batch stays with the person to send again."""
    with JudgeServer(key=KEY, faults={"500": 0.3}) as server:
        found = asking(tmp_path, server, 60)
        batches = Batches(found, place(server))
        batches.step()
        first = batches.look()
        assert first.collected == 60
        failed = found.standings().counts[Status.ERROR]
        (error, *_) = found.judgements.of(1, status=Status.ERROR)
        assert error.reason == "status 500 in the batch: Broken"
        assert batches.look().sent == 0
        assert batches.step().sent == failed > 0


@pytest.mark.parametrize("ends", ["expired", "cancelled"])
def test_what_a_batch_answered_before_its_end_is_kept_and_the_rest_may_be_asked(tmp_path, ends):
    """The reason is the server's; a run asks the others, and nothing is paid twice."""
    with JudgeServer(key=KEY) as server:
        server.batch_done, server.batch_answers = False, 0.4
        found = asking(tmp_path, server, 50)
        batches = Batches(found, place(server))
        batches.step()
        if ends == "cancelled":
            step = batches.cancel()
        else:
            server.batch_done, server.batch_ends = True, ends
            step = batches.look()
        assert any(f"ended as {ends}" in note for note in step.notes)
        counts = found.standings().counts
        assert (counts[Status.OK], counts[Status.ERROR]) == (20, 30)
        assert found.judgements.of(1, status=Status.ERROR)[0].reason.endswith(f"The batch was {ends}.")
        assert found.run(place(server), limits=QUICK).go().counts == {Status.OK: 30}
        assert set(server.paid.values()) == {1}


def test_a_batch_that_the_server_refused_says_why_and_gives_its_rows_back(tmp_path):
    """A limit of the account's is no judgement of any row."""
    with JudgeServer(key=KEY) as server:
        found = asking(tmp_path, server, 20)
        batches = Batches(found, place(server))
        batches.step()
        server.batch_ends = "failed"
        step = batches.look()
        assert "A batch ended as failed: Enqueued token limit reached for this model." in step.notes
        assert found.standings() == ({}, 20)
        assert found.run(place(server), limits=QUICK).go().counts == {Status.OK: 20}


def test_a_server_without_batches_is_named_and_keeps_no_row_claimed(tmp_path):
    """As vLLM, Ollama and llama.cpp are; the rows can be asked at once, in the same process."""
    with JudgeServer(key=KEY) as server:
        server.no_batches = True
        found = asking(tmp_path, server, 20)
        batches = Batches(found, place(server))
        with pytest.raises(WinnowError, match="takes no batches"):
            batches.step()
        server.no_batches = False
        assert batches.look().waiting == 0
        assert found.run(place(server), limits=QUICK).go().counts == {Status.OK: 20}


def test_a_batch_whose_start_was_not_heard_of_is_found_by_its_mark(tmp_path, monkeypatch):
    """The connection broke while the server started it: the same process finds it at the next look."""
    with JudgeServer(key=KEY) as server:
        send = BatchClient.send

        async def unheard(self, content, mark):
            await send(self, content, mark)
            raise WinnowError("The batch could not be handled: no answer.")

        batches = Batches(asking(tmp_path, server, 30), place(server))
        with monkeypatch.context() as patched:
            patched.setattr(BatchClient, "send", unheard)
            with pytest.raises(WinnowError):
                batches.step()
        step = batches.step()
        assert (step.collected, step.sent, len(server.batches)) == (30, 0, 1)


def test_two_sessions_that_collect_at_once_count_each_answer_once(tmp_path):
    """Money and judgements; a reply without a score would be counted twice otherwise."""
    with JudgeServer(key=KEY, faults={"malformed": 0.5}) as server:
        found = asking(tmp_path, server, 80)
        price = Price(1_000, 1_000, 0.5)
        Batches(found, place(server), price=price).step()
        both = threading.Barrier(2)
        fetch, collected = BatchClient.lines, []

        async def together(self, file):
            content = await fetch(self, file)
            both.wait(20)
            return content

        def collect():
            collected.append(Batches(found, place(server), price=price).look().collected)

        threads = [threading.Thread(target=collect) for _ in range(2)]
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(BatchClient, "lines", together)
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
        assert sorted(collected) == [0, 80]
        assert found.judgements.paid(1) == pytest.approx(sum(each.cost for each in found.judgements.of(1)))


def test_a_batch_of_another_dataset_is_left_to_that_one(tmp_path):
    """One judge on two datasets of a home: neither collects or loses what the other has paid for."""
    with JudgeServer(key=KEY) as server:
        found = asking(tmp_path, server, 30)
        lines = (tmp_path / "rows.jsonl").read_text().splitlines()
        for name, part in (("first", lines[:20]), ("second", lines[15:])):
            (tmp_path / f"{name}.jsonl").write_text("\n".join(part) + "\n")
        first, second = (Asking(load(tmp_path / f"{name}.jsonl"), found.judge, home=tmp_path) for name in ("first", "second"))  # fmt: skip
        server.batch_done = False
        Batches(first, place(server)).step()
        assert Batches(second, place(server)).step().sent == 10
        server.batch_done = True
        step = Batches(second, place(server)).look()
        assert step.collected == 15
        assert any("15 requests of it belong to rows of another dataset" in note for note in step.notes)
        assert Batches(first, place(server)).look().collected == 15
        assert second.standings().counts == {Status.OK: 15}
        assert first.standings().counts == {Status.OK: 20}
        assert set(server.paid.values()) == {1}


def test_a_limit_in_money_bounds_a_batch_by_the_upper_end_of_its_estimate(tmp_path):
    """Before it is sent, since nobody can stop it when it is dear; no price or no trial is said."""
    with JudgeServer(key=KEY) as server:
        found = asking(tmp_path, server, 200)
        price = Price(1_000, 1_000, 0.5)
        batches = Batches(found, place(server), price=price)
        with pytest.raises(ParameterError):
            batches.step(max_cost=1.0)
        with pytest.raises(ParameterError):
            Batches(found, place(server)).step(max_cost=1.0)
        found.trial(place(server), limits=QUICK).go()
        most = found.estimate(price=price).batch_cost.high / 3
        sent = batches.step(max_cost=most).sent
        assert 0 < sent <= 180 / 3
        batches.look()
        spent = found.judgements.paid(1)
        assert most * 0.7 < spent <= most


def test_the_command_sends_collects_and_cancels(tmp_path, capsys, monkeypatch):
    """Each says what became of it."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with JudgeServer() as server:
        server.batch_done = False
        asking(tmp_path, server, 30)
        fixed = ["--home", str(tmp_path), "--model", "m", "--base-url", server.url]
        run = ["judge", str(tmp_path / "rows.jsonl"), *fixed]
        assert command.main([*run, "--batch", "--rows", "10"]) == 0
        assert "10 requests with the server" in capsys.readouterr().out
        assert command.main([*run, "--cancel-batches", "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["collected"], report["waiting"]) == (10, 0)
