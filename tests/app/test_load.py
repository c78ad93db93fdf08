"""Load: the three ways in, the report, and the settings of the map."""

from __future__ import annotations

import gzip
import json

import polars as pl
import pytest
from screen import EXPLORE, LOAD, App, link_of, open_app

from pages.ui import cached
from pages.ui.view import MapSettings

MIXED = "\n".join(
    [
        '{"instruction": "one", "output": "first", "rating": 4, "grade": 1.5}',
        "{broken",
        '{"instruction": "two", "output": "", "rating": null, "grade": 2.5}',
        '{"instruction": "", "output": "third", "rating": 2, "grade": 0.5}',
        "[1, 2]",
        '{"instruction": "four", "output": "fourth", "rating": 5, "grade": 0.5}',
    ]
)


def columns(app: App, name: str) -> dict:
    """The table that has this column, as lists."""
    return next(table.to_dict("list") for table in app.tables() if name in table)


def upload(app: App, name: str, content: bytes) -> App:
    """Choose a file in the upload box and open it."""
    app.choose("way", "Upload")
    app.at.get("file_uploader")[0].set_value((name, content, "application/octet-stream"))
    return app.run().press("open_upload")


def test_the_report_counts_what_was_read_and_what_was_lost(folder):
    """Rows read, rows loaded, judges with their scales, and each kind of problem with its places."""
    (folder / "mixed.jsonl").write_text(MIXED)
    app = open_app(LOAD, data=str(folder / "mixed.jsonl"))
    assert app.figures() | {"Kinds of problem": ""} == {
        "Rows read": "6", "Rows loaded": "4", "Score columns": "2", "Kinds of problem": "",
    }  # fmt: skip
    judges = columns(app, "judge")
    assert judges["judge"] == ["rating", "grade"]
    assert (judges["lowest"], judges["highest"]) == ([2, 0.5], [5, 2.5])
    assert (judges["scored rows"], judges["unscored rows"]) == ([3, 4], [1, 0])
    problems = columns(app, "problem")
    assert app.figures()["Kinds of problem"] == str(len(problems["problem"]))
    lost = [
        int(row) for row, loaded in zip(problems["rows"], problems["loaded"], strict=True) if loaded == "no"
    ]
    assert sum(lost) == 2
    assert any("line 2" in places for places in problems["first seen"])
    assert {"empty prompts", "empty responses"} <= set(problems["problem"])


def test_the_sample_is_reported_whole(sample):
    """No problem, two judges of eleven grades, the first rows verbatim."""
    app = open_app(LOAD)
    assert app.figures() == {
        "Rows read": "1,008", "Rows loaded": "1,008", "Score columns": "2", "Kinds of problem": "0",
    }  # fmt: skip
    assert columns(app, "judge")["step"] == ["0.5", "0.5"]
    first = columns(app, "response")
    assert first["response"] == sample["output"].head(5).to_list()
    assert "open_map" in app.buttons()


def test_a_file_without_scores_says_so(folder):
    """One sentence instead of an empty table."""
    (folder / "plain.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    app = open_app(LOAD, data=str(folder / "plain.jsonl"))
    assert app.figures()["Score columns"] == "0"
    assert app.says("None was found. The map works without; the threshold stays off.")


@pytest.mark.parametrize("name", ["rows.jsonl", "../../rows.jsonl", "rows.jsonl.gz", "ro ws\u202e<b>.jsonl"])
def test_an_upload_is_kept_and_opened(app: App, home, name):
    """Whatever its name: inside the store's folder, and open after a reload by the link."""
    content = json.dumps([{"instruction": "a", "output": "b"}] * 7).encode()
    upload(app.turn_to(LOAD), name, gzip.compress(content) if name.endswith(".gz") else content)
    assert app.figures()["Rows loaded"] == "7"
    kept = [path for path in (home / "uploads").rglob("*") if path.is_file()]
    assert len(kept) == 1
    assert open_app(LOAD, data=link_of(app)["data"]).figures()["Rows loaded"] == "7"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("rows.pkl", b"\x80\x04K\x01.", "can run code when it is opened"),
        ("rows.jsonl", b"", "is empty"),
        ("rows.parquet", b"PAR1 no parquet", "could not be read as Parquet"),
        ("rows.txt", b"a", "is not of a kind that can be read"),
        ("rows.csv", b"a,b\n1,2\n", "The columns are not of a known shape"),
    ],
)
def test_an_upload_that_cannot_be_read_is_refused_in_words(app: App, name, content, words):
    """The page stays, with all three ways in and a way back."""
    upload(app.turn_to(LOAD), name, content)
    assert any(words in text for text in app.said("error"))
    assert app.value("way") == "Upload"
    assert app.press("back_to_sample").figures()["Rows loaded"] == "1,008"


