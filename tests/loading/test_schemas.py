from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest


def _one(read, **row: Any) -> dict[str, Any]:
    """The canonical row of one row of the file."""
    return read("a.jsonl", json.dumps(row)).frame.row(0, named=True)


def _turns(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in row["messages"]]


@pytest.mark.parametrize("given", [{}, {"input": None}, {"input": ""}, {"input": " \n\t"}])
def test_without_an_input_the_instruction_is_the_prompt(read, given):
    """A missing, null, empty or blank input adds nothing to the prompt, not even a blank line."""
    row = _one(read, instruction="Name a fruit.", output="Apple", **given)
    assert row["prompt"] == "Name a fruit."
    assert _turns(row) == [("user", "Name a fruit."), ("assistant", "Apple")]


def test_an_input_stands_below_the_instruction(read):
    """One blank line divides the two; both keep every character."""
    row = _one(read, instruction=" Translate: ", input=" Hund ", output=" dog ")
    assert row["prompt"] == " Translate: \n\n Hund "
    assert row["response"] == " dog "


def test_dolly_names_mean_the_same(read):
    """instruction, context, response and category load as alpaca; category stays a column."""
    row = _one(read, instruction="a", context="b", response="c", category="qa")
    assert (row["prompt"], row["response"], row["category"]) == ("a\n\nb", "c", "qa")
    assert row["id"] == _one(read, instruction="a", input="b", output="c")["id"]


@pytest.mark.parametrize(
    ("output", "response", "answer"),
    [("O", "R", "O"), ("", "R", "R"), (None, "R", "R"), (" ", "R", "R"), ("O", None, "O"), (None, None, "")],
)
def test_where_output_and_response_both_stand_the_one_that_says_something_counts(
    read, output, response, answer
):
    """output goes first, row by row; response fills in where output is empty, and stays a column of rows."""
    dataset = read("a.jsonl", json.dumps({"instruction": "a", "output": output, "response": response}))
    assert dataset.frame["response"].to_list() == [answer]
    assert dataset.rows["response"].to_list() == [response]


@pytest.mark.parametrize("system", [None, "", "  "])
def test_an_empty_system_text_is_no_message(read, system):
    """Trainers reject an empty system turn, so none is made."""
    row = _one(read, instruction="a", output="b", system=system)
    assert _turns(row) == [("user", "a"), ("assistant", "b")]


def test_a_system_text_comes_first(read):
    """The system turn precedes earlier turns; it is no part of the prompt."""
    row = _one(read, instruction="a", output="b", system="Be brief.", history=[["q", "r"]])
    assert _turns(row)[0] == ("system", "Be brief.")
    assert row["system"] == "Be brief."
    assert row["prompt"] == "q"


def test_earlier_turns_come_in_sequence_and_the_first_question_is_the_prompt(read):
    """history, then instruction with its input, then the response."""
    row = _one(read, instruction="q3", input="i3", output="a3", history=[["q1", "a1"], ["q2", "a2"]])
    assert _turns(row) == [
        ("user", "q1"),
        ("assistant", "a1"),
        ("user", "q2"),
        ("assistant", "a2"),
        ("user", "q3\n\ni3"),
        ("assistant", "a3"),
    ]
    assert (row["prompt"], row["response"]) == ("q1", "a3")


def test_rows_with_and_without_history_keep_their_own_turns(read):
    """Turns of one row never reach another."""
    histories = [[["q", "a"]], [], None, [["r", None]], [["", ""]], [["", "only an answer"]]]
    rows = [{"instruction": f"i{k}", "output": "o", "history": h} for k, h in enumerate(histories)]
    dataset = read("a.jsonl", "\n".join(map(json.dumps, rows)))
    assert dataset.frame["prompt"].to_list() == ["q", "i1", "i2", "r", "i4", "i5"]
    lengths = dataset.frame["messages"].list.len().to_list()
    assert lengths == [4, 2, 2, 4, 2, 4]
    last = [_turns(row)[-2][1] for row in dataset.frame.iter_rows(named=True)]
    assert last == [f"i{k}" for k in range(6)]
    assert dataset.problems == ()


