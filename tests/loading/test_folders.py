"""Folders of files that are read as one dataset."""

from __future__ import annotations

import gzip
import hashlib
import json
import random

import polars as pl
import pytest

from core.errors import DataError, WinnowError
from core.loading import allowed_path, folders, load, preview, stamp
from core.loading.folders import located
from core.loading.layouts import configs_of, splits_of
from core.loading.sources import read as read_file


def lines(*texts, **more):
    """JSON lines of rows with these instructions."""
    return "".join(json.dumps({"instruction": text, "output": "o", **more}) + "\n" for text in texts).encode()


@pytest.fixture
def folder(tmp_path):
    """An empty folder."""
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


def put(folder, **files):
    """Write files; __ in a name is a dot, and ___ a slash."""
    for name, content in files.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_files_of_a_folder_are_read_in_the_sequence_of_their_names(folder):
    """Deeper ones, packed ones and other kinds too; what describes them and what systems keep is no data."""
    put(
        folder,
        b__jsonl=lines("b"),
        a__csv=b"instruction,output\na,o\n",
        c___d__jsonl__gz=gzip.compress(lines("d")),
    )
    put(
        folder,
        README__md=b"# x",
        LICENSE=b"MIT",
        dataset_infos__json=b"{}",
        __hidden__jsonl=b"{",
        __git___x__json=b"{",
    )
    dataset = load(folder)
    assert dataset.frame["prompt"].to_list() == ["a", "b", "d"]
    assert (dataset.name, dataset.source, dataset.problems) == ("set", str(folder), ())
    sums = [
        (name, hashlib.sha256((folder / name).read_bytes()).hexdigest())
        for name in ("a.csv", "b.jsonl", "c/d.jsonl.gz")
    ]
    text = "".join(f"{digest}  {name}\n" for name, digest in sums)
    assert dataset.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_a_folder_of_one_file_is_that_file(folder):
    """The same rows, ids and fingerprint."""
    put(folder, a__jsonl=lines("a", "b"))
    assert load(folder).fingerprint == load(folder / "a.jsonl").fingerprint


def test_problems_name_the_file(folder):
    """Broken lines, empty texts and files of other kinds, each with its place."""
    put(folder, a__jsonl=lines("a", "b"), b__jsonl=lines("c") + b"{broken\n" + lines(""), notes__txt=b"?")
    dataset = load(folder)
    told = {problem.kind: problem for problem in dataset.problems}
    assert told["broken JSON"].places[0].startswith("b.jsonl, line 2: ")
    assert told["empty prompts"].places == ("b.jsonl, line 3",)
    assert told["files of other kinds in the folder, which are not opened"].places == ("notes.txt",)
    assert dataset.rows_read == 5 == len(dataset) + told["broken JSON"].count


def test_columns_that_differ_are_explained(folder):
    """A column that a file lacks is empty there; one of another type is read as text; numbers stay numbers."""
    put(
        folder,
        a__jsonl=lines("a", score=1, tag="x"),
        b__jsonl=lines("b", score=2.5, tag=7),
        c__jsonl=lines("c"),
    )
    put(folder, d__csv=b"instruction,output,score,tag\nd,o,4.5,y\n")
    dataset = load(folder)
    assert dataset.rows["score"].to_list() == [1, 2.5, None, 4.5]
    assert dataset.rows["tag"].to_list() == ["x", "7", None, "y"]
    told = {problem.kind: (problem.count, problem.places) for problem in dataset.problems}
    assert told["rows of files without the column score, which is empty there"] == (1, ("c.jsonl",))
    assert told["not text in the column tag, read as text"] == (1, ("b.jsonl, row 1",))
    assert dataset.judges["score"].scored == 3


def test_files_of_different_schemas_are_refused(folder):
    """With the file and the schema of each."""
    put(folder, a__jsonl=lines("a"), b__jsonl=b'{"messages": [{"role": "user", "content": "x"}]}\n' * 2)
    with pytest.raises(
        DataError, match=r"different schemas: a\.jsonl is alpaca, b\.jsonl is messages\. Keep each"
    ):
        load(folder)


def test_splits_are_told_by_names_as_on_the_hub(folder):
    """train by itself, the other by its name; the name of what is open says which."""
    pl.DataFrame({"instruction": ["a"], "output": ["o"]}).write_parquet(folder / "x")
    shard = (folder / "x").read_bytes()
    (folder / "x").unlink()
    (folder / "data").mkdir()
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        (folder / "data" / f"{name}.parquet").write_bytes(shard)
    assert (load(folder).name, len(load(folder))) == ("set:train", 2)
    test = load(f"{folder}:test")
    assert (test.name, len(test), load(test.source).fingerprint) == ("set:test", 1, test.fingerprint)
    with pytest.raises(DataError, match=r"has no split dev\. Its splits: test, train"):
        load(f"{folder}:dev")


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train.jsonl", "valid.jsonl"], {"train": ("train.jsonl",), "validation": ("valid.jsonl",)}),
        (["a.jsonl", "b.jsonl"], {"train": ("a.jsonl", "b.jsonl")}),
        (["x/train/1.csv", "x/test/1.csv"], {"train": ("x/train/1.csv",), "test": ("x/test/1.csv",)}),
        (["contest.jsonl", "latest.jsonl", "trainer.csv"], {"train": ("contest.jsonl", "latest.jsonl", "trainer.csv")}),
        (["data/train_sft-00000-of-00001-0a1b2c.parquet"], {"train_sft": ("data/train_sft-00000-of-00001-0a1b2c.parquet",)}),
    ],
)  # fmt: skip
def test_a_split_is_a_word_of_the_name(names, splits):
    """Not a part of another word."""
    assert splits_of(names) == (splits, ())


