"""Text that most prompts share: where it begins them, divides them, ends them; and the prompts without it.

A wrapper such as ``### Instruction: ... ### Response:`` would decide the map, because every row has it. A
piece counts by its length, its place and the share of *different* texts that have it: a row that is repeated
a thousand times is one text, and words that many questions happen to begin with are too short.
"""

from __future__ import annotations

import heapq
import math
import zlib
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from core.domain import Piece, Problem
from core.loading.columns import AT_ONCE, one_by_one

FEWEST = 50  # different texts of a file in which anything is looked for
LOOKED_AT = 20_000  # different texts that pieces are looked for in, drawn by their content
REACH = 8_192  # characters of a text, from either end, that a piece may lie in
MOST = 0.5  # share of the different texts from which on a piece is one of the whole file
SOME = 0.1  # share from which on it may be the template of one source among several
SEVERAL = 20  # different texts that have a piece, at least
RESIDUE = (
    0.01  # share of texts that have a shorter piece and no longer one, from which on it counts by itself
)
MARK, MARK_OF_SOME = 6, 8  # characters, blanks left out, of a line that ends in a colon or begins with a sign
WORDS, LINE_OF_SOME, WORDS_OF_SOME = (
    16,
    24,
    40,
)  # of words of most rows; of a whole line of some; within a line
LONGEST_LABEL = 60  # characters of a line, or of its beginning up to a colon, that may divide a prompt
SIGNS = ("#", "<", "[")
PUNCTUATION = ".,;!?\"'()"
PROBES = 64  # texts that are asked whether a word ends where a piece does
SYSTEM = "system"
BEGINS, BETWEEN, ENDS = "begins", "between", "ends"
KEEP_ALL = "all"
SAID = {
    BEGINS: "prompts that begin as many others do",
    BETWEEN: "prompts divided as many others are",
    ENDS: "prompts that end as many others do",
    SYSTEM: "rows of one system text, which is never part of the map",
}
QUOTED = 60  # characters of a piece in a sentence


class Shared(NamedTuple):
    """What many prompts share, and which pieces of it are left out of what is embedded."""

    found: tuple[Piece, ...]
    left_out: tuple[Piece, ...]

    @property
    def named(self) -> list[str]:
        """What tells texts without these pieces from others; empty where nothing is cut."""
        pieces = sorted({(piece.place, piece.text) for piece in self.left_out if piece.count})
        return ["left out", *(part for piece in pieces for part in piece)] if pieces else []

    @property
    def problems(self) -> tuple[Problem, ...]:
        """One a piece, with what becomes of it."""
        return tuple(Problem(self._said(piece), piece.count, (f"piece {piece.key}",)) for piece in self.found)

    def _said(self, piece: Piece) -> str:
        fate = "left out of the map" if piece in self.left_out else "kept in the map"
        fate = "" if piece.place == SYSTEM else f", {fate}"
        return f"{SAID[piece.place]}{fate}: {quoted(piece.text)}"


def look(
    texts: pl.Series,
    system: pl.Series,
    *,
    keep: Collection[str] = (),
    left_out: Sequence[Piece] | None = None,
) -> Shared:
    """The pieces that (n,) texts and system texts share, and those that are left out.

    keep: keys of pieces that are not left out, or ``KEEP_ALL``. left_out: instead of those that are found,
    exactly these.
    """
    found = find(texts)
    if left_out is None:
        kept = {piece.key for piece in found} if KEEP_ALL in keep else set(keep)
        chosen = tuple(piece for piece in found if piece.key not in kept)
    else:
        told = [piece for piece in left_out if piece.place in (BEGINS, BETWEEN, ENDS) and piece.text]
        chosen = _counted(texts, told, least=0)
        found = (*chosen, *(piece for piece in found if piece not in chosen))
    return Shared((*found, *find_system(system)), chosen)


def quoted(text: str) -> str:
    """A piece on one line, cut where it is long."""
    line = " ".join(text.split())
    return f"'{line if len(line) <= QUOTED else f'{line[:QUOTED]}…'}'"


def find(texts: pl.Series) -> tuple[Piece, ...]:
    """The pieces that (n,) texts share, longest first in each place, with the rows they would be cut from.

    The same for any order of the rows. Linear in the characters of the texts, but for a sort of 20,000.
    """
    looked_at = _drawn(texts)
    if len(looked_at) < FEWEST:
        return ()
    begins = _shared([text[:REACH] for text in looked_at])
    ends = [end[::-1] for end in _shared([text[-REACH:][::-1] for text in looked_at], backwards=True)]
    outer = [*(Piece(BEGINS, text) for text in begins), *(Piece(ENDS, text) for text in ends)]
    inner = [Piece(BETWEEN, text) for text in _labels(looked_at)]
    return _counted(texts, [*outer, *inner], least=max(1, math.ceil(RESIDUE * len(looked_at))))


