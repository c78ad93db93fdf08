"""The parts of loading joined: source, schema, ids, judges, problems, fingerprints."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from core.domain import Dataset, Problem
from core.errors import DataError
from core.loading.judges import find_judges
from core.loading.schemas import recognise
from core.loading.sources import read

CANONICAL_VERSION = 1  # raised when the same file would give other prompts, responses or ids
CANONICAL = ("id", "prompt", "response", "system", "messages")


def load(path: str | Path) -> Dataset:
    """Read a file of instruction data.

    Raises:
        DataError: the file cannot be read, or its columns are of no known shape.
    """
    path = Path(path).expanduser()
    source = read(path)
    if not source.rows.height:
        raise DataError(f"{path.name} has no rows.", "Choose a file with rows in it.")
    schema = recognise(source.rows)
    canonical = schema.canonical(source.rows)
    ids, repeated = _ids(source.rows, canonical)
    own = source.rows.select(name for name in source.rows.columns if name not in CANONICAL)
    frame = pl.DataFrame([ids, *canonical.iter_columns(), *own.iter_columns()])
    return Dataset(
        name=path.name,
        source=str(path),
        schema=schema.name,
        frame=frame,
        rows=source.rows,
        judges=find_judges(source.rows),
        problems=(*source.problems, *repeated, *_empties(canonical)),
        rows_read=source.rows_read,
        fingerprint=_digest([source.digest, schema.name, str(CANONICAL_VERSION)]),
        text_fingerprint=_digest(frame["prompt"].to_list()),
    )


def _ids(rows: pl.DataFrame, canonical: pl.DataFrame) -> tuple[pl.Series, tuple[Problem, ...]]:
    """The file's own ids where they are unique, else hashes of the content."""
    if "id" in rows.columns and not rows["id"].dtype.is_nested():
        own = rows["id"].cast(pl.String)
        spoiled = own.null_count() + own.len() - own.null_count() - own.drop_nulls().n_unique()
        if not spoiled:
            return own.alias("id"), ()
        kind = "ids that are missing or repeat, so every id is a content hash instead"
        return _content_ids(canonical), (Problem(kind, spoiled),)
    return _content_ids(canonical), ()


def _content_ids(canonical: pl.DataFrame) -> pl.Series:
    """16 hexadecimal digits of the content's sha256; repeats of a content are numbered from 2."""
    joined = canonical.select(pl.concat_str("system", "prompt", "response", separator="\x1f")).to_series()
    hashes = pl.Series("hash", [hashlib.sha256(text.encode()).hexdigest()[:16] for text in joined])
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
        content = text.encode(errors="surrogatepass")
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()
