"""Examples of a task, from a text or a file."""

from __future__ import annotations

import json

import pytest

from core.errors import DataError
from core.loading.examples import read_examples, split_examples


@pytest.mark.parametrize(
    ("text", "examples"),
    [
        ("one\ntwo\n\n", ("one", "two")),
        ("one\r\ntwo\r\n", ("one", "two")),
        ("one\nmore\n\ntwo\n \n  three", ("one\nmore", "two", "three")),
        ("same\nsame", ("same",)),
        ("", ()),
        (" \n\t\n", ()),
    ],
)
def test_one_a_line_or_parted_by_blank_lines(text, examples):
    """A blank line inside means that examples have several lines."""
    assert split_examples(text) == examples


def test_a_file_of_text_or_of_rows(tmp_path):
    """Rows of any known shape give their prompts, each once."""
    (tmp_path / "a.txt").write_text("\ufeffone\ntwo\n")
    rows = [{"messages": [{"role": "user", "content": "Ask"}, {"role": "assistant", "content": "x"}]}] * 2
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read_examples(tmp_path / "a.txt") == ("one", "two")
    assert read_examples(tmp_path / "b.jsonl") == ("Ask",)


def test_what_holds_no_example_is_refused(tmp_path):
    """A file that is missing or empty is named, with what to do."""
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(DataError, match="holds no example"):
        read_examples(tmp_path / "empty.txt")
    with pytest.raises(DataError, match="could not be read"):
        read_examples(tmp_path / "none.txt")
