"""KTO: a prompt, a completion, and whether it is wanted (arXiv 2402.01306)."""

from __future__ import annotations

import polars as pl

from core.domain import Problem, SchemaMapping
from core.loading.schemas.schema import Canonical, Role, Schema
from core.loading.schemas.sides import fits_texts, prompt_and_completion
from core.loading.schemas.texts import as_texts

UNWANTED = "completions labelled as not wanted, which training would imitate all the same"
NO = ("false", "0", "0.0", "no", "undesirable", "bad")
YES = ("true", "1", "1.0", "yes", "desirable", "good")


def _labels(rows: pl.DataFrame, mapping: SchemaMapping) -> pl.Series:
    return as_texts(rows[mapping.of("label")[0]]).str.strip_chars().str.to_lowercase()


def _fits(rows: pl.DataFrame, mapping: SchemaMapping) -> float:
    labelled = _labels(rows, mapping).is_in([*NO, *YES]).mean() or 0.0
    return fits_texts(rows, mapping, "prompt", "completion") * float(str(labelled))


def _canonical(rows: pl.DataFrame, mapping: SchemaMapping) -> Canonical:
    made = prompt_and_completion(rows, mapping)
    unwanted = _labels(rows, mapping).is_in(NO).arg_true()
    if not len(unwanted):
        return made
    places = tuple(f"row {row + 1}" for row in unwanted.head(5))
    return Canonical(made.frame, (*made.problems, Problem(UNWANTED, len(unwanted), places)))


KTO = Schema(
    "kto",
    "a prompt, a completion and a label that says whether it is wanted",
    roles=(
        Role("prompt", ("prompt",), ("question", "instruction"), needed=True),
        Role("completion", ("completion",), ("response", "answer", "output"), needed=True),
        Role("label", ("label", "kto_tag"), needed=True),
        Role("system", ("system",), ("system_prompt",)),
        Role("tools", ("tools",)),
    ),
    fits=_fits,
    canonical=_canonical,
    lacks="labels that are true or false",
)
