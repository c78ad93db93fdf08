"""Long work off the script thread: the worker process for maps, a thread for orders and curves.

Nothing here imports streamlit: the registries live in ``cached`` and outlive every session.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from threadpoolctl import threadpool_limits

from core.domain import OnProgress, Progress
from core.errors import Cancelled, WinnowError

log = logging.getLogger(__name__)

STAGES = ("draft map", "count tokens", "embed", "neighbours", "clusters", "names", "map")
ROOT = Path(__file__).parents[2]
# glibc then hands large batches back to the system at once instead of keeping them for later.
THRIFT = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 25)}

Lane = Literal["orders", "curves", "comparisons", "finding", "downloads"]
Status = Literal["waiting", "running", "done", "failed", "stopped"]


@dataclass(slots=True)
class MapJob:
    """One map in the making, as the panel shows it."""

    key: str
    name: str
    rows: int
    request: dict[str, Any] = field(default_factory=dict, repr=False)
    status: Status = "waiting"
    progress: Progress = field(default_factory=lambda: Progress("start", 0, 1))
    stage_began: float = field(default_factory=time.monotonic)
    stage_began_at: int = 0  # rows done at the first report of this run that told of any
    reached: list[str] = field(default_factory=list)
    problem: str = ""
    hint: str = ""

    @property
    def is_live(self) -> bool:
        """Whether it is still to be waited for."""
        return self.status in {"waiting", "running"}

    def rate(self) -> float | None:
        """Rows a second in this stage; None before there is anything to measure."""
        elapsed = time.monotonic() - self.stage_began
        done = self.progress.done - self.stage_began_at
        return done / elapsed if elapsed > 1 and done > 0 else None

    def seconds_left(self) -> float | None:
        """How long this stage will still take, by its own word or at its rate so far."""
        if self.progress.seconds_left is not None:
            return self.progress.seconds_left
        rate = self.rate()
        return None if rate is None else (self.progress.total - self.progress.done) / rate

    def take(self, event: dict[str, Any]) -> None:
        """One report of the worker, or how it ended."""
        if "stage" in event:
            self.status = "running"
            progress = Progress(**{name: event[name] for name in Progress._fields if name in event})
            if progress.stage != self.progress.stage:
                self.reached.append(progress.stage)
            if progress.stage != self.progress.stage or not self.progress.done:
                # What is done at the first report was done before: a model was loaded, parts were found.
                self.stage_began, self.stage_began_at = time.monotonic(), progress.done
            self.progress = progress
        elif "finished" in event:
            self.status = "done"
        elif "ended" in event:
            self.status = "failed"
            self.problem = f"The worker process ended (code {event['ended']})."
            self.hint = "Perhaps the memory was full. What was done is stored: start again to go on."
        else:
            bug = event.get("bug")
            self.status = "failed"
            self.problem = event.get("problem") or f"The work broke off: {bug}."
            self.hint = event.get("hint") or "This is a bug. What was done is stored: start again to go on."


class MapWorker:
    """One warm process that makes maps, one at a time; stopping a job means ending the process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._process: subprocess.Popen[str] | None = None
        self._jobs: dict[str, MapJob] = {}
        self._waiting: deque[MapJob] = deque()
        self._current: MapJob | None = None

    def job(self, key: str) -> MapJob | None:
        """The job of that map, finished or not."""
        return self._jobs.get(key)

    def warm(self) -> None:
        """Start the process and let it compile, so that the next map does not wait for that."""
        with self._lock:
            if self._process is None:
                self._send({"job": "warm", "warm": True})

    def start(self, key: str, *, name: str, rows: int, request: dict[str, Any]) -> MapJob:
        """Queue a map; a live job of the same key is returned as it is."""
        with self._lock:
            known = self._jobs.get(key)
            if known is not None and known.is_live:
                return known
            job = self._jobs[key] = MapJob(key, name, rows, request)
            self._waiting.append(job)
            self._next()
            return job

    def stop(self, key: str) -> None:
        """End a job now. What it stored stays, and a later start goes on from there."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or not job.is_live:
                return
            job.status = "stopped"
            if job is not self._current:
                self._waiting.remove(job)
                return
            self._kill()
            self._next()

    def close(self) -> None:
        """End the process and stop whatever it was to do."""
        with self._lock:
            for job in (*self._waiting, *([self._current] if self._current else [])):
                job.status = "stopped"
            self._waiting.clear()
            self._kill()

    def _kill(self) -> None:
        process, self._process, self._current = self._process, None, None
        if process is not None:
            process.kill()
            process.wait()

    def _next(self) -> None:
        """Give the process the job that waits longest, where it has none."""
        if self._current is None and self._waiting:
            self._current = job = self._waiting.popleft()
            self._send({"job": job.key, **job.request})

    def _send(self, request: dict[str, Any]) -> None:
        line = json.dumps(request) + "\n"
        if self._process is not None:
            with suppress(BrokenPipeError):  # it ended a moment ago: a new one takes over
                _write(self._process, line)
                return
        self._process = subprocess.Popen(
            [sys.executable, "-m", "core.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **THRIFT, "PYTHONPATH": str(ROOT)},
        )
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        _write(self._process, line)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None and process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            with self._lock:
                if process is self._process:
                    self._take(event)
        code = process.wait()
        with self._lock:
            process.stdout.close()
            with suppress(BrokenPipeError):
                process.stdin.close()
            if process is self._process:
                self._process = None
                self._take({"ended": code})

    def _take(self, event: dict[str, Any]) -> None:
        """One report; those of the warm-up are about no job."""
        job = self._current
        if job is None or event.get("job", job.key) != job.key:
            return
        job.take(event)
        if not job.is_live:
            self._current = None
            self._next()


def _write(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line)
    process.stdin.flush()


class Background:
    """A thread each for orders, curves, comparisons, finding and downloads: what takes seconds or longer.

    A newer wish of the same owner replaces an older one. Matrix products get half of the cores, so that
    the app stays quick meanwhile.
    """

    def __init__(self) -> None:
        threadpool_limits(max(1, (os.cpu_count() or 1) // 2))
        self._lanes = {lane: ThreadPoolExecutor(1, thread_name_prefix=lane) for lane in get_args(Lane)}
        self._lock = threading.Lock()
        self._futures: dict[Hashable, Future[Exception | None]] = {}
        self._failed: dict[Hashable, Future[Exception | None]] = {}  # until it is said what went wrong
        self._wishes: dict[Hashable, Hashable] = {}  # owner -> the key it wants now
        self._progress: dict[Hashable, Progress] = {}

    def want(
        self,
        lane: Lane,
        owner: Hashable,
        key: Hashable,
        work: Callable[[OnProgress], object],
        *,
        within: float = 0.0,
    ) -> None:
        """Have ``work`` done under ``key`` and wait for it at most ``within`` seconds.

        Other keys that nobody wants any more are given up.

        Raises:
            Exception: whatever the work raised, now or since it was wanted last; said once, then tried anew.
        """
        with self._lock:
            self._wishes[owner] = key
            future = self._failed.get(key) or self._futures.get(key)
            if future is None:
                future = self._futures[key] = self._lanes[lane].submit(self._run, key, work)
        if wait_for([future], timeout=within).done:
            with self._lock:
                self._failed.pop(key, None)
            if (error := future.result()) is not None:
                raise error

    def give_up(self, owner: Hashable) -> None:
        """What this owner wished for is wanted no more; it ends at its next report."""
        with self._lock:
            self._wishes.pop(owner, None)

    def is_wanted(self, owner: Hashable) -> bool:
        """Whether this owner still wishes for something."""
        with self._lock:
            return owner in self._wishes

    def failure(self, key: Hashable) -> Exception | None:
        """What the work of this key raised, said once; None where nothing went wrong."""
        with self._lock:
            future = self._failed.pop(key, None)
        return None if future is None else future.result()

    def is_making(self, key: Hashable) -> bool:
        """Whether this is being computed or waits to be."""
        with self._lock:
            return key in self._futures

    def progress(self, key: Hashable) -> Progress | None:
        """How far the work of this key is; None before its first report and when it is done."""
        with self._lock:
            return self._progress.get(key)

    def close(self) -> None:
        """Give up everything."""
        with self._lock:
            self._wishes.clear()
        for lane in self._lanes.values():
            lane.shutdown(wait=False, cancel_futures=True)

    def _run(self, key: Hashable, work: Callable[[OnProgress], object]) -> Exception | None:
        def still_wanted(progress: Progress) -> None:
            with self._lock:
                self._progress[key] = progress
                if key not in self._wishes.values():
                    raise Cancelled

        try:
            still_wanted(Progress("choose rows", 0, 1))
            work(still_wanted)
        except Cancelled:
            return None
        except Exception as error:
            if not isinstance(error, WinnowError):
                log.exception("Work in the background failed.")
            with self._lock:
                self._failed[key] = self._futures[key]
            return error
        finally:
            with self._lock:
                self._futures.pop(key, None)
                self._progress.pop(key, None)
        return None
