"""The command ``python -m core health``: its arguments, and what it says."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from core import loading
from core.checkup import CheckResult
from core.domain import Dataset, OnProgress
from core.errors import DataError
from core.health import Leaks
from core.wording import counted

if TYPE_CHECKING:
    from core.project import Project

Parser = TypeVar("Parser", bound=argparse.ArgumentParser)
FIRST = 3  # ids of a check that are named


def add(commands: argparse._SubParsersAction[Parser], run: Callable[[argparse.Namespace], None]) -> Parser:
    """Add the command and its arguments."""
    parser = commands.add_parser("health", help="what may be wrong with the rows, check by check")
    parser.add_argument(
        "--against", type=Path, help="evaluation prompts, one a line or a file of rows: which rows hold one"
    )
    parser.add_argument("--similarity", type=float, help="with --against: rows this near (cosine) as well")
    parser.set_defaults(run=run)
    return parser


def said(options: argparse.Namespace, project: Project, on_progress: OnProgress) -> str:
    """What the command prints: a table, or one JSON object."""
    results = project.checkup(on_progress=on_progress)
    dataset = project.whole.dataset
    ids = dataset.frame["id"]
    prompts = None if options.against is None else evaluation_prompts(options.against)
    leaks = None
    if prompts is not None:
        leaks = project.leaks(prompts, similarity=options.similarity, on_progress=on_progress)
    if options.json:
        report: dict[str, object] = {"rows": len(ids), "checks": record(results, dataset)}
        if leaks is not None:
            report["leaked"] = leak_record(leaks, dataset)
        return json.dumps(report)
    return "\n".join(
        lines(results, dataset) + ([] if leaks is None else ["", *leak_lines(leaks, prompts or [], dataset)])
    )


def evaluation_prompts(path: Path) -> list[str]:
    """The prompts of an evaluation: the lines of a .txt, or the prompts of a file of rows.

    Raises:
        DataError: the file cannot be read.
    """
    if path.suffix.lower() != ".txt":
        return loading.load(path).frame["prompt"].to_list()
    try:
        return pasted(path.read_text(encoding="utf-8-sig", errors="replace"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error


def pasted(text: str) -> list[str]:
    """The prompts of a text, one a line; empty lines and repeats are left out."""
    return list(dict.fromkeys(line for each in text.splitlines() if (line := each.strip())))


def lines(results: Sequence[CheckResult], dataset: Dataset, first: int = FIRST) -> list[str]:
    """The results as a table of text: check, rows, share, first rows; what found nothing is one line."""
    spoken = [each for each in results if each.count]
    width = max((len(each.check.name) for each in spoken), default=0)
    said = [f"{'check':<{width}}  {'rows':>8}  {'share':>7}  first rows"] if spoken else []
    for each in spoken:
        named = "; ".join(_named(dataset, int(row)) for row in each.found.rows[:first])
        said.append(f"{each.check.name:<{width}}  {each.count:>8,}  {share(each.share):>7}  {named}")
    silent = [each.check.name for each in results if not each.count]
    return [*said, f"Nothing found: {', '.join(silent)}."] if silent else said


def leak_lines(leaks: Leaks, prompts: Sequence[str], dataset: Dataset, first: int = 10) -> list[str]:
    """How many rows hold an evaluation prompt, and the first of them with the prompt."""
    found, held = counted(len(leaks.rows), "row"), counted(len(prompts), "evaluation prompt")
    said = [f"{found} of {len(dataset):,} hold one of {held}."]
    for place, row in enumerate(leaks.rows[:first]):
        words, cosine = leaks.seen[place], leaks.similarity[place]
        how = f"words: {words}" if leaks.by_words[place] else f"cosine {cosine:.3f}"
        said.append(f"{_named(dataset, int(row))}  prompt {int(leaks.prompts[place]) + 1}  {how}")
    if leaks.templates:
        said.append(f"Passed over: {counted(leaks.templates, 'run')} of 13 words that many prompts share.")
    return said


def _named(dataset: Dataset, position: int) -> str:
    """A row by its id and by where it stands in the file."""
    return f"{dataset.frame['id'][position]} ({loading.short_place_of(dataset, position)})"


def share(part: float) -> str:
    """A share in per cent, that of one row in many as "< 0.01%"."""
    return "< 0.01%" if 0 < part < 0.0001 else f"{part:.2%}"


def record(results: Sequence[CheckResult], dataset: Dataset) -> list[dict[str, object]]:
    """The results as JSON, with every id and where the first rows stand."""
    return [
        {
            "check": each.check.name,
            "title": each.check.title,
            "group": each.check.group,
            "rows": each.count,
            "share": each.share,
            "suggests": each.suggests,
            "ids": dataset.frame["id"].gather(each.found.rows).to_list(),
            "first_places": [loading.place_of(dataset, int(row)) for row in each.found.rows[:FIRST]],
        }
        for each in results
    ]


def leak_record(leaks: Leaks, dataset: Dataset) -> list[dict[str, object]]:
    """The rows that hold an evaluation prompt as JSON; prompts are numbered from 1."""
    return [
        {
            "id": dataset.frame["id"][int(row)],
            "place": loading.place_of(dataset, int(row)),
            "prompt": int(leaks.prompts[place]) + 1,
            "by": "words" if leaks.by_words[place] else "vectors",
            "similarity": None if np.isnan(leaks.similarity[place]) else float(leaks.similarity[place]),
            "seen": leaks.seen[place],
        }
        for place, row in enumerate(leaks.rows)
    ]
