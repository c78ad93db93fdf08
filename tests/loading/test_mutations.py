from __future__ import annotations

import codecs
import csv
import functools
import gzip
import io
import json
import re
import string
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.domain import Dataset
from core.errors import WinnowError
from core.exporting import training_format
from core.loading import load, parts, unpacking
from core.loading.schemas import MESSAGES

ROWS = [
    {"id": 1, "instruction": "Name a fruit.", "input": "", "output": "Apple 🍎", "score": 4.5},
    {"id": 2, "instruction": "é\u2028", "input": None, "output": 'a "b"\n', "history": [["q", "a"]]},
    {
        "id": 3,
        "instruction": "x",
        "input": "y",
        "output": "",
        "score": None,
        "tags": ["t"],
        "meta": {"k": [1]},
    },
]
LINES = "\n".join(map(json.dumps, ROWS)).encode()
SEEDS = {
    ".jsonl": LINES,
    ".json": json.dumps(ROWS, indent=1).encode(),
    ".csv": 'id,instruction,output,score\n1,"a ""fruit"".",Apple 🍎,4.5\n2,"é\n",b,\n3,x,y,n/a\n'.encode(),
    ".tsv": b'id\tinstruction\toutput\n1\t"a\tb"\tc\n2\td\te\n',
    ".jsonl.gz": gzip.compress(LINES, mtime=0),
}
PIECES = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n",
    b"\r",
    b"\t",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
]
PIECES += [b"\\ud800", b"NaN", b"1e999", b"9" * 25, b"null", b'"id"', b'"":', b"[[" * 40, b"\xc2\x85", b"-"]
FAST = settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

edits = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 6),
        st.one_of(st.sampled_from(PIECES), st.binary(max_size=4), st.sampled_from(list(SEEDS.values()))),
    ),
    min_size=1,
    max_size=6,
)


def _mutated(content: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, taken, put in changes:
        at = int(where * len(content))
        content = content[:at] + put + content[at + taken :]
    return content


def _outcome(path: Path, content: bytes) -> Dataset | None:
    """The dataset, its counts checked, or None where the file is refused in words."""
    path.write_bytes(content)
    try:
        dataset = load(path)
    except WinnowError as refusal:
        assert refusal.problem.endswith(".")
        return None
    reported = sum(problem.count for problem in dataset.problems if not problem.loaded)
    assert dataset.rows_read == len(dataset) + reported
    if (there := _rows_in(path, content, dataset)) is not None:
        assert dataset.rows_read in there
    assert dataset.frame["id"].n_unique() == len(dataset)
    if dataset.schema == "alpaca":
        assert dataset.frame["messages"].list.len().min() >= 2
    assert dataset.frame.select("id", "prompt", "response", "system").null_count().sum_horizontal()[0] == 0
    _check_messages(dataset)
    return dataset


def _rows_in(path: Path, content: bytes, dataset: Dataset) -> set[int] | None:
    """How many rows the bytes hold, counted in other words than the reader's; None where nothing else tells."""
    content = content.removeprefix(codecs.BOM_UTF8)
    if path.suffix in (".csv", ".tsv"):
        return {_rows_of_a_table(content, "\t" if path.suffix == ".tsv" else ",")}
    if path.suffix not in (".jsonl", ".json"):
        return None
    if dataset.places["unit"][0] == "line":
        return {sum(1 for line in re.split(rb"\r\n|\n|\r", content) if line.strip())}
    try:
        document = json.loads(content.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    if isinstance(document, list):
        return {len(document)}
    return {1, *(len(value) for value in document.values() if isinstance(value, list | dict))}


def _rows_of_a_table(content: bytes, delimiter: str) -> int:
    """Records below the first that says something; one that cannot be read counts, a blank line does not."""
    reader = csv.reader(
        io.StringIO(content.decode(errors="replace"), newline=""), delimiter=delimiter, strict=True
    )
    records: list[list[str] | None] = []
    while True:
        try:
            records.append(next(reader))
        except csv.Error:
            records.append(None)
        except StopIteration:
            break
    header = next(at for at, cells in enumerate(records) if cells is None or any(map(str.strip, cells)))
    return sum(1 for cells in records[header + 1 :] if cells != [])


def _check_messages(dataset: Dataset) -> None:
    """Every turn has a role and a text, what belongs to turns is as long as they are, and all can be written."""
    for name in {"messages", "rejected"} & set(dataset.frame.columns):
        assert dataset.frame[name].dtype == MESSAGES
        assert dataset.frame[name].null_count() == 0
        turns = dataset.frame[name].drop_nulls().explode().struct.unnest()
        assert turns.null_count().sum_horizontal().sum() == 0
    if "turn_fields" in dataset.frame.columns:
        lengths = [dataset.frame[name].list.len().to_list() for name in ("messages", "turn_fields")]
        assert lengths[0] == lengths[1]
    training_format("messages").write(dataset, np.arange(len(dataset)), out := io.BytesIO())
    assert len([json.loads(line) for line in out.getvalue().splitlines()]) == len(dataset)


@pytest.mark.parametrize("ending", SEEDS)
@given(changes=edits)
@FAST
def test_altered_files_give_rows_or_a_sentence(tmp_path, ending, changes):
    """Whatever bytes are cut, put in or doubled: every row is loaded or reported, or the file is refused."""
    _outcome(tmp_path / f"a{ending}", _mutated(SEEDS[ending], changes))


SHARE = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
CALL = {"from": "function_call", "value": '{"name": "f", "arguments": {}}'}
CHAT = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "é🍎"}]
PARTS = [{"role": "user", "content": [{"type": "text", "text": "q"}]}, {"role": "assistant", "content": None}]
CALLS = [CHAT[0], {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}}]}]
SHAPES: dict[str, list[dict[str, Any]]] = {
    "alpaca": ROWS,
    "sharegpt": [
        {"conversations": SHARE, "system": "s"},
        {"conversations": [SHARE[0], CALL], "tools": "[1]"},
    ],
    "turns": [{"conversations": ["q", "a", "r"]}, {"conversations": ["q", "a"], "source": "x"}],
    "messages": [{"messages": CHAT, "tools": [{"a": 1}]}, {"messages": PARTS}, {"messages": CALLS}],
    "prompt-completion": [
        {"prompt": "q", "completion": " a"},
        {"prompt": [CHAT[0]], "completion": [CHAT[1]]},
    ],
    "preference": [{"prompt": "q", "chosen": CHAT, "rejected": CHAT[:1]}, {"chosen": "a", "rejected": "b"}],
    "kto": [
        {"prompt": "q", "completion": "a", "label": True},
        {"prompt": "r", "completion": "b", "label": 0},
    ],
    "text": [{"text": "### Q\nq\n### A\na"}, {"text": ""}],
}


