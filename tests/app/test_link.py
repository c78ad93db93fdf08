"""The link: what it carries, and what becomes of a link that asks for what cannot be."""

from __future__ import annotations

import pickle
from dataclasses import replace

import polars as pl
import pytest
from screen import EXPLORE, EXPORT, LOAD, SAMPLE, App, link_of, open_app

from pages.ui.view import MapSettings

STANDARD = {
    "data": "sample", "judge": "accuracy", "min": "4.5", "count": "100", "strategy": "k-center",
    "colour": "cluster",
}  # fmt: skip


def test_a_link_opens_the_same_view_in_another_session(sample):
    """Data, judge, threshold, count, strategy, colour and seed all come back, with the same figures."""
    link = {
        "data": "sample", "judge": "helpfulness", "min": "3.5", "count": "150", "strategy": "stratified",
        "colour": "judge:accuracy", "seed": "12",
    }  # fmt: skip
    app = open_app(**link)
    assert link_of(app) == link
    assert app.figures()["Eligible"] == f"{sample.filter(pl.col('helpfulness') >= 3.5).height:,}"
    assert app.figures()["Selected"] == "150"
    assert (app.value("judge"), app.value("strategy"), app.value("seed")) == ("helpfulness", "stratified", 12)
    again = open_app(**link_of(app))
    assert again.rows().equals(app.rows())


def test_every_decision_goes_into_the_link_at_once(app: App):
    """What is dragged, chosen and coloured stands in the address bar after one run."""
    assert link_of(app) == STANDARD
    app.drag(level=4, count=77, colour="length")
    assert link_of(app) == STANDARD | {"min": "2", "count": "77", "colour": "length"}
    app.choose("strategy", "random").choose("seed", 3)
    assert link_of(app)["strategy"] == "random"
    assert link_of(app)["seed"] == "3"


def test_settings_of_strategy_and_map_come_back_with_the_link():
    """Quotas of clusters, options of a strategy, and how the map is made; a model is never named."""
    link = STANDARD | {
        "strategy": "cluster-quota",
        "options": '{"temperature":2.0,"quota 1":7}',
        "map": '{"cluster":{"clusters":24},"project":{"min_dist":0.25},"neighbours":{"k":20}}',
    }
    app = open_app(LOAD, **link)
    view = app.at.session_state["winnow.view"]
    assert dict(view.options) == {"temperature": 2.0, "quota 1": 7}
    assert view.map == MapSettings(clusters=24, min_dist=0.25, more=(("neighbours", "k", 20),))
    assert {name: link_of(app).get(name) for name in link} == link
    app.at.session_state["winnow.view"] = replace(view, map=replace(view.map, model="/some/model"))
    assert "model" not in str(link_of(app.run()))


@pytest.mark.parametrize("page", [EXPLORE, LOAD, EXPORT])
def test_the_link_stays_on_every_page(app: App, page):
    """A page that is reloaded opens what was open."""
    app.drag(level=4, count=77)
    assert link_of(app.turn_to(page)) == STANDARD | {"min": "2", "count": "77"}


def test_a_link_without_a_judge_may_name_a_threshold(sample):
    """It is about the judge that the page starts with."""
    app = open_app(min="2")
    assert link_of(app)["min"] == "2"
    assert app.figures()["Eligible"] == f"{sample.filter(pl.col('accuracy') >= 2).height:,}"


JUNK = {
    "a judge that is not there": (
        {"judge": "nobody", "min": "1"},
        "There is no judge 'nobody' in sample.jsonl",
    ),
    "a threshold that is a word": ({"min": "abc"}, "a threshold of 'abc'"),
    "a threshold of nan": ({"min": "nan"}, "a threshold of 'nan'"),
    "a threshold without end": ({"min": "inf"}, "a threshold of 'inf'"),
    "a threshold beyond float32": ({"min": "1e39"}, "a threshold of '1e39'"),
    "a negative count": ({"count": "-5"}, "a count of '-5'"),
    "a count with a fraction": ({"count": "1.5"}, "a count of '1.5'"),
    "a count of many digits": ({"count": "9" * 5_000}, "a count of '9999"),
    "a count in other digits": ({"count": "٣٤"}, "a count of"),
    "a seed too long": ({"seed": "999999999"}, "a seed of '999999999'"),
    "a strategy that is not there": ({"strategy": "zzz"}, "There is no strategy 'zzz'"),
    "a strategy misspelt": ({"strategy": "k-centre"}, "Did you mean k-center?"),
    "a colour that is not there": ({"colour": "zzz"}, "cannot be coloured by 'zzz'"),
    "a colour by a judge who is not there": ({"colour": "judge:nobody"}, "coloured by 'judge:nobody'"),
    "settings of a strategy that are a list": ({"options": "[1]"}, "settings of '[1]'"),
    "settings that end nowhere": ({"options": '{"temperature":'}, "settings of"),
    "a setting of nan": ({"options": '{"temperature":NaN}'}, "settings of"),
    "a deep setting": ({"options": "[" * 3_000}, "settings of"),
    "a setting that there is not": ({"options": '{"zzz":1}'}, "zzz"),
    "a map of another shape": ({"map": '{"cluster":5}'}, "a map of"),
    "a map by a model": ({"map": '{"embed":{"model":"/etc"}}'}, "a map of"),
    "a map of many clusters": ({"map": '{"cluster":{"clusters":1e300}}'}, "a map of"),
    "a stage that there is not": ({"map": '{"os":{"system":1}}'}, "a map of"),
    "an image": ({"judge": "![x](http://evil.test/x.png)"}, "![x](http://evil.test/x.png)"),
}


