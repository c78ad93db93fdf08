"""Runs of judges that are models, off the script thread. Nothing here imports streamlit or keeps a key."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from core.errors import WinnowError

if TYPE_CHECKING:  # they bring the client along, which takes a third of a second
    from core.asking import Session
    from core.judging.judgement import LlmJudge
    from core.judging.run import Standing

log = logging.getLogger(__name__)
Kind = Literal["trial", "run", "again"]


@dataclass(slots=True)
class JudgeJob:
    """One run of one judge over one dataset, as the panel shows it.

    session: only while it runs, for the key is in it. problem, hint: why it could not begin or go on.
    """

    judge: LlmJudge
    kind: Kind
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    session: Session | None = field(default=None, repr=False)
    last: Standing | None = None
    is_cancelled: bool = False
    problem: str = ""
    hint: str = ""

    @property
    def is_live(self) -> bool:
        """Whether it is still to be waited for."""
        return self.ended is None

    def standing(self) -> Standing:
        """How far it is, or was at its end."""
        session = self.session
        if session is not None:
            return session.standing()
        from core.judging.run import Standing

        return self.last or Standing("ready", 0)

    def pause(self) -> None:
        """Send nothing new, or go on."""
        if self.session is not None:
            (self.session.resume if self.standing().state == "paused" else self.session.pause)()

    def cancel(self) -> None:
        """End it once what is in flight has come back; asked again, at once."""
        if self.session is not None:
            self.session.cancel(drop=self.is_cancelled)
        self.is_cancelled = True


class JudgeRuns:
    """The last run of each judge on each dataset; it goes on while pages are reloaded and left."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, str], JudgeJob] = {}
        self._lock = threading.Lock()

    def job(self, dataset: str, judge: LlmJudge) -> JudgeJob | None:
        """The run of that judge, finished or not."""
        return self._jobs.get((dataset, judge.digest))

    def latest(self, dataset: str) -> JudgeJob | None:
        """The run on that dataset that began last, a live one first."""
        with self._lock:
            jobs = [job for (where, _), job in self._jobs.items() if where == dataset]
        return max(jobs, key=lambda job: (job.is_live, job.began), default=None)

    def start(self, dataset: str, judge: LlmJudge, kind: Kind, make: Callable[[], Session]) -> JudgeJob:
        """Begin; one that is live is returned as it is, so that two sessions never begin two."""
        with self._lock:
            known = self._jobs.get((dataset, judge.digest))
            if known is not None and known.is_live:
                return known
            job = self._jobs[dataset, judge.digest] = JudgeJob(judge, kind)
        threading.Thread(target=_go, args=(job, make), daemon=True, name="judging").start()
        return job

    def close(self) -> None:
        """Cancel whatever runs."""
        with self._lock:
            for job in self._jobs.values():
                if job.is_live:
                    job.cancel()


def _go(job: JudgeJob, make: Callable[[], Session]) -> None:
    try:
        job.session = make()
        if job.is_cancelled:
            job.session.cancel()
        job.last = job.session.go()
    except WinnowError as error:
        job.problem, job.hint = error.problem, error.hint
    except Exception as bug:
        log.error("A run of a judge broke off: %s", type(bug).__name__)  # its text could hold anything
        job.problem = f"The run broke off ({type(bug).__name__})."
        job.hint = "This is a bug. Every reply that came is kept: start again to go on."
    finally:
        session, job.session = job.session, None
        if job.last is None and session is not None:
            job.last = session.standing()
        job.ended = time.monotonic()
