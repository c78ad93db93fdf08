from __future__ import annotations

import csv
import gzip
import io
import json
import pickle
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from core.errors import DataError, StoreError
from core.loading import allowed_path, keep, load
from core.loading.unpacking import PIECE, UNSUSPECTED

ROWS: list[dict[str, Any]] = [
    {"instruction": "Name a fruit.", "input": "", "output": "An apple 🍎, or\ta pear.", "score": 4.5, "k": 1},
    {
        "instruction": "تحية",
        "input": "مرحبا\u202e",
        "output": 'She said "hi",\nand left.',
        "score": 4.0,
        "k": 2,
    },
    {"instruction": "a\u2028b\x85c\x1ed", "input": "line\r\nbreak", "output": "007", "score": 3.5, "k": -3},
    {"instruction": "None", "input": "null", "output": "nan", "score": 0.0, "k": 4},
]


def _delimited(rows: list[dict[str, Any]], delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0].keys(), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    pl.DataFrame(rows).write_parquet(file := io.BytesIO())
    return file.getvalue()


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {key: [row[key] for row in rows] for key in rows[0]}


FILES = {
    "array.json": json.dumps(ROWS).encode(),
    "pretty.json": json.dumps(ROWS, indent=2).encode(),
    "columns.json": json.dumps(_columns(ROWS)).encode(),
    "pretty-columns.json": json.dumps(_columns(ROWS), indent=2).encode(),
    "pandas.json": json.dumps({key: dict(enumerate(c)) for key, c in _columns(ROWS).items()}).encode(),
    "wrapped.json": json.dumps({"version": 1, "data": ROWS}, indent=1).encode(),
    "lines.json": _lines(ROWS),
    "rows.jsonl": _lines(ROWS),
    "rows.ndjson": _lines(ROWS),
    "array.jsonl": json.dumps(ROWS).encode(),
    "rows.csv": _delimited(ROWS, ","),
    "rows.tsv": _delimited(ROWS, "\t"),
    "rows.parquet": _parquet(ROWS),
    "ROWS.JSONL": _lines(ROWS),
}
TEXTS = [name for name in FILES if not name.endswith(".parquet")]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_gives_the_same_rows(read, name, packed):
    """The kind of a file decides nothing about its rows, ids, prompts or judges."""
    content = gzip.compress(FILES[name]) if packed else FILES[name]
    dataset = read(f"{name}.gz" if packed else name, content)
    same = read("same.jsonl", _lines(ROWS))
    assert dataset.rows.to_dicts() == ROWS
    assert dataset.frame.equals(same.frame)
    assert dataset.text_fingerprint == same.text_fingerprint
    assert dataset.judges["score"].scale == (0.0, 4.5, 0.5)


@pytest.mark.parametrize("name", TEXTS)
def test_a_byte_order_mark_is_no_part_of_the_first_name(read, name):
    """A file that begins with a UTF-8 byte order mark reads like one without."""
    assert read(name, b"\xef\xbb\xbf" + FILES[name]).rows.to_dicts() == ROWS


@pytest.mark.parametrize("name", ["rows.jsonl", "pretty.json"])
@pytest.mark.parametrize("ending", [b"\r\n", b"\r"], ids=["CRLF", "CR"])
def test_line_ends_of_other_systems_separate_rows_too(read, name, ending):
    """CRLF and a lone CR end a line as LF does."""
    assert read(name, FILES[name].replace(b"\n", ending)).rows.to_dicts() == ROWS


def test_blank_lines_between_rows_are_no_rows(read):
    """Empty lines and lines of blanks are skipped without being counted."""
    dataset = read("a.jsonl", b"\n \n" + FILES["rows.jsonl"].replace(b"\n", b"\n\n\t\n"))
    assert dataset.rows_read == len(ROWS)


def test_compression_is_recognised_by_content(read):
    """A gzip file without .gz in its name is unpacked; a plain file called .gz is read as it is."""
    assert read("packed.jsonl", gzip.compress(FILES["rows.jsonl"])).rows.to_dicts() == ROWS
    assert read("plain.jsonl.gz", FILES["rows.jsonl"]).rows.to_dicts() == ROWS


