from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import polars as pl
import pyarrow.parquet
import pytest

from core.domain import Pins, SelectParams
from core.errors import ParameterError, StoreError
from core.exporting import CONTENTS, FORMATS, Recipe, archive, snippet_files, write_bundle
from core.exporting.formats import form as form_module

FORMS = [
    name for name in FORMATS if name not in ("preference", "preference-sharegpt", "text")
]  # what rows without pairs can be written as
RECORDS = [
    {
        "id": f"r{k}",
        "instruction": f"Say {k}",
        "output": "x" * k,
        "score": None if k == 4 else float(k),
        "grade": 9 - k,
    }
    for k in range(10)
]
PARAMS = SelectParams(
    judge="score", min_score=2, count=4, pins=Pins(include=frozenset({"r0"}), exclude=frozenset({"r9"}))
)
ORDER = [0, 8, 2, 7, 3, 5, 6]  # r0 is pinned, r9 excluded, r1 below the threshold, r4 unscored


@pytest.fixture
def bundle(bundled):
    """Four of ten rows, one of them pinned."""
    return bundled(RECORDS, ORDER, params=PARAMS)


# What is in the folder.


@pytest.mark.parametrize("form", FORMS)
def test_a_folder_holds_what_the_contents_say(bundle, tmp_path, form):
    """The training file and one file for each entry, and nothing else; their paths are returned."""
    out = tmp_path / "deep" / "out"
    files = write_bundle(bundle, out, form)
    assert {file.name for file in files} == {FORMATS[form].file, *CONTENTS, *snippet_files(FORMATS[form])}
    assert sorted(files) == sorted(out.iterdir())


def test_ids_are_one_a_line_in_order_of_choice(bundle, tmp_path):
    """Without a heading; the digest in the recipe is that of the file."""
    write_bundle(bundle, tmp_path / "out", "jsonl")
    content = (tmp_path / "out" / "ids.txt").read_bytes()
    assert content == b"r0\nr8\nr2\nr7\n"
    assert hashlib.sha256(content).hexdigest() in (tmp_path / "out" / "recipe.yaml").read_text()


def test_the_control_is_a_file_of_ids_of_the_same_size(bundled, tmp_path):
    """The rows drawn at random, in their order."""
    write_bundle(bundled(RECORDS, [1, 2, 3]), tmp_path / "out", "jsonl")
    assert (tmp_path / "out" / "control_ids.txt").read_text() == "r9\nr8\nr7\n"


def test_the_sidecar_has_every_row_with_its_reason(bundle, tmp_path):
    """In the order of the file: why it is in or out, its place, all scores, and where it lies."""
    write_bundle(bundle, tmp_path / "out", "csv")
    table = pyarrow.parquet.read_table(tmp_path / "out" / "selection.parquet")
    assert table.column_names == [
        "id", "reason", "order", "score_score", "score_grade", "cluster", "x", "y", "pinned", "cluster_name"
    ]  # fmt: skip
    columns = table.to_pydict()
    assert columns["id"] == [record["id"] for record in RECORDS]
    assert columns["reason"] == [
        "pinned", "below threshold", "chosen", "over budget", "unscored",
        "over budget", "over budget", "chosen", "chosen", "excluded",
    ]  # fmt: skip
    assert columns["order"] == [1, None, 3, None, None, None, None, 4, 2, None]
    assert columns["score_score"] == [record["score"] for record in RECORDS]
    assert columns["score_grade"] == [record["grade"] for record in RECORDS]
    assert columns["cluster"] == [-1, 0, 1, -1, 0, 1, -1, 0, 1, -1]
    assert columns["cluster_name"] == ["noise", "name, 0", "name, 1"] * 3 + ["noise"]
    assert (columns["x"], columns["y"]) == (list(range(10)), [-k for k in range(10)])
    assert columns["pinned"] == [True, *[False] * 8, True]


def test_the_sidecar_of_a_file_without_scores_has_no_score_columns(bundled, tmp_path):
    """Nothing is made up."""
    records = [{"instruction": "a", "output": "b"}, {"instruction": "c", "output": "d"}]
    write_bundle(bundled(records, [1]), tmp_path / "out", "json")
    frame = pl.read_parquet(tmp_path / "out" / "selection.parquet")
    assert [name for name in frame.columns if name.startswith("score")] == []
    assert frame["reason"].to_list() == ["over budget", "chosen"]