def find_system(system: pl.Series) -> tuple[Piece, ...]:
    """The one system text that most rows have, if there is one; it is never embedded."""
    said = system.filter(system.str.strip_chars() != "")
    if len(system) < FEWEST or not len(said):
        return ()
    text, count = said.value_counts(sort=True).row(0)
    return (Piece(SYSTEM, text, count),) if count >= MOST * len(system) else ()


def without(texts: pl.Series, pieces: Sequence[Piece]) -> pl.Series:
    """(n,) the texts without the pieces; one that would have no letter and no digit left stays whole."""
    if not pieces:
        return texts
    cutter = _Cutter(pieces)
    parts = (texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE))
    cut = [pl.Series(texts.name, map(cutter.rest, part.to_list()), dtype=pl.String) for part in parts]
    return pl.concat(cut, rechunk=True) if cut else texts


def parts(text: str, pieces: Sequence[Piece]) -> list[tuple[str, bool]]:
    """The text in parts, each with whether it is left out; together they are the text."""
    return [(part, piece is not None) for part, piece in _Cutter(pieces).parts(text)]


def examples(texts: pl.Series, pieces: Sequence[Piece], count: int) -> list[int]:
    """Rows that show the pieces: those with one that no earlier row has first, then the earliest with any."""
    cutter, seen = _Cutter(pieces), set[str]()
    new, again = [], []
    for row, text in enumerate(texts.head(LOOKED_AT).to_list()):
        keys = {piece.key for _, piece in cutter.parts(text) if piece is not None}
        if keys - seen:
            new.append(row)
        elif keys:
            again.append(row)
        seen |= keys
    return sorted([*new, *again][:count])


