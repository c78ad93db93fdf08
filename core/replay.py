"""A recipe made again: the same ids, or the first difference and its likely cause."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydantic
from numpy.typing import NDArray

from core import clustering, embedding, neighbours, projection, selection, tokens
from core.domain import Dataset, OnProgress, Pins, Positions, Selection, SelectParams, ignore_progress
from core.errors import ParameterError
from core.exporting import (
    Lengths,
    Mending,
    Recipe,
    Source,
    Traces,
    ids_digest,
    library_version,
    prepare,
    training_of,
)
from core.keys import MapParams
from core.selection import semdedup
from core.stages import Stages
from core.wording import counted

HIGHEST = 2**32 - 1  # of any whole number among the map's settings
ON_THE_MAP = {"vectors": {"embed"}, "neighbours": {"embed", "neighbours"}, "labels": {"embed", "cluster"}}
BEHIND = {**ON_THE_MAP, "tokens": {"tokens"}}  # array -> the stages that it comes from
OTHER_TOKENS, TOKENIZERS = "Another version of the tokenizer.", "tokenizers"
NO_DECISION = {"model", "precision", "batch_tokens", "part_texts"}  # only speed, or seen in what was made
OF_THE_CHOICE = {"numpy", "polars"}  # the libraries that have a hand in it even where all arrays are the same


class Replayable(Stages, ABC):
    """What a replay needs of a project."""

    @abstractmethod
    def select(self, params: SelectParams, *, on_progress: OnProgress = ignore_progress) -> Selection:
        """Choose rows."""

    @abstractmethod
    def needed_lengths(self, rows: Positions, mending: Mending, on_progress: OnProgress) -> Lengths | None:
        """How long rows are, if anything that is left out depends on it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the recipe says, in words.

    what: data, taken out, scores, settings, model, precision, code, vectors, neighbours, labels, tokens,
        library, ids, training rows or judge.
    """

    what: str
    problem: str
    cause: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay.

    same: the same ids in the same order, chosen from the same data.
    differences: everything that is not as the recipe says, the earliest on the way to the ids first;
        some may be there although the ids are the same.
    ids: those chosen now; empty where the data is other data, from which nothing is chosen.
    """

    same: bool
    differences: tuple[Difference, ...]
    ids: list[str] = dataclasses.field(repr=False)

    @property
    def first(self) -> Difference | None:
        """The first difference, if the ids are not the same."""
        return None if self.same else self.differences[0]


def replay(
    project: Replayable,
    recipe: Recipe,
    before: Sequence[Difference] = (),
    *,
    on_progress: OnProgress = ignore_progress,
) -> Replayed:
    """Make the selection of a recipe again and compare.

    Args:
        project: without the rows that the recipe takes out.
        recipe: what was decided then.
        before: differences that were found in taking them out.
        on_progress: told how the choice goes.

    Raises:
        ParameterError: the recipe names a strategy, judge, setting or pin that there is not.
    """
    params = select_params(recipe)
    needs = needed(params) | _of_judges(recipe)
    other_data = _data(project.dataset, recipe) or _scores(project.dataset, recipe)
    if other_data is not None:
        return Replayed(same=False, differences=(other_data,), ids=[])
    chosen = project.select(params, on_progress=on_progress)
    now = traces(project, params, needs)
    stages = _stages(project.params, needs)
    of_the_model = bool(needs - {"tokens"})
    libraries = _libraries(recipe, all_made=of_the_model and not _same_arrays(now, recipe, needs))
    found = (
        *before,
        *_settings(project.params, recipe, stages),
        *(_vectors(project.notes(), recipe) if of_the_model else ()),
        *_code(now, recipe, stages),
        *_arrays(now, recipe, libraries),
        *libraries,
    )
    same = ids_digest(chosen.ids) == recipe.outcome.ids_sha256
    found = (*found, *(_rows(project, chosen, recipe) if same else ()))
    return Replayed(same=same, differences=found if same else (*found, _other_ids(chosen)), ids=chosen.ids)


