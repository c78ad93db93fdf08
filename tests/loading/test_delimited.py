from __future__ import annotations

import pytest

HEADER = "instruction,output\n"


def test_lines_of_the_wrong_length_are_named_and_the_others_load(read):
    """A line with a field too many or too few is reported by number, with both counts."""
    dataset = read("a.csv", HEADER + "a,b\na,b,c\n\na\nd,e\n")
    assert dataset.frame["prompt"].to_list() == ["a", "d"]
    (problem,) = dataset.problems
    assert problem.places == ("line 3: 3, not 2", "line 5: 1, not 2")
    assert (problem.count, problem.loaded, dataset.rows_read) == (2, False, 4)


def test_quoted_fields_hold_newlines_quotes_and_delimiters(read):
    """A quoted field is one cell, and the next line is numbered after it."""
    dataset = read("a.csv", HEADER + '"a\nb, ""c""",d\ne\n')
    assert dataset.rows.to_dicts() == [{"instruction": 'a\nb, "c"', "output": "d"}]
    assert dataset.problems[0].places == ("line 4: 1, not 2",)


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_in_silence(read):
    """The lines behind an open quote are reported as lost, not loaded as one cell."""
    dataset = read("a.csv", HEADER + 'a,b\nc,"d\ne,f\ng,h\n')
    assert dataset.frame["prompt"].to_list() == ["a"]
    assert dataset.problems[0].places == ("lines 3 to 5: a quote is opened and never closed",)


def test_text_behind_a_closing_quote_is_reported(read):
    """A cell that would lose its quotes or its rest is not loaded in another form."""
    dataset = read("a.csv", HEADER + '"a" b,c\nd,e\n')
    assert dataset.frame["prompt"].to_list() == ["d"]
    assert dataset.problems[0].places[0].startswith("line 2: ")


def test_blank_lines_above_the_header_are_skipped(read):
    """The header is the first line that says something; line numbers still count from the top."""
    dataset = read("a.csv", "\n \n,\n" + HEADER + "a,b\nc\n")
    assert dataset.rows.columns == ["instruction", "output"]
    assert dataset.problems[0].places == ("line 6: 1, not 2",)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("instruction,output,output\na,b,c\n", "names a column twice: output"),
        (HEADER, "Below the header line there is nothing"),
        (HEADER + "\n\n", "Below the header line there is nothing"),
        (HEADER + "a\nb\n", "The first problem: line 2: 1, not 2"),
        (HEADER + '"a,b\n', "The first problem: line 2: a quote is opened"),
        ('"a"b,c\nd,e\n', "no header line"),
        (",,\n,,\n", "no header line"),
        ("instruction;output\na;b\n", "Found: instruction;output"),
    ],
)
def test_a_table_without_a_usable_header_or_row_is_refused(refused, content, word):
    """Each says what is wrong and where."""
    assert word in refused("a.csv", content)


def test_nul_characters_and_very_long_cells_are_kept(read):
    """Neither a NUL nor a cell beyond the csv module's own limit breaks a file."""
    long = "x" * 300_000
    dataset = read("a.csv", HEADER + f"a\0b,{long}\n")
    assert dataset.rows.to_dicts() == [{"instruction": "a\0b", "output": long}]


def test_numbers_become_numbers_and_empty_cells_null(read):
    """A column of plain numbers is numeric, whole where all of them are."""
    dataset = read("a.csv", "instruction,output,k,f\na,b,1,0.5\nc,d,,1e-05\ne,f,-3,4\n")
    assert dataset.rows["k"].to_list() == [1, None, -3]
    assert dataset.rows["f"].to_list() == [0.5, 1e-05, 4.0]


@pytest.mark.parametrize("cell", ["007", "+5", "1_000", " 5", "n/a", "٣", "1e", "0x10", "inf", "9" * 25])
def test_a_column_that_numbers_would_alter_stays_text(read, cell):
    """Codes, padded and overlong numbers and words for nothing are kept as they are written."""
    dataset = read("a.csv", f"instruction,output,k\na,b,{cell}\nc,d,5\n")
    assert dataset.rows["k"].to_list() == [cell, "5"]


def test_texts_and_ids_are_never_read_as_numbers(read):
    """A prompt "1.50", a response "1e5" and an id "1.50" keep every character."""
    dataset = read("a.csv", "id,instruction,output\n1.50,1.50,1e5\n2,2,3\n")
    assert dataset.frame["prompt"].to_list() == ["1.50", "2"]
    assert dataset.frame["response"].to_list() == ["1e5", "3"]
    assert dataset.frame["id"].to_list() == ["1.50", "2"]


def test_a_column_without_a_name_is_kept_and_is_no_judge(read):
    """The index that pandas writes loads as a column; it scores nothing."""
    for name in ("", "Unnamed: 0"):
        dataset = read("a.csv", f"{name},instruction,output\n0,a,b\n1,c,d\n")
        assert dataset.rows.to_dicts()[1] == {name: 1, "instruction": "c", "output": "d"}
        assert not dataset.judges