@pytest.mark.parametrize("left", [1, 5, 12, 100, -1, -8])
def test_a_cut_gzip_file_is_refused(refused, left):
    """A download that broke off is said, never read in part."""
    content = gzip.compress(_lines(ROWS * 20))[:left]
    assert "a.jsonl.gz" in refused("a.jsonl.gz", content)


@pytest.mark.parametrize("left", [4, 8, 100, -1, -8])
def test_a_cut_parquet_file_is_refused(refused, left):
    """Parquet without its footer, or without its beginning, is said to be unreadable."""
    assert "could not be read as Parquet" in refused("a.parquet", FILES["rows.parquet"][:left])
    assert "could not be read as Parquet" in refused("a.parquet", FILES["rows.parquet"][20:])


def test_a_nul_character_in_the_name_of_a_column_is_refused(refused):
    """No table can be written with it, so it is said at once and not in the middle of an export."""
    rows = [{**row, "sc\x00ore": 1.0} for row in ROWS]
    for name, content in {"a.jsonl": json.dumps(rows), "a.csv": _delimited(rows, ",")}.items():
        assert f"A column of {name} has a NUL character in its name." in refused(name, content)


def test_a_parquet_file_that_breaks_the_reader_is_refused(refused, monkeypatch):
    """Where polars panics on damaged pages, the person reads a sentence."""

    def panic(*_, **__):
        raise pl.exceptions.PanicException("range end index 5717 out of range\nmore")

    monkeypatch.setattr(pl, "read_parquet", panic)
    assert "range end index 5717 out of range." in refused("a.parquet", FILES["rows.parquet"])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.parquet"])
def test_a_pickle_under_another_name_is_refused_and_never_opened(refused, name, protocol):
    """Bytes that would run code when unpickled are only ever looked at."""
    opened: list[str] = []
    threading.__dict__["_opened_by_a_pickle"] = opened
    try:
        refused(name, pickle.dumps(_Trap(), protocol))
    finally:
        del threading.__dict__["_opened_by_a_pickle"]
    assert opened == []


class _Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("import threading; threading._opened_by_a_pickle.append('!')",)


def test_a_pickle_is_called_a_pickle(refused):
    """Content and name of a pickle are both recognised, and the reason is given."""
    assert "run code" in refused("rows.jsonl", pickle.dumps(ROWS))
    assert "run code" in refused("rows.pkl", FILES["rows.jsonl"])
    assert "run code" in refused("rows.pt.gz", FILES["rows.jsonl"])


