from __future__ import annotations

import json

import pytest

GOOD = '{"instruction":"a","output":"b"}'


def _lost(dataset):
    return {problem.kind: problem.places for problem in dataset.problems if not problem.loaded}


@pytest.mark.parametrize(
    ("line", "kind", "reason"),
    [
        ('{"instruction":"a","output":"b"', "broken JSON", "expecting ',' delimiter at column 32"),
        ('{"instruction":"a","output":"b', "broken JSON", "unterminated string starting at column 29"),
        ('{"instruction":"a",}', "broken JSON", "expecting property name"),
        (GOOD + ",", "broken JSON", "extra data at column 33"),
        (GOOD + " # note", "broken JSON", "extra data"),
        (GOOD + GOOD, "broken JSON", "extra data"),
        ("{'instruction':'a'}", "broken JSON", "expecting property name"),
        ('{"instruction":"a\0b"}', "broken JSON", "invalid control character"),
        ('{"instruction":"a\tb"}', "broken JSON", "invalid control character"),
        ('{"instruction":"\\x"}', "broken JSON", "invalid \\escape"),
        ("instruction,output", "broken JSON", "expecting value"),
        ('{"k":' + "9" * 5000 + "}", "broken JSON", "number with thousands of digits"),
        ('{"k":' + "[" * 5000 + "]" * 5000 + "}", "broken JSON", "nested too deeply"),
        ('{"k":' + "[" * 900 + "]" * 900 + "}", "nested too deeply", "more than 64 levels"),
        ("[1, 2]", "not a JSON object", "a list"),
        ("[" + GOOD + "]", "not a JSON object", "a list"),
        ('"text"', "not a JSON object", "text"),
        ("5", "not a JSON object", "a number"),
        ("null", "not a JSON object", "null"),
        ("true", "not a JSON object", "true or false"),
    ],
)
@pytest.mark.parametrize("position", [1, 2, 3])
def test_a_broken_line_is_named_and_the_others_load(read, line, kind, reason, position):
    """Wherever a line is broken, its number and the reason are given and every other row is there."""
    lines = [GOOD, GOOD]
    lines.insert(position - 1, line)
    dataset = read("a.jsonl", "\n".join(lines))
    assert len(dataset) == 2
    assert dataset.rows_read == 3
    ((found, (place,)),) = _lost(dataset).items()
    assert found == kind
    assert place.startswith(f"line {position}: ")
    assert reason in place


def test_files_glued_together_load_with_the_marks_between_them(read):
    """A byte order mark at the beginning of a later line is no part of it."""
    assert len(read("a.jsonl", f"\ufeff{GOOD}\n\ufeff{GOOD}\n")) == 2


@pytest.mark.parametrize(("name", "rows"), [("a.jsonl", 1), ("a.json", 0)])
def test_lines_are_told_from_pieces_of_a_document(read, refused, name, rows):
    """Where the first line is broken, one whole row tells JSONL; a .json file needs most lines whole."""
    content = "{\n{\n" + GOOD
    if rows:
        assert len(read(name, content)) == rows
    else:
        assert "not well-formed" in refused(name, content)
    assert len(read(name, "{\n" + f"{GOOD}\n" * 2)) == 2


def test_a_cut_array_is_not_taken_for_lines(refused):
    """The last row of an array that broke off stands alone on its line; it is not loaded for the whole."""
    assert "line 4, column 1" in refused("a.jsonl", f"[\n{GOOD},\n{GOOD}\n")


def test_broken_lines_are_counted_and_the_first_five_are_named(read):
    """Many broken lines are one problem with its count, not a thousand sentences."""
    dataset = read("a.jsonl", "\n".join([GOOD, *["{"] * 20, GOOD, *["3"] * 2]))
    counts = {problem.kind: (problem.count, len(problem.places)) for problem in dataset.problems}
    assert counts == {"broken JSON": (20, 5), "not a JSON object": (2, 2)}
    assert (len(dataset), dataset.rows_read) == (2, 24)