def test_history_in_a_csv_file_is_read_from_its_json(read):
    """A cell that holds [["q", "a"]] as text gives the same turns and id as a JSON file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([["instruction", "output", "history"], ["a", "b", '[["q", "r"]]'], ["c", "d", ""]])
    table = read("a.csv", text.getvalue())
    rows = [{"instruction": "a", "output": "b", "history": [["q", "r"]]}, {"instruction": "c", "output": "d"}]
    same = read("a.jsonl", "\n".join(map(json.dumps, rows)))
    assert table.frame["messages"].to_list() == same.frame["messages"].to_list()
    assert table.frame["id"].to_list() == same.frame["id"].to_list()
    assert table.rows["history"].to_list() == ['[["q", "r"]]', ""]


@pytest.mark.parametrize(
    "history",
    [[["q"]], [["q", "a", "x"]], [["q", 3]], [{"role": "user"}], {"q": "a"}, "q", 5, ["q", "a"], [None]],
)
def test_history_of_another_shape_is_reported_and_kept_as_a_column(read, history):
    """The row loads without those turns, its number is named, and nothing of the cell is lost."""
    rows = [{"instruction": "a", "output": "b"}, {"instruction": "c", "output": "d", "history": history}]
    dataset = read("a.jsonl", "\n".join(map(json.dumps, rows)))
    assert dataset.frame["messages"].list.len().to_list() == [2, 2]
    problem = next(problem for problem in dataset.problems if problem.kind.startswith("history"))
    assert (problem.count, problem.places, problem.loaded) == (1, ("line 2",), True)
    kept = dataset.rows["history"].to_list()[1]
    assert kept == history or json.loads(kept) == history


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (1.5, "1.5"),
        (True, "true"),
        (None, ""),
        ("None", "None"),
        ("null", "null"),
        (["a", None], '["a",null]'),
        ({"a": 1}, '{"a":1}'),
        ([], "[]"),
    ],
)
def test_texts_of_other_kinds_are_written_out(read, value, text):
    """A number, list or object becomes text; null is empty, the word "None" stays the word."""
    alone = read("a.jsonl", "\n".join([json.dumps({"instruction": value, "output": value})] * 2))
    assert alone.frame["prompt"].to_list() == [text, text]
    mixed = read(
        "a.jsonl", "\n".join(json.dumps({"instruction": v, "output": v}) for v in ("x", value, None))
    )
    assert mixed.frame["prompt"].to_list() == ["x", text, ""]
    assert mixed.frame["response"].to_list() == ["x", text, ""]


def test_own_columns_with_canonical_names_are_kept_verbatim(read):
    """prompt, response, messages and id of the file stay in rows, beside the canonical ones in frame."""
    row = {"instruction": "a", "output": "b", "prompt": "P", "messages": ["M"], "system": "S", "id": [7]}
    dataset = read("a.jsonl", json.dumps(row))
    assert dataset.rows.to_dicts() == [row]
    assert dataset.frame.columns == [
        "id",
        "prompt",
        "response",
        "system",
        "messages",
        "tools",
        "instruction",
        "output",
    ]
    assert dataset.frame["prompt"].to_list() == ["a"]
    assert dataset.frame["system"].to_list() == ["S"]


def test_empty_texts_load_and_are_counted(read):
    """Rows whose prompt or response says nothing are there, counted, with the first places."""
    rows = [{"instruction": text, "output": text} for text in ("a", "", " \n", None, "b")]
    rows.append({"instruction": "", "input": "given", "output": "c"})
    dataset = read("a.jsonl", "\n".join(map(json.dumps, rows)))
    assert len(dataset) == 6
    places = ("line 2", "line 3", "line 4")
    assert [(p.kind, p.count, p.places, p.loaded) for p in dataset.problems] == [
        ("empty prompts", 3, places, True),
        ("empty responses", 3, places, True),
    ]


@pytest.mark.parametrize(
    ("row", "question"),
    [
        (
            {"Instruction": "a", "OUTPUT": "b"},
            "Instruction instead of instruction and OUTPUT instead of output?",
        ),
        ({"instructions": "a", "output": "b"}, "Did you write instructions instead of instruction?"),
    ],
)
def test_a_name_that_is_nearly_right_is_pointed_at(refused, row, question):
    """Capitals and a plural are the commonest slips."""
    assert refused("a.jsonl", json.dumps(row)).endswith(question)


@pytest.mark.parametrize(
    ("row", "found", "lacking"),
    [
        ({"query_id": 1, "reply": 2}, "query_id, reply", "lacks instruction and output"),
        ({"instruction": "a", "text": "b"}, "instruction, text", "lacks output"),
        ({"output": "a"}, "output", "lacks instruction"),
        ({"Instruction": "a", "Output": "b"}, "Instruction, Output", "lacks instruction and output"),
    ],
)
def test_unknown_columns_are_answered_with_what_is_known(refused, row, found, lacking):
    """The columns found, the shapes known, and what the nearest of them lacks."""
    text = refused("a.jsonl", json.dumps(row))
    assert f"Found: {found}." in text
    assert "Known: alpaca (instruction, output)" in text
    assert f"The nearest is alpaca, which {lacking}." in text
