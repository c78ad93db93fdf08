"""The names of everything that is stored for a dataset: each holds the digests of what it was made from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from core import clustering, embedding, metrics, neighbours, projection, selection, tokens
from core.domain import Dataset, SelectParams
from core.encoders import folder_digest
from core.selection import semdedup
from core.store import Key

CURVE_VERSION = 3  # raised when the same rows would get another curve


@dataclass(frozen=True, slots=True, kw_only=True)
class MapParams:
    """The settings of every stage from texts to map."""

    embed: embedding.EmbedParams = field(default_factory=embedding.EmbedParams)
    neighbours: neighbours.NeighbourParams = field(default_factory=neighbours.NeighbourParams)
    cluster: clustering.ClusterParams = field(default_factory=clustering.ClusterParams)
    project: projection.ProjectParams = field(default_factory=projection.ProjectParams)

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Every setting, by stage."""
        return dataclasses.asdict(self)


class StageKeys:
    """The key of each stage of one dataset under one set of settings."""

    def __init__(self, dataset: Dataset, params: MapParams) -> None:
        self._dataset = dataset
        self._settings = params.as_dict()

    @cached_property
    def vectors(self) -> Key:
        """Of the prompts and the model alone: files with the same prompts share it."""
        settings = dict(self._settings["embed"])
        digest = folder_digest(settings["model"])
        if digest is not None:
            settings["folder"] = digest
        return Key.of("vectors", embedding.VERSION, text=self._dataset.text_fingerprint, **settings)

    @cached_property
    def neighbours(self) -> Key:
        """Of the vectors."""
        settings = self._settings["neighbours"]
        return Key.of("neighbours", neighbours.VERSION, vectors=self.vectors.digest, **settings)

    @cached_property
    def exact_neighbours(self) -> Key:
        """Of the vectors alone: none is missed, however they were looked for."""
        k = neighbours.TO_COMPLETE.k
        return Key.of("exact-neighbours", neighbours.VERSION, vectors=self.vectors.digest, k=k)

    @cached_property
    def coords(self) -> Key:
        """Of the neighbours."""
        settings = self._settings["project"]
        return Key.of("coords", projection.VERSION, neighbours=self.neighbours.digest, **settings)

    @property
    def clusters_on_the_map(self) -> bool:
        """Whether clusters are found among the coordinates, not the vectors."""
        return bool(self._settings["cluster"]["method"] == "hdbscan")

    @cached_property
    def clusters(self) -> Key:
        """Of the vectors, and of the coordinates where the method looks at them."""
        settings = dict(self._settings["cluster"])
        if self.clusters_on_the_map:
            settings["coords"] = self.coords.digest
        return Key.of("clusters", clustering.VERSION, vectors=self.vectors.digest, **settings)

    @cached_property
    def draft(self) -> Key:
        """Of the prompts."""
        return Key.of("draft", projection.VERSION, text=self._dataset.text_fingerprint)

    @cached_property
    def tokens(self) -> Key:
        """Of the whole content."""
        return Key.of("tokens", tokens.VERSION, dataset=self._dataset.fingerprint)

    def order(self, params: SelectParams, limit: int) -> Key:
        """Of one strategy with its settings; neither the count nor the pins are part of it."""
        strategy = selection.strategy(params.strategy)
        settings = {
            name: value if isinstance(value, str) else float(value)
            for name, value in strategy.settings(params).items()
        }
        more = {} if params.dedup_distance is None else {"near_copies": self.near_copies(params).digest}
        return Key.of(
            "order",
            strategy.version,
            dataset=self._dataset.scored_fingerprint,
            neighbours=self.neighbours.digest,
            clusters=self.clusters.digest,
            strategy=strategy.name,
            judge=params.judge,
            min_score=None if params.min_score is None else float(params.min_score),  # 4 is 4.0
            seed=int(params.seed),
            options=repr(sorted(settings.items())),
            limit=limit,
            **more,
        )

    def near_copies(self, params: SelectParams) -> Key:
        """Of what makes copies near and one of them better; the threshold is no part of it."""
        assert params.dedup_distance is not None
        further = selection.strategy(params.strategy).further_judges(params)
        more = {"further": repr(sorted(further.values()))} if further else {}
        return Key.of(
            "near-copies",
            semdedup.VERSION,
            dataset=self._dataset.scored_fingerprint,
            neighbours=self.neighbours.digest,
            clusters=self.clusters.digest,
            judge=params.judge,
            seed=int(params.seed),
            distance=float(params.dedup_distance),
            **more,
        )

    def control_curve(self, seed: int, limit: int) -> Key:
        """Of one random draw of a length."""
        return Key.of(
            "control-curve",
            CURVE_VERSION,
            dataset=self._dataset.fingerprint,
            neighbours=self.neighbours.digest,
            seed=seed,
            limit=limit,
        )

    def control_measures(self, seed: int, size: int) -> Key:
        """Of one random draw of a size: the metrics that no judge has a part in."""
        return Key.of(
            "control-measures",
            metrics.VERSION,
            dataset=self._dataset.fingerprint,
            vectors=self.vectors.digest,
            clusters=self.clusters.digest,
            tokens=self.tokens.digest,
            seed=seed,
            size=size,
        )

    def control_sizes(self, seed: int, counts: list[int]) -> Key:
        """Of one random draw at these counts."""
        return Key.of(
            "control-sizes",
            CURVE_VERSION,
            dataset=self._dataset.fingerprint,
            neighbours=self.neighbours.digest,
            seed=seed,
            counts=" ".join(map(str, counts)),
        )
