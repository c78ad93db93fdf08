"""Judging: rows a second against an instant local server, and a ledger of a million judgements."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.report import Line, at_most, timed
from core.asking import Asking
from core.claiming import Desk
from core.judgements import Judgements
from core.judging.endpoint import endpoint
from core.judging.judgement import Judgement, LlmJudge, Status, Task, Usage
from core.judging.run import Limits
from core.loading import load

ROWS, MILLION, AT_ONCE = 3_000, 1_000_000, 500
LEAST = 150  # judged rows a second


def measure(home: Path) -> list[Line]:
    """Both, in a folder of their own."""
    return [_requests(home / "judging"), *_ledger(home / "judgements")]


def _requests(home: Path) -> Line:
    """Structured output on; the server is a process of its own on the same cores."""
    home.mkdir(parents=True)
    file = home / "rows.jsonl"
    rows = ({"instruction": f"Name {place}", "output": f"It is {place * 7}."} for place in range(ROWS))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = load(file)
    server = Path(__file__).parents[1] / "tests" / "judge_server.py"
    port = home / "port"
    process = subprocess.Popen([sys.executable, str(server), str(port), "0", str(home / "counts")])
    try:
        while not port.exists():
            time.sleep(0.05)
        url, best = port.read_text(), 0.0
        for turn in range(3):
            asking = Asking(dataset, LlmJudge(model="m", name=f"turn {turn}", base_url=url), home=home)
            session = asking.run(endpoint(url, environment={}), limits=Limits(concurrency=32))
            seconds, standing = timed(session.go)
            if standing.counts.get(Status.OK) == ROWS:
                best = max(best, ROWS / seconds)
    finally:
        process.kill()
        process.wait()
    return Line(
        step="judge rows against an instant local server", baseline="",
        result=f"{best:,.0f} rows/s", ratio="",
        target=f"at least {LEAST} rows/s", met=best >= LEAST, remark=f"{ROWS:,} rows, JSON schema, best of 3",
    )  # fmt: skip


def _ledger(home: Path) -> list[Line]:
    """Writing in the groups of a busy run, then what a page and a resumed run ask."""
    judgements = Judgements(home / "judgements.sqlite")
    judge = LlmJudge(model="m")
    contents = [hashlib.sha256(str(place).encode()).digest()[:16] for place in range(MILLION)]
    with Desk(judgements, judge) as desk:
        wrote, _ = timed(lambda: _write(desk, contents))
        number = desk.number
        last, _ = timed(lambda: _write(desk, [hashlib.sha256(b"more").digest()[:16]]), repeats=5)
        tasks = [Task(content, 0, "", "") for content in contents[-128:]]
        claim, mine = timed(lambda: desk.claim(tasks), repeats=5)
    assert mine == []
    counts, _ = timed(lambda: judgements.counts(number), repeats=3)
    resume, known = timed(lambda: judgements.statuses(number))
    scores, found = timed(lambda: judgements.scores(number, contents))
    assert len(known) == MILLION + 1
    assert int((~np.isnan(found)).sum()) == sum(place % 10 != 0 for place in range(MILLION))
    with sqlite3.connect(home / "judgements.sqlite") as connection:
        megabytes = connection.execute("PRAGMA page_count").fetchone()[0] * 4_096 / 1e6
    whole = f"{MILLION:,} judgements"
    return [
        at_most(f"write {whole}", wrote, 120, "s", f"{AT_ONCE} at once; {megabytes:,.0f} MB with replies"),
        at_most(f"write one more beside {whole}", last, 0.05, "s"),
        at_most(f"claim 128 rows beside {whole}", claim, 0.1, "s"),
        at_most(f"counts by status of {whole}", counts, 0.5, "s"),
        at_most(f"what of {whole} is done, to resume", resume, 10, "s"),
        at_most(f"scores of {MILLION:,} rows", scores, 10, "s"),
    ]


def _write(desk: Desk, contents: list[bytes]) -> None:
    for start in range(0, len(contents), AT_ONCE):
        desk.record(
            [_made(place, each) for place, each in enumerate(contents[start : start + AT_ONCE], start)]
        )


def _made(place: int, content: bytes) -> Judgement:
    ok = place % 10 != 0
    return Judgement(
        content=content, sample=0, status=Status.OK if ok else Status.UNPARSED,
        score=place % 11 / 2 if ok else None,
        reason="It is right but for one slip in the second sentence.", form="json", prompt="0" * 64,
        reply='{"score": 4, "reason": "It is right but for one slip in the second sentence."}',
        usage=Usage(300, 20), cost=0.0001, seconds=1.0, at=1.0,
    )  # fmt: skip
