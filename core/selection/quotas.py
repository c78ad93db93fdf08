"""Clusters in a selection: what each one gives, what its quota is, and what the quotas cost in mean score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Judge, Labels, Mask, Reason, Selection
from core.selection.cut import eligible
from core.selection.registry import of_clusters, strategy
from core.wording import counted

NAMED = 3  # clusters that one sentence names
Rows = NDArray[np.int64]  # (c,) rows of each cluster


@dataclass(frozen=True, slots=True)
class Cost:
    """What quotas cost: the mean score, higher is better, beside the best that there could be.

    rows: how many have a score, in this selection and in the best one alike.
    mean: the mean score of the selection.
    best: that of the rows with the highest score, as many of them, from the same eligible rows with the
        same pins.
    """

    rows: int
    mean: float
    best: float
    digits: int = 2  # of a mean, in sentences

    def __str__(self) -> str:
        mean, best = round(self.mean, self.digits), round(self.best, self.digits)
        top = f"the best {counted(self.rows, 'row')} without them"
        if mean == best:
            little = "nothing" if self.best - self.mean < 1e-9 else f"less than {10**-self.digits:g} points"
            return f"The quotas cost {little}: the mean score is {mean:.{self.digits}f}, as it is for {top}."
        return (
            f"The quotas cost {best - mean:.{self.digits}f} points of mean score: "
            f"{mean:.{self.digits}f} instead of {best:.{self.digits}f} for {top}."
        )


@dataclass(frozen=True, slots=True)
class Quotas:
    """The clusters of the pool in one selection.

    table: (c, 10) one row a cluster, in ascending order, noise last: ``cluster`` (its number), ``name``;
        in rows ``pool``, ``eligible``, ``quota`` and ``selected``; ``by_hand`` (whether the quota is its
        own); ``keep_rate`` (selected of pool, 0 to 1); ``mean_selected`` and ``mean_eligible`` (mean scores).
        Null where there is none. The quota of a cluster without one of its own is what the rule gave it: its
        selected rows, without pinned ones.
    cost: None where the strategy has no quotas, and where nothing scored is selected.
    problems: quotas, floors and caps that cannot be kept, what happens instead and what to change.
    """

    table: pl.DataFrame = field(repr=False)
    cost: Cost | None = None
    problems: tuple[str, ...] = ()


def quotas(chosen: Selection, *, labels: Labels, names: Mapping[int, str], judge: Judge | None) -> Quotas:
    """What each cluster gives to a selection, and with what quota.

    Args:
        chosen: of any strategy; those without quotas have a table and no more.
        labels: (n,) cluster of every row.
        names: of every cluster.
        judge: the one whose scores the selection goes by.
    """
    table = _table(chosen, labels, names, judge)
    if strategy(chosen.params.strategy).keyed is None:
        return Quotas(table)
    return Quotas(table, _cost(chosen, judge), tuple(_problems(chosen, table)))


def _table(chosen: Selection, labels: Labels, names: Mapping[int, str], judge: Judge | None) -> pl.DataFrame:
    numbers = np.array(sorted(names, key=lambda label: (label < 0, label)), dtype=np.int64)
    codes = chosen.codes
    allowed = eligible(len(labels), judge, chosen.params.min_score) & (codes != Reason.EXCLUDED)
    selected = np.zeros(len(labels), dtype=bool)
    selected[chosen.rows] = True
    pool = _count(labels, numbers)
    rows = _count(labels[selected], numbers)
    quota, by_hand = _quotas(chosen, numbers, _count(labels[codes == Reason.CHOSEN], numbers))
    return pl.DataFrame(
        {
            "cluster": numbers,
            "name": [names[int(number)] for number in numbers],
            "pool": pool,
            "eligible": _count(labels[allowed], numbers),
            "quota": quota,
            "by_hand": by_hand,
            "selected": rows,
            "keep_rate": rows / np.maximum(pool, 1),
            "mean_selected": _means(labels, numbers, judge, selected),
            "mean_eligible": _means(labels, numbers, judge, allowed),
        },
        schema_overrides={"name": pl.String, "quota": pl.Int64},
    )


def _count(labels: Labels, numbers: Rows) -> Rows:
    """(c,) how often each number is among the labels."""
    most = max(int(numbers.max(initial=-1)), int(labels.max(initial=-1)))
    return np.bincount(labels + 1, minlength=most + 2)[numbers + 1]


def _means(labels: Labels, numbers: Rows, judge: Judge | None, rows: Mask) -> list[float | None]:
    """Mean score of those rows in each cluster; None where none of them has a score."""
    if judge is None:
        return [None] * len(numbers)
    scored = rows & ~np.isnan(judge.scores)
    total = np.bincount(labels[scored] + 1, judge.scores[scored], minlength=int(numbers.max(initial=-1)) + 2)
    pairs = zip(total[numbers + 1].tolist(), _count(labels[scored], numbers).tolist(), strict=True)
    return [total / count if count else None for total, count in pairs]


def _quotas(chosen: Selection, numbers: Rows, taken: Rows) -> tuple[list[int | None], list[bool]]:
    """The quota of each cluster, and whether it is its own."""
    params = chosen.params
    if strategy(params.strategy).keyed is None:
        return [None] * len(numbers), [False] * len(numbers)
    own = own_quotas(chosen)
    quota = [own.get(int(number), int(given)) for number, given in zip(numbers, taken, strict=True)]
    return list(quota), [int(number) in own for number in numbers]


def own_quotas(chosen: Selection) -> dict[int, int]:
    """{cluster: rows} of the clusters with a quota of their own."""
    chosen_by = strategy(chosen.params.strategy)
    if chosen_by.keyed is None:
        return {}
    return of_clusters(chosen_by.settings(chosen.params), chosen_by.keyed.name)


def _cost(chosen: Selection, judge: Judge | None) -> Cost | None:
    """The mean score beside that of as many rows from the top of those that could have been taken."""
    if judge is None:
        return None
    taken = chosen.codes == Reason.CHOSEN
    pinned = _scored(judge, chosen.codes == Reason.PINNED)
    mine = _scored(judge, taken)
    could = _scored(judge, taken | (chosen.codes == Reason.OVER_BUDGET))
    best = np.partition(could, len(could) - len(mine))[len(could) - len(mine) :] if len(mine) else mine
    rows = len(mine) + len(pinned)
    if not rows:
        return None
    own = float(pinned.sum())
    digits = 2 if judge.high - judge.low > 1 else 4
    return Cost(rows, float(mine.sum() + own) / rows, float(best.sum() + own) / rows, digits)


def _scored(judge: Judge, rows: Mask) -> NDArray[np.float64]:
    scores = judge.scores[rows].astype(np.float64)
    return scores[~np.isnan(scores)]


# What cannot be kept.


def _problems(chosen: Selection, table: pl.DataFrame) -> list[str]:
    """Sentences about quotas, floors and caps that the rows or the count do not allow."""
    setting = {
        name: float(value) for name, value in strategy(chosen.params.strategy).settings(chosen.params).items()
    }
    rows, by_hand, asked = table["eligible"].to_numpy(), table["by_hand"].to_numpy(), _asked(chosen)
    own = np.where(by_hand, np.minimum(table["quota"].to_numpy(), rows), 0)
    floor = np.where(by_hand, 0, np.minimum(setting["floor"], rows)).astype(np.int64)
    cap = np.maximum(np.ceil(rows * setting["cap"] / 100).astype(np.int64), floor)
    limit = np.where(by_hand, own, cap)
    selected, found = table["selected"].to_numpy(), [_too_large(table)]
    if own.sum() > asked:
        found.append(
            f"The quotas of single clusters add up to {own.sum():,} rows, more than the {asked:,} asked for: "
            "each gets its part in proportion, and the other clusters get none. "
            f"Raise the count to {own.sum():,} or lower the quotas."
        )
        return [sentence for sentence in found if sentence]
    unmet = int((selected < floor).sum())
    found.append(_floors(setting, own=int(own.sum()), rows=rows[~by_hand], asked=asked, unmet=unmet))
    if limit.sum() < min(asked, rows.sum()):
        beyond = int(np.maximum(selected - limit, 0).sum())
        found.append(
            _limits(int(limit.sum()), asked, beyond, by_hand=bool(by_hand.any()), cap=setting["cap"])
        )
    else:
        found.append(_pins(table.with_columns(due=own)))
    return [sentence for sentence in found if sentence]


def _asked(chosen: Selection) -> int:
    """How many rows are asked for: all there is without a count or with a token budget."""
    params = chosen.params
    return len(chosen) if params.count is None or params.max_tokens is not None else params.count


def _too_large(table: pl.DataFrame) -> str:
    large = table.filter(pl.col("by_hand") & (pl.col("quota") > pl.col("eligible")))
    named = _named(large, "with {eligible:,} of {quota:,}")
    if not named:
        return ""
    return (
        f"Fewer eligible rows than the quota: {named}. The rows that are missing come from other clusters. "
        "Lower the threshold or the quota."
    )


def _floors(setting: Mapping[str, float], *, own: int, rows: Rows, asked: int, unmet: int) -> str:
    """The sentence about floors that need more rows than the count has; rows: of clusters without a quota."""
    floor, overall = int(setting["floor"]), int(setting["overall"])
    needed = own + int(np.minimum(floor, rows).sum())
    if not unmet or needed + overall <= asked:
        return ""
    lower = next(
        (low for low in range(floor, 0, -1) if own + overall + np.minimum(low, rows).sum() <= asked), 0
    )
    parts = [f"At least {counted(floor, 'row')} from each cluster"]
    parts += ["the quotas of single clusters"] if own else []
    parts += [f"the best {counted(overall, 'row')} of all"] if overall else []
    what = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    return (
        f"{what} add up to {needed + overall:,} rows, more than the {asked:,} asked for: "
        f"{counted(unmet, 'cluster')} got fewer than {floor:,}. "
        f"Raise the count to {needed + overall:,} or lower the floor to {lower:,}."
    )


def _limits(held: int, asked: int, beyond: int, *, by_hand: bool, cap: float) -> str:
    """The sentence about quotas and caps that leave fewer rows than the count asks for."""
    what = " and ".join(word for word, there in (("the quotas", by_hand), ("the cap", cap < 100)) if there)
    leave = "leaves" if what == "the cap" else "leave"
    return (
        f"T{what[1:]} {leave} {held:,} rows, fewer than the {asked:,} asked for: "
        f"{counted(beyond, 'row')} beyond came in last. Lower the count to {held:,} or raise {what}."
    )


def _pins(table: pl.DataFrame) -> str:
    """The sentence about pins, which move no other row: ``due`` is what each quota gives without them."""
    named = _named(
        table.filter(pl.col("by_hand") & (pl.col("selected") != pl.col("due"))),
        "with {selected:,} of {due:,}",
    )
    if not named:
        return ""
    return (
        f"Pins change what quotas give: {named}. A pinned row comes on top of a quota, and one that is left "
        "out is not replaced. Raise or lower the quota by as much."
    )


def _named(clusters: pl.DataFrame, each: str) -> str:
    """Some clusters by number and name, each with its figures, and how many more there are."""
    said = [
        f"cluster {row['cluster']} ({row['name']}) {each.format(**row)}"
        for row in clusters.head(NAMED).iter_rows(named=True)
    ]
    more = clusters.height - NAMED
    return ", ".join([*said, f"and {more:,} more"] if more > 0 else said)
