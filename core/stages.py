"""The stages of one dataset: each is computed once and read from the store ever after.

What a key holds stands in ``docs/decisions``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core import clustering, neighbours, projection, tokens
from core.domain import (
    EMBED_CHOICES,
    Coords,
    Dataset,
    Labels,
    Neighbours,
    OnProgress,
    Positions,
    Progress,
    Vectors,
    ignore_progress,
)
from core.embedded import embedded
from core.errors import StoreError
from core.keys import MapParams, StageKeys
from core.loading import boilerplate
from core.memo import Memo
from core.memory import give_back
from core.store import Artefact, Key, Part, Store

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).parent.parent / "data" / "store"  # the sample's artefacts


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which cluster each row is in, and what the clusters are called."""

    labels: Labels
    names: Mapping[int, str]  # by label, noise included where there is some


class PartOf(NamedTuple):
    """Some rows of a larger dataset: what is stored of that one need not be made again."""

    whole: Stages
    rows: Positions  # ascending


class Stages:
    """From texts to vectors, neighbours, clusters and coordinates. Safe to share between threads."""

    def __init__(
        self, dataset: Dataset, *, home: Path, params: MapParams, part_of: PartOf | None = None
    ) -> None:
        self.dataset = dataset
        self.params = params
        self.home = home
        self.store = Store(home / "store", shipped=(SHIPPED,))
        self.keys = StageKeys(dataset, params)
        self._stages: Memo[Artefact] = Memo(16)
        self._part_of = part_of
        self._unkept: set[str] = set()  # stages of which the log says that nothing is kept

    def vectors(self, *, on_progress: OnProgress = ignore_progress) -> Vectors:
        """(n, d) unit vectors of the prompts."""
        return self._stage(self.keys.vectors, self._embed, on_progress).array("vectors")

    def neighbours(self, *, on_progress: OnProgress = ignore_progress) -> Neighbours:
        """The nearest rows of every row, by cosine distance."""
        found = self._stage(self.keys.neighbours, self._find_neighbours, on_progress)
        return Neighbours(found.array("indices"), found.array("distances"))

    def exact_neighbours(self, *, on_progress: OnProgress = ignore_progress) -> Neighbours:
        """The 32 nearest rows of every row with none missed; neither the map nor choosing waits for them.

        Of a small dataset they are those of the map, which looked at every pair.
        """
        if len(self.dataset) <= neighbours.EXACT_ROWS:
            return self.neighbours(on_progress=on_progress)
        found = self._stage(self.keys.exact_neighbours, self._complete_neighbours, on_progress)
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

    def prepare(self, *, on_progress: OnProgress = ignore_progress) -> None:
        """The stages that choosing and measuring need, without a map."""
        for stage in (self.tokens, self.vectors, self.neighbours, self.clusters):
            stage(on_progress=on_progress)

    def can_choose(self) -> bool:
        """Whether what ``prepare`` makes is stored."""
        keys = self.keys
        wanted = (keys.tokens, keys.vectors, keys.neighbours, keys.clusters)
        return all(self._find(key) is not None for key in wanted)

    def has_vectors(self) -> bool:
        """Whether the vectors are stored."""
        return self._find(self.keys.vectors) is not None

    def has_neighbours(self) -> bool:
        """Whether the graph of nearest rows is stored."""
        return self._find(self.keys.neighbours) is not None

    def has_exact_neighbours(self) -> bool:
        """Whether the nearest rows are stored with none missed."""
        if len(self.dataset) <= neighbours.EXACT_ROWS:
            return self.has_neighbours()
        return self._find(self.keys.exact_neighbours) is not None

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
    def tokens_are_of_both(self) -> bool:
        """Whether a row's tokens are those of its prompt and its response, and of nothing else."""
        return _is_of_both(self.dataset)

    @property
    def map_key(self) -> str:
        """Names this map with the scores on it: another dataset, judge or setting gives another key."""
        return "-".join(filter(None, (self.work_key, self.dataset.judges_digest[:16])))

    @property
    def work_key(self) -> str:
        """Names the work of making this map: judges have no part in it."""
        parts = self.dataset.fingerprint[:16], self.keys.clusters.digest[:8], self.keys.coords.digest[:8]
        return "-".join(parts)

    def notes(self) -> dict[str, Any]:
        """How the vectors were made: model, digest, precision, what was truncated."""
        found = self._find(self.keys.vectors)
        return dict(found.notes) if found else {}

    def kept(self, key: Key, parts: Mapping[str, Part]) -> Artefact:
        """Store what was computed; where that fails it is said in the log, and what was computed is used.

        Unlike a stage of the map they are soon made again: a full or read-only disk is no reason to refuse.
        """
        try:
            return self.store.put(key, parts)
        except StoreError as error:
            # Once a stage: thirty checks would say the same of one disk.
            level = logging.DEBUG if key.stage in self._unkept else logging.WARNING
            self._unkept.add(key.stage)
            log.log(level, "%s The %s is used now and computed again next time.", error.problem, key.stage)
            return Artefact(parts)

    # How each stage is computed.

    def _embed(self, on_progress: OnProgress) -> Artefact:
        artefact = embedded(
            self.store, self.keys.vectors, self.embedded_texts(), self.params.embed, on_progress=on_progress
        )
        give_back()
        return artefact

    @property
    def embedded_in(self) -> Stages:
        """The dataset that was embedded: this one, or the larger one that its vectors were taken from."""
        key = self.keys.vectors
        return self._part_of.whole if self._part_of and self.store.get(key) is None else self

    def embedded_texts(self) -> list[str]:
        """What is embedded: the prompts without what most of them share."""
        return boilerplate.without(self.dataset.frame["prompt"], self.dataset.left_out).to_list()

    def _find_neighbours(self, on_progress: OnProgress) -> Artefact:
        vectors = self.vectors(on_progress=on_progress)
        found = neighbours.neighbours(vectors, self.params.neighbours, on_progress=on_progress)
        return self.store.put(self.keys.neighbours, found._asdict())

    def _complete_neighbours(self, on_progress: OnProgress) -> Artefact:
        vectors = self.vectors(on_progress=on_progress)
        begun = Progress("exact neighbours", 0, len(vectors))
        known = neighbours.neighbours(
            vectors, neighbours.TO_COMPLETE, on_progress=lambda _: on_progress(begun)
        )
        found = neighbours.completed(vectors, known, on_progress=on_progress)
        return self.kept(self.keys.exact_neighbours, found._asdict())

    def _cluster(self, on_progress: OnProgress) -> Artefact:
        vectors = self.vectors(on_progress=on_progress)
        # HDBSCAN looks at the map, because density means little in hundreds of dimensions.
        coords = self.coords(on_progress=on_progress) if self.keys.clusters_on_the_map else None
        labels = clustering.cluster(vectors, self.params.cluster, coords=coords, on_progress=on_progress)
        on_progress(Progress("names", 0, 1))
        named = clustering.names(self.embedded_texts(), labels)
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
        coords = projection.draft(self.embedded_texts())
        on_progress(Progress("draft map", 1, 1))
        return self.store.put(self.keys.draft, {"coords": coords})

    def _count_tokens(self, on_progress: OnProgress) -> Artefact:
        counts = tokens.count_tokens(*_counted(self.dataset), on_progress=on_progress)
        return self.store.put(self.keys.tokens, {"tokens": counts}, {"tokenizer": tokens.TOKENIZER})

    @cached_property
    def response_chars(self) -> NDArray[np.int64]:
        """(n,) characters of each response."""
        return self.dataset.frame["response"].str.len_chars().cast(pl.Int64).to_numpy()

    def _stage(
        self, key: Key, compute: Callable[[OnProgress], Artefact], on_progress: OnProgress
    ) -> Artefact:
        return self._stages.get(key, lambda: self._stored(key) or compute(on_progress))

    def _find(self, key: Key) -> Artefact | None:
        """The artefact if it is in memory or stored; kept in memory from then on."""
        held = self._stages.peek(key)
        if held is None:
            held = self._stored(key)
            if held is not None:
                self._stages.put(key, held)
        return held

    def _stored(self, key: Key) -> Artefact | None:
        """The artefact if it is stored, or is a part of one of the larger dataset that is."""
        return self.store.get(key) or self._gathered(key)

    def _gathered(self, key: Key) -> Artefact | None:
        """Vectors and tokens of these rows, as they stand among those of all; they take no room on disk."""
        if self._part_of is None or key not in (self.keys.vectors, self.keys.tokens):
            return None
        whole, rows = self._part_of
        name = key.stage
        found = whole._find(getattr(whole.keys, name))
        if found is None:
            return None
        part = found.array(name)[rows]
        part.setflags(write=False)
        return Artefact({name: part}, found.notes)


def _counted(dataset: Dataset) -> tuple[list[str], list[str]]:
    """The texts whose tokens are counted: of an Alpaca row prompt and response, else every message."""
    frame = dataset.frame
    if _is_of_both(dataset):
        return frame["prompt"].to_list(), frame["response"].to_list()
    said = pl.col("messages").list.eval(pl.element().struct.field("content")).list.join("\n\n")
    return frame.select(said).to_series().to_list(), [""] * len(dataset)


def _is_of_both(dataset: Dataset) -> bool:
    return dataset.schema == "alpaca" and dataset.embed == EMBED_CHOICES[0]
