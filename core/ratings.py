"""What people said about rows: ratings, verdicts, skips; and what they come to for one person or for all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from core.errors import ParameterError
from core.wording import counted

SCALES = (3, 5, 7, 9)  # the highest grade; 1 is the lowest, and every grade is one key
FIRST_SCALE = 5
MOST_NAME = 40  # characters of a person's name
EVERYONE = "person"  # the judge that all people are together


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One thing that one person said about one row; with neither score nor verdict the row was skipped.

    row: its id. score: a grade from 1 to ``of``. keep: whether it belongs into a training set.
    queue: how the row came to be shown. shown: what judges say about it was shown afterwards.
    blind: the first word of this person, said before that.
    """

    row: str
    person: str
    score: float | None = None
    of: int = FIRST_SCALE
    keep: bool | None = None
    queue: str = ""
    shown: bool = False
    blind: bool = True

    @property
    def is_skip(self) -> bool:
        """Whether nothing was said about the row."""
        return self.score is None and self.keep is None


def checked_name(name: str) -> str:
    """A person's name as it is kept.

    Raises:
        ParameterError: it is empty, too long or cannot be shown.
    """
    name = " ".join(name.split())
    if not name or len(name) > MOST_NAME or not name.isprintable():
        raise ParameterError(
            "A rating needs the name of who gave it.", f"Type a name of 1 to {MOST_NAME} characters."
        )
    if name.lower() == EVERYONE:
        raise ParameterError(f"{name} is what all people together are called.", "Type a name of your own.")
    return name


def checked(rating: Rating) -> Rating:
    """The rating, if it can be kept; raises ``ParameterError`` otherwise."""
    if rating.of not in SCALES:
        raise ParameterError(f"There is no scale from 1 to {rating.of}.", f"Highest grades: {SCALES}.")
    if rating.score is not None and not (
        1 <= rating.score <= rating.of and rating.score == int(rating.score)
    ):
        raise ParameterError(
            f"The grade {rating.score:g} is not on the scale from 1 to {rating.of}.", "Give a whole grade."
        )
    checked_name(rating.person)
    return rating


def first_bar(of: int) -> int:
    """The lowest grade that means keep, where nobody said otherwise: 4 of 5."""
    return round(0.75 * of)


def scale_of(ratings: Iterable[Rating]) -> int:
    """The widest scale that was used; the usual one where no grade was given."""
    return max((each.of for each in ratings if each.score is not None), default=FIRST_SCALE)


def people_in(ratings: Iterable[Rating]) -> list[str]:
    """Who rated, in alphabetical order; who only skipped is not among them."""
    return sorted({each.person for each in ratings if not each.is_skip})


def opinions(
    ratings: Sequence[Rating], *, person: str | None = None, bar: float | None = None, blind: bool = False
) -> pl.DataFrame:
    """id | score | keep | raters: one line a row that was rated, ascending by id.

    score: the median grade, on the widest scale that was used (a narrower one is stretched onto it); null
        where nobody graded. keep: the share of people who keep the row, 0 to 1; a verdict counts as it is, a
        grade without one counts as keep from ``bar`` on. The last word of each person counts.

    Args:
        ratings: in the sequence in which they were given.
        person: of this person alone; None: of all.
        bar: the lowest grade that means keep, on the widest scale.
        blind: only what was said before the judges were shown.
    """
    of = scale_of(ratings)
    bar = first_bar(of) if bar is None else bar
    said = [
        (each.row, each.person, None if each.score is None else stretched(each.score, each.of, of), each.keep)
        for each in ratings
        if not each.is_skip and person in (None, each.person) and (each.blind or not blind)
    ]
    schema = {"id": pl.String, "person": pl.String, "score": pl.Float64, "keep": pl.Boolean}
    last = (
        pl.DataFrame(said, schema=schema, orient="row")
        .group_by("id", "person", maintain_order=True)
        .agg(pl.col("score").drop_nulls().last(), pl.col("keep").drop_nulls().last())
    )
    keeps = pl.coalesce("keep", pl.col("score") >= bar - 1e-9).cast(pl.Float64)
    return (
        last.with_columns(keeps.alias("keep"))
        .group_by("id")
        .agg(pl.col("score").median(), pl.col("keep").mean(), pl.len().alias("raters"))
        .sort("id")
    )


def stretched(score: float, of: int, to: int) -> float:
    """A grade of the scale 1 to ``of`` on the scale 1 to ``to``: the ends meet, all between lies linearly."""
    return 1 + (score - 1) * (to - 1) / (of - 1)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Ratings as a file that a judge can be made of: its name says whose, how many and which."""

    name: str
    content: bytes
    rows: int
    has_scores: bool


def snapshot(ratings: Sequence[Rating], *, person: str | None = None, bar: float | None = None) -> Snapshot:
    """The opinions of a person, or of all, as CSV; the same ratings give the same bytes.

    Raises:
        ParameterError: there are none.
    """
    found = opinions(ratings, person=person, bar=bar)
    if not len(found):
        raise ParameterError(
            f"{person} has rated no row yet." if person else "Nobody has rated a row yet.",
            "Rate some rows on the Review page first.",
        )
    content = found.write_csv().encode()
    mark = hashlib.sha256(content).hexdigest()[:8]
    whose = re.sub(r"[^a-z0-9]+", "-", (person or EVERYONE).lower()).strip("-") or "someone"
    name = f"ratings-{whose}-{len(found)}-{mark}.csv"
    return Snapshot(name, content, len(found), found["score"].count() > 0)


def said(found: pl.DataFrame) -> str:
    """Such as "40 rows rated: 31 kept, 9 dropped"; a row on which people are divided is neither."""
    kept, dropped = int((found["keep"] > 0.5).sum()), int((found["keep"] < 0.5).sum())
    divided = len(found) - kept - dropped
    parts = [f"{kept:,} kept", f"{dropped:,} dropped", *([f"{divided:,} divided"] if divided else [])]
    return f"{counted(len(found), 'row')} rated: {', '.join(parts)}"
