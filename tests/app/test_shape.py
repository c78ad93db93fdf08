"""How a file is read: what is recognised, what a person changes, and rows shown as conversations."""

from __future__ import annotations

import json

import pytest
from screen import LOAD, App, link_of, open_app

TURNS = [{"from": "human", "value": "Name a fruit."}, {"from": "gpt", "value": "**Apple** <b>x</b>"}]
PAIR = {"prompt": "Name a fruit.", "chosen": "Apple", "rejected": "Granite"}


@pytest.fixture
def opened(folder):
    """Open the Load page with a file of these rows, read as the link says."""

    def go(*rows, **link: str) -> App:
        path = folder / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return open_app(LOAD, data=str(path), **link)

    return go


def box(app: App, kind: str, begins: str):
    """The box of the panel whose key begins so."""
    return next(each for each in app.at.get(kind) if str(each.key).startswith(f"shape_{begins}"))


def texts(app: App) -> list[str]:
    return [each.value for each in app.at.text]


def test_the_schema_is_shown_with_its_confidence_and_three_rows(opened):
    """The name, how sure it is, the column of each role, and the rows as conversations, not as markup."""
    app = opened(*({"conversations": TURNS} for _ in range(5)))
    assert app.says("sharegpt: a list of turns with from and value. Recognised, confidence 1.00.")
    assert box(app, "selectbox", "sharegpt_conversations").value == "conversations"
    assert [tab.label for tab in app.at.tabs] == ["Row 1", "Row 2", "Row 3"]
    assert texts(app).count("Name a fruit.") == 3
    assert texts(app).count("**Apple** <b>x</b>") == 3
    assert "shape" not in link_of(app)
    assert app.at.button(key="read_this_way").disabled


def test_columns_of_any_name_can_be_chosen_where_a_file_is_of_no_schema(opened):
    """The page says what is lacking, shows the rows as soon as it can, reads the file, and links to it."""
    app = opened(
        {"ask": "Name a fruit.", "reply": "Apple", "score": 4}, {"ask": "b", "reply": "c", "score": 2}
    )
    assert app.says("This dataset cannot be opened")
    assert app.at.button(key="read_this_way").disabled
    box(app, "selectbox", "alpaca_instruction").set_value("ask")
    app.run()
    box(app, "multiselect", "alpaca_output").set_value(["reply"])
    app.run()
    assert {"Name a fruit.", "Apple"} <= set(texts(app))
    app.press("read_this_way")
    assert app.figures()["Rows loaded"] == "2"
    assert app.says("As chosen here")
    again = open_app(LOAD, **link_of(app))
    assert again.figures()["Rows loaded"] == "2"
    table = next(each for each in again.tables() if "response" in each)
    assert table["response"].tolist() == ["Apple", "c"]


def test_another_schema_begins_with_its_own_columns(opened):
    """A pair read as prompt and completion: the box offers what is there, and the sample follows."""
    app = opened(PAIR, PAIR)
    assert {"Apple", "Granite"} <= set(texts(app))
    box(app, "selectbox", "schema").set_value("prompt-completion")
    app.run()
    assert app.says("The schema prompt-completion needs a column for completion.")
    box(app, "selectbox", "prompt-completion_completion").set_value("rejected")
    app.run()
    assert "Granite" in texts(app)
    assert "Apple" not in texts(app)


def test_what_is_embedded_is_a_choice_and_goes_into_the_link(opened):
    """Only where rows have several turns; the prompts follow."""
    assert not [each for each in opened(PAIR).at.selectbox if str(each.key).startswith("shape_embed")]
    app = opened({"conversations": [*TURNS, {"from": "human", "value": "And a nut?"}, TURNS[1]]})
    box(app, "selectbox", "embed").set_value("all-user")
    app.run().press("read_this_way")
    assert link_of(app)["turns"] == "all-user"
    table = next(each for each in open_app(LOAD, **link_of(app)).tables() if "prompt" in each)
    assert table["prompt"].tolist() == ["Name a fruit.\n\nAnd a nut?"]


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ({"shape": "nonsense"}, None),
        ({"turns": "everything"}, None),
        (
            {"shape": "schema=turns&conversations=nobody"},
            "There is no column 'nobody' to be the conversations.",
        ),
        ({"shape": "schema=nothing"}, "There is no schema 'nothing'."),
    ],
)
def test_a_link_with_a_shape_that_there_is_not_is_answered_in_words(opened, link, words):
    """What cannot be read in it is left at what is recognised; what does not fit the file is said."""
    app = opened(PAIR, **link)
    if words is None:
        assert app.figures()["Rows loaded"] == "1"
    else:
        assert app.says(words)
        assert "read_this_way" in app.buttons()


def test_a_pair_is_shown_side_by_side_in_the_drawer(mapped):
    """The prompt once, then the chosen answer beside the rejected one; tools and columns below."""
    rows = [{**PAIR, "prompt": f"Name fruit {k}.", "source": "mine", "score": k} for k in range(12)]
    app = mapped("pairs.jsonl", "".join(json.dumps(row) + "\n" for row in rows)).settle().click(3)
    shown = texts(app)
    assert [shown.count(each) for each in ("Name fruit 3.", "Apple", "Granite")] == [1, 1, 1]
    assert {"**Chosen**", "**Rejected**"} <= {each.value for each in app.at.markdown}
    others = next(table for table in app.tables() if list(table) == ["column", "value"])
    assert others["column"].tolist() == ["source"]