def test_an_export_replaces_an_earlier_one_and_nothing_else(bundle, bundled, tmp_path):
    """Its own files are written anew; other files in the folder stay."""
    out = tmp_path / "out"
    write_bundle(bundle, out, "jsonl")
    (out / "mine.txt").write_text("keep")
    write_bundle(bundled(RECORDS, [5]), out, "jsonl")
    assert (out / "ids.txt").read_text() == "r5\n"
    assert len((out / "train.jsonl").read_text().splitlines()) == 1
    assert (out / "mine.txt").read_text() == "keep"


def _training_files(out):
    return {file.name for file in out.iterdir() if file.name.startswith("train")}


def test_a_training_file_of_other_rows_does_not_stay_beside_the_new_recipe(bundle, bundled, tmp_path):
    """Another form of another choice takes the place of both forms of the earlier one; the recipe says so."""
    for form in ("csv", "parquet"):
        write_bundle(bundle, tmp_path, form)
    assert _training_files(tmp_path) == {"train.csv", "train.parquet"}
    write_bundle(bundled(RECORDS, [5]), tmp_path, "messages")
    assert _training_files(tmp_path) == {"train.messages.jsonl"}
    recipe = Recipe.from_yaml((tmp_path / "recipe.yaml").read_text("utf-8"))
    assert recipe.outcome.training_files == ["train.messages.jsonl"]


def test_two_forms_of_one_choice_stay_and_the_recipe_names_both(bundle, tmp_path):
    """Someone may want both; one that was deleted by hand meanwhile is not named."""
    for form in ("csv", "parquet", "json", "json"):
        write_bundle(bundle, tmp_path, form)
    (tmp_path / "train.csv").unlink()
    write_bundle(bundle, tmp_path, "jsonl")
    recipe = Recipe.from_yaml((tmp_path / "recipe.yaml").read_text("utf-8"))
    assert recipe.outcome.training_files == ["train.json", "train.jsonl", "train.parquet"]
    assert _training_files(tmp_path) == set(recipe.outcome.training_files)


@pytest.mark.parametrize(
    "recipe", [None, "mine", "\xff", "training_files: [train.csv]", "a: [", "names others"]
)
def test_a_file_that_no_recipe_of_this_tool_names_stays(bundle, bundled, tmp_path, recipe):
    """A person's own train.csv is not removed, nor any file outside of the forms, whatever a recipe claims."""
    (tmp_path / "out").mkdir()
    kept = [tmp_path / "out" / "train.csv", tmp_path / "out" / "mine.txt", tmp_path / "above.txt"]
    for file in kept:
        file.write_text("keep")
    if recipe == "names others":
        write_bundle(bundle, tmp_path / "out", "json")
        text = (tmp_path / "out" / "recipe.yaml").read_text("utf-8")
        recipe = text.replace("- train.json", "- ../above.txt\n  - mine.txt")
    if recipe is not None:
        (tmp_path / "out" / "recipe.yaml").write_bytes(recipe.encode("latin-1"))
    write_bundle(bundled(RECORDS, [5]), tmp_path / "out", "jsonl")
    assert [file.read_text() for file in kept] == ["keep"] * 3


