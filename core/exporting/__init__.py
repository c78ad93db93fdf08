"""What leaves Winnow: the chosen rows, their ids, a sidecar of reasons and a recipe."""

from core.exporting.bundle import CONTENTS, Bundle, archive, write_bundle
from core.exporting.formats import FORMATS, TrainingFormat, training_format
from core.exporting.recipe import Recipe, recipe_of

__all__ = [
    "CONTENTS",
    "FORMATS",
    "Bundle",
    "Recipe",
    "TrainingFormat",
    "archive",
    "recipe_of",
    "training_format",
    "write_bundle",
]
