"""What the bytes of a file are: their kind, by name and by content, and their digests, taken on the way."""

from __future__ import annotations

import codecs
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

from core.errors import DataError
from core.loading.unpacking import (
    GZIP,
    PACKED,
    SUFFIXES,
    UNREADABLE,
    Stream,
    nested,
    unreadable,
    without_packing,
)

PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".joblib", ".npy", ".npz", ".bin"}
SAVE_AS = "Save the rows as JSONL, JSON, CSV or Parquet."
PARQUET = b"PAR1"
PICKLE = "a Python pickle, which can run code when it is opened, so it is refused"
SIGNATURES = {
    **{bytes([0x80, protocol]): (PICKLE, SAVE_AS) for protocol in range(2, 6)},
    PARQUET: ("Parquet", "Give it a name that ends in .parquet."),
    codecs.BOM_UTF16_LE: ("UTF-16 text", "Save it as UTF-8."),
    codecs.BOM_UTF16_BE: ("UTF-16 text", "Save it as UTF-8."),
}


class Content:
    """The bytes of a file, unpacked, without a byte order mark; hashed while they are read.

    head: its first piece, which is looked at before the rest is read.
    """

    def __init__(self, stream: Stream, suffix: str) -> None:
        self._stream = stream
        first = stream.read()
        _check_beginning(stream, suffix, first)
        self._raw = hashlib.sha256(first)
        self.head = first.removeprefix(codecs.BOM_UTF8)
        kind = suffix if suffix in {".parquet", ".csv", ".tsv"} else ".json"
        self._digest = hashlib.sha256(f"{kind}\0".encode() + self.head)

    def pieces(self) -> Iterator[bytes]:
        """The first piece, and all others.

        Raises:
            DataError: at their end, if there is nothing but blanks.
        """
        is_blank = _is_blank(self.head)
        yield self.head
        while piece := self._stream.read():
            self._raw.update(piece)
            self._digest.update(piece)
            is_blank = is_blank and _is_blank(piece)
            yield piece
        if is_blank:
            raise DataError(f"{self._stream.name} is empty.", "Choose a file with rows in it.")

    def whole(self) -> bytes:
        """All of it, held once.

        Raises:
            DataError: there is nothing but blanks.
        """
        whole = io.BytesIO()
        for piece in self.pieces():
            whole.write(piece)
        return whole.getvalue()

    @property
    def digest(self) -> str:
        """The sha256 of the kind and of what was read."""
        return self._digest.hexdigest()

    def sha256(self, path: Path) -> str:
        """The sha256 of the file as it lies on disk."""
        return sha256_of(path) if self._stream.is_packed else self._raw.hexdigest()


def _is_blank(piece: bytes) -> bool:
    return not piece or piece.isspace()


def sha256_of(path: Path, before: bytes = b"") -> str:
    """The sha256 of some bytes and the file after them.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.sha256(before)).hexdigest()
    except UNREADABLE as cause:
        raise unreadable(path.name, cause) from cause


def kind_of(stream: Stream) -> str:
    """The ending that tells what is in a file; in an archive, that of the file in it if it is known.

    Raises:
        DataError: a kind that cannot be read, or that can run code.
    """
    endings = [Path(without_packing(stream.name)).suffix.lower(), Path(stream.inner).suffix.lower()]
    if any(ending in PICKLES for ending in endings):
        raise DataError(
            f"{stream.name} is a kind of file that can run code when it is opened, so it is refused.", SAVE_AS
        )
    known = [ending for ending in reversed(endings) if ending in SUFFIXES]
    if not known:
        kinds = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise DataError(
            f"{stream.name} is not of a kind that can be read.",
            f"Readable: {kinds}, each also as .gz, .zst or .zip.",
        )
    return known[0]


def _check_beginning(stream: Stream, suffix: str, first: bytes) -> None:
    for signature, (what, hint) in SIGNATURES.items():
        if first.startswith(signature) and (signature, suffix) != (PARQUET, ".parquet"):
            raise DataError(f"{stream.name} holds {what}.", hint)
    if stream.is_packed and first.startswith((GZIP, *PACKED)):
        raise nested(stream.name)
    if suffix != ".parquet" and b"\0" in first[:4]:
        raise DataError(f"{stream.name} holds UTF-16 text, or no text at all.", "Save it as UTF-8.")
