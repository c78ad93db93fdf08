"""Export: a repository on the hub is written beside the page."""

from __future__ import annotations

import time

import pytest
import streamlit as st
from screen import EXPORT, App, open_app

from core.errors import DataError
from core.push import Pushed

TOKEN = "hf_" + "Sesame0pen" * 3

pytestmark = pytest.mark.usefixtures("licence")  # of the sample


def test_a_push_runs_beside_the_page_and_gives_a_link(app: App, monkeypatch):
    """The export is written, its token goes to the hub alone, and the panel ends with the address."""
    seen = {}

    def pushed(folder, repo, *, token, private, on_progress):
        seen.update(names={path.name for path in folder.rglob("*")}, repo=repo, token=token, private=private)
        return Pushed("https://hub.example/datasets/ada/rows", "c0", ("README.md",), (), True, private)

    monkeypatch.setattr("pages.ui.pushing.push", pushed)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    app.drag(level=6, count=30).turn_to(EXPORT)
    assert app.at.button(key="push").disabled
    app.at.text_input(key="hub_repo").set_value("ada/rows").run()
    assert app.at.button(key="push").disabled
    app.at.text_input(key="hub_token").set_value(TOKEN).run()
    app.press("push")
    for _ in range(100):
        if app.at.success:
            break
        time.sleep(0.1)
        app.run()
    assert app.at.success[0].value == "1 file in one commit to ada/rows \\(private\\)\\."
    assert (seen["repo"], seen["token"], seen["private"]) == ("ada/rows", TOKEN, True)
    assert {"README.md", "train.jsonl", "croissant.json", "SHA256SUMS"} <= seen["names"]
    assert TOKEN not in str(dict(app.at.query_params))


@pytest.mark.parametrize(
    ("lent", "address", "asked"),
    [("", "localhost", False), ("", "0.0.0.0", True), ("shared", "0.0.0.0", False)],
)
def test_the_token_of_the_environment_is_for_its_operator(monkeypatch, lent, address, asked):
    """Where others reach the app they type their own, unless the operator lends it."""
    option = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: address if name == "server.address" else option(name))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("WINNOW_HUB_TOKEN", lent)
    app = open_app(EXPORT)
    assert bool([each for each in app.at.text_input if each.key == "hub_token"]) is asked
    assert TOKEN not in str(app.at.main)


def test_a_failed_push_is_said_with_what_to_do(app: App, monkeypatch):
    """The problem and the hint; the next one can begin."""

    def refused(*_, **__):
        raise DataError("The hub cannot be reached.", "Check the network.")

    monkeypatch.setattr("pages.ui.pushing.push", refused)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    app.turn_to(EXPORT)
    app.at.text_input(key="hub_repo").set_value("rows").run()
    assert app.says("no name of a repository on the hub")
    app.at.text_input(key="hub_repo").set_value("ada/rows").run()
    app.press("push")
    for _ in range(100):
        if app.says("The hub cannot be reached. Check the network."):
            break
        time.sleep(0.1)
        app.run()
    assert app.says("The hub cannot be reached. Check the network.")
    assert not app.at.button(key="push").disabled
