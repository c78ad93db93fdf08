"""A dataset with its stages, store and ledger: choosing, comparing, exporting. The public surface."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from core import exporting, loading, metrics, reporting, selection
from core.cleaning import needed_first, retaken
from core.comparison import Comparison, compare_many
from core.decisions import decisions
from core.domain import (
    EMBED_CHOICES,
    JUDGED_CHOICES,
    Dataset,
    OnProgress,
    Piece,
    Positions,
    Removal,
    SchemaMapping,
    ScoreColumn,
    Selection,
    SelectParams,
    ignore_progress,
)
from core.embedding import EmbedParams
from core.exporting import Mending, Recipe
from core.exporting.mending import AS_IS
from core.keeping_scenes import KeepingScenes
from core.keys import MapParams
from core.loading.sources import expanded
from core.memo import Memo
from core.orders import CONTROL_DRAWS
from core.replay import (
    ON_THE_MAP,
    Replayed,
    as_made,
    map_params,
    needed,
    replay,
    select_params,
    traces,
    with_models_since,
)
from core.stability import Kept, stability
from core.stages import SHIPPED, Clusters

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["CONTROL_DRAWS", "SHIPPED", "Clusters", "MapParams", "Project"]


class Project(KeepingScenes):
    """One dataset and everything computed from it. Safe to share between threads."""

    def __init__(
        self,
        dataset: Dataset,
        *,
        home: Path | str = ".winnow",
        params: MapParams | None = None,
        whole: Project | None = None,
        removals: tuple[Removal, ...] = (),
    ) -> None:
        super().__init__(
            dataset, home=expanded(home), params=params or MapParams(), whole=whole, removals=removals
        )
        self._variants: Memo[Project] = Memo(4)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        home: Path | str = ".winnow",
        params: MapParams | None = None,
        mapping: SchemaMapping | None = None,
        embed: str = EMBED_CHOICES[0],
        keep: Collection[str] = (),
        left_out: Sequence[Piece] | None = None,
        judged: str = JUDGED_CHOICES[0],
        scores: Sequence[ScoreColumn] | None = None,
    ) -> Project:
        """Read a file and open its project; nothing is computed yet, and what killed processes left is freed.

        path: as in ``core.loading.load``, or ``hf://owner/name``, which is fetched into the home if need be.
        mapping and what follows: as in ``core.loading.load``; without them, what is recognised and the first
        user turn, without what most prompts share.
        scores: which columns are judges; None: what was decided in this home, if anything was.

        Raises:
            DataError: the file cannot be read or is of no known shape.
            StoreError: what was decided in this home cannot be read.
        """
        files = loading.opened(path, loading.hub_folder(expanded(home)))
        dataset = loading.load(files, mapping, embed=embed, keep=keep, left_out=left_out, judged=judged)
        project = cls(dataset, home=home, params=params)
        project.store.sweep()
        columns = project.kept_scores() if scores is None else tuple(scores)
        if not columns and not project.judgements.state():
            return project
        return project.with_scores(columns, make=scores is not None)

    @classmethod
    def of_recipe(
        cls,
        recipe: Recipe,
        path: str | Path,
        *,
        home: Path | str = ".winnow",
        model: str | None = None,
        places: Sequence[Path] = (),
    ) -> Project:
        """Open a file with a recipe's settings; ``model`` takes the place of one in a folder elsewhere.

        places: folders where the recipe's score files are looked for, after the folder of the file.
        """
        source = recipe.source
        mapping = loading.from_roles(source.schema_name, source.mapping) if source.mapping else None
        params = map_params(recipe, model=model)
        project = cls.open(
            path, home=home, params=params, mapping=mapping, embed=source.embed, judged=source.judged,
            left_out=[Piece(each.get("place", ""), each.get("text", "")) for each in source.left_out],
            scores=(),
        )  # fmt: skip
        if recipe.scores:
            folders = (Path(project.dataset.source).parent, *places)
            project = project.with_scores([each.decision() for each in recipe.scores], places=folders)
        if project.notes().get("precision") != recipe.vectors.get("precision"):
            return cls(project.dataset, home=home, params=as_made(project.params, recipe))
        return project

    def replay(self, recipe: Recipe, *, on_progress: OnProgress = ignore_progress) -> Replayed:
        """Choose by a recipe again: the same ids, or what differs and why; raises as ``select`` does."""
        project, differences = retaken(self, recipe, on_progress=on_progress)
        replayed = replay(project, recipe, differences, on_progress=on_progress)
        return with_models_since(replayed, self.models_since(each.decision() for each in recipe.scores))

    def reopen_recipe(self, recipe: Recipe) -> tuple[SelectParams, tuple[str, ...]]:
        """Make pins and removals those of a recipe; its decisions, and what to say.

        Either is one step that its Undo takes back. ``cleaned`` gives the project that they are made in.

        Raises:
            ParameterError: it names a judge, strategy, setting or pin that there is not.
            StoreError: the pins cannot be written.
        """
        params = select_params(recipe)
        needed_first(self.whole, recipe)
        there, differences = retaken(self, recipe)
        said = self._restored(there, params.pins, of="the recipe", check=params)
        return params, (*said, *(each.problem for each in differences))

    # Looking, comparing, exporting.

    def measure(
        self, rows: Positions, *, judge: str | None, on_progress: OnProgress = ignore_progress
    ) -> Mapping[str, float]:
        """Every metric of ``metrics.METRICS`` for these rows; nan where there is nothing to measure."""
        return self._measures.of(rows, judge=judge, on_progress=on_progress)

    def control_measures(
        self, size: int, seed: int, *, judge: str | None, on_progress: OnProgress = ignore_progress
    ) -> Mapping[str, float]:
        """Every metric of the random draw of a size; measured once and stored."""
        return self._measures.control(size, seed, judge=judge, on_progress=on_progress)

    def pool_measures(
        self, judge: str | None, *, on_progress: OnProgress = ignore_progress
    ) -> Mapping[str, float]:
        """Every metric of all rows; measured once and stored."""
        return self._measures.pool(judge=judge, on_progress=on_progress)

    def compare(
        self,
        chosen: Selection,
        *,
        draws: int = CONTROL_DRAWS,
        on_progress: OnProgress = ignore_progress,
    ) -> pl.DataFrame:
        """metric | selection | random mean, low, high | pool, with random draws of the same size."""
        judge, size = chosen.params.judge, len(chosen)
        return metrics.table(
            self.measure(chosen.rows, judge=judge, on_progress=on_progress),
            [
                self.control_measures(size, seed, judge=judge, on_progress=on_progress)
                for seed in range(draws)
            ],
            self.pool_measures(judge, on_progress=on_progress),
        )

    def unaided(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> Selection:
        """Choose by the same decisions, with ties broken without the other judges."""
        return self.cut(params, self._orders.unaided(params, on_progress=on_progress))

    def compare_many(
        self,
        selections: Mapping[str, Selection],
        *,
        draws: int = CONTROL_DRAWS,
        on_progress: OnProgress = ignore_progress,
    ) -> Comparison:
        """Up to six selections by name, each beside random draws of its size, and what other judges say.

        Raises:
            ParameterError: there are none, or too many.
        """
        return compare_many(self, selections, draws=draws, on_progress=on_progress)

    def stability(self, chosen: Selection, *, on_progress: OnProgress = ignore_progress) -> tuple[Kept, ...]:
        """How much of a selection stays under other seeds, thresholds, judges and embeddings."""
        return stability(self, chosen, on_progress=on_progress)

    def with_model(self, model: str) -> Project:
        """The same dataset in the same home, seen through another embedding; ``word-counts`` needs none."""
        embed = EmbedParams(model=model)

        whole = self.whole

        def opened() -> Project:
            return Project(whole.dataset, home=self.home, params=replace(self.params, embed=embed))

        return whole._variants.get(model, opened).without(self.removals)

    def figure(self, chosen: Selection | None = None, *, colour_by: str = "cluster") -> go.Figure:
        """The map as a plotly figure; ``colour_by``: cluster, selected, length or the name of a judge."""
        from core import plots

        clusters = self.clusters()
        return plots.map_figure(
            self.coords(),
            labels=clusters.labels,
            names=clusters.names,
            judges=self.judges,
            tokens=self.tokens(),
            chosen=chosen,
            colour_by=colour_by,
        )

    def export(
        self,
        chosen: Selection,
        out: str | Path,
        *,
        format: str = "jsonl",
        spreadsheet: bool = False,
        also: Sequence[str] = (),
        licence: str | None = None,
        report: bool = False,
        mending: Mending = AS_IS,
        why: str = "",
        on_progress: OnProgress = ignore_progress,
    ) -> list[Path]:
        """Write the chosen rows, their ids, the sidecar and the recipe into a folder; the files written.

        ``format``: one of the forms, or ``bundle`` for all that trainers read, with the forms of ``also``.
        With the licence of the source a dataset card is written too; with ``report``, ``report.html``. With
        ``spreadsheet`` a CSV is written that no spreadsheet takes for formulas. ``mending``: what is done to
        rows that trainers do not take as they are; the source and the ids stay. ``why``: a few words
        for card, recipe and report.

        Raises:
            ParameterError: an unknown format or licence, a format that has no place for any of the rows, too
                many words, or a report of nothing.
            StoreError: the folder cannot be written.
        """
        layout = exporting.layout_of(self.dataset, format, spreadsheet=spreadsheet, also=also)
        rows = self.prepared(chosen, mending, format=format)  # before a map is made for the sidecar
        exporting.parts_of(layout, rows.dataset, rows.rows)
        bundle = self.bundle(
            chosen, licence=licence, report=report, mending=mending, format=format, why=why,
            on_progress=on_progress,
        )  # fmt: skip
        return exporting.write_bundle(bundle, expanded(out), format, spreadsheet=spreadsheet, also=also)

    def report(self, chosen: Selection, *, why: str = "", on_progress: OnProgress = ignore_progress) -> bytes:
        """One HTML file that shows the selection to those who have to agree; it needs no network.

        Raises:
            ParameterError: nothing is selected, or the rows are not those that the decisions give.
        """
        bundle = self.bundle(chosen, report=True, why=why, on_progress=on_progress)
        return exporting.bundled_report(bundle)

    def bundle(
        self,
        chosen: Selection,
        *,
        licence: str | None = None,
        report: bool = False,
        mending: Mending = AS_IS,
        format: str = "jsonl",
        why: str = "",
        on_progress: OnProgress = ignore_progress,
    ) -> exporting.Bundle:
        """Everything that an export writes, in memory; the format ``bundle`` has the rows at the cut too."""
        why = exporting.checked_why(why)  # before the work
        clusters = self.clusters(on_progress=on_progress)
        control = self.control(0)[: len(chosen)]
        both = np.union1d(chosen.rows, control)
        told = (
            reporting.report(self, chosen, licence=licence, on_progress=on_progress) if report else None
        )  # before the card, whose figures it makes on the way to its curves
        return exporting.Bundle(
            dataset=self.dataset,
            selection=chosen,
            labels=clusters.labels,
            names=clusters.names,
            coords=self.coords(on_progress=on_progress),
            made=self.notes(),
            map_settings=self.params.as_dict(),
            control=control,
            traces=traces(self, chosen.params, needed(chosen.params) | ON_THE_MAP.keys()),
            card=None if licence is None else self._card(chosen, licence, on_progress),
            report=told,
            out=self._out(),
            mending=mending,
            lengths=self.needed_lengths(both, mending, on_progress),
            ratings=self.score_files(),
            frozen=tuple(each.column for each in self.frozen_models()),
            edge=self.edge(chosen) if format == exporting.EVERYTHING else None,
            why=why,
        )

    def _out(self) -> exporting.Out | None:
        if not self.removals:
            return None
        return exporting.Out(self.whole.dataset, self.removals, self.taken.steps, self.replayable())

    def _card(self, chosen: Selection, licence: str, on_progress: OnProgress) -> exporting.Card:
        strategy = selection.strategy(chosen.params.strategy)
        return exporting.Card(
            exporting.checked_licence(licence),
            self.compare(chosen, on_progress=on_progress),
            decided=f"{decisions(chosen.params, len(chosen), len(self.dataset))}.",
            method=f"{strategy.title}: {strategy.summary} {strategy.source}.",
            languages=self.told_languages(),
            taken_out=tuple(f"{line}." for line in self.taken_in_words()),
            looked=self.looked_for(chosen.rows),
        )
