"""The shapes of instruction data: one file a schema, and the registry that tells which one a file has."""

from core.loading.schemas.registry import (
    LEAST,
    SCHEMAS,
    best,
    checked,
    is_conversation,
    known,
    proposed,
    recognise,
    schema,
)
from core.loading.schemas.schema import Candidate, Canonical, Role, Schema
from core.loading.schemas.texts import MESSAGES, as_texts, blank
from core.loading.schemas.written import by_role, from_roles, read_mapping, typed, written

__all__ = [
    "LEAST",
    "MESSAGES",
    "SCHEMAS",
    "Candidate",
    "Canonical",
    "Role",
    "Schema",
    "as_texts",
    "best",
    "blank",
    "by_role",
    "checked",
    "from_roles",
    "is_conversation",
    "known",
    "proposed",
    "read_mapping",
    "recognise",
    "schema",
    "typed",
    "written",
]
