"""Examples of a task: lines of text, or the prompts of a file of any known shape."""

from __future__ import annotations

import re
from pathlib import Path

from core.domain import EMBED_CHOICES
from core.errors import DataError
from core.loading.dataset import load

PLAIN = (".txt", ".md", ".text")
MOST_BYTES = 20_000_000  # of a text file
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


def split_examples(text: str) -> tuple[str, ...]:
    """The distinct examples of a text, in order: one a line, or parted by blank lines where there is one."""
    plain = text.replace("\r\n", "\n").strip()
    parts = _BLANK_LINE.split(plain) if _BLANK_LINE.search(plain) else plain.split("\n")
    return _distinct(parts)


def read_examples(path: str | Path) -> tuple[str, ...]:
    """The distinct examples of a file: a text as in ``split_examples``, or the prompts of a dataset.

    Raises:
        DataError: the file cannot be read, is of no known shape, or holds no example.
    """
    path = Path(path)
    if path.suffix.lower() in PLAIN:
        found = split_examples(_text(path))
    else:
        found = _distinct(load(path, embed=EMBED_CHOICES[0]).frame["prompt"].to_list())
    if not found:
        raise DataError(f"{path.name} holds no example.", "Write one a line, or name a file of rows.")
    return found


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as cause:
        raise DataError(
            f"The examples in {path} could not be read: {cause.strerror or cause}.", "Name another file."
        ) from cause
    if len(content) > MOST_BYTES:
        raise DataError(f"{path.name} is too large for examples.", "Name a file of at most 20 MB.")
    return content.decode("utf-8-sig", "replace")


def _distinct(parts: list[str | None] | list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in parts if part and part.strip()))
