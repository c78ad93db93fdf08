from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import ParameterError
from core.exporting import FORMATS, training_format
from core.exporting.formats import chat
from core.exporting.formats import form as writing
from core.loading import load

TEXTS = [
    "plain",
    "two\nlines",
    "carriage\rreturn",
    "both\r\nof them\r\n",
    "quotes \"inside\" and 'these'",
    '"',
    '""',
    "a,b;c\td",
    "nul \0 inside",
    "line \u2028 and paragraph \u2029",
    "next line \x85, form feed \x0c, escape \x1b",
    "\U0001f469\u200d\U0001f680 \U0001f1f3\U0001f1f1 e\u0301 \u05d0\u05d1 \u202eback",
    "\ufeffbegins with a mark",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "@SUM(A1:A9)",
    "-2",
    " spaces around ",
    "back\\slash \\n \\u0041",
    "null",
    "007",
    "<script>alert(1)</script>",
    "{}",
    "long " * 20_000,
]
RECORDS = [
    {
        "id": f"r{k}",
        "instruction": text,
        "input": TEXTS[-1 - k] if k % 3 else "",
        "output": TEXTS[k - 1],
        "tags": [text, ""] if k % 2 else [],
        "meta": {"by": text, "deep": {"n": k, "list": [[k], []]}} if k % 4 else None,
        "score": None if k == 5 else k / 2,
        "large": 2**53 + k,
        "flag": bool(k % 2),
        "nothing": None,
    }
    for k, text in enumerate(TEXTS)
]
ORDER = [7, 3, 23, 0, 8, 5, *range(9, 23), 1, 2, 4, 6]
NESTED = ("tags", "meta")


def _written(bundle, form):
    out = io.BytesIO()
    FORMATS[form].write(bundle.dataset, bundle.selection.rows, out)
    return out.getvalue()


@pytest.fixture
def hostile(bundled):
    """Every hostile text in every kind of column, all rows chosen in a scrambled order."""
    return bundled(RECORDS, ORDER)


WANTED = [RECORDS[row] for row in ORDER]


# Read back by other readers.


def test_json_lines_are_the_lines_of_the_file(hostile, tmp_path):
    """Byte for byte what the file held, in order of choice, one row a line."""
    lines = (tmp_path / "rows.jsonl").read_bytes().split(b"\n")
    assert _written(hostile, "jsonl").split(b"\n") == [lines[row] for row in ORDER] + [b""]


def test_json_lines_are_read_by_the_standard_library(hostile):
    """Each line is one object with the file's own columns; nulls and nested values are what they were."""
    lines = _written(hostile, "jsonl").split(b"\n")
    assert [json.loads(line) for line in lines[:-1]] == WANTED
    assert list(json.loads(lines[0])) == list(RECORDS[0])


def test_a_json_array_holds_the_rows(hostile):
    """One document, one element a row."""
    assert json.loads(_written(hostile, "json")) == WANTED


def test_csv_is_read_by_the_standard_library(hostile):
    """Texts are what they were to the last character; lists and objects are JSON text; null is empty."""
    content = _written(hostile, "csv").decode()
    header, *cells = list(csv.reader(io.StringIO(content, newline="")))
    assert header == list(RECORDS[0])
    assert [dict(zip(header, line, strict=True)) for line in cells] == [
        _as_cells(record) for record in WANTED
    ]


def _as_cells(record):
    """How a record is expected in CSV."""
    kinds = {str: str, float: str, int: str, bool: lambda value: str(value).lower(), type(None): lambda _: ""}
    return {
        name: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if isinstance(value, (list, dict))
        else kinds[type(value)](value)
        for name, value in record.items()
    }


def test_csv_is_read_by_winnow_itself(hostile, tmp_path):
    """What was exported can be opened again: the same prompts, responses and scores."""
    path = tmp_path / "again.csv"
    path.write_bytes(_written(hostile, "csv"))
    again = load(path)
    rows = pl.Series(ORDER)
    for column in ("id", "prompt", "response"):
        assert again.frame[column].to_list() == hostile.dataset.frame[column].gather(rows).to_list()
    assert np.array_equal(
        again.judges["score"].scores, hostile.dataset.judges["score"].scores[ORDER], equal_nan=True
    )


def test_a_spreadsheet_runs_no_cell_as_a_formula(hostile):
    """A text that begins with one of six characters has a single quote before it; all else is the CSV."""
    out = io.BytesIO()
    form = training_format("csv", spreadsheet=True)
    form.write(hostile.dataset, hostile.selection.rows, out)
    safe = list(csv.reader(io.StringIO(out.getvalue().decode(), newline="")))
    plain = list(csv.reader(io.StringIO(_written(hostile, "csv").decode(), newline="")))
    changed = 0
    for one, other in zip(safe, plain, strict=True):
        for made, cell in zip(one, other, strict=True):
            quoted = cell[:1] in list("=+-@\t\r")
            changed += quoted
            assert made == ("'" + cell if quoted else cell)
    assert changed >= 8
    assert not any(cell[:1] in list("=+-@\t\r") for line in safe for cell in line)


