"""The half of a project that knows the rows that are handed over: licence, lengths, mending, the cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core import exporting
from core import selection as choosing
from core.domain import OnProgress, Positions, Selection, ignore_progress
from core.exporting import DEFAULT_TOKENIZER, Lengths, Mending
from core.exporting.lengths import trainer_lengths
from core.exporting.mending import AS_IS
from core.licence_table import LicenceTable, WhyTable
from core.looking import Looking
from core.memo import Memo

AT_THE_CUT = 100  # rows on each side that border.parquet holds


class HandingOver(Looking):
    """The rows of a project as trainers will meet them. Safe to share between threads."""

    def _begin(self) -> None:
        super()._begin()
        self._licences = LicenceTable(self.home / "ledger.sqlite", self.dataset.origin)
        self._whys = WhyTable(self.home / "ledger.sqlite", self.dataset.origin)
        self._lengths: Memo[Lengths] = Memo(4)

    @property
    def licence(self) -> str:
        """The licence that was named for this dataset; empty where none was."""
        return self._licences.get()

    @property
    def proposed_licence(self) -> str:
        """The licence that a dataset card beside the file names; empty where there is none."""
        return exporting.licence_beside(self.dataset.source)

    def name_licence(self, licence: str) -> str:
        """Remember the licence of this dataset; as it is kept.

        Raises:
            ParameterError: it is not written as one.
            StoreError: it cannot be written.
        """
        self._licences.set(named := exporting.checked_licence(licence))
        return named

    @property
    def why(self) -> str:
        """What was said last of why the rows were chosen; an export has it only where it is given."""
        return self._whys.get()

    def note_why(self, text: str) -> str:
        """Remember why the rows were chosen; as it is kept.

        Raises:
            ParameterError: the text is too long.
            StoreError: it cannot be written.
        """
        self._whys.set(kept := exporting.checked_why(text))
        return kept

    def lengths(
        self,
        rows: Positions,
        tokenizer: str = DEFAULT_TOKENIZER,
        *,
        on_progress: OnProgress = ignore_progress,
    ) -> Lengths:
        """How long rows are for a trainer: (n,) tokens, counted for these rows at least.

        ``tokenizer``: ``default``, which counts prompt and response without chat template, a local folder, or
        a name on the hub; those put the row into their chat template.

        Raises:
            ParameterError: there is no such tokenizer.
        """
        if tokenizer == DEFAULT_TOKENIZER:
            return Lengths(self.tokens(on_progress=on_progress))
        key = f"{tokenizer} {exporting.ids_digest([str(row) for row in np.sort(rows)])}"
        return self._lengths.get(
            key, lambda: trainer_lengths(self.dataset, rows, tokenizer, on_progress=on_progress)
        )

    def prepared(
        self,
        chosen: Selection,
        mending: Mending,
        *,
        format: str = "messages",
        on_progress: OnProgress = ignore_progress,
    ) -> exporting.Prepared:
        """The chosen rows as an export would write them after mending, and what was changed and left out.

        Raises:
            ParameterError: the decisions cannot be used, none of the rows is left, or the file is verbatim.
        """
        lengths = self.needed_lengths(chosen.rows, mending, on_progress)
        layout = exporting.layout_of(self.dataset, format)
        return exporting.prepared_rows(self.dataset, chosen.rows, layout, mending, lengths)

    def preflight(
        self,
        chosen: Selection,
        trainer: str,
        *,
        limit: int | None = None,
        tokenizer: str = DEFAULT_TOKENIZER,
        mending: Mending = AS_IS,
        on_progress: OnProgress = ignore_progress,
    ) -> exporting.Preflight:
        """What a trainer would do with the chosen rows, as messages, after mending.

        Raises:
            ParameterError: an unknown trainer or tokenizer, or a limit that is no number of tokens.
        """
        lengths = self.lengths(chosen.rows, tokenizer, on_progress=on_progress)
        rows = exporting.prepare(self.dataset, chosen.rows, mending, lengths)
        return exporting.preflight(
            rows.dataset,
            rows.rows,
            trainer,
            tokens=lengths.tokens,
            limit=limit,
            refused=lengths.refused,
        )

    def needed_lengths(self, rows: Positions, mending: Mending, on_progress: OnProgress) -> Lengths | None:
        """How long rows are, if anything that is left out depends on it."""
        if not {"too-long", "template"} & set(mending.left_out):
            return None
        return self.lengths(rows, mending.tokenizer, on_progress=on_progress)

    def edge(self, chosen: Selection) -> exporting.Edge:
        """The rows on both sides of the cut, nearest first."""
        found = self.border(chosen, AT_THE_CUT)
        return exporting.Edge(found.above, found.below)

    def border(self, chosen: Selection, size: int) -> choosing.Border:
        """At most ``size`` rows on each side of the cut, nearest first.

        An order that ends at the cut says nothing of what comes below: a longer one is made.
        """
        params = chosen.params
        order = self.order(params)
        if len(order) < len(chosen) + size:
            longer = self.order(replace(params, count=len(chosen) + size, max_tokens=None))
            order = longer if np.array_equal(longer[: len(order)], order) else order
        return choosing.border(
            chosen, order, judge=self.judge(params), draw=self.draw(params.seed), size=size
        )
