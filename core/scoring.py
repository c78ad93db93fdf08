"""Columns become judges: read, joined, converted, looked at, and put beside the others."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import polars as pl

from core import indicator
from core.domain import Dataset, Judge, LostScores, Problem, ScoreColumn, ScoreFile, Scores
from core.errors import DataError, ParameterError, WinnowError
from core.loading.columns import with_numbers
from core.loading.judges import find_judges, judge, says_score
from core.loading.sources import expanded, read
from core.loading.whereabouts import places_of, shortly
from core.opening import files_named
from core.score_join import Match, joined, keys_of, match
from core.score_values import Converted, converted
from core.wording import counted

NO_JUDGES: Mapping[str, Judge] = MappingProxyType({})
VERSION = 1  # raised when the same decision would give other scores
EXAMPLES = 3  # rows that are shown before a judge is accepted
MOST_BARS = 24  # of a histogram
TOLD = 8  # columns of a dataset that an error names

Find = Callable[[ScoreColumn], Scores]
Join = Callable[[ScoreColumn, Mapping[str, Judge]], Scores]  # an aggregate, from all judges that are none


@dataclass(frozen=True, slots=True)
class Opened:
    """A file of scores: how it is joined, its rows, and what could not be read.

    verbatim: the rows as they stand in the file; in ``rows``, text that is all numbers is numbers.
    places: where each row stands, as ``Dataset.places``.
    """

    file: ScoreFile
    rows: pl.DataFrame = field(repr=False)
    verbatim: pl.DataFrame = field(repr=False)
    places: pl.DataFrame = field(repr=False)
    problems: tuple[Problem, ...] = ()

    @property
    def lost(self) -> str:
        """The rows of the file that could not be read, with their places; empty where all could."""
        lost = [each for each in self.problems if not each.loaded]
        places = "; ".join(place for each in lost for place in each.places)
        return f"{counted(sum(each.count for each in lost), 'row')} ({places})" if lost else ""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a decision would give, before it is accepted.

    judge: None where no row would be scored.
    counts: what became of the cells. odd: the first that say something else, each with its line or row.
    conflicting: keys that repeat in the file with different scores.
    match: how file and dataset meet; None for a column of the dataset itself.
    examples: (row of the dataset, cell as it stands there, score) of the first scored rows.
    lost: rows of the file that could not be read, in words.
    """

    column: ScoreColumn
    judge: Judge | None
    counts: Converted
    odd: tuple[str, ...]
    match: Match | None
    conflicting: int
    examples: tuple[tuple[int, str, float], ...]
    lost: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that is to be known before this is accepted, one sentence each."""
        return tuple(_said(self))


def open_scores(path: str | Path, *, by: str = "", key: str = "") -> Opened:
    """Read a file of scores of any readable kind; ``by`` and ``key`` as in ``ScoreFile``.

    Raises:
        DataError: the file cannot be read.
    """
    where = expanded(path)
    source = read(where)
    file = ScoreFile(name=where.name, sha256=source.sha256, by=by, key=key, path=str(where.absolute()))
    rows = source.rows if source.typed else with_numbers(source.rows, leave=())
    return Opened(file, rows, source.rows, places_of([where.name], [source]), source.problems)


def opened_again(file: ScoreFile, places: Iterable[Path] = ()) -> Opened:
    """The file of a decision, where it lay, in one of the folders or one level below, with the same content.

    Raises:
        DataError: it is not there, or its content is another.
    """
    name = Path(file.name).name
    at_first = [Path(file.path)] if file.path and Path(file.path).is_file() else []
    there = list(dict.fromkeys([*at_first, *files_named(name, places)]))
    for path in there:
        found = open_scores(path, by=file.by, key=file.key)
        if found.file.sha256 == file.sha256:
            return found
    if there:
        raise DataError(
            f"The score file {name} was altered: its sha256 is not {file.sha256[:12]}... any more.",
            "Put the file back as it was, or add it anew.",
        )
    raise DataError(f"The score file {name} is not there.", "Put it beside the dataset, or add it anew.")


def naming_column(dataset: Dataset, opened: Opened) -> str | None:
    """The column of a file whose texts are ids of the dataset, a different one in half of its rows or more.

    A column of grades is none, though every grade may be some row's id: it holds few different ones.
    """
    ids = keys_of(dataset.frame["id"]).implode()
    named = {
        column.name: int(keys_of(column).unique().is_in(ids).sum())
        for column in opened.rows.iter_columns()
        if column.dtype == pl.String or column.dtype.is_integer()
    }
    best = max(named, key=named.__getitem__, default=None)
    return best if best is not None and 0 < opened.rows.height <= 2 * named[best] else None


def matched(dataset: Dataset, opened: Opened) -> Match:
    """How the rows of a file and of a dataset meet.

    Raises:
        DataError: a column that there is not, or by position with another number of rows.
    """
    file, rows = opened.file, opened.rows.height
    if file.key:
        return match(*_keys(dataset, opened))
    if rows != len(dataset):
        raise DataError(
            f"{file.name} has {counted(rows, 'row')} and {dataset.name} {len(dataset):,}, "
            "so row by row they do not belong together.",
            "Join by a column that both have.",
        )
    if opened.lost:
        raise DataError(
            f"In {file.name} could not be read: {opened.lost}. So row by row no row is sure of its score.",
            "Mend the file, or join by a column that both have.",
        )
    return Match(rows=rows, matched=rows, file_rows=rows, unused=0)


def examine(dataset: Dataset, column: ScoreColumn, opened: Opened | None = None) -> Examined:
    """What a decision would give; ``opened`` is its file, where it is not to be read again.

    Raises:
        DataError: the file cannot be read or joined, or has no such column.
    """
    if column.file is not None and opened is None:
        opened = opened_again(column.file)
    met = None if opened is None else matched(dataset, opened)
    rows, name = (dataset.rows, dataset.name) if opened is None else (opened.rows, opened.file.name)
    made = is_indicator(dataset, column)
    cells = pl.Series(indicator.of(dataset)).fill_nan(None) if made else _column(rows, column.column, name)
    counts = converted(cells, column)
    scores, conflicting = counts.scores, 0
    if opened is not None and opened.file.key:
        keys, file_keys = _keys(dataset, opened)
        scores, conflicting = joined(keys, file_keys, counts.scores)
        shown = _cells_by_key(keys, file_keys, cells)
    else:
        shown = cells
    is_scored = not np.isnan(scores).all()
    found = judge(column.name, scores) if is_scored else None
    places = dataset.places if opened is None else opened.places
    odd = tuple(f"{shortly(places, row)}: {cell!r}" for row, cell in counts.first)
    return Examined(
        column, found, counts, odd, met, conflicting, _examples(scores, shown), opened.lost if opened else ""
    )


def with_scores(
    dataset: Dataset,
    columns: Sequence[ScoreColumn],
    find: Find | None = None,
    join: Join | None = None,
    *,
    beside: Mapping[str, Judge] = NO_JUDGES,
) -> Dataset:
    """The dataset with what was decided about its judges, in sequence; those of the file alone without any.

    A judge whose scores cannot be found is left out and stands in ``Dataset.lost`` with the reason.

    Args:
        dataset: with or without earlier decisions, which are forgotten.
        columns: the decisions; a later one about the same name takes the place of an earlier one.
        find: how scores are come by; None: by reading and joining.
        join: how aggregates are made, after all others; None: they are lost.
        beside: judges of elsewhere; a column or a decision of the same name goes before them.
    """
    judges, named = found_judges(dataset), {each.name for each in columns}
    judges |= {name: each for name, each in beside.items() if name not in named | judges.keys()}
    lost = _carried_out(judges, columns, find or (lambda column: scores_of(dataset, column)), join)
    return replace(
        dataset,
        judges=judges,
        scores=tuple(columns),
        lost=lost,
        judges_digest=_digest(judges.values()) if columns or beside else "",
    )


def _carried_out(
    judges: dict[str, Judge], columns: Sequence[ScoreColumn], find: Find, join: Join | None
) -> tuple[LostScores, ...]:
    """Change ``judges`` as decided; the decisions that cannot be carried out, with the reason."""
    lost: list[LostScores] = []
    single = judges
    for column in sorted(columns, key=lambda each: bool(each.rule)):
        if column.off:
            judges.pop(column.name, None)
            continue
        if column.rule and single is judges:
            single = dict(judges)  # an aggregate of aggregates would count a judge twice
        try:
            scores = _joined_by(column, single, join) if column.rule else find(column)
            judges[column.name] = judge(column.name, scores)
        except WinnowError as error:
            judges.pop(column.name, None)
            lost.append(LostScores(column, str(error).replace("\n", " ")))
    return tuple(lost)


def _joined_by(column: ScoreColumn, judges: Mapping[str, Judge], join: Join | None) -> Scores:
    missing = [name for name in column.of if name not in judges]
    if missing or join is None:
        raise DataError(
            f"{', '.join(missing) or 'A judge'} is no judge any more, and {column.name} is made of it.",
            "Switch it on again, or take the aggregate away.",
        )
    scores = join(column, judges)
    if np.isnan(scores).all():
        raise DataError(
            f"No row was scored by enough of the judges of {column.name}.", "Choose judges that share rows."
        )
    return scores


def scores_of(dataset: Dataset, column: ScoreColumn, places: Iterable[Path] = ()) -> Scores:
    """(n,) the scores of one decision.

    Raises:
        DataError: its file or its column is not there, or it scores no row.
    """
    opened = None if column.file is None else opened_again(column.file, places)
    found = examine(dataset, column, opened)
    if found.judge is None:
        raise DataError(
            f"The column {column.column} gives no row a score.", "Choose another column or another join."
        )
    return found.judge.scores


def found_judges(dataset: Dataset) -> dict[str, Judge]:
    """The judges that loading finds by itself."""
    return find_judges(dataset.rows.drop({column for _, column in dataset.mapping.columns}, strict=False))


def suggested(opened: Opened) -> tuple[ScoreColumn, ...]:
    """The columns of a file that look like scores, as they are.

    In a file of scores a column of fractions is one whatever its name, unless the name says otherwise.
    """
    rows = opened.rows.drop(opened.file.key, strict=False)
    found = find_judges(rows)
    names = [
        column.name
        for column in rows.iter_columns()
        if column.name in found
        or (column.dtype.is_float() and column.n_unique() > 1 and says_score(column.name) is not False)
    ]
    return tuple(ScoreColumn(name=name, column=name, file=opened.file) for name in names)


def histogram(found: Judge) -> pl.DataFrame:
    """score | rows: each grade where there are few, else even parts of the range by their lower ends."""
    scores = found.scores[~np.isnan(found.scores)]
    levels, rows = np.unique(scores, return_counts=True)
    if len(levels) > MOST_BARS:
        rows, edges = np.histogram(scores, bins=MOST_BARS)
        levels = edges[:-1]
    shown = [float(f"{level:.4g}") for level in levels]
    return pl.DataFrame({"score": shown, "rows": rows})


def is_indicator(dataset: Dataset, column: ScoreColumn) -> bool:
    """Whether a decision means the offline indicator: no column of the dataset has its name."""
    own = column.column in dataset.rows.columns
    return column.file is None and column.column == indicator.COLUMN and not own


def decided(columns: Sequence[ScoreColumn], new: Sequence[ScoreColumn]) -> tuple[ScoreColumn, ...]:
    """The decisions with further ones; the last word about a name counts."""
    names = {each.name for each in new}
    if len(names) < len(new):
        raise ParameterError("Two columns would become judges of one name.", "Give each a name of its own.")
    return (*(each for each in columns if each.name not in names), *new)


def key_of(column: ScoreColumn) -> str:
    """A text that names everything that the scores of a decision depend on, beside the dataset."""
    return repr(dataclasses.replace(column, file=column.file and replace(column.file, path="")))


def _keys(dataset: Dataset, opened: Opened) -> tuple[pl.Series, pl.Series]:
    file = opened.file
    mine = _column(dataset.frame, file.by, dataset.name)
    return keys_of(mine), keys_of(_column(opened.verbatim, file.key, file.name))


def _column(rows: pl.DataFrame, name: str, where: str) -> pl.Series:
    if name not in rows.columns:
        others = ", ".join(rows.columns[:TOLD])
        raise DataError(f"There is no column {name!r} in {where}.", f"Columns: {others}.")
    return rows[name]


def _cells_by_key(keys: pl.Series, file_keys: pl.Series, cells: pl.Series) -> pl.Series:
    """(n,) the first cell of each key, for examples."""
    given = pl.DataFrame({"key": file_keys, "place": range(len(cells))}).drop_nulls("key")
    first = given.unique("key", keep="first")
    places = pl.DataFrame({"key": keys}).join(first, on="key", how="left", maintain_order="left")["place"]
    return cells.gather(places)


def _examples(scores: Scores, cells: pl.Series) -> tuple[tuple[int, str, float], ...]:
    rows = pl.Series(scores).is_not_nan().arg_true().head(EXAMPLES)
    return tuple((int(row), str(cells[int(row)]), float(str(scores[row]))) for row in rows)


def _digest(judges: Iterable[Judge]) -> str:
    digest = hashlib.sha256()
    for each in judges:
        digest.update(f"{len(each.name)} {each.name} {len(each.scores)}".encode())
        digest.update(each.scores.tobytes())
    return digest.hexdigest()


def _said(found: Examined) -> Iterable[str]:
    met, counts = found.match, found.counts
    if met is not None:
        yield from match_sentences(met)
    if found.lost:
        yield f"Not read of the file: {found.lost}."
    if found.conflicting:
        yield f"Keys that repeat with different scores: {found.conflicting:,}; their rows stay unscored."
    if counts.empty:
        yield f"Empty cells: {counts.empty:,}."
    if counts.odd:
        what = "without a label" if found.column.labels else "that hold no number"
        yield f"Cells {what}: {counts.odd:,} ({'; '.join(found.odd)})."
    if counts.declared:
        numbers = ", ".join(f"{each:g}" for each in found.column.unscored)
        yield f"Cells declared as unscored ({numbers}): {counts.declared:,}."
    if counts.outside and found.column.scale:
        low, high = found.column.scale[:2]
        yield f"Scores outside of {low:g} to {high:g}, continued on the same line: {counts.outside:,}."
    yield _said_of_judge(found.judge)


def match_sentences(met: Match) -> Iterator[str]:
    """How a file and a dataset meet, in sentences."""
    share = met.matched / met.rows if met.rows else 0.0
    rows = counted(met.rows, "row")
    yield f"{met.matched:,} of {rows} matched ({share:.1%}); {met.without:,} without a match."
    if met.unused:
        yield f"Rows of the file without a match: {met.unused:,}."
    if met.repeated:
        yield f"Keys that stand in more than one row of the file: {met.repeated:,}."
    if met.blank:
        yield f"Rows of the file without a key: {met.blank:,}."


def _said_of_judge(found: Judge | None) -> str:
    if found is None:
        return "No row would be scored."
    step = "continuous" if found.step is None else f"in steps of {found.step:g}"
    return (
        f"{found.scored:,} scored, {found.unscored:,} unscored, from {found.low:g} to {found.high:g}, {step}."
    )
