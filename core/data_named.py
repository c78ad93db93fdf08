"""The data that a command line or a recipe names: a file, a folder, or a dataset on the hub."""

from __future__ import annotations

from pathlib import Path

from core import opening
from core.domain import OnProgress
from core.errors import DataError
from core.exporting import Recipe
from core.loading import fetch, hub_folder, is_hub

DATA = "a file, a folder, folder:split, or hf://owner/name[@revision][/config][:split]"


def named(text: str) -> str | Path:
    """A dataset on the hub as it is written, or the path of a file or folder."""
    return text if is_hub(text) else Path(text)


def fetched(data: str | Path, home: Path, on_progress: OnProgress) -> str | Path:
    """The same data; of a dataset on the hub the files are downloaded first, and its revision is a commit.

    Raises:
        DataError, StoreError: as ``core.loading.fetch``.
    """
    if isinstance(data, Path):
        return data
    return str(fetch(data, hub_folder(home.expanduser()), on_progress=on_progress))


def data_of(path: Path, recipe: Recipe) -> str | Path:
    """The recipe's file beside the recipe or in this folder; its name alone counts, never a path in it.

    A dataset on the hub is named by its commit, so that it can be fetched again.

    Raises:
        DataError: it lies in neither place.
    """
    if is_hub(recipe.source.hub):
        return recipe.source.hub
    found = opening.data_of(recipe, (path.parent, Path()))
    if found is None:
        name = Path(recipe.source.name).name
        raise DataError(
            f"The recipe's data {name!r} lies neither beside it nor in this folder.",
            "Name it with --data FILE.",
        )
    return found
