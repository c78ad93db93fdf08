"""What stands behind the decisions of a recipe: everything that their sentence does not say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.exporting.recipe import JudgeSource, Recipe
from core.wording import counted

ENDINGS = {".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".txt", ".gz", ".zst", ".zip"}


def facts(recipe: Recipe) -> list[tuple[str, str]]:
    """Name and value of each, for a table of two columns."""
    choice, outcome = recipe.choice, recipe.outcome
    tie = f"{outcome.chosen_from_the_tie:,} of {outcome.tied_at_the_cut:,} tied rows, by {outcome.tie_rule}"
    cut = int(recipe.vectors.get("truncated", 0))
    said = (
        ("eligible rows", f"{outcome.eligible:,}"),
        ("count asked for", None if choice.count is None else f"{choice.count:,}"),
        ("seed", str(choice.seed)),
        ("out of a tie", tie if outcome.tied_at_the_cut else None),
        ("embedding model", f"{recipe.vectors.get('model')}, {recipe.vectors.get('precision')}"),
        ("not embedded", _left_out(len(recipe.source.left_out))),
        ("cut at the model's limit", f"{counted(cut, 'prompt')} of the source"),
        *((f"judge {each.judge}", judge_in_words(each)) for each in recipe.scores if not each.left_out),
        *((f"no judge: {each.judge}", "by decision") for each in recipe.scores if each.left_out),
    )
    return [(name, value) for name, value in said if value is not None]


def plain_name(source: str) -> str:
    """The last part of a source's name, without the endings of data files."""
    path = Path(source)
    while path.suffix.lower() in ENDINGS and path.stem:
        path = path.with_suffix("")
    return path.name


def judge_in_words(source: JudgeSource) -> str:
    """Where the scores of a judge come from, and what became of them."""
    return "; ".join(_of_the_judge(source))


def _of_the_judge(source: JudgeSource) -> Iterator[str]:
    if source.model is not None:
        yield f"{source.model.sentence}; frozen in {source.file}"
    elif source.rule:
        yield f"{source.rule} of {', '.join(source.joins)}"
    elif source.file is None:
        yield f"column {source.column}"
    else:
        key = source.joined_by
        pair = key if key == source.joined_key else f"{key} = {source.joined_key}"
        yield f"column {source.column} of {source.file}, joined {f'by {pair}' if key else 'row by row'}"
    if source.scale is not None:
        low, high, to_low, to_high = source.scale
        yield f"{low:g} to {high:g} put on {to_low:g} to {to_high:g}"
    if source.invert:
        yield "lower is better there, so turned round"
    if source.labels:
        yield "labels " + ", ".join(f"{label} = {score:g}" for label, score in source.labels.items())
    if source.unscored:
        yield f"{', '.join(f'{each:g}' for each in source.unscored)} as unscored"


def _left_out(pieces: int) -> str | None:
    return f"{counted(pieces, 'piece')} of text that many prompts share" if pieces else None
