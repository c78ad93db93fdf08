"""One JSON document as its bytes come: the texts of its values, found by brackets and quotes alone.

Only as much is held as the value that is looked at, and a piece. A text that is found here may still be
broken; if it is read as JSON without an error, it is the value that stands there, because no whole array,
object or string begins another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

DEEPEST_READ = 2_000  # levels of nesting; every reader of JSON here gives up long before
STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
WITHOUT_BRACKETS = rb'(?:[^"\[\]{}]++|' + STRING + rb")*+"
BLANKS = re.compile(rb"[ \t\n\r]*+")
FLAT = re.compile(rb"(\{%b\})%b,%b" % (WITHOUT_BRACKETS, BLANKS.pattern, BLANKS.pattern), re.DOTALL)
BRACKET = re.compile(WITHOUT_BRACKETS + rb"[\[\]{}]", re.DOTALL)
TEXT = re.compile(STRING, re.DOTALL)
WORD = re.compile(rb'[^ \t\n\r"\[\]{},:]++')  # a number, true, false, null, and what only Python writes
OPENING = b"[{"


class ScanError(ValueError):
    """The bytes are no JSON document."""


class Document:
    """The values of a document in pieces, from its beginning to its end."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._text, self._at = b"", 0

    def following(self) -> bytes:
        """The next byte that is no blank, which stays where it is; none at the end."""
        while True:
            blanks = BLANKS.match(self._text, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._text):
                return self._text[self._at : self._at + 1]
            if not self._read_on():
                return b""

    def elements(self) -> Iterator[bytes]:
        """The texts of the elements of the array that begins here; then what follows the array is next.

        Raises:
            ScanError: something else stands between two elements than one comma, or the array never ends.
        """
        self._pass(b"[")
        if self.following() != b"]":
            yield from self._filled()
        self._pass(b"]")

    def _filled(self) -> Iterator[bytes]:
        while True:
            while flat := FLAT.match(self._text, self._at):
                self._at = flat.end()
                yield flat[1]
            yield self.value()
            if self.following() == b"]":
                return
            self._pass(b",")

    def members(self) -> Iterator[bytes]:
        """The texts of the keys of the object that begins here; after each, its value is to be taken.

        Raises:
            ScanError: this is no list of keys and values, or the object never ends.
        """
        self._pass(b"{")
        while self.following() != b"}":
            yield self._whole(TEXT)
            if self.following() != b"}":
                self._pass(b",")
                if self.following() == b"}":
                    raise ScanError
        self._pass(b"}")

    def colon(self) -> None:
        """Go on to the value of a key."""
        self._pass(b":")

    def value(self) -> bytes:
        """The text of the value that begins here; then what follows it is next.

        Raises:
            ScanError: there is none, or it never ends.
        """
        first = self.following()
        if not first or first not in OPENING:
            return self._whole(TEXT if first == b'"' else WORD)
        depth, end = 0, self._at
        while True:
            found = BRACKET.match(self._text, end)
            if found is None:
                end -= self._at
                if not self._read_on():
                    raise ScanError
                continue
            end = found.end()
            depth += 1 if self._text[end - 1] in OPENING else -1
            if not depth:
                return self._taken(end)
            if depth > DEEPEST_READ:
                raise ScanError

    def _whole(self, kind: re.Pattern[bytes]) -> bytes:
        self.following()
        while True:
            found = kind.match(self._text, self._at)
            if found and (kind is TEXT or found.end() < len(self._text)):
                return self._taken(found.end())
            if not self._read_on():
                break
        if found is None:
            raise ScanError
        return self._taken(len(self._text))

    def _taken(self, end: int) -> bytes:
        start, self._at = self._at, end
        return self._text[start:end]

    def _pass(self, mark: bytes) -> None:
        if self.following() != mark:
            raise ScanError
        self._at += 1

    def _read_on(self) -> bool:
        """Hold twice as much of what is not yet taken; False at the end."""
        held = self._text[self._at :]
        more, size = [held], 0
        while size <= len(held) and (piece := next(self._pieces, None)) is not None:
            more.append(piece)
            size += len(piece)
        self._text, self._at = b"".join(more), 0
        return size > 0
