"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return "1 row" or "2,000 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def all_are(number: int, noun: str) -> str:
    """Return "The one row is", "All 2,000 rows are" or "No row is"."""
    if number == 0:
        return f"No {noun} is"
    return f"The one {noun} is" if number == 1 else f"All {counted(number, noun)} are"
