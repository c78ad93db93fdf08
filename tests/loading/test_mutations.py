from __future__ import annotations

import gzip
import json
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.domain import Dataset
from core.errors import WinnowError
from core.loading import load

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
    assert dataset.frame["id"].n_unique() == len(dataset)
    assert dataset.frame["messages"].list.len().min() >= 2
    assert dataset.frame.select("id", "prompt", "response", "system").null_count().sum_horizontal()[0] == 0
    return dataset


@pytest.mark.parametrize("ending", SEEDS)
@given(changes=edits)
@FAST
def test_altered_files_give_rows_or_a_sentence(tmp_path, ending, changes):
    """Whatever bytes are cut, put in or doubled: every row is loaded or reported, or the file is refused."""
    _outcome(tmp_path / f"a{ending}", _mutated(SEEDS[ending], changes))


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
