"""Files that are read piece by piece give what they give when they are read at once."""

from __future__ import annotations

import json
import random

import pytest

from core.loading import parts
from core.loading.columns import frame_of
from core.loading.json_rows import are_lines, read_json, read_lines, split_lines
from core.loading.mixed import frame_in_texts

VALUES = [
    None,
    10**30,
    [10**30],
    float("inf"),
    1,
    2**53 + 1,
    2**63,
    1.5,
    "a",
    "",
    True,
    [1],
    ["x"],
    [],
    {"a": 1},
    {"b": "x"},
    {},
]


@pytest.mark.parametrize("seed", range(150))
def test_parts_give_the_frame_of_the_whole_or_nothing(monkeypatch, seed):
    """Whatever values meet in a column, in whatever part: the same types and cells, or none."""
    chance = random.Random(seed)
    monkeypatch.setattr(parts, "AT_ONCE", chance.randint(1, 4))
    some = [chance.sample(VALUES, chance.randint(1, 3)) for _ in range(3)]
    records = [
        {
            name: chance.choice(values)
            for name, values in zip(("a", "*", "b"), some, strict=True)
            if chance.random() < 0.8
        }
        for _ in range(chance.randint(1, 9))
    ]
    records[0]["a"] = chance.choice(some[0])
    found, (whole, mixed) = parts.frame_in_parts(records), frame_of(records)
    if found is not None:
        assert not mixed
        assert found.schema == whole.schema
        assert found.equals(whole)
    texts, said = frame_in_texts(records)
    assert texts.schema == whole.schema
    assert texts.equals(whole)
    assert said == mixed


def test_columns_of_one_type_are_never_read_twice(monkeypatch):
    """Texts, numbers with and without a point, and gaps all fit without the whole."""
    monkeypatch.setattr(parts, "AT_ONCE", 2)
    records = [
        {"a": "x", "b": 1},
        {"a": "y", "b": 2},
        {"a": None, "b": 2.5},
        {"b": None},
        {"a": "z", "c": [1]},
    ]
    assert parts.frame_in_parts(records).equals(frame_of(records)[0])


def test_rows_without_a_key_are_not_lost_where_they_are_a_part_of_their_own(monkeypatch):
    """Objects that hold nothing are rows of nulls, at the end and in the middle."""
    monkeypatch.setattr(parts, "AT_ONCE", 2)
    records = [{"a": "x"}, {}, {}, {}, {"a": "y"}, {}, {}]
    assert parts.frame_in_parts(records)["a"].to_list() == ["x", None, None, None, "y", None, None]


def test_whole_numbers_that_no_float_holds_stay_as_they_are(monkeypatch):
    """In one part 2**53 + 1, in another 1.5: only the whole column tells that both become text."""
    monkeypatch.setattr(parts, "AT_ONCE", 1)
    assert parts.frame_in_parts([{"a": 2**53 + 1}, {"a": 1.5}]) is None


@pytest.mark.parametrize("seed", range(100))
def test_lines_in_pieces_are_the_lines_of_the_whole(seed):
    """Wherever the pieces are cut, in the middle of CRLF too."""
    chance = random.Random(seed)
    text = "".join(chance.choice(["a", "\n", "\r", "\r\n", "\x85", "\x0b", ""]) for _ in range(30)).encode()
    cuts = sorted(chance.choices(range(len(text) + 1), k=4))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert list(split_lines(pieces)) == text.splitlines()


@pytest.mark.parametrize("seed", range(40))
def test_lines_as_they_come_are_read_as_at_once(monkeypatch, seed):
    """Rows, problems with their lines, and counts, with broken lines among them."""
    chance = random.Random(seed)
    monkeypatch.setattr(parts, "AT_ONCE", 3)
    row = json.dumps({"instruction": "a", "output": "b", "score": 1.5})
    lines = [row] + [
        chance.choice([row, "{broken", "[1]", "", '{"instruction": "\\ud800", "x": NaN}']) for _ in range(12)
    ]
    content = "\n".join([*lines, row]).encode()
    pieces = [content[at : at + 50] for at in range(0, len(content), 50)]
    assert are_lines(content)
    found, whole = read_lines("a.jsonl", pieces), read_json("a.jsonl", content)
    assert found is not None
    assert found[0].equals(whole[0])
    assert found[1:] == whole[1:]
