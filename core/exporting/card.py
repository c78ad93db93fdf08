"""The dataset card: README.md with the front matter that the Hugging Face hub reads."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

import polars as pl
import yaml

from core.agreement import agreement
from core.domain import Judge
from core.exporting.facts import facts, judge_in_words, plain_name
from core.exporting.licences import MODEL_OUTPUT, licence_of
from core.exporting.looked import HEAD, Looked
from core.exporting.recipe import JudgeSource, Recipe
from core.exporting.why import quoted_why
from core.model_facts import HASH, LINE
from core.wording import counted

MARK = "<!-- A card that Winnow wrote: another export into this folder replaces it. -->"
END = "<!-- The end of what Winnow wrote. -->"
TAGS = ("instruction-tuning", "data-selection", "winnow")
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST = "1M<n<10M"
HUB_NAME = re.compile(
    r"(?:hf://datasets/|hub:|https://huggingface\.co/datasets/)?([\w.-]+/[\w.-]+)(?:[@/#:?].*)?"
)
LIMITS = (
    "A choice of rows, not a correction: what is wrong, dated or biased in a row of the source is so here.",
    "A score is what its judge said. It was not checked by people for this card.",
    "At large scale random rows are hard to beat (arXiv 2410.09335): train on `random_control` as well.",
)
BESIDE_RANDOM = (
    "Random: draws of the same size from all rows, with their mean, lowest and highest. Pool: all rows. A "
    "selection between lowest and highest is not told from chance."
)
JUDGES_FOUND = "Judges are columns of the source."
JUDGES_DECIDED = "Judges are columns of the source, as they stand there, but for these:"
MODELS_TOO = "Judges are columns of the source as they stand there, or models, which are named below."
MODELS_AND_DECIDED = (
    "Judges are columns of the source as they stand there, models, which are named below, and these:"
)
MODELS_ASKED = (
    "These models were asked about the rows. Their scores lie frozen beside this card, row by row, so that "
    "the choice can be made again without asking them."
)
NO_FILES: Mapping[str, str] = MappingProxyType({})

EMBEDDED = {
    "first-user": "Vectors are made of the prompts alone, as far as the model reads; answers have no part.",
    "all-user": "Vectors are made of what users say alone, as far as the model reads; answers have no part.",
    "conversation": "Vectors are made of whole conversations, as far as the model reads them.",
}


@dataclass(frozen=True, slots=True)
class Card:
    """What a card needs beside the recipe.

    licence: of the source, as ``checked_licence`` writes it: a subset keeps it.
    figures: metric | selection | random mean, low, high | pool.
    decided: the decisions in words. method: what the strategy does, and its source.
    languages: of the rows, as the hub writes them, such as en; None where nobody looked.
    taken_out: what was taken out of the source before anything was chosen, a sentence each.
    looked: what was looked for in the rows; None says that nothing was.
    made: the day of the export, such as 2025-01-31.
    """

    licence: str
    figures: pl.DataFrame = field(repr=False)
    decided: str = ""
    method: str = ""
    languages: Sequence[str] | None = None
    taken_out: Sequence[str] = ()
    looked: Looked | None = None
    made: str = field(default_factory=lambda: date.today().isoformat())


def card_text(
    card: Card,
    recipe: Recipe,
    judges: Mapping[str, Judge],
    files: Mapping[str, str],
    *,
    left_out: str = "",
    inside: Mapping[str, str] = NO_FILES,
) -> str:
    """README.md: front matter, then what was chosen, how, and what to mind.

    ``files`` are the configs, each with the file of the bundle that holds it; the first is the default.
    ``left_out``: which of the chosen rows the training file has no place for, in words.
    ``inside``: every file of the export with what it is.
    """
    chosen, rows = recipe.outcome.selected, recipe.source.rows
    parts = (
        f"---\n{yaml.safe_dump(front(card, recipe, files), sort_keys=False)}---\n\n{MARK}",
        f"# {_plain(title(recipe))}",
        f"{counted(chosen, 'row')} of the {rows:,} of {_plain(recipe.source.name)}, chosen with Winnow.",
        _why(recipe.why),
        _licence(card.licence),
        _configs(files),
        _how(card, recipe, left_out),
        _figures(card.figures),
        _judges(judges, recipe.scores),
        _looked(card.looked or Looked(rows)),
        f"## Limits\n\n{_bullets([*LIMITS, EMBEDDED[recipe.source.embed], MODEL_OUTPUT])}",
        _files(inside),
        "## Again\n\n`python -m core replay recipe.yaml` gives the same ids from the same source, or says "
        "what differs.\n`sha256sum -c SHA256SUMS` checks the files.",
        END,
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def front(card: Card, recipe: Recipe, files: Mapping[str, str]) -> dict[str, Any]:
    """What the hub reads of a card."""
    configs: list[dict[str, Any]] = [
        {"config_name": name, "data_files": [{"split": "train", "path": path}]}
        for name, path in files.items()
    ]
    configs[0]["default"] = True
    size = next((name for limit, name in SIZES if recipe.outcome.selected < limit), LARGEST)
    return {
        **licence_of(card.licence).front(),
        **({"language": list(card.languages)} if card.languages else {}),
        "pretty_name": title(recipe),
        "size_categories": [size],
        "source_datasets": [hub_name(recipe.source.name)],
        "task_categories": ["text-generation"],
        "tags": list(TAGS),
        "configs": configs,
    }


def hub_name(source: str) -> str:
    """Owner and name of a dataset on the hub, however it is written; any other source as it is called."""
    found = HUB_NAME.fullmatch(source)
    return found[1] if found else source


def title(recipe: Recipe) -> str:
    """What the card is headed with."""
    chosen = counted(recipe.outcome.selected, "row")
    return f"{plain_name(recipe.source.name)}: {chosen} by {recipe.choice.strategy}"


def _why(text: str) -> str:
    """What the person who chose says of it; nothing where they say nothing."""
    return f"## Why these rows\n\n{quoted_why(text)}" if text else ""


def _licence(text: str) -> str:
    """The licence, and in words what it forbids."""
    licence = licence_of(text)
    where = f" ([its text]({licence.link}))" if licence.link else ""
    named = (f"As the source: `{licence.name}`{where}.",) if licence.is_known else ()
    return "\n\n".join(("## Licence", *named, *licence.terms))


def _configs(files: Mapping[str, str]) -> str:
    table = _table("Configs", ("config", "file"), [(name, f"`{file}`") for name, file in files.items()])
    return f'{table}\n\n`datasets.load_dataset(folder, "random_control")` reads one of them.'


def _how(card: Card, recipe: Recipe, left_out: str) -> str:
    """The decisions, what stands behind them, and what has to be said of them."""
    notes = [_plain(note) for note in (*card.taken_out, *recipe.outcome.notes)]
    notes += [f"Of the chosen rows, the training file: {_plain(left_out)}."] if left_out else []
    parts = (
        "## How the rows were chosen",
        *(_plain(each) for each in (card.decided, card.method)),
        _lines([("decision", "value"), *((_plain(name), _plain(value)) for name, value in facts(recipe))]),
        _bullets(notes),
    )
    return "\n\n".join(filter(None, parts))


def _figures(figures: pl.DataFrame) -> str:
    """Those that there are, beside random draws."""
    known = figures.filter(pl.col("selection").is_not_null())
    lines = [tuple(map(_number, row)) for row in known.iter_rows()]
    return f"{_table('Figures', known.columns, lines)}\n\n{BESIDE_RANDOM}"


def _looked(looked: Looked) -> str:
    """What was looked for in the rows, and what was found."""
    said = f"## What was looked for\n\n{_bullets(looked.sentences)}"
    return f"{said}\n\n{_lines([HEAD, *looked.table])}" if looked.table else said


def _files(inside: Mapping[str, str]) -> str:
    lines = [(f"`{name}`", _plain(what)) for name, what in inside.items()]
    return _table("Files", ("file", "what it is"), lines) if lines else ""


def _judges(judges: Mapping[str, Judge], sources: Sequence[JudgeSource]) -> str:
    if not judges:
        return "## Judges\n\nNone: the source has no scores."
    decided = [each for each in sources if not each.left_out]
    own = [each for each in decided if not each.model]
    rows = [
        (_plain(each.name), f"{each.low:g} to {each.high:g}", f"{each.scored:,}", f"{each.unscored:,}")
        for each in judges.values()
    ]
    parts = [
        _table("Judges", ("judge", "scores seen", "scored", "unscored"), rows),
        "A row without the chosen judge's score is not eligible. "
        + _sources(own, models=len(own) < len(decided)),
        _bullets([_plain(f"{each.judge}: {judge_in_words(each)}.") for each in own]),
        _models(sources),
    ]
    if (found := agreement(judges)) is not None:
        pairs = [
            (_plain(f"{each.one}, {each.other}"), f"{each.rows:,}", _share(each.spearman))
            for each in found.pairs
        ]
        parts += [
            "### How far they agree",
            found.sentence,
            _lines([("judges", "rows that both scored", "Spearman's correlation"), *pairs]),
        ]
    return "\n\n".join(filter(None, parts))


def _sources(own: Sequence[JudgeSource], *, models: bool) -> str:
    """What judges are, in a sentence; ``own``: those that were decided on and are no models."""
    if models:
        return MODELS_AND_DECIDED if own else MODELS_TOO
    return JUDGES_DECIDED if own else JUDGES_FOUND


def _models(sources: Sequence[JudgeSource]) -> str:
    """How each model was asked, and what became of the rows."""
    lines = [
        tuple(map(_plain, (each.judge, *each.model.line, f"{each.file}, {each.file_sha256[:HASH]}")))
        for each in sources
        if each.model is not None and not each.left_out
    ]
    if not lines:
        return ""
    return f"### Models that judged\n\n{MODELS_ASKED}\n\n{_lines([('judge', *LINE, 'file, sha256'), *lines])}"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return f"## {title}\n\n{_lines([head, *rows])}"


def _lines(rows: Sequence[Sequence[str]]) -> str:
    head, *others = rows
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ("---",) * len(head), *others))


def _bullets(texts: Sequence[str]) -> str:
    return "\n".join(f"* {text}" for text in texts)


def _number(value: str | float | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 1_000 else f"{value:.4g}"


def _plain(text: str) -> str:
    """A text of somebody else on one line, without the marks that Markdown and HTML act on."""
    line = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]<>|#!])", r"\\\1", line)