@pytest.mark.parametrize(
    "header",
    ["configs: [[]]", "configs: {a: 1}", "configs: [{config_name: x, data_files: 3}]", "a: [", "- b", "configs: 2024-99-99",
     "configs:\n- data_files: [{path: [[1]]}]", "&a [*a]", "configs: [{data_files: '[[!-*'}]", "x: !!python/name:os.getcwd"],
)  # fmt: skip
def test_a_readme_that_states_nothing_of_use_is_passed_over(header):
    """The names of the files tell instead."""
    assert configs_of(("train.jsonl",), f"---\n{header}\n---\n") == {"default": {"train": ("train.jsonl",)}}


def test_a_split_that_few_names_tell_is_none(folder):
    """Where one file is called test by chance, no row of the others is lost."""
    put(folder, a__jsonl=lines("a"), my_test__jsonl=lines("b"))
    assert len(load(folder)) == 2


def test_symlinks_out_of_a_folder_are_refused(folder, tmp_path):
    """A file or a folder elsewhere; what a link inside leads to is read once."""
    put(folder, a__jsonl=lines("a"))
    (folder / "again.jsonl").symlink_to(folder / "a.jsonl")
    assert len(load(folder)) == 1
    (tmp_path / "secret").mkdir()
    for name in ("link", "link.jsonl"):
        (folder / name).symlink_to(tmp_path / "secret")
        with pytest.raises(DataError, match="a symlink that leads out of the folder"):
            load(folder)
        (folder / name).unlink()


def test_a_split_of_a_linked_folder_is_outside_too(folder, tmp_path):
    """The folder is what is judged, with and without a split behind it."""
    (tmp_path / "secret").mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    assert allowed_path(f"{folder}:train", [tmp_path]) == folder.with_name("set:train")
    for path in (folder / "link", f"{folder}/link:train"):
        with pytest.raises(DataError, match="a symlink that leads outside"):
            allowed_path(path, [folder])


def test_an_empty_folder_and_too_many_files_are_said(folder, monkeypatch):
    """Neither is searched for ever."""
    with pytest.raises(DataError, match="holds no file of data"):
        load(folder)
    monkeypatch.setattr(folders, "MOST_FILES", 2)
    put(folder, a__jsonl=lines("a"), b__jsonl=lines("b"), c__jsonl=lines("c"))
    with pytest.raises(DataError, match="more than 2 files"):
        load(folder)


def test_a_folder_that_changes_is_another(folder):
    """Its stamp follows every file, and so does its preview's source."""
    put(folder, a__jsonl=lines("a"), b__jsonl=lines("b"))
    before = stamp(folder)
    assert preview(folder).columns == ("instruction", "output")
    put(folder, b__jsonl=lines("b", "c"))
    assert stamp(folder) != before
    assert stamp(folder / "none") == "missing"


GOOD = {
    "a.jsonl": lines("a", "b", score=1),
    "b.json": json.dumps([{"instruction": "c", "output": "d", "score": "n/a"}]).encode(),
    "c.csv": b"instruction,output,score\ne,f,2\n",
    "d.jsonl.gz": gzip.compress(lines("g"), mtime=0),
    "notes.txt": b"odd",
}


@pytest.mark.parametrize("seed", range(150))
def test_altered_folders_give_all_rows_or_a_sentence(folder, seed):
    """Files cut, doubled, renamed, emptied and filled with rubbish: no row is lost in silence."""
    chance = random.Random(seed)
    for name, good in GOOD.items():
        content = bytearray(good)
        for _ in range(chance.choice([0, 0, 1, 3])):
            at = chance.randrange(len(content) + 1)
            content[at : at + chance.randint(0, 4)] = chance.choice(
                [b"", b'"', b"\xff", b"{", b"\n", b"\xef\xbb\xbf"]
            )
        odd = chance.choice([name] * 6 + ["train.jsonl", "x.parquet", "\udcff.csv", "e\n.jsonl", "z.zip"])
        (folder / odd).write_bytes(bytes(content))
    try:
        dataset = load(folder)
    except WinnowError as refusal:
        assert refusal.problem.endswith(".")
        return
    lost = sum(problem.count for problem in dataset.problems if not problem.loaded)
    assert dataset.rows_read == len(dataset) + lost
    assert dataset.frame["id"].n_unique() == len(dataset)
    found = located(folder)
    assert len(found.names) + len(found.left_out) == sum(path.is_file() for path in folder.iterdir())
    assert dataset.rows_read == sum(read_file(folder / name).rows_read for name in found.names)