class _Cutter:
    """Takes pieces out of texts, the longest that fits first."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        ranked = sorted(pieces, key=lambda piece: (-len(piece.text), piece.text))
        self._begins, between, self._ends = (
            [piece for piece in ranked if piece.place == place] for place in (BEGINS, BETWEEN, ENDS)
        )
        self._inside = [  # turns that are embedded together have a blank line between them
            *((f"\n\n{piece.text}", piece) for piece in self._begins),
            *((f"{piece.text}\n\n", piece) for piece in self._ends),
            *((f"\n{piece.text}", piece) for piece in between),
        ]

    def rest(self, text: str) -> str:
        """What stays, without blanks around it where something was cut; a blank line for what divided it."""
        found = self.parts(text)
        if len(found) < 2:
            return text
        kept = (part.strip() for part, piece in found if piece is None)
        return "\n\n".join(part for part in kept if part)

    def parts(self, text: str) -> list[tuple[str, Piece | None]]:
        """The parts of the text, each with the piece that it is."""
        first = next((piece for piece in self._begins if text.startswith(piece.text)), None)
        start = len(first.text) if first else 0
        last = next((piece for piece in self._ends if text.endswith(piece.text, start)), None)
        end = len(text) - len(last.text) if last else len(text)
        body: list[tuple[str, Piece | None]] = [(text[start:end], None)]
        for mark, piece in self._inside:
            if mark in text:
                body = [each for part in body for each in _divided(part, mark, piece)]
        if not any(any(map(str.isalnum, part)) for part, piece in body if piece is None):
            return [(text, None)]
        around = ([(first.text, first)] if first else [], [(last.text, last)] if last else [])
        return [*around[0], *(each for each in body if each[0]), *around[1]]


def _divided(part: tuple[str, Piece | None], mark: str, piece: Piece) -> Iterator[tuple[str, Piece | None]]:
    """A part at every place of the piece that has the line breaks of the mark, which stay."""
    text, found = part
    if found is not None:
        yield part
        return
    before, _, after = mark.partition(piece.text)
    first, *others = text.split(mark)
    yield (first + before if others else first), None
    for number, rest in enumerate(others, start=1):
        yield piece.text, piece
        yield f"{after}{rest}{before if number < len(others) else ''}", None


def _counted(texts: pl.Series, pieces: Sequence[Piece], *, least: int) -> tuple[Piece, ...]:
    """The pieces that are cut from so many rows, with the number of rows."""
    if not pieces:
        return ()
    cutter, counts = _Cutter(pieces), Counter[tuple[str, str]]()
    for text in one_by_one(texts):
        cut = {(piece.place, piece.text) for _, piece in cutter.parts(text) if piece is not None}
        counts.update(cut)
    counted = [replace(piece, count=counts[piece.place, piece.text]) for piece in pieces]
    return tuple(piece for piece in counted if piece.count >= least)


def _drawn(texts: pl.Series) -> list[str]:
    """Different texts, at most ``LOOKED_AT``, drawn by a checksum of their content, sorted."""
    different = (text for text in one_by_one(texts.unique()) if text.strip())
    drawn = heapq.nsmallest(LOOKED_AT, ((zlib.crc32(text[:REACH].encode()), text) for text in different))
    return sorted(text for _, text in drawn)


# Beginnings: the nodes of a tree of prefixes, which in a sorted list are ranges.


class _Node(NamedTuple):
    """A range of sorted texts that begin alike, below the accepted beginning of that number."""

    low: int
    high: int
    known: int  # characters that all of them are known to share
    above: int | None


def _shared(heads: list[str], *, backwards: bool = False) -> list[str]:
    """The beginnings that enough of the texts share, each cut where words or lines end.

    backwards: the texts are written from their end to their beginning, and so are the pieces.
    """
    heads = sorted(heads)
    least = max(SEVERAL, math.ceil(SOME * len(heads)))
    accepted: list[tuple[str, int, int | None]] = []  # the text, how many have it, the shorter one above it
    waiting = [_Node(0, len(heads), 0, None)]
    while waiting:
        node = waiting.pop()
        text, size = heads[node.low], node.high - node.low
        shared = _common(text, heads[node.high - 1], node.known)
        base = 0 if node.above is None else len(accepted[node.above][0])
        above, end = node.above, _end(heads, node, shared, backwards=backwards)
        added = text[base:end][::-1] if backwards else text[base:end]
        if end > base and _is_telling(added, size / len(heads), is_line=text[end - 1] == "\n"):
            accepted.append((text[:end], size, node.above))
            above = len(accepted) - 1
        waiting += _children(heads, node._replace(known=shared, above=above), least)
    alone = [size for _, size, _ in accepted]
    for _, size, above in accepted:
        if above is not None:
            alone[above] -= size
    ranked = zip(accepted, alone, strict=True)
    return sorted({text for (text, _, _), left in ranked if left >= RESIDUE * len(heads)})


def _children(heads: list[str], node: _Node, least: int) -> Iterator[_Node]:
    """The ranges of at least that size that share one character more."""
    past, at = node.low, node.low + least - 1
    while at < node.high:
        longer = heads[at][: node.known + 1]
        if at >= past and len(longer) > node.known:
            low = bisect_left(heads, longer, past, at)
            past = bisect_right(heads, f"{longer}\U0010ffff", at, node.high)
            if past - low >= least:
                yield _Node(low, past, node.known + 1, node.above)
        at += least


def _common(one: str, other: str, known: int) -> int:
    """How many characters two texts share from their beginning, at least ``known``."""
    low, high = known, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low


def _end(heads: list[str], node: _Node, shared: int, *, backwards: bool) -> int:
    """Where a beginning of that length is cut: at the end of a word, or of a line that little follows."""
    text = heads[node.low][:shared]
    step = max(1, (node.high - node.low) // PROBES)
    following = [head[shared : shared + 1] for head in heads[node.low : node.high : step]]
    if sum(each.isalnum() for each in following) > SOME * len(following):
        end = len(text)
        while end and text[end - 1].isalnum():
            end -= 1
        text = text[:end]
    tail = text[len(text.rstrip(PUNCTUATION)) :]
    if tail and text[-len(tail) - 1 : -len(tail)].isspace():  # of the sentence beside it
        text = text[: -len(tail)]
    before, newline, tail = text.rpartition("\n")
    is_short = newline and tail and not _is_telling(tail[::-1] if backwards else tail, 1.0, is_line=False)
    return len(before) + 1 if is_short else len(text)


# What counts: the length that a piece needs, by the share of the texts that have it.


def _is_telling(piece: str, share: float, *, is_line: bool) -> bool:
    """Whether a piece that this share of the texts has is long enough to be no chance."""
    said = len("".join(piece.split()))
    if share >= MOST:
        return said >= (MARK if _has_mark(piece) else WORDS)
    if any(line.startswith(SIGNS) for line in piece.splitlines()):
        return said >= MARK_OF_SOME
    return said >= (LINE_OF_SOME if is_line else WORDS_OF_SOME)


def _has_mark(piece: str) -> bool:
    """Whether a line of it ends in a colon or begins with a sign."""
    lines = [line.strip() for line in piece.splitlines()]
    return any(line.endswith(":") or line.startswith(SIGNS) for line in lines)


def _labels(texts: Sequence[str]) -> list[str]:
    """The beginnings of lines inside the texts that enough of them share."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update({label for line in text[:REACH].split("\n")[1:] for label in _label(line)})
    telling = (
        label
        for label, count in found.items()
        if count >= max(SEVERAL, SOME * len(texts)) and _divides(label, count / len(texts))
    )
    return sorted(telling, key=lambda label: (-len(label), label))


def _label(line: str) -> Iterator[str]:
    """What of a line may divide a prompt: the line, if it has a sign; else its beginning up to a colon."""
    if line.startswith(SIGNS):
        if len(line) <= LONGEST_LABEL:
            yield line.rstrip()
        return
    before, colon, after = line[: LONGEST_LABEL + 1].partition(":")
    if colon and before and (not after or after[0].isspace()):
        yield before + colon


def _divides(label: str, share: float) -> bool:
    said = len("".join(label.split()))
    return said >= (MARK if share >= MOST else MARK_OF_SOME) and (share >= MOST or label.startswith(SIGNS))