def with_models_since(replayed: Replayed, since: Mapping[str, str]) -> Replayed:
    """The same ids, and judge by judge what is other by now about a model whose frozen scores count."""
    if not replayed.same:
        return replayed
    said = {name: f"The scores of {name} are frozen in the recipe; {words}." for name, words in since.items()}
    found = tuple(
        Difference("judge", each, "The frozen scores count; nobody asked.") for each in said.values()
    )
    return dataclasses.replace(replayed, differences=(*replayed.differences, *found))


def select_params(recipe: Recipe) -> SelectParams:
    """The decisions of a recipe."""
    choice = recipe.choice
    return SelectParams(
        judge=choice.judge,
        min_score=choice.min_score,
        count=choice.count,
        strategy=choice.strategy,
        seed=choice.seed,
        options=tuple(sorted(choice.options.items())),
        max_tokens=choice.max_tokens,
        dedup_distance=choice.dedup_distance,
        pins=Pins(include=frozenset(choice.include), exclude=frozenset(choice.exclude)),
    )


def map_params(recipe: Recipe, *, model: str | None = None) -> MapParams:
    """The map's settings in a recipe; ``model`` takes the place of the one that it names.

    Raises:
        ParameterError: a setting is unknown, missing or of no use.
    """
    params = read_map_params(recipe.map)
    if model is None:
        return params
    return dataclasses.replace(params, embed=dataclasses.replace(params.embed, model=model))


def read_map_params(parts: Mapping[str, Any]) -> MapParams:
    """The map's settings from a file or a link that may come from a stranger: stage -> setting -> value.

    Raises:
        ParameterError: a setting is unknown, missing or of no use.
    """
    hint = "The recipe is of another version of Winnow, or was edited."
    known = MapParams().as_dict()
    if parts.keys() != known.keys():
        raise ParameterError(f"The recipe's map has the parts {_named(parts)}, not {_named(known)}.", hint)
    for stage, settings in parts.items():
        if not isinstance(settings, dict) or settings.keys() != known[stage].keys():
            raise ParameterError(f"The recipe's settings of {stage} are not {_named(known[stage])}.", hint)
        for name, value in settings.items():
            if isinstance(value, (int, float)) and not (math.isfinite(value) and 0 <= value <= HIGHEST):
                raise ParameterError(f"The recipe's {stage}.{name} is out of range.", hint)
    stages = {stage: _part(type(getattr(MapParams(), stage)), stage, parts[stage], hint) for stage in known}
    return MapParams(**stages)


def _part(kind: type[Any], stage: str, settings: Mapping[str, Any], hint: str) -> Any:  # noqa: ANN401 - of kind
    try:
        return pydantic.TypeAdapter(kind).validate_python(settings)
    except pydantic.ValidationError as cause:
        first = cause.errors(include_url=False)[0]
        where = ".".join(str(part) for part in (stage, *first["loc"]))
        raise ParameterError(f"The recipe's {where} cannot be used: {first['msg']}.", hint) from cause


def as_made(params: MapParams, recipe: Recipe) -> MapParams:
    """The same settings, with the precision that the recipe's vectors were made in."""
    made = recipe.vectors.get("precision")
    if made not in ("fp32", "bf16"):
        return params
    return dataclasses.replace(params, embed=dataclasses.replace(params.embed, precision=made))


def needed(params: SelectParams) -> set[str]:
    """The arrays that have a hand in a choice: what the strategy looks at, and the limits set to it."""
    needs: set[str] = {name for name in selection.strategy(params.strategy).needs if name in BEHIND}
    if params.dedup_distance is not None:
        needs = needs | ON_THE_MAP.keys()
    return needs if params.max_tokens is None else needs | {"tokens"}


def _of_judges(recipe: Recipe) -> set[str]:
    """The arrays that have a hand in the scores themselves."""
    return {"neighbours"} if any(each.rule == "repaired" for each in recipe.scores) else set()