def test_line_numbers_count_blank_lines(read):
    """The number that is named is the one that an editor shows."""
    dataset = read("a.jsonl", f"\n{GOOD}\r\n\r\n{{\r\n{GOOD}")
    assert _lost(dataset)["broken JSON"][0].startswith("line 4: ")


@pytest.mark.parametrize(
    "content", ["{\n{\n", "[1]\n[2]\n", "hello\nworld\n", "[]", "3", "[1, null]", '{"a":', "[[]]"]
)
def test_a_file_without_any_row_says_where_it_first_failed(refused, content):
    """Where nothing can be read there is no dataset, only the first reason."""
    text = refused("a.jsonl", content)
    assert "no row that can be read" in text or "not well-formed JSON" in text


@pytest.mark.parametrize("content", ["{}", "{}\n{}\n", "[{}, {}]"])
def test_rows_without_any_column_are_no_dataset(refused, content):
    """Empty objects hold nothing to choose from."""
    assert "has no rows" in refused("a.jsonl", content)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (f"[{GOOD},]", "column 35"),
        (f"[{GOOD}] rest", "extra data at column 36"),
        (f"[{GOOD}", "expecting ',' delimiter at column 34"),
        (f"[\n{GOOD},\n{GOOD}\n{GOOD}\n]", "line 4, column 1"),
        (json.dumps(json.loads(GOOD), indent=1)[:-3], "line 3"),
        ('{"data": [\n' + GOOD + "\n", "line 3, column 1"),
        ("[" * 5000, "nested too deeply"),
    ],
)
def test_a_broken_document_is_refused_with_its_place(refused, content, where):
    """One document cannot be read in part: the place and the way out are named."""
    text = refused("a.json", content)
    assert where in text
    assert "save one row a line as JSONL" in text


def test_items_of_an_array_that_are_no_objects_are_named(read):
    """A number among the rows is reported by its position."""
    dataset = read("a.json", f'[{GOOD}, 3, null, {GOOD}, "text"]')
    assert _lost(dataset) == {"not a JSON object": ("row 2: a number", "row 3: null", "row 5: text")}
    assert len(dataset) == 2


def test_one_object_is_one_row(read):
    """A single row may be written over several lines."""
    row = {"instruction": "a", "output": "b", "tags": ["x", "y"], "sources": [{"url": "u"}]}
    for content in (json.dumps(row), json.dumps(row, indent=2)):
        assert read("a.json", content).rows.to_dicts() == [row]


def test_rows_under_a_key_are_found_and_the_key_is_named(read):
    """{"data": [rows]} loads the rows; what stands beside them is said not to be loaded."""
    row = json.loads(GOOD)
    dataset = read("a.json", json.dumps({"license": "x", "data": [row, row], "authors": [{"name": "n"}]}))
    assert dataset.rows.to_dicts() == [row, row]
    problems = {problem.kind: (problem.count, problem.places) for problem in dataset.problems}
    assert problems == {
        "rows found under the key data": (2, ()),
        "keys beside data, which are not loaded": (2, ("license", "authors")),
    }


def test_rows_under_two_keys_are_a_question_to_the_person(refused):
    """train and test together are not mixed in silence."""
    row = json.loads(GOOD)
    assert "more than one key: train, test" in refused("a.json", json.dumps({"train": [row], "test": [row]}))


def test_unknown_rows_under_a_key_are_described_by_their_own_columns(refused):
    """The columns found are those of the rows, not the key above them."""
    assert "Found: reply, mood." in refused("a.json", '{"data": [{"reply": 1, "mood": 2}]}')


