"""Datasets of the hub, from a server on this machine."""

from __future__ import annotations

import io
import json
import logging
import socket

import polars as pl
import pytest
from hub_stand_in import stand_in

from core import Project
from core.domain import Progress
from core.errors import Cancelled, DataError, WinnowError
from core.loading import fetch, here, load, look, opened, reference
from core.loading.fetching import CONVERTED, PIECE


def lines(*texts: str) -> bytes:
    """JSON lines of rows with these instructions."""
    return "".join(json.dumps({"instruction": text, "output": "o"}) + "\n" for text in texts).encode()


def parquet(*texts: str) -> bytes:
    """The same as Parquet."""
    pl.DataFrame({"instruction": texts, "output": "o"}).write_parquet(file := io.BytesIO())
    return file.getvalue()


@pytest.fixture
def hub(monkeypatch):
    """The stand-in, with one dataset of two splits."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with stand_in() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        server.datasets["o/n"] = {
            "main": {
                "README.md": b"# nothing stated",
                "data/train-00000-of-00002.parquet": parquet("a", "b"),
                "data/train-00001-of-00002.parquet": parquet("c"),
                "data/test-00000-of-00001.parquet": parquet("t"),
            }
        }
        yield server


def prompts(text, folder, **how):
    """What comes out of a reference."""
    pinned = fetch(text, folder, **how)
    return load(here(pinned, folder)).frame["prompt"].to_list()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("hf://o/n", ("o/n", "", "", "")),
        ("hf://datasets/o/n", ("o/n", "", "", "")),
        ("hf://o/n@v1.0/en:test", ("o/n", "v1.0", "en", "test")),
        ("hf://o/n:test", ("o/n", "", "", "test")),
        ("hf://o/n@refs/convert/parquet/en", ("o/n", "refs/convert/parquet", "en", "")),
        ("hf://o/n@refs%2Fpr%2F3", ("o/n", "refs/pr/3", "", "")),
        ("hf://o/n/a%2Fb%3Ac:train", ("o/n", "", "a/b:c", "train")),
    ],
)
def test_a_reference_is_read_and_written_back(text, parts):
    """Every part has its mark, and what is written from the parts is read as the same."""
    found = reference(text)
    assert (found.name, found.revision, found.config, found.split) == parts
    assert reference(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "hf://",
        "hf://n",
        "hf://../n",
        "hf://o/..",
        "hf://o/n@",
        "hf://o/n:a:b",
        "hf://o /n",
        "hf://" + "x" * 999,
    ],
)
def test_what_names_no_dataset_is_refused(text):
    """With the spelling in the hint."""
    with pytest.raises(DataError, match=r"names no dataset on the hub.*Write hf://owner/name"):
        reference(text)


def test_a_dataset_is_pinned_fetched_and_opened_without_the_hub(hub, tmp_path):
    """The split train by itself, in the sequence of its shards; afterwards the hub is not asked any more."""
    pinned = fetch("hf://o/n", tmp_path)
    assert str(pinned) == f"hf://o/n@{hub.commit('o/n', 'main')}/default:train"
    hub.asked.clear()
    dataset = load(opened(str(pinned), tmp_path))
    assert dataset.frame["prompt"].to_list() == ["a", "b", "c"]
    assert (dataset.name, dataset.source) == ("o/n:train", str(pinned))
    assert hub.asked == []
    assert prompts("hf://o/n:test", tmp_path) == ["t"]


@pytest.mark.slow
def test_a_project_of_the_hub_is_replayed_from_its_recipe_alone(hub, tmp_path, capsys):
    """The recipe names dataset and commit; another home fetches the same rows again."""
    from core.__main__ import main

    common = ["--strategy", "longest", "--count", "2"]
    home = ["--home", str(tmp_path / "home")]
    assert main(["select", "hf://o/n", *common, "--out", str(tmp_path / "out"), *home]) == 0
    other = ["--home", str(tmp_path / "other")]
    assert main(["replay", str(tmp_path / "out" / "recipe.yaml"), *other]) == 0
    assert "The same 2 ids" in capsys.readouterr().out
    assert len(Project.open("hf://o/n:test", home=tmp_path / "home").dataset) == 1


README = b"""---
license: mit
configs:
- config_name: en
  default: true
  data_files:
  - split: train
    path: "en/*.jsonl"
  - split: held
    path: ["en/deep/**/x?.jsonl"]
