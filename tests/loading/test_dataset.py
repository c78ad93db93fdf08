from __future__ import annotations

import gzip
import json
import re

import pytest

ROWS = [{"instruction": f"Do {k}.", "input": "", "output": f"Done {k}."} for k in range(4)]


def _jsonl(rows):
    return "\n".join(map(json.dumps, rows))


def _ids(read, *ids):
    rows = [{**ROWS[k % 4], "input": f"{k // 4 or ''}", "id": i} for k, i in enumerate(ids)]
    dataset = read("a.jsonl", _jsonl(rows))
    assert dataset.frame["id"].n_unique() == len(dataset)
    return dataset


@pytest.mark.parametrize(
    ("own", "ids"),
    [
        ([1, 2, 3], ["1", "2", "3"]),
        (["a", "b c", "é🍎"], ["a", "b c", "é🍎"]),
        (["007", "7", "07"], ["007", "7", "07"]),
        ([1, "a", 2.5], ["1", "a", "2.5"]),
        ([2**63, 2**64 - 1, 0], [str(2**63), str(2**64 - 1), "0"]),
        (["a", "A", " a"], ["a", "A", " a"]),
    ],
)
def test_own_ids_are_kept_where_they_are_unique(read, own, ids):
    """Numbers and texts become the same text; nothing is trimmed, folded or renumbered."""
    dataset = _ids(read, *own)
    assert dataset.frame["id"].to_list() == ids
    assert dataset.rows["id"].to_list() in (own, ids)


@pytest.mark.parametrize(
    ("own", "spoiled"),
    [
        (["a", "a", "b"], (2,)),
        ([1, 1, 1], (2, 3)),
        (["a", None, "b"], (2,)),
        (["a", "", " "], (2, 3)),
        ([1, "1", 2], (2,)),
        (["a", "b\nc", "d\u2028e"], (2, 3)),
        (["b\nc", "b\nc", "", "", "a", "a"], (1, 2, 3, 4, 6)),
        (["a"] * 9, (2, 3, 4, 5, 6)),
    ],
)
def test_ids_that_cannot_name_a_row_are_replaced_by_hashes_and_reported(read, own, spoiled):
    """Missing, repeated or many-lined ids, with their rows: all rows get content hashes, own ids stay in rows."""
    dataset = _ids(read, *own)
    assert all(re.fullmatch("[0-9a-f]{16}", i) for i in dataset.frame["id"])
    problem = next(problem for problem in dataset.problems if "content hash" in problem.kind)
    assert problem.places == tuple(f"line {row}" for row in spoiled)
    assert problem.loaded
    assert problem.count == (8 if len(own) > 8 else len(spoiled))
    assert list(map(str, dataset.rows["id"])) == list(map(str, own))


def test_nan_is_no_id(read):
    """A float column with a gap, as pandas makes of ids, has a missing id."""
    dataset = read("a.csv", "id,instruction,output\n1.0,a,b\n,c,d\n")
    assert any("content hash" in problem.kind for problem in dataset.problems)


def test_content_hashes_do_not_depend_on_the_sequence_of_rows(read):
    """Each row keeps its id when the file is turned round or a row is added."""
    forward = read("a.jsonl", _jsonl(ROWS)).frame
    backward = read("a.jsonl", _jsonl([*ROWS[::-1], {"instruction": "x", "output": "y"}])).frame
    assert forward["id"].to_list() == backward["id"].to_list()[:4][::-1]


def test_content_hashes_do_not_depend_on_names_or_extra_columns(read):
    """Scores, other columns, a null input and Dolly's names leave the id of a row alone."""
    ids = read("a.jsonl", _jsonl(ROWS)).frame["id"].to_list()
    others = [
        {"score": 5, "response": row["output"], "context": None, "instruction": row["instruction"]}
        for row in ROWS
    ]
    assert read("a.json", json.dumps(others)).frame["id"].to_list() == ids


@pytest.mark.parametrize(
    "change",
    [
        {"instruction": "Do 0!"},
        {"output": "Done 0!"},
        {"output": ""},
        {"system": "s"},
        {"history": [["q", "a"]]},
        {"history": [["q", "b"]]},
    ],
)
def test_content_hashes_differ_where_any_turn_differs(read, change):
    """Two rows that differ in one message only have unlike ids, and swap them with their places."""
    pair = [ROWS[0], {**ROWS[0], **change}]
    first, second = read("a.jsonl", _jsonl(pair)).frame["id"].to_list()
    assert first[:16] != second[:16]
    assert read("a.jsonl", _jsonl(pair[::-1])).frame["id"].to_list() == [second, first]


