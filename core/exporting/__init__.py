"""What leaves Winnow: the chosen rows, their ids, a sidecar of reasons, a recipe and a report."""

from core.exporting.bundle import (
    Bundle,
    archive,
    bundled_report,
    prepared_rows,
    training_of,
    write_bundle,
)
from core.exporting.card import EMBEDDED, Card
from core.exporting.earlier import digest_of_bytes, sha256_of
from core.exporting.formats import FORMATS, SPREADSHEET, Held, TrainingFormat, training_format
from core.exporting.issues import ISSUES, MENDABLE, Lengths
from core.exporting.layout import (
    CHOICES,
    EVERYTHING,
    ON_REQUEST,
    Layout,
    Part,
    contents,
    layout,
    layout_of,
    offered,
    parts_of,
)
from core.exporting.licences import (
    LICENCES,
    MODEL_OUTPUT,
    UNKNOWN,
    Licence,
    checked_licence,
    licence_beside,
    licence_in,
    licence_of,
)
from core.exporting.looked import HEAD as LOOKED_HEAD
from core.exporting.looked import Checked, Looked, Searched
from core.exporting.mending import DEFAULT_TOKENIZER, Mending, Prepared, checked_mending, prepare
from core.exporting.merging import merged_card
from core.exporting.names import CARD_CONTENTS, CONTENTS, CROISSANT, README, REPORT_CONTENTS, SUMS
from core.exporting.preflight import (
    TRAINERS,
    Fate,
    Found,
    Preflight,
    every_issue,
    every_preflight,
    preflight,
)
from core.exporting.recipe import Recipe, Source, Traces, ids_digest, library_version, recipe_of
from core.exporting.recipe_file import parse_recipe, read_recipe
from core.exporting.report import Report, report_html
from core.exporting.sidecar import Edge
from core.exporting.snippets import SNIPPETS, snippet_files
from core.exporting.taken import Out
from core.exporting.why import LONGEST as LONGEST_WHY
from core.exporting.why import checked_why

__all__ = [
    "CARD_CONTENTS",
    "CHOICES",
    "CONTENTS",
    "CROISSANT",
    "DEFAULT_TOKENIZER",
    "EMBEDDED",
    "EVERYTHING",
    "FORMATS",
    "ISSUES",
    "LICENCES",
    "LONGEST_WHY",
    "LOOKED_HEAD",
    "MENDABLE",
    "MODEL_OUTPUT",
    "ON_REQUEST",
    "README",
    "REPORT_CONTENTS",
    "SNIPPETS",
    "SPREADSHEET",
    "SUMS",
    "TRAINERS",
    "UNKNOWN",
    "Bundle",
    "Card",
    "Checked",
    "Edge",
    "Fate",
    "Found",
    "Held",
    "Layout",
    "Lengths",
    "Licence",
    "Looked",
    "Mending",
    "Out",
    "Part",
    "Preflight",
    "Prepared",
    "Recipe",
    "Report",
    "Searched",
    "Source",
    "Traces",
    "TrainingFormat",
    "archive",
    "bundled_report",
    "checked_licence",
    "checked_mending",
    "checked_why",
    "contents",
    "digest_of_bytes",
    "every_issue",
    "every_preflight",
    "ids_digest",
    "layout",
    "layout_of",
    "library_version",
    "licence_beside",
    "licence_in",
    "licence_of",
    "merged_card",
    "offered",
    "parse_recipe",
    "parts_of",
    "preflight",
    "prepare",
    "prepared_rows",
    "read_recipe",
    "recipe_of",
    "report_html",
    "sha256_of",
    "snippet_files",
    "training_format",
    "training_of",
    "write_bundle",
]