- config_name: de
  data_dir: de
- config_name: flat
  data_files: top.jsonl
---
# Text
"""


def test_configurations_are_those_of_the_readme(hub, tmp_path):
    """Patterns, folders and single files; a star stays within its folder."""
    hub.datasets["o/c"] = {
        "main": {
            "README.md": README,
            "en/1.jsonl": lines("1"),
            "en/2.jsonl": lines("2"),
            "en/deep/a/b/x7.jsonl": lines("7"),
            "de/train.jsonl": lines("d"),
            "de/valid.jsonl": lines("v"),
            "top.jsonl": lines("top"),
        }
    }
    found = look(reference("hf://o/c")).configs
    assert found == {
        "en": {"train": ("en/1.jsonl", "en/2.jsonl"), "held": ("en/deep/a/b/x7.jsonl",)},
        "de": {"train": ("de/train.jsonl",), "validation": ("de/valid.jsonl",)},
        "flat": {"train": ("top.jsonl",)},
    }
    assert prompts("hf://o/c/en:held", tmp_path) == ["7"]
    with pytest.raises(DataError, match=r"more than one configuration.*Name one of: en, de, flat"):
        fetch("hf://o/c", tmp_path)
    with pytest.raises(DataError, match="no configuration fr"):
        fetch("hf://o/c/fr", tmp_path)


def test_a_dataset_of_a_script_comes_from_the_hub_s_conversion(hub, tmp_path):
    """The script is neither fetched nor run; its configurations are the folders of the conversion."""
    hub.datasets["o/s"] = {
        "main": {"s.py": b"raise SystemExit", "blob.tar": b"x"},
        CONVERTED: {
            "en/train/0000.parquet": parquet("e"),
            "de/train/0000.parquet": parquet("d"),
            "de/partial-test/0000.parquet": parquet("p"),
        },
    }
    assert prompts("hf://o/s/de:test", tmp_path) == ["p"]
    pinned = str(fetch("hf://o/s/en", tmp_path))
    assert prompts(pinned, tmp_path / "elsewhere") == ["e"]
    assert not any("s.py" in path for path, _ in hub.asked)
    del hub.datasets["o/s"][CONVERTED]
    with pytest.raises(DataError, match=r"made by a script, s\.py, which is never run"):
        fetch("hf://o/s/en", tmp_path)


def _broken(hub, what):
    if what == "status":
        hub.status = 503
    if what == "busy":
        hub.status = 429
    if what == "private":
        hub.private.add("o/n")
    if what == "gated":
        hub.gated.add("o/n")
    if what == "altered":
        hub.altered = True
    if what == "cut":
        hub.cut, hub.cut_once = 20, False


@pytest.mark.parametrize(
    ("what", "text", "words"),
    [
        (
            "",
            "hf://o/none",
            "There is no dataset o/none on the hub, or it is private. Check the name, or give a",
        ),
        ("private", "hf://o/n", "or it is private"),
        ("gated", "hf://o/n", "o/n is gated"),
        ("", "hf://o/n@v9", "o/n has no revision v9."),
        ("", "hf://o/n:dev", "has no split dev. Its splits: test, train."),
        ("status", "hf://o/n", r"could not answer \(status 503\)"),
        ("busy", "hf://o/n", "asked too often"),
        ("altered", "hf://o/n", "is not what the hub announces"),
        ("cut", "hf://o/n", "broke the connection off"),
    ],
)
def test_failures_are_said_in_plain_words(hub, tmp_path, what, text, words):
    """Each with what to do; nothing that is half there is taken for whole."""
    _broken(hub, what)
    with pytest.raises(DataError, match=words) as caught:
        fetch(text, tmp_path)
    assert caught.value.hint
    assert not list(tmp_path.rglob("*.json"))


def test_without_a_network_it_is_said(monkeypatch, tmp_path):
    """A closed port, and the library's own word for offline."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{probe.getsockname()[1]}")
        with pytest.raises(DataError, match=r"The hub cannot be reached. Check the network"):
            fetch("hf://o/n", tmp_path)


