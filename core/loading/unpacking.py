"""Files as they are unpacked, piece by piece: gzip, zstandard, and zip archives of one file."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

import zstandard

from core.errors import DataError

MOST_UNPACKED = 4 * 1024**3  # bytes that a packed file may hold
PLAUSIBLE = 200  # times its size: instruction data packs to a third or a tenth
UNSUSPECTED = 64 * 1024**2  # bytes up to which no ratio is asked for
PIECE = 1 << 22  # bytes unpacked at once
SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
PACKINGS = (".gz", ".zst", ".zip")
GZIP, ZSTD, ZIP, EMPTY_ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PK\x05\x06"
PACKED = {ZSTD: "zstandard data", ZIP: "a zip archive", EMPTY_ZIP: "a zip archive"}
SKIPPABLE = range(0x184D2A50, 0x184D2A60)  # marks of zstandard frames that hold no data, RFC 8878
NO_DATA = {"thumbs.db", "desktop.ini"}
CHECK = "Check that the file is whole."
UNREADABLE = (
    OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, zipfile.BadZipFile,
    NotImplementedError, RuntimeError, ValueError, KeyError, IndexError, struct.error, OverflowError,
)  # fmt: skip


class Bytes(Protocol):
    """What bytes can be read from."""

    def read(self, size: int = ..., /) -> bytes:
        """The next bytes, at most so many; none at the end."""


class Stream:
    """The bytes of one file, unpacked, from its beginning.

    inner: the name of the file in the archive; empty where there is no archive.
    """

    def __init__(self, name: str, file: Bytes, *, packed: int | None = None, inner: str = "") -> None:
        self.name, self.inner = name, inner
        self.is_packed = packed is not None
        self._file, self._packed, self._size = file, packed, 0

    def read(self) -> bytes:
        """The next piece; none at the end.

        Raises:
            DataError: more has come out of a packed file than any data would be, or it is damaged.
        """
        try:
            piece = self._file.read(PIECE)
        except UNREADABLE as cause:
            raise unreadable(self.name, cause) from cause
        self._size += len(piece)
        if self._packed is not None:
            most = min(MOST_UNPACKED, max(UNSUSPECTED, PLAUSIBLE * self._packed))
            if self._size > most:
                raise DataError(
                    f"{self.name} unpacks to more than {most // 1024**2:,} MiB, from {self._packed:,} bytes.",
                    f"The limit is {MOST_UNPACKED // 1024**3} GiB, and {PLAUSIBLE} times the file's size. "
                    "Unpack it yourself if you trust it.",
                )
        return piece

    def rest(self) -> bytes:
        """Everything that is left, held once."""
        whole = io.BytesIO()
        while piece := self.read():
            whole.write(piece)
        return whole.getvalue()


@contextmanager
def unpacked(path: Path) -> Iterator[Stream]:
    """The content of a file, by what it holds and whatever its name says.

    Raises:
        DataError: it cannot be opened, or is an archive that does not hold exactly one file of data.
    """
    with ExitStack() as open_:
        try:
            stream = _stream(path, open_)
        except UNREADABLE as cause:
            raise unreadable(path.name, cause, _packing(path)) from cause
        yield stream


def _packing(path: Path) -> str:
    """How a file is packed, in words; empty where it is not, or cannot be opened at all."""
    with suppress(OSError, ValueError), path.open("rb") as file:
        return PACKED.get(file.read(4), "")
    return ""


def _stream(path: Path, open_: ExitStack) -> Stream:
    file = open_.enter_context(path.open("rb"))
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    if head.startswith(GZIP):
        return Stream(path.name, open_.enter_context(gzip.GzipFile(fileobj=file)), packed=size)
    if head == ZSTD:
        _check_frames(path.name, file, size)
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return Stream(path.name, open_.enter_context(reader), packed=size)
    if head in (ZIP, EMPTY_ZIP):
        archive = open_.enter_context(zipfile.ZipFile(file))
        one = _only_file(path.name, archive)
        return Stream(
            path.name, open_.enter_context(archive.open(one)), packed=size, inner=Path(one.filename).name
        )
    return Stream(path.name, file)


def unreadable(name: str, cause: BaseException, packing: str = "") -> DataError:
    """What is said of a file that is damaged or cannot be opened."""
    why = str(cause).partition("\n")[0].rstrip(".") or type(cause).__name__
    return DataError(f"{name} could not be read{packing and f' as {packing}'}: {why}.", CHECK)


def without_packing(name: str) -> str:
    """The name without .gz, .zst or .zip at its end."""
    return name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in PACKINGS else name


def is_readable(name: str) -> bool:
    """Whether a file of that name may hold rows: a readable kind, packed or not, or an archive."""
    suffix = Path(without_packing(name)).suffix.lower()
    return suffix in SUFFIXES or Path(name).suffix.lower() == ".zip"


def is_metadata(name: str) -> bool:
    """Whether a file is only kept by a system beside others, as macOS and Windows do."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return hidden or path.name.lower() in NO_DATA


def _only_file(name: str, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one file of data in a zip archive.

    Raises:
        DataError: none, more than one, an encrypted one, or one with a name that leads out of the archive.
    """
    files = [each for each in archive.infolist() if not each.is_dir()]
    tricks = [each.filename for each in files if leads_out(each.filename)]
    if tricks:
        raise DataError(
            f"{name} is a zip archive with a file whose name leads out of it: {tricks[0][:80]!r}.",
            "Pack the file anew, without folders.",
        )
    files = [each for each in files if not is_metadata(each.filename)]
    data = [each for each in files if is_readable(each.filename)] or files
    if len(data) != 1:
        what = "more than one file" if data else "no file of data"
        names = ", ".join(each.filename[:60] for each in data[:3]) + (", ..." if len(data) > 3 else "")
        hint = f"It holds {names}. Unpack it and open the folder, or one file of it."
        raise DataError(
            f"{name} is a zip archive with {what}.", hint if data else "Pack one file of rows into it."
        )
    (one,) = data
    if one.flag_bits & 0x1:
        raise DataError(
            f"{name} is an encrypted zip archive.", "Unpack it with its password and open what is in it."
        )
    if Path(one.filename).suffix.lower() in PACKINGS:
        raise nested(name)
    return one


def nested(name: str) -> DataError:
    """What is said of a packed file in a packed file."""
    return DataError(f"{name} holds packed data in packed data.", "Unpack it once and open what comes out.")


def leads_out(name: str) -> bool:
    """Whether a name from elsewhere is no plain path below a folder."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or any(mark in name for mark in ("\\", "\0", ":/"))


def _check_frames(name: str, file: IO[bytes], size: int) -> None:
    """Walk over the headers of zstandard's frames and blocks (RFC 8878): the last ends where the file does.

    The library reads a file that was cut as if it ended there.
    """
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(18)  # the longest header
        mark = int.from_bytes(head[:4], "little")
        if mark in SKIPPABLE and len(head) >= 8:
            at += 8 + int.from_bytes(head[4:8], "little")
            continue
        parameters = zstandard.get_frame_parameters(head)
        at += zstandard.frame_header_size(head)
        is_last = False
        while not is_last and at < size:
            file.seek(at)
            block = int.from_bytes(file.read(3), "little")
            is_last = bool(block & 1)
            at += 3 + (1 if (block >> 1) & 3 == 1 else block >> 3)  # a block of one repeated byte holds one
        at += 4 if parameters.has_checksum else 0
        if not is_last:
            at = size + 1
    if at != size:
        raise DataError(f"{name} could not be read: its end is missing.", CHECK)
    file.seek(0)