def test_a_spreadsheet_keeps_numbers_and_guards_the_heading(bundled):
    """A negative number is no formula; the name of a column may be one."""
    records = [{"instruction": "\tq", "output": "-a", "=cmd": -2, "tags": ["=1"], "nothing": None}]
    bundle = bundled(records, [0])
    out = io.BytesIO()
    training_format("csv", spreadsheet=True).write(bundle.dataset, bundle.selection.rows, out)
    header, cells = list(csv.reader(io.StringIO(out.getvalue().decode(), newline="")))
    assert header == ["instruction", "output", "'=cmd", "tags", "nothing"]
    assert cells == ["'\tq", "'-a", "-2", '["=1"]', ""]


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "csv"])
def test_only_a_csv_is_for_a_spreadsheet(name):
    """Any other form is refused, and the hint names the one that there is."""
    with pytest.raises(ParameterError, match="no form for a spreadsheet") as caught:
        training_format(name, spreadsheet=True)
    assert "csv" in caught.value.hint


def test_parquet_is_read_by_arrow(hostile):
    """Names, values, nulls and nested columns are what they were."""
    table = pyarrow.parquet.read_table(io.BytesIO(_written(hostile, "parquet")))
    assert table.column_names == list(RECORDS[0])
    assert table.to_pylist() == WANTED


def test_parquet_comes_in_row_groups_that_a_viewer_can_page(hostile, monkeypatch):
    """No group holds more rows than the limit."""
    monkeypatch.setattr(writing, "ROW_GROUP", 10)
    found = pyarrow.parquet.ParquetFile(io.BytesIO(_written(hostile, "parquet"))).metadata
    assert [found.row_group(k).num_rows for k in range(found.num_row_groups)] == [10, 10, 4]


def test_messages_are_turns_with_roles(hostile):
    """The request with its input, then the response, each the very text of the file."""
    lines = _written(hostile, "messages").split(b"\n")
    assert lines.pop() == b""
    for line, record in zip(lines, WANTED, strict=True):
        asked = f"{record['instruction']}\n\n{record['input']}" if record["input"] else record["instruction"]
        assert json.loads(line) == {
            "messages": [
                {"role": "user", "content": asked},
                {"role": "assistant", "content": record["output"]},
            ]
        }


def test_messages_keep_system_texts_and_earlier_turns(bundled):
    """A chat trainer gets the whole conversation."""
    history = [["Hi", "Hello"], ["And you?", "Well"]]
    record = {"instruction": "Bye", "output": "See you", "system": "Be brief", "history": history}
    (line,) = _written(bundled([record], [0]), "messages").splitlines()
    turns = [(turn["role"], turn["content"]) for turn in json.loads(line)["messages"]]
    assert turns == [
        ("system", "Be brief"),
        *[(role, text) for pair in history for role, text in zip(("user", "assistant"), pair, strict=True)],
        ("user", "Bye"),
        ("assistant", "See you"),
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=20).filter(lambda text: text.strip()), min_size=1, max_size=5))
def test_no_text_is_changed_by_any_form(bundled, texts):
    """Any characters at all come back from CSV, JSON, JSON lines, Parquet and messages."""
    records = [{"instruction": text, "output": text} for text in texts]
    bundle = bundled(records, range(len(records)))
    cells = list(csv.reader(io.StringIO(_written(bundle, "csv").decode(), newline="")))
    assert cells == [["instruction", "output"], *[[text, text] for text in texts]]
    assert json.loads(_written(bundle, "json")) == records
    assert [json.loads(line) for line in _written(bundle, "jsonl").split(b"\n")[:-1]] == records
    assert pyarrow.parquet.read_table(io.BytesIO(_written(bundle, "parquet"))).to_pylist() == records
    turns = [json.loads(line)["messages"] for line in _written(bundle, "messages").split(b"\n")[:-1]]
    assert [(asked["content"], said["content"]) for asked, said in turns] == [(text, text) for text in texts]


# Columns that only Parquet knows.

RARE = pl.DataFrame(
    {
        "instruction": ["a", "b"],
        "output": ["c", "d"],
        "bytes": [b"text", b"\xff\x00"],
        "inside": [[b"x"], None],
        "money": [Decimal("1.50"), None],
        "took": [timedelta(seconds=90), None],
        "day": [date(2024, 2, 29), None],
        "moment": [datetime(2024, 2, 29, 12, 30), None],
        "clock": [time(12, 30), None],
        "kind": pl.Series(["one", "two"], dtype=pl.Categorical),
        "huge": pl.Series([2**64 - 1, 0], dtype=pl.UInt64),
        "ratio": [float("nan"), float("inf")],
    }
)