def test_columns_of_different_lengths_are_refused(refused):
    """An object of arrays must be a table."""
    text = refused("a.json", '{"instruction": ["a", "b"], "output": ["c"]}')
    assert "different lengths: {'instruction': 2, 'output': 1}" in text


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_nan_and_infinity_are_null_and_counted(read, name, word):
    """What Python writes for a missing number is a missing number, in a text column too."""
    rows = [
        f'{{"instruction":{word},"output":"b","score":{word}}}',
        '{"instruction":"c","output":"d","score":4}',
    ]
    dataset = read(name, "[" + ",".join(rows) + "]" if name == "a.json" else "\n".join(rows))
    assert dataset.frame["prompt"].to_list() == ["", "c"]
    assert dataset.rows["score"].to_list() == [None, 4]
    assert dataset.judges["score"].unscored == 1
    problem = dataset.problems[0]
    assert "NaN or Infinity" in problem.kind
    assert (problem.count, problem.loaded) == (2, True)
    assert problem.places == (("line 1",) if name == "a.jsonl" else ())


@pytest.mark.parametrize(
    ("escaped", "shown", "count"),
    [
        ("\\ud800", "\ufffd", 1),
        ("a\\udc00b", "a\ufffdb", 1),
        ("\\ud83d\\ude00", "😀", 0),
        ("\\ude00\\ud83d", "\ufffd\ufffd", 2),
        ("\\ud83d\\ud83d\\ude00", "\ufffd😀", 1),
        ("\\\\ud800", "\\ud800", 0),
        ("\\ufffd\\ud800", "\ufffd\ufffd", 1),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_half_of_a_surrogate_pair_is_shown_and_counted(read, name, escaped, shown, count):
    """Half an emoji, which no UTF-8 file can hold, becomes U+FFFD; a whole one stays what it is."""
    row = f'{{"instruction":"{escaped}","output":"b","{escaped}":["{escaped}"]}}'
    dataset = read(name, f"[{row}]" if name == "a.json" else f"{GOOD}\n{row}")
    assert dataset.rows.to_dicts()[-1] == {"instruction": shown, "output": "b", shown: [shown]}
    assert dataset.frame["prompt"][-1].encode().decode() == shown
    halves = [problem.count for problem in dataset.problems if "surrogate" in problem.kind]
    assert halves == ([3 * count] if count else [])


def test_escaped_nul_and_separators_are_kept(read):
    """NUL, U+2028 and other characters that some programs end a line at are text."""
    text = "a\0b\u2028c\u2029d\x85e\x0bf\x1cg"
    row = {"instruction": text, "output": text}
    for content in (json.dumps(row), json.dumps(row, ensure_ascii=False)):
        dataset = read("a.jsonl", content + "\n" + content)
        assert dataset.rows.to_dicts() == [row, row]
        assert dataset.frame["response"].to_list() == [text, text]


def test_a_very_long_cell_is_whole(read):
    """A million characters in a cell are a million characters."""
    text = "word " * 200_000
    assert read("a.jsonl", json.dumps({"instruction": text, "output": "b"})).frame["prompt"].to_list() == [
        text
    ]


def test_the_last_of_two_equal_keys_counts(read):
    """A key written twice in one object has its last value, as in every JSON reader."""
    assert read("a.jsonl", '{"instruction":"a","instruction":"z","output":"b"}').frame["prompt"][0] == "z"


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
@pytest.mark.parametrize("key", ["whole", "list"])
@pytest.mark.parametrize("digits", ["123456789012345678901234567890", str(2**64), str(-(2**63) - 1)])
def test_whole_numbers_beyond_64_bits_keep_every_digit(read, name, key, digits):
    """A long number is never rounded to a float: the column becomes text, and that is reported."""
    value = digits if key == "whole" else f"[{digits}]"
    rows = [
        f'{{"instruction":"a","output":"b","k":{value}}}',
        f'{{"instruction":"a","output":"b","k":{value}}}',
    ]
    dataset = read(name, "[" + ",".join(rows) + "]" if name == "a.json" else "\n".join(rows))
    assert dataset.rows["k"].to_list() == [value, value]
    assert [problem.count for problem in dataset.problems] == [2]


def test_ids_that_differ_in_their_last_digit_stay_apart(read):
    """Identifiers of 30 digits are not two roundings of one number."""
    rows = [f'{{"id":{10**29 + k},"instruction":"a","output":"b"}}' for k in range(3)]
    assert read("a.jsonl", "\n".join(rows)).frame["id"].to_list() == [str(10**29 + k) for k in range(3)]
