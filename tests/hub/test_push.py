"""Push: one commit, a kept card, no public surprise, faults in words, and a token that stays where it is."""

from __future__ import annotations

import logging
import re
import shutil
import traceback

import pytest
import yaml
from hub_server import Repo
from huggingface_hub import DatasetCard
from small_export import TOKEN, export

from core.errors import DataError, ParameterError, WinnowError
from core.exporting import merged_card
from core.push import checked_repo, files_of, push

REPO = "ada/rows-20"
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the hub's own library
THEIRS = """---
license: mit
language: [de]
tags: [mine, winnow]
pretty_name: Mine
configs:
- config_name: default
  data_files: old.csv
- config_name: extra
  data_files: extra.csv
  default: true
dataset_info:
- config_name: default
  splits: [{name: train, num_examples: 7}]
- config_name: extra
  splits: [{name: train, num_examples: 8}]
viewer: false
---

# My words

Before.
"""


@pytest.fixture
def folder(exported, tmp_path):
    """An export of one's own."""
    return shutil.copytree(exported, tmp_path / "out")


def _push(folder, hub, **more):
    return push(folder, more.pop("repo", REPO), token=TOKEN, endpoint=hub.url, **more)


def test_a_push_makes_a_private_repository_and_one_commit(folder, hub):
    """Every file of the export is there, byte for byte, but for the addresses; it is private unless asked."""
    steps = []
    done = _push(folder, hub, on_progress=steps.append)
    repo = hub.repos[REPO]
    assert (done.created, done.private, repo.private, len(repo.commits)) == (True, True, True, 1)
    assert done.url == f"{hub.url}/datasets/{REPO}"
    assert done.commit == repo.head
    local = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert set(repo.files) == set(local) == set(done.files)
    changed = {name for name, path in local.items() if repo.files[name] != path.read_bytes()}
    assert changed == {"croissant.json", "SHA256SUMS"}
    assert f'"url": "{done.url}"' in repo.files["croissant.json"].decode()
    assert steps[-1].done == steps[-1].total
    assert [each.done for each in steps if each.stage == "upload"] == sorted(
        each.done for each in steps if each.stage == "upload"
    )


def test_the_sums_fit_what_is_on_the_hub(folder, hub):
    """sha256sum -c of the pushed files finds no difference."""
    import hashlib

    hub.repos[REPO] = Repo(private=True, files={"README.md": THEIRS.encode()})
    _push(folder, hub)
    files = hub.repos[REPO].files
    lines = files["SHA256SUMS"].decode().splitlines()
    assert {line.partition("  ")[2] for line in lines} == set(files) - {"SHA256SUMS"}
    for line in lines:
        digest, _, name = line.partition("  ")
        assert hashlib.sha256(files[name]).hexdigest() == digest, name


def test_a_card_that_is_there_is_kept_and_our_part_replaced(folder, hub, tmp_path):
    """Twice pushed, their text and fields stand once, and so does ours, as of the last export."""
    hub.repos[REPO] = Repo(private=True, files={"README.md": THEIRS.encode(), "extra.csv": b"a\n1\n"})
    _push(folder, hub)
    second = export(tmp_path / "second", tmp_path, count=30)
    hub.repos[REPO].files["README.md"] += b"\nAfter.\n"
    _push(second, hub)
    text = hub.repos[REPO].files["README.md"].decode()
    _, front, body = re.split(r"(?m)^---$\n", text, maxsplit=2)
    told = yaml.safe_load(front)
    assert (told["license"], told["pretty_name"], told["viewer"]) == ("cc-by-4.0", "Mine", False)
    assert told["language"] == ["de"]
    assert told["tags"] == ["mine", "winnow", "instruction-tuning", "data-selection"]
    assert [each["config_name"] for each in told["configs"]] == [
        "default", "random_control", "all_scored", "extra",
    ]  # fmt: skip
    assert [each.get("default", False) for each in told["configs"]] == [True, False, False, False]
    assert [each["config_name"] for each in told["dataset_info"]] == ["extra"]
    assert body.strip().startswith("# My words\n\nBefore.\n\n<!-- A card that Winnow wrote")
    assert body.strip().endswith("<!-- The end of what Winnow wrote. -->\n\nAfter.")
    assert body.count("## Limits") == 1
    assert "30 of 60 rows." in body
    assert "20 of 60 rows." not in body
    assert hub.repos[REPO].files["extra.csv"] == b"a\n1\n"
    assert DatasetCard(text).data.license == "cc-by-4.0"


def test_files_of_an_earlier_push_that_are_no_longer_exported_go(folder, hub, tmp_path):
    """In the same commit; what somebody else put there stays."""
    _push(folder, hub)
    hub.repos[REPO].files["notes.txt"] = b"mine"
    done = _push(export(tmp_path / "second", tmp_path, form="csv"), hub)
    assert done.removed == ("train.jsonl",)
    assert not done.created
    assert {"train.csv", "notes.txt"} <= set(hub.repos[REPO].files)
    assert "train.jsonl" not in hub.repos[REPO].files
    assert len(hub.repos[REPO].commits) == 2


def test_a_private_push_never_reaches_a_public_repository(folder, hub):
    """It is refused before a byte is sent; asked for in public, it is written."""
    hub.repos[REPO] = Repo(private=False)
    with pytest.raises(ParameterError, match="is public"):
        _push(folder, hub)
    assert not any("/preupload/" in each for each in hub.seen)
    assert not _push(folder, hub, private=False).private


