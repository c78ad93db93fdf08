"""Pushes to the hub off the script thread, one a session. Nothing here imports streamlit or keeps a token."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from core.domain import OnProgress, Progress
from core.errors import WinnowError
from core.push import Pushed

log = logging.getLogger(__name__)
Status = Literal["running", "done", "failed"]


@dataclass(slots=True)
class PushJob:
    """One push, as the panel shows it."""

    repo: str
    status: Status = "running"
    progress: Progress = field(default_factory=lambda: Progress("write the files", 0, 1))
    done: Pushed | None = None
    problem: str = ""
    hint: str = ""


class Pushes:
    """The last push of each session; it goes on while the page is reloaded."""

    def __init__(self) -> None:
        self._jobs: dict[str, PushJob] = {}
        self._lock = threading.Lock()

    def job(self, owner: str) -> PushJob | None:
        """The push of that session, finished or not."""
        return self._jobs.get(owner)

    def start(self, owner: str, repo: str, work: Callable[[OnProgress], Pushed]) -> PushJob:
        """Begin; one that is running is returned as it is."""
        with self._lock:
            known = self._jobs.get(owner)
            if known is not None and known.status == "running":
                return known
            job = self._jobs[owner] = PushJob(repo)
        threading.Thread(target=_run, args=(job, work), daemon=True, name="push").start()
        return job


def _run(job: PushJob, work: Callable[[OnProgress], Pushed]) -> None:
    def seen(progress: Progress) -> None:
        job.progress = progress

    try:
        job.done = work(seen)
        job.status = "done"
    except WinnowError as error:
        job.problem, job.hint, job.status = error.problem, error.hint, "failed"
    except Exception as bug:
        log.error("A push broke off: %s", type(bug).__name__)  # its text could hold anything
        job.problem = f"The push broke off ({type(bug).__name__})."
        job.hint, job.status = "This is a bug. Nothing was committed.", "failed"