def test_text_never_moves_between_turns_of_a_hash(read):
    """Where one text ends and the next begins is part of the hash, whatever characters stand there."""
    cuts = [("a", "\x1fb"), ("a\x1f", "b"), ("a\x1fassistant\x1f1\x1fb", ""), ("", "a\x1fb")]
    ids = read("a.jsonl", _jsonl([{"instruction": i, "output": o} for i, o in cuts])).frame["id"]
    assert len({i[:16] for i in ids}) == len(cuts)


def test_repeats_of_a_row_are_numbered_from_two(read):
    """The second and third of three equal rows end in -2 and -3."""
    ids = read("a.jsonl", _jsonl([ROWS[0], ROWS[1], ROWS[0], ROWS[0]])).frame["id"].to_list()
    assert ids[2:] == [f"{ids[0]}-2", f"{ids[0]}-3"]
    assert "-" not in ids[0] + ids[1]


def test_ids_are_what_they_were(read):
    """Recipes name rows by these hashes: they may not change between versions."""
    row = {"instruction": "Name a fruit.", "input": "", "output": "Apple 🍎"}
    dataset = read("a.jsonl", _jsonl([row, {**row, "system": "Be brief.", "history": [["q", "a"]]}]))
    assert dataset.frame["id"].to_list() == ["08def203041ba879", "ac6af7e1ce91d7e6"]


@pytest.mark.parametrize("row", range(4))
@pytest.mark.parametrize(
    "change", [{"output": "x"}, {"score": 5}, {"input": " "}, {"instruction": "x"}, {"k": None}]
)
def test_the_fingerprint_changes_with_any_content(read, row, change):
    """Another text, score or column anywhere is another dataset."""
    changed = [{**r, **change} if k == row else r for k, r in enumerate(ROWS)]
    before, after = read("a.jsonl", _jsonl(ROWS)), read("a.jsonl", _jsonl(changed))
    assert before.fingerprint != after.fingerprint
    assert (before.text_fingerprint != after.text_fingerprint) == ("instruction" in change)


def test_the_text_fingerprint_is_of_the_prompts_in_their_sequence(read):
    """Rows in another sequence, or prompts cut at other places, do not share vectors."""
    before = read("a.jsonl", _jsonl(ROWS))
    assert read("a.jsonl", _jsonl(ROWS[::-1])).text_fingerprint != before.text_fingerprint
    assert read("a.jsonl", _jsonl(ROWS[:3])).text_fingerprint != before.text_fingerprint
    cuts = [
        [{"instruction": t, "output": ""} for t in texts] for texts in (("ab", "c"), ("a", "bc"), ("abc",))
    ]
    assert len({read("a.jsonl", _jsonl(rows)).text_fingerprint for rows in cuts}) == 3


def test_the_fingerprint_is_of_the_content_not_of_the_file(read):
    """Name, ending, compression and byte order mark leave it alone."""
    content = _jsonl(ROWS).encode()
    fingerprint = read("a.jsonl", content).fingerprint
    same = (
        ("b.json", content),
        ("c.jsonl.gz", gzip.compress(content)),
        ("d.ndjson", b"\xef\xbb\xbf" + content),
    )
    assert {read(*file).fingerprint for file in same} == {fingerprint}


def test_the_same_bytes_read_as_another_kind_are_another_dataset(read):
    """Tabs and commas cut one content into other cells, so nothing computed may be shared."""
    content = "instruction,output,x\tinstruction\toutput\na,b,c\td\te\n"
    commas, tabs = read("a.csv", content), read("a.tsv", content)
    assert (commas.frame["prompt"][0], tabs.frame["prompt"][0]) == ("a", "d")
    assert commas.fingerprint != tabs.fingerprint


def test_the_name_and_source_of_a_dataset_are_those_of_its_file(read, tmp_path):
    """They are shown on every page."""
    dataset = read("a.jsonl", _jsonl(ROWS))
    assert (dataset.name, dataset.source, dataset.schema) == ("a.jsonl", str(tmp_path / "a.jsonl"), "alpaca")
