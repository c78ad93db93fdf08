"""Many requests at once: as many as the server bears, each paid once, each reply kept as it arrives."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from core.judging.blocking import until_done
from core.judging.client import Again, Client, Failed, Refused
from core.judging.endpoint import Endpoint
from core.judging.judgement import Claims, Judgement, LlmJudge, Price, Status, Task
from core.judging.keeping import Keeper
from core.judging.pace import Pace
from core.judging.request import Capabilities, error_of, judgement_of

State = Literal["ready", "running", "paused", "stopping", "done", "stopped"]

CLAIMED_AT_ONCE = 128
BEAT = 2.0  # seconds between two signs of life
LOOK = 0.1  # seconds between two looks at pause and cancel
RECENT = 10.0  # seconds that the rate is taken over
LONGEST_BACKOFF = 60.0  # seconds between two attempts, where the server asks for none
WAITS = 40  # times a row may be told too many requests
IN_A_ROW = 25  # failed rows after which the run stops by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may do.

    concurrency: requests in flight at most; the server may make it fewer.
    timeout: seconds a request may take. attempts: times a row is asked before it is an error.
    max_cost: money, in the currency of the price; the run stops once that much is spent, so that it goes
        over by the requests in flight at most.
    first_wait: seconds before the second attempt; doubled for each further one, up to a minute, with jitter.
    """

    concurrency: int = 16
    timeout: float = 60.0
    attempts: int = 5
    max_cost: float | None = None
    first_wait: float = 0.5


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is.

    asked: tasks of this run. counts: of those that it has ended, by status. elsewhere: tasks that were judged
    before or that another run is asking. spent: money; None without a price. rate: rows a second, lately.
    limit: requests that may be in flight now. note: why it stopped, in a sentence; failed: not by a
    limit, but because nothing that is asked would be answered.
    """

    state: State
    asked: int
    counts: dict[Status, int] = field(default_factory=dict)
    elsewhere: int = 0
    in_flight: int = 0
    spent: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    limit: int = 0
    note: str = ""
    failed: bool = False

    @property
    def done(self) -> int:
        """Tasks of this run that have a status."""
        return sum(self.counts.values())


OnStanding = Callable[[Standing], None]


class Run:
    """One run over tasks. ``go`` blocks in its thread; the rest may be called from any other."""

    def __init__(
        self,
        judge: LlmJudge,
        tasks: Sequence[Task],
        ledger: Claims,
        where: Endpoint,
        *,
        limits: Limits | None = None,
        price: Price | None = None,
        taken: Capabilities | None = None,
    ) -> None:
        self.judge, self.where, self.price = judge, where, price
        self.limits = limits or Limits()
        self.taken = taken or Capabilities()
        self._tasks, self._ledger = tasks, ledger
        self._lock = threading.Lock()
        self._paused, self._cancelled, self._dropped = (threading.Event() for _ in range(3))
        self._state: State = "ready"
        self._counts: Counter[Status] = Counter()
        self._spent, self._prompt_tokens, self._completion_tokens = 0.0, 0, 0
        self._failure: Exception | None = None
        self._in_flight, self._elsewhere, self._failed_in_a_row = 0, 0, 0
        self._ends: deque[float] = deque(maxlen=8_192)
        self._note, self._failed = "", False
        self._pace = Pace(self.limits.concurrency)

    def pause(self) -> None:
        """Send nothing new; what is in flight still counts."""
        self._paused.set()

    def resume(self) -> None:
        """Go on after ``pause``."""
        self._paused.clear()

    def cancel(self, *, drop: bool = False) -> None:
        """End the run once what is in flight has come back; with ``drop``, at once, though it may be paid."""
        self._cancelled.set()
        if drop:
            self._dropped.set()

    def standing(self) -> Standing:
        """How far it is, now."""
        with self._lock:
            now = time.monotonic()
            recent = [end for end in self._ends if end > now - RECENT]
            rate = len(recent) / min(RECENT, max(now - recent[0], 0.05)) if len(recent) > 1 else 0.0
            left = len(self._tasks) - self._elsewhere - sum(self._counts.values())
            return Standing(
                state=self._state, asked=len(self._tasks), counts=dict(self._counts),
                elsewhere=self._elsewhere,
                in_flight=self._in_flight, spent=None if self.price is None else self._spent,
                prompt_tokens=self._prompt_tokens, completion_tokens=self._completion_tokens, rate=rate,
                seconds_left=left / rate if rate and self._state == "running" else None,
                limit=self._pace.limit, note=self._note, failed=self._failed,
            )  # fmt: skip

    def go(self, on_standing: OnStanding = lambda _: None) -> Standing:
        """Ask about every task that nobody has judged and nobody else is asking for.

        A refused key, an empty account or a wrong address ends it: the standing's note says so in a sentence,
        what came before is kept, and the rest stays pending.

        Raises:
            StoreError: the ledger cannot be written.
        """
        self._state = "running"
        try:
            with ThreadPoolExecutor(1, "judgements") as writer:
                until_done(lambda: self._all(writer, on_standing))
        finally:
            self._ledger.release()
            stopped = self._note or self._cancelled.is_set()
            self._state = "stopped" if stopped else "done"
        on_standing(self.standing())
        return self.standing()

    async def _all(self, writer: ThreadPoolExecutor, on_standing: OnStanding) -> None:
        self._changed = asyncio.Event()
        self._keeper = Keeper(self._ledger, writer)
        async with Client(self.where, timeout=self.limits.timeout, taken=self.taken) as client:
            beat = asyncio.create_task(self._beat(on_standing))
            flights: set[asyncio.Task[None]] = set()
            try:
                async for task in self._claimed():
                    flights.add(flight := asyncio.create_task(self._flight(client, task)))
                    flight.add_done_callback(flights.discard)
                while flights and not self._dropped.is_set():
                    await asyncio.wait(flights, timeout=LOOK)
            finally:
                left = (*flights, beat)
                for each in left:
                    each.cancel()
                await asyncio.gather(*left, return_exceptions=True)
                self.taken = client.taken
        if self._failure is not None:
            raise self._failure

    async def _claimed(self) -> AsyncIterator[Task]:
        """The tasks that are this run's, each when it may be sent."""
        tasks = iter(self._tasks)
        while some := list(islice(tasks, CLAIMED_AT_ONCE)):
            mine = await self._keeper.run(lambda some=some: self._ledger.claim(some))  # type: ignore[misc]
            self._elsewhere += len(some) - len(mine)
            for task in mine:
                if not await self._may_send():
                    return
                self._in_flight += 1
                yield task

    async def _may_send(self) -> bool:
        """Wait for a place; False where nothing is to be sent any more."""
        while not self._ended():
            most = self.limits.max_cost
            if most is not None and self._spent >= most:
                self._stop(f"The limit of {most:g} is reached.")
                return False
            if not self._paused.is_set() and self._in_flight < self._pace.limit and not self._pace.wait():
                return True
            self._state = "paused" if self._paused.is_set() else "running"
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(self._pace.wait() or LOOK, LOOK))
        return False

    async def _flight(self, client: Client, task: Task) -> None:
        """One task from its first attempt to its line in the ledger."""
        try:
            judgement = await self._judged(client, task)
            if judgement is not None:
                await self._keeper.keep(judgement)
                self._count(judgement)
        except Refused as refused:
            self._stop(str(refused), failed=True)
        except Exception as error:  # raised where the run is waited for
            self._failure = self._failure or error
            self._cancelled.set()
        finally:
            self._in_flight -= 1
            self._changed.set()

    async def _judged(self, client: Client, task: Task) -> Judgement | None:
        """What became of one task; None where the run ended before that was known."""
        attempts = waits = 0
        while True:
            try:
                answered = await client.ask(self.judge, task)
            except Failed as failed:
                return error_of(task, failed.why)
            except Again as again:
                attempts, waits = attempts + (not again.limited), waits + again.limited
                if again.limited:
                    self._pace.refused(again.after)
                if attempts >= self.limits.attempts or waits >= WAITS:
                    return self._given_up(task, again.why)
                if not await self._rested(_wait(self.limits.first_wait, attempts + waits, again.after)):
                    return None
            else:
                self._pace.served()
                sent, answer, seconds = answered
                return judgement_of(self.judge, task, sent, answer, price=self.price, seconds=seconds)

    def _given_up(self, task: Task, why: str) -> Judgement:
        """An error of this row; of the whole run, where no row was ever answered.

        Raises:
            Refused: no row was.
        """
        if not self._pace.served_any:
            raise Refused(
                f"{self.where.host} gave no answer: {why}.", "Check the address and that the server runs."
            )
        return error_of(task, why)

    async def _rested(self, seconds: float) -> bool:
        """Wait so long, and while the run is paused; False where it ended meanwhile."""
        until = time.monotonic() + seconds
        while not self._ended():
            left = until - time.monotonic()
            if left <= 0 and not self._paused.is_set():
                return True
            await asyncio.sleep(min(max(left, 0.01), LOOK))
        return False

    def _count(self, judgement: Judgement) -> None:
        with self._lock:
            self._counts[judgement.status] += 1
            self._ends.append(time.monotonic())
            self._spent += judgement.cost or 0.0
            self._prompt_tokens += judgement.usage.prompt or 0
            self._completion_tokens += judgement.usage.completion or 0
        failed = judgement.status is Status.ERROR
        self._failed_in_a_row = self._failed_in_a_row + 1 if failed else 0
        if self._failed_in_a_row >= IN_A_ROW:
            self._stop(f"The last {IN_A_ROW} rows all failed, the last because of this: {judgement.reason}.")
        elif self.limits.max_cost is not None and not failed and judgement.usage.prompt is None:
            self._stop(
                "The server counts no tokens, so a limit in money cannot be kept; limit the rows instead."
            )

    def _stop(self, note: str, *, failed: bool = False) -> None:
        """End the run with a sentence; the first one counts."""
        if not self._note:
            self._note, self._failed = note, failed
        self._changed.set()

    def _ended(self) -> bool:
        return bool(self._note) or self._cancelled.is_set()

    async def _beat(self, on_standing: OnStanding) -> None:
        """Say every so often that this run is alive, and how far it is."""
        beaten = time.monotonic()
        while True:
            await asyncio.sleep(LOOK)
            self._changed.set()
            on_standing(self.standing())
            if time.monotonic() - beaten >= BEAT:
                beaten = time.monotonic()
                await self._keeper.run(self._ledger.beat)


def _wait(first: float, attempt: int, after: float | None) -> float:
    """Seconds before the next attempt: what the server asks for, else doubled each time; with jitter."""
    backoff = min(first * 2 ** (attempt - 1), LONGEST_BACKOFF)
    return (after or 0.0) + float(backoff) * random.uniform(0.5, 1.0)
