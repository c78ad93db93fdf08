"""Decisions about rows of the whole file, as buttons carry them out; what fails is said on the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from core import Project, WinnowError
from core.domain import Removal
from core.removals import NO_SETTINGS, Settings
from pages.ui import state


def take_out(
    project: Project,
    rule: str,
    settings: Settings = NO_SETTINGS,
    ids: Iterable[str] = (),
    kept: Iterable[str] = (),
) -> None:
    """Take out what a rule finds, but what is kept: one step that Undo takes back."""
    _try(partial(project.take_out, rule, settings, ids=ids, kept=kept))


def keep(project: Project, rule: str, ids: Iterable[str]) -> None:
    """Mark rows that a rule finds as fine."""
    _try(partial(project.keep, rule, ids))


def look_again(project: Project, rule: str) -> None:
    """Forget which rows of a rule are fine."""
    _try(partial(project.look_again, rule))


def put_back(project: Project, each: Removal) -> None:
    """Put the rows of one removal back, wherever it stands by now."""
    _try(partial(project.put_back, each))


def undo(project: Project) -> None:
    """Take the last step back."""
    _try(project.undo_cleaning)


def redo(project: Project) -> None:
    """Make the step once more that was taken back last."""
    _try(project.redo_cleaning)


def _try(act: Callable[[], object]) -> None:
    try:
        act()
    except WinnowError as error:
        state.update(notes=(str(error),))
    else:
        state.update()
