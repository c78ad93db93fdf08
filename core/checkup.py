"""What the checks find in one dataset: looked for once and kept in the store; and what leaked into it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from core import embedding, health
from core.domain import OnProgress, Positions, Progress, Vectors, ignore_progress
from core.draws import Keys
from core.encoders import WORD_COUNTS
from core.errors import ParameterError
from core.health import Check, Found, Leaks
from core.memo import Memo
from core.stages import Stages
from core.store import Artefact, Key, Part

Keep = Callable[[Key, Mapping[str, Part]], Artefact]
STAGE = "health"
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check finds among ``total`` rows."""

    check: Check
    found: Found
    total: int

    @property
    def count(self) -> int:
        """Rows that the check speaks of."""
        return len(self.found.rows)

    @property
    def share(self) -> float:
        """Of all rows, 0 to 1."""
        return self.count / self.total if self.total else 0.0

    @property
    def suggests(self) -> bool:
        """Whether it is a reason to take rows out; else it only counts."""
        return self.check.name not in health.COUNTED

    def examples(self, draw: Keys, count: int = EXAMPLES) -> list[tuple[int, str]]:
        """(position, what was seen) of a few rows, drawn by their ids: the order of the rows has no part."""
        rows = self.found.rows
        few = np.argsort(draw[rows], kind="stable")[:count]
        return [(int(rows[place]), self.found.seen[place]) for place in few]


class Checkup:
    """The checks of one dataset. Safe to share between threads."""

    def __init__(self, stages: Stages, keep: Keep) -> None:
        self._stages = stages
        self._keep = keep
        self._results: Memo[tuple[CheckResult, ...]] = Memo(1)

    def results(self, on_progress: OnProgress = ignore_progress) -> tuple[CheckResult, ...]:
        """Every check of ``health.CHECKS``, in its sequence."""

        def look() -> tuple[CheckResult, ...]:
            found = []
            for done, check in enumerate(health.CHECKS):
                on_progress(Progress("checks", done, len(health.CHECKS), check.title))
                found.append(CheckResult(check, self._found(check), len(self._stages.dataset)))
            on_progress(Progress("checks", len(health.CHECKS), len(health.CHECKS)))
            return tuple(found)

        return self._results.get("all", look)

    def is_ready(self) -> bool:
        """Whether nothing has to be looked for."""
        if self._results.peek("all") is not None:
            return True
        return all(self._stages.store.get(self._key(check)) is not None for check in health.CHECKS)

    def leaks(
        self, prompts: Sequence[str], similarity: float | None, on_progress: OnProgress = ignore_progress
    ) -> Leaks:
        """The rows that hold one of these prompts; with a similarity, also those whose vectors are near.

        Raises:
            ParameterError: there is no prompt, or a similarity that this embedding does not give.
        """
        if not prompts:
            raise ParameterError("There is no evaluation prompt.", "Give one a line, or a file of rows.")
        frame = self._stages.dataset.frame
        if similarity is None:
            return health.leaked(frame, prompts)
        if not 0 < similarity <= 1:
            raise ParameterError(f"The similarity is {similarity:g}.", "A cosine above 0 and up to 1.")
        if self._stages.params.embed.model == WORD_COUNTS:
            raise ParameterError(
                f"Vectors of {WORD_COUNTS} belong to one set of texts and say nothing about others.",
                "Search by words alone, or choose a model.",
            )
        return health.leaked(
            frame,
            prompts,
            vectors=self._stages.vectors(on_progress=on_progress),
            prompt_vectors=self._embedded(prompts, on_progress),
            similarity=similarity,
        )

    def _embedded(self, prompts: Sequence[str], on_progress: OnProgress) -> Vectors:
        """The vectors of evaluation prompts by the model of the dataset, kept in the store."""
        vectors = self._stages.keys.vectors
        inputs = dict(vectors.inputs) | {"text": prompts_sha256(prompts)}
        key = Key.of("evaluation-vectors", vectors.version, **inputs)
        stored = self._stages.store.get(key)
        if stored is None:
            made = embedding.embed(list(prompts), self._stages.params.embed, on_progress=on_progress)
            stored = self._keep(key, {"vectors": made.vectors})
        return stored.array("vectors")

    def _found(self, check: Check) -> Found:
        key = self._key(check)
        stored = self._stages.store.get(key)
        if stored is None:
            found = check.find(self._stages.dataset.frame)
            table = pl.DataFrame({"row": found.rows, "seen": pl.Series(found.seen, dtype=pl.String)})
            stored = self._keep(key, {"found": table})
        table = stored.table("found")
        rows: Positions = table["row"].cast(pl.Int64).to_numpy()
        return Found(rows, tuple(table["seen"]))

    def _key(self, check: Check) -> Key:
        dataset = self._stages.dataset.fingerprint
        return Key.of(STAGE, check.version, check=check.name, dataset=dataset)


def prompts_sha256(prompts: Sequence[str]) -> str:
    """Names a list of evaluation prompts, in its sequence."""
    return hashlib.sha256(json.dumps(list(prompts)).encode()).hexdigest()
