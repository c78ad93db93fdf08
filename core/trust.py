"""How far judges can be trusted with a choice: what is measured, over all rows and at the threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.aggregates import LEAST, aggregated, spread
from core.agreement import Agreement, agreement
from core.choosing import Choosing
from core.concordance import AtThresholds, Concordance, at_thresholds, concordance, effective_judges
from core.domain import Judge, Positions, Scores, Selection, SelectParams
from core.errors import ParameterError
from core.families import Clash, Families, clashes
from core.leanings import (
    ClusterKeeps,
    Leaning,
    by_length,
    cluster_keeps,
    length_leaning,
    partial_spearman,
    style_leaning,
    styles,
)
from core.selection import thresholds

APART = 50  # rows with the widest spread that are listed
MOST_LEVELS = 200  # attainable thresholds that are offered


@dataclass(frozen=True, slots=True)
class Overall:
    """What does not depend on any threshold.

    pairs: each two judges. beyond_length: Spearman's correlation of the same two with the length of the
    response held fixed. effective: how many independent judges say as much. deciles: judge -> (10,) mean
    percentile of the scores by tenth of length. apart: rows with the widest spread, widest first.
    spread: (n,) percentage points between the highest and the lowest judge; NaN with fewer than two.
    """

    agreement: Agreement
    pairs: tuple[Concordance, ...]
    beyond_length: tuple[float, ...]
    effective: float
    lengths: tuple[Leaning, ...]
    deciles: Mapping[str, NDArray[np.float64]] = field(repr=False)
    styles: tuple[Leaning, ...]
    apart: Positions = field(repr=False)
    spread: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Now:
    """What the threshold of the moment does.

    first: the judge that decides; one that joins others need not be among those that are compared.
    parts: the judges that it joins, if it does. length: how it goes with length, if it is not compared.
    threshold: None where there is none. thresholds: of each judge the one
    that keeps about the same share of its rows. filters: the first judge beside each other one.
    levels: score | rows | at or above, each attainable threshold of the first judge, ascending.
    length_kept, length_pool: median characters of the responses that are kept, and of the scored rows.
    clusters: those that lose most first; None where there is no map.
    """

    first: str
    parts: tuple[str, ...]
    length: Leaning | None
    threshold: float | None
    thresholds: Mapping[str, float]
    filters: tuple[tuple[str, AtThresholds], ...]
    levels: pl.DataFrame = field(repr=False)
    passing: int
    scored: int
    length_kept: float
    length_pool: float
    clusters: Sequence[ClusterKeeps] | None
    names: Mapping[int, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trust:
    """Everything that the Trust page shows, before it is put in words by ``core.trust_reading``.

    judges: those that are looked at. aggregates: those of all judges that join others. known: all judges.
    """

    judges: tuple[str, ...]
    aggregates: frozenset[str]
    known: frozenset[str]
    params: SelectParams
    chosen: Selection | None
    overall: Overall
    now: Now
    families: Families
    clashes: tuple[Clash, ...]


def chosen_judges(project: Choosing, names: Sequence[str] | None) -> tuple[str, ...]:
    """The judges that are looked at; None: all that are no aggregates.

    Raises:
        ParameterError: one of them is no judge, or there are fewer than two.
    """
    made = aggregates_of(project)
    found = tuple(name for name in project.judges if name not in made)
    if names is not None:
        found = tuple(dict.fromkeys(names))
    unknown = [name for name in found if name not in project.judges]
    if unknown:
        known = ", ".join(project.judges)
        raise ParameterError(f"There is no judge {unknown[0]!r}.", f"Judges: {known}.")
    if len(found) < LEAST:
        raise ParameterError(
            "Trust needs two judges to compare, and there is no second one.",
            "Add a score column or another file with scores on Load.",
        )
    return found


def aggregates_of(project: Choosing) -> frozenset[str]:
    """The judges that join others."""
    return frozenset(each.name for each in project.dataset.scores if each.rule and not each.off)


def overall(project: Choosing, names: tuple[str, ...]) -> Overall:
    """What does not depend on a threshold; about a second for three judges of 52,000 rows."""
    judges = {name: project.judges[name] for name in names}
    lengths = project.response_chars
    pairs = [concordance(judges[one], judges[other]) for one, other in combinations(names, 2)]
    beyond = [
        partial_spearman(judges[one].scores, judges[other].scores, lengths.astype(np.float64))
        for one, other in combinations(names, 2)
    ]
    known = [each.spearman.value for each in pairs if not math.isnan(each.spearman.value)]
    shown = styles(project.dataset.frame["response"])
    apart = spread([judge.scores for judge in judges.values()])
    found = agreement(judges)
    assert found is not None
    return Overall(
        agreement=found,
        pairs=tuple(pairs),
        beyond_length=tuple(beyond),
        effective=effective_judges(len(names), float(np.mean(known))) if known else math.nan,
        lengths=tuple(
            length_leaning(name, judges[name].scores, lengths, _others(judges, name)) for name in names
        ),
        deciles={name: by_length(judge.scores, lengths) for name, judge in judges.items()},
        styles=tuple(
            style_leaning(name, feature, judges[name].scores, shows, lengths)
            for name in names
            for feature, shows in shown.items()
        ),
        apart=_widest(apart, project.draw(0)),
        spread=apart,
    )


def _others(judges: Mapping[str, Judge], name: str) -> Scores:
    """(n,) what the judges beside one say: their median percentile."""
    return aggregated("median", [judge.scores for each, judge in judges.items() if each != name])


def _widest(apart: NDArray[np.float64], draw: NDArray[np.uint64]) -> Positions:
    known = np.flatnonzero(apart > 0)
    widest: Positions = known[np.lexsort((draw[known], -apart[known]))][:APART]
    return widest


def now(project: Choosing, names: tuple[str, ...], params: SelectParams, chosen: Selection | None) -> Now:
    """What the threshold of these decisions does; the first of the judges where they name none."""
    made = {each.name: each.of for each in project.dataset.scores if each.rule and not each.off}
    named = params.judge is not None and params.judge in (*names, *made) and params.judge in project.judges
    first = str(params.judge) if named else names[0]
    judge = project.judges[first]
    threshold = params.min_score if params.judge == first else None
    scored = ~np.isnan(judge.scores)
    passing = scored if threshold is None else scored & (judge.scores >= np.float32(threshold))
    matched = (
        {} if threshold is None else _matched(project.judges, names, first, passing.sum() / scored.sum())
    )
    if threshold is not None:
        matched[first] = threshold
    kept = passing if chosen is None else chosen.rows
    lengths = project.response_chars
    clusters = project.clusters() if project.can_choose() else None
    return Now(
        first=first,
        parts=made.get(first, ()),
        length=None if first in names else length_leaning(first, judge.scores, lengths, None),
        threshold=threshold,
        thresholds=matched,
        filters=tuple(
            (name, _filters(judge, project.judges[name], matched))
            for name in names
            if name != first and threshold is not None
        ),
        levels=_levels(judge),
        passing=int(passing.sum()),
        scored=int(scored.sum()),
        length_kept=float(np.median(lengths[kept])) if len(lengths[kept]) else math.nan,
        length_pool=float(np.median(lengths[scored])) if scored.any() else math.nan,
        clusters=None
        if clusters is None or threshold is None
        else cluster_keeps(clusters.labels, judge.scores, threshold),
        names={} if clusters is None else clusters.names,
    )


def _matched(
    judges: Mapping[str, Judge], names: tuple[str, ...], first: str, share: float
) -> dict[str, float]:
    """Of each other judge the attainable threshold that keeps the share of its rows nearest to this one."""
    found = {}
    for name in names:
        if name != first:
            levels, counts = thresholds(judges[name], most=MOST_LEVELS)
            nearest = int(np.argmin(np.abs(counts / max(judges[name].scored, 1) - share)))
            found[name] = float(str(levels[nearest]))
    return found


def _filters(one: Judge, other: Judge, matched: Mapping[str, float]) -> AtThresholds:
    known = ~(np.isnan(one.scores) | np.isnan(other.scores))
    return at_thresholds(one.scores[known], other.scores[known], (matched[one.name], matched[other.name]))


def _levels(judge: Judge) -> pl.DataFrame:
    levels, counts = thresholds(judge, most=MOST_LEVELS)
    rows = counts - np.append(counts[1:], 0)
    scores = [float(str(level)) for level in levels]
    return pl.DataFrame({"score": scores, "rows": rows, "at or above": counts})


def trust(
    project: Choosing,
    names: tuple[str, ...],
    params: SelectParams,
    *,
    chosen: Selection | None,
    whole: Overall,
    families: Families,
) -> Trust:
    """Everything together; ``whole`` as ``overall`` gives it for these judges."""
    return Trust(
        judges=names,
        aggregates=aggregates_of(project),
        known=frozenset(project.judges),
        params=params,
        chosen=chosen,
        overall=whole,
        now=now(project, names, params, chosen),
        families=families,
        clashes=clashes(families, names),
    )
