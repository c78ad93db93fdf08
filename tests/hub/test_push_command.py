"""The command line of a push: from a selection to the hub, with the token of the environment."""

from __future__ import annotations

import json

import pytest
from hub_server import Repo
from small_export import TOKEN, export

from core.__main__ import main

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the hub's own library


@pytest.fixture
def run(hub, monkeypatch, capsys):
    """Run the command against the stand-in; (exit code, what it printed)."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    def go(*arguments):
        code = main([str(each) for each in arguments])
        out, err = capsys.readouterr()
        assert TOKEN not in out + err
        return code, out, err

    return go


def test_push_writes_the_export_and_says_where(run, hub, tmp_path):
    """In private, and in public if asked; what was removed is said."""
    out = export(tmp_path / "out", tmp_path)
    code, said, _ = run("push", out, "--repo", "ada/rows")
    assert code == 0
    assert said == f"10 files in one commit to {hub.url}/datasets/ada/rows (private).\n"
    assert hub.repos["ada/rows"].private
    code, said, err = run(
        "push", export(tmp_path / "second", tmp_path, form="csv"), "--repo", "ada/rows", "--json"
    )
    assert code == 0, err
    assert json.loads(said)["removed"] == ["train.jsonl"]
    hub.repos["ada/open"] = Repo(private=False)
    assert run("push", out, "--repo", "ada/open", "--public")[1].endswith("(public).\n")


@pytest.mark.parametrize(
    ("repo", "token", "problem"),
    [
        ("rows", TOKEN, "no name of a repository"),
        ("ada/rows", "", "needs a token"),
        ("eve/rows", TOKEN, "may not write"),
    ],
)
def test_what_cannot_be_pushed_is_said_in_one_line(run, tmp_path, monkeypatch, repo, token, problem):  # noqa: PLR0917
    """With exit code 2."""
    monkeypatch.setenv("HF_TOKEN", token)
    code, said, err = run("push", export(tmp_path / "out", tmp_path), "--repo", repo)
    assert (code, said) == (2, "")
    assert problem in err
    assert err.count("\n") == 1
