"""What leaves Winnow: the chosen rows, their ids, a sidecar of reasons and a recipe."""

from core.exporting.bundle import CONTENTS, Bundle, archive, write_bundle
from core.exporting.formats import FORMATS, TrainingFormat, training_format
from core.exporting.preflight import TRAINERS, Fate, Preflight, preflight
from core.exporting.recipe import Recipe, Source, Traces, ids_digest, library_version, recipe_of
from core.exporting.recipe_file import read_recipe

__all__ = [
    "CONTENTS",
    "FORMATS",
    "TRAINERS",
    "Bundle",
    "Fate",
    "Preflight",
    "Recipe",
    "Source",
    "Traces",
    "TrainingFormat",
    "archive",
    "ids_digest",
    "library_version",
    "preflight",
    "read_recipe",
    "recipe_of",
    "training_format",
    "write_bundle",
]
