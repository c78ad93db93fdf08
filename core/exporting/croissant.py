"""The Croissant description of an export: JSON-LD that dataset search and ML tools read (Croissant 1.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from core.agreement import agreement
from core.domain import Judge
from core.exporting.card import LIMITS, TAGS, Card, hub_name, title
from core.exporting.licences import MODEL_OUTPUT, licence_of
from core.exporting.looked import Looked
from core.exporting.recipe import Recipe

Json = dict[str, Any]

VERSIONS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
TERMS = """
arrayShape citeAs column containedIn equivalentProperty extract field fileProperty fileObject fileSet format
includes isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace
samplingRate separator source subField transform
"""
CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{name: f"cr:{name}" for name in TERMS.split()},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}
MEANINGS = {
    "default": "The chosen rows, in order of choice.",
    "random_control": "A random draw of the same size, to train the control on.",
    "all_scored": "Every row of the source: why it is in or out, its scores, cluster and place on the map.",
}
FORMATS = {"parquet": "application/x-parquet", "csv": "text/csv"}
QUOTED = re.compile(r"[^'\\]+")  # a name that a JSON path can hold between quotes


class FileSum(NamedTuple):
    """A file as it was written: its sha256 in hexadecimal digits, and its bytes."""

    sha256: str
    size: int


class Config(NamedTuple):
    """One config of the export: the Parquet file that holds it, and its columns."""

    file: str
    columns: pl.DataFrame


def croissant_text(
    card: Card,
    recipe: Recipe,
    judges: Mapping[str, Judge],
    configs: Mapping[str, Config],
    written: Mapping[str, FileSum],
) -> str:
    """croissant.json: files with their digests, the fields of every config, and where all of it comes from.

    ``written`` has every file that the configs and the provenance name.
    """
    frozen = [each for each in _frozen(recipe) if each in written]
    described = [*dict.fromkeys(each.file for each in configs.values()), "recipe.yaml", *frozen]
    content = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSIONS,
        "name": re.sub(r"[^\w.-]+", "-", title(recipe)).strip("-"),
        "description": f"{card.decided or title(recipe)} From {recipe.source.name}.",
        "license": licence_of(card.licence).url,
        "url": f"urn:sha256:{recipe.outcome.ids_sha256}",
        "citeAs": f"Cite {hub_name(recipe.source.name)}, which the rows are from.",
        "creator": {"@type": "Organization", "name": f"Winnow, from {hub_name(recipe.source.name)}"},
        "datePublished": card.made,
        "version": "1.0.0",
        "keywords": list(TAGS),
        **({"inLanguage": list(card.languages)} if card.languages else {}),
        "isLiveDataset": False,
        "distribution": [_file(name, written[name]) for name in described],
        "recordSet": [_record_set(name, each) for name, each in configs.items()],
        **_provenance(card, recipe, judges),
        **_responsible(card, recipe, judges),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _file(name: str, written: FileSum) -> Json:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{written.size} B",
        "encodingFormat": FORMATS.get(name.rpartition(".")[2], "application/yaml"),
        "sha256": written.sha256,
    }


# The fields.


def _record_set(config: str, each: Config) -> Json:
    places = _places([config], each.columns.columns)
    return {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "description": MEANINGS.get(config, config),
        "field": [
            _field(places[name], each.file, name, dtype) for name, dtype in each.columns.schema.items()
        ],
    }


def _places(above: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """The identifier of each name: readers take none with spaces or with other marks."""
    plain: dict[str, str] = {}
    for name in names:
        place = "/".join([*above, re.sub(r"[^\w.-]", "_", name)])
        while place in plain.values():
            place += "_"
        plain[name] = place
    return plain


def _field(place: str, file: str, name: str, dtype: pl.DataType) -> Json:
    """One column."""
    source = {"fileObject": {"@id": file}, "extract": {"column": name}}
    found: Json = {"@type": "cr:Field", "@id": place, "name": name, "source": source}
    inner: Any = dtype
    depth = 0
    while isinstance(inner, pl.List | pl.Array):
        inner, depth = inner.inner, depth + 1
    if depth:
        found |= {"isArray": True, "arrayShape": ",".join(["-1"] * depth)}
    if isinstance(inner, pl.Struct) and depth <= 1:
        parts = [each for each in inner.fields if QUOTED.fullmatch(each.name)]
        places = _places([place], [each.name for each in parts])
        return found | {"subField": [_part(places[each.name], source, each) for each in parts]}
    return found | {"dataType": _type(inner)}


def _part(place: str, source: Json, part: pl.Field) -> Json:
    return {
        "@type": "cr:Field",
        "@id": place,
        "name": part.name,
        "dataType": _type(part.dtype),
        "source": {**source, "transform": {"jsonPath": f"$.'{part.name}'"}},
    }


def _type(dtype: object) -> str:
    """The type of Croissant; what it has no name for is read as text."""
    if isinstance(dtype, pl.DataType):
        if dtype == pl.Boolean:
            return "sc:Boolean"
        if dtype.is_integer():
            return "sc:Integer"
        if dtype.is_float():
            return "sc:Float"
    return "sc:Text"


# Where it comes from.


def _provenance(card: Card, recipe: Recipe, judges: Mapping[str, Judge]) -> Json:
    source = recipe.source
    hub = hub_name(source.name)
    address = f"https://huggingface.co/datasets/{hub}" if "/" in hub else f"urn:sha256:{source.sha256}"
    return {
        "prov:wasDerivedFrom": {
            "@type": "prov:Entity",
            "@id": address,
            "prov:label": source.name,
            "sha256": source.sha256,
        },
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:label": card.decided or title(recipe),
            "prov:used": [{"@id": name} for name in ("recipe.yaml", *_frozen(recipe))],
        },
        **({"prov:wasAttributedTo": [_agent(name, recipe) for name in judges]} if judges else {}),
    }


def _frozen(recipe: Recipe) -> list[str]:
    """The files of the models' scores."""
    return [each.file for each in recipe.scores if each.model and each.file]


def _agent(judge: str, recipe: Recipe) -> Json:
    """A judge; of a model, with how it was asked and where its scores lie."""
    source = next((each for each in recipe.scores if each.judge == judge and each.model), None)
    if source is None or source.model is None:
        return {"@type": "prov:Agent", "prov:label": judge}
    return {
        "@type": "prov:SoftwareAgent",
        "prov:label": judge,
        "description": source.model.sentence,
    }


def _responsible(card: Card, recipe: Recipe, judges: Mapping[str, Judge]) -> Json:
    """What the RAI vocabulary asks for, as far as it is known here."""
    looked = card.looked or Looked(recipe.source.rows)
    said: Json = {
        "rai:dataLimitations": [*LIMITS, *looked.sentences, MODEL_OUTPUT],
        "rai:dataManipulationProtocol": " ".join(_selection(card, recipe)),
        "rai:personalSensitiveInformation": [looked.personal],
        "rai:dataPreprocessingProtocol": [
            f"Prompts embedded with {recipe.vectors.get('model')}, {recipe.vectors.get('precision')}."
        ],
    }
    if judges:
        models = {each.judge: f"{each.judge}: {each.model.sentence}" for each in recipe.scores if each.model}
        said["rai:machineAnnotationTools"] = [models.get(name, name) for name in judges]
    if (found := agreement(judges)) is not None:
        said["rai:dataAnnotationAnalysis"] = [found.sentence]
    return said


def _selection(card: Card, recipe: Recipe) -> Sequence[str]:
    return [text for text in (*card.taken_out, card.decided, card.method, *recipe.outcome.notes) if text]
