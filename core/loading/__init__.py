"""A file becomes a ``Dataset``: read, recognised, checked, with every problem counted."""

from core.loading.dataset import load
from core.loading.examples import read_examples, split_examples
from core.loading.folders import Files, stamp
from core.loading.hub import (
    Listing,
    Reference,
    fetch,
    here,
    hub_folder,
    is_hub,
    is_pinned,
    look,
    opened,
    reference,
)
from core.loading.part import ids_sha256, staying, without
from core.loading.previews import Conversation, Preview, preview
from core.loading.schemas import SCHEMAS, by_role, from_roles, read_mapping, typed, written
from core.loading.sources import allowed_path, keep
from core.loading.whereabouts import place_of, short_place_of

__all__ = [
    "SCHEMAS",
    "Conversation",
    "Files",
    "Listing",
    "Preview",
    "Reference",
    "allowed_path",
    "by_role",
    "fetch",
    "from_roles",
    "here",
    "hub_folder",
    "ids_sha256",
    "is_hub",
    "is_pinned",
    "keep",
    "load",
    "look",
    "opened",
    "place_of",
    "preview",
    "read_examples",
    "read_mapping",
    "reference",
    "short_place_of",
    "split_examples",
    "stamp",
    "staying",
    "typed",
    "without",
    "written",
]
