"""Text: one column of texts that a chat template was laid over already."""

from __future__ import annotations

import polars as pl

from core.domain import Problem, SchemaMapping
from core.loading.schemas.schema import NOT_NAMED, Canonical, Role, Schema
from core.loading.schemas.templates import divided
from core.loading.schemas.texts import MESSAGES, message, text_of

TEMPLATED = (
    "rows of text alone, taken as already templated: the whole text is embedded, no answer stands apart"
)
DIVIDED = (
    "rows of text alone, already templated ({template}): question and answer are read out of them, training "
    "gets the whole text"
)
UNFITTING = "texts that the template of the others does not fit: the whole text is the question"
OTHER_TEXTS = frozenset(
    {"instruction", "output", "prompt", "completion", "response", "chosen", "rejected", "conversations"}
    | {"messages", "question", "answer", "query"}
)
LEAST = 0.2  # beside columns that other schemas read


def _fits(rows: pl.DataFrame, mapping: SchemaMapping) -> float:
    others = [name for name in rows.columns if name not in mapping.of("text")]
    if OTHER_TEXTS & set(others):
        return LEAST
    return NOT_NAMED if any(rows[name].dtype == pl.String and name != "id" for name in others) else 1.0


def _canonical(rows: pl.DataFrame, mapping: SchemaMapping) -> Canonical:
    texts = text_of(rows, mapping.of("text"), "prompt")
    frame = pl.DataFrame([texts]).select(
        "prompt",
        response=pl.lit(""),
        system=pl.lit(""),
        messages=pl.concat_list(message("assistant", "prompt")).cast(MESSAGES),
    )
    parts = divided(texts)
    if parts is None:
        return Canonical(frame, (Problem(TEMPLATED, rows.height, ("row 1",)),))
    found = [Problem(DIVIDED.format(template=parts.template), rows.height, ("row 1",))]
    odd = (~parts.fits).arg_true()
    if len(odd):
        found.append(Problem(UNFITTING, len(odd), tuple(f"row {row + 1}" for row in odd.head(5))))
    return Canonical(frame.with_columns(parts.prompt, parts.response), tuple(found))


TEXT = Schema(
    "text",
    "one text, already templated",
    roles=(Role("text", ("text",), needed=True),),
    fits=_fits,
    canonical=_canonical,
    lacks="nothing but text",
)
