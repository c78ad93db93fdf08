"""Batches of a judge: sent, found again after a restart, collected into the ledger, cancelled."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import cached_property

from core.asking import Asker
from core.claiming import BATCH, FREE, Desk, is_running, machine, process
from core.domain import Mask
from core.errors import ParameterError
from core.judging.batch import BatchClient, Sent, custom_id, files_of, judgements_of
from core.judging.blocking import until_done
from core.judging.endpoint import Endpoint
from core.judging.judgement import Price, Task
from core.wording import counted

PREPARING, SENT, COLLECTED = "preparing", "sent", "collected"
GONE = "0 gone"  # a sender that gave up, so that its batch is looked for by its mark
Act = Callable[[BatchClient], Awaitable[int]]
ROUNDS = 6  # of making a batch smaller until its dearest estimate is within the limit


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch that is with the server. made: when it was sent, in seconds of the epoch.

    state: as the server calls it, "preparing" before it has it, "sent" before it was looked for.
    answered, failed: of its requests, when it was last looked for.
    """

    name: str
    state: str
    requests: int
    made: float
    answered: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What was done: requests sent and judgements collected now, requests still with the server."""

    sent: int
    collected: int
    waiting: int
    notes: tuple[str, ...] = ()
    batches: tuple[Batch, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same for a person."""
        waits = f"{counted(self.waiting, 'request')} with the server; ask again later to collect them."
        return (
            f"Sent {counted(self.sent, 'request')}, collected {counted(self.collected, 'judgement')}.",
            *((waits,) if self.waiting else ()),
            *self.notes,
        )


@dataclass(frozen=True, slots=True)
class _Row:
    """A batch in the ledger. name: the server's, once it has it."""

    owner: str
    name: str | None
    state: str
    requests: int
    made: float


