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
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from threadpoolctl import threadpool_limits

from core.domain import OnProgress, Progress
from core.errors import Cancelled, WinnowError

log = logging.getLogger(__name__)

STAGES = ("draft map", "count tokens", "embed", "neighbours", "clusters", "names", "map")
ROOT = Path(__file__).parents[2]

Lane = Literal["orders", "curves"]
Status = Literal["waiting", "running", "done", "failed", "stopped"]


@dataclass(slots=True)
class MapJob:
    """One map in the making, as the panel shows it."""

    key: str
    name: str
    rows: int
    status: Status = "waiting"
    progress: Progress = field(default_factory=lambda: Progress("start", 0, 1))
    stage_began: float = field(default_factory=time.monotonic)
    stage_began_at: int = 0  # rows done when this run of the stage began
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
        """How long this stage will still take at its rate so far."""
        rate = self.rate()
        return None if rate is None else (self.progress.total - self.progress.done) / rate

    def take(self, event: dict[str, Any]) -> None:
        """One report of the worker."""
        if "stage" in event:
            progress = Progress(*(event[name] for name in Progress._fields))
            if progress.stage != self.progress.stage:
                self.stage_began, self.stage_began_at = time.monotonic(), progress.done
                self.reached.append(progress.stage)
            self.progress = progress
        elif "finished" in event:
            self.status = "done"
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
            job = self._jobs[key] = MapJob(key, name, rows)
            self._send({"job": key, **request})
            return job

    def stop(self, key: str) -> None:
        """End a job now. What it stored stays, and a later start goes on from there."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or not job.is_live:
                return
            job.status = "stopped"
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _send(self, request: dict[str, Any]) -> None:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "core.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            job = self._jobs.get(event["job"])
            if job is not None and job.is_live:
                job.status = "running"
                job.take(event)
        process.wait()
        with self._lock:
            if self._process is not process:
                return
            self._process = None
        for job in list(self._jobs.values()):
            if job.is_live:
                job.status = "failed"
                job.problem = f"The worker process ended (code {process.returncode})."
                job.hint = "Perhaps the memory was full. What was done is stored: start again to go on."


class Background:
    """Two threads for what takes seconds: one for orders, one for curves.

    A newer wish of the same owner replaces an older one. Matrix products get half of the cores, so that
    the app stays quick meanwhile.
    """

    def __init__(self) -> None:
        threadpool_limits(max(1, (os.cpu_count() or 1) // 2))
        self._lanes = {lane: ThreadPoolExecutor(1, thread_name_prefix=lane) for lane in get_args(Lane)}
        self._lock = threading.Lock()
        self._futures: dict[Hashable, Future[object]] = {}
        self._wishes: dict[Hashable, Hashable] = {}  # owner -> the key it wants now

    def want(
        self, lane: Lane, owner: Hashable, key: Hashable, work: Callable[[OnProgress], object]
    ) -> Future[object]:
        """Have ``work`` done under ``key``; other keys that nobody wants any more are given up."""
        with self._lock:
            self._wishes[owner] = key
            future = self._futures.get(key)
            if future is None:
                future = self._futures[key] = self._lanes[lane].submit(self._run, key, work)
            return future

    @property
    def is_busy(self) -> bool:
        """Whether anything is being computed or waits to be."""
        with self._lock:
            return bool(self._futures)

    def _run(self, key: Hashable, work: Callable[[OnProgress], object]) -> object:
        def still_wanted(_: Progress) -> None:
            with self._lock:
                if key not in self._wishes.values():
                    raise Cancelled

        try:
            still_wanted(Progress("choose rows", 0, 1))
            return work(still_wanted)
        except Cancelled:
            return None
        except WinnowError as error:
            return error
        except Exception as error:
            log.exception("Work in the background failed.")
            return error
        finally:
            with self._lock:
                self._futures.pop(key, None)


def finished(future: Future[object], *, within: float) -> bool:
    """Whether the work is done after at most ``within`` seconds."""
    return bool(wait_for([future], timeout=within).done)
