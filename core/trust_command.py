"""The command ``trust``: its flags, and what it says."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from core.domain import SelectParams
from core.project import Project
from core.trust import Trust
from core.trust_reading import findings
from core.trust_verdict import Finding, verdict


def add(
    commands: argparse._SubParsersAction[Any], run: Callable[[argparse.Namespace], None]
) -> argparse.ArgumentParser:
    """Whose scores decide, beside whom, and who is of which family."""
    command: argparse.ArgumentParser = commands.add_parser(
        "trust", help="how far the judges can be trusted with a choice"
    )
    command.set_defaults(run=run)
    command.add_argument("--judge", help="whose scores decide; without one, the first of those compared")
    command.add_argument("--min-score", type=float, metavar="X", help="the threshold, inclusive")
    command.add_argument("--count", type=int, metavar="N", help="how many rows are wanted")
    command.add_argument(
        "--beside", action="append", default=[], metavar="JUDGE", help="a judge to compare; without any, all"
    )
    command.add_argument("--writer", metavar="WHO", help="who wrote the responses: a family, a model, people")
    command.add_argument("--evaluator", metavar="WHO", help="who will evaluate the trained model")
    return command


def measured(project: Project, options: argparse.Namespace) -> Trust:
    """What the flags ask for; who wrote and who evaluates is kept with the dataset.

    Raises:
        ParameterError: fewer than two judges, or one that there is not.
    """
    said = {name: value for name in ("writer", "evaluator") if (value := getattr(options, name)) is not None}
    if said:
        project.keep_families(replace(project.families(), **said))
    params = SelectParams(
        judge=options.judge, min_score=options.min_score, count=options.count, strategy="top-score"
    )
    project.judge(params)  # says which judges there are, before anything is compared
    names = None
    if options.beside:
        names = list(dict.fromkeys([*([options.judge] if options.judge else []), *options.beside]))
    return project.trust(params, judges=names)


def lines(found: Trust) -> Iterator[str]:
    """The verdict, then a line for each finding: title, figure, sentence, advice."""
    head = verdict(found)
    yield f"{head.sentence} {head.advice}"
    for each in findings(found):
        yield f"{each.title}: {_figure(each)}{each.sentence} {each.advice}"


def _figure(found: Finding) -> str:
    numbers = found.as_dict()
    if numbers["value"] is None:
        return ""
    between = "" if numbers["low"] is None else f" ({numbers['low']:.3g} to {numbers['high']:.3g})"
    return f"{numbers['value']:.3g}{between}. "


def as_dict(found: Trust) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "judges": list(found.judges),
        "judge": found.now.first,
        "threshold": found.now.threshold,
        "verdict": verdict(found).as_dict(),
        "findings": [each.as_dict() for each in findings(found)],
    }
