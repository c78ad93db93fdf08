"""The command line's preflight: what trainers do with rows, and the flags that mend or leave rows out."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from core.cleaning import retaken
from core.data_named import named
from core.domain import Positions
from core.errors import DataError
from core.exporting import (
    DEFAULT_TOKENIZER,
    ISSUES,
    MENDABLE,
    ON_REQUEST,
    TRAINERS,
    Fate,
    Layout,
    Mending,
    Preflight,
    ids_digest,
    parts_of,
    preflight,
    prepare,
    read_recipe,
)
from core.exporting.preflight import checked_trainer
from core.replay import select_params
from core.telling import Say
from core.wording import counted

if TYPE_CHECKING:
    from core.domain import Selection
    from core.project import Project

RECIPES = (".yaml", ".yml")
ASK_REPLAY = "python -m core replay says what differs."


class Openers(NamedTuple):
    """How the command line opens the file that is named, or the one of a recipe."""

    file: Callable[[argparse.Namespace, Say], Project]
    recipe: Callable[[argparse.Namespace], Project]


def add_preflight(commands: Any, openers: Openers) -> argparse.ArgumentParser:  # noqa: ANN401 - of argparse
    """The command, without the flags that say how the file is read."""
    check: argparse.ArgumentParser = commands.add_parser(
        "preflight", help="what trainers do with the rows of a file or of a recipe"
    )
    check.add_argument(
        "--data", type=named, help="of a recipe: the file, if it lies neither beside it nor here"
    )
    check.add_argument("--trainer", help=f"one of {', '.join(TRAINERS)}; without it, all of them")
    add_mending(check)
    check.set_defaults(run=lambda options: _preflight(options, openers))
    return check


def add_mending(command: argparse.ArgumentParser) -> None:
    """What is done to rows that trainers do not take as they are."""
    command.add_argument(
        "--fix", action="append", default=[], metavar="ISSUE", help=f"mend such rows: {', '.join(MENDABLE)}"
    )
    command.add_argument(
        "--leave-out", action="append", default=[], metavar="ISSUE", help=f"one of {', '.join(ISSUES)}"
    )
    command.add_argument("--limit", type=int, help="tokens that the trainer reads of a row")
    command.add_argument(
        "--tokenizer", default=DEFAULT_TOKENIZER, help="what counts them: a folder, or a name on the hub"
    )


def add_also(command: argparse.ArgumentParser) -> None:
    """Forms that the bundle holds on request."""
    command.add_argument(
        "--also", action="append", default=[], help=f"with the format bundle: {', '.join(ON_REQUEST)}"
    )


def mending_of(options: argparse.Namespace) -> Mending:
    """What the flags decide."""
    return Mending(
        fixes=tuple(options.fix),
        left_out=tuple(options.leave_out),
        limit=options.limit,
        tokenizer=options.tokenizer,
    )


def written_notes(project: Project, chosen: Selection, layout: Layout, mending: Mending) -> list[str]:
    """What was changed, and what each training file leaves out, a sentence each."""
    prepared = project.prepared(chosen, mending, format=layout.name)
    said = [f"{prepared.sentence}."] if prepared.sentence else []
    parts = parts_of(layout, prepared.dataset, prepared.rows)
    return [*said, *(f"{form.file}: {held.sentence}." for form, held in parts if held.left_out)]


def _preflight(options: argparse.Namespace, openers: Openers) -> None:
    trainers = [options.trainer] if options.trainer else list(TRAINERS)
    for name in trainers:
        checked_trainer(name)
    project, rows = _rows_of(options, openers)
    mending, limit = mending_of(options), options.limit
    counts = limit is not None or options.tokenizer != DEFAULT_TOKENIZER
    lengths = project.lengths(rows, options.tokenizer) if counts else None
    prepared = prepare(project.dataset, rows, mending, lengths)
    tokens, refused = lengths or (None, None)
    found = [
        preflight(prepared.dataset, prepared.rows, name, tokens=tokens, limit=limit, refused=refused)
        for name in trainers
    ]
    done = {"rows": len(rows), "changed": len(prepared.changed), "left_out": len(prepared.left)}
    if options.json:
        print(json.dumps({**done, "trainers": {each.trainer: _record(each) for each in found}}))
        return
    if prepared.sentence:
        print(f"{prepared.sentence}.")
    for each in found:
        _say(each)


def _rows_of(options: argparse.Namespace, openers: Openers) -> tuple[Project, Positions]:
    """The rows of the file, or those that the recipe chose."""
    if Path(options.file).suffix.lower() not in RECIPES:
        project = openers.file(options, Say(quiet=options.json))
        return project, np.arange(len(project.dataset), dtype=np.int64)
    recipe = read_recipe(Path(options.file))
    project = openers.recipe(options)
    project, differences = retaken(project, recipe)
    if differences:
        raise DataError(differences[0].problem, ASK_REPLAY)
    if project.dataset.origin != recipe.source.fingerprint:
        raise DataError(
            f"{project.dataset.name} is not the file of the recipe.",
            "python -m core replay says what differs.",
        )
    chosen = project.select(select_params(recipe))
    if ids_digest(chosen.ids) != recipe.outcome.ids_sha256:
        raise DataError("The recipe gives other ids here.", ASK_REPLAY)
    return project, chosen.rows


def _record(found: Preflight) -> dict[str, Any]:
    findings = [
        {**dataclasses.asdict(each), "fate": each.fate.value, "fix": ISSUES[each.issue].mend or None}
        for each in found.findings
    ]
    return {"kept": found.kept, "findings": findings}


def _say(found: Preflight) -> None:
    print(f"{TRAINERS[found.trainer].title}: {found.kept:,} of {counted(found.rows, 'row')} kept")
    for each in found.findings:
        word = "" if each.fate is Fate.NOTHING_TO_LEARN else f"{each.fate.value}, "
        ids = ", ".join(each.examples)
        ways = f"--fix {each.issue} or " if ISSUES[each.issue].mend else ""
        print(f"    {each.count:,} {word}{each.reason} ({ids}); {ways}--leave-out {each.issue}")
