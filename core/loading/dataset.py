"""The parts of loading joined: source, schema, ids, judges, problems, fingerprints."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from core.domain import Dataset, Problem
from core.errors import DataError
from core.loading.columns import with_numbers
from core.loading.judges import find_judges
from core.loading.schemas import as_texts, recognise
from core.loading.sources import expanded, read

CANONICAL_VERSION = 2  # raised when the same file would give other prompts, responses or ids
CANONICAL = ("id", "prompt", "response", "system", "messages")
LINE_BREAK = "[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]"  # ids are written one a line


def load(path: str | Path) -> Dataset:
    """Read a file of instruction data.

    Raises:
        DataError: the file cannot be read, or its columns are of no known shape.
    """
    path = expanded(path)
    source = read(path)
    if not source.rows.height:
        raise DataError(f"{path.name} has no rows.", "Choose a file with rows in it.")
    schema = recognise(source.rows)
    rows = source.rows if source.typed else with_numbers(source.rows, leave={*schema.uses, "id"})
    canonical = schema.canonical(rows)
    ids, unusable = _ids(rows, canonical)
    own = {column.name: column for column in rows.iter_columns() if column.name not in CANONICAL}
    frame = pl.DataFrame({"id": ids, **canonical.to_dict(), **own})
    return Dataset(
        name=path.name,
        source=str(path),
        schema=schema.name,
        frame=frame,
        rows=rows,
        judges=find_judges(rows.drop(schema.uses, strict=False)),
        problems=(*source.problems, *unusable, *schema.problems(rows), *_empties(canonical)),
        rows_read=source.rows_read,
        fingerprint=_digest([source.digest, schema.name, str(CANONICAL_VERSION)]),
        text_fingerprint=_digest(frame["prompt"].to_list()),
        sha256=source.sha256,
    )


def _ids(rows: pl.DataFrame, canonical: pl.DataFrame) -> tuple[pl.Series, tuple[Problem, ...]]:
    """The file's own ids where they are unique and fit on a line each, else hashes of the content."""
    if "id" not in rows.columns or rows["id"].dtype.is_nested():
        return _content_ids(canonical), ()
    own = as_texts(rows["id"]).alias("id")
    usable = own.filter((own.str.strip_chars() != "") & ~own.str.contains(LINE_BREAK))
    unusable = own.len() - usable.n_unique()
    if not unusable:
        return own, ()
    kind = "ids that are missing, repeat or hold a line break, so every id is a content hash instead"
    return _content_ids(canonical), (Problem(kind, unusable),)


def _content_ids(canonical: pl.DataFrame) -> pl.Series:
    """16 hexadecimal digits of the messages' sha256; repeats of a content are numbered from 2."""
    turns = canonical.select("messages").with_row_index("row").explode("messages").unnest("messages")
    size = pl.col("content").str.len_bytes().cast(pl.String)
    turn = pl.concat_str("role", size, "content", separator="\x1f")
    whole = turns.group_by("row", maintain_order=True).agg(turn.str.join("\x1f").alias("text"))["text"]
    hashes = pl.Series("hash", [hashlib.sha256(text.encode()).hexdigest()[:16] for text in whole])
    times = pl.int_range(1, pl.len() + 1).over("hash")
    numbered = pl.concat_str("hash", times.cast(pl.String), separator="-")
    chosen = pl.when(times == 1).then("hash").otherwise(numbered)
    return pl.DataFrame([hashes]).select(chosen.alias("id")).to_series()


def _empties(canonical: pl.DataFrame) -> tuple[Problem, ...]:
    problems = []
    for name, kind in (("prompt", "empty prompts"), ("response", "empty responses")):
        empty = (canonical[name].str.strip_chars() == "").arg_true()
        if len(empty):
            places = tuple(f"row {position + 1}" for position in empty.head(5))
            problems.append(Problem(kind, len(empty), places))
    return tuple(problems)


def _digest(texts: Sequence[str]) -> str:
    """sha256 of a sequence of texts; each is preceded by its length, so no two sequences collide."""
    digest = hashlib.sha256()
    for text in texts:
        content = text.encode()
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()