def test_rare_columns_become_text_where_the_form_has_no_word_for_them(bundled, own):
    """Bytes, decimals, durations, dates: written as text, never an exception; no number stands for NaN."""
    bundle = bundled(own(RARE), [1, 0])
    for record in (
        json.loads(_written(bundle, "jsonl").split(b"\n")[1]),
        json.loads(_written(bundle, "json"))[1],
    ):
        assert record == {
            **{"instruction": "a", "output": "c", "bytes": "text", "inside": ["x"], "money": "1.50"},
            **{"took": "0:01:30", "day": "2024-02-29", "moment": "2024-02-29T12:30:00", "clock": "12:30:00"},
            **{"kind": "one", "huge": 2**64 - 1, "ratio": None},
        }
    header, _, cells = list(csv.reader(io.StringIO(_written(bundle, "csv").decode(), newline="")))
    assert header == RARE.columns
    assert cells[:8] == [
        "a",
        "c",
        "text",
        '["x"]',
        "1.50",
        "0:01:30",
        "2024-02-29",
        "2024-02-29T12:30:00.000000",
    ]
    assert cells[9:] == ["one", str(2**64 - 1), "NaN"]


def test_parquet_keeps_rare_columns_as_they_are(bundled, own):
    """Types and values, to the last."""
    bundle = bundled(own(RARE), [1, 0])
    assert pl.read_parquet(_written(bundle, "parquet")).equals(RARE[[1, 0]])
    assert pl.read_parquet(_written(bundle, "parquet")).schema == RARE.schema


# Nothing chosen, and forms that there are not.


@pytest.mark.parametrize("form", FORMATS)
def test_a_selection_without_rows_is_a_valid_file(bundled, form):
    """Empty, with its columns where the form has some."""
    written = _written(bundled(RECORDS, []), form)
    if form == "csv":
        assert written.decode().splitlines() == [",".join(RECORDS[0])]
    elif FORMATS[form].file.endswith(".parquet"):
        columns = list(RECORDS[0]) if form == "parquet" else ["messages"]
        assert pl.read_parquet(written).height == 0
        assert pl.read_parquet(written).columns == columns
    else:
        is_array = FORMATS[form].file.endswith(".json")
        assert written.decode().split() == (["[", "]"] if is_array else [])


def test_every_form_says_what_it_is():
    """Names, titles and files differ, and a summary stands beside each choice."""
    for attribute in ("name", "title", "file", "summary"):
        values = [getattr(form, attribute) for form in FORMATS.values()]
        assert len(set(values)) == len(FORMATS)
        assert all(values)
    assert all(training_format(name).name == name for name in FORMATS)


@pytest.mark.parametrize("name", ["", "JSONL", "xml", "train.jsonl"])
def test_a_form_that_there_is_not_is_refused(name):
    """The hint lists those that there are."""
    with pytest.raises(ParameterError, match=f"no export format '{name}'") as caught:
        training_format(name)
    assert caught.value.hint == f"Formats: {', '.join(FORMATS)}."


def test_messages_keep_tools_and_tool_calls(bundled):
    """Tools stand beside the messages; calls, their answers and reasoning stay in the form of chat models."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "3", "tool_call_id": "1"},
        {"role": "assistant", "content": "a", "reasoning_content": "hm"},
    ]
    records = [{"messages": turns, "tools": [{"type": "function"}]}, {"messages": turns[:1] + turns[3:]}]
    bundle = bundled(records, [0, 1])
    lines = [json.loads(line) for line in _written(bundle, "messages").splitlines()]
    assert lines == [records[0], {"messages": records[1]["messages"]}]
    table = chat.message_table(bundle.dataset, np.array([0, 1]))
    assert table.columns == ["messages", "tools"]
    assert table["messages"].to_list()[0][1]["tool_calls"] == [call]
    assert chat.message_table(bundle.dataset, np.array([1])).columns == ["messages"]


def test_role_names_of_other_tools_are_written_as_trainers_know_them(bundled):
    """human and gpt leave as user and assistant; a function call leaves as a tool call."""
    turns = [("human", "q"), ("function_call", '{"name": "f", "arguments": {"x": 1}}'), ("gpt", "a")]
    record = {"conversations": [{"from": name, "value": text} for name, text in turns], "system": "S"}
    (line,) = _written(bundled([record], [0]), "messages").splitlines()
    call = {"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
    assert json.loads(line)["messages"] == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "assistant", "content": "a"},
    ]
