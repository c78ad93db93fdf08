"""The process that does the long work: kept warm, told what to do in JSON lines, killed to cancel.

Kernels compiled by numba hold the interpreter lock and cannot be interrupted, so they never run in the
app's process. Started as ``python -m core.worker``; it ends when its input ends.

    in   {"job": "7", "path": "rows.jsonl", "home": ".winnow", "params": {...}}
    out  {"job": "7", "stage": "embed", "done": 512, "total": 52002, "note": "..."}
    out  {"job": "7", "finished": true}    or    {"job": "7", "problem": "...", "hint": "..."}
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import queue
import sys
import threading
import time
import traceback
from typing import IO, Any

from core.domain import Progress
from core.errors import WinnowError
from core.project import MapParams, Project

EVERY = 0.2  # seconds between two reports of one stage


def main() -> None:
    """Take jobs from standard input until it ends."""
    # Whatever a library prints, from Python or from C, must not be taken for a report.
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    while True:
        run(json.loads(requests.get()), reports)


def _listen(requests: queue.SimpleQueue[str]) -> None:
    """Queue the requests; when the app is gone, so is the reason to go on, even in the middle of a job."""
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def run(request: dict[str, Any], reports: IO[str]) -> None:
    """Do one job and report how it goes."""
    job = request["job"]

    def report(**fields: Any) -> None:  # noqa: ANN401 - JSON values
        reports.write(json.dumps({"job": job, **fields}) + "\n")
        reports.flush()

    try:
        if request.get("warm"):
            _warm_up()
        else:
            params = params_from(request.get("params", {}))
            project = Project.open(request["path"], home=request["home"], params=params)
            project.build(on_progress=_Throttled(report))
        report(finished=True)
    except WinnowError as error:
        report(problem=error.problem, hint=error.hint)
    except Exception as error:
        traceback.print_exc()
        report(bug=f"{type(error).__name__}: {error}")


def params_from(settings: dict[str, dict[str, Any]]) -> MapParams:
    """``MapParams`` from the settings that differ from its defaults, by stage."""
    stages = {
        stage.name: dataclasses.replace(getattr(MapParams(), stage.name), **settings.get(stage.name, {}))
        for stage in dataclasses.fields(MapParams)
    }
    return MapParams(**stages)


def _warm_up() -> None:
    from core import projection

    projection.warm_up()


class _Throttled:
    """Passes on the first and last report of a stage, and one now and then between them."""

    def __init__(self, report: Any) -> None:  # noqa: ANN401 - a callable with keyword arguments
        self._report = report
        self._last = ("", 0.0)

    def __call__(self, progress: Progress) -> None:
        stage, at = self._last
        now = time.monotonic()
        if stage != progress.stage or now - at >= EVERY or progress.done >= progress.total:
            self._last = (progress.stage, now)
            self._report(**progress._asdict())


if __name__ == "__main__":
    main()
