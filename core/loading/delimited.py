"""CSV and TSV: every cell is text, every line that does not fit the header is named."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from core.domain import Problem
from core.errors import DataError
from core.loading.columns import frame_of
from core.loading.places import Places, decoded


def read_delimited(
    name: str, content: bytes, delimiter: str
) -> tuple[pl.DataFrame, tuple[Problem, ...], int]:
    """The rows as text, the problems, and how many rows the file holds, loaded or not.

    Raises:
        DataError: no header, a column named twice, or no line that fits the header.
    """
    found = Places()
    lines = _lines(decoded(content, found), delimiter, found)
    header = next((cells for _, cells in lines if any(cell.strip() for cell in cells)), None)
    if header is None or found.lost:
        hint = found.first() or "The first line is to name the columns."
        raise DataError(f"{name} has no header line that can be read.", hint)
    if len(set(header)) < len(header):
        repeated = ", ".join(column for column, times in Counter(header).items() if times > 1)
        raise DataError(f"{name} names a column twice: {repeated}.", "Give every column its own name.")
    records: list[dict[str, Any]] = []
    for place, cells in lines:
        if len(cells) == len(header):
            records.append(dict(zip(header, cells, strict=True)))
        elif cells:
            found.lose("wrong number of fields", f"{place}: {len(cells)}, not {len(header)}")
    if not records:
        hint = found.first() or "Below the header line there is nothing."
        raise DataError(f"{name} has no row that can be read.", hint)
    rows, mixed = frame_of(records)
    return rows, (*found.problems(), *mixed), len(records) + found.lost


def _lines(text: str, delimiter: str, found: Places) -> Iterator[tuple[str, list[str]]]:
    """(place, cells) of every well-formed line; a blank line has no cells."""
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as cause:
            found.lose("broken line", f"{_span(first, reader.line_num)}: {_reason(cause)}")
        else:
            yield _span(first, reader.line_num), cells


def _span(first: int, last: int) -> str:
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _reason(cause: csv.Error) -> str:
    if "end of data" in str(cause):
        return "a quote is opened and never closed"
    return str(cause)
