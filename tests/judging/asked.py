"""Rows, a judge and an asking for the tests of judging."""

from __future__ import annotations

import hashlib
import json

from judge_server import KEY, grade

from core.asking import Asking
from core.judging.endpoint import endpoint
from core.judging.judgement import LlmJudge
from core.judging.run import Limits
from core.loading import load

QUICK = Limits(concurrency=16, timeout=5.0, first_wait=0.01)


def written(folder, rows, *, copies=0):
    """A file of that many different rows, the first of them repeated ``copies`` times at the end."""
    places = [*range(rows), *range(copies)]
    lines = [
        json.dumps({"instruction": f"Name {i}", "input": "", "output": f"It is {i * 7}."}) for i in places
    ]
    path = folder / "rows.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def asking(folder, server, rows=60, *, copies=0, **settings):
    """A judge on such a file, in the folder as a home."""
    judge = LlmJudge(**{"model": "m", "base_url": server.url, **settings})
    return Asking(load(written(folder, rows, copies=copies)), judge, home=folder)


def place(server, key=KEY):
    """The server as an endpoint, with its key."""
    return endpoint(server.url, key=key, environment={})


def by_server(found, server):
    """What the server gave each row, by the prompt that it was sent."""
    bodies = {json.dumps(body["messages"][-1]): body for body in server.bodies}
    for row in range(len(found.rows)):
        taken = found.judgements.taken(found.judge)
        said = json.dumps(
            found.rows.prompt(row, structured=found.judge.structured and taken.structured).messages[-1]
        )
        yield grade(hashlib.sha256(said.encode()).hexdigest(), bodies[said]) if said in bodies else None
