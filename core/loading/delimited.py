"""CSV and TSV: every cell is text, every line that does not fit the header is named."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from core.errors import DataError
from core.loading.parts import texts_in_parts
from core.loading.places import Places, Read, decoded_in_parts


def read_delimited(name: str, pieces: Iterable[bytes], delimiter: str) -> Read:
    """The rows as text, the problems, and the line that each row begins in.

    The bytes are read as they come, and no more of them is held than a piece and a line that goes on.

    Raises:
        DataError: no header, a column named twice, or no line that fits the header.
    """
    found = Places("line")
    lines = _lines(decoded_in_parts(pieces, found), delimiter, found)
    header = next((cells for _, _, cells in lines if any(cell.strip() for cell in cells)), None)
    if header is None or found.lost:
        hint = found.first() or "The first line is to name the columns."
        raise DataError(f"{name} has no header line that can be read.", hint)
    if len(set(header)) < len(header):
        repeated = ", ".join(column for column, times in Counter(header).items() if times > 1)
        raise DataError(f"{name} names a column twice: {repeated}.", "Give every column its own name.")

    def records() -> Iterator[list[str]]:
        for first, last, cells in lines:
            if len(cells) == len(header):
                found.numbers.append(first)
                yield cells
            elif cells:
                counts = f"{len(cells)}, not {len(header)}"
                found.lose("wrong number of fields", f"{_span(first, last)}: {counts}")

    rows = texts_in_parts(header, records())
    if rows is None:
        hint = found.first() or "Below the header line there is nothing."
        raise DataError(f"{name} has no row that can be read.", hint)
    return found.read(rows)


def _lines(texts: Iterable[str], delimiter: str, found: Places) -> Iterator[tuple[int, int, list[str]]]:
    """(first line, last line, cells) of every well-formed line; a blank line has no cells."""
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(chain.from_iterable(_split(texts)), delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as cause:
            found.lose("broken line", f"{_span(first, reader.line_num)}: {_reason(cause)}")
        else:
            yield first, reader.line_num, cells


def _split(texts: Iterable[str]) -> Iterator[Iterable[str]]:
    r"""The lines of a text in pieces, with their ends: \n, \r and \r\n, which a quoted cell may hold."""
    begun: list[str] = []  # a line whose end has not been seen
    for text in texts:
        end = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1  # a last \r may be half of \r\n
        if end:
            yield io.StringIO("".join([*begun, text[:end]]), newline="")
            begun = []
        begun.append(text[end:])
    yield io.StringIO("".join(begun), newline="")


def _span(first: int, last: int) -> str:
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _reason(cause: csv.Error) -> str:
    if "end of data" in str(cause):
        return "a quote is opened and never closed"
    return str(cause)
