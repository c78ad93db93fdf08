"""The command ``python -m core judge``: its arguments, what it asks, and what it says."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from core.domain import Mask, OptionValue, Progress
from core.errors import ParameterError, WinnowError
from core.judging.endpoint import DEFAULT_URL, URL, endpoint
from core.judging.judgement import LlmJudge, Price, Status
from core.judging.price import TRIAL, Estimate, read_prices
from core.judging.rubric import RUBRICS, Rubric, built_in, read_rubric
from core.wording import counted

if TYPE_CHECKING:
    from core.asking import Asker, Session
    from core.judging.run import Standing
    from core.project import Project

Parser = TypeVar("Parser", bound=argparse.ArgumentParser)
AGAIN = tuple(status.word for status in Status if status not in (Status.OK, Status.SKIPPED))


class Say(Protocol):
    """Tells a person what goes on."""

    def line(self, text: str) -> None:
        """A sentence."""

    def progress(self, progress: Progress) -> None:
        """How far the work is."""


def add(commands: argparse._SubParsersAction[Parser], run: Callable[[argparse.Namespace], None]) -> Parser:
    """Add the command and its arguments."""
    parser = commands.add_parser("judge", help="score rows with a model; the key is read from OPENAI_API_KEY")
    parser.add_argument("--model", required=True, help="as the server calls it")
    parser.add_argument("--rubric", default="accuracy", help=f"one of {', '.join(RUBRICS)}, or a YAML file")
    parser.add_argument("--rows", type=int, help="at most so many different rows that are still to be asked")
    parser.add_argument(
        "--eligible", metavar="JUDGE>=SCORE", help="only rows that another judge gave that much or more"
    )
    parser.add_argument(
        "--weighted", action="store_true", help="weigh the grades by the odds of their tokens"
    )
    add_asking(parser)
    parser.set_defaults(run=run)
    return parser


def add_asking(parser: argparse.ArgumentParser) -> None:
    """Add what any asking of a model has: how it is asked, what it may cost, how it goes."""
    parser.add_argument("--name", default="", help="what the judge is called; else model and rubric")
    parser.add_argument("--base-url", help=f"of the server; else {URL}, else {DEFAULT_URL}")
    parser.add_argument("--samples", type=int, default=1, help="times each is asked; the mean counts")
    parser.add_argument("--temperature", type=float, default=0.0, help="negative: not sent")
    parser.add_argument("--unstructured", action="store_true", help="ask for a line instead of JSON")
    parser.add_argument("--no-reasons", action="store_true", help="ask for grades alone")
    parser.add_argument("--reply-tokens", type=int, default=512, help="of a reply at most")
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="more of the request"
    )
    parser.add_argument("--again", action="append", default=[], choices=AGAIN, help="ask these once more")
    parser.add_argument("--price", metavar="PROMPT,COMPLETION[,BATCH]", help="for a million tokens")
    parser.add_argument("--prices", type=Path, metavar="FILE", help="a table of prices, as data/prices.yaml")
    parser.add_argument("--max-cost", type=float, help="stop once that much is spent")
    parser.add_argument("--concurrency", type=int, default=16, help="requests in flight at most")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds a request may take")
    parser.add_argument("--estimate", action="store_true", help=f"{TRIAL} requests, and foretell the rest")
    parser.add_argument(
        "--batch", action="store_true", help="by the Batch API: send, or collect what is sent"
    )
    parser.add_argument(
        "--cancel-batches", action="store_true", help="end the batches, and collect what was answered"
    )


def said(options: argparse.Namespace, project: Project, say: Say) -> str:
    """Ask, and give what the command prints at its end.

    Raises:
        WinnowError: a refused key, an empty account, a wrong address, or a setting that cannot be.
    """
    from core.asking import Asking

    asking = Asking(project.dataset, judge_of(options), home=project.home)
    within = None if options.eligible is None else eligible(project, options.eligible)
    return asked(options, asking, say, within)


def asked(options: argparse.Namespace, asking: Asker, say: Say, within: Mask | None = None) -> str:
    """Ask as the flags say, and give what is to be said at the end; raises as ``said`` does."""
    price, where = price_of(options), endpoint(asking.judge.base_url)
    if options.batch or options.cancel_batches:
        return _batched(options, asking, within, price)
    limits = _limits(options)
    if options.estimate:
        _gone(asking.trial(where, price=price, limits=limits), say)
        return _foretold(options, asking, within, price)
    again = {Status[word.upper()] for word in options.again} | {Status.ERROR}
    session = asking.run(where, within=within, most=options.rows, again=again, limits=limits, price=price)
    standing = _gone(session, say)
    return _told(options, asking, within, standing)


def judge_of(options: argparse.Namespace) -> LlmJudge:
    """The judge that the flags describe."""
    return LlmJudge(
        name=options.name, model=options.model, rubric=rubric_named(options.rubric),
        base_url=options.base_url or os.environ.get(URL) or DEFAULT_URL, samples=options.samples,
        temperature=None if options.temperature < 0 else options.temperature,
        weighted=getattr(options, "weighted", False),
        structured=not options.unstructured, explain=not options.no_reasons, max_tokens=options.reply_tokens,
        parameters=tuple(sorted(_parameter(text) for text in options.parameter)),
    )  # fmt: skip


def rubric_named(text: str) -> Rubric:
    """A built-in rubric by its name, or one of a file; raises as ``built_in`` and ``read_rubric`` do."""
    if text.endswith((".yaml", ".yml")):
        return read_rubric(text)
    return built_in(text)


def price_of(options: argparse.Namespace) -> Price | None:
    """The price that the flags give or that a table has for the model; None without one."""
    if options.price is not None:
        try:
            numbers = [float(each) for each in options.price.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) not in (2, 3) or min(numbers) < 0:
            raise ParameterError(
                f"{options.price!r} is no price.", "Write PROMPT,COMPLETION or PROMPT,COMPLETION,BATCH."
            )
        return Price(*numbers)
    if options.prices is None:
        return None
    entry = read_prices(options.prices).get(options.model)
    return None if entry is None else entry.price


def eligible(project: Project, text: str) -> Mask:
    """(n,) the rows that a judge gave a score or more.

    Raises:
        ParameterError: it is not written so, or there is no such judge.
    """
    name, _, number = text.rpartition(">=")
    try:
        least = float(number)
    except ValueError:
        raise ParameterError(f"{text!r} names no threshold.", "Write JUDGE>=SCORE, in quotes.") from None
    if name not in project.judges:
        raise ParameterError(
            f"There is no judge {name!r}.", f"Judges: {', '.join(project.judges) or 'none'}."
        )
    return np.asarray(project.judges[name].scores >= np.float32(least))


def _parameter(text: str) -> tuple[str, OptionValue]:
    name, _, value = text.partition("=")
    try:
        read = json.loads(value)
    except ValueError:
        read = value
    if not name or not isinstance(read, str | int | float | bool):
        raise ParameterError(f"{text!r} is no parameter.", "Write NAME=VALUE.")
    return name, read


def _limits(options: argparse.Namespace):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from core.judging.run import Limits

    return Limits(concurrency=options.concurrency, timeout=options.timeout, max_cost=options.max_cost)


def _gone(session: Session, say: Say) -> Standing:
    """Run in a thread, so that an interrupt lets what is in flight come back; a second one drops it.

    Raises:
        WinnowError: the run could not go on.
    """
    failure: list[BaseException] = []

    def go() -> None:
        try:
            session.go(
                lambda now: say.progress(Progress("asking", now.done, now.asked - now.elsewhere, _note(now)))
            )
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=go, name="judging")
    thread.start()
    drop = False
    while thread.is_alive():
        try:
            thread.join(0.2)
        except KeyboardInterrupt:
            session.cancel(drop=drop)
            drop = True
    if failure:
        raise failure[0]
    standing = session.standing()
    if standing.failed:
        raise WinnowError(standing.note)
    return standing


def _note(now: Standing) -> str:
    left = "" if now.seconds_left is None else f", {now.seconds_left:,.0f} s left"
    spent = "" if now.spent is None else f", {now.spent:,.4f} spent"
    return f"{now.rate:,.0f} a second{left}{spent}"


def _told(options: argparse.Namespace, asking: Asker, within: Mask | None, standing: Standing) -> str:
    """What was asked in this run, and where the rows of the dataset stand."""
    rows = asking.standings(within)
    counts = {status.word: rows.counts.get(status, 0) for status in Status}
    if options.json:
        report = {"judge": asking.judge.title, "asked": standing.done, "elsewhere": standing.elsewhere}
        tokens = {"prompt_tokens": standing.prompt_tokens, "completion_tokens": standing.completion_tokens}
        whole = {"rows": counts, "pending": rows.pending, "spent": standing.spent, "note": standing.note}
        return json.dumps({**report, **tokens, **whole})
    spent = "" if standing.spent is None else f" Spent: {standing.spent:,.4f}."
    is_scored = f"A score is {asking.judge.counts(odds=asking.judgements.taken(asking.judge).odds)}."
    tokens_said = f"{standing.prompt_tokens:,} and {standing.completion_tokens:,} tokens"
    states = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    return " ".join(part for part in (
        f"{asking.judge.title}: {counted(standing.done, 'request')}, {tokens_said}.{spent}", standing.note,
        f"{asking.noun.capitalize()}: {states or 'none asked'}; {rows.pending:,} pending.",
        is_scored if rows.counts else "",
    ) if part)  # fmt: skip


def _foretold(options: argparse.Namespace, asking: Asker, within: Mask | None, price: Price | None) -> str:
    """What the rows that are still pending will take."""
    found = asking.estimate(within, rows=options.rows, price=price, concurrency=options.concurrency)
    if options.json:
        return json.dumps(found._asdict())
    return " ".join(foretold_lines(found))


def foretold_lines(found: Estimate) -> list[str]:
    """An estimate in sentences."""
    tokens = (
        f"{found.prompt_tokens.low:,.0f} to {found.prompt_tokens.high:,.0f} tokens of prompts and "
        f"{found.completion_tokens.low:,.0f} to {found.completion_tokens.high:,.0f} of replies"
    )
    lines = [
        f"{counted(found.requests, 'request')}: {tokens}, "
        f"{found.seconds.low:,.0f} to {found.seconds.high:,.0f} s."
    ]
    if found.cost is None:
        return [*lines, "No price was given, so there is none here (--price)."]
    lines.append(f"Cost: {found.cost.low:,.4f} to {found.cost.high:,.4f}.")
    if found.batch_cost is not None and found.batch_cost != found.cost:
        lines.append(f"As a batch: {found.batch_cost.low:,.4f} to {found.batch_cost.high:,.4f}.")
    return lines


def _batched(options: argparse.Namespace, asking: Asker, within: Mask | None, price: Price | None) -> str:
    """Collect what is finished, and send what is pending; or end what is with the server."""
    from core.batches import Batches

    batches = Batches(asking, endpoint(asking.judge.base_url), price=price)
    if options.cancel_batches:
        done = batches.cancel()
    else:
        done = batches.step(within, most=options.rows, max_cost=options.max_cost)
    return json.dumps(dataclasses.asdict(done)) if options.json else " ".join(done.sentences)
