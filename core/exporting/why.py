"""Why these rows: a few words of the person who chose them, for the recipe, the card and the report."""

from __future__ import annotations

import re

from core.errors import ParameterError

LONGEST = 2_000  # characters
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
ACTS = re.compile(r"([\\`*_~\[\]<>|#!&$@])")  # what Markdown, HTML and the hub act on, wherever it stands
BEGINS = re.compile(r"^(\d{0,9})([-+=.):])")  # and what it acts on at the beginning of a line


def checked_why(text: str) -> str:
    """The text as it is kept: without control characters, one kind of line end, no blanks around it.

    Raises:
        ParameterError: it is longer than 2,000 characters.
    """
    lines = (CONTROLS.sub("", line).rstrip() for line in re.split(r"\r\n|[\r\n\x85\u2028\u2029]", text))
    kept = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    if len(kept) > LONGEST:
        raise ParameterError(
            f"Why these rows has {len(kept):,} characters, and there is room for {LONGEST:,}.",
            "Say the rest where there is more room, and name that place here.",
        )
    return kept


def quoted_why(text: str) -> str:
    """The text as a quotation in Markdown, a paragraph each line; nothing in it acts on the page."""
    lines = (BEGINS.sub(r"\1\\\2", ACTS.sub(r"\\\1", line.strip())) for line in text.split("\n"))
    return "\n>\n".join(f"> {line}" for line in lines if line)
