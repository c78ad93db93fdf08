"""The ways to a dataset that is no single plain file: archives, folders, the hub."""

from __future__ import annotations

import io
import json
import shutil
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
from screen import EXPLORE, LOAD, SAMPLE, App, link_of, open_app

from core import Project, SelectParams

sys.path.append(str(Path(__file__).parents[1] / "loading"))
from hub_stand_in import stand_in

ROWS = "".join(json.dumps({"instruction": f"row {n}", "output": "o"}) + "\n" for n in range(5)).encode()


@pytest.fixture
def hub(monkeypatch):
    """The stand-in with a dataset of two splits."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with stand_in() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        server.datasets["o/n"] = {"main": {"train.jsonl": ROWS * 3, "test.jsonl": ROWS, "README.md": b""}}
        yield server


def look_up(app: App, name: str, token: str = "") -> App:
    """Name a dataset of the hub and ask what it has."""
    app.turn_to(LOAD).choose("way", "Hub")
    app.at.text_input(key="hub_name").set_value(name)
    app.at.text_input(key="hub_token").set_value(token)
    app.at.button(key="look_up").click()
    return app.run()


def arrived(app: App, within: float = 120) -> App:
    """Run until the download has ended."""
    until = time.monotonic() + within
    while "stop_download" in app.buttons():
        assert time.monotonic() < until
        time.sleep(0.05)
        app.run()
    return app


def test_a_link_shows_the_way_by_which_its_dataset_comes(folder):
    """The path with what is open in its field, so that it can be read and changed; the sample without."""
    (folder / "rows.jsonl").write_bytes(ROWS)
    app = open_app(LOAD, data=str(folder / "rows.jsonl"))
    assert (app.value("way"), app.value("path")) == ("Path", str(folder / "rows.jsonl"))
    assert open_app(LOAD).value("way") == "Sample"


def test_a_zip_is_uploaded_and_opened(app: App):
    """The one file in it is the dataset."""
    with zipfile.ZipFile(content := io.BytesIO(), "w") as archive:
        archive.writestr("rows.jsonl", ROWS)
    app.turn_to(LOAD).choose("way", "Upload")
    app.at.get("file_uploader")[0].set_value(("rows.zip", content.getvalue(), "application/zip"))
    assert app.run().press("open_upload").figures()["Rows loaded"] == "5"


def test_a_folder_is_opened_by_its_path_and_follows_its_files(app: App, folder):
    """All files as one dataset; a split by its name; a file that is added is read too."""
    (folder / "a.jsonl").write_bytes(ROWS)
    (folder / "b.jsonl").write_bytes(ROWS)
    app.turn_to(LOAD).choose("way", "Path").choose("path", str(folder)).press("open_path")
    assert app.figures()["Rows loaded"] == "10"
    (folder / "c.jsonl").write_bytes(ROWS)
    assert app.run().figures()["Rows loaded"] == "15"
    for name in "abc":
        (folder / f"{name}.jsonl").rename(folder / f"{'train' if name == 'a' else 'test'}-{name}.jsonl")
    app.choose("path", f"{folder}:test").press("open_path")
    assert app.figures()["Rows loaded"] == "10"
    app.choose("path", f"{folder}/../../:test").press("open_path")
    assert any("outside the folders" in text or "no file" in text for text in app.said("error"))


def test_a_dataset_of_the_hub_is_looked_up_downloaded_and_opened(app: App, hub):
    """Its splits are offered; what is opened is named by its commit, and opens again when the hub is gone."""
    look_up(app, "o/n")
    assert app.says(" kB")
    app.press("open_hub")
    assert arrived(app).figures()["Rows loaded"] == "15"
    data = link_of(app)["data"]
    assert data == f"hf://o/n@{hub.commit('o/n', 'main')}/default:train"
    hub.status = 503
    assert open_app(LOAD, data=data).figures()["Rows loaded"] == "15"
    assert open_app(data=data).says("No map of 15 rows yet")


def test_a_link_to_a_dataset_that_is_not_here_offers_the_download(hub):
    """On every page; a reload finds the download as it is, and it can be stopped and taken up again."""
    hub.slow = threading.Event()
    app = open_app(EXPLORE, data="hf://o/n:test")
    assert app.says("o/n, test")
    app.press("download_again")
    assert "stop_download" in app.buttons()
    assert "stop_download" in open_app(LOAD, data=link_of(app)["data"]).buttons()
    assert app.press("stop_download").says("Stopping.")
    hub.slow.set()
    hub.slow = None
    until = time.monotonic() + 120
    while "download_again" not in app.run().buttons():
        assert time.monotonic() < until
        time.sleep(0.05)
    app.press("download_again")
    assert arrived(app).says("No map of 5 rows yet")
    assert "@" in link_of(app)["data"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("o/none", "There is no dataset o/none"), ("<b>", "names no dataset"), ("", "names no dataset")],
)
def test_what_cannot_be_looked_up_is_said(app: App, hub, name, words):
    """In words, and the page stays as it was."""
    look_up(app, name)
    assert any(words in text for text in app.said("error"))
    assert app.figures()["Rows loaded"] == "1,008"


def test_a_token_opens_what_is_private_and_is_in_no_link(app: App, hub, home):
    """It is sent to the hub, and stands neither in the address nor in a file nor in a message."""
    hub.private.add("o/n")
    look_up(app, "o/n")
    assert any("or it is private" in text for text in app.said("error"))
    look_up(app, "o/n", hub.token)
    app.press("open_hub")
    assert arrived(app).figures()["Rows loaded"] == "15"
    assert hub.token not in str(link_of(app)) + str(app.said())
    kept = [path for path in home.rglob("*") if path.is_file() and "store" not in path.parts]
    assert kept
    assert not any(hub.token.encode() in path.read_bytes() for path in kept)


def test_a_download_that_fails_says_why_and_stays_said(app: App, hub):
    """A run of the page later it is still there, with the way to try again."""
    look_up(app, "o/n")
    hub.altered = True
    app.press("open_hub")
    for _ in range(2):
        assert any("is not what the hub announces" in text for text in arrived(app).said("error"))
        app.run()
    hub.altered = False
    app.press("download_again")
    assert arrived(app).figures()["Rows loaded"] == "15"


def test_a_recipe_of_the_hub_fetches_its_data_and_brings_the_screen_back(app: App, hub, home, tmp_path):
    """Where the dataset is not here, the download is offered; afterwards the recipe's choice is shown."""
    hub.datasets["o/s"] = {"main": {"a.jsonl": SAMPLE.read_bytes()}}
    project = Project.open("hf://o/s", home=home)
    project.export(project.select(SelectParams(strategy="longest", count=7)), tmp_path / "out")
    shutil.rmtree(home / "hub")
    app.turn_to(LOAD).choose("way", "Recipe")
    recipe = (tmp_path / "out" / "recipe.yaml").read_bytes()
    app.at.get("file_uploader")[0].set_value(("recipe.yaml", recipe, "text/yaml"))
    app.run().press("open_recipe").press("download_again")
    arrived(app)
    assert link_of(app)["data"] == project.dataset.source
    assert (link_of(app)["strategy"], link_of(app)["count"]) == ("longest", "7")
