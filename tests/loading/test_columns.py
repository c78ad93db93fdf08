from __future__ import annotations

import io
import json
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest


def _values(read, values):
    rows = [{"instruction": "a", "output": "b", "own": value} for value in values]
    return read("a.jsonl", "\n".join(map(json.dumps, rows)))


@pytest.mark.parametrize(
    "values",
    [
        ["text", "", " ", None],
        [1, 2**63 - 1, -(2**63), None],
        [1, 2**64 - 1],
        [1.5, -0.25, None, 1e300],
        [1, 2.5, None],
        [True, False, None],
        [None, None],
        [["a"], [], None, ["b", None]],
        [[], []],
        [[1], [1.5]],
        [[["q", "a"]], [], [["q", "a"], ["r", "b"]]],
        [{"a": 1, "b": ["x"]}, {"a": None, "b": []}],
        [{"a": 1}, {"a": 1.5}],
        [[{"role": "user", "content": "é\u2028\0"}], None],
    ],
)
def test_values_of_one_kind_are_kept_as_they_are(read, values):
    """Own columns come back value by value, nothing converted, nothing reported."""
    dataset = _values(read, values)
    assert dataset.rows["own"].to_list() == values
    assert dataset.frame["own"].to_list() == values
    assert dataset.problems == ()


@pytest.mark.parametrize("many", [1, 300])
@pytest.mark.parametrize(
    ("first", "last", "filled"),
    [
        ({"a": 1}, {"b": 2}, {"a": None, "b": 2}),
        ({"a": 1}, {"a": 2, "b": {"c": 3}}, {"a": 2, "b": {"c": 3}}),
        ([{"a": 1}], [{"a": 2, "b": 3}], [{"a": 2, "b": 3}]),
        ({"a": None}, {"a": "x"}, {"a": "x"}),
        ([], [["q", "a"]], [["q", "a"]]),
        ([1], [1.5], [1.5]),
    ],
)
def test_a_late_key_or_a_wider_kind_is_never_dropped(read, first, last, filled, many):
    """What only the last row has is still there; keys that other rows lack are null there."""
    assert _values(read, [first] * many + [last]).rows["own"].to_list()[-1] == filled


@pytest.mark.parametrize(
    ("values", "texts", "changed"),
    [
        (["x", 1, None, 2.5, True, ["y"], {"z": 1}], ["x", "1", None, "2.5", "true", '["y"]', '{"z":1}'], 5),
        ([1, True], ["1", "true"], 2),
        ([[1], "x"], ["[1]", "x"], 1),
        ([[1], ["x"]], ["[1]", '["x"]'], 2),
        ([[1, "x"]], ['[1,"x"]'], 1),
        ([[1, True]], ["[1,true]"], 1),
        ([{"a": 1}, {"a": "1"}], ['{"a":1}', '{"a":"1"}'], 2),
        ([{"a": {"b": 1}}, {"a": 1}], ['{"a":{"b":1}}', '{"a":1}'], 2),
        ([["a"], {"a": 1}], ['["a"]', '{"a":1}'], 2),
        ([-1, 2**64 - 1], ["-1", str(2**64 - 1)], 2),
        ([2**70], [str(2**70)], 1),
        ([2**60 + 1, 0.5], [str(2**60 + 1), "0.5"], 2),
        ([{}, {}], ["{}", "{}"], 2),
    ],
)
def test_a_column_of_several_kinds_becomes_text_and_is_counted(read, values, texts, changed):
    """Texts stay as they are, the rest is written as JSON, null stays null, and the change is reported."""
    dataset = _values(read, values)
    assert dataset.rows["own"].to_list() == texts
    (problem,) = dataset.problems
    assert "column own" in problem.kind
    assert (problem.count, problem.loaded) == (changed, True)


def test_every_column_can_be_stored_as_parquet_and_read_back(read):
    """Whatever kinds a file holds, its rows and frame can be exported."""
    shapes = [{}, {"a": []}, [{}], [], [[]], None, {"a": {"b": [{"c": 1}]}}]
    row = {f"own{k}": shape for k, shape in enumerate(shapes)}
    dataset = read("a.jsonl", json.dumps({"instruction": "a", "output": "b", "big": 2**64 - 1, **row}))
    for table in (dataset.rows, dataset.frame):
        table.write_parquet(file := io.BytesIO())
        assert pl.read_parquet(file.getvalue()).equals(table)


def test_a_key_that_rows_lack_is_null_there(read):
    """Columns come in the order in which their names first appear."""
    rows = ['{"instruction":"a","output":"b"}', '{"z":1,"output":"d","instruction":"c"}']
    dataset = read("a.jsonl", "\n".join(rows))
    assert dataset.rows.columns == ["instruction", "output", "z"]
    assert dataset.rows["z"].to_list() == [None, 1]


@pytest.mark.parametrize("name", ["*", "^.*$", "", "request", "turns", "row", "hash", "🍎", "index"])
def test_a_column_may_have_any_name(read, name):
    """Names that mean something to polars, or to this code, are only names."""
    for row in (
        {"instruction": "a", "output": "b", name: "c"},
        {name: "c", "instruction": "a", "output": "b"},
    ):
        dataset = read("a.jsonl", json.dumps(row))
        assert dataset.rows.to_dicts() == [row]
        assert dataset.frame[name].to_list() == ["c"]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1, None], ["1", ""]),
        ([1.5, float("nan"), None], ["1.5", "", ""]),
        ([True, None], ["true", ""]),
        ([date(2020, 1, 2), None], ["2020-01-02", ""]),
        ([timedelta(hours=1), None], ['"1:00:00"', ""]),
        ([Decimal("1.50"), None], ["1.50", ""]),
        ([b"caf\xc3\xa9", b"\xff", None], ["café", "\ufffd", ""]),
        ([["a", "b"], None], ['["a","b"]', ""]),
        ([{"a": 1}, None], ['{"a":1}', ""]),
        ([None, None], ["", ""]),
        (pl.Series(["x", None], dtype=pl.Categorical), ["x", ""]),
        (pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2)), ["[1,2]", ""]),
    ],
)
def test_a_parquet_column_of_any_type_can_be_the_prompt(read, values, texts):
    """Numbers, dates, bytes and lists are written out; null and NaN are empty, never their names."""
    table = pl.DataFrame({"instruction": values}).with_columns(pl.lit("b").alias("output"))
    table.write_parquet(file := io.BytesIO())
    dataset = read("a.parquet", file.getvalue())
    assert dataset.frame["prompt"].to_list() == texts
    assert dataset.rows.equals(table)
