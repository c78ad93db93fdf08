"""Recipes read from a file that may come from a stranger: nothing in it is run, and all of it is checked."""

from __future__ import annotations

from pathlib import Path

import pydantic
import yaml

from core.errors import DataError
from core.exporting.recipe import SCHEMA_VERSION, Recipe

MOST_BYTES = 4_000_000  # room for more than a hundred thousand pins
DEEPEST = 12  # a recipe of this tool is three levels deep
EXPORT_AGAIN = "Take a recipe.yaml that an export wrote."


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        DataError: there is no such file, or it is no recipe that this version understands.
    """
    if not path.is_file():
        hint = "It is a folder; name the recipe.yaml in it." if path.is_dir() else "Check the path."
        raise DataError(f"There is no recipe {path}.", hint)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as cause:
        raise DataError(f"{path} could not be read: {cause.strerror or cause}.", "Check the file.") from cause
    return parse_recipe(content, path.name)


def parse_recipe(content: bytes, name: str) -> Recipe:
    """The recipe that is in some bytes.

    Raises:
        DataError: too large, too deep, with aliases, no YAML, or of another shape; says where.
    """
    if len(content) > MOST_BYTES:
        raise DataError(f"{name} is larger than {MOST_BYTES:,} bytes, so it is no recipe.", EXPORT_AGAIN)
    try:
        text = content.decode("utf-8-sig")
        _refuse_tricks(text, name)
        recipe = Recipe.from_yaml(text)
    except pydantic.ValidationError as cause:
        first = cause.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part)[:80] for part in first["loc"]) or "the whole"
        raise DataError(f"{name} is not a recipe: {where}: {first['msg']}.", EXPORT_AGAIN) from cause
    except (yaml.YAMLError, ValueError) as cause:  # no YAML, no UTF-8, a number or a date that is none
        why = str(cause).strip().partition("\n")[0][:200].rstrip(".")
        raise DataError(f"{name} is not a recipe: {why}.", EXPORT_AGAIN) from cause
    if not 1 <= recipe.recipe_version <= SCHEMA_VERSION:
        raise DataError(
            f"{name} is a recipe of version {recipe.recipe_version}; this tool reads up to {SCHEMA_VERSION}.",
            "Install the version of Winnow that wrote it, or a later one.",
        )
    return recipe


def _refuse_tricks(text: str, name: str) -> None:
    """Walk over the text without building anything from it: aliases and deep nesting are refused."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise DataError(f"{name} refers to parts of itself, which no recipe does.", EXPORT_AGAIN)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise DataError(f"{name} is nested deeper than a recipe is.", EXPORT_AGAIN)
