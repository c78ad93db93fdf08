"""Shared text and what a judge will read, on the Load page."""

from __future__ import annotations

import json

import pytest
from screen import LOAD, App, link_of, open_app

STEP = " Answer step by step:"


@pytest.fixture
def opened(folder):
    """Open the Load page with a file of sixty such rows, read as the link says."""

    def go(row, **link: str) -> App:
        path = folder / "rows.jsonl"
        path.write_text("".join(json.dumps(row(k)) + "\n" for k in range(60)))
        return open_app(LOAD, data=str(path), **link)

    return go


def wrapped(number: int) -> dict[str, str]:
    return {"prompt": f"Is {number} <b>even</b>?{STEP}", "completion": "x"}


def talk(number: int) -> dict[str, object]:
    said = (("user", f"first {number}"), ("assistant", "A"), ("user", "second"), ("assistant", "B"))
    return {"messages": [{"role": role, "content": content} for role, content in said]}


def test_a_piece_is_shown_and_can_be_kept(opened):
    """Its rows and share, a prompt with it in grey and as text, the switch, the link, and the way back."""
    app = opened(wrapped)
    assert app.says("The map leaves out 1 piece that many prompts share.")
    assert app.says("#### Shared text")
    assert app.says("Ends 60 rows, 100 %")
    assert app.figures()["Kinds of problem"] == "0"
    assert not app.says("#### Problems")
    drawn = [each.body for each in app.at.get("html") if "shared-text" in each.body]
    assert len(drawn) == 3
    assert "Is 0<del> &lt;b&gt;even&lt;/b&gt;? Answer step by step:</del>" in drawn[0]
    assert app.at.button(key="use_shared").disabled
    switch = next(each for each in app.at.toggle if str(each.key).startswith("shared_"))
    switch.set_value(False)
    app.run()
    assert not any("<del>" in each.body for each in app.at.get("html"))
    app.press("use_shared")
    assert app.says("The map leaves out 0 of 1 piece that many prompts share.")
    assert len(link_of(app)["keep"]) == 8
    again = open_app(LOAD, **link_of(app))
    assert again.says("The map leaves out 0 of 1 piece")
    next(each for each in again.at.toggle if str(each.key).startswith("shared_")).set_value(True)
    again.run()
    again.press("use_shared")
    assert again.says("The map leaves out 1 piece")
    assert "keep" not in link_of(again)


def test_what_a_judge_will_read_is_shown_and_kept_in_the_link(opened):
    """The last exchange, then the first one; a choice that there is not is the default."""
    app = opened(talk)
    box = next(each for each in app.at.selectbox if str(each.key).startswith("judged_"))
    texts = [each.value for each in app.at.text]
    assert texts[-6:] == ["second", "B"] * 3
    box.set_value("first-exchange")
    app.run()
    assert [each.value for each in app.at.text][-6:] == ["first 0", "A", "first 1", "A", "first 2", "A"]
    assert link_of(app)["judged"] == "first-exchange"
    again = open_app(LOAD, **link_of(app))
    assert [each.value for each in again.at.text][-6:-4] == ["first 0", "A"]
    assert "judged" not in link_of(open_app(LOAD, **{**link_of(app), "judged": "all"}))


def test_nothing_is_shown_where_there_is_nothing_to_choose(opened):
    """Rows that ask once, and share nothing."""
    app = opened(lambda number: {"prompt": f"{number * 7919} {number}", "completion": "x"})
    assert not app.says("#### Shared text")
    assert not [each for each in app.at.selectbox if str(each.key).startswith("judged_")]
