"""Which rows of one dataset are near copies: found once, kept in memory and in the store."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

import numpy as np

from core import selection
from core.domain import Judge, Mask, OnProgress, Progress, SelectParams
from core.draws import Keys
from core.memo import Memo
from core.stages import Stages
from core.store import Artefact, Key, Part
from core.wording import counted

Keep = Callable[[Key, Mapping[str, Part]], Artefact]


class Copies:
    """Near copies by judge, seed and distance; safe to share between threads."""

    def __init__(self, stages: Stages, keep: Keep) -> None:
        self._stages = stages
        self._keep = keep
        self._found: Memo[Mask] = Memo(16)

    def of(
        self, params: SelectParams, judge: Judge | None, draw: Keys, on_progress: OnProgress, *, aided: bool
    ) -> Mask:
        """(n,) the scored rows that are left out before a strategy chooses; the same at every threshold.

        aided: whether the other judges break ties; what is found without them is in memory alone.
        """

        def find() -> Mask:
            if aided:
                return self._stored(params, judge, draw, on_progress)
            return self._look(params, judge, draw, on_progress, aided=False)

        return self._found.get((aided, _name(params)), find)

    def are_ready(self, params: SelectParams) -> bool:
        """Whether they are in memory, or none are left out."""
        return params.dedup_distance is None or self._found.peek((True, _name(params))) is not None

    def _stored(self, params: SelectParams, judge: Judge | None, draw: Keys, on_progress: OnProgress) -> Mask:
        key = self._stages.keys.near_copies(params)
        stored = self._stages.store.get(key)
        if stored is None:
            rows = np.flatnonzero(self._look(params, judge, draw, on_progress, aided=True))
            stored = self._keep(key, {"rows": rows})
        found = np.zeros(len(self._stages.dataset), dtype=bool)
        found[stored.array("rows")] = True
        found.flags.writeable = False
        return found

    def _look(
        self, params: SelectParams, judge: Judge | None, draw: Keys, on_progress: OnProgress, *, aided: bool
    ) -> Mask:
        stages, judges = self._stages, self._stages.dataset.judges
        others = [other.scores for name, other in judges.items() if name != params.judge]
        candidates = selection.Candidates(
            eligible=selection.eligible(len(stages.dataset), judge, None),
            draw=draw,
            scores=None if judge is None else judge.scores,
            others=tuple(others) if aided and judge is not None else (),
            vectors=stages.vectors(on_progress=on_progress),
            neighbours=stages.neighbours(on_progress=on_progress),
            labels=stages.labels(on_progress=on_progress),
        )
        total = int(candidates.eligible.sum())
        note = f"Near copies among {counted(total, 'row')}"
        assert params.dedup_distance is not None
        return selection.near_copies(
            candidates,
            float(params.dedup_distance),
            check=lambda: on_progress(Progress("choose rows", 0, total, note)),
        )


def _name(params: SelectParams) -> Hashable:
    further = selection.strategy(params.strategy).further_judges(params)  # who they left unscored is no copy
    return params.judge, params.seed, params.dedup_distance, *sorted(further.values())
