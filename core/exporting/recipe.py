"""The recipe: every decision behind a selection, as YAML that a person can read."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict

from core.domain import Dataset, Selection, SelectParams

SCHEMA_VERSION = 2  # 1 had neither versions, arrays nor the sha256 of the source
RARE_LINE_ENDS = frozenset("\x85\u2028\u2029")
LIBRARIES = (
    "numpy",
    "scipy",
    "polars",
    "torch",
    "sentence-transformers",
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

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    schema_name: str
    rows: int
    fingerprint: str
    sha256: str = ""  # of the file as it lay on disk


class Choice(BaseModel):
    """The decisions of a person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    judge: str | None
    min_score: float | None
    count: int | None
    strategy: str
    seed: int
    options: dict[str, str | int | float | bool]
    include: list[str]
    exclude: list[str]


class Outcome(BaseModel):
    """What came out, so that a replay can be checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    eligible: int
    selected: int
    ids_sha256: str
    training_files: list[str] = []  # the files that hold these rows; recipes from before name none
    tied_at_the_cut: int
    chosen_from_the_tie: int
    tie_rule: str
    notes: list[str]


class Recipe(BaseModel):
    """Everything needed to make the same selection again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe_version: int
    source: Source
    map: dict[str, Any]
    vectors: dict[str, Any]
    versions: dict[str, int] = {}  # of the code of each stage and of the strategy
    arrays: dict[str, str] = {}  # sha256 of what the strategies look at
    choice: Choice
    outcome: Outcome
    libraries: dict[str, str]

    def has_rows_of(self, other: Recipe) -> bool:
        """Whether both chose the same rows of the same file, in the same order."""
        return (self.source.fingerprint, self.outcome.ids_sha256) == (
            other.source.fingerprint,
            other.outcome.ids_sha256,
        )

    def to_yaml(self) -> str:
        """The recipe as YAML, keys in the order of this class."""
        return yaml.dump(self.model_dump(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)

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
) -> Recipe:
    """The recipe of a selection, which those files hold."""
    model = str(map_settings["embed"]["model"])
    folder = Path(model).expanduser()
    if folder.is_absolute() or folder.is_dir():
        made, map_settings = _portable(made, model), _portable(map_settings, model)
    return Recipe(
        recipe_version=SCHEMA_VERSION,
        source=Source(
            name=dataset.name,
            schema_name=dataset.schema,
            rows=len(dataset),
            fingerprint=dataset.fingerprint,
            sha256=dataset.sha256,
        ),
        map=map_settings,
        vectors=dict(sorted(made.items())),  # the same bytes whether computed now or read
        versions=dict(traces.versions),
        arrays=dict(traces.arrays),
        choice=_choice(selection.params),
        outcome=_outcome(selection, training_files),
        libraries={name: library_version(name) for name in LIBRARIES},
    )


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
