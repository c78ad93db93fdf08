"""Rows or pairs and a judge that is a model: what is to be asked, tried, foretold and run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from core.claiming import FREE, Desk
from core.domain import Dataset, Mask
from core.errors import ParameterError
from core.judgements import Judgements
from core.judging.endpoint import Endpoint
from core.judging.judgement import Judgement, LlmJudge, Price, Status, Task
from core.judging.price import TRIAL, Estimate, Tried, estimate
from core.judging.prompts import prompt
from core.judging.run import Limits, OnStanding, Run, Standing
from core.llm_judges import FILE, rows_of


class Standings(NamedTuple):
    """Rows of a dataset by status; pending ones have none."""

    counts: Mapping[Status, int]
    pending: int


class Asked(Protocol):
    """What a judge is asked about, one line a row; or a line for each order of a pair."""

    @property
    def contents(self) -> list[bytes]:
        """(n,) names of what is read; equal ones are asked once."""

    @property
    def empty(self) -> Mask:
        """(n,) lines with nothing to judge."""

    def __len__(self) -> int: ...

    def tasks(self, within: Mask | None = None) -> list[Task]:
        """Every sample of every different content of some lines or all, in the sequence of asking."""

    def unit(self, content: bytes) -> bytes:
        """What counts as one where so many are asked: the content, or the pair that it is an order of."""


class Asker:
    """One judge on what it is asked about, in a home. Cheap to make again; safe between threads.

    rows: what is read, line by line. about: names it, for results that are remembered. at_once: requests that
    belong to one unit. number: the judge's in the ledger; None before it was asked anything.
    """

    at_once = 1
    noun = "rows"

    def __init__(self, rows: Asked, judge: LlmJudge, *, home: Path, about: tuple[str, ...]) -> None:
        self.rows, self.judge, self.about = rows, judge, about
        self.judgements = Judgements(home / FILE)

    @property
    def number(self) -> int | None:
        """The judge's number in the ledger, where it has one."""
        return self.judgements.known(self.judge)

    def pending(
        self, within: Mask | None = None, *, again: Collection[Status] = FREE, most: int | None = None
    ) -> list[Task]:
        """The tasks that are still to be asked, or asked again; ``most``: of so many different rows.

        again: statuses to ask once more. What is ok is never among them, nor what a batch is asked for.
        """
        number = self.number
        known = {} if number is None else self.judgements.statuses(number)
        sent = set() if number is None else self.judgements.in_batches(number)
        again = set(again) - {Status.OK}
        tasks: list[Task] = []
        units: set[bytes] = set()
        for task in self.rows.tasks(within):
            status = known.get((task.content, task.sample))
            if (status is not None and status not in again) or (task.content, task.sample) in sent:
                continue
            unit = task.content if most is None else self.rows.unit(task.content)
            if most is not None and unit not in units and len(units) >= most:
                break
            units.add(unit)
            tasks.append(task)
        return tasks

    def run(
        self,
        where: Endpoint,
        *,
        within: Mask | None = None,
        most: int | None = None,
        again: Collection[Status] = FREE,
        limits: Limits | None = None,
        price: Price | None = None,
    ) -> Session:
        """A run over what is pending; ``Session.go`` starts it and blocks.

        Args:
            where: the server, with the key that belongs there.
            within: (n,) which rows; None: all. most: so many different rows at most.
            again: statuses that are asked again.
            limits: concurrency, timeouts, attempts and the limit in money.
            price: of the model; None leaves money out.

        Raises:
            ParameterError: a limit in money without a price, or another judge has the name.
        """
        limits = limits or Limits()
        if where.url != self.judge.base_url:
            raise ParameterError("The judge has another address.", "Make both from the same one.")
        if limits.max_cost is not None and price is None:
            raise ParameterError(
                "A limit in money needs a price.", "Give the price, or limit the rows instead."
            )
        tasks = self.pending(within, again=again, most=most)
        return Session(self, tasks, where, again=again, limits=limits, price=price)

    def trial(self, where: Endpoint, *, price: Price | None = None, limits: Limits | None = None) -> Session:
        """A run over a few rows, drawn by their ids, to foretell the price from; their scores are kept."""
        known = {} if self.number is None else self.judgements.statuses(self.number)
        done = len({content for content, _ in known}.intersection(self.rows.contents))
        most = -(-max(TRIAL - done, 0) // self.at_once)
        return self.run(where, most=most, limits=limits, price=price)

    def estimate(
        self,
        within: Mask | None = None,
        *,
        rows: int | None = None,
        price: Price | None = None,
        concurrency: int = 16,
    ) -> Estimate:
        """What the pending rows will take, from the replies that there are; ``rows``: of so many of them.

        Raises:
            ParameterError: too few replies had their tokens counted; run the trial first.
        """
        tasks = self.pending(within, most=rows)
        around = self._around()
        characters = sum(around + self._shown(task) for task in tasks)
        return estimate(
            self._tried(), requests=len(tasks), characters=characters, price=price, concurrency=concurrency
        )

    def rows_that_are(self, status: Status) -> Mask:
        """(n,) the rows of that status, to ask them again."""
        best = self._best()
        return np.array([best.get(content) is status for content in self.rows.contents], dtype=bool)

    def _best(self) -> dict[bytes, Status]:
        """The best status of the samples of each content that was asked."""
        best: dict[bytes, Status] = {}
        for (content, _), status in (
            {} if self.number is None else self.judgements.statuses(self.number)
        ).items():
            best[content] = min(best.get(content, status), status)
        return best

    def standings(self, within: Mask | None = None) -> Standings:
        """Rows by status, duplicates counted each; of several samples the best status counts."""
        best = self._best()
        counts: dict[Status, int] = {}
        pending = 0
        for row in np.flatnonzero(np.ones(len(self.rows), bool) if within is None else within):
            found = Status.SKIPPED if self.rows.empty[row] else best.get(self.rows.contents[row])
            if found is None:
                pending += 1
            else:
                counts[found] = counts.get(found, 0) + 1
        return Standings(counts, pending)

    def rows_with(self, status: Status, most: int = 200) -> list[tuple[int, Judgement]]:
        """(row, judgement) of that status with the reply, the newest first; the first row of each content."""
        if self.number is None:
            return []
        first: dict[bytes, int] = {}
        for row, content in enumerate(self.rows.contents):
            first.setdefault(content, row)
        found = self.judgements.of(self.number, status=status, most=most)
        return [(first[each.content], each) for each in found if each.content in first]

    def _tried(self) -> list[Tried]:
        if self.number is None:
            return []
        around = self._around()
        found = self.judgements.of(self.number, most=200)
        wanted = {each.content for each in found}
        here = np.array([content in wanted for content in self.rows.contents], dtype=bool)
        shown = {task.content: self._shown(task) for task in self.rows.tasks(here)}
        return [
            Tried(around + shown[each.content], each.usage.prompt, each.usage.completion, each.seconds)
            for each in found
            if each.content in shown and each.usage.prompt is not None and each.usage.completion is not None
        ]

    def _around(self) -> int:
        """Characters of a prompt that are not the row's."""
        said = prompt(self.judge.rubric, "", "", explain=self.judge.explain)
        return sum(len(message["content"]) for message in said.messages)

    def _shown(self, task: Task) -> int:
        answers = 0 if self.judge.rubric.reads == "question" else len(task.answer) + len(task.other)
        return len(task.question) + answers


class Asking(Asker):
    """One judge on the rows of a dataset."""

    def __init__(self, dataset: Dataset, judge: LlmJudge, *, home: Path) -> None:
        self.dataset = dataset
        about = (dataset.fingerprint, dataset.judged)
        super().__init__(rows_of(dataset, judge), judge, home=home, about=about)


class Session:
    """A run with its half of the ledger. Everything but ``go`` may be called from any thread."""

    def __init__(
        self,
        asking: Asker,
        tasks: list[Task],
        where: Endpoint,
        *,
        again: Collection[Status] = FREE,
        limits: Limits | None = None,
        price: Price | None = None,
    ) -> None:
        self._asking, self.tasks = asking, tasks
        self._desk = Desk(asking.judgements, asking.judge, again=again)
        taken = asking.judgements.taken(asking.judge)
        self.run = Run(asking.judge, tasks, self._desk, where, limits=limits, price=price, taken=taken)

    def go(self, on_standing: OnStanding = lambda _: None) -> Standing:
        """Ask, and block until it is done, stopped or cancelled; raises as ``Run.go`` does."""
        try:
            return self.run.go(on_standing)
        finally:
            self._desk.close()
            self._asking.judgements.remember(self._asking.judge, self.run.taken)
            self._asking.judgements.ended(self._asking.judge)

    def pause(self) -> None:
        """Send nothing new."""
        self.run.pause()

    def resume(self) -> None:
        """Go on."""
        self.run.resume()

    def cancel(self, *, drop: bool = False) -> None:
        """End it once what is in flight has come back; with ``drop``, at once."""
        self.run.cancel(drop=drop)

    def standing(self) -> Standing:
        """How far it is."""
        return self.run.standing()
