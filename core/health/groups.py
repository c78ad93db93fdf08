"""Rows that say the same: exact groups by their texts, near groups by the graph of nearest rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Labels, Neighbours, Positions, Scores
from core.errors import ParameterError

VERSION = 1  # raised when the same rows would be grouped, or kept, differently
ALIKE = ("folded", "verbatim")
STAYS = ("best", "longest", "first")
WIDEST = 0.5  # cosine distance: beyond it nothing is near


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows that belong together; rows of no group are left out.

    members: positions, group by group, ascending inside each; the largest group first, then by first row.
    starts: (g + 1,) group i is ``members[starts[i]:starts[i + 1]]``, and has at least two rows.
    """

    members: Positions = field(repr=False)
    starts: Positions = field(repr=False)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def rows(self, group: int) -> Positions:
        """The rows of one group."""
        return self.members[self.starts[group] : self.starts[group + 1]]

    @property
    def sizes(self) -> Positions:
        """(g,) rows of each group, falling."""
        return np.diff(self.starts)


def exact(frame: pl.DataFrame, *, alike: str = "folded") -> Groups:
    """Rows whose texts are all the same: prompt, response, system prompt, tools, turns, a rejected answer.

    Args:
        frame: ``Dataset.frame``.
        alike: verbatim: to the byte; folded: in lower case, every run of white space one space.

    Raises:
        ParameterError: there is no such choice.
    """
    return _grouped(_labels(_keys(frame, _texts(frame), alike)))


def same_prompt(frame: pl.DataFrame, *, alike: str = "folded") -> Groups:
    """Rows with the same prompt, where not all else is the same as well; otherwise as ``exact``."""
    labels = _labels(_keys(frame, [pl.col("prompt")], alike))
    within = np.flatnonzero(labels >= 0)
    rows = _keys(frame[within], _texts(frame), alike).select(pl.struct("a", "b").alias("whole"))
    answers = rows.with_columns(label=pl.Series(labels[within])).group_by("label").n_unique()
    labels[~np.isin(labels, answers.filter(pl.col("whole") > 1)["label"].to_numpy())] = -1
    return _grouped(labels)


def _keys(frame: pl.DataFrame, texts: list[pl.Expr], alike: str) -> pl.DataFrame:
    """(n, 2) hashes of these texts; one text of all rows is folded at a time."""
    _checked(alike, ALIKE, "way to be alike")
    hashes: dict[str, list[pl.Series]] = {"a": [], "b": []}
    for text in texts:
        column = frame.select((text if alike == "verbatim" else folded(text)).alias("text")).to_series()
        for seed, (name, found) in enumerate(hashes.items()):
            found.append(column.hash(seed).alias(f"{name}{len(found)}"))
    return pl.DataFrame({name: pl.DataFrame(found).hash_rows(seed=7) for name, found in hashes.items()})


def folded(text: pl.Expr) -> pl.Expr:
    """In lower case, every run of white space one space, none around it."""
    # Single spaces, by far the most, match nothing here: five times as quick as replacing every run.
    return text.str.to_lowercase().str.replace_all(r"\s{2,}|[\s--[ ]]", " ").str.strip_chars()


def _texts(frame: pl.DataFrame) -> list[pl.Expr]:
    """Every text of a row: of one turn prompt, answer and system prompt, else all messages."""
    said = pl.element().struct.field("role") + "\x1f" + pl.element().struct.field("content")
    texts = [pl.col("prompt"), pl.col("response")]
    texts += [pl.col(name).fill_null("") for name in ("system", "tools") if name in frame.columns]
    more = pl.col("messages").list.len() > 2 + pl.col("system").is_not_null()
    if "messages" in frame.columns and frame.select(more.any()).item():
        texts.append(pl.col("messages").list.eval(said).list.join("\x1f"))
    if "rejected" in frame.columns:
        texts.append(pl.col("rejected").list.eval(said).list.join("\x1f"))
    return texts


