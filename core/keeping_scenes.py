"""The half of a project that keeps selections under a name, and opens them again."""

from __future__ import annotations

from typing import Self

from core import metrics, pictures, scenes
from core.domain import OnProgress, Pins, Selection, SelectParams, ignore_progress
from core.handing_over import HandingOver
from core.orders import CONTROL_DRAWS
from core.scene_table import SceneTable, find, taken
from core.scenes import Scene, Shown


class KeepingScenes(HandingOver):
    """Selections saved under a name. Safe to share between threads."""

    def _begin(self) -> None:
        super()._begin()
        self._scenes = SceneTable(self.home / "ledger.sqlite", self.dataset.origin)

    def scenes(self) -> tuple[Scene, ...]:
        """The scenes of this dataset, in the sequence in which they are shown."""
        return self._scenes.all()

    def scene(self, name: str) -> Scene:
        """The scene of that name.

        Raises:
            ParameterError: there is none.
        """
        return find(self.scenes(), name)

    def save_scene(
        self,
        chosen: Selection,
        name: str,
        note: str = "",
        *,
        replace: bool = False,
        on_progress: OnProgress = ignore_progress,
    ) -> Scene:
        """Keep a selection under a name, with its picture and its figures beside random draws.

        Raises:
            ParameterError: the name cannot be used, or is taken and ``replace`` was not asked for.
            StoreError: it cannot be written; the scenes are as before.
        """
        name, note = scenes.checked_name(name), scenes.checked_note(note)
        if not replace and name in {each.name for each in self.scenes()}:
            raise taken(name)  # before a second of painting
        scene = scenes.scene_of(
            chosen,
            name,
            note,
            picture=self.picture(chosen),
            figures=self._shown(chosen, on_progress),
            removals=self.removals,
            models=self.models(),
        )
        self._scenes.add(scene, replace=replace)
        return scene

    def rename_scene(self, name: str, to: str | None = None, *, note: str | None = None) -> None:
        """Give a scene another name, another note or both; raises as ``save_scene`` does."""
        self._scenes.rename(name, to=to, note=note)

    def move_scene(self, name: str, by: int) -> None:
        """Show a scene so many places later, or earlier with a negative number."""
        self._scenes.move(name, by)

    def delete_scene(self, name: str) -> int:
        """Take a scene out of the sequence; ``bring_back_scene`` with this number undoes it."""
        return self._scenes.delete(name)

    def bring_back_scene(self, number: int | None = None) -> str:
        """Undo a deletion, or the last one; the name that the scene has now."""
        return self._scenes.bring_back(number)

    def reopen_scene(self, name: str) -> tuple[Scene, tuple[str, ...]]:
        """Make pins and removals those of a scene; the scene and what is to be said.

        Either is one step that its Undo takes back. Pins on rows that are out rest as they are. ``cleaned``
        gives the project that the scene was saved in.

        Raises:
            ParameterError: there is no such scene, or this version cannot choose by its decisions.
            StoreError: the pins cannot be written.
        """
        scene = self.scene(name)
        there, params = self.without(scene.removals), scene.params
        said = scenes.models_in_words(scene, self.models())
        return scene, scene.problems + self._restored(there, params.pins, of="the scene", check=params) + said

    def picture(self, chosen: Selection) -> bytes:
        """The map with the chosen rows in the colours of their clusters: a PNG for a scene."""
        return pictures.selection_picture(
            self.coords(),
            self.labels(),
            chosen.rows,
            width=scenes.PICTURE_WIDTH,
            height=scenes.PICTURE_HEIGHT,
            coarse=1.5,  # it is seen on cards as well
        )

    def _shown(self, chosen: Selection, on_progress: OnProgress) -> dict[str, Shown]:
        pool, size = self.pool(chosen.params.judge), len(chosen)
        return scenes.shown_figures(
            metrics.cheap_figures(pool, chosen.rows),
            [metrics.cheap_figures(pool, self.control(seed)[:size]) for seed in range(CONTROL_DRAWS)],
            self.curve(chosen.params, on_progress=on_progress),
            [
                self.control_curve(chosen.params, seed, on_progress=on_progress)
                for seed in range(CONTROL_DRAWS)
            ],
        )

    def _restored(self, there: Self, pins: Pins, *, of: str, check: SelectParams) -> tuple[str, ...]:
        """Make removals those of another project of this file, and pins those, but where they rest."""
        there._orders.check(check)
        said: tuple[str, ...] = ()
        if self.restore_removals(there.removals):
            said = (scenes.removals_in_words(there.removals, there.dataset.taken_out, of=of),)
        resting = there.resting
        wanted = Pins(include=pins.include | resting.include, exclude=pins.exclude | resting.exclude)
        changed = self.ledger.restore(self.dataset.origin, wanted)
        return (*said, scenes.pins_in_words(pins, of=of)) if changed else said
