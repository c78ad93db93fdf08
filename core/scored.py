"""The half of a project that decides which columns are judges."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from core import indicator, llm_judges, model_scores, scoring, trust
from core.aggregates import aggregated
from core.cleaning import Cleanable
from core.domain import Judge, ScoreColumn, Scores, Selection, SelectParams
from core.errors import DataError, StoreError
from core.families import Families
from core.family_table import FamilyTable
from core.judgements import Judgements
from core.memo import Memo
from core.model_facts import ModelFacts
from core.model_scores import Frozen
from core.score_table import ScoreTable
from core.score_values import checked
from core.selection import strategy
from core.selection.repaired import repaired
from core.store import Key

log = logging.getLogger(__name__)


class Scored(Cleanable):
    """A project whose judges are columns of its dataset or of other files. Safe to share between threads."""

    def _begin(self) -> None:
        super()._begin()
        self._score_table = ScoreTable(self.home / "ledger.sqlite", self.dataset.origin)
        self._family_table = FamilyTable(self.home / "ledger.sqlite", self.dataset.origin)
        self._overall: Memo[trust.Overall] = Memo(4)
        self._frozen: Memo[tuple[Frozen, ...]] = Memo(1)

    @property
    def scores(self) -> tuple[ScoreColumn, ...]:
        """What was decided about the judges of this project; empty where they are those that were found."""
        return self.dataset.scores

    def kept_scores(self) -> tuple[ScoreColumn, ...]:
        """What this home holds about the judges of this dataset, by whomever it was decided."""
        return self._score_table.columns()

    def score_steps(self) -> int:
        """How many steps ``undo_scores`` can take back."""
        return self._score_table.steps()

    @property
    def judgements(self) -> Judgements:
        """What models said about rows, in this home."""
        return Judgements(self.home / llm_judges.FILE)

    def examine_scores(self, column: ScoreColumn, opened: scoring.Opened | None = None) -> scoring.Examined:
        """What a decision about a judge would give: match, ranges, cells that are no scores, examples.

        Raises:
            DataError: the file cannot be read or joined, or has no such column.
            ParameterError: the decision cannot be carried out.
        """
        return scoring.examine(self.whole.dataset, checked(column), opened)

    def with_scores(
        self, columns: Sequence[ScoreColumn], *, places: Sequence[Path] = (), make: bool = True
    ) -> Self:
        """The same dataset in the same home with these decisions about its judges, instead of any others.

        Vectors, clusters, map, pins and scenes stay; orders and figures are those of the new judges. A
        judge whose file is gone or altered is left out and stands in ``dataset.lost``, unless its scores are
        in the store. Models that have scored any row are judges as well. ``places``: folders where a file
        that has moved is looked for, before that of the data. Without ``make`` nothing heavy is begun: a
        repaired judge that is not stored is left out until there is a map.

        Raises:
            ParameterError: a decision cannot be carried out.
        """
        if self.removals:
            return self.whole.with_scores(columns, places=places, make=make).without(self.removals)
        columns = tuple(checked(each) for each in columns)
        dataset = scoring.with_scores(
            self.dataset,
            columns,
            lambda each: self._found(each, places),
            lambda each, judges: self._aggregated(each, judges, make=make),
            beside=llm_judges.llm_judges(self.dataset, home=self.home),
        )
        return type(self)(dataset, home=self.home, params=self.params)

    def keep_scores(self, columns: Sequence[ScoreColumn], *, places: Sequence[Path] = ()) -> Self:
        """Make these the decisions of this home, as one step that ``undo_scores`` takes back.

        places: folders where a file that has moved is looked for.

        Raises:
            DataError: a score file cannot be read and is not in ``dataset.lost``, or a column gives no row a
                score; nothing is kept.
            StoreError: the decision cannot be written; what was decided before is untouched.
        """
        columns = tuple(checked(each) for each in columns)
        lost = {each.column for each in self.dataset.lost}  # it is said already that these are not there
        for each in columns:
            if not (each.off or each.rule or each in lost):
                self.whole._found(each, places)
        project = self.with_scores(columns, places=places)
        if len(project.dataset.lost) > len(self.dataset.lost):
            last = project.dataset.lost[-1]
            raise DataError(f"The judge {last.column.name} cannot be made.", last.why)
        self._score_table.keep(columns)
        return project

    def undo_scores(self) -> Self:
        """Take back the last step of ``keep_scores``; raises ``StoreError`` where that cannot be written."""
        self._score_table.undo()
        return self.with_scores(self.kept_scores())

    def families(self) -> Families:
        """Who wrote the responses, who will evaluate, and of which family the judges are, as far as said."""
        return self._family_table.families()

    def keep_families(self, families: Families) -> None:
        """Say it anew; raises ``StoreError`` where that cannot be written."""
        self._family_table.keep(families)

    def trust(
        self,
        params: SelectParams,
        *,
        judges: Sequence[str] | None = None,
        chosen: Selection | None = None,
    ) -> trust.Trust:
        """How far these judges can be trusted with a choice; ``core.trust_reading`` puts it in words.

        Args:
            params: whose judge and threshold are looked at.
            judges: names; None: all that are no aggregates.
            chosen: the selection of these parameters, where it is there already.

        Raises:
            ParameterError: fewer than two judges, or one that there is not.
        """
        names = trust.chosen_judges(self, judges)
        whole = self._overall.get(names, lambda: trust.overall(self, names))
        return trust.trust(self, names, params, chosen=chosen, whole=whole, families=self.families())

    def has_trust(self, judges: Sequence[str] | None = None) -> bool:
        """Whether what takes time of ``trust`` is in memory; raises as ``trust`` does."""
        return self._overall.peek(trust.chosen_judges(self, judges)) is not None

    def _found(self, column: ScoreColumn, places: Sequence[Path] = ()) -> Scores:
        """The scores; those of another file are kept in the store, so that they outlive it.

        So is the offline indicator, which takes seconds.
        """
        made = scoring.is_indicator(self.dataset, column)
        if column.file is None and not made:
            return scoring.scores_of(self.dataset, column)
        of = f"{scoring.key_of(column)} {indicator.VERSION} {self.dataset.judged}" if made else ""
        key = Key.of(
            "scores", scoring.VERSION, dataset=self.dataset.fingerprint, column=of or scoring.key_of(column)
        )
        stored = self.store.get(key)
        if stored is not None:
            return np.asarray(stored.array("scores"))
        places = (*places, Path(self.dataset.source).parent)
        scores = (
            self._unfrozen(column, places)
            if column.model
            else scoring.scores_of(self.dataset, column, places)
        )
        try:
            where = column.file.name if column.file else ""
            self.store.put(key, {"scores": scores}, {"file": where, "column": column.column})
        except StoreError as error:
            log.warning("%s The scores of %s are read from their file again.", error.problem, column.name)
        return scores

    # Models that are judges, frozen.

    def frozen_models(self) -> tuple[Frozen, ...]:
        """The models that are judges by the ledger of this home, each with its scores as a file.

        They are the scores of this project, which has not heard what was judged since it was opened.
        """
        whole = self.whole.dataset

        def made() -> tuple[Frozen, ...]:
            asked = model_scores.live(whole, self.judgements)
            found = [
                model_scores.freeze(whole, each, self.judgements, whole.judges[each.judge.title].scores)
                for each in asked
            ]
            return tuple(each for each in found if each is not None)

        return self.whole._frozen.get(self.judgements.state(), made)

    def models(self) -> dict[str, ModelFacts]:
        """What is known of each judge that is a model, by its name: of this home or frozen."""
        columns = [*(each.column for each in self.frozen_models()), *self.scores]
        return {
            each.name: ModelFacts.model_validate_json(each.model)
            for each in columns
            if each.model and not each.off
        }

    def asked_models(self) -> dict[str, tuple[str, str]]:
        """Judge -> model and rubric, of the judges by the ledger of this home; quick."""
        asked = model_scores.live(self.whole.dataset, self.judgements)
        return {each.judge.title: (each.judge.model, each.judge.rubric.name) for each in asked}

    def model_files(self) -> dict[str, str]:
        """name -> content of the frozen scores behind the judges; an export with them replays anywhere."""
        files = {each.column.file.name: each.content for each in self.frozen_models() if each.column.file}
        for each in self.scores:
            if each.model and each.file is not None:
                content, _ = model_scores.content_of(each.file, [self.home / model_scores.FOLDER])
                files |= {} if content is None else {each.file.name: content}
        return files

    def without_own(self, columns: Iterable[ScoreColumn]) -> tuple[ScoreColumn, ...]:
        """Decisions of a recipe but for frozen scores that are, to the byte, what this home's models said."""
        return tuple(
            each
            for each in columns
            if not (
                each.model
                and (here := self._here(each.name)) is not None
                and (here.column.file, here.column.column) == (each.file, each.column)
            )
        )

    def models_since(self, columns: Iterable[ScoreColumn]) -> dict[str, str]:
        """Judge -> what is other by now about the model whose frozen scores these are, in words."""
        said = {each.name: model_scores.since(each, self._here(each.name)) for each in columns if each.model}
        return {name: words for name, words in said.items() if words}

    def _here(self, name: str) -> Frozen | None:
        """The model of that name in this home's ledger with all that it said by now."""
        for each in self.judgements.judges():
            if each.judge.title == name:
                return model_scores.freeze(self.whole.dataset, each, self.judgements)
        return None

    def _unfrozen(self, column: ScoreColumn, places: Sequence[Path]) -> Scores:
        """The scores of a file, or of this home's model where it said the very same."""
        assert column.file is not None
        folder = self.home / model_scores.FOLDER
        content, altered = model_scores.content_of(column.file, (folder, *places))
        if content is None:
            here = self._here(column.name)
            if here is None or here.column.file is None or here.column.file.sha256 != column.file.sha256:
                raise model_scores.missing(column, here, altered=altered)
            content = here.content
        scores = model_scores.scores_in(self.dataset, column, content)
        model_scores.keep(folder, column.file, content)
        return scores

    def _aggregated(self, column: ScoreColumn, judges: Mapping[str, Judge], *, make: bool) -> Scores:
        return aggregated(
            column.rule,
            [judges[name].scores for name in column.of],
            lengths=self.response_chars,
            repair=lambda scores: self._repaired(scores, make=make),
        )

    def _repaired(self, scores: Scores, *, make: bool) -> Scores:
        """What neighbours leave of the scores, with the strategy's first settings; kept in the store."""
        method = strategy("repaired")
        settings = {option.name: float(option.default) for option in method.options}
        key = Key.of(
            "repaired",
            method.version,
            neighbours=self.keys.neighbours.digest,
            dataset=self.dataset.fingerprint,
            scores=hashlib.sha256(scores.tobytes()).hexdigest(),
            **settings,
        )
        stored = self.store.get(key)
        if stored is not None:
            return np.asarray(stored.array("scores"))
        if not make and not self.can_choose():
            raise DataError(
                "Repairing asks the neighbours of a row, and there is no map yet.", "Make the map."
            )
        found = repaired(
            scores,
            self.neighbours(),
            self.draw(0),
            voters=int(settings["voters"]),
            confidence=settings["confidence"],
        )
        self.store.put(
            key,
            {"scores": found},
            {"repaired": int((found[~np.isnan(scores)] != scores[~np.isnan(scores)]).sum())},
        )
        return found
