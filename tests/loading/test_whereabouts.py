"""Where a row stands in its file, found again by looking for its text in the file."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import zipfile

import numpy as np
import polars as pl
import pytest

from core.loading import load, place_of, without


def _row(name, **more):
    return {"id": name, "instruction": f"say {name}", "output": "said", **more}


def _line_of(text, name):
    """The line that holds a text, counted as an editor does."""
    return text[: text.index(name)].count("\n") + 1


def _json_lines(draw, names):
    """Rows between broken lines, blank lines and lines that are no object."""
    lines = [json.dumps(_row(names[0]))]
    for name in names[1:]:
        lines += draw.choices(["", "  ", "{broken", "5", "[]"], k=draw.choice([0, 0, 1, 3]))
        lines.append(json.dumps(_row(name)))
    return draw.choice(["\n", "\r\n"]).join(lines)


def _table(draw, names):
    """Rows whose answers have line breaks, between blank lines and lines of too few cells."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "instruction", "output"])
    for name in names:
        out.write(draw.choice(["", "", "\n", "too,few\n"]))
        writer.writerow([name, "ask", draw.choice(["a", "a\nb", 'a "b"\n\n\nc'])])
    return out.getvalue()


@pytest.mark.parametrize(("ending", "made"), [("jsonl", _json_lines), ("csv", _table)])
@pytest.mark.parametrize("seed", range(20))
def test_a_row_names_the_line_in_which_it_begins(read, ending, made, seed):
    """Whatever is broken, blank or runs over several lines before it."""
    draw = random.Random(seed)
    names = [f"r{number:03}x" for number in draw.sample(range(1000), 30)]
    text = made(draw, names)
    dataset = read(f"rows.{ending}", text)
    assert dataset.frame["id"].to_list() == names
    for position, name in enumerate(names):
        assert place_of(dataset, position) == f"line {_line_of(text, name)} of rows.{ending}"


@pytest.mark.parametrize("form", ["array", "under a key"])
def test_a_row_of_a_document_names_its_place_among_all_rows(read, form):
    """One that is no object is counted too, as the problem that names it counts."""
    rows = [_row("a"), 5, _row("b", output=""), None, _row("c")]
    told = rows if form == "array" else {"data": [row for row in rows if isinstance(row, dict)]}
    dataset = read("rows.json", json.dumps(told))
    numbers = (1, 3, 5) if form == "array" else (1, 2, 3)
    assert [place_of(dataset, at) for at in range(3)] == [f"row {number} of rows.json" for number in numbers]
    empty = next(problem for problem in dataset.problems if problem.kind == "empty responses")
    assert empty.places == (f"row {numbers[1]}",)


def test_parquet_and_packed_files_name_the_row_or_the_line(written, tmp_path):
    """A row of a table by its number; a line of what is packed, with the archive that holds it."""
    rows = [_row("a"), _row("b")]
    pl.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    text = "\n".join(map(json.dumps, rows))
    written("rows.jsonl.gz", gzip.compress(text.encode()))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("inner/rows.jsonl", text)
    assert place_of(load(tmp_path / "rows.parquet"), 1) == "row 2 of rows.parquet"
    assert place_of(load(tmp_path / "rows.jsonl.gz"), 1) == "line 2 of rows.jsonl.gz"
    assert place_of(load(tmp_path / "all.zip"), 1) == "line 2 of rows.jsonl in all.zip"


def test_rows_of_a_folder_name_their_file_and_stay_where_they_are_when_others_go(tmp_path):
    """After any rows are taken out, those that stay have the places that they had."""
    draw = random.Random(5)
    names = [f"r{number:03}x" for number in range(60)]
    texts = {
        f"{file}.jsonl": _json_lines(draw, names[at : at + 20])
        for file, at in zip("abc", (0, 20, 40), strict=True)
    }
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text.encode())
    whole = load(tmp_path)
    gone = np.array(sorted(draw.sample(range(60), 25)))
    for dataset in (whole, without(whole, gone)):
        for position, name in enumerate(dataset.frame["id"]):
            file, text = next((file, text) for file, text in texts.items() if name in text)
            assert place_of(dataset, position) == f"line {_line_of(text, name)} of {file}"


def test_what_is_found_after_reading_names_the_line(read):
    """Empty texts, ids that repeat and cells of another kind, behind a broken and a blank line."""
    rows = [_row("a", tag="x"), _row("a", tag=7), _row("b", output="", tag="y")]
    lines = [json.dumps(row) for row in rows]
    dataset = read("rows.jsonl", f"{lines[0]}\n{{broken\n\n{lines[1]}\n{lines[2]}\n")
    told = {problem.kind.split(",")[0]: problem.places for problem in dataset.problems}
    assert told["not text in the column tag"] == ("line 4",)
    assert told["empty responses"] == ("line 5",)
    assert next(places for kind, places in told.items() if kind.startswith("ids that")) == ("line 4",)


def test_places_are_no_part_of_what_a_dataset_is(read):
    """They stand beside the rows, and neither in those that are exported nor in those that are shown."""
    text = "\n".join(json.dumps(_row(name)) for name in "abc")
    dataset = read("rows.jsonl", text)
    assert dataset.places.columns == ["file", "unit", "number"]
    assert {"file", "unit", "number"}.isdisjoint([*dataset.rows.columns, *dataset.frame.columns])
    again = load(_copied(dataset.source))
    assert place_of(again, 0) == "line 1 of other.jsonl"
    assert (again.fingerprint, again.text_fingerprint) == (dataset.fingerprint, dataset.text_fingerprint)


def _copied(source):
    from pathlib import Path

    path = Path(source).with_name("other.jsonl")
    path.write_bytes(Path(source).read_bytes())
    return path
