"""What leaves Winnow: the chosen rows, their ids, a sidecar of reasons and a recipe."""

from core.exporting.bundle import CARD_CONTENTS, CONTENTS, Bundle, archive, write_bundle
from core.exporting.card import Card, checked_licence
from core.exporting.formats import FORMATS, TrainingFormat, training_format
from core.exporting.preflight import TRAINERS, Fate, Preflight, preflight
from core.exporting.recipe import Recipe, Source, Traces, ids_digest, library_version, recipe_of
from core.exporting.recipe_file import read_recipe

__all__ = [
    "CARD_CONTENTS",
    "CONTENTS",
    "FORMATS",
    "TRAINERS",
    "Bundle",
    "Card",
    "Fate",
    "Preflight",
    "Recipe",
    "Source",
    "Traces",
    "TrainingFormat",
    "archive",
    "checked_licence",
    "ids_digest",
    "library_version",
    "preflight",
    "read_recipe",
    "recipe_of",
    "training_format",
    "write_bundle",
]
