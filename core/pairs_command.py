"""The command ``python -m core pairs``: pairs of answers, a model that compares them, and which side wins."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from core.errors import DataError, ParameterError
from core.judge_command import Say, add_asking, asked, judge_of
from core.judging.rubric import PAIR_RUBRICS
from core.loading import load
from core.loading.sources import expanded, read
from core.pair_rates import Vote, WinRate, win_rate
from core.pairs import (
    ANSWERS,
    POSITION,
    PROMPTS,
    Pairs,
    imported,
    likely,
    of_columns,
    of_files,
    of_preferences,
)
from core.rating_table import RatingTable
from core.wording import counted

Parser = TypeVar("Parser", bound=argparse.ArgumentParser)
OURS = ("people", "judge")  # words for whose verdicts are told; others are names of models
Told = tuple[str, WinRate, dict[str, Any]]  # whose verdicts, what came of them, what else is to be said


def add(commands: argparse._SubParsersAction[Parser], run: Callable[[argparse.Namespace], None]) -> Parser:
    """Add the command and its arguments."""
    parser = commands.add_parser("pairs", help="two answers to each prompt: which side wins")
    parser.add_argument("a", type=Path, help="file of answers of A, or of pairs where it stands alone")
    parser.add_argument("b", type=Path, nargs="?", help="file of answers of B")
    parser.add_argument(
        "--by", help=f"column that both share, or {POSITION}; without it, what looks like one"
    )
    for side in "ab":
        parser.add_argument(f"--answers-{side}", metavar="COLUMN", help=f"of the answers of {side.upper()}")
    parser.add_argument("--prompt", metavar="COLUMN", help="of the prompts, in the first file")
    parser.add_argument(
        "--verdict-a-first",
        metavar="COLUMN",
        help="of the first file: a judge's verdict, A being shown first",
    )
    parser.add_argument("--verdict-b-first", metavar="COLUMN", help="the same, B being shown first")
    parser.add_argument(
        "--by-side", action="store_true", help="in the second, first and A mean A, not what was shown first"
    )
    parser.add_argument("--model", help="whose verdicts are told, as the server calls it")
    parser.add_argument("--ask", action="store_true", help="ask that model about each pair in both orders")
    parser.add_argument("--pairs", type=int, dest="rows", help="ask about so many more pairs at most")
    parser.add_argument(
        "--rubric", default="preference", help=f"one of {', '.join(PAIR_RUBRICS)}, or a YAML file"
    )
    add_asking(parser)
    parser.set_defaults(run=run)
    return parser


def said(options: argparse.Namespace, say: Say) -> str:
    """Ask where that is wanted, and give what the command prints: who wins, by whose verdicts.

    Raises:
        WinnowError: a file cannot be read, the two do not belong together, or a model cannot be asked.
    """
    found = joined(options)
    asks = options.ask or options.estimate or options.batch
    if asks and options.model is None:
        raise ParameterError("No model is named that could be asked.", "Name it with --model.")
    done = ""
    if asks:
        from core.asking_pairs import AskingPairs

        done = asked(options, AskingPairs(found, judge_of(options), home=options.home), say)
    told = list(_told(found, options))
    if options.json:
        return _as_json(found, told, done, options)
    return "\n".join((*([done] if done else []), *_lines(found, told)))


def _as_json(found: Pairs, told: list[Told], done: str, options: argparse.Namespace) -> str:
    rates = {}
    for whose, rate, more in told:
        flips = dict(zip(("flip_low", "flip_high"), rate.flip_interval, strict=True))
        lean = dict(zip(("lean_low", "lean_high"), rate.lean_interval, strict=True))
        fields = {**dataclasses.asdict(rate), "flip_rate": rate.flip_rate, **flips, **lean}
        rates[whose] = {**{name: _number(value) for name, value in fields.items()}, **more}
    counts = {"pairs": len(found), "equal": found.equal, "without": found.without}
    asking = {"asked": json.loads(done)} if done else {}
    named = {"model": options.model} if options.model else {}
    return json.dumps({"a": found.a, "b": found.b, **counts, **named, **asking, "rates": rates})


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _lines(found: Pairs, told: list[Told]) -> Iterator[str]:
    yield f"{found.sentence}."
    for whose, rate, more in told:
        yield f"{whose.capitalize() if whose in OURS else whose}: {rate.sentence(found.a, found.b)}"
        yield from filter(None, (rate.order_sentence, str(more.get("beside", ""))))
        if alone := more.get("alone"):
            yield f"{counted(alone, 'pair')} with a verdict in one order only counted for nobody."
        if without := more.get("pending"):
            yield f"{counted(without, 'pair')} without a verdict."
        if unread := more.get("unread"):
            cells = ", ".join(f"{count:,} {text[:20]!r}" for text, count in list(unread.items())[:5])
            yield f"Cells that are no verdict: {sum(unread.values()):,} ({cells})."


def joined(options: argparse.Namespace) -> Pairs:
    """The pairs that the arguments name; raises ``DataError``."""
    if options.b is None:
        return _of_one_file(options)
    (name_a, a), (name_b, b) = (_opened(path) for path in (options.a, options.b))
    shared = [name for name in a.columns if name in b.columns]
    by = options.by or likely(shared, ("id", *PROMPTS)) or POSITION
    prompt = options.prompt or _guess(a, PROMPTS, name_a, "--prompt")
    one = options.answers_a or _guess(a, ANSWERS, name_a, "--answers-a")
    other = options.answers_b or _guess(b, ANSWERS, name_b, "--answers-b")
    if name_a == name_b:
        name_a, name_b = f"A: {name_a}", f"B: {name_b}"
    return of_files((name_a, a, one), (name_b, b, other), by=by, prompt=prompt)


def _of_one_file(options: argparse.Namespace) -> Pairs:
    """A preference set, or two columns of a dataset where both are named."""
    dataset = load(expanded(options.a))
    if options.answers_a and options.answers_b:
        return of_columns(dataset, options.answers_a, options.answers_b)
    return of_preferences(dataset)


def _opened(path: Path) -> tuple[str, pl.DataFrame]:
    where = expanded(path)
    return where.name, read(where).rows


def _guess(rows: pl.DataFrame, names: tuple[str, ...], where: str, flag: str) -> str:
    found = likely(rows.columns, names)
    if found is None:
        raise DataError(
            f"No column of {where} is called like one of {', '.join(names)}.", f"Name it with {flag}."
        )
    return found


def _told(found: Pairs, options: argparse.Namespace) -> Iterator[Told]:
    votes = RatingTable(options.home / "ledger.sqlite", "").votes(found.digest)
    if votes or (options.verdict_a_first is None and options.model is None):
        yield "people", win_rate(votes), {}
    if options.model is not None:
        yield _of_model(found, options, votes)
    if options.verdict_a_first is not None:
        verdicts = imported(
            found, options.verdict_a_first, options.verdict_b_first, by_place=not options.by_side
        )
        yield "judge", win_rate(verdicts.votes), {"unread": verdicts.unread}


def _of_model(found: Pairs, options: argparse.Namespace, people: tuple[Vote, ...]) -> Told:
    """The verdicts of the model so far, beside those of people where there are some."""
    from core.asking_pairs import AskingPairs

    judge = judge_of(options)
    judged = AskingPairs(found, judge, home=options.home).judged()
    more: dict[str, Any] = {"alone": judged.alone, "pending": judged.without}
    beside = judged.beside(people)
    if beside.pairs:
        more["beside"] = f"Beside people: {beside.sentence}"
    return judge.title, judged.rate, more
