"""Two texts word by word: what both say, and what only one of them does."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import NamedTuple

MOST_WORDS = 1200  # of a text that are compared; the time grows with their product
WORDS = re.compile(r"\s+|\w+|[^\w\s]")


class Piece(NamedTuple):
    """A run of words, and whether the other text lacks it here."""

    text: str
    differs: bool


Pieces = tuple[Piece, ...]


def differences(one: str, other: str) -> tuple[Pieces, Pieces]:
    """Both texts in pieces whose concatenation is the text; longer ones end after ``MOST_WORDS``."""
    first, second = WORDS.findall(one)[:MOST_WORDS], WORDS.findall(other)[:MOST_WORDS]
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        differs = kind != "equal"
        left += [Piece("".join(first[a:b]), differs)] if b > a else []
        right += [Piece("".join(second[c:d]), differs)] if d > c else []
    return tuple(left), tuple(right)
