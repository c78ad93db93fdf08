"""The recipe: every decision behind a selection, as YAML that a person can read."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field

from core.domain import (
    EMBED_CHOICES,
    HUB,
    JUDGED_CHOICES,
    Dataset,
    SchemaMapping,
    ScoreColumn,
    ScoreFile,
    Selection,
    SelectParams,
)
from core.exporting.why import LONGEST
from core.model_facts import ModelFacts

# 4 had no scores of models: they are those of the home that replays. 3 had no hub, no shared text and no
# decisions about judges, took no rows out and mended none for a trainer; 2 had no budget and no near copies;
# 1 no versions, arrays or sha256 of the source.
SCHEMA_VERSION = 5
STRICT = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # built at first use: few imports need it
RARE_LINE_ENDS = frozenset("\x85\u2028\u2029")
LIBRARIES = (
    "numpy",
    "scipy",
    "polars",
    "torch",
    "sentence-transformers",
    "transformers",
    "tokenizers",
    "scikit-learn",
    "numba",
    "umap-learn",
)


class _Dumper(yaml.SafeDumper):
    """Puts texts with rare line ends into double quotes, the one style in which PyYAML escapes them."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = '"' if RARE_LINE_ENDS & set(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)


class Traces(NamedTuple):
    """What a replay is checked by: versions of the code, and the sha256 of each array."""

    versions: Mapping[str, int]
    arrays: Mapping[str, str]


class Source(BaseModel):
    """The file that the rows came from."""

    model_config = STRICT

    name: str
    schema_name: str
    rows: int
    fingerprint: str
    sha256: str = ""  # of the file as it lay on disk
    mapping: dict[str, list[str]] = {}  # role -> columns; recipes from before name none
    embed: str = EMBED_CHOICES[0]
    left_out: list[dict[str, str]] = []  # place and text of what most prompts share; not embedded
    judged: str = JUDGED_CHOICES[0]
    hub: str = ""  # of a dataset on the hub: name, commit, configuration and split, as they open it again


class TakenOut(BaseModel):
    """Rows that were taken out of the file before anything was computed from it.

    found: rows that the rule finds in the whole file, without those kept; their ids have the digest.
    rows: those of them that no earlier rule took out.
    """

    model_config = STRICT

    rule: str
    settings: dict[str, str | int | float | bool] = {}
    version: int
    found: int
    rows: int
    ids_sha256: str
    kept: list[str] = []
    ids: list[str] = []  # named by hand


class Choice(BaseModel):
    """The decisions of a person."""

    model_config = STRICT

    judge: str | None
    min_score: float | None
    count: int | None
    max_tokens: int | None = None  # recipes from before have neither this
    dedup_distance: float | None = None  # nor this
    strategy: str
    seed: int
    options: dict[str, str | int | float | bool]
    include: list[str]
    exclude: list[str]


class JudgeSource(BaseModel):
    """What was decided about one judge: ``core.domain.ScoreColumn``, without a path."""

    model_config = STRICT

    judge: str
    column: str
    file: str | None  # the name of another file; None: the dataset itself
    file_sha256: str = ""
    joined_by: str = ""  # the column of the dataset; empty: row by row
    joined_key: str = ""  # the column of the file that is equal to it
    scale: tuple[float, float, float, float] | None  # from low, from high, to low, to high
    invert: bool
    labels: dict[str, float]
    unscored: list[float]
    left_out: bool  # the column is no judge
    rule: str = ""  # of an aggregate; recipes from before have none
    joins: list[str] = []  # its judges
    model: ModelFacts | None = None  # whose frozen scores the file holds

    def decision(self) -> ScoreColumn:
        """As the rest of Winnow has it."""
        file = None
        if self.file is not None:
            name = Path(self.file).name  # never a path: a recipe may come from a stranger
            file = ScoreFile(name=name, sha256=self.file_sha256, by=self.joined_by, key=self.joined_key)
        return ScoreColumn(
            name=self.judge,
            column=self.column,
            file=file,
            scale=self.scale,
            invert=self.invert,
            labels=tuple(self.labels.items()),
            unscored=tuple(self.unscored),
            rule=self.rule,
            of=tuple(self.joins),
            model="" if self.model is None else self.model.model_dump_json(),
            off=self.left_out,
        )

    @classmethod
    def of(cls, column: ScoreColumn) -> JudgeSource:
        """As it stands in a recipe."""
        file = column.file
        return cls(
            judge=column.name,
            column=column.column,
            file=file.name if file else None,
            file_sha256=file.sha256 if file else "",
            joined_by=file.by if file else "",
            joined_key=file.key if file else "",
            scale=column.scale,
            invert=column.invert,
            labels=dict(column.labels),
            unscored=list(column.unscored),
            rule=column.rule,
            joins=list(column.of),
            model=ModelFacts.model_validate_json(column.model) if column.model else None,
            left_out=column.off,
        )


class Outcome(BaseModel):
    """What came out, so that a replay can be checked."""

    model_config = STRICT

    eligible: int
    selected: int
    ids_sha256: str
    training_files: list[str] = []  # the files that hold these rows; recipes from before name none
    tied_at_the_cut: int
    chosen_from_the_tie: int
    tie_rule: str
    notes: list[str]


