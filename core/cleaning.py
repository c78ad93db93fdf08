"""The half of a project that takes rows out of a file, before anything else looks at them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from core import loading
from core.choosing import Choosing
from core.domain import Cleaning, Dataset, OnProgress, Pins, Removal, ignore_progress
from core.errors import ParameterError
from core.exporting import Recipe
from core.exporting.recipe import TakenOut
from core.keys import MapParams
from core.memo import Memo
from core.removal_table import RemovalTable
from core.removals import (
    NO_SETTINGS,
    NOBODY,
    Duplicates,
    Settings,
    Taken,
    duplicates,
    less,
    removal,
    rule,
    taken,
    title,
    with_one,
)
from core.replay import Difference
from core.stages import PartOf
from core.wording import counted

if TYPE_CHECKING:
    from core.project import Project

HELD = 2  # projects without their removed rows that are kept in memory


class Cleanable(Choosing):
    """A whole file, or what is left of it once rows were taken out. Safe to share between threads.

    What is decided belongs to the whole file and lies in the ledger: nothing in the file changes, and every
    step can be undone. ``whole`` and ``cleaned`` lead from the one to the other.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        home: Path,
        params: MapParams,
        whole: Self | None = None,
        removals: tuple[Removal, ...] = (),
    ) -> None:
        part_of = None
        if whole is not None:
            out = taken(removals, len(whole.dataset)).rows
            part_of = PartOf(whole, loading.staying(whole.dataset, out))
        super().__init__(dataset, home=home, params=params, part_of=part_of)
        self._whole = whole
        self.removals = removals
        self._table = RemovalTable(self.home / "ledger.sqlite", dataset.origin)
        self._parts: Memo[Self] = Memo(HELD)
        self._proposed: Memo[Removal] = Memo(32)
        self._grouped: Memo[Duplicates] = Memo(8)
        self._begin()

    def _begin(self) -> None:
        """What a half of a project keeps beside the stages: made once, when all below it is there."""

    @property
    def whole(self) -> Self:
        """The project of the whole file."""
        return self if self._whole is None else self._whole

    def cleaned(self) -> Self:
        """The project without the rows that are taken out now; the whole file where none are.

        Raises:
            StoreError: the ledger cannot be read.
        """
        return self.without(self.cleaning.removals)

    def without(self, removals: Iterable[Removal]) -> Self:
        """The project of the whole file without the rows of these removals.

        Vectors and tokens are those of the whole file where they are stored; graph, clusters and map are
        made of what is left.

        Raises:
            ParameterError: no row would be left.
        """
        whole, removals = self.whole, tuple(removals)
        return whole._parts.get(removals, lambda: whole._part(removals)) if removals else whole

    def _part(self, removals: tuple[Removal, ...]) -> Self:
        dataset = loading.without(self.dataset, taken(removals, len(self.dataset)).rows)
        return type(self)(dataset, home=self.home, params=self.params, whole=self, removals=removals)

    @cached_property
    def taken(self) -> Taken:
        """Which rows of the whole file this project is without, and by which of ``removals``."""
        return taken(self.removals, len(self.whole.dataset))

    def taken_in_words(self) -> tuple[str, ...]:
        """What was taken out, one line a rule and one for all; none where nothing was."""
        if not self.removals:
            return ()
        steps = zip(self.removals, self.taken.steps, strict=True)
        said = [f"{title(each)}: {counted(len(rows), 'row')} taken out" for each, rows in steps]
        whole = counted(len(self.whole.dataset), "row")
        return (*said, f"{len(self.dataset):,} of {whole} are left")

    def lost_groups(self) -> int:
        """How many groups of duplicates have no row left, because the one that stays is out otherwise."""
        gone = np.zeros(len(self.whole.dataset), dtype=bool)
        gone[self.taken.rows] = True
        lost = 0
        for each in self.removals:
            if rule(each.rule).in_groups and self._can_group(each):
                # Who stays is asked of nobody here: the judge of then may be gone.
                found = self.duplicates(each.rule, dict(each.settings) | {"judge": NOBODY}).groups
                stays = ~gone[found.members]
                lost += int((np.add.reduceat(stays, found.starts[:-1]) == 0).sum()) if len(found) else 0
        return lost

    def _can_group(self, each: Removal) -> bool:
        return not rule(each.rule).needs_vectors or self.whole.has_neighbours()

    def replayable(self) -> tuple[Removal, ...]:
        """The removals as a replay can make them: by ids, where the judge of a rule has other scores by now.

        So a recipe gives the same rows, although it holds the judges of today alone.
        """
        return tuple(each if self._is_found_still(each) else self._by_hand(each) for each in self.removals)

    def _is_found_still(self, each: Removal) -> bool:
        settings = dict(each.settings)
        if settings.get("judge", NOBODY) == NOBODY or not self._can_group(each):
            return True
        try:
            now = self.propose(each.rule, settings, ids=each.ids, kept=each.kept)
        except ParameterError:  # there is no such judge any more
            return False
        return now.ids_sha256 == each.ids_sha256

    def _by_hand(self, each: Removal) -> Removal:
        return self.propose("by-hand", ids=self.whole.dataset.frame["id"].gather(each.found))

    # Looking at the whole file.

    def propose(
        self,
        rule: str,
        settings: Settings = NO_SETTINGS,
        *,
        ids: Iterable[str] = (),
        kept: Iterable[str] = (),
        on_progress: OnProgress = ignore_progress,
    ) -> Removal:
        """What a rule would take out of the whole file, without the rows that are kept; nothing is decided.

        Raises:
            ParameterError: an unknown rule, setting or id, or a value that cannot be.
        """
        whole, key = self.whole, (rule, tuple(sorted(settings.items())), frozenset(ids), frozenset(kept))

        def find() -> Removal:
            return removal(whole, rule, settings, kept=key[3], ids=key[2], on_progress=on_progress)

        return whole._proposed.get(key, find)

    def duplicates(self, rule: str, settings: Settings = NO_SETTINGS) -> Duplicates:
        """The groups that a rule of duplicates finds in the whole file; raises as ``propose`` does."""
        whole, key = self.whole, (rule, tuple(sorted(settings.items())))
        return whole._grouped.get(key, lambda: duplicates(whole, rule, settings))

    # Deciding. Each of these is one step of the ledger.

    @property
    def cleaning(self) -> Cleaning:
        """What is out of the whole file, and what is fine, by the ledger."""
        return self._table.now()

    @property
    def cleaning_steps(self) -> tuple[int, int]:
        """How many steps can be undone, and how many redone."""
        return self._table.steps()

    def take_out(
        self,
        rule: str,
        settings: Settings = NO_SETTINGS,
        *,
        ids: Iterable[str] = (),
        kept: Iterable[str] = (),
        on_progress: OnProgress = ignore_progress,
    ) -> Removal:
        """Take out what a rule finds, but the rows that are kept or marked as fine.

        The same rule with the same settings takes the place of its earlier step.

        Raises:
            ParameterError: as ``propose``; the rule finds nothing, or no row would be left.
            StoreError: it cannot be written; what was decided before is untouched.
        """
        kept = frozenset(kept) | self.cleaning.kept(rule)
        new = self.propose(rule, settings, ids=ids, kept=kept, on_progress=on_progress)
        if not len(new.found):
            raise ParameterError("There is nothing to take out.", "The rule finds no row, or all are kept.")

        def step(before: Cleaning) -> Cleaning:
            removals = with_one(before.removals, new)
            if len(taken(removals, len(self.whole.dataset)).rows) == len(self.whole.dataset):
                raise ParameterError(
                    f"No row of {self.dataset.name} would be left.", "Take out less, or put rows back first."
                )
            return replace(before, removals=removals)

        self._table.change(step)
        return new

    def put_back(self, which: int | Removal) -> bool:
        """Make one of the decided removals undone, whichever came after it; False where it is not there.

        which: its place, or itself, where others may have decided meanwhile.
        """

        def step(before: Cleaning) -> Cleaning:
            gone = before.removals[which : which + 1] if isinstance(which, int) else (which,)
            return replace(before, removals=tuple(each for each in before.removals if each not in gone))

        return self._table.change(step)

    def keep(self, rule: str, ids: Iterable[str]) -> bool:
        """Mark rows that a rule finds as fine; those that it took out are put back."""
        ids = frozenset(ids)
        whole = self.whole.dataset

        def step(before: Cleaning) -> Cleaning:
            fine = dict(before.fine) | {rule: before.kept(rule) | ids}
            changed = (less(each, whole, ids) if each.rule == rule else each for each in before.removals)
            left = tuple(each for each in changed if len(each.found))
            return Cleaning(left, tuple(sorted(fine.items())))

        return self._table.change(step)

    def look_again(self, rule: str) -> bool:
        """Forget which rows of a rule are fine; what is out stays out."""
        return self._table.change(
            lambda before: replace(before, fine=tuple(pair for pair in before.fine if pair[0] != rule))
        )

    def restore_removals(self, removals: Iterable[Removal]) -> bool:
        """Make the removals those, as one step; whether they were others before."""
        wanted = tuple(removals)
        return self._table.change(lambda before: replace(before, removals=wanted))

    def undo_cleaning(self) -> bool:
        """Take the last step back; False where there is none."""
        return self._table.undo()

    def redo_cleaning(self) -> bool:
        """Make the step that was taken back last once more; False where there is none."""
        return self._table.redo()

    # Pins belong to the whole file; those on rows that are out rest.

    @property
    def pins(self) -> Pins:
        """What people pinned, of the rows that are here."""
        pins = self.ledger.pins(self.dataset.origin)
        gone = self._gone
        return Pins(include=pins.include - gone, exclude=pins.exclude - gone) if gone else pins

    @property
    def resting(self) -> Pins:
        """What people pinned, of the rows that are out."""
        pins = self.ledger.pins(self.dataset.origin)
        return Pins(include=pins.include & self._gone, exclude=pins.exclude & self._gone)

    @cached_property
    def _gone(self) -> frozenset[str]:
        return frozenset(self.whole.dataset.frame["id"].gather(self.taken.rows))


