"""What is done about batches, off the script thread. Nothing here imports streamlit or keeps a key."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from core.errors import WinnowError

if TYPE_CHECKING:  # it brings the client along, which takes a third of a second
    from core.batches import Step
    from core.judging.judgement import LlmJudge

log = logging.getLogger(__name__)
Act = Literal["send", "look", "cancel"]


@dataclass(slots=True)
class BatchJob:
    """One thing that was done: batches sent, looked for or cancelled.

    had_key: whether the server was given one. step: what came of it. problem, hint: why nothing did.
    """

    act: Act
    had_key: bool
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    step: Step | None = None
    problem: str = ""
    hint: str = ""

    @property
    def is_live(self) -> bool:
        """Whether it is still to be waited for."""
        return self.ended is None


class JudgeBatches:
    """The last thing that was done about the batches of each judge on each dataset; one at a time."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, str], BatchJob] = {}
        self._lock = threading.Lock()

    def job(self, dataset: str, judge: LlmJudge) -> BatchJob | None:
        """It, finished or not."""
        return self._jobs.get((dataset, judge.digest))

    def start(
        self, dataset: str, judge: LlmJudge, act: Act, do: Callable[[], Step], *, had_key: bool
    ) -> BatchJob:
        """Begin; what is live is returned as it is, so that two sessions never send twice."""
        with self._lock:
            known = self._jobs.get((dataset, judge.digest))
            if known is not None and known.is_live:
                return known
            job = self._jobs[dataset, judge.digest] = BatchJob(act, had_key)
        threading.Thread(target=_go, args=(job, do), daemon=True, name="batches").start()
        return job


def _go(job: BatchJob, do: Callable[[], Step]) -> None:
    try:
        job.step = do()
    except WinnowError as error:
        job.problem, job.hint = error.problem, error.hint
    except Exception as bug:
        log.error("Batches of a judge broke off: %s", type(bug).__name__)  # its text could hold anything
        job.problem = f"It broke off ({type(bug).__name__})."
        job.hint = "This is a bug. What was sent is known and will be found: look again."
    finally:
        job.ended = time.monotonic()