def test_a_failed_export_leaves_the_earlier_training_file(bundle, bundled, tmp_path, monkeypatch):
    """It goes only when everything new is there."""
    write_bundle(bundle, tmp_path, "csv")
    monkeypatch.setattr(form_module, "json_of", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_bundle(bundled(RECORDS, [5]), tmp_path, "jsonl")
    assert _training_files(tmp_path) == {"train.csv"}


@pytest.mark.parametrize("form", FORMS)
def test_a_zip_holds_the_same_files(bundle, tmp_path, form):
    """Byte for byte what the folder holds."""
    files = write_bundle(bundle, tmp_path / "out", form)
    with archive(bundle, form) as file, zipfile.ZipFile(file) as zipped:
        assert zipped.testzip() is None
        assert {name: zipped.read(name) for name in zipped.namelist()} == {
            file.name: file.read_bytes() for file in files
        }


@pytest.mark.parametrize("form", FORMS)
def test_no_file_tells_where_the_data_lay(bundle, tmp_path, form):
    """No path of this machine is in any of them."""
    for file in write_bundle(bundle, tmp_path / "out", form):
        content = file.read_bytes()
        for path in (tmp_path, Path.home(), Path.cwd()):
            assert len(str(path)) > 3
            assert str(path).encode() not in content


def _check(folder):
    """What ``sha256sum -c`` says, line by line."""
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("form", FORMS)
def test_the_sums_are_those_of_all_other_files(bundle, tmp_path, form):
    """In the folder and in the zip, as the usual command reads them; a changed byte is found."""
    write_bundle(bundle, tmp_path / "out", form)
    with archive(bundle, form) as file, zipfile.ZipFile(file) as zipped:
        zipped.extractall(tmp_path / "zip")
    for folder in (tmp_path / "out", tmp_path / "zip"):
        others = {each.name for each in folder.iterdir()} - {"SHA256SUMS"}
        code, lines = _check(folder)
        assert (code, set(lines)) == (0, {f"{name}: OK" for name in others})
    with (tmp_path / "out" / "ids.txt").open("a") as file:
        file.write("r3\n")
    code, lines = _check(tmp_path / "out")
    assert code == 1
    assert "ids.txt: FAILED" in lines


def test_the_sums_name_a_form_that_stayed_and_none_that_went(bundle, bundled, tmp_path):
    """Beside a new export, as in the recipe."""
    for form in ("csv", "json"):
        write_bundle(bundle, tmp_path, form)
    assert {"train.csv: OK", "train.json: OK"} <= set(_check(tmp_path)[1])
    write_bundle(bundled(RECORDS, [5]), tmp_path, "parquet")
    code, lines = _check(tmp_path)
    assert (code, [line for line in lines if line.startswith("train")]) == (0, ["train.parquet: OK"])


def test_a_zip_is_on_the_disk_and_not_in_memory(bundled, tmp_path, monkeypatch):
    """What Python holds at any time is less than half the zip; nothing stays where it was written."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    noise = [hashlib.shake_256(f"{k}".encode()).hexdigest(10_000) for k in range(2_000)]
    rows = bundled(
        [{"id": f"n{k}", "instruction": "a", "output": text} for k, text in enumerate(noise)], range(2_000)
    )
    before = set(tmp_path.iterdir())
    tracemalloc.start()
    with archive(rows, "jsonl") as file:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < file.seek(0, os.SEEK_END) / 2
        assert set(tmp_path.iterdir()) == before


# What goes wrong.


def test_a_zip_that_finds_no_room_is_said(bundle, tmp_path, monkeypatch):
    """The folder for temporary files, the system's reason and what to do."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(StoreError, match="No such file or directory") as caught:
        archive(bundle, "jsonl")
    assert str(tmp_path / "none") in caught.value.problem
    assert "TMPDIR" in caught.value.hint


def test_an_unknown_form_is_refused_before_anything_is_written(bundle, tmp_path):
    """Neither a folder nor a zip of half of it."""
    for attempt in (lambda: write_bundle(bundle, tmp_path / "out", "xml"), lambda: archive(bundle, "xml")):
        with pytest.raises(ParameterError, match="no export format 'xml'"):
            attempt()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("out", ["taken", "taken/out"])
def test_a_folder_that_cannot_be_made_is_said(bundle, tmp_path, out):
    """A file in its place: the path, the system's reason and what to do."""
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(StoreError, match=r"(File exists|Not a directory)\.") as caught:
        write_bundle(bundle, tmp_path / out, "jsonl")
    assert str(tmp_path / out) in caught.value.problem
    assert caught.value.hint == "Free some space or choose another folder."
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.fixture
def tiny(tmp_path):
    """A folder on a file system of 64 kilobytes, and what makes it read-only."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("Mounting a small file system needs root and a machine that allows it.")
    yield folder, lambda: subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("form", FORMS)
def test_a_full_disk_is_said_and_leaves_no_half_file(bundled, tiny, form):
    """In the system's words; the files of an earlier export are whole, and no temporary one stays."""
    folder, _ = tiny
    write_bundle(bundled(RECORDS, [1]), folder, form)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    noise = [
        {"id": f"n{k}", "instruction": hashlib.sha512(f"{k}".encode()).hexdigest(), "output": "y"}
        for k in range(1500)
    ]
    with pytest.raises(StoreError, match="No space left on device"):
        write_bundle(bundled(noise, range(1500)), folder, form)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_read_only_folder_is_said(bundle, tiny):
    """In the system's words."""
    folder, freeze = tiny
    freeze()
    with pytest.raises(StoreError, match="Read-only file system"):
        write_bundle(bundle, folder, "jsonl")


def test_a_bug_in_a_writer_leaves_the_earlier_file(bundle, tmp_path, monkeypatch):
    """It surfaces as what it is; what was written before is whole."""
    write_bundle(bundle, tmp_path / "out", "jsonl")
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    monkeypatch.setattr(form_module, "json_of", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_bundle(bundle, tmp_path / "out", "jsonl")
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before
