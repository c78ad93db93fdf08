"""The flags of the command line that say which columns are judges, of the data or of another file."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from core import scoring
from core.aggregates import RULES, title_of
from core.domain import ScoreColumn
from core.errors import ParameterError
from core.project import Project
from core.score_values import checked

BY_POSITION = "position"
LOWER = "lower-is-better"
SPELLING = f"NAME=COLUMN[,scale=1..10:0..5][,{LOWER}][,label=good:1]...[,unscored=-1]..."
AGGREGATE = "[NAME=]RULE[:JUDGE,JUDGE...]"
SETTING = re.compile(rf"({LOWER}$|(scale|label|unscored)=)")


def add(command: argparse.ArgumentParser) -> None:
    """Scores in another file, and columns that are judges or are none."""
    command.add_argument("--scores", type=Path, metavar="FILE", help="another file that holds scores")
    command.add_argument(
        "--scores-by",
        default="id",
        metavar="COLUMN",
        help=f"of the dataset, by which that file is joined: id, prompt, one of its own, COLUMN=COLUMN where "
        f"the file calls it otherwise, or {BY_POSITION}",
    )
    command.add_argument(
        "--judge-column", action="append", default=[], metavar="SPEC", help=f"a judge: {SPELLING}"
    )
    command.add_argument(
        "--no-judge", action="append", default=[], metavar="NAME", help="a column that is none"
    )
    command.add_argument(
        "--aggregate", action="append", default=[], metavar="SPEC",
        help=f"judges joined to one: {AGGREGATE}; RULE is one of {', '.join(RULES)}; without judges, all",
    )  # fmt: skip
    command.add_argument(
        "--keep-scores", action="store_true", help="keep these judges with the dataset, as the app does"
    )


def judged(project: Project, options: argparse.Namespace, say: Callable[[str], None]) -> Project:
    """The project with the judges that the flags name.

    Raises:
        ParameterError: a flag names a column or a judge that there is not, or cannot be read.
        DataError: the file of scores cannot be read.
    """
    file = None if options.scores is None else _joined(options.scores, options.scores_by)
    new = [judge_column(text, project, file) for text in options.judge_column]
    if file is not None and not new:
        new = list(scoring.suggested(file))
        if not new:
            raise ParameterError(
                f"No column of {file.file.name} looks like a score.",
                f"Name one with --judge-column {SPELLING}.",
            )
    new += [aggregate(text, project, new) for text in options.aggregate]
    off = [ScoreColumn(name=name, off=True) for name in options.no_judge]
    _refuse_unknown(project, off)
    if not new and not off:
        return project
    for each in new:
        if each.rule:
            continue
        examined = project.examine_scores(each, file if each.file else None)
        say(f"judge {each.name}: {' '.join(examined.sentences)}")
    columns = scoring.decided(project.scores, [*new, *off])
    return project.keep_scores(columns) if options.keep_scores else _without_keeping(project, columns)


def _without_keeping(project: Project, columns: Sequence[ScoreColumn]) -> Project:
    judged = project.with_scores(columns)
    if judged.dataset.lost:
        first = judged.dataset.lost[0]
        raise ParameterError(f"The judge {first.column.name} cannot be read.", first.why)
    return judged


def _refuse_unknown(project: Project, off: Sequence[ScoreColumn]) -> None:
    for each in off:
        if each.name not in project.judges:
            raise ParameterError(
                f"There is no judge {each.name!r} to leave out.", f"Judges: {', '.join(project.judges)}."
            )


def _joined(path: Path, by: str) -> scoring.Opened:
    """The file of scores with its join: by position, or column = column."""
    if by == BY_POSITION:
        return scoring.open_scores(path)
    mine, _, theirs = by.partition("=")
    return scoring.open_scores(path, by=mine, key=theirs or mine)


def judge_column(text: str, project: Project, file: scoring.Opened | None) -> ScoreColumn:
    """A decision as it is typed; its column is the score file's, where that has one of the name.

    Raises:
        ParameterError: it is not spelled as ``SPELLING`` has it.
    """
    name, equals, rest = text.partition("=")
    parts = rest.split(",")
    first = next((place for place, part in enumerate(parts) if place and SETTING.match(part)), len(parts))
    own = ",".join(parts[:first])
    if not equals or not own:
        raise ParameterError(f"{text!r} names no column.", f"Write {SPELLING}.")
    in_file = file is not None and own in file.rows.columns
    if file is not None and not in_file and own not in project.dataset.rows.columns:
        columns = ", ".join(file.rows.columns[: scoring.TOLD])
        raise ParameterError(f"There is no column {own!r} in {file.file.name}.", f"Columns: {columns}.")
    column = ScoreColumn(name=name, column=own, file=file.file if file is not None and in_file else None)
    for part in parts[first:]:
        column = _with_setting(column, part)
    return checked(column)


def aggregate(text: str, project: Project, new: Sequence[ScoreColumn]) -> ScoreColumn:
    """An aggregate as it is typed; ``new``: judges that are typed beside it.

    Raises:
        ParameterError: it is not spelled as ``AGGREGATE`` has it, or names a judge that is none.
    """
    named, _, listed = text.partition(":")
    name, equals, rule = named.rpartition("=")
    made = {each.name for each in project.scores if each.rule}
    known = [each for each in project.judges if each not in made]
    known += [each.name for each in new if not each.rule and each.name not in known]
    of = tuple(listed.split(",")) if listed else tuple(known)
    unknown = [each for each in of if each not in known]
    if unknown:
        raise ParameterError(f"There is no judge {unknown[0]!r} to join.", f"Judges: {', '.join(known)}.")
    return checked(ScoreColumn(name=name if equals else title_of(rule, of), rule=rule, of=of))


def _with_setting(column: ScoreColumn, part: str) -> ScoreColumn:
    """The decision with one of its settings.

    Raises:
        ParameterError: it cannot be read.
    """
    word, _, value = part.partition("=")
    try:
        if part == LOWER:
            return replace(column, invert=True)
        if word == "unscored":
            return replace(column, unscored=(*column.unscored, float(value)))
        if word == "label":
            label, score = value.rsplit(":", 1)
            return replace(column, labels=(*column.labels, (label, float(score))))
        ends = [end for scale in value.split(":") for end in scale.split("..")]
        low, high, to_low, to_high = map(float, ends)
    except ValueError as cause:
        raise ParameterError(
            f"{part!r} of the judge {column.name} cannot be read.", f"Write {SPELLING}."
        ) from cause
    return replace(column, scale=(low, high, to_low, to_high))
