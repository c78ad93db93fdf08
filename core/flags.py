"""The data that a command works on: flags that say how it is read, and the project that they open."""

from __future__ import annotations

import argparse
from typing import Protocol

from core import loading, score_flags, taking_out
from core.data_named import DATA, fetched, named
from core.domain import EMBED_CHOICES, JUDGED_CHOICES, Progress, SchemaMapping
from core.errors import ParameterError
from core.loading import SCHEMAS, boilerplate, preview, typed
from core.project import Project
from core.task_pool import within_task


class Say(Protocol):
    """Tells a person what goes on."""

    def line(self, text: str) -> None:
        """A sentence."""

    def progress(self, progress: Progress) -> None:
        """How far the work is."""


def opened(options: argparse.Namespace, say: Say) -> Project:
    """The project of the data that is named, read and judged as the flags say, if they do."""
    data = fetched(options.file, options.home, say.progress)
    pairs = tuple(typed(text) for text in options.column)
    mapping = None
    if options.schema is not None or pairs:
        found = preview(loading.opened(data, loading.hub_folder(options.home)))
        name = options.schema or (found.best.mapping.schema if found.best else None)
        if name is None:
            raise ParameterError("The columns are of no known shape.", "Name it with --schema.")
        kept = [pair for pair in found.proposed(name).columns if pair[0] not in {role for role, _ in pairs}]
        mapping = SchemaMapping(name, (*kept, *pairs))
    project = Project.open(
        data, home=options.home, mapping=mapping, embed=options.embed, keep=options.keep_boilerplate,
        judged=options.judged,
    )  # fmt: skip
    _check_keys(project, options.keep_boilerplate)
    left = taking_out.without(score_flags.judged(project, options, say.line), options, say.progress)
    return within_task(left, options, say.progress)


def _check_keys(project: Project, keep: list[str]) -> None:
    """Each names a piece that was found, or all of them."""
    pieces = {piece.key: boilerplate.quoted(piece.text) for piece in project.dataset.boilerplate}
    unknown = [key for key in keep if key not in {*pieces, boilerplate.KEEP_ALL}]
    if unknown:
        known = ", ".join(f"{key} {said}" for key, said in pieces.items()) or "none was found"
        raise ParameterError(f"No shared piece is named {unknown[0]!r}.", f"Pieces: {known}.")


def add_reading(command: argparse.ArgumentParser) -> None:
    """The data, how it is read, and its judges."""
    command.add_argument("file", type=named, help=DATA)
    command.add_argument("--schema", help=f"how to read the file: one of {', '.join(SCHEMAS)}")
    command.add_argument(
        "--column", action="append", default=[], metavar="ROLE=COLUMN", help="the column of a role"
    )
    command.add_argument(
        "--embed", default=EMBED_CHOICES[0], help=f"of several turns: one of {', '.join(EMBED_CHOICES)}"
    )
    command.add_argument(
        "--keep-boilerplate", nargs="?", action="append", default=[], const=boilerplate.KEEP_ALL,
        metavar="KEY",
        help="embed what most prompts share as well: all of it, or the piece of that key",
    )  # fmt: skip
    command.add_argument(
        "--judged",
        default=JUDGED_CHOICES[0],
        help=f"what a judge will read: one of {', '.join(JUDGED_CHOICES)}",
    )
    score_flags.add(command)
