"""The half of a project that looks at what was loaded, before anything is computed from it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import polars as pl

from core.checkup import CheckResult, Checkup, prompts_sha256
from core.domain import OnProgress, Positions, ignore_progress
from core.errors import StoreError
from core.exporting import Checked, Looked, Searched
from core.health import PRIVATE, Leaks
from core.leak_table import LeakTable
from core.load_report import LoadReport, is_ready, made, report
from core.memo import Memo
from core.reviewed import Reviewed

log = logging.getLogger(__name__)

LEAST_SHARE = 0.05  # of the rows, from which a language is named on a card


class Looking(Reviewed):
    """What was loaded, and what may be wrong with it. Safe to share between threads."""

    def _begin(self) -> None:
        super()._begin()
        self._reports: Memo[LoadReport] = Memo(1)
        self._checkup = Checkup(self, self.kept)
        self._searches = LeakTable(self.home / "ledger.sqlite", self.dataset.origin)

    def load_report(self, *, on_progress: OnProgress = ignore_progress) -> LoadReport:
        """What was loaded: problems, repeats, empty texts, lengths in tokens, turns, languages."""
        return self._reports.get("report", lambda: report(self, on_progress=on_progress))

    def ready_load_report(self) -> LoadReport | None:
        """The same, if it is in memory or what takes time is stored."""
        if self._reports.peek("report") is None and not is_ready(self):
            return None
        return self.load_report()

    def languages(self, *, on_progress: OnProgress = ignore_progress) -> pl.DataFrame:
        """n lines of language (empty where it is not told) and confidence; made once, then stored."""
        return made(self, on_progress).table("languages")

    def told_languages(self) -> tuple[str, ...] | None:
        """The languages that at least one row in twenty is told to be in; None where nobody looked yet."""
        found = self.ready_load_report()
        if found is None:
            return None
        return tuple(code for code, rows in found.languages if rows >= LEAST_SHARE * found.rows)

    # Health: what may be wrong with the rows of the whole file, whatever is taken out of it.

    def checkup(self, *, on_progress: OnProgress = ignore_progress) -> tuple[CheckResult, ...]:
        """What every check of ``core.health.CHECKS`` finds; looked for once and stored."""
        return self.whole._checkup.results(on_progress)

    def has_checkup(self) -> bool:
        """Whether everything that the checks find is stored."""
        return self.whole._checkup.is_ready()

    def leaks(
        self,
        prompts: Sequence[str],
        *,
        similarity: float | None = None,
        on_progress: OnProgress = ignore_progress,
    ) -> Leaks:
        """The rows that hold an evaluation prompt; with a cosine similarity also those that are as near.

        That they were looked for is remembered, so that a card can say so.

        Raises:
            ParameterError: there is no prompt, or a similarity that cannot be.
        """
        found = self.whole._checkup.leaks(prompts, similarity, on_progress)
        try:
            self._searches.keep(prompts_sha256(prompts), len(prompts), similarity, found.rows)
        except StoreError as error:
            log.warning("%s A card will not say that these prompts were looked for.", error.problem)
        return found

    def looked_for(self, rows: Positions) -> Looked:
        """What was looked for in the whole file so far, and how many of these rows it speaks of.

        Nothing is looked for here.

        Raises:
            StoreError: the ledger cannot be read.
        """
        n = len(self.whole.dataset)
        chosen = np.zeros(n, dtype=bool)
        chosen[np.setdiff1d(np.arange(n), self.taken.rows)[rows]] = True

        def both(title: str, found: Positions) -> Checked:
            return Checked(title, len(found), int(chosen[found].sum()))

        searches = [
            Searched(each.prompts, each.similarity, *both("", np.array(each.rows, dtype=np.int64))[1:])
            for each in self._searches.get()
        ]
        if not self.has_checkup():
            return Looked(n, searches=searches)
        results = self.checkup()
        private = [each.found.rows for each in results if each.check.group == PRIVATE]
        return Looked(
            n,
            checks=[both(each.check.title, each.found.rows) for each in results],
            private=both(PRIVATE, np.unique(np.concatenate(private))),
            searches=searches,
        )
