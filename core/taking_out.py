"""The flags of the command line that take rows out before anything is computed from the rest."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from core.arguments import ids_of
from core.domain import OnProgress, OptionValue, Removal
from core.errors import ParameterError
from core.project import Project
from core.removals import Rule, rule, rules

AS_IN_APP = "as-in-app"  # what people decided in the app, by the ledger in the home
BY_HAND = "by-hand"


def add_flags(command: argparse.ArgumentParser) -> None:
    """``--take-out``, as often as there are rules to apply, and ``--keep``."""
    command.add_argument(
        "--take-out",
        action="append",
        default=[],
        metavar="RULE[=VALUE]",
        help=f"rows to leave out first, as near-duplicates=0.05; rules: {', '.join(rules())}; {AS_IN_APP}",
    )
    command.add_argument("--keep", type=Path, help="file of ids, one a line, that no rule takes out")


def without(project: Project, options: argparse.Namespace, on_progress: OnProgress) -> Project:
    """The project without the rows that the flags take out; nothing of the ledger counts unless asked for.

    Where the best row of a group stays and no judge is named for that, the one that chooses says which it is.

    Raises:
        ParameterError: an unknown rule, setting or id, or no row would be left.
    """
    if not getattr(options, "take_out", None):
        return project
    kept = ids_of(options.keep)
    removals: list[Removal] = []
    for text in options.take_out:
        if text == AS_IN_APP:
            removals += project.cleaning.removals
            continue
        name, _, value = text.partition("=")
        if name == BY_HAND:
            ids = ids_of(Path(value)) if value else frozenset()
            removals.append(project.propose(name, ids=ids, kept=kept, on_progress=on_progress))
        else:
            settings = _judged(rule(name), dict(_settings(rule(name), value)), options)
            removals.append(project.propose(name, settings, kept=kept, on_progress=on_progress))
    return project.without(removals)


def _judged(
    found: Rule, settings: dict[str, OptionValue], options: argparse.Namespace
) -> dict[str, OptionValue]:
    """The same settings, with the judge of ``--judge`` where a rule keeps the best row and names none."""
    chooses = getattr(options, "judge", None)
    stays = settings.get("stays", found.settings.get("stays"))
    if chooses is None or stays != "best" or "judge" in settings:
        return settings
    return settings | {"judge": chooses}


def _settings(found: Rule, text: str) -> Iterator[tuple[str, OptionValue]]:
    """The settings in ``0.05`` or ``0.05,stays=longest``: the first may go without its name."""
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            name, value = found.main, part
        yield name, _typed(found, name, value)


def _typed(found: Rule, name: str, value: str) -> OptionValue:
    """The text as the type of the setting's default; an unknown setting stays a text and is said later."""
    if not isinstance(found.settings.get(name), (float, int)):
        return value
    try:
        return float(value)
    except ValueError:
        raise ParameterError(
            f"The setting {name} of {found.name} is {value!r}.", f"It is a number, as in {found.name}=0.05."
        ) from None
