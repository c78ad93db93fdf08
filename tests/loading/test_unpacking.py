"""Packed files: zstandard, zip archives of one file, and what is refused of them."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile

import pytest
import zstandard

from core.loading import load, preview
from core.loading.unpacking import PIECE, UNSUSPECTED

ROWS = [{"instruction": f"Name fruit {n}.", "output": "é🍎" * n, "score": n / 2} for n in range(40)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these files."""
    with zipfile.ZipFile(out := io.BytesIO(), "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def packed(content: bytes, **how: bool) -> bytes:
    """Content as zstandard data."""
    return zstandard.ZstdCompressor(**how).compress(content)


def streamed(content: bytes) -> bytes:
    """Content as zstandard data that does not tell its size at its beginning."""
    maker = zstandard.ZstdCompressor().compressobj()
    return maker.compress(content) + maker.flush()


PACKED = {
    "a.jsonl.zst": packed(LINES),
    "checked.jsonl.zst": packed(LINES, write_checksum=True),
    "streamed.jsonl.zst": streamed(LINES),
    "frames.jsonl.zst": packed(LINES[:100]) + b"\x50\x2a\x4d\x18\x03\0\0\0abc" + packed(LINES[100:]),
    "other-name.jsonl": packed(LINES),
    "a.zip": zipped(("a.jsonl", LINES)),
    "a.jsonl.zip": zipped(("rows.jsonl", LINES)),
    "of-another-name.jsonl.zip": zipped(("rows", LINES)),
    "folders.zip": zipped(("x/", b""), ("x/a.jsonl", LINES), ("x/README.md", b"# What it is")),
    "mac.zip": zipped(
        ("a.jsonl", LINES), ("__MACOSX/._a.jsonl", b"\0"), (".DS_Store", b"\0"), ("._a.jsonl", b"")
    ),
    "stored.zip": zipped(("a.jsonl", LINES), method=zipfile.ZIP_STORED),
    "lzma.zip": zipped(("a.jsonl", LINES), method=zipfile.ZIP_LZMA),
    "bzip2.zip": zipped(("a.jsonl", LINES), method=zipfile.ZIP_BZIP2),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed_rows_are_the_same_rows(read, written, name):
    """However they are packed: rows, ids and fingerprint are those of the plain file, and so is its preview."""
    dataset, plain = read(name, PACKED[name]), read("plain.jsonl", LINES)
    assert dataset.rows.to_dicts() == ROWS
    assert (dataset.frame["id"].to_list(), dataset.fingerprint) == (
        plain.frame["id"].to_list(),
        plain.fingerprint,
    )
    assert dataset.sha256 != plain.sha256
    assert preview(written(name, PACKED[name])).rows.to_dicts() == ROWS


def _encrypted() -> bytes:
    content = bytearray(zipped(("a.jsonl", LINES)))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.zip", zipped(("a.jsonl", LINES), ("b.jsonl", LINES)), "more than one file. It holds a.jsonl, b.jsonl. Unpack"),
        ("a.zip", zipped(), "a zip archive with no file of data"),
        ("a.zip", zipped((".DS_Store", b"x")), "a zip archive with no file of data"),
        ("a.zip", zipped(("../a.jsonl", LINES)), "leads out of it"),
        ("a.zip", zipped(("/a.jsonl", LINES)), "leads out of it"),
        ("a.zip", zipped(("x\\..\\a.jsonl", LINES)), "leads out of it"),
        ("a.zip", zipped(("a.pkl", LINES)), "can run code"),
        ("a.zip", zipped(("a.exe", LINES)), "is not of a kind that can be read"),
        ("a.zip", zipped(("a.jsonl.gz", gzip.compress(LINES, mtime=0))), "packed data in packed data"),
        ("a.zip", zipped(("a.jsonl", gzip.compress(LINES, mtime=0))), "packed data in packed data"),
        ("a.zip", zipped(("b.zip", zipped(("a.jsonl", LINES)))), "packed data in packed data"),
        ("a.jsonl.gz", gzip.compress(gzip.compress(LINES, mtime=0), mtime=0), "packed data in packed data"),
        ("a.jsonl.zst", packed(packed(LINES)), "packed data in packed data"),
        ("a.zip", zipped(("a.jsonl", b"")), "is empty"),
        ("a.jsonl.zst", packed(b" \n"), "is empty"),
        ("a.zip", _encrypted(), "is an encrypted zip archive. Unpack it with its password"),
        ("a.zip", PACKED["a.zip"][:-30], "could not be read as a zip archive"),
        ("a.zip", LINES, "is not of a kind that can be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_unpacked_is_said(refused, name, content, words):
    """Each with a sentence of its own."""
    assert words in refused(name, content)


MANY = "".join(json.dumps({"instruction": str(n**7), "output": "b"}) + "\n" for n in range(9000)).encode()


@pytest.mark.parametrize(
    "content", [packed(LINES), streamed(MANY), packed(MANY), packed(LINES, write_checksum=True)]
)
def test_a_cut_zstandard_file_is_refused_wherever_it_is_cut(refused, content):
    """The library reads it as if it ended there; no row may be lost by that."""
    for left in {5, 9, 12, len(content) // 2, len(content) - 3, len(content) - 1}:
        refused("a.jsonl.zst", content[:left])


@pytest.mark.parametrize("pack", [packed, lambda text: zipped(("a.jsonl", text))], ids=["zst", "zip"])
def test_a_bomb_is_given_up(refused, pack):
    """A small file of endless blanks is refused long before it fills the memory."""
    ending = "zst" if pack is packed else "zip"
    assert "unpacks to more than 64 MiB, from" in refused(
        f"a.jsonl.{ending}", pack(b" " * (UNSUSPECTED + PIECE))
    )


def test_a_size_that_lies_changes_nothing(refused):
    """An archive that announces ten bytes and holds others is damaged, not cut in silence."""
    content = bytearray(zipped(("a.jsonl", LINES)))
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(mark) + place
        content[at : at + 4] = (10).to_bytes(4, "little")
    assert "could not be read" in refused("a.zip", bytes(content))


@pytest.mark.parametrize(
    "name", ["a.jsonl.zst", "streamed.jsonl.zst", "a.zip", "lzma.zip", "bzip2.zip", "stored.zip"]
)
def test_altered_archives_give_all_rows_or_a_sentence(tmp_path, name):
    """150 damaged files each: a row is loaded or reported, and nothing else is raised."""
    from test_mutations import _outcome

    chance, good = random.Random(name), PACKED[name]
    for _ in range(150):
        content = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(content))
            put = chance.choice([b"", b"\0", b"\xff", bytes([chance.randrange(256)]), good[at : at + 9]])
            content[at : at + chance.randint(0, 3)] = put
        _outcome(tmp_path / name, bytes(content))


def test_what_a_zip_checks_is_checked(tmp_path, written):
    """Where bytes of a stored file are other bytes, its checksum tells."""
    content = PACKED["stored.zip"].replace(b"Name fruit 7", b"Name fruit 8")
    path = written("a.zip", content)
    with pytest.raises(Exception, match="CRC"):
        load(path)
