"""A dataset with its store and ledger: the only module that knows the order of the stages.

Each stage is computed once and read from the store ever after; see ``docs/decisions`` for the keys.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
from core.draws import Keys, draws, id_keys
from core.errors import ParameterError
from core.ledger import Ledger
from core.memo import Memo
from core.store import Artefact, Key, Store, StoredParts

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHIPPED = Path(__file__).parent.parent / "data" / "store"  # the sample's artefacts
FIRST_LIMIT = 1000  # slow orders are made to this length, then to twice that, and so on
CONTROL_DRAWS = 5
NOISE_NAME = "noise"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapParams:
    """The settings of every stage from texts to map."""

    embed: embedding.EmbedParams = field(default_factory=embedding.EmbedParams)
    neighbours: neighbours.NeighbourParams = field(default_factory=neighbours.NeighbourParams)
    cluster: clustering.ClusterParams = field(default_factory=clustering.ClusterParams)
    project: projection.ProjectParams = field(default_factory=projection.ProjectParams)


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
        self.home = Path(home)
        self.store = Store(self.home / "store", shipped=(SHIPPED,))
        self.ledger = Ledger(self.home / "ledger.sqlite")
        self._stages: Memo[Artefact] = Memo(16)
        self._orders: Memo[Order] = Memo(64)
        self._curves: Memo[metrics.Curve] = Memo(256)
        self._controls: Memo[Positions] = Memo(32)

    @classmethod
    def open(
        cls, path: str | Path, *, home: Path | str = ".winnow", params: MapParams | None = None
    ) -> Project:
        """Read a file and open its project; nothing is computed yet.

        Raises:
            DataError: the file cannot be read or is of no known shape.
        """
        return cls(loading.load(path), home=home, params=params)

    @property
    def judges(self) -> Mapping[str, Judge]:
        """name -> judge, with its scale and its scored and unscored counts."""
        return self.dataset.judges

    # The stages, each from the store or computed now.

    def vectors(self, *, on_progress: OnProgress = ignore_progress) -> Vectors:
        """(n, d) unit vectors of the prompts."""
        return self._stage(self._vectors_key, self._embed, on_progress).array("vectors")

    def neighbours(self, *, on_progress: OnProgress = ignore_progress) -> Neighbours:
        """The nearest rows of every row, by cosine distance."""
        found = self._stage(self._neighbours_key, self._find_neighbours, on_progress)
        return Neighbours(found.array("indices"), found.array("distances"))

    def labels(self, *, on_progress: OnProgress = ignore_progress) -> Labels:
        """(n,) cluster of every row, 0 the largest; -1 is noise."""
        return self.clusters(on_progress=on_progress).labels

    def clusters(self, *, on_progress: OnProgress = ignore_progress) -> Clusters:
        """The clusters of all rows, with names."""
        found = self._stage(self._clusters_key, self._cluster, on_progress)
        table = found.table("names")
        return Clusters(found.array("labels"), dict(zip(table["label"], table["name"], strict=True)))

    def coords(self, *, on_progress: OnProgress = ignore_progress) -> Coords:
        """(n, 2) the map."""
        return self._stage(self._coords_key, self._project, on_progress).array("coords")

    def draft(self, *, on_progress: OnProgress = ignore_progress) -> Coords:
        """(n, 2) a rough map from word counts, there within seconds."""
        return self._stage(self._draft_key, self._draft, on_progress).array("coords")

    def tokens(self, *, on_progress: OnProgress = ignore_progress) -> NDArray[np.int32]:
        """(n,) tokens of each row, prompt and response together."""
        return self._stage(self._tokens_key, self._count_tokens, on_progress).array("tokens")

    def build(self, *, on_progress: OnProgress = ignore_progress) -> None:
        """Every stage in turn, the draft map first; what is stored already is not computed again."""
        for stage in (self.draft, self.tokens, self.vectors, self.neighbours, self.clusters, self.coords):
            stage(on_progress=on_progress)

    def has_map(self) -> bool:
        """Whether every stage is stored."""
        keys = (
            self._tokens_key,
            self._vectors_key,
            self._neighbours_key,
            self._clusters_key,
            self._coords_key,
        )
        return all(self._find(key) is not None for key in keys)

    def has_draft(self) -> bool:
        """Whether the draft map is stored."""
        return self._find(self._draft_key) is not None

    def has_tokens(self) -> bool:
        """Whether the tokens are counted."""
        return self._find(self._tokens_key) is not None

    @property
    def map_key(self) -> str:
        """Names this map: another dataset or other settings give another key."""
        return (
            f"{self.dataset.fingerprint[:16]}-{self._clusters_key.digest[:8]}-{self._coords_key.digest[:8]}"
        )

    def notes(self) -> dict[str, Any]:
        """How the vectors were made: model, digest, precision, what was truncated."""
        found = self._find(self._vectors_key)
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
            judge=self._judge(params),
            pins=self._pinned(params.pins),
        )

    def order(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> Order:
        """Rows in the sequence of choice, pins first; long enough for the count, or complete."""
        limit = self._limit(params)
        base = self._orders.get(self._base(params, limit), lambda: self._compute(params, limit, on_progress))
        return self._with_pins(base, params)

    def ready_order(self, params: SelectParams) -> Order | None:
        """The order, if it is in memory; a strategy that takes no time is computed at once."""
        strategy = selection.strategy(params.strategy)
        if not strategy.slow:
            return self.order(params)
        base = self._orders.peek(self._base(params, self._limit(params)))
        return None if base is None else self._with_pins(base, params)

    def begun_order(self, params: SelectParams) -> Order | None:
        """The longest order in memory that begins the wanted one, which is not there yet."""
        limit = self._limit(params)
        while limit > FIRST_LIMIT:
            limit //= 2
            base = self._orders.peek(self._base(params, limit))
            if base is not None:
                return self._with_pins(base, params)
        return None

    def curve(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> metrics.Curve:
        """How the selection covers the pool as its count grows, for this order."""
        limit = self._limit(params)
        key = (self._base(params, limit), params.pins)
        return self._curves.get(key, lambda: self._cover(self.order(params)[:limit], on_progress))

    def ready_curve(self, params: SelectParams) -> metrics.Curve | None:
        """The curve, if it is in memory."""
        return self._curves.peek((self._base(params, self._limit(params)), params.pins))

    def curve_limit(self, params: SelectParams) -> int:
        """How long the order and the curve of these parameters are; counts below it share them."""
        return self._limit(params)

    def draw(self, seed: int) -> Keys:
        """(n,) a random number a row, from the seed and its id."""
        return draws(self._keys, seed)

    def control(self, seed: int) -> Positions:
        """(n,) every row in random sequence: the control of size N is its first N."""
        return self._controls.get(seed, lambda: metrics.random_rows(self._keys, len(self.dataset), seed))

    def control_curve(
        self, params: SelectParams, seed: int, *, on_progress: OnProgress = ignore_progress
    ) -> metrics.Curve:
        """How a random draw covers the pool as its count grows; the same for every selection of a length."""
        limit = self._limit(params)
        return self._curves.get(
            ("control", seed, limit), lambda: self._stored_control_curve(seed, limit, on_progress)
        )

    def ready_control_curves(self, params: SelectParams) -> list[metrics.Curve] | None:
        """The curves of all control draws, if they are in memory."""
        limit = self._limit(params)
        found = [self._curves.peek(("control", seed, limit)) for seed in range(CONTROL_DRAWS)]
        return None if any(curve is None for curve in found) else [c for c in found if c is not None]

    def pool(self, judge: str | None) -> metrics.Pool:
        """What the metrics look at."""
        return metrics.Pool(
            vectors=self.vectors(),
            labels=self.labels(),
            tokens=self.tokens(),
            response_chars=self._response_chars,
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

    def export(self, chosen: Selection, out: str | Path, *, format: str = "jsonl") -> list[Path]:
        """Write the chosen rows, their ids, the sidecar and the recipe into a folder; the files written."""
        return exporting.write_bundle(self.bundle(chosen), Path(out), format)

    def bundle(self, chosen: Selection) -> exporting.Bundle:
        """Everything that an export writes, in memory."""
        clusters = self.clusters()
        return exporting.Bundle(
            dataset=self.dataset,
            selection=chosen,
            labels=clusters.labels,
            names=clusters.names,
            coords=self.coords(),
            made=self.notes(),
            map_settings=self._settings(),
            control=self.control(0)[: len(chosen)],
        )

    # How each stage is computed.

    def _embed(self, on_progress: OnProgress) -> Artefact:
        parts = StoredParts(self.store, self._vectors_key)
        texts = self.dataset.frame["prompt"].to_list()
        settings = self.params.embed
        made = embedding.embed(texts, settings, on_progress=on_progress, parts=parts)
        artefact = self.store.put(
            self._vectors_key,
            {"vectors": made.vectors},
            {
                "model": settings.model,
                "precision": made.precision,
                "device": made.device,
                "truncated": made.truncated,
                "empty": made.empty,
                "note": made.note,
            },
        )
        parts.drop(len(texts) // settings.part_texts + 1)
        return artefact

    def _find_neighbours(self, on_progress: OnProgress) -> Artefact:
        vectors = self.vectors(on_progress=on_progress)
        found = neighbours.neighbours(vectors, self.params.neighbours, on_progress=on_progress)
        return self.store.put(self._neighbours_key, found._asdict())

    def _cluster(self, on_progress: OnProgress) -> Artefact:
        vectors = self.vectors(on_progress=on_progress)
        # HDBSCAN looks at the map, because density means little in hundreds of dimensions.
        coords = self.coords(on_progress=on_progress) if self._clusters_on_the_map else None
        labels = clustering.cluster(vectors, self.params.cluster, coords=coords, on_progress=on_progress)
        on_progress(Progress("names", 0, 1))
        named = clustering.names(self.dataset.frame["prompt"].to_list(), labels)
        table = pl.DataFrame(
            {"label": list(named), "name": list(named.values())},
            schema={"label": pl.Int32, "name": pl.String},
        )
        return self.store.put(self._clusters_key, {"labels": labels, "names": table})

    def _project(self, on_progress: OnProgress) -> Artefact:
        graph = self.neighbours(on_progress=on_progress)
        coords = projection.project(self.vectors(), graph, self.params.project, on_progress=on_progress)
        return self.store.put(self._coords_key, {"coords": coords})

    def _draft(self, on_progress: OnProgress) -> Artefact:
        on_progress(Progress("draft map", 0, 1))
        coords = projection.draft(self.dataset.frame["prompt"].to_list())
        on_progress(Progress("draft map", 1, 1))
        return self.store.put(self._draft_key, {"coords": coords})

    def _count_tokens(self, on_progress: OnProgress) -> Artefact:
        frame = self.dataset.frame
        counts = tokens.count_tokens(
            frame["prompt"].to_list(), frame["response"].to_list(), on_progress=on_progress
        )
        return self.store.put(self._tokens_key, {"tokens": counts}, {"tokenizer": tokens.TOKENIZER})

    def _compute(self, params: SelectParams, limit: int, on_progress: OnProgress) -> Order:
        strategy = selection.strategy(params.strategy)
        if not strategy.slow:
            return self._run(params, limit, on_progress)
        key = self._order_key(params, limit)
        stored = self.store.get(key)
        if stored is None:
            stored = self.store.put(key, {"order": self._run(params, limit, on_progress)})
        return stored.array("order")

    def _run(self, params: SelectParams, limit: int, on_progress: OnProgress) -> Order:
        strategy = selection.strategy(params.strategy)
        settings = strategy.settings(params)
        candidates = self._candidates(params, strategy)
        total = min(limit, int(candidates.eligible.sum()))
        note = f"{strategy.title}: {total:,} rows"
        order = strategy.rule(
            candidates,
            settings,
            limit=limit,
            check=lambda: on_progress(Progress("choose rows", 0, total, note)),
        )
        order.flags.writeable = False
        return order

    def _candidates(self, params: SelectParams, strategy: selection.Strategy) -> selection.Candidates:
        """What the strategy needs, and nothing that would have to be computed for no use."""
        judge = self._judge(params)
        if "scores" in strategy.needs and judge is None:
            raise ParameterError(f"{strategy.title} needs a judge, and none is chosen.", self._judges_hint())
        return selection.Candidates(
            eligible=selection.eligible(len(self.dataset), judge, params.min_score),
            draw=draws(self._keys, params.seed),
            scores=judge.scores if judge else None,
            others=tuple(other.scores for name, other in self.judges.items() if name != params.judge),
            vectors=self.vectors() if "vectors" in strategy.needs else None,
            neighbours=self.neighbours() if "neighbours" in strategy.needs else None,
            labels=self.labels() if "labels" in strategy.needs else None,
        )

    def _judge(self, params: SelectParams) -> Judge | None:
        if params.judge is None:
            if params.min_score is not None:
                raise ParameterError("A threshold needs a judge, and none is chosen.", self._judges_hint())
            return None
        if params.judge not in self.judges:
            raise ParameterError(
                f"There is no judge {params.judge!r} in {self.dataset.name}.", self._judges_hint()
            )
        return self.judges[params.judge]

    def _judges_hint(self) -> str:
        names = ", ".join(self.judges)
        return f"Judges: {names}." if names else "This file has no score column: import or judge first."

    def _limit(self, params: SelectParams) -> int:
        """How long the order has to be: a power of two times the first limit, so that counts share orders."""
        n = len(self.dataset)
        wanted = n if params.count is None else params.count
        if wanted < 0:
            raise ParameterError(f"The count is {wanted}.", "It is a number of rows: 0 or more.")
        limit = FIRST_LIMIT
        while limit < min(wanted, n):
            limit *= 2
        return limit if selection.strategy(params.strategy).slow else n

    def _base(self, params: SelectParams, limit: int) -> tuple[SelectParams, int]:
        """An order depends on neither the count nor the pins."""
        return replace(params, count=None, pins=Pins()), limit

    def _with_pins(self, order: Order, params: SelectParams) -> Order:
        if not len(params.pins):
            return order
        pinned = self._pinned(params.pins)
        return selection.with_pins(order, len(self.dataset), pinned, draws(self._keys, params.seed))

    def _pinned(self, pins: Pins) -> selection.Pinned:
        if not len(pins):
            return selection.NO_PINS
        return selection.Pinned(self.positions(pins.include), self.positions(pins.exclude))

    def positions(self, ids: frozenset[str]) -> Positions:
        """Where rows with these ids are, ascending.

        Raises:
            ParameterError: an id is not in the dataset.
        """
        unknown = sorted(ids - self._row_of.keys())
        if unknown:
            raise ParameterError(
                f"{len(unknown):,} pinned ids are not in {self.dataset.name}, such as {unknown[0]!r}.",
                "Pins name rows by their id.",
            )
        return np.array(sorted(self._row_of[each] for each in ids), dtype=np.int64)

    def _cover(self, order: Order, on_progress: OnProgress) -> metrics.Curve:
        counts = metrics.ladder(len(order))

        def check() -> None:
            on_progress(Progress("measure coverage", 0, 1))

        return metrics.coverage(self.vectors(), order, counts, check=check)

    def _stored_control_curve(self, seed: int, limit: int, on_progress: OnProgress) -> metrics.Curve:
        key = Key.of(
            "control-curve",
            1,
            dataset=self.dataset.fingerprint,
            vectors=self._vectors_key.digest,
            seed=seed,
            limit=limit,
        )
        stored = self.store.get(key)
        if stored is None:
            curve = self._cover(self.control(seed)[:limit], on_progress)
            stored = self.store.put(key, {"counts": curve.counts, "radius": curve.radius, "mean": curve.mean})
        return metrics.Curve(*(stored.array(name) for name in ("counts", "radius", "mean")))

    # Keys: each names what the stage depends on, through the digests of the stages before it.

    @property
    def _vectors_key(self) -> Key:
        settings = _flat(self.params.embed)
        return Key.of("vectors", embedding.VERSION, text=self.dataset.text_fingerprint, **settings)

    @property
    def _neighbours_key(self) -> Key:
        settings = _flat(self.params.neighbours)
        return Key.of("neighbours", neighbours.VERSION, vectors=self._vectors_key.digest, **settings)

    @property
    def _clusters_on_the_map(self) -> bool:
        return self.params.cluster.method == "hdbscan"

    @property
    def _clusters_key(self) -> Key:
        settings = _flat(self.params.cluster)
        if self._clusters_on_the_map:
            settings["coords"] = self._coords_key.digest
        return Key.of("clusters", clustering.VERSION, vectors=self._vectors_key.digest, **settings)

    @property
    def _coords_key(self) -> Key:
        settings = _flat(self.params.project)
        return Key.of("coords", projection.VERSION, neighbours=self._neighbours_key.digest, **settings)

    @property
    def _draft_key(self) -> Key:
        return Key.of("draft", projection.VERSION, text=self.dataset.text_fingerprint)

    @property
    def _tokens_key(self) -> Key:
        return Key.of("tokens", tokens.VERSION, dataset=self.dataset.fingerprint)

    def _order_key(self, params: SelectParams, limit: int) -> Key:
        strategy = selection.strategy(params.strategy)
        return Key.of(
            "order",
            strategy.version,
            dataset=self.dataset.fingerprint,
            neighbours=self._neighbours_key.digest,
            clusters=self._clusters_key.digest,
            strategy=strategy.name,
            judge=params.judge,
            min_score=params.min_score,
            seed=params.seed,
            options=repr(sorted(strategy.settings(params).items())),
            limit=limit,
        )

    def _settings(self) -> dict[str, Any]:
        stages = ("embed", "neighbours", "cluster", "project")
        return {stage: _flat(getattr(self.params, stage)) for stage in stages}

    # Small things computed once.

    @cached_property
    def _keys(self) -> Keys:
        return id_keys(self.dataset.frame["id"])

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {each: row for row, each in enumerate(self.dataset.frame["id"])}

    @cached_property
    def _response_chars(self) -> NDArray[np.int64]:
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


def _flat(settings: Any) -> dict[str, Any]:  # noqa: ANN401 - any settings dataclass
    return dataclasses.asdict(settings)