class Batches:
    """The batches of one judge on one dataset. A request is claimed before it is sent, until its answer is
    collected; a batch whose rows are all of another dataset is left to that one.
    """

    def __init__(self, asking: Asker, where: Endpoint, *, price: Price | None = None) -> None:
        self._asking, self._where, self._price = asking, where, price
        self._notes: list[str] = []
        self._seen: dict[str, Sent] = {}

    def step(
        self, within: Mask | None = None, *, most: int | None = None, max_cost: float | None = None
    ) -> Step:
        """Collect what the server has finished; then send what is pending and was not sent.

        within: (n,) which rows; None: all. most: so many different rows at most. max_cost: so many rows at
        most that the upper end of their estimate is no more.

        Raises:
            WinnowError: the server refused; what was sent before stays claimed and is found again.
        """

        async def send(client: BatchClient) -> int:
            return await self._send(client, within, self._affordable(within, most, max_cost))

        return self._stepped(then=send)

    def look(self) -> Step:
        """Collect what the server has finished, and send nothing; raises as ``step`` does."""
        return self._stepped()

    def cancel(self) -> Step:
        """Ask the server to end every batch; what it has answered is collected, now or at a later look."""
        return self._stepped(first=self._cancel)

    def _stepped(self, *, first: Act | None = None, then: Act | None = None) -> Step:
        return until_done(lambda: self._step(first, then))

    async def _step(self, first: Act | None, then: Act | None) -> Step:
        self._notes = []
        async with BatchClient(self._where) as client:
            await self._find(client)
            if first is not None:
                await first(client)
            collected = await self._collect(client)
            sent = 0 if then is None else await then(client)
        waiting = tuple(self._with_server(row) for row in self._rows() if row.state == SENT)
        requests = sum(each.requests for each in waiting)
        return Step(sent, collected, requests, tuple(self._notes), waiting)

    def _with_server(self, row: _Row) -> Batch:
        made = Batch(row.name or "", row.state, row.requests, row.made)
        seen = self._seen.get(row.name or "")
        if seen is None:
            return made
        return replace(made, state=seen.state, answered=seen.answered, failed=seen.failed)

    async def _find(self, client: BatchClient) -> None:
        """Batches whose sender ended between claiming and noting the server's name for them."""
        for row in self._rows():
            if row.state == PREPARING and not is_running(*self._sender(row.owner)):
                name = await client.find(row.owner)
                if name is None:
                    with self._desk(row.owner) as desk:
                        desk.release()
                    self._forget(row.owner)
                else:
                    self._note(row.owner, name, SENT)

    async def _cancel(self, client: BatchClient) -> int:
        for row in self._rows():
            if row.state == SENT and row.name is not None:
                await client.cancel(row.name)
        return 0

    async def _collect(self, client: BatchClient) -> int:
        collected = 0
        for row in self._rows():
            if row.state != SENT or row.name is None:
                continue
            batch = self._seen[row.name] = await client.look(row.name)
            if batch.over:
                collected += await self._collected(client, row, batch)
                self._asking.judgements.ended(self._asking.judge)
        return collected

    async def _collected(self, client: BatchClient, row: _Row, batch: Sent) -> int:
        """What one batch that is over gives; rows of another dataset in it stay claimed for that one."""
        asking, collected = self._asking, 0
        contents = set(asking.rows.contents)
        taken = asking.judgements.taken(asking.judge)
        with self._desk(row.owner) as desk:
            for file in batch.files:
                content = await client.lines(file)
                collected += desk.settle(
                    judgements_of(
                        asking.judge, content, self._tasks, taken, key=self._where.key, price=self._price
                    )
                )
            ours = {key for key in desk.claimed() if key[0] in contents}
            desk.release(ours if batch.files else None)
            elsewhere = len(desk.claimed())
        if not elsewhere:
            self._note(row.owner, row.name or "", COLLECTED)
        self._notes += _ending(batch, len(ours), elsewhere)
        return collected

    async def _send(self, client: BatchClient, within: Mask | None, most: int | None) -> int:
        taken = self._asking.judgements.taken(self._asking.judge)
        sent = 0
        for part, content in files_of(self._asking.judge, self._asking.pending(within, most=most), taken):
            owner = f"{BATCH}{uuid.uuid4().hex}"
            with self._desk(owner) as desk:
                mine = self._claimed(desk, owner, part)
                if mine:
                    lines = content
                    if len(mine) < len(part):
                        ((_, lines),) = files_of(self._asking.judge, mine, taken)
                    try:
                        self._note(owner, await client.send(lines, owner), SENT)
                    except BaseException:
                        self._give_up(owner)
                        raise
                    sent += len(mine)
        if sent:
            self._asking.judgements.ended(self._asking.judge)  # what is pending is another number now
        return sent

    def _affordable(self, within: Mask | None, most: int | None, max_cost: float | None) -> int | None:
        """As many rows as the limit in money allows at the upper end of their estimate.

        Raises:
            ParameterError: there is no price, or nothing was tried yet.
        """
        if max_cost is None:
            return most
        if self._price is None:
            raise ParameterError(
                "A limit in money needs a price.", "Give the price, or limit the rows instead."
            )
        pending = self._asking.pending(within, most=most)
        rows = len({self._asking.rows.unit(task.content) for task in pending})
        for _ in range(ROUNDS):
            found = self._asking.estimate(within, rows=rows, price=self._price).batch_cost
            if rows == 0 or found is None or found.high <= max_cost:
                return rows
            rows = int(rows * max_cost / found.high)
        return 0

    def _claimed(self, desk: Desk, owner: str, part: list[Task]) -> list[Task]:
        """The tasks that are this batch's now; noted before, so that a claim is never without its batch."""
        with self._asking.judgements.writing() as connection:
            connection.execute(
                "INSERT INTO batches (owner, judge, state, requests, machine, process, made) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (owner, desk.number, PREPARING, len(part), machine(), process(os.getpid()), time.time()),
            )
        mine = desk.claim(part)
        if not mine:
            self._forget(owner)
        elif len(mine) < len(part):
            with self._asking.judgements.writing() as connection:
                connection.execute("UPDATE batches SET requests = ? WHERE owner = ?", (len(mine), owner))
        return mine

    def _desk(self, owner: str) -> Desk:
        return Desk(self._asking.judgements, self._asking.judge, again=FREE, owner=owner)

    @cached_property
    def _tasks(self) -> dict[str, Task]:
        return {custom_id(task): task for task in self._asking.rows.tasks()}

    def _rows(self) -> list[_Row]:
        return _open_rows(self._asking)

    def _sender(self, owner: str) -> tuple[str, str]:
        with self._asking.judgements.writing() as connection:
            row = connection.execute(
                "SELECT machine, process FROM batches WHERE owner = ?", (owner,)
            ).fetchone()
        return row[0], row[1]

    def _give_up(self, owner: str) -> None:
        """A sender that failed: whether the server has its batch is found out at the next look."""
        with self._asking.judgements.writing() as connection:
            connection.execute(
                "UPDATE batches SET machine = ?, process = ? WHERE owner = ?", (machine(), GONE, owner)
            )

    def _note(self, owner: str, name: str, state: str) -> None:
        with self._asking.judgements.writing() as connection:
            connection.execute(
                "UPDATE batches SET batch = ?, state = ? WHERE owner = ?", (name, state, owner)
            )

    def _forget(self, owner: str) -> None:
        with self._asking.judgements.writing() as connection:
            connection.execute("DELETE FROM batches WHERE owner = ?", (owner,))


def open_batches(asking: Asker) -> tuple[Batch, ...]:
    """Those of a judge that are not collected yet, the oldest first, without asking the server."""
    return tuple(Batch(row.name or "", row.state, row.requests, row.made) for row in _open_rows(asking))


def _open_rows(asking: Asker) -> list[_Row]:
    """The batches with any row of this dataset; one that has claimed nothing yet is anybody's."""
    number = asking.number
    if number is None or not asking.judgements.has_batches(number):
        return []
    with asking.judgements.writing() as connection:
        rows = connection.execute(
            "SELECT owner, batch, state, requests, made FROM batches "
            "WHERE judge = ? AND state != ? ORDER BY made",
            (number, COLLECTED),
        ).fetchall()
        contents = set(asking.rows.contents) if rows else set()
        found = []
        for row in rows:
            claims = connection.execute("SELECT content FROM claims WHERE owner = ?", row[:1])
            first = next(claims, None)
            if first is None or first[0] in contents or any(content in contents for (content,) in claims):
                found.append(_Row(*row))
        return found


def _ending(batch: Sent, unanswered: int, elsewhere: int) -> list[str]:
    """What is to be said of a batch that is over."""
    notes = []
    if batch.state != "completed":
        notes.append(f"A batch ended as {batch.state}{batch.why and f': {batch.why}'}.")
    if unanswered:
        notes.append(f"{counted(unanswered, 'request')} of it had no answer and may be asked again.")
    if elsewhere:
        rows = counted(elsewhere, "request")
        notes.append(f"{rows} of it belong to rows of another dataset; open that one to collect them.")
    return notes
