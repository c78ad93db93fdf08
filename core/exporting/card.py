"""The dataset card: README.md with the front matter that the Hugging Face hub reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from core.domain import Judge
from core.errors import ParameterError
from core.exporting.recipe import Recipe
from core.wording import counted

MARK = "<!-- A card that Winnow wrote: another export into this folder replaces it. -->"
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST = "1M<n<10M"
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]{1,59}")
TERMS = {
    "nc": "**Non-commercial.** The source may not be used for commercial ends, and neither may this "
    "subset. Ask before you sell what was trained on it.",
    "nd": "**No derivatives.** The source may not be passed on in a changed form, and a subset is likely "
    "to be one: ask its owner before you publish this.",
    "sa": "**Share alike.** What is made from it has to carry the same licence.",
}
LIMITS = """\
* A choice of rows, not a correction: what is wrong, dated or biased in a row of the source is so here.
* A score is what its judge said. It was not checked by people for this card.
* Vectors are made of the prompts alone, as far as the model reads them; answers have no part in them.
* At large scale random rows are hard to beat (arXiv 2410.09335): train on `random_control` as well.
* Personal data and overlap with benchmarks were not looked for."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a card needs beside the recipe.

    licence: of the source, as the hub writes it, such as cc-by-4.0: a subset keeps it.
    figures: metric | selection | random mean, low, high | pool.
    """

    licence: str
    figures: pl.DataFrame = field(repr=False)


def checked_licence(text: str) -> str:
    """The licence in lower case.

    Raises:
        ParameterError: none is named, or it is not written as an identifier.
    """
    licence = text.strip().lower()
    if not licence:
        raise ParameterError(
            "A card needs the licence of the source.", "Name it, such as cc-by-4.0 or apache-2.0."
        )
    if not LICENCE.fullmatch(licence):
        raise ParameterError(
            f"{licence[:60]!r} is not the identifier of a licence.",
            "Write it as the hub does, such as cc-by-4.0.",
        )
    return licence


def card_text(card: Card, recipe: Recipe, judges: Mapping[str, Judge], files: Mapping[str, str]) -> str:
    """README.md: front matter, then what was chosen, how, and what to mind.

    ``files`` are the configs, each with the file of the bundle that holds it; the first is the default.
    """
    chosen, rows = recipe.outcome.selected, recipe.source.rows
    parts = (
        f"---\n{yaml.safe_dump(_front(card, recipe, files), sort_keys=False)}---\n\n{MARK}",
        f"# {_plain(_title(recipe))}",
        f"{counted(chosen, 'row')} of the {rows:,} of {_plain(recipe.source.name)}, chosen with Winnow.",
        _licence(card.licence),
        _table("Configs", ("config", "file"), [(name, f"`{file}`") for name, file in files.items()]),
        _table("How the rows were chosen", ("decision", "value"), _decisions(recipe)),
        *(f"* {_plain(note)}" for note in recipe.outcome.notes),
        _table(
            "Figures", card.figures.columns, [tuple(map(_number, row)) for row in card.figures.iter_rows()]
        ),
        _judges(judges),
        f"## Limits\n\n{LIMITS}",
        "## Again\n\n`python -m core replay recipe.yaml` gives the same ids from the same source, or says "
        "what differs.\n`sha256sum -c SHA256SUMS` checks the files.",
    )
    return "\n\n".join(parts) + "\n"


def _front(card: Card, recipe: Recipe, files: Mapping[str, str]) -> dict[str, Any]:
    configs: list[dict[str, Any]] = [
        {"config_name": name, "data_files": [{"split": "train", "path": path}]}
        for name, path in files.items()
    ]
    configs[0]["default"] = True
    size = next((name for limit, name in SIZES if recipe.outcome.selected < limit), LARGEST)
    return {
        "license": checked_licence(card.licence),
        "pretty_name": _title(recipe),
        "size_categories": [size],
        "source_datasets": [recipe.source.name],
        "task_categories": ["text-generation"],
        "tags": ["instruction-tuning", "data-selection", "winnow"],
        "configs": configs,
    }


def _title(recipe: Recipe) -> str:
    chosen = counted(recipe.outcome.selected, "row")
    return f"{Path(recipe.source.name).stem}: {chosen} by {recipe.choice.strategy}"


def _licence(licence: str) -> str:
    """The licence, and in words what it forbids."""
    licence = checked_licence(licence)
    said = [text for part, text in TERMS.items() if part in licence.split("-")]
    return "\n\n".join((f"## Licence\n\nAs the source: `{licence}`.", *said))


def _decisions(recipe: Recipe) -> list[tuple[str, str]]:
    choice, outcome = recipe.choice, recipe.outcome
    options = ", ".join(f"{name} {value}" for name, value in choice.options.items())
    tie = f"{outcome.chosen_from_the_tie:,} of {outcome.tied_at_the_cut:,} tied rows, by {outcome.tie_rule}"
    said = (
        ("judge", choice.judge),
        ("threshold", None if choice.min_score is None else f"at least {choice.min_score:g}"),
        ("eligible rows", f"{outcome.eligible:,}"),
        ("count asked for", None if choice.count is None else f"{choice.count:,}"),
        ("strategy", f"{choice.strategy} {options}".strip()),
        ("seed", str(choice.seed)),
        ("pinned", f"{len(choice.include):,} in, {len(choice.exclude):,} out"),
        ("out of a tie", tie if outcome.tied_at_the_cut else None),
        ("embedding model", f"{recipe.vectors.get('model')}, {recipe.vectors.get('precision')}"),
        (
            "cut at the model's limit",
            f"{counted(int(recipe.vectors.get('truncated', 0)), 'prompt')} of the source",
        ),
    )
    return [(name, _plain(value)) for name, value in said if value is not None]


def _judges(judges: Mapping[str, Judge]) -> str:
    if not judges:
        return "## Judges\n\nNone: the source has no scores."
    rows = [
        (_plain(each.name), f"{each.low:g} to {each.high:g}", f"{each.scored:,}", f"{each.unscored:,}")
        for each in judges.values()
    ]
    table = _table("Judges", ("judge", "scores seen", "scored", "unscored"), rows)
    return (
        f"{table}\n\nJudges are columns of the source. A row without the chosen one's score is not eligible."
    )


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return f"## {title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


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