def near(graph: Neighbours, distance: float) -> Groups:
    """Rows that a chain of steps joins, none longer than a cosine distance: single linkage on the graph.

    A row knows its k nearest alone. So two rows within the distance may stay in two groups where each has k
    rows that are nearer still; rows are never joined that no such chain joins.

    Raises:
        ParameterError: the distance is negative or too wide.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not 0 <= distance <= WIDEST:
        raise ParameterError(
            f"The distance of near copies is {distance:g}.", f"It lies between 0 and {WIDEST:g}."
        )
    n, k = graph.indices.shape
    # What is 0 in exact numbers is some 1e-7 in float32.
    linked = np.flatnonzero(np.ravel(graph.distances) <= np.float32(distance) + np.float32(1e-6))
    ends = linked // max(k, 1), np.ravel(graph.indices)[linked]
    links = coo_array((np.ones(len(linked), dtype=bool), ends), shape=(n, n))
    _, labels = connected_components(links, directed=False)
    return _grouped(labels)


def spare(
    groups: Groups, *, stays: str = "best", scores: Scores | None = None, lengths: Positions
) -> Positions:
    """The rows of all groups but the one of each that stays, ascending.

    Args:
        groups: as ``exact`` or ``near`` gives them.
        stays: best: the highest score, an unscored row last, then as longest; longest: the most characters
            of the response, then as first; first: the one that stands first in the file.
        scores: (n,) of the judge; None: no row is better than another.
        lengths: (n,) characters of each response.

    Raises:
        ParameterError: there is no such rule.
    """
    return np.sort(np.delete(groups.members, _first_of_each(groups, stays, scores, lengths)))


def staying(
    groups: Groups, *, stays: str = "best", scores: Scores | None = None, lengths: Positions
) -> Positions:
    """(g,) the row of each group that stays; raises as ``spare`` does."""
    return groups.members[_first_of_each(groups, stays, scores, lengths)]


def _first_of_each(groups: Groups, stays: str, scores: Scores | None, lengths: Positions) -> Positions:
    """(g,) places among the members."""
    _checked(stays, STAYS, "rule of which stays")
    members = groups.members
    of_group = np.repeat(np.arange(len(groups)), groups.sizes)
    ranks: list[NDArray[np.generic]] = [members]
    if stays != "first":
        ranks.append(-lengths[members])
    if stays == "best" and scores is not None:
        ranks.append(-np.nan_to_num(scores[members], nan=-np.inf))
    best: Positions = np.lexsort((*ranks, of_group))  # the last key counts first
    return np.asarray(best[groups.starts[:-1]])


def _labels(keys: pl.DataFrame) -> Labels:
    """(n,) the same number for rows of the same keys, -1 where a row has no equal."""
    numbered = keys.with_row_index("row")
    repeated = (
        numbered.group_by("a", "b")
        .agg("row")
        .filter(pl.col("row").list.len() > 1)
        .with_row_index("label")
        .explode("row")
    )
    labels = np.full(keys.height, -1, dtype=np.int32)
    labels[repeated["row"].to_numpy()] = repeated["label"].to_numpy()
    return labels


def _grouped(labels: Labels) -> Groups:
    """The groups of at least two rows, the largest first."""
    counts = np.bincount(labels[labels >= 0])
    within = np.flatnonzero(labels >= 0)
    within = within[counts[labels[within]] > 1]
    if not len(within):
        return Groups(np.empty(0, dtype=np.int64), np.zeros(1, dtype=np.int64))
    first = np.full(len(counts), len(labels))
    np.minimum.at(first, labels[within], within)
    own = labels[within]
    members = within[np.lexsort((within, first[own], -counts[own]))].astype(np.int64)
    sizes = np.sort(counts[counts > 1])[::-1]
    return Groups(members, np.concatenate(([0], np.cumsum(sizes))).astype(np.int64))


def _checked(value: str, known: tuple[str, ...], what: str) -> None:
    if value not in known:
        raise ParameterError(f"There is no {what} {value!r}.", f"Choices: {', '.join(known)}.")
