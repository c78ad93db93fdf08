"""Responses that go round in circles: lines, phrases or characters said again and again."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.health.check import Check, Found
from core.health.looking import RESPONSE, found_at

GROUP = "Repetition"
LINE_CHARS = 12  # shorter lines, as a closing bracket, come again in any code
LINE_TIMES, LINE_SHARE = 4, 0.4  # how often, and how much of all lines
LONGEST_PHRASE = 16  # words
PHRASE_TIMES, PHRASE_WORDS = 4, 12  # how often in a row, and how many words at least that is
ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}"  # scripts that put no space between words
WORD = rf"[{ALONE}]|[^\s{ALONE}]+"
NO_PROSE = frozenset("=<>(){}[]/\\|$%&_*+#@0123456789")  # code and tables repeat by right
RUN = 12  # the same letter in a row
SIGNS = 24  # the same other sign
DRAWN = frozenset("\0-=_*#.~+|/\\'\"`^<>:;,()[]{}─━═│█░▓▒•·")  # rules and tables
PART = 20_000  # rows that are looked at together


def _lines(frame: pl.DataFrame) -> Found:
    """The same long line over and over; code may have one by right."""
    many = RESPONSE.str.count_matches("\n", literal=True) >= LINE_TIMES - 1
    lines = (
        frame.lazy().with_row_index("row").filter(many)
        .select("row", line=RESPONSE.str.split("\n")).explode("line")
        .with_columns(pl.col("line").str.strip_chars()).filter(pl.col("line") != "")
        .group_by("row", "line").len("times")
    )  # fmt: skip
    of_all = pl.col("times").sum().over("row")
    long = pl.col("line").str.len_chars() >= LINE_CHARS
    spoken = pl.col("line").str.contains(r"\p{L}{3}") & ~pl.col("line").str.contains(r"[=(){}<>;\[\]]")
    often = (pl.col("times") >= LINE_TIMES) & (pl.col("times") >= LINE_SHARE * of_all)
    found = (
        lines.filter(often & long & spoken).sort("row", "times", "line", descending=[False, True, False])
        .unique("row", keep="first", maintain_order=True).collect()
    )  # fmt: skip
    return found_at(found["row"].to_list(), found["line"].to_list())


def _phrases(frame: pl.DataFrame) -> Found:
    """The same words back to back; longest phrases last, so that the shortest loop is what is seen."""
    rows: list[int] = []
    seen: list[str] = []
    for start in range(0, frame.height, PART):
        words = (
            frame.lazy().slice(start, PART).with_row_index("row", offset=start)
            .select("row", word=RESPONSE.str.to_lowercase().str.extract_all(WORD))
            .explode("word").drop_nulls().collect()
        )  # fmt: skip
        found = _loops(words["word"].hash().to_numpy(), words["row"].to_numpy())
        for first, period in found:
            phrase = " ".join(words["word"][first : first + period])
            if not NO_PROSE & set(phrase) and any(character.isalpha() for character in phrase):
                rows.append(int(words["row"][first]))
                seen.append(phrase)
    return found_at(rows, seen)


def _loops(words: NDArray[np.uint64], rows: NDArray[np.uint32]) -> list[tuple[int, int]]:
    """(place, words of the phrase) of the first loop of each row, by row."""
    first: dict[int, tuple[int, int]] = {}
    for period in range(1, LONGEST_PHRASE + 1):
        if len(words) <= period:
            break
        again = (words[period:] == words[:-period]) & (rows[period:] == rows[:-period])
        edges = np.flatnonzero(np.diff(np.concatenate(([0], again.view(np.int8), [0]))))
        starts, lengths = edges[::2], edges[1::2] - edges[::2]
        enough = lengths >= max(PHRASE_TIMES * period, PHRASE_WORDS) - period
        for place in starts[enough].tolist():
            first.setdefault(int(rows[place]), (place, period))
    return [first[row] for row in sorted(first)]


def _characters(frame: pl.DataFrame) -> Found:
    """One character many times in a row; signs that draw lines and tables may come more often."""
    rows: list[int] = []
    seen: list[str] = []
    for start in range(0, frame.height, PART):
        texts = frame.lazy().slice(start, PART).select(RESPONSE).collect().to_series()
        codes = np.frombuffer("\0".join(texts).encode("utf-32-le"), dtype=np.uint32)
        ends = np.cumsum(texts.str.len_chars().to_numpy().astype(np.int64) + 1)
        edges = np.flatnonzero(np.diff(codes, prepend=0xFFFFFFFF))
        lengths = np.diff(edges, append=len(codes))
        for run in np.flatnonzero(lengths >= RUN).tolist():
            character, row = (
                chr(int(codes[edges[run]])),
                start + int(np.searchsorted(ends, edges[run], "right")),
            )
            least = RUN if character.isalpha() else SIGNS
            drawn = character.isspace() or character in DRAWN or character.isdigit()
            if lengths[run] >= least and not drawn and (not rows or rows[-1] != row):
                rows.append(row)
                seen.append(character * int(min(lengths[run], 60)))
    return found_at(rows, seen)


CHECKS = (
    Check(
        "repeated-lines",
        "The same line again and again",
        "One line of 12 characters or more is at least four of ten lines, and four in all.",
        GROUP,
        1,
        _lines,
    ),
    Check(
        "loop",
        "The same words in a loop",
        "A phrase of up to 16 words is said four times or more in a row, 12 words at least.",
        GROUP,
        1,
        _phrases,
    ),
    Check(
        "character-run",
        "One character many times",
        "A letter comes 12 times in a row, or another sign 24 times; rules, tables and digits are left out.",
        GROUP,
        1,
        _characters,
    ),
)