def traces(project: Stages, params: SelectParams, arrays: Iterable[str]) -> Traces:
    """Versions of the code that makes such a choice, and the sha256 of the named arrays."""
    versions = {
        "embed": embedding.VERSION,
        "neighbours": neighbours.VERSION,
        "cluster": clustering.VERSION,
        "project": projection.VERSION,
        "strategy": selection.strategy(params.strategy).version,
    }
    if params.max_tokens is not None:
        versions["tokens"] = tokens.VERSION
    if params.dedup_distance is not None:
        versions["near copies"] = semdedup.VERSION
    return Traces(versions, {name: _digest(*_made(project, name)) for name in sorted(arrays)})


def _made(project: Stages, name: str) -> tuple[NDArray[Any], ...]:
    if name == "neighbours":
        return project.neighbours()
    if name == "tokens":
        return (project.tokens(),)
    return (project.vectors() if name == "vectors" else project.labels(),)


def _digest(*arrays: NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        whole = np.ascontiguousarray(array)
        digest.update(f"{whole.dtype.str}{whole.shape}".encode())
        digest.update(whole.data)
    return digest.hexdigest()


# Each link of the chain from the data to the ids.


def _data(dataset: Dataset, recipe: Recipe) -> Difference | None:
    source = recipe.source
    if dataset.origin == source.fingerprint:
        return None
    if (rows := len(dataset) + dataset.taken_out) != source.rows:
        problem = f"{dataset.name} has {counted(rows, 'row')}; the recipe's had {source.rows:,}."
        return Difference(
            "data", problem, f"It is another file, or rows were added or removed: {_want(source)}"
        )
    if dataset.sha256 == source.sha256:
        problem = f"{dataset.name} is the recipe's file, and this version of Winnow reads it in another way."
        return Difference("data", problem, "Replay with the version that wrote the recipe.")
    problem = f"{dataset.name} has as many rows as the recipe's, with another content."
    return Difference(
        "data", problem, f"A text or a score was changed, or the order of rows: {_want(source)}"
    )


def _scores(dataset: Dataset, recipe: Recipe) -> Difference | None:
    """Whether the judges are those of the recipe: which columns, of which files, and what became of them."""
    if dataset.lost:
        first = dataset.lost[0]
        problem = f"The judge {first.column.name} of the recipe cannot be read."
        return Difference("scores", problem, first.why)
    decided = tuple(each.decision() for each in recipe.scores)
    if dataset.scores == decided:
        return None
    names = [
        each.name for each in (*decided, *dataset.scores) if each not in decided or each not in dataset.scores
    ]
    problem = f"What was decided about the judge {names[0] if names else 'columns'} is not as in the recipe."
    return Difference("scores", problem, "Open the project with the scores of the recipe.")


def _want(source: Source) -> str:
    by_digest = f" with the sha256 {source.sha256[:12]}..." if source.sha256 else ""
    return f"find the {source.name} that the choice was made from{by_digest}."


def _stages(params: MapParams, needs: Iterable[str]) -> set[str]:
    """The stages that have a part in what the strategy looks at."""
    stages = set().union(*(BEHIND[name] for name in needs))
    if "cluster" in stages and params.cluster.method == "hdbscan":
        stages |= {"neighbours", "project"}
    return stages


def _settings(params: MapParams, recipe: Recipe, stages: set[str]) -> Iterator[Difference]:
    now = params.as_dict()
    for stage in [stage for stage in now if stage in stages]:
        before = recipe.map.get(stage, {})
        for name, value in now[stage].items():
            if name not in NO_DECISION and name in before and before[name] != value:
                problem = f"The setting {stage}.{name} is {value} here; the recipe has {before[name]}."
                yield Difference("settings", problem, "Open the project with the settings of the recipe.")


def _vectors(made: Mapping[str, Any], recipe: Recipe) -> Iterator[Difference]:
    before = recipe.vectors
    if "digest" in before and before["digest"] != made.get("digest"):
        problem = (
            f"The model {made.get('model')} here has other weights than the recipe's {before.get('model')}: "
            f"sha256 {str(made.get('digest'))[:12]}..., not {str(before['digest'])[:12]}..."
        )
        yield Difference("model", problem, "Give the folder of the recipe's model.")
    if "precision" in before and before["precision"] != made.get("precision"):
        problem = (
            f"The vectors here were made in {made.get('precision')}; the recipe's in {before['precision']}."
        )
        yield Difference("precision", problem, f"Embed with precision {before['precision']}.")


def _code(now: Traces, recipe: Recipe, stages: set[str]) -> Iterator[Difference]:
    for name, version in now.versions.items():
        before = recipe.versions.get(name, version)
        if before != version and name in stages | {"strategy", "near copies"}:
            what = f"strategy {recipe.choice.strategy}" if name == "strategy" else f"stage {name}"
            problem = f"The {what} is of version {version} here; the recipe was made with version {before}."
            yield Difference("code", problem, "Replay with the version of Winnow that wrote the recipe.")


def _same_arrays(now: Traces, recipe: Recipe, needs: Iterable[str]) -> bool:
    return all(recipe.arrays.get(name) == now.arrays[name] for name in needs)


def _arrays(now: Traces, recipe: Recipe, libraries: Sequence[Difference]) -> Iterator[Difference]:
    names = " ".join(each.problem for each in libraries)
    cause = names or "Another processor, or another number of cores, rounds in another way."
    then, here = recipe.libraries.get(TOKENIZERS), library_version(TOKENIZERS)
    counting = OTHER_TOKENS if then in (None, here) else f"{TOKENIZERS} is {here} here and was {then}."
    for name in BEHIND:
        before = recipe.arrays.get(name)
        if name in now.arrays and before not in (None, now.arrays[name]):
            problem = f"The {name} are not those of the recipe: sha256 {now.arrays[name][:12]}..., "
            likely = counting if name == "tokens" else cause
            yield Difference(name, f"{problem}not {str(before)[:12]}...", f"Likely cause: {likely}")


def _libraries(recipe: Recipe, *, all_made: bool) -> list[Difference]:
    """Other versions of libraries; of all that made the arrays, or of those that the choice itself uses."""
    found = []
    for name, before in recipe.libraries.items():
        version = library_version(name)
        if before != version and (all_made or name in OF_THE_CHOICE):
            problem = f"{name} is {version} here and was {before}."
            found.append(Difference("library", problem, f"Install {name}=={before} to replay."))
    return found


def _other_ids(chosen: Selection) -> Difference:
    return Difference(
        "ids",
        f"The {counted(len(chosen), 'chosen id')} are not those of the recipe.",
        "Nothing else that the recipe records differs, so its decisions or its digest were edited.",
    )


def _rows(project: Replayable, chosen: Selection, recipe: Recipe) -> Iterator[Difference]:
    """Whether mending gives the training rows of the recipe again."""
    before = recipe.training
    if before is None:
        return
    mending = Mending(
        fixes=tuple(before.fixes),
        left_out=tuple(before.left_out),
        limit=before.limit,
        tokenizer=before.tokenizer,
    )
    try:
        lengths = project.needed_lengths(chosen.rows, mending, ignore_progress)
        now = training_of(prepare(project.dataset, chosen.rows, mending, lengths))
    except ParameterError as error:
        yield Difference("training rows", f"The rows were not mended again. {error.problem}", error.hint)
        return
    if now != before:
        problem = (
            f"Mending gives {counted(now.exported, 'training row')}, {now.changed:,} of them changed; "
            f"the recipe has {before.exported:,} and {before.changed:,}."
        )
        yield Difference("training rows", problem, "Another version of Winnow, or of the tokenizer.")


def _named(names: Iterable[str]) -> str:
    return ", ".join(str(name)[:40] for name in names) or "none"
