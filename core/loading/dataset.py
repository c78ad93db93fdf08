"""The parts of loading joined: source, schema, ids, judges, problems, fingerprints."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from core.domain import EMBED_CHOICES, JUDGED_CHOICES, Dataset, Piece, Problem, SchemaMapping
from core.errors import DataError
from core.loading import boilerplate
from core.loading.columns import one_by_one, with_numbers
from core.loading.folders import Files, located, read_located
from core.loading.judges import find_judges
from core.loading.places import PLACES
from core.loading.schemas import as_texts, best, blank, checked, proposed, schema, written
from core.loading.schemas.schema import Canonical
from core.loading.sources import Source
from core.loading.whereabouts import in_files

CANONICAL_VERSION = 2  # raised when the same file would give other prompts, responses or ids
PAIRED = ("rejected", "chosen_turns")
CANONICAL = ("id", "prompt", "response", "system", "messages", "tools", *PAIRED, "turn_fields")
LINE_BREAK = "[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]"  # ids are written one a line
HASHED_AT_ONCE = 50_000  # rows whose whole text is held beside the others


def load(
    path: str | Path | Files,
    mapping: SchemaMapping | None = None,
    *,
    embed: str = EMBED_CHOICES[0],
    keep: Collection[str] = (),
    left_out: Sequence[Piece] | None = None,
    judged: str = JUDGED_CHOICES[0],
) -> Dataset:
    """Read a file of instruction data, or several as one.

    Args:
        path: a file of any readable kind, a folder of them, or ``folder:split``.
        mapping: the schema and its columns; None: those that are recognised.
        embed: what becomes ``prompt`` where a row has several turns: one of ``EMBED_CHOICES``.
        keep: keys of shared pieces that are embedded all the same; ``KEEP_ALL`` among them: every one.
        left_out: exactly these pieces are left out, as a recipe says; None: those that are found.
        judged: what a judge will read: one of ``JUDGED_CHOICES``.

    Raises:
        DataError: the file cannot be read, is of no known shape, or has not the columns of the mapping.
    """
    _check_judged(judged)
    found = located(path)
    source, places = read_located(found)
    mapping = best(source.rows) if mapping is None else checked(mapping, source.rows.columns)
    used = {column for _, column in mapping.columns}
    rows = source.rows if source.typed else with_numbers(source.rows, leave={*used, "id"})
    made = schema(mapping.schema).canonical(rows, mapping)
    dataset = _assembled(found, source._replace(rows=rows), mapping, made, places=places, embed=embed)
    shared = boilerplate.look(dataset.frame["prompt"], dataset.frame["system"], keep=keep, left_out=left_out)
    return replace(_without(dataset, shared), judged=judged)


def _assembled(
    found: Path | Files,
    source: Source,
    mapping: SchemaMapping,
    made: Canonical,
    *,
    places: pl.DataFrame,
    embed: str,
) -> Dataset:
    """The dataset of some rows and what its schema made of them."""
    canonical, rows = made.frame, source.rows
    ids, unusable = _ids(rows, canonical)
    problems = in_files((*unusable, *made.problems, *_empties(canonical, mapping)), places)
    texts = embedded(canonical, embed)
    again = [] if texts.equals(canonical["prompt"]) else [embed]
    own = {column.name: column for column in rows.iter_columns() if column.name not in CANONICAL}
    frame = pl.DataFrame({"id": ids, **_whole(canonical).to_dict(), **own, "prompt": texts})
    return Dataset(
        name=found.name,
        source=str(found) if isinstance(found, Path) else found.source,
        schema=mapping.schema,
        frame=frame,
        rows=rows,
        judges=find_judges(rows.drop([column for _, column in mapping.columns], strict=False)),
        places=places,
        problems=(*source.problems, *problems),
        rows_read=source.rows_read,
        fingerprint=text_digest([source.digest, *_reading(mapping, rows, canonical), *again]),
        text_fingerprint=text_digest(one_by_one(texts)),
        sha256=source.sha256,
        mapping=mapping,
        embed=embed,
    )


def _without(dataset: Dataset, shared: boilerplate.Shared) -> Dataset:
    """The dataset that embeds its prompts without some pieces; where nothing is cut, its digests stay."""
    found = replace(
        dataset,
        boilerplate=shared.found,
        left_out=shared.left_out,
        problems=(*dataset.problems, *shared.problems),
    )
    if not shared.named:
        return found
    texts = boilerplate.without(dataset.frame["prompt"], shared.left_out)
    return replace(
        found,
        fingerprint=text_digest([dataset.fingerprint, *shared.named]),
        text_fingerprint=text_digest(one_by_one(texts)),
    )


def _check_judged(judged: str) -> None:
    if judged not in JUDGED_CHOICES:
        raise DataError(
            f"There is no choice {judged!r} of what is judged.", f"Choices: {', '.join(JUDGED_CHOICES)}."
        )


def embedded(canonical: pl.DataFrame, embed: str) -> pl.Series:
    """(n,) the text of each row that is embedded; turns are divided by a blank line.

    Raises:
        DataError: there is no such choice.
    """
    if embed not in EMBED_CHOICES:
        raise DataError(
            f"There is no choice {embed!r} of what to embed.", f"Choices: {', '.join(EMBED_CHOICES)}."
        )
    if embed == EMBED_CHOICES[0]:
        return canonical["prompt"]
    role, said = (pl.element().struct.field(name) for name in ("role", "content"))
    wanted = role == "user" if embed == "all-user" else ~role.is_in(("system", "developer"))
    texts = (
        pl.col("messages").list.eval(said.filter(wanted & (said.str.strip_chars() != ""))).list.join("\n\n")
    )
    whole = pl.when(texts == "").then("prompt").otherwise(texts)
    return canonical.select(whole.alias("prompt")).to_series()


def _whole(canonical: pl.DataFrame) -> pl.DataFrame:
    """The canonical columns in their order; ``tools`` is there even where no row has any."""
    if "tools" not in canonical.columns:
        canonical = canonical.with_columns(pl.lit(None, dtype=pl.String).alias("tools"))
    return canonical.select(name for name in CANONICAL if name in canonical.columns)


def _reading(mapping: SchemaMapping, rows: pl.DataFrame, canonical: pl.DataFrame) -> list[str]:
    """What tells one reading of a file from another; an Alpaca file's own names need no mapping."""
    plain = mapping.schema == "alpaca" and mapping == proposed(rows, "alpaca")
    divided = mapping.schema == "text" and bool((canonical["response"] != "").any())
    parts = [*([] if plain else [written(mapping)]), *(["divided"] if divided else [])]
    return [mapping.schema, str(CANONICAL_VERSION), *parts]


