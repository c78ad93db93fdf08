"""The rule ``outside-region``: what does not belong to a task is taken out, so that its region is the pool.

The examples stand in the settings, as texts or as ids, so that a recipe holds them and a replay embeds them
again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from core.domain import OptionValue, Positions
from core.errors import ParameterError
from core.finder import Finder
from core.stages import Stages

NAME = "outside-region"
NO_DISTANCE = -1.0  # only clusters count
SETTINGS: dict[str, OptionValue] = {"examples": "[]", "clusters": "", "distance": NO_DISTANCE}
HINT = "Give examples, and a distance or clusters."


def region_settings(
    texts: Sequence[str] = (), *, max_distance: float | None = None, clusters: Collection[int] = ()
) -> dict[str, OptionValue]:
    """The settings of the rule.

    Args:
        texts: examples from elsewhere; rows of the dataset are named by id beside the settings.
        max_distance: cosine, inclusive, to the nearest few examples; None where only clusters count.
        clusters: labels of the clusters of the whole file whose rows all belong to the region.
    """
    return {
        "examples": json.dumps(list(texts), ensure_ascii=False),
        "clusters": ",".join(str(each) for each in sorted(clusters)),
        "distance": NO_DISTANCE if max_distance is None else float(max_distance),
    }


def outside_region(
    stages: Stages, settings: Mapping[str, OptionValue], ids: frozenset[str] = frozenset()
) -> Positions:
    """(k,) rows of a whole file that are not in the region that the settings describe.

    Raises:
        ParameterError: the settings cannot be read, there is no example, or no row is in the region.
        ModelError: the examples cannot be embedded as the rows were.
    """
    texts, clusters, distance = _read(settings)
    frame = stages.dataset.frame
    rows = frame["id"].is_in(list(ids)).arg_true().to_numpy().astype(np.int64)
    if len(rows) < len(ids):
        raise ParameterError(f"Not all examples are in {stages.dataset.name}.", "Name rows by their id.")
    region = Finder(stages).region(texts, rows)
    inside = region.inside(None if distance < 0 else distance, clusters)
    if not inside.any():
        raise ParameterError(
            f"No row lies within {distance:g} of the examples.",
            f"The nearest lies at {float(str(region.distances.min())):g}: choose a larger distance.",
        )
    return np.flatnonzero(~inside)


def _read(settings: Mapping[str, OptionValue]) -> tuple[list[str], list[int], float]:
    """Texts, clusters and distance; a recipe is input like any other."""
    try:
        texts = json.loads(str(settings["examples"]))
        clusters = [int(each) for each in str(settings["clusters"]).split(",") if each]
        distance = float(settings["distance"])
    except ValueError as cause:
        raise ParameterError("The region of the task cannot be read.", HINT) from cause
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ParameterError("The examples of the task are no list of texts.", HINT)
    if not clusters and not distance >= 0:
        raise ParameterError("The region of the task has neither a distance nor a cluster.", HINT)
    return texts, clusters, distance
