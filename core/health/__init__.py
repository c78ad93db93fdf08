"""What may be wrong with the rows of a dataset: pure checks, each with what it saw; none takes a row out."""

from core.health import (
    attachments,
    broken,
    encoding,
    languages,
    private,
    refusals,
    repetition,
    residue,
    style,
)
from core.health.check import Check, Found
from core.health.leakage import Leaks, leaked
from core.health.private import masked

FAMILIES = (broken, refusals, repetition, encoding, languages, attachments, residue, private, style)
CHECKS: tuple[Check, ...] = tuple(check for family in FAMILIES for check in family.CHECKS)
"""Every check, in the order in which they are shown."""

PRIVATE = private.GROUP
"""The group whose rows are shown masked."""

COUNTED = frozenset({"bare-link", *(check.name for check in style.CHECKS)})
"""The checks that only count: what they say is no reason to take a row out."""

__all__ = ["CHECKS", "COUNTED", "PRIVATE", "Check", "Found", "Leaks", "leaked", "masked"]