def _as_table(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    for row in rows:
        writer.writerow({k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()})
    return out.getvalue()


FORMS = {
    "a.jsonl": lambda rows: "\n".join(map(json.dumps, rows)),
    "a.json": json.dumps,
    "under.json": lambda rows: json.dumps({"version": 1, "data": rows, "tags": ["t"]}),
    "a.csv": _as_table,
}


@pytest.mark.parametrize("schema", SHAPES)
@given(
    changes=edits,
    name=st.sampled_from(list(FORMS)),
    sizes=st.tuples(st.sampled_from([7, 60, 400, unpacking.PIECE]), st.integers(1, 3)),
)
@settings(FAST, max_examples=200)
def test_altered_files_of_every_schema_give_rows_or_a_sentence(tmp_path, schema, changes, name, sizes):
    """Conversations, pairs and texts in every container, also read as a large file is: in pieces and parts."""
    content = _mutated(FORMS[name](SHAPES[schema]).encode(), changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unpacking, "PIECE", sizes[0])
        patch.setattr(parts, "AT_ONCE", sizes[1])
        _outcome(tmp_path / name, content)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=5)
    | st.sampled_from(["", " ", "4.5", "n/a", "007"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["id", "input", "history", "system", "score", "response", "messages", "*", "", "own"])


@given(rows=st.lists(st.dictionaries(names, values, max_size=5), min_size=1, max_size=4), text=values)
@FAST
def test_rows_of_any_values_load_whole(tmp_path, rows, text):
    """Every row of every kind of value loads, and its own texts and whole numbers come back as they were."""
    rows = [{"instruction": text, "output": "b", **row} for row in rows] + [
        {"instruction": "c", "output": "d"}
    ]
    dataset = _outcome(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)).encode())
    assert dataset is not None
    assert len(dataset) == len(rows)
    for row, kept in zip(rows, dataset.rows.iter_rows(named=True), strict=True):
        for name, value in row.items():
            if isinstance(value, str):
                assert kept[name] == value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            if type(value) is int:
                assert kept[name] in (value, str(value))


@given(text=st.text(string.printable, max_size=60))
@FAST
def test_any_text_at_all_gives_rows_or_a_sentence(tmp_path, text):
    """Files that were never meant to be data are refused in words."""
    for ending in (".jsonl", ".csv"):
        _outcome(tmp_path / f"a{ending}", text.encode())


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every part of a value."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in below for place in _places(item, (*path, key)))]


def _replaced(value: Any, path: tuple[Any, ...], put: Any) -> Any:
    if not path:
        return put
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], put)
    return copy


hostile = st.one_of(
    values,
    st.sampled_from([CHAT, SHARE, [], {}, [[]], [None], [{}], "[", "[{}]", json.dumps(SHARE), "x" * 100_000]),
    st.integers(2, 60).map(lambda depth: functools.reduce(lambda inner, _: [inner], range(depth), "deep")),
)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("schema", SHAPES)
@given(data=st.data())
@settings(FAST, max_examples=40)
def test_parts_of_other_kinds_give_rows_or_a_sentence(tmp_path, schema, form, data):
    """Any part of any row replaced by a value of another kind, and rows of other schemas among them."""
    rows = SHAPES[schema] + data.draw(st.sampled_from([[], *SHAPES.values()]))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from([each for each in _places(rows) if len(each) > 1]))
        rows = _replaced(rows, place, data.draw(hostile))
    path = tmp_path / "a.jsonl"
    dataset = _outcome(path, "\n".join(map(json.dumps, rows)).encode())
    if dataset is None or form == "jsonl":
        return
    other = tmp_path / f"a.{form}"
    rows_in = np.arange(len(dataset))
    with other.open("wb") as out:
        training_format(form).write(dataset, rows_in, out)
    again = _outcome(other, other.read_bytes())
    # In a CSV file of one column an empty cell is a blank line, which is no row.
    assert again is None or form == "csv" or len(again) == len(dataset)


@given(changes=edits)
@settings(FAST, max_examples=300)
def test_damaged_parquet_files_give_rows_or_a_sentence(tmp_path, changes):
    """The process lives on, whatever is cut out of the file or put into it."""
    pl.DataFrame(SHAPES["turns"]).write_parquet(good := io.BytesIO())
    _outcome(tmp_path / "a.parquet", _mutated(good.getvalue(), changes))
