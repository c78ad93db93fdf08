"""A dataset with its store and ledger: the only module that knows the order of the stages.

Each stage is computed once and read from the store ever after; see ``docs/decisions`` for the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core import clustering, embedding, exporting, loading, metrics, neighbours, projection, selection, tokens
from core.domain import (
    Coords,
    Dataset,
    Judge,
    Labels,
    Neighbours,
    OnProgress,
    Order,
    Pins,
    Positions,
    Progress,
    Selection,
    SelectParams,
    Vectors,
    ignore_progress,
)
from core.draws import Keys
from core.exporting import Recipe
from core.keys import MapParams, StageKeys
from core.ledger import Ledger
from core.loading.sources import expanded
from core.memo import Memo
from core.memory import give_back
from core.orders import CONTROL_DRAWS, Orders
from core.replay import Replayed, as_made, map_params, replay, traces
from core.store import Artefact, Key, Store, StoredParts

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["CONTROL_DRAWS", "SHIPPED", "Clusters", "MapParams", "Project"]

SHIPPED = Path(__file__).parent.parent / "data" / "store"  # the sample's artefacts


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which cluster each row is in, and what the clusters are called."""

    labels: Labels
    names: Mapping[int, str]  # by label, noise included where there is some


class Project:
    """One dataset and everything computed from it. Safe to share between threads."""

    def __init__(
        self, dataset: Dataset, *, home: Path | str = ".winnow", params: MapParams | None = None
    ) -> None:
        self.dataset = dataset
        self.params = params or MapParams()
        self.home = expanded(home)
        self.store = Store(self.home / "store", shipped=(SHIPPED,))
        self.ledger = Ledger(self.home / "ledger.sqlite")
        self.keys = StageKeys(dataset, self.params)
        self._stages: Memo[Artefact] = Memo(16)
        self._orders = Orders(self)

    @classmethod
    def open(
        cls, path: str | Path, *, home: Path | str = ".winnow", params: MapParams | None = None
    ) -> Project:
        """Read a file and open its project; nothing is computed yet, and what killed processes left is freed.

        Raises:
            DataError: the file cannot be read or is of no known shape.
        """
        project = cls(loading.load(path), home=home, params=params)
        project.store.sweep()
        return project

    @classmethod
    def of_recipe(
        cls, recipe: Recipe, path: str | Path, *, home: Path | str = ".winnow", model: str | None = None
    ) -> Project:
        """Open a file with a recipe's settings; ``model`` takes the place of one in a folder elsewhere."""
        project = cls.open(path, home=home, params=map_params(recipe, model=model))
        if project.notes().get("precision") != recipe.vectors.get("precision"):
            return cls(project.dataset, home=home, params=as_made(project.params, recipe))
        return project

    @property
    def judges(self) -> Mapping[str, Judge]:
        """name -> judge, with its scale and its scored and unscored counts."""
        return self.dataset.judges

    # The stages, each from the store or computed now.

    def vectors(self, *, on_progress: OnProgress = ignore_progress) -> Vectors:
        """(n, d) unit vectors of the prompts."""
        return self._stage(self.keys.vectors, self._embed, on_progress).array("vectors")

    def neighbours(self, *, on_progress: OnProgress = ignore_progress) -> Neighbours:
        """The nearest rows of every row, by cosine distance."""
        found = self._stage(self.keys.neighbours, self._find_neighbours, on_progress)
        return Neighbours(found.array("indices"), found.array("distances"))

    def labels(self, *, on_progress: OnProgress = ignore_progress) -> Labels:
        """(n,) cluster of every row, 0 the largest; -1 is noise."""
        return self.clusters(on_progress=on_progress).labels

    def clusters(self, *, on_progress: OnProgress = ignore_progress) -> Clusters:
        """The clusters of all rows, with names."""
        found = self._stage(self.keys.clusters, self._cluster, on_progress)
        table = found.table("names")
        return Clusters(found.array("labels"), dict(zip(table["label"], table["name"], strict=True)))

    def coords(self, *, on_progress: OnProgress = ignore_progress) -> Coords:
        """(n, 2) the map."""
        return self._stage(self.keys.coords, self._project, on_progress).array("coords")

    def draft(self, *, on_progress: OnProgress = ignore_progress) -> Coords:
        """(n, 2) a rough map from word counts, there within seconds."""
        return self._stage(self.keys.draft, self._draft, on_progress).array("coords")

    def tokens(self, *, on_progress: OnProgress = ignore_progress) -> NDArray[np.int32]:
        """(n,) tokens of each row, prompt and response together."""
        return self._stage(self.keys.tokens, self._count_tokens, on_progress).array("tokens")

    def build(self, *, on_progress: OnProgress = ignore_progress) -> None:
        """Every stage in turn, the draft map first; what is stored already is not computed again."""
        for stage in (self.draft, self.tokens, self.vectors, self.neighbours, self.clusters, self.coords):
            stage(on_progress=on_progress)

    def has_map(self) -> bool:
        """Whether every stage is stored."""
        keys = self.keys
        wanted = (keys.tokens, keys.vectors, keys.neighbours, keys.clusters, keys.coords)
        return all(self._find(key) is not None for key in wanted)

    def has_draft(self) -> bool:
        """Whether the draft map is stored."""
        return self._find(self.keys.draft) is not None

    def has_tokens(self) -> bool:
        """Whether the tokens are counted."""
        return self._find(self.keys.tokens) is not None

    @property
    def map_key(self) -> str:
        """Names this map: another dataset or other settings give another key."""
        parts = self.dataset.fingerprint[:16], self.keys.clusters.digest[:8], self.keys.coords.digest[:8]
        return "-".join(parts)

    def notes(self) -> dict[str, Any]:
        """How the vectors were made: model, digest, precision, what was truncated."""
        found = self._find(self.keys.vectors)
        return dict(found.notes) if found else {}

    # Choosing.

    @property
    def pins(self) -> Pins:
        """What people pinned in this dataset."""
        return self.ledger.pins(self.dataset.fingerprint)

    def select(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> Selection:
        """Choose rows; pins are those in ``params``.

        Raises:
            ParameterError: an unknown judge, strategy, setting or pin.
        """
        return self.cut(params, self.order(params, on_progress=on_progress))

    def cut(self, params: SelectParams, order: Order) -> Selection:
        """A slice of an order that ``order`` or ``ready_order`` gave for the same parameters."""
        return selection.cut(
            params,
            ids=self.dataset.frame["id"],
            order=order,
            judge=self._orders.judge(params),
            pins=self._orders.pinned(params.pins),
        )

    def order(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> Order:
        """Rows in the sequence of choice, pins first; long enough for the count, or complete."""
        return self._orders.order(params, on_progress=on_progress)

    def ready_order(self, params: SelectParams) -> Order | None:
        """The order, if it is in memory; a strategy that takes no time is computed at once."""
        return self._orders.ready(params)

    def curve(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> metrics.Curve:
        """How the selection covers the pool as its count grows, for this order."""
        return self._orders.curve(params, on_progress=on_progress)

    def ready_curve(self, params: SelectParams) -> metrics.Curve | None:
        """The curve, if it is in memory."""
        return self._orders.ready_curve(params)

    def curve_limit(self, params: SelectParams) -> int:
        """How long the order and the curve of these parameters are; counts below it share them."""
        return self._orders.limit(params)

    def draw(self, seed: int) -> Keys:
        """(n,) a random number a row, from the seed and its id."""
        return self._orders.draw(seed)

    def control(self, seed: int) -> Positions:
        """(n,) every row in random sequence: the control of size N is its first N."""
        return self._orders.control(seed)

    def control_curve(
        self, params: SelectParams, seed: int, *, on_progress: OnProgress = ignore_progress
    ) -> metrics.Curve:
        """How a random draw covers the pool as its count grows; the same for every selection of a length."""
        return self._orders.control_curve(params, seed, on_progress=on_progress)

    def ready_control_curves(self, params: SelectParams) -> list[metrics.Curve] | None:
        """The curves of all control draws, if they are in memory."""
        return self._orders.ready_control_curves(params)

    def positions(self, ids: frozenset[str]) -> Positions:
        """Where rows with these ids are, ascending.

        Raises:
            ParameterError: an id is not in the dataset.
        """
        return self._orders.positions(ids)

    def replay(self, recipe: Recipe, *, on_progress: OnProgress = ignore_progress) -> Replayed:
        """Choose by a recipe again: the same ids, or what differs and why; raises as ``select`` does."""
        return replay(self, recipe, on_progress=on_progress)

    # Looking, comparing, exporting.

    def pool(self, judge: str | None) -> metrics.Pool:
        """What the metrics look at."""
        return metrics.Pool(
            vectors=self.vectors(),
            labels=self.labels(),
            tokens=self.tokens(),
            response_chars=self.response_chars,
            scores=self.judges[judge].scores if judge else None,
        )

    def compare(self, chosen: Selection, *, draws: int = CONTROL_DRAWS) -> pl.DataFrame:
        """metric | selection | random mean, low, high | pool, with random draws of the same size."""
        pool = self.pool(chosen.params.judge)
        control = [metrics.figures(pool, self.control(seed)[: len(chosen)]) for seed in range(draws)]
        everything = np.arange(len(self.dataset))
        return metrics.table(
            metrics.figures(pool, chosen.rows), control, metrics.cheap_figures(pool, everything)
        )

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
        licence: str | None = None,
        on_progress: OnProgress = ignore_progress,
    ) -> list[Path]:
        """Write the chosen rows, their ids, the sidecar and the recipe into a folder; the files written.

        With the licence of the source a dataset card is written too.

        Raises:
            ParameterError: an unknown format or licence.
            StoreError: the folder cannot be written.
        """
        exporting.training_format(format)  # said before a map is made for the sidecar
        bundle = self.bundle(chosen, licence=licence, on_progress=on_progress)
        return exporting.write_bundle(bundle, expanded(out), format)

    def bundle(
        self, chosen: Selection, *, licence: str | None = None, on_progress: OnProgress = ignore_progress
    ) -> exporting.Bundle:
        """Everything that an export writes, in memory."""
        clusters = self.clusters(on_progress=on_progress)
        return exporting.Bundle(
            dataset=self.dataset,
            selection=chosen,
            labels=clusters.labels,
            names=clusters.names,
            coords=self.coords(on_progress=on_progress),
            made=self.notes(),
            map_settings=self.params.as_dict(),
            control=self.control(0)[: len(chosen)],
            traces=traces(self, chosen.params.strategy),
            card=None if licence is None else exporting.Card(licence, self.compare(chosen)),
        )

    # How each stage is computed.

    def _embed(self, on_progress: OnProgress) -> Artefact:
        parts = StoredParts(self.store, self.keys.vectors)
        texts = self.dataset.frame["prompt"].to_list()
        settings = self.params.embed
        made = embedding.embed(texts, settings, on_progress=on_progress, parts=parts)
        artefact = self.store.put(
            self.keys.vectors,
            {"vectors": made.vectors},
            {
                "model": settings.model,
                "digest": made.digest,
                "precision": made.precision,
                "device": made.device,
                "truncated": made.truncated,
                "empty": made.empty,
                "note": made.note,
            },
        )
        parts.drop(len(texts) // settings.part_texts + 1)
        del made
        give_back()
        return artefact

    def _find_neighbours(self, on_progress: OnProgress) -> Artefact:
        vectors = self.vectors(on_progress=on_progress)
        found = neighbours.neighbours(vectors, self.params.neighbours, on_progress=on_progress)
        return self.store.put(self.keys.neighbours, found._asdict())

    def _cluster(self, on_progress: OnProgress) -> Artefact:
        vectors = self.vectors(on_progress=on_progress)
        # HDBSCAN looks at the map, because density means little in hundreds of dimensions.
        coords = self.coords(on_progress=on_progress) if self.keys.clusters_on_the_map else None
        labels = clustering.cluster(vectors, self.params.cluster, coords=coords, on_progress=on_progress)
        on_progress(Progress("names", 0, 1))
        named = clustering.names(self.dataset.frame["prompt"].to_list(), labels)
        table = pl.DataFrame(
            {"label": list(named), "name": list(named.values())},
            schema={"label": pl.Int32, "name": pl.String},
        )
        return self.store.put(self.keys.clusters, {"labels": labels, "names": table})

    def _project(self, on_progress: OnProgress) -> Artefact:
        graph = self.neighbours(on_progress=on_progress)
        coords = projection.project(self.vectors(), graph, self.params.project, on_progress=on_progress)
        return self.store.put(self.keys.coords, {"coords": coords})

    def _draft(self, on_progress: OnProgress) -> Artefact:
        on_progress(Progress("draft map", 0, 1))
        coords = projection.draft(self.dataset.frame["prompt"].to_list())
        on_progress(Progress("draft map", 1, 1))
        return self.store.put(self.keys.draft, {"coords": coords})

    def _count_tokens(self, on_progress: OnProgress) -> Artefact:
        frame = self.dataset.frame
        counts = tokens.count_tokens(
            frame["prompt"].to_list(), frame["response"].to_list(), on_progress=on_progress
        )
        return self.store.put(self.keys.tokens, {"tokens": counts}, {"tokenizer": tokens.TOKENIZER})

    @cached_property
    def response_chars(self) -> NDArray[np.int64]:
        """(n,) characters of each response."""
        return self.dataset.frame["response"].str.len_chars().cast(pl.Int64).to_numpy()

    def _stage(
        self, key: Key, compute: Callable[[OnProgress], Artefact], on_progress: OnProgress
    ) -> Artefact:
        return self._stages.get(key, lambda: self.store.get(key) or compute(on_progress))

    def _find(self, key: Key) -> Artefact | None:
        """The artefact if it is in memory or stored; kept in memory from then on."""
        held = self._stages.peek(key)
        if held is None:
            held = self.store.get(key)
            if held is not None:
                self._stages.put(key, held)
        return held