def test_a_download_that_breaks_off_goes_on_where_it_ended(hub, tmp_path):
    """The second try asks for the rest alone, and the file is whole."""
    texts = "x" * PIECE, "y" * PIECE
    hub.datasets["o/big"] = {"main": {"a.jsonl": lines(*texts)}}
    hub.cut = PIECE + 1000
    assert prompts("hf://o/big", tmp_path) == list(texts)
    assert [headers["range"] for _, headers in hub.asked if "range" in headers] == [f"bytes={PIECE}-"]


def test_a_stopped_download_is_not_there_and_goes_on_later(hub, tmp_path):
    """Whoever counts the progress may end it; bytes are counted up to their sum."""
    seen: list[Progress] = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        fetch("hf://o/n", tmp_path, on_progress=stop)
    pinned = look(reference("hf://o/n")).pinned(reference("hf://o/n"))
    assert here(pinned, tmp_path) is None
    seen.clear()
    assert prompts("hf://o/n", tmp_path, on_progress=seen.append) == ["a", "b", "c"]
    assert seen[-1].done == seen[-1].total > 1


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_a_token_opens_what_is_private_and_is_written_nowhere(hub, tmp_path, monkeypatch, caplog, way):
    """Neither a file of the home nor a log nor a sentence holds it; without it nothing is sent."""
    caplog.set_level(logging.DEBUG)
    hub.private.add("o/n")
    hub.gated.add("o/n")
    how = {"token": hub.token} if way == "argument" else {}
    if way == "environment":
        monkeypatch.setenv("HF_TOKEN", hub.token)
    assert prompts("hf://o/n", tmp_path, **how) == ["a", "b", "c"]
    wrong = "hf_wrong_token"
    with pytest.raises(WinnowError, match="does not accept the token") as caught:
        fetch("hf://o/n:test", tmp_path, token=wrong)
    secrets = (hub.token, wrong)
    said = repr(caught.value) + str(caught.value.__cause__) + caplog.text
    assert not any(secret in said for secret in secrets)
    for path in tmp_path.rglob("*"):
        held = path.read_bytes() if path.is_file() else b""
        assert not any(secret.encode() in held or secret in str(path) for secret in secrets)


def test_names_that_lead_out_are_never_written(hub, tmp_path):
    """A listing with .. or an absolute path in it gives the other files alone."""
    hub.datasets["o/x"] = {
        "main": {"../../out.jsonl": lines("x"), "/abs.jsonl": lines("y"), "a.jsonl": lines("a")}
    }
    assert prompts("hf://o/x", tmp_path / "deep" / "er") == ["a"]
    assert [path.name for path in tmp_path.rglob("*.jsonl")] == ["a.jsonl"]


def test_a_file_that_was_altered_on_disk_is_fetched_again(hub, tmp_path):
    """What has not its length any more is not taken for whole."""
    pinned = fetch("hf://o/n", tmp_path)
    file = next(tmp_path.rglob("train-00001*.parquet"))
    file.write_bytes(file.read_bytes()[:-1])
    assert here(pinned, tmp_path) is None
    assert prompts(str(pinned), tmp_path) == ["a", "b", "c"]


def test_pieces_of_a_download_are_small(hub, tmp_path):
    """A larger file is reported on the way, so that it can be stopped."""
    hub.datasets["o/big"] = {"main": {"a.jsonl": lines("x" * PIECE, "y" * PIECE, "z" * PIECE)}}
    seen: list[int] = []
    fetch("hf://o/big", tmp_path, on_progress=lambda progress: seen.append(progress.done))
    assert len(seen) > 3
    assert seen == sorted(seen)
