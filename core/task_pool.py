"""The region of a task as the pool, for the command line: its flags, and the project that they name."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.domain import OnProgress
from core.errors import ParameterError
from core.loading import read_examples
from core.project import Project
from core.task_region import NAME, region_settings

SHARE = 10  # the region is so small a part of the rows where no distance is given


def add_task_flags(command: argparse.ArgumentParser) -> None:
    """The flags that name a task."""
    command.add_argument(
        "--task-examples", type=Path, help="file of prompts of a task: only rows near them are the pool"
    )
    command.add_argument(
        "--task-distance",
        type=float,
        help="how near (cosine, inclusive); without it, the nearest tenth of the rows",
    )


def within_task(project: Project, options: argparse.Namespace, on_progress: OnProgress) -> Project:
    """The project of the rows within a distance of a task's examples, where the flags name some.

    Raises:
        DataError: the examples cannot be read.
        ParameterError: a distance without examples, or one within which no row lies.
    """
    examples, distance = getattr(options, "task_examples", None), getattr(options, "task_distance", None)
    if examples is None:
        if distance is not None:
            raise ParameterError("A task's distance needs examples.", "Name them with --task-examples FILE.")
        return project
    if distance is not None and not 0 <= distance <= 2:
        raise ParameterError(f"There is no cosine distance of {distance:g}.", "Choose one from 0 to 2.")
    texts, whole = read_examples(examples), project.whole
    whole.vectors(on_progress=on_progress)
    if distance is None:
        distance = whole.finder.region(texts).distance_of(max(1, len(whole.dataset) // SHARE))
    outside = whole.propose(NAME, region_settings(texts, max_distance=distance), on_progress=on_progress)
    return project.without((*project.removals, outside)) if len(outside.found) else project