# A recipe made again.


def retaken(
    project: Project, recipe: Recipe, *, on_progress: OnProgress = ignore_progress
) -> tuple[Project, tuple[Difference, ...]]:
    """The project without the rows that the rules of a recipe find now, and what is other than it says.

    Nothing of the ledger has a part in it. From other data nothing is taken out, nor where the judge who says
    which row of a group stays is not there.

    Raises:
        ParameterError: the recipe names a rule, setting or id that there is not.
    """
    whole = project.whole
    lost = {each.column.name for each in whole.dataset.lost}
    judges = {dict(each.settings).get("judge") for each in recipe.taken_out}
    if whole.dataset.fingerprint != recipe.source.fingerprint or lost & judges:
        return whole, ()
    removals = tuple(
        removal(whole, each.rule, each.settings, kept=each.kept, ids=each.ids, on_progress=on_progress)
        for each in recipe.taken_out
    )
    pairs = zip(recipe.taken_out, removals, strict=True)
    return whole.without(removals), tuple(chain.from_iterable(_other(*pair) for pair in pairs))


def needed_first(whole: Project, recipe: Recipe) -> None:
    """Say that a recipe's rules need the nearest rows of the whole file, where nobody waits for these.

    Raises:
        ParameterError: they are not there.
    """
    names = [each.rule for each in recipe.taken_out if rule(each.rule).needs_vectors]
    if names and not whole.has_neighbours():
        raise ParameterError(
            f"The recipe takes rows out by {names[0]}, which needs the nearest rows of the whole file.",
            "Find them on the Health page first.",
        )


def _other(before: TakenOut, now: Removal) -> Iterator[Difference]:
    """How the rows that a rule finds now are not those that a recipe records."""
    if now.ids_sha256 == before.ids_sha256:
        return
    problem = (
        f"The rule {now.rule} takes {counted(len(now.found), 'row')} out here, by the sha256 "
        f"{now.ids_sha256[:12]}...; the recipe took {before.found:,}, by {before.ids_sha256[:12]}..."
    )
    if now.version != before.version:
        cause = f"The rule is of version {now.version} here; the recipe was made with {before.version}."
    elif rule(now.rule).needs_vectors:
        cause = "Likely cause: other vectors, from another model, processor or version of a library."
    else:
        cause = "Likely cause: another version of a library, or the recipe was edited."
    yield Difference("taken out", problem, cause)