@pytest.mark.parametrize("what", JUNK)
def test_what_a_link_cannot_have_is_said_and_replaced(what):
    """The page opens with what there is, says what was left out, and mends the link."""
    link, words = JUNK[what]
    app = open_app(**link)
    assert any(words in text for text in app.said("warning")), app.said()
    assert not any("![" in each.value for each in app.at.warning)
    assert link_of(app) == STANDARD
    assert app.figures()["Selected"] == "100"
    app.drag(level=8, count=50)
    assert app.said("warning") == [], "the next decision ends it"


def test_a_good_link_is_opened_without_a_word():
    """Nothing is said where nothing was left out."""
    assert open_app(**STANDARD).said("warning") == []
    assert open_app().said("warning") == []


@pytest.fixture
def unsafe(folder, tmp_path):
    """Places that must not be opened, by what they are."""
    outside = tmp_path / "outside.jsonl"
    outside.write_text('{"instruction": "secret", "output": "secret"}\n')
    (folder / "link.jsonl").symlink_to(outside)
    (folder / "link.txt").symlink_to("/etc/passwd")
    (folder / "rows.pkl").write_bytes(pickle.dumps([1]))
    (folder / "rows.jsonl").write_bytes(pickle.dumps([1]))
    (folder / "empty.jsonl").write_bytes(b"")
    (folder / "nothing.jsonl").write_text('{"foo": "bar"}\n')
    return {
        "/etc/passwd": ("/etc/passwd", "outside the folders that this app may read"),
        "outside": (str(outside), "outside the folders that this app may read"),
        "a way round": (str(folder / ".." / "outside.jsonl"), "outside the folders that this app may read"),
        "a symlink": (str(folder / "link.jsonl"), "is a symlink that leads outside"),
        "a symlink to passwd": (str(folder / "link.txt"), "is a symlink that leads outside"),
        "missing": (str(folder / "missing.jsonl"), "There is no file"),
        "a folder": (str(folder), "is a symlink that leads out of the folder"),
        "a pickle": (str(folder / "rows.pkl"), "can run code when it is opened"),
        "a pickle in disguise": (str(folder / "rows.jsonl"), "a Python pickle"),
        "empty": (str(folder / "empty.jsonl"), "is empty"),
        "of no columns": (str(folder / "nothing.jsonl"), "The columns are not of a known shape"),
        "nul": ("\0", "names no file"),
        "too long": ("x" * 5_000 + ".jsonl", "x"),
        "of nobody": ("~nobody-here/rows.jsonl", "~nobody-here"),
    }


PLACES = (
    "/etc/passwd", "outside", "a way round", "a symlink", "a symlink to passwd", "missing", "a folder",
    "a pickle", "a pickle in disguise", "empty", "of no columns", "nul", "too long", "of nobody",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_data_that_cannot_be_opened_gives_words_and_a_way_on(unsafe, place):
    """The reason in plain words on every page, no content of the file, and a button that opens the sample."""
    path, words = unsafe[place]
    app = open_app(data=path)
    for page in (LOAD, EXPORT, EXPLORE):
        app.turn_to(page)
        assert any(words in text for text in app.said("error")), app.said()
        assert not app.says("root:") and not app.says("secret")
        assert "back_to_sample" in app.buttons()
    app.press("back_to_sample")
    assert app.at.query_params["data"] == "sample"
    assert app.figures()["Pool"] == "1,008"


def test_a_file_inside_a_root_opens_through_a_symlink_that_stays_inside(folder):
    """Links are followed; what counts is where they end."""
    (folder / "rows.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    (folder / "link.jsonl").symlink_to(folder / "rows.jsonl")
    app = open_app(LOAD, data=str(folder / "link.jsonl"))
    assert app.said("error") == []
    assert app.figures()["Rows loaded"] == "1"


def test_the_sample_is_open_where_nothing_else_is_named(monkeypatch, folder):
    """WINNOW_DATA names what is open at the start; a link goes before it."""
    (folder / "rows.jsonl").write_text('{"instruction": "a", "output": "b"}\n' * 3)
    assert open_app().figures()["Pool"] == "1,008"
    monkeypatch.setenv("WINNOW_DATA", str(folder / "rows.jsonl"))
    assert open_app(LOAD).figures()["Rows loaded"] == "3"
    assert open_app(data="sample").figures()["Pool"] == "1,008"
    assert open_app(data=str(SAMPLE)).figures()["Pool"] == "1,008"
