"""What one session decided: where it stands, as ids and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from core import MapParams
from core.domain import EMBED_CHOICES, JUDGED_CHOICES, OptionValue, Pins, SchemaMapping, SelectParams

# Stage, setting and the name of its box on Load; what has no box goes along as it is.
BOXES = {
    ("embed", "model"): "model",
    ("cluster", "method"): "method",
    ("cluster", "clusters"): "clusters",
    ("project", "n_neighbours"): "n_neighbours",
    ("project", "min_dist"): "min_dist",
    ("project", "seed"): "seed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSettings:
    """What a person may change of the way from texts to map; None is the default.

    more: (stage, name, value) of what no box offers and a recipe may say.
    """

    model: str | None = None
    method: str | None = None
    clusters: int | None = None
    n_neighbours: int | None = None
    min_dist: float | None = None
    seed: int | None = None
    more: tuple[tuple[str, str, OptionValue], ...] = ()

    @classmethod
    def of(cls, params: MapParams) -> MapSettings:
        """The settings that are not at their default, in its box each or among ``more``."""
        default = MapParams().as_dict()
        changed = {
            (stage, name): value
            for stage, values in params.as_dict().items()
            for name, value in values.items()
            if value != default[stage][name]
        }
        boxes = {BOXES[place]: value for place, value in changed.items() if place in BOXES}
        more = tuple((*place, value) for place, value in sorted(changed.items()) if place not in BOXES)
        return cls(**boxes, more=more)

    def by_stage(self) -> dict[str, dict[str, OptionValue]]:
        """The settings as the worker takes them: by stage, only what differs from the defaults."""
        stages: dict[str, dict[str, OptionValue | None]] = {
            "embed": {"model": self.model},
            "cluster": {"method": self.method, "clusters": self.clusters},
            "project": {"n_neighbours": self.n_neighbours, "min_dist": self.min_dist, "seed": self.seed},
        }
        for stage, name, value in self.more:
            stages.setdefault(stage, {}).setdefault(name, value)
        return {
            stage: named
            for stage, values in stages.items()
            if (named := {name: value for name, value in values.items() if value is not None})
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Where a person stands.

    data: "sample" or a path. mapping: how it is read, where that is not what is recognised. embed: what of
    several turns is embedded. keep: keys of shared texts that are embedded all the same. judged: what a judge
    will read. fitted: the dataset whose defaults are filled in.
    seq, ack: the last events of the map that were taken over.
    notes: what was asked for and could not be done, said until the next decision.
    """

    data: str
    mapping: SchemaMapping | None = None
    embed: str = EMBED_CHOICES[0]
    keep: tuple[str, ...] = ()
    judged: str = JUDGED_CHOICES[0]
    fitted: str = ""
    judge: str | None = None
    min_score: float | None = None
    count: int | None = None
    strategy: str = "k-center"
    seed: int = 0
    options: tuple[tuple[str, OptionValue], ...] = ()
    max_tokens: int | None = None
    dedup_distance: float | None = None
    colour: str = "cluster"
    isolated: int | None = None
    map: MapSettings = field(default_factory=MapSettings)
    seq: int = 0
    ack: int = 0
    notes: tuple[str, ...] = ()

    def params(self, pins: Pins) -> SelectParams:
        """The parameters of the selection."""
        return SelectParams(
            judge=self.judge,
            min_score=self.min_score,
            count=self.count,
            strategy=self.strategy,
            seed=self.seed,
            options=self.options,
            pins=pins,
            max_tokens=self.max_tokens,
            dedup_distance=self.dedup_distance,
        )
