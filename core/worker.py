"""The process that does the long work: kept warm, told what to do in JSON lines, killed to cancel.

Kernels compiled by numba hold the interpreter lock and cannot be interrupted, so they never run in the
app's process. Started as ``python -m core.worker``; it ends when its input ends.

    in   {"job": "7", "path": "rows.jsonl", "home": ".winnow", "params": {...}, "mapping": "...",
         "embed": "first-user", "keep": ["1a2b3c4d"], "taken_out": [...]}
         with "map": false it stops at what choosing needs, before the map
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

from core import neighbours
from core.domain import EMBED_CHOICES, Progress
from core.errors import Cancelled, WinnowError
from core.loading import read_mapping
from core.project import MapParams, Project
from core.removal_table import removals_from_json

log = logging.getLogger(__name__)

EVERY = 0.2  # seconds between two reports of one stage
# Rows that figures are measured of unasked: fewer take no time, more than half a minute of two cores.
EXACT_ROWS, MOST_AHEAD = neighbours.EXACT_ROWS, 100_000


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
        _serve(requests, reports)


def _listen(requests: queue.SimpleQueue[str]) -> None:
    """Queue the requests; when the app is gone, so is the reason to go on, even in the middle of a job."""
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def _serve(requests: queue.SimpleQueue[str], reports: IO[str]) -> None:
    """Do the next job and what can be done ahead of others; nothing of it is held afterwards."""
    made = run(json.loads(requests.get()), reports)
    if made is not None:
        ahead = threading.Thread(target=_work_ahead, args=(made, requests))
        ahead.start()
        ahead.join()


def _work_ahead(project: Project, requests: queue.SimpleQueue[str]) -> None:
    """Make what figures are measured with, until something is asked for; nobody waits, so nobody is told."""
    if not EXACT_ROWS < len(project.dataset) <= MOST_AHEAD:
        return
    if sys.platform == "linux":  # where this is said of a thread alone, and those that it starts
        os.nice(19)

    def check(_: Progress) -> None:
        if not requests.empty():
            raise Cancelled

    try:
        project.measure_ahead(on_progress=check)
    except Cancelled:
        log.info("Work ahead gave way to another job.")
    except WinnowError as error:
        log.warning("%s", error)


def run(request: dict[str, Any], reports: IO[str]) -> Project | None:
    """Do one job and report how it goes; returns the project whose map was made."""
    job = request["job"]

    def report(**fields: Any) -> None:  # noqa: ANN401 - JSON values
        reports.write(json.dumps({"job": job, **fields}) + "\n")
        reports.flush()

    made = None
    try:
        if request.get("warm"):
            _warm_up()
        else:
            params = params_from(request.get("params", {}))
            mapping = read_mapping(request.get("mapping") or "")
            embed = request.get("embed", EMBED_CHOICES[0])
            project = Project.open(
                request["path"], home=request["home"], params=params, mapping=mapping, embed=embed,
                keep=request.get("keep", ()), scores=(),
            )  # fmt: skip
            project = project.without(removals_from_json(request.get("taken_out", [])))
            if request.get("map", True):
                project.build(on_progress=_Throttled(report))
                made = project
            else:
                project.prepare(on_progress=_Throttled(report))
        report(finished=True)
    except WinnowError as error:
        report(problem=error.problem, hint=error.hint)
    except Exception as error:
        traceback.print_exc()
        report(bug=f"{type(error).__name__}: {error}")
    return made


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