def _ids(rows: pl.DataFrame, canonical: pl.DataFrame) -> tuple[pl.Series, tuple[Problem, ...]]:
    """The file's own ids where they are unique and fit on a line each, else hashes of the content."""
    if "id" not in rows.columns or rows["id"].dtype.is_nested():
        return _content_ids(canonical), ()
    own = as_texts(rows["id"]).alias("id")
    fits = ((own.str.strip_chars() != "") & ~own.str.contains(LINE_BREAK)).fill_null(value=False)
    unusable = (~(fits & own.is_first_distinct())).arg_true()
    if not len(unusable):
        return own, ()
    kind = "ids that are missing, repeat or hold a line break, so every id is a content hash instead"
    first = tuple(f"row {row + 1}" for row in unusable.head(PLACES))
    return _content_ids(canonical), (Problem(kind, len(unusable), first),)


def _content_ids(canonical: pl.DataFrame) -> pl.Series:
    """16 hexadecimal digits of the messages' sha256; repeats of a content are numbered from 2."""
    parts = canonical.iter_slices(HASHED_AT_ONCE)
    texts = (text for part in parts for text in _message_texts(part["messages"]))
    hashes = pl.Series("hash", [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts])
    times = pl.int_range(1, pl.len() + 1).over("hash")
    numbered = pl.concat_str("hash", times.cast(pl.String), separator="-")
    chosen = pl.when(times == 1).then("hash").otherwise(numbered)
    return pl.DataFrame([hashes]).select(chosen.alias("id")).to_series()


def _message_texts(messages: pl.Series) -> pl.Series:
    """The roles and contents of each row in one text, each content preceded by its length in bytes."""
    role, said = (pl.element().struct.field(name) for name in ("role", "content"))
    turn = pl.concat_str(role, said.str.len_bytes().cast(pl.String), said, separator="\x1f")
    whole = pl.col("messages").list.eval(turn).list.join("\x1f")
    return pl.DataFrame([messages.alias("messages")]).select(whole).to_series()


def _empties(canonical: pl.DataFrame, mapping: SchemaMapping) -> tuple[Problem, ...]:
    problems = []
    kinds = {"prompt": "empty prompts", "response": "empty responses"}
    if mapping.schema == "text" and (canonical["response"] == "").all():  # no response at all, which is said
        del kinds["response"]
    for name, kind in kinds.items():
        empty = canonical.select(blank(name)).to_series().arg_true()
        if len(empty):
            places = tuple(f"row {position + 1}" for position in empty.head(5))
            problems.append(Problem(kind, len(empty), places))
    return tuple(problems)


def text_digest(texts: Iterable[str]) -> str:
    """sha256 of a sequence of texts; each is preceded by its length, so no two sequences collide."""
    digest = hashlib.sha256()
    for text in texts:
        content = text.encode()
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()