def test_an_unknown_licence_is_not_published(hub, tmp_path):
    """Nobody is asked anything."""
    out = export(tmp_path / "out", tmp_path, licence="unknown")
    with pytest.raises(ParameterError, match="licence of the source is unknown"):
        _push(out, hub)
    assert not hub.seen


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda out: (out / "README.md").unlink(), "holds no export"),
        (lambda out: (out / "SHA256SUMS").unlink(), "holds no export"),
        (lambda out: (out / "ids.txt").unlink(), "ids.txt is missing"),
        (lambda out: (out / "train.jsonl").write_text("{}"), "train.jsonl was changed"),
        (lambda out: (out / "SHA256SUMS").write_text("00  ../rows.jsonl\n"), "rows.jsonl is missing"),
    ],
    ids=["no card", "no sums", "a file is gone", "a file is another", "a way out"],
)
def test_only_a_whole_export_is_pushed(folder, hub, spoil, problem):
    """What is missing or changed is named, and nobody is asked anything."""
    spoil(folder)
    with pytest.raises(DataError, match=re.escape(problem)):
        _push(folder, hub)
    assert not hub.seen


def test_a_card_that_a_person_went_on_with_is_pushed(folder, hub):
    """The one file in which a change is welcome."""
    card = (folder / "README.md").read_text("utf-8")
    (folder / "README.md").write_text(card + "\nMy own words.\n", "utf-8")
    assert "README.md" in files_of(folder)
    _push(folder, hub)
    assert hub.repos[REPO].files["README.md"].decode().endswith("My own words.\n")


FAULTS = [
    ("GET /api/whoami", 401, "does not know this token"),
    ("GET /api/datasets", 403, "may not write to ada/rows-20"),
    ("POST /api/repos/create", 403, "may not write"),
    ("POST .*/preupload/", 404, "has no ada/rows-20"),
    ("POST .*/commit/", 409, "was changed on the hub meanwhile"),
    ("POST .*/commit/", 412, "was changed on the hub meanwhile"),
    ("POST .*/commit/", 413, "too large"),
    ("POST .*/commit/", 500, "fault of its own (500)"),
    ("GET /api/whoami", 429, "asked less often"),
    ("POST .*/commit/", "cut", "connection to the hub was cut"),
    ("POST .*/commit/", 418, "answered 418"),
]


@pytest.mark.parametrize(("request_", "fault", "problem"), FAULTS)
def test_a_fault_is_said_in_words_and_nothing_is_committed(folder, hub, request_, fault, problem):
    """Whatever the hub answers; the same push goes through afterwards."""
    hub.faults += [(request_, fault)] * (9 if fault == 429 else 1)
    with pytest.raises(WinnowError, match=re.escape(problem)) as caught:
        _push(folder, hub)
    assert caught.value.hint
    _is_without_token("".join(traceback.format_exception(caught.value)))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert REPO not in hub.repos or not hub.repos[REPO].files
    hub.faults.clear()
    assert _push(folder, hub).files


def test_a_cut_upload_is_said_and_taken_up_again(folder, hub):
    """A large file that breaks off for good; nothing is committed before every file is there."""
    hub.faults += [("PUT /blobs/", "cut")] * 20
    with pytest.raises(DataError, match="cut"):
        _push(folder, hub)
    assert not hub.repos[REPO].files
    hub.faults.clear()
    assert _push(folder, hub).files


def test_an_unreachable_hub_is_said(folder, hub):
    """Nobody listens on that port."""
    with pytest.raises(DataError, match="cannot be reached"):
        push(folder, REPO, token=TOKEN, endpoint="http://127.0.0.1:9")


def test_another_commit_meanwhile_is_not_overwritten(folder, hub):
    """The push stands on what it saw, so somebody else's change is refused instead of lost."""
    hub.repos[REPO] = Repo(private=True, files={"README.md": THEIRS.encode()})

    def meanwhile(progress):
        if progress.stage == "commit" and not progress.done:
            hub.repos[REPO].commits.append({"summary": "of somebody else"})

    with pytest.raises(DataError, match="changed on the hub meanwhile"):
        _push(folder, hub, on_progress=meanwhile)
    assert hub.repos[REPO].files == {"README.md": THEIRS.encode()}


@pytest.mark.parametrize(
    "name", ["rows", "a/b/c", "/x", "a/", "a/-", "a b/c", "a/b.git", "a/b--c", "ä/b", "../b", "a/" + "b" * 97]
)
def test_a_name_that_the_hub_does_not_take_is_refused(name):
    """Before anything is sent."""
    with pytest.raises(ParameterError, match="no name of a repository"):
        checked_repo(name)


def test_a_token_is_needed(folder, hub):
    """And it is said where to put it."""
    with pytest.raises(ParameterError, match="needs a token") as caught:
        push(folder, REPO, token=" ", endpoint=hub.url)
    assert "HF_TOKEN" in caught.value.hint


def test_the_token_stays_in_the_request(folder, hub, tmp_path, monkeypatch, caplog, capfd):  # noqa: PLR0917
    """Neither the export, nor a file at home, nor a log, nor a print, nor the commit holds it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    caplog.set_level(logging.DEBUG)
    _push(folder, hub)
    with pytest.raises(WinnowError):
        push(folder, "eve/rows", token=TOKEN, endpoint=hub.url)
    _is_without_token(caplog.text, *capfd.readouterr(), str(hub.repos), *hub.seen)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path


def _is_without_token(*texts):
    for text in texts:
        assert TOKEN not in text


def test_front_matter_that_cannot_be_read_is_not_lost():
    """It is said instead, and nothing is written over it."""
    ours = "---\nlicense: mit\nconfigs: []\n---\n\n<!-- A card"
    with pytest.raises(DataError, match="cannot be read"):
        merged_card("---\nlicense: [\n---\nwords", ours)
