"""Which rows a rule takes out of a whole file; a rule is a name, its settings and a function.

Every rule looks at the whole file, so it finds the same rows whatever was taken out before. To add one, put
a ``Rule`` under its name into ``RULES``; every check of ``core.health.CHECKS`` is one already.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple, TypedDict

import numpy as np

from core import health, task_region
from core.domain import Dataset, OnProgress, OptionValue, Positions, Removal, Scores, ignore_progress
from core.errors import ParameterError
from core.health import groups
from core.loading import ids_sha256
from core.stages import Stages
from core.wording import counted

Settings = Mapping[str, OptionValue]
NO_SETTINGS: Settings = MappingProxyType({})  # every one at its default
NOBODY = ""  # as a judge: no scores count


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a rule looks at: the stages of the whole file, its settings, and the ids named by hand."""

    rule: str
    stages: Stages
    settings: Settings
    ids: frozenset[str] = frozenset()
    on_progress: OnProgress = ignore_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One way to find rows that may be taken out.

    name: as it stands in a recipe and on the command line, such as ``exact-duplicates``.
    title: for a person. version: raised when the same rows would be found differently.
    settings: each with its default; the type of the default is that of the setting.
    main: the setting that ``--take-out name=value`` gives, if there is one.
    needs_vectors: whether the vectors of the whole file have to be there.
    in_groups: whether ``duplicates`` shows the groups, of each of which one row stays.
    find: the positions in the whole file, in any order.
    """

    name: str
    title: str
    version: int = 1
    settings: Settings = field(default_factory=dict)
    main: str = ""
    needs_vectors: bool = False
    in_groups: bool = False
    find: Callable[[Asked], Positions] = field(repr=False)


class Duplicates(NamedTuple):
    """Groups of rows that say the same, and (g,) the row of each that stays."""

    groups: groups.Groups
    stays: Positions


class Which(TypedDict):
    """How the row of a group that stays is found: arguments of ``groups.spare``."""

    stays: str
    scores: Scores | None
    lengths: Positions


def rule(name: str) -> Rule:
    """The rule of that name.

    Raises:
        ParameterError: there is none; the hint names those there are.
    """
    known = rules()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1)
    guess = f"Did you mean {close[0]}? " if close else ""
    raise ParameterError(f"No rule {name!r} takes rows out.", f"{guess}Rules: {', '.join(known)}.")


def removal(
    stages: Stages,
    name: str,
    settings: Settings = NO_SETTINGS,
    *,
    kept: Iterable[str] = (),
    ids: Iterable[str] = (),
    on_progress: OnProgress = ignore_progress,
) -> Removal:
    """The decision to take out what a rule finds in a whole file, less the rows that are kept.

    Raises:
        ParameterError: an unknown rule, setting or id, or a value that cannot be.
    """
    found = rule(name)
    whole = stages.dataset
    asked = Asked(
        rule=name,
        stages=stages,
        settings=_settled(found, settings),
        ids=frozenset(ids),
        on_progress=on_progress,
    )
    rows = np.unique(found.find(asked)).astype(np.int64)
    kept = frozenset(kept)
    if kept:
        names = whole.frame["id"].gather(rows)
        stays = names.is_in(list(kept)).to_numpy()
        kept = frozenset(names.filter(stays))  # the others change nothing
        rows = rows[~stays]
    rows.flags.writeable = False
    return Removal(
        rule=name,
        settings=tuple(sorted(asked.settings.items())),
        kept=kept,
        ids=asked.ids,
        version=found.version,
        found=rows,
        ids_sha256=ids_sha256(whole, rows),
    )


@dataclass(frozen=True, slots=True)
class Taken:
    """What removals come to together.

    rows: positions in the whole file that are out, ascending.
    steps: for each removal the rows that it took out and none before it.
    """

    rows: Positions
    steps: tuple[Positions, ...]


def taken(removals: Sequence[Removal], n: int) -> Taken:
    """What is out of a file of n rows; a row counts for the first removal that finds it."""
    out = np.zeros(n, dtype=bool)
    steps = []
    for each in removals:
        steps.append(each.found[~out[each.found]])
        out[each.found] = True
    return Taken(np.flatnonzero(out), tuple(steps))


def title(each: Removal) -> str:
    """A removal in a few words, such as "Near duplicates, within 0.05"."""
    name = rules().get(each.rule)
    settings = dict(each.settings)
    said = each.rule if name is None else name.title
    if float(settings.get("distance", -1)) >= 0:
        said += f", within {settings['distance']:g}"
    if settings.get("alike") == "verbatim":
        said += ", to the byte"
    return said + (f", {counted(len(each.kept), 'row')} kept" if each.kept else "")


def _settled(found: Rule, settings: Settings) -> dict[str, OptionValue]:
    """Every setting of the rule, the given ones checked against the type of the default."""
    unknown = sorted(settings.keys() - found.settings.keys())
    if unknown:
        known = ", ".join(found.settings) or "none"
        raise ParameterError(f"{found.title} has no setting {unknown[0]!r}.", f"Settings: {known}.")
    settled = dict(found.settings)
    for name, given in settings.items():
        kind = type(found.settings[name])
        is_whole = isinstance(given, int) and not isinstance(given, bool)
        value = float(given) if kind is float and is_whole else given
        if not isinstance(value, kind):
            raise ParameterError(
                f"The setting {name} of {found.title} is {value!r}.", f"It is a {kind.__name__}."
            )
        settled[name] = value
    return settled


# The rules.


def _by_hand(asked: Asked) -> Positions:
    ids = asked.stages.dataset.frame["id"]
    rows = ids.is_in(list(asked.ids)).arg_true().to_numpy()
    if len(rows) < len(asked.ids):
        unknown = sorted(asked.ids - set(ids.gather(rows)))
        raise ParameterError(
            f"Not in {asked.stages.dataset.name}: {counted(len(unknown), 'id')}, such as {unknown[0]!r}.",
            f"Rows are named by their id, such as {ids[0]!r}.",
        )
    return rows.astype(np.int64)


def _duplicates(asked: Asked) -> Positions:
    return groups.spare(_groups(asked), **_which(asked))


def duplicates(stages: Stages, name: str, settings: Settings = NO_SETTINGS) -> Duplicates:
    """The groups that a rule of duplicates finds in a whole file, and which row of each stays.

    Raises:
        ParameterError: as ``removal``; or the rule finds no groups.
    """
    found = rule(name)
    if not found.in_groups:
        raise ParameterError(f"{found.title} are not found in groups.", "Use a rule of duplicates.")
    asked = Asked(rule=name, stages=stages, settings=_settled(found, settings))
    grouped = _groups(asked)
    return Duplicates(grouped, groups.staying(grouped, **_which(asked)))


def _outside_region(asked: Asked) -> Positions:
    return task_region.outside_region(asked.stages, asked.settings, asked.ids)


def _groups(asked: Asked) -> groups.Groups:
    settings = asked.settings
    if "distance" in settings:
        graph = asked.stages.neighbours(on_progress=asked.on_progress)
        return groups.near(graph, float(settings["distance"]))
    find = groups.same_prompt if asked.rule == "same-prompt" else groups.exact
    return find(asked.stages.dataset.frame, alike=str(settings["alike"]))


def _which(asked: Asked) -> Which:
    """Which row of a group stays, by the settings ``stays`` and ``judge``."""
    name = str(asked.settings["judge"])
    judges = asked.stages.dataset.judges
    if name != NOBODY and name not in judges:
        raise ParameterError(f"There is no judge {name!r}.", f"Judges: {', '.join(judges) or 'none'}.")
    return {
        "stays": str(asked.settings["stays"]),
        "scores": None if name == NOBODY else judges[name].scores,
        "lengths": asked.stages.response_chars,
    }


WHICH = {"stays": "best", "judge": NOBODY}  # of a group
RULES: dict[str, Rule] = {
    each.name: each
    for each in (
        Rule(name="by-hand", title="Rows taken out by hand", find=_by_hand),
        Rule(  # its rows are named: which prompts they hold is known by a digest alone
            name="leakage",
            title="Rows that hold an evaluation prompt",
            settings={"prompts_sha256": "", "similarity": 0.0},
            find=_by_hand,
        ),
        Rule(
            name="exact-duplicates",
            title="Exact duplicates",
            version=groups.VERSION,
            settings={"alike": "folded", **WHICH},
            main="alike",
            in_groups=True,
            find=_duplicates,
        ),
        Rule(
            name="same-prompt",
            title="Same prompt, other answers",
            version=groups.VERSION,
            settings={"alike": "folded", **WHICH},
            main="alike",
            in_groups=True,
            find=_duplicates,
        ),
        Rule(
            name="near-duplicates",
            title="Near duplicates",
            version=groups.VERSION,
            settings={"distance": 0.05, **WHICH},
            main="distance",
            needs_vectors=True,
            in_groups=True,
            find=_duplicates,
        ),
        Rule(
            name=task_region.NAME,
            title="Outside the region of a task",
            settings=task_region.SETTINGS,
            main="distance",
            needs_vectors=True,
            find=_outside_region,
        ),
    )
}


def rules() -> dict[str, Rule]:
    """Every rule by its name, the checks of ``core.health`` among them."""
    return RULES | {check.name: _of_check(check) for check in health.CHECKS}


def _of_check(check: health.Check) -> Rule:
    def find(asked: Asked) -> Positions:
        return check.find(asked.stages.dataset.frame).rows

    return Rule(name=check.name, title=check.title, version=check.version, find=find)


def with_one(removals: Sequence[Removal], new: Removal) -> tuple[Removal, ...]:
    """The same removals and a new one; the same rule with the same settings gives it its place."""
    same = [
        place
        for place, each in enumerate(removals)
        if (each.rule, each.settings, each.ids) == (new.rule, new.settings, new.ids)
    ]
    if not same:
        return (*removals, new)
    return (*removals[: same[0]], new, *removals[same[0] + 1 :])


def less(each: Removal, whole: Dataset, ids: frozenset[str]) -> Removal:
    """The same removal without these rows, which are kept all the same."""
    names = whole.frame["id"].gather(each.found)
    stays = names.is_in(list(ids)).to_numpy()
    if not stays.any():
        return each
    found = each.found[~stays]
    found.flags.writeable = False
    kept = each.kept | frozenset(names.filter(stays))
    return replace(each, kept=kept, found=found, ids_sha256=ids_sha256(whole, found))
