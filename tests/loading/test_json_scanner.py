"""A JSON document that is read as it comes gives what it gives when it is read at once."""

from __future__ import annotations

import json
import random

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.errors import DataError
from core.loading import parts
from core.loading.documents import MOST_BESIDE, read_document
from core.loading.json_rows import read_json
from core.loading.json_scanner import Document, ScanError
from core.loading.parts import MixedTypesError

ROW = {"instruction": 'a {["\\', "output": "é\u2028🍎", "score": 1.5}
NESTED = {"instruction": "q", "output": "]", "history": [["x}", "y\\"], []], "meta": {"k": {"l": [1, None]}}}
TURN = {"role": "user", "content": "q"}
DOCUMENTS = [
    [ROW, NESTED, ROW],
    [ROW, 3, None, "t,", [ROW], {}, ROW],
    [{"a": 1}, {"a": "x"}],
    {"version": 1.5, "data": [ROW, ROW], "tags": ["x", "]"], "none": [], "meta": {"by": [1]}},
    {"authors": [{"name": "n"}], "data": [ROW], "more": {}},
    {"train": [ROW], "test": [ROW]},
    {"items": [{"reply": 1}], "others": [{"mood": 2}]},
    {"data": [ROW, None]},
    {"instruction": ["a", "b"], "output": ["c", "d"]},
    {"instruction": {"0": "a"}, "output": {"0": "c"}},
    {"messages": [TURN, TURN]},
    {"conversations": ["q", "a"]},
    ROW,
    [],
    {},
    [[]],
    5,
    "text",
]
WRITTEN = [
    *(json.dumps(each).encode() for each in DOCUMENTS),
    *(json.dumps(each, indent=1, ensure_ascii=False).encode() for each in DOCUMENTS[:5]),
    b'[{"instruction":NaN,"output":"\\ud800"},{"instruction":"caf\xe9 \xef\xbf\xbd","output":"b","k":-Infinity}]',
    b'[{"a":"x","a":"y"}]',
    b'{"data":[{"instruction":"a","output":"b"}],"data":[1]}',
    b'[{"k":123456789012345678901234567890},{"k":1.5,"l":12345678901234567890}]',
    b'[{"a":' + b"[" * 900 + b"]" * 900 + b'},{"a":null}]',
    b'[{"a":"b"}] [{"a":"b"}]',
    b'{"instruction":"a","output":"b"}\n{"instruction":"c","output":"d"}',
    b'[{"a":"b"},]',
    b'[{"a":"b"} {"a":"b"}]',
    b'[,{"a":"b"}]',
    b'{"data":[{"a":"b"}],}',
    b'{"data" [{"a":"b"}]}',
    b'{data:[{"a":"b"}]}',
    b'[{"a":"b"]}',
    b'[{"a":"b"}\xa0]',
    b'[{"a":"b"}\x0b]',
    b"[" * 5000,
]
MARKS = [b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\xff", b"NaN", b"1", b" ", b"[[" * 40]
SETTINGS = settings(
    max_examples=300,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _pieces(content, size):
    return [content[at : at + size] for at in range(0, len(content), size)]


def _outcome(reader):
    """The rows, where they stand, the problems with places in no order, the count; or the refusal's sentences."""
    try:
        found = reader()
    except DataError as refusal:
        return refusal.problem, refusal.hint
    if found is None:
        return None
    rows, problems, count, numbers, unit = found
    said = {(each.kind, each.count, frozenset(each.places), each.loaded) for each in problems}
    return rows.schema, rows.to_dicts(), said, count, list(numbers), unit


def _agree(content, size):
    """Whether the document was read as it came; then all is as when it is read at once."""
    try:
        came = _outcome(lambda: read_document("a.json", _pieces(content, size)))
    except MixedTypesError:
        came = _outcome(lambda: read_document("a.json", _pieces(content, size), mixed=True))
        assert came is not None
    whole = _outcome(lambda: read_json("a.json", content))
    assert came is None or came == whole
    return came is not None


@pytest.mark.parametrize("content", WRITTEN)
@pytest.mark.parametrize("size", [1, 3, 7, 64, 1 << 20])
def test_documents_of_every_shape_are_read_as_at_once(monkeypatch, content, size):
    """Wherever the pieces are cut: the same rows, types, problems and refusals, or nothing at all."""
    monkeypatch.setattr(parts, "AT_ONCE", 2)
    _agree(content, size)


@pytest.mark.parametrize("number", [0, 1, 3, 4, 5, 6, 13])
@pytest.mark.parametrize("indent", [None, 2])
def test_lists_of_rows_are_not_read_twice(number, indent):
    """An array, rows under a key, and what is refused for its rows needs no second look."""
    assert _agree(json.dumps(DOCUMENTS[number], indent=indent).encode(), 11)


@pytest.mark.parametrize("number", [7, 8, 9, 10, 11, 12, 16])
def test_what_only_the_whole_tells_is_left_to_it(number):
    """A table of columns, one row, one conversation, a list with a gap and a number are no list of rows."""
    assert not _agree(json.dumps(DOCUMENTS[number]).encode(), 11)


@given(
    content=st.sampled_from(WRITTEN),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), st.sampled_from([b"", *MARKS])), max_size=3),
    size=st.integers(1, 40),
)
@example(content=WRITTEN[0], edits=[(0.5, 0, b"]")], size=5)
@SETTINGS
def test_damaged_documents_are_read_as_at_once(content, edits, size):
    """Bytes cut out, doubled and put in: no row is made up, none is lost in silence, and the words stay."""
    for where, taken, put in edits:
        at = int(where * len(content))
        content = content[:at] + put + content[at + taken :]
    if content.strip():
        _agree(content, size)


@pytest.mark.parametrize("seed", range(60))
def test_the_values_of_a_document_are_found_one_by_one(seed):
    """Of any values, however nested and however cut, the texts are those that stand in the array."""
    chance = random.Random(seed)

    def value(depth):
        kinds = [0, 1, 2, 3, 4] if depth else [0, 1, 2]
        kind = chance.choice(kinds)
        inner = [value(depth - 1) for _ in range(chance.randint(0, 3))] if kind > 2 else []
        text = "".join(chance.choices('ab"\\[]{},:\n🍎', k=5))
        return [chance.random(), text, None, inner, {f"{text}{n}": each for n, each in enumerate(inner)}][
            kind
        ]

    values = [value(3) for _ in range(8)]
    content = json.dumps(values, indent=chance.choice([None, 1]), ensure_ascii=chance.random() < 0.5).encode()
    document = Document(_pieces(content + b" 7 ", chance.randint(1, 30)))
    assert [orjson.loads(text) for text in document.elements()] == values
    assert (document.value(), document.following()) == (b"7", b"")


def test_a_long_value_is_not_looked_through_again_for_every_piece():
    """A value in a thousand pieces is put together a few times, each twice as long as the one before."""
    text = json.dumps(["[" * 500_000, ["x"] * 1000]).encode()
    document, joined = Document(_pieces(text, 500)), []
    read_on = document._read_on
    document._read_on = lambda: joined.append(1) or read_on()
    assert [len(orjson.loads(each)) for each in document.elements()] == [500_000, 1000]
    assert len(joined) < 30


def test_brackets_without_end_are_given_up():
    """A file of nothing but opening brackets is not read to its end."""
    pieces = iter([b"[" * 10_000] * 100)
    with pytest.raises(ScanError):
        Document(pieces).value()
    assert len(list(pieces)) > 90


def test_a_table_of_columns_is_given_up_early():
    """A list of many other values than objects is a column, and is not parsed twice to its end."""
    content = json.dumps({"instruction": list(range(MOST_BESIDE * 5))}).encode()
    pieces = iter(_pieces(content, 1000))
    assert read_document("a.json", pieces) is None
    assert len(list(pieces)) > 100
    few = {"languages": list(range(MOST_BESIDE)), "data": [ROW]}
    assert _agree(json.dumps(few).encode(), 1000)