class Training(BaseModel):
    """What was done to rows for a trainer, and what came of it, so that a replay can be checked."""

    model_config = STRICT

    fixes: list[str]
    left_out: list[str]
    limit: int | None
    tokenizer: str
    exported: int
    changed: int
    rows_sha256: str  # of the exported rows as messages, one JSON object a line


class Recipe(BaseModel):
    """Everything needed to make the same selection again."""

    model_config = STRICT

    recipe_version: int
    why: Annotated[str, Field(max_length=LONGEST)] = ""  # in the words of who chose
    source: Source
    taken_out: list[TakenOut] = []  # recipes from before took nothing out
    map: dict[str, Any]
    vectors: dict[str, Any]
    versions: dict[str, int] = {}  # of the code of each stage and of the strategy
    arrays: dict[str, str] = {}  # sha256 of what the strategies look at
    scores: list[JudgeSource] = []  # what was decided about judges; none: those that were found
    choice: Choice
    outcome: Outcome
    training: Training | None = None  # None where every row was written as it is
    libraries: dict[str, str]

    def has_rows_of(self, other: Recipe) -> bool:
        """Whether both wrote the same rows of the same file, in the same order and mended alike."""
        return (self.source.fingerprint, self.outcome.ids_sha256, self.training) == (
            other.source.fingerprint,
            other.outcome.ids_sha256,
            other.training,
        )

    def to_yaml(self) -> str:
        """The recipe as YAML, keys in the order of this class."""
        content = self.model_dump(mode="json")
        if self.training is None:
            del content["training"]
        for each in content["scores"]:
            if each["model"] is None:
                del each["model"]
        if not self.why:
            del content["why"]
        return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)

    @classmethod
    def from_yaml(cls, text: str) -> Recipe:
        """Read a recipe; raises ``pydantic.ValidationError`` where it is not one."""
        return cls.model_validate(yaml.safe_load(text))


def ids_digest(ids: list[str]) -> str:
    """sha256 of the ids, one a line, in order of choice: that of ``ids.txt``."""
    return hashlib.sha256(ids_text(ids).encode()).hexdigest()


def ids_text(ids: list[str]) -> str:
    """One id a line."""
    return "".join(f"{each}\n" for each in ids)


def _portable(value: Any, model: str) -> Any:  # noqa: ANN401 - any tree of settings
    """The same tree, in which a model in a local folder goes by its name: the path is nobody's business."""
    if isinstance(value, dict):
        return {name: _portable(each, model) for name, each in value.items()}
    return value.replace(model, Path(model).name) if isinstance(value, str) else value


def library_version(library: str) -> str:
    """The version that is installed, in words where there is none."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _choice(params: SelectParams) -> Choice:
    return Choice(
        judge=params.judge,
        min_score=params.min_score,
        count=params.count,
        max_tokens=None if params.max_tokens is None else int(params.max_tokens),
        dedup_distance=None if params.dedup_distance is None else float(params.dedup_distance),
        strategy=params.strategy,
        seed=params.seed,
        options=dict(params.options),
        include=sorted(params.pins.include),
        exclude=sorted(params.pins.exclude),
    )


def recipe_of(
    dataset: Dataset,
    selection: Selection,
    *,
    made: dict[str, Any],
    map_settings: dict[str, Any],
    traces: Traces,
    training_files: Iterable[str] = (),
    taken_out: Iterable[TakenOut] = (),
    frozen: Iterable[ScoreColumn] = (),
) -> Recipe:
    """The recipe of a selection, which those files hold.

    ``frozen``: the models that are judges without a decision, with the files of their scores. All judges are
    named, since those that did not choose break ties.
    """
    model = str(map_settings["embed"]["model"])
    folder = Path(model).expanduser()
    if folder.is_absolute() or folder.is_dir():
        made, map_settings = _portable(made, model), _portable(map_settings, model)
    return Recipe(
        recipe_version=SCHEMA_VERSION,
        source=_source(dataset),
        taken_out=list(taken_out),
        map=map_settings,
        vectors=dict(sorted(made.items())),  # the same bytes whether computed now or read
        versions=dict(traces.versions),
        arrays=dict(traces.arrays),
        scores=[JudgeSource.of(each) for each in (*frozen, *dataset.scores)],
        choice=_choice(selection.params),
        outcome=_outcome(selection, training_files),
        libraries={name: library_version(name) for name in LIBRARIES},
    )


def _source(dataset: Dataset) -> Source:
    return Source(
        name=dataset.name,
        schema_name=dataset.schema,
        rows=len(dataset) + dataset.taken_out,
        fingerprint=dataset.origin,
        sha256=dataset.sha256,
        mapping=_by_role(dataset.mapping),
        embed=dataset.embed,
        left_out=[{"place": piece.place, "text": piece.text} for piece in dataset.left_out],
        judged=dataset.judged,
        hub=dataset.source if dataset.source.startswith(HUB) else "",
    )


def _by_role(mapping: SchemaMapping) -> dict[str, list[str]]:
    return {role: list(mapping.of(role)) for role in dict.fromkeys(role for role, _ in mapping.columns)}


def _outcome(selection: Selection, training_files: Iterable[str]) -> Outcome:
    return Outcome(
        eligible=selection.eligible,
        selected=len(selection),
        ids_sha256=ids_digest(selection.ids),
        training_files=sorted(training_files),
        tied_at_the_cut=selection.ties.tied,
        chosen_from_the_tie=selection.ties.chosen,
        tie_rule=selection.ties.rule,
        notes=list(selection.notes),
    )
