"""Files on disk: which may be opened, and how their records are read without losing any in silence."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import polars as pl

from core.domain import Problem
from core.errors import DataError, StoreError
from core.loading.delimited import read_delimited
from core.loading.json_rows import read_json

SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".joblib", ".npy", ".npz", ".bin"}
SAVE_AS = "Save the rows as JSONL, JSON, CSV or Parquet."
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
PICKLE = "a Python pickle, which can run code when it is opened, so it is refused"
SIGNATURES = {
    **{bytes([0x80, protocol]): (PICKLE, SAVE_AS) for protocol in range(2, 6)},
    b"PK\x03\x04": ("a zip archive", "Unpack it and choose one file of it."),
    b"\x28\xb5\x2f\xfd": ("zstandard data", "Unpack it first, or compress it as .gz."),
    PARQUET: ("Parquet", "Give it a name that ends in .parquet."),
    codecs.BOM_UTF16_LE: ("UTF-16 text", "Save it as UTF-8."),
    codecs.BOM_UTF16_BE: ("UTF-16 text", "Save it as UTF-8."),
}


class Source(NamedTuple):
    """The rows of one file, verbatim, with what could not be read."""

    rows: pl.DataFrame
    problems: tuple[Problem, ...]
    rows_read: int
    digest: str  # sha256 of the kind and the uncompressed content, hexadecimal
    sha256: str  # of the file as it lies on disk, as sha256sum gives it
    typed: bool = True  # False where every cell is text, as in CSV


def allowed_path(path: str | Path, roots: Sequence[Path]) -> Path:
    """The real path, if it lies inside one of ``roots`` after every symlink is followed.

    Raises:
        DataError: the path is outside, or a symlink leads outside.
    """
    wanted = expanded(path)
    try:
        real = wanted.resolve()
    except (OSError, RuntimeError, ValueError) as cause:
        raise DataError(f"{str(path)!r} names no file: {first_line(cause)}.", "Check the path.") from cause
    if any(real.is_relative_to(root.resolve()) for root in roots):
        return real
    inside = any(Path(wanted.absolute()).is_relative_to(root.absolute()) for root in roots)
    why = "is a symlink that leads" if inside and ".." not in wanted.parts else "is"
    folders = ", ".join(str(root) for root in roots)
    raise DataError(
        f"{wanted} {why} outside the folders that this app may read.",
        f"Put the file into {folders}, or start the app with WINNOW_ROOTS naming its folder.",
    )


def keep(name: str, content: bytes, folder: Path) -> Path:
    """Write an uploaded file below ``folder``, in a subfolder named by its digest; the path.

    Raises:
        StoreError: it cannot be written.
    """
    own = Path(name.replace("\\", "/").replace("\0", "")).name
    own = own if own.strip(".") else "upload"
    path = folder / hashlib.sha256(content).hexdigest()[:12] / own
    temporary = path.with_name(f".{uuid4().hex}.writing")  # two uploads at once do not meet
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            temporary.write_bytes(content)
            temporary.rename(path)
    except OSError as cause:
        with suppress(OSError):
            temporary.unlink()
        raise StoreError(
            f"The upload could not be kept in {folder}: {cause.strerror or cause}.",
            "Free some space, or open the file by its path.",
        ) from cause
    return path


def expanded(path: str | Path) -> Path:
    """The path with ``~`` replaced.

    Raises:
        DataError: ``~name`` names nobody on this machine.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as cause:
        raise DataError(f"{path} begins with a user that is not known.", "Write the path in full.") from cause


def read(path: Path) -> Source:
    """Read one file of any supported kind.

    Raises:
        DataError: no such file, an unsupported or unsafe kind, or nothing in it can be read.
    """
    suffix = _suffix(path)
    content, sha256 = _content(path, suffix)
    kind = suffix if suffix in {".parquet", ".csv", ".tsv"} else ".json"
    digest = hashlib.sha256(f"{kind}\0".encode() + content).hexdigest()
    if kind == ".parquet":
        return Source(*_parquet(path, content), digest, sha256)
    if kind == ".json":
        return Source(*read_json(path.name, content), digest, sha256)
    rows = read_delimited(path.name, content, "\t" if kind == ".tsv" else ",")
    return Source(*rows, digest, sha256, typed=False)


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    last = suffixes[-2] if len(suffixes) > 1 and suffixes[-1] == ".gz" else (suffixes or [""])[-1]
    if last in PICKLES:
        raise DataError(
            f"{path.name} is a kind of file that can run code when it is opened, so it is refused.", SAVE_AS
        )
    if last not in SUFFIXES:
        kinds = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise DataError(
            f"{path.name} is not of a kind that can be read.", f"Readable: {kinds}, each also as .gz."
        )
    return last


def _content(path: Path, suffix: str) -> tuple[bytes, str]:
    """The bytes of the file, uncompressed, without a byte order mark; and the sha256 of the file itself."""
    try:
        if not path.is_file():
            hint = "It is a folder; name one file in it." if path.is_dir() else "Check the path."
            raise DataError(f"There is no file {path}.", hint)
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        if content.startswith(GZIP):  # whatever its name says
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as cause:
        raise DataError(
            f"{path.name} could not be read: {first_line(cause)}.", "Check that the file is whole."
        ) from cause
    for signature, (what, hint) in SIGNATURES.items():
        if content.startswith(signature) and (signature, suffix) != (PARQUET, ".parquet"):
            raise DataError(f"{path.name} holds {what}.", hint)
    if suffix != ".parquet" and b"\0" in content[:4]:
        raise DataError(f"{path.name} holds UTF-16 text, or no text at all.", "Save it as UTF-8.")
    content = content.removeprefix(codecs.BOM_UTF8)
    if not content.strip():
        raise DataError(f"{path.name} is empty.", "Choose a file with rows in it.")
    return content, sha256


def _parquet(path: Path, content: bytes) -> tuple[pl.DataFrame, tuple[Problem, ...], int]:
    try:
        rows = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as cause:
        raise DataError(
            f"{path.name} could not be read as Parquet: {first_line(cause)}.", "Check that the file is whole."
        ) from cause
    return rows, (), rows.height


def first_line(cause: BaseException) -> str:
    """The first line of an exception's text, without its full stop."""
    return str(cause).partition("\n")[0].rstrip(".")
