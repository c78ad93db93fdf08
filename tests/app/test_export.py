"""Export: what is in the zip is what is on the screen."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import polars as pl
import pytest
import streamlit as st
import yaml
from screen import EXPORT, App, open_app

from core.exporting import CARD_CONTENTS, CONTENTS, FORMATS, TRAINERS, Fate


@pytest.fixture
def downloads(monkeypatch):
    """What the download button would hand out, made when it is pressed."""
    handed = {}
    button = st.download_button

    def watched(label, data, **settings):
        handed[settings["key"]] = data
        return button(label, data, **settings)

    monkeypatch.setattr(st, "download_button", watched)

    def zipped():
        with handed["download"]() as file:
            return zipfile.ZipFile(io.BytesIO(file.read()))

    return zipped


def listed(app: App) -> list[str]:
    """The files that the page says are in the zip."""
    return next(table["file"].to_list() for table in app.tables() if "file" in table)


def label(app: App) -> str:
    """What stands on the download button."""
    return app.at.get("download_button")[0].label


def test_the_page_shows_the_figures_of_explore(app: App):
    """One selection, the same six figures on both pages, the radius included."""
    app.drag(level=6, count=120)
    figures, beside = app.settle().figures(), app.beside()
    app.turn_to(EXPORT).settle()
    assert (app.figures(), app.beside()) == (figures, beside)
    assert app.says("k-center, accuracy ≥ 3, seed 0, 0 pins. Change it on Explore.")
    assert label(app) == "Download 120 rows"


def test_the_radius_is_waited_for_here_too():
    """A visitor who comes by the link of this page sees it without touching anything."""
    app = open_app(EXPORT, judge="helpfulness", min="2", count="90")
    assert app.settle().figures()["Covering radius"] not in ("…", "–")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_listed_and_downloaded(app: App, downloads, sample, form):
    """The zip holds the files that the page lists, and the rows of the selection in their order."""
    app.drag(level=9, count=40).turn_to(EXPORT).choose("format", form)
    assert listed(app) == [FORMATS[form].file, *CONTENTS]
    zipped = downloads()
    assert zipped.testzip() is None
    assert zipped.namelist() == listed(app)
    ids = zipped.read("ids.txt").decode().split("\n")
    assert ids.pop() == ""
    assert len(set(ids)) == 40
    assert read(form, zipped.read(FORMATS[form].file)) == expected(form, sample, ids)


def expected(form: str, sample: pl.DataFrame, ids: list[str]) -> list:
    """The chosen rows as the trainer reads them."""
    rows = {row["id"]: row for row in sample.iter_rows(named=True)}
    if form == "messages":
        return [rows[each]["output"] for each in ids]
    if form == "csv":  # where every cell is text
        return [{name: "" if v is None else str(v) for name, v in rows[each].items()} for each in ids]
    return [rows[each] for each in ids]


def read(form: str, content: bytes) -> list:
    """The rows of a training file, read with another library than wrote it where there is one."""
    if form == "messages":
        return [json.loads(line)["messages"][-1]["content"] for line in content.decode().split("\n")[:-1]]
    if form == "jsonl":
        return [json.loads(line) for line in content.decode().split("\n")[:-1]]
    if form == "json":
        return json.loads(content)
    if form == "csv":
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    return pl.read_parquet(content).to_dicts()


def test_the_ids_are_the_selection_on_the_screen(app: App, downloads):
    """First the rows that the table shows first; every one eligible; pins in, and the excluded out."""
    app.pin("include", rows=[3]).pin("exclude", rows=[4])
    shown = app.rows()["id"].to_list()
    app.turn_to(EXPORT)
    ids = downloads().read("ids.txt").decode().split()
    assert ids[:5] == shown
    assert len(ids) == 100
    assert ids[0] == "w0004"
    assert "w0005" not in ids
    table = pl.read_parquet(io.BytesIO(downloads().read("selection.parquet")))
    assert table.height == 1_008
    assert table.filter(pl.col("order").is_not_null()).sort("order")["id"].to_list() == ids
    assert table.filter(pl.col("reason") == "chosen")["score_accuracy"].min() >= 4.5
    assert table.filter(pl.col("reason") == "excluded")["id"].to_list() == ["w0005"]


def test_the_recipe_names_the_decisions_of_the_screen(downloads):
    """Judge, threshold, count, strategy, seed and pins, and how many rows came out."""
    app = open_app(judge="helpfulness", min="4.5", count="30", strategy="stratified", seed="5")
    app.pin("include", rows=[10]).turn_to(EXPORT)
    recipe = yaml.safe_load(downloads().read("recipe.yaml"))
    choice = recipe["choice"]
    assert [choice[name] for name in ("judge", "min_score", "count", "strategy", "seed")] == [
        "helpfulness", 4.5, 30, "stratified", 5,
    ]  # fmt: skip
    assert choice["include"] == ["w0011"]
    assert recipe["outcome"]["selected"] == 30


def test_an_empty_selection_cannot_be_downloaded():
    """The button is there and off."""
    app = open_app(EXPORT, count="0")
    assert app.at.get("download_button")[0].proto.disabled
    assert label(app) == "Download 0 rows"


def test_what_cannot_be_chosen_is_said_instead_of_exported(folder, home):
    """A strategy that needs a judge in a file without one: the reason, and no button."""
    from core import Project

    path = folder / "plain.jsonl"
    path.write_text("".join(f'{{"instruction": "question {n}", "output": "b"}}\n' for n in range(9)))
    Project.open(path, home=home).build()
    app = open_app(EXPORT, data=str(path), strategy="top-score")
    assert app.says("Top score needs a judge, and none is chosen.")
    assert not app.at.get("download_button")


def test_without_a_map_the_page_offers_to_make_it(folder):
    """One sentence and one button, as on the other pages."""
    path = folder / "plain.jsonl"
    path.write_text('{"instruction": "a", "output": "b"}\n')
    app = open_app(EXPORT, data=str(path))
    assert app.says("No map of 1 row yet")
    assert app.buttons() == {"make_map"}


def test_the_page_says_what_trainers_would_do(app: App):
    """One line a trainer; every selected row in one column; a lower limit cuts rows, and axolotl leaves them out."""
    app.drag(level=0, count=60).turn_to(EXPORT)
    fates = [fate.value for fate in Fate]

    def table():
        return next(table for table in app.tables() if "trainer" in table)

    assert table()["trainer"].to_list() == [each.title for each in TRAINERS.values()]
    assert table()[fates].sum(axis=1).to_list() == [60] * len(TRAINERS)
    app.at.number_input(key="limit").set_value(20).run()
    found = table().set_index("trainer")
    assert found[fates].sum(axis=1).to_list() == [60] * len(TRAINERS)
    assert found.loc["TRL", "cut"] == found.loc["axolotl", "skipped"] > 0
    assert "longer than the token limit" in found.loc["TRL", "why"]


def test_a_licence_puts_a_card_into_the_zip(app: App, downloads):
    """The page lists it, the zip holds it; what is no licence is said instead of a download."""
    app.drag(level=6, count=30).turn_to(EXPORT)
    app.at.text_input(key="licence").set_value("cc-by-nc-4.0").run()
    assert set(listed(app)) == {"train.jsonl", *CONTENTS, *CARD_CONTENTS}
    zipped = downloads()
    assert set(zipped.namelist()) == set(listed(app))
    assert "**Non-commercial.**" in zipped.read("README.md").decode()
    app.at.text_input(key="licence").set_value("all rights: mine").run()
    assert "not the identifier of a licence" in app.at.warning[0].value
    assert not app.at.get("download_button")