def test_a_typed_path_is_opened(app: App, folder):
    """With blanks around it, as it is when pasted."""
    (folder / "rows.csv").write_text("instruction,output,score\na,b,1\nc,d,2\n")
    app.turn_to(LOAD).choose("way", "Path").choose("path", f"  {folder / 'rows.csv'} ").press("open_path")
    assert app.figures()["Rows loaded"] == "2"
    app.choose("path", "").press("open_path")
    assert app.figures()["Rows loaded"] == "2", "nothing typed, nothing opened"
    app.choose("path", "/etc/passwd").press("open_path")
    assert any("outside the folders" in text for text in app.said("error"))
    app.choose("way", "Sample").press("open_sample")
    assert app.figures()["Rows loaded"] == "1,008"


def test_a_file_that_changes_is_read_again(folder):
    """The report follows the file, not what was read of it before."""
    path = folder / "rows.jsonl"
    path.write_text('{"instruction": "a", "output": "b"}\n')
    app = open_app(LOAD, data=str(path))
    assert app.figures()["Rows loaded"] == "1"
    path.write_text('{"instruction": "a", "output": "b"}\n' * 3)
    assert app.run().figures()["Rows loaded"] == "3"


def set_values(app: App, **values) -> App:
    """Fill in the settings and take them over with the button of the form."""
    for key, value in values.items():
        kind = {"method": "selectbox", "model": "text_input"}.get(key, "number_input")
        getattr(app.at, kind)(key=key).set_value(value)
    app.at.button(key="use_settings").click()
    return app.run()


def test_settings_are_taken_over_with_the_button(app: App):
    """What is filled in stays in the boxes, names another map, and comes back when set back."""
    app.turn_to(LOAD)
    assert "make_map" not in app.buttons(), "the standard map of the sample is there"
    chosen = {"clusters": 5, "n_neighbours": 10, "min_dist": 0.0, "map_seed": 3}
    set_values(app, **chosen)
    assert {key: app.value(key) for key in chosen} == chosen
    assert app.says("No map of 1,008 rows yet")
    app.turn_to(EXPLORE).turn_to(LOAD)
    assert {key: app.value(key) for key in chosen} == chosen
    set_values(app, clusters=0, n_neighbours=15, min_dist=0.05, map_seed=0)
    assert "make_map" not in app.buttons()


def test_settings_at_their_defaults_are_not_named(app: App):
    """Pressing the button without a change asks for the map that is there."""
    app.turn_to(LOAD)
    set_values(app)
    assert "open_map" in app.buttons()


def test_five_clusters_are_five_clusters(app: App, home):
    """The settings reach the map: its names, its legend and its choice."""
    project = cached.project("sample", MapSettings(clusters=5))
    project.build()
    set_values(app.turn_to(LOAD), clusters=5)
    app.turn_to(EXPLORE)
    seen = set()
    for cluster in range(5):
        app.pin("include", cluster=cluster)
        seen |= set(app.tab("Selected").rows()["cluster"])
        app.pin("undo")
    assert len(set(project.clusters().names)) == 5
    assert seen <= set(project.clusters().names.values())
    assert set(project.labels()) == set(range(5))


def test_hostile_columns_are_no_markup(folder):
    """The message that lists the columns of a file shows their names and nothing else."""
    column = "![x](http://evil.test/x.png)"
    (folder / "rows.jsonl").write_text(json.dumps({column: 1, "<script>": 2}) + "\n")
    app = open_app(LOAD, data=str(folder / "rows.jsonl"))
    assert any(column in text for text in app.said("error"))
    assert not any("![" in each.value or "<script>" in each.value for each in app.at.error)


def test_the_first_rows_are_the_file_s_own(folder):
    """Text of any script, empty text and numbers as they stand in the file."""
    rows = [{"instruction": text, "output": text} for text in ("日本語", "", "a\nb", "\u202eabc", "1")]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    first = columns(open_app(LOAD, data=str(folder / "rows.jsonl")), "response")
    assert first["response"] == pl.DataFrame(rows)["output"].to_list()