def test_only_the_last_ending_of_a_name_tells_its_kind(read, refused):
    """rows.pt.jsonl is Portuguese JSONL, not a pickle; rows.jsonl.txt is no JSONL."""
    assert len(read("rows.pt.jsonl", FILES["rows.jsonl"])) == len(ROWS)
    assert "Readable: json, jsonl" in refused("rows.jsonl.txt", FILES["rows.jsonl"])
    assert "Readable: json, jsonl" in refused("rows", FILES["rows.jsonl"])


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (FILES["rows.jsonl"].decode().encode("utf-16"), "UTF-16"),
        (FILES["rows.jsonl"].decode().encode("utf-16-be"), "UTF-16"),
        (b'{"\0i\0', "UTF-16"),
        (FILES["rows.jsonl"].decode().encode("utf-32"), "UTF-16"),
        (FILES["rows.parquet"], "Parquet"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"\x28\xb5\x2f\xfdrest", "zstandard"),
        (b"", "is empty"),
        (b" \r\n\t\n ", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_content_that_is_no_text_is_called_what_it_is(refused, name, content, word):
    """UTF-16, Parquet, archives and empty files each have a sentence of their own."""
    assert word in refused(name, content)


def test_bytes_that_are_not_utf8_are_shown_and_counted(read):
    """A Latin-1 letter becomes the replacement character, with its line; a real one is not counted."""
    rows = b'{"instruction":"a\xef\xbf\xbdb","output":"c"}\n'
    rows += b'{"instruction":"caf\xe9 \xe9","output":"\xef\xbf\xbd"}\n'
    dataset = read("a.jsonl", rows)
    assert dataset.frame["prompt"].to_list() == ["a\ufffdb", "caf\ufffd \ufffd"]
    (problem,) = dataset.problems
    assert (problem.count, problem.places, problem.loaded) == (2, ("line 2",), True)
    assert "not UTF-8" in problem.kind
    same = read("a.csv", "instruction,output\ncafé,c\n".encode("latin-1"))
    assert same.frame["prompt"].to_list() == ["caf\ufffd"]
    assert [problem.count for problem in same.problems] == [1]


def test_a_missing_file_a_folder_and_an_odd_name_are_refused(tmp_path):
    """Each says that there is no such file, in words."""
    for path in (tmp_path / "none.jsonl", tmp_path / "nul\0.jsonl", tmp_path / ("x" * 300 + ".jsonl")):
        with pytest.raises(DataError, match=r"no file|could not be read"):
            load(path)
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(DataError, match="holds no file of data"):
        load(tmp_path / "folder.jsonl")


def test_a_file_that_the_system_refuses_is_said(written, monkeypatch):
    """Without the right to read a file, the system's reason is passed on."""

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = written("a.jsonl", FILES["rows.jsonl"])
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(DataError, match="Permission denied"):
        load(path)


def test_home_is_expanded_and_an_unknown_user_is_refused(read, tmp_path, monkeypatch):
    """~/file is the file in the home folder; ~nobody-here/file is a sentence."""
    monkeypatch.setenv("HOME", str(tmp_path))
    read("a.jsonl", FILES["rows.jsonl"])
    assert len(load("~/a.jsonl")) == len(ROWS)
    assert allowed_path("~/a.jsonl", [tmp_path]) == tmp_path / "a.jsonl"
    for refuse in (load, lambda path: allowed_path(path, [tmp_path])):
        with pytest.raises(DataError, match="~no-such-user"):
            refuse("~no-such-user-here/a.jsonl")


@pytest.fixture
def root(tmp_path):
    """A folder that may be read, beside one that may not."""
    for folder in ("in", "in/deep", "out"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.jsonl").write_bytes(FILES["rows.jsonl"])
    return tmp_path / "in"


def test_paths_inside_a_root_are_allowed(root, monkeypatch):
    """The file, a deeper one, a missing one, the root itself and a relative path are inside."""
    assert allowed_path(root / "a.jsonl", [root]) == root / "a.jsonl"
    assert allowed_path(str(root / "deep" / ".." / "a.jsonl"), [root]) == root / "a.jsonl"
    assert allowed_path(root / "none.jsonl", [root]) == root / "none.jsonl"
    assert allowed_path(root, [root]) == root
    monkeypatch.chdir(root)
    assert allowed_path("deep/a.jsonl", [Path()]) == root / "deep" / "a.jsonl"


@pytest.mark.parametrize(
    "path", ["out/a.jsonl", "in/../out/a.jsonl", "in/deep/../../out/a.jsonl", "/etc/passwd"]
)
def test_paths_outside_every_root_are_refused(root, path):
    """Two dots and absolute paths lead nowhere; the folders that may be read are named."""
    with pytest.raises(DataError, match="is outside the folders") as caught:
        allowed_path(root.parent / path, [root])
    assert str(root) in caught.value.hint


def test_a_folder_whose_name_begins_like_a_root_is_outside(root):
    """in-secret is not in."""
    (root.parent / "in-secret").mkdir()
    with pytest.raises(DataError, match="outside"):
        allowed_path(root.parent / "in-secret" / "a.jsonl", [root])


def test_symlinks_are_followed_before_they_are_judged(root):
    """A symlink inside is allowed and resolved; one that leads out, itself or by a folder, is refused."""
    (root / "inside.jsonl").symlink_to(root / "deep" / "a.jsonl")
    (root / "outside.jsonl").symlink_to(root.parent / "out" / "a.jsonl")
    (root / "folder").symlink_to(root.parent / "out")
    (root / "broken.jsonl").symlink_to(root.parent / "out" / "none.jsonl")
    assert allowed_path(root / "inside.jsonl", [root]) == root / "deep" / "a.jsonl"
    for name in ("outside.jsonl", "folder/a.jsonl", "broken.jsonl"):
        with pytest.raises(DataError, match="is a symlink that leads outside"):
            allowed_path(root / name, [root])


def test_a_root_that_is_a_symlink_holds_its_files(root):
    """The folder named by the person may itself be a link."""
    (root.parent / "link").symlink_to(root)
    assert allowed_path(root.parent / "link" / "a.jsonl", [root.parent / "link"]) == root / "a.jsonl"


def test_paths_that_no_file_can_have_are_refused(root):
    """A symlink that leads to itself and a NUL in a name are said, not raised."""
    (root / "round").symlink_to(root / "round")
    for path in (root / "round" / "a.jsonl", root / "nul\0.jsonl"):
        with pytest.raises(DataError, match="names no file"):
            allowed_path(path, [root])


@pytest.mark.parametrize("name", ["../../a.jsonl", "..\\..\\a.jsonl", "/etc/a.jsonl", "a\0.jsonl", "a.jsonl"])
def test_an_upload_is_kept_below_its_folder_whatever_its_name(tmp_path, name):
    """Folders in an upload's name are dropped; the content is whole and loads."""
    path = keep(name, FILES["rows.jsonl"], tmp_path / "uploads")
    assert path.name == "a.jsonl"
    assert path.is_relative_to(tmp_path / "uploads")
    assert len(load(path)) == len(ROWS)


@pytest.mark.parametrize("name", ["", ".", "..", "a/.."])
def test_an_upload_without_a_name_gets_one(tmp_path, name):
    """A name that says nothing does not become the folder itself."""
    assert keep(name, b"content", tmp_path).read_bytes() == b"content"


def test_the_same_upload_twice_at_once_is_one_file(tmp_path):
    """Uploads of one content in several threads all give the same whole file, and leave nothing else."""
    content, paths = FILES["rows.jsonl"] * 2000, []
    threads = [
        threading.Thread(target=lambda: paths.append(keep("a.jsonl", content, tmp_path))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 4
    assert len(set(paths)) == 1
    assert paths[0].read_bytes() == content
    assert [path.name for path in paths[0].parent.iterdir()] == ["a.jsonl"]


def test_an_upload_that_cannot_be_kept_is_said(tmp_path):
    """Where the folder for uploads is a file, the reason is given."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError, match="could not be kept"):
        keep("a.jsonl", b"content", tmp_path / "taken")


def test_a_gzip_bomb_is_given_up(refused):
    """A small file of endless blanks is refused in words, long before it fills the memory."""
    text = refused("a.jsonl", gzip.compress(b" " * (UNSUSPECTED + PIECE), 9))
    assert "unpacks to more than 64 MiB, from" in text
    assert "The limit is 4 GiB, and 200 times the file's size." in text


def test_what_packs_well_but_is_small_is_read(read):
    """No ratio is asked for below 64 MiB: a thousand equal rows are no bomb."""
    assert len(read("a.jsonl.gz", gzip.compress(_lines(ROWS[:1] * 20_000), 9))) == 20_000


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda whole: whole[:-1], "its beginning or its end is missing"),
        (lambda whole: whole[4:], "its beginning or its end is missing"),
        (lambda whole: b"PAR1", "its beginning or its end is missing"),
        (lambda whole: whole[:-8] + b"\xff\xff\xff\xff" + whole[-4:], "its footer is damaged"),
        (lambda whole: whole[:-8] + bytes(4) + whole[-4:], "its footer is damaged"),
    ],
)
def test_a_cut_parquet_file_is_refused_before_it_is_read(refused, damage, words):
    """Its marks at both ends and the length of its footer are looked at first."""
    pl.DataFrame({"instruction": ["a"], "output": ["b"]}).write_parquet(whole := io.BytesIO())
    assert words in refused("a.parquet", damage(whole.getvalue()))
