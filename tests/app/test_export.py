"""Export: what is in the zip is what is on the screen."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile

import polars as pl
import pytest
import streamlit as st
import yaml
from screen import EXPORT, App, open_app

from core import Project
from core.errors import ParameterError
from core.exporting import (
    CARD_CONTENTS,
    CONTENTS,
    FORMATS,
    REPORT_CONTENTS,
    SPREADSHEET,
    TRAINERS,
    UNKNOWN,
    Fate,
    checked_licence,
    snippet_files,
)

pytestmark = pytest.mark.usefixtures("licence")  # of the sample, unless a test names another


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
        """The zip of the page; ``.handed`` gives what another button hands out."""
        with handed["download"]() as file:
            return zipfile.ZipFile(io.BytesIO(file.read()))

    zipped.handed = handed
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
    assert app.says("k-center among rows with accuracy of 3 or more. Change it on Explore.")
    assert label(app) == "Download 120 rows"


def test_the_radius_is_waited_for_here_too():
    """A visitor who comes by the link of this page sees it without touching anything."""
    app = open_app(EXPORT, judge="helpfulness", min="2", count="90")
    assert app.settle().figures()["Covering radius"] not in ("…", "–")


@pytest.mark.parametrize(
    "form", [name for name in FORMATS if name not in ("preference", "preference-sharegpt", "text")]
)
def test_every_format_is_listed_and_downloaded(app: App, downloads, sample, form):
    """The zip holds the files that the page lists, and the rows of the selection in their order."""
    app.drag(level=9, count=40).turn_to(EXPORT).choose("format", form)
    inside = [FORMATS[form].file, *CONTENTS, *snippet_files(FORMATS[form]), *CARD_CONTENTS]
    assert listed(app) == inside
    zipped = downloads()
    assert zipped.testzip() is None
    assert set(zipped.namelist()) == set(listed(app))
    ids = zipped.read("ids.txt").decode().split("\n")
    assert ids.pop() == ""
    assert len(set(ids)) == 40
    assert read(form, zipped.read(FORMATS[form].file)) == expected(form, sample, ids)


def test_the_report_is_downloaded_alone_or_in_the_zip(app: App, downloads):
    """Ticked it is one of the listed files, with the rows of the zip; unticked it is not."""
    app.drag(level=9, count=40).turn_to(EXPORT)
    alone = downloads.handed["download_report"]()
    assert not REPORT_CONTENTS.keys() & set(listed(app))
    app.at.checkbox(key="report").check().run()
    assert listed(app)[-1:] == [*REPORT_CONTENTS]
    zipped = downloads()
    inside = zipped.read("report.html")
    digest = hashlib.sha256(zipped.read("ids.txt")).hexdigest().encode()
    assert digest in inside
    assert digest in alone


def expected(form: str, sample: pl.DataFrame, ids: list[str]) -> list:
    """The chosen rows as the trainer reads them; of the forms of conversations, the answers."""
    rows = {row["id"]: row for row in sample.iter_rows(named=True)}
    if form == "csv":  # where every cell is text
        return [{name: "" if v is None else str(v) for name, v in rows[each].items()} for each in ids]
    if form in ("jsonl", "json", "parquet"):
        return [rows[each] for each in ids]
    return [rows[each]["output"] for each in ids]


def read(form: str, content: bytes) -> list:
    """The rows of a training file, read with another library than wrote it where there is one."""
    if form == "csv":
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    if FORMATS[form].file.endswith(".parquet"):
        rows = pl.read_parquet(content).to_dicts()
    elif FORMATS[form].file.endswith(".json"):
        rows = json.loads(content)
    else:
        rows = [json.loads(line) for line in content.decode().split("\n")[:-1]]
    return rows if form in ("jsonl", "json", "parquet") else [answer(row) for row in rows]


def answer(row: dict) -> str:
    """The last turn of a conversation, or the output."""
    for name in ("messages", "completion", "conversations"):
        if name in row:
            return row[name][-1].get("content", row[name][-1].get("value"))
    return row["output"]


def test_a_spreadsheet_is_offered_with_csv_alone(app: App, downloads):
    """The toggle stands beside CSV; with it the zip holds the other file."""
    app.turn_to(EXPORT)
    assert [each.key for each in app.at.toggle] == ["hub_private"]
    app.choose("format", "csv")
    app.at.toggle(key="spreadsheet").set_value(True).run()
    assert listed(app)[0] == SPREADSHEET.file
    assert SPREADSHEET.file in downloads().namelist()
    app.choose("format", "jsonl")
    assert [each.key for each in app.at.toggle] == ["hub_private"]
    assert listed(app)[0] == "train.jsonl"


def test_what_a_form_leaves_out_is_said_before_the_download(folder, home, downloads):
    """The count and the reason; the button has the number of rows that are written."""
    from core import Project

    path = folder / "chats.jsonl"
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": "answer"}]
    records = [{"id": f"r{n}", "messages": turns * (1 + (n % 3 == 0))} for n in range(9)]
    for n, record in enumerate(records):
        record["messages"] = [{**turn, "content": f"{turn['content']} {n}"} for turn in record["messages"]]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    Project.open(path, home=home).build()
    app = open_app(EXPORT, data=str(path), strategy="random", count="9")
    assert label(app) == "Download 9 rows"
    app.choose("format", "alpaca")
    assert app.says("Alpaca has no place for 3 of the 9 rows.")
    left = next(table for table in app.tables() if "rows left out" in table)
    assert left["rows left out"].to_list() == [3]
    assert left["why"].to_list() == ["is not one user turn and one answer"]
    assert label(app) == "Download 6 rows"
    assert len(json.loads(downloads().read("train.alpaca.json"))) == 6
    (pills,) = [each for each in app.at.get("button_group") if each.key == "format"]
    assert not {"Preference pairs", "Ready text"} & {each.content for each in pills.proto.options}


def test_the_ids_are_the_selection_on_the_screen(app: App, downloads):
    """First the rows that the table shows first; every one eligible; pins in, and the excluded out."""
    app.pin("include", rows=[3]).pin("exclude", rows=[4])
    shown = app.rows()["id"].to_list()
    app.turn_to(EXPORT)
    ids = downloads().read("ids.txt").decode().split()
    assert ids[:10] == shown
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


def test_the_terms_of_the_licence_are_said_and_in_the_card(app: App, downloads):
    """Choosing another licence changes the warning and the card; it is remembered for the dataset."""
    app.drag(level=6, count=30).turn_to(EXPORT)
    app.at.selectbox(key="licence").set_value("cc-by-nc-4.0").run()
    assert app.says("Non-commercial")
    assert "**Non-commercial.**" in downloads().read("README.md").decode()
    assert open_app(EXPORT).value("licence") == "cc-by-nc-4.0"


def test_why_these_rows_is_asked_remembered_and_written(app: App, downloads):
    """The words of the box are in the card at once, and in the box of another session."""
    app.drag(level=6, count=30).turn_to(EXPORT)
    app.at.text_area(key="why").set_value("For the *talk*.\n").run()
    assert "> For the \\*talk\\*." in downloads().read("README.md").decode()
    assert open_app(EXPORT).at.text_area(key="why").value == "For the *talk*."


def test_the_download_waits_for_a_licence(app: App, project, folder, home):
    """It is off until one is chosen, and an unknown one is an answer with a warning."""
    path = folder / "plain.jsonl"
    path.write_text("".join(f'{{"instruction": "question {n}", "output": "b"}}\n' for n in range(9)))
    Project.open(path, home=home).build()
    bare = open_app(EXPORT, data=str(path))
    assert bare.at.get("download_button")[0].proto.disabled
    assert bare.says("The download waits for the licence of the source.")
    bare.at.selectbox(key="licence").set_value(UNKNOWN).run()
    assert not bare.at.get("download_button")[0].proto.disabled
    assert bare.says("The licence of the source is unknown.")
    assert bare.says("A push needs a licence that is known")
    assert "push" not in bare.buttons()


def test_the_card_beside_the_file_proposes_its_licence(folder, home):
    """One press takes it."""
    path = folder / "plain.jsonl"
    path.write_text("".join(f'{{"instruction": "question {n}", "output": "b"}}\n' for n in range(9)))
    (folder / "README.md").write_text("---\nlicense: cc-by-sa-4.0\n---\n")
    Project.open(path, home=home).build()
    bare = open_app(EXPORT, data=str(path))
    assert bare.says("The dataset card beside the file says cc-by-sa-4.0.")
    assert bare.at.get("download_button")[0].proto.disabled
    bare.press("use_licence")
    assert bare.value("licence") == "cc-by-sa-4.0"
    assert bare.says("Share alike.")


def test_what_is_no_licence_is_said_and_not_kept():
    """A licence that somebody writes is checked; one with a link to its text is kept."""
    with pytest.raises(ParameterError):
        checked_licence("all rights: mine")
    assert checked_licence("My-Terms  https://example.org/terms") == "my-terms https://example.org/terms"


def test_everything_goes_into_one_zip(app: App, downloads):
    """The page lists what the zip holds, with the forms that are asked for."""
    app.drag(level=9, count=40).turn_to(EXPORT).choose("format", "bundle").choose("also", ["openai"])
    zipped = downloads()
    assert set(zipped.namelist()) == set(listed(app))
    assert {"data/train-00000-of-00001.parquet", "train.openai.jsonl", "border.parquet"} <= set(listed(app))
    ids = zipped.read("ids.txt").decode().split()
    border = pl.read_parquet(zipped.read("border.parquet"))
    assert border.filter(pl.col("side") == "above")["id"].to_list() == ids[::-1]
    assert set(border.filter(pl.col("side") == "below")["id"]).isdisjoint(ids)


def test_ready_texts_are_offered_as_texts(app: App, folder, home, downloads):
    """The form is chosen by itself, whatever was chosen for other rows before, and the file has the texts."""
    texts = [f"### Instruction:\nquestion {n}\n\n### Response:\nanswer {n}" for n in range(9)]
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    project = Project.open(path, home=home)
    project.build()
    project.name_licence("mit")
    app = open_app(EXPORT, data=str(path))
    assert app.value("format of texts") == "text"
    with downloads() as zipped:
        read = [json.loads(line)["text"] for line in zipped.read("train.text.jsonl").splitlines()]
        ids = zipped.read("ids.txt").decode().split()
        assert "trl_sft.py" in zipped.namelist()
    where = dict(zip(project.dataset.frame["id"], texts, strict=True))
    assert read == [where[each] for each in ids]
    fates = next(table for table in app.tables() if "trainer" in table).set_index("trainer")
    assert fates.loc["TRL", "kept"] == len(ids) == fates.loc["OpenAI fine-tuning", "rejected"]


def test_rows_that_trainers_do_not_take_are_fixed_or_left_out(folder, home, downloads):
    """One choice an issue; the line adds up, the button counts what is written, the zip holds it."""
    from core import Project

    path = folder / "odd.jsonl"
    asked = [{"role": "user", "content": "q"}]
    records = []
    for n in range(9):
        turns = [*asked, {"role": "assistant", "content": "" if n == 1 else f"a{n}"}]
        records.append({"id": f"r{n}", "messages": turns + asked * (n % 3 == 0)})
        records[-1]["messages"][0] = {"role": "user", "content": f"question {n}"}
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    Project.open(path, home=home).build()
    app = open_app(EXPORT, data=str(path), strategy="random", count="9")
    app.choose("format", "messages")
    assert app.says("9 selected rows = 9 as they are + 0 fixed + 0 left out.")
    app.choose("issue-unanswered", "fix").choose("issue-no-answer", "leave out")
    assert app.says("9 selected rows = 5 as they are + 3 fixed + 1 left out.")
    assert label(app) == "Download 8 rows"
    rows = [json.loads(line) for line in downloads().read("train.messages.jsonl").splitlines()]
    assert len(rows) == 8
    assert {row["messages"][-1]["role"] for row in rows} == {"assistant"}
    fates = next(table for table in app.tables() if "trainer" in table).set_index("trainer")
    assert fates["kept"].to_dict() == dict.fromkeys(fates.index, 8)
    app.choose("format", "jsonl")
    assert app.says("jsonl holds the source's own columns, in which nothing is mended.")
    assert not app.at.get("download_button")
