"""The tables of the Compare page, as HTML that reads at any width: every word of the data is escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import polars as pl

from core.comparison import Compared, Comparison, Standing, Verdict
from core.domain import Selection
from core.held_out import Gain, HeldOut, Opinion
from core.metrics import METRICS, Metric
from core.orders import CONTROL_DRAWS
from core.overlap import Overlap
from core.stability import Kept
from core.wording import counted
from pages.ui.contest import Entry
from pages.ui.figures import number

# Colours of letters on which black reads better than white.
DARK_ON = {"#cc79a7", "#e69f00", "#56b4e9", "#d55e00", "#009e73"}
OVERVIEW, ALL = "Overview", "All"
GROUPS = {
    "Coverage": ("radius", "radius_p95", "mean_nearest", "facility", "covered"),
    "Diversity": ("redundancy", "pair_distance", "vendi", "novelsum"),
    "Balance": ("clusters", "empty_clusters", "cluster_entropy", "cluster_kl"),
    "Scores": ("mean_score", "score_p10", "score_median", "unscored"),
    "Length": (
        "rows", "tokens", "mean_tokens", "tokens_p10", "tokens_median", "tokens_p90",
        "mean_response", "response_p10", "response_median", "response_p90",
    ),
    "Text": ("distinct_2", "mtld", "compression"),
}  # fmt: skip
FIRST_GLANCE = (
    "mean_score", "radius", "mean_nearest", "redundancy", "vendi", "cluster_entropy", "distinct_2",
    "mean_response", "tokens",
)  # fmt: skip
TABS = (OVERVIEW, *GROUPS, ALL)

TONES = {
    Verdict.BETTER: "good", Verdict.WORSE: "bad", Gain.GAIN: "good", Gain.LOSS: "bad",
}  # fmt: skip
SAID = {
    Verdict.BETTER: "\N{BLACK UP-POINTING TRIANGLE} better than random",
    Verdict.WORSE: "\N{BLACK DOWN-POINTING TRIANGLE} worse than random",
    Verdict.INSIDE: "in random's range",
    Verdict.NEITHER: "",
    Verdict.UNKNOWN: "",
    Gain.GAIN: "\N{BLACK UP-POINTING TRIANGLE} a gain over random",
    Gain.LOSS: "\N{BLACK DOWN-POINTING TRIANGLE} worse than random",
    Gain.NONE: "no gain over random",
    Gain.UNKNOWN: "",
}

EXPECTATION = (
    "What to hope for: one to three points. On Tulu 3, 939,000 rows cut to 50,000 for an 8B model, the "
    "average over benchmarks was 51.8 with random rows, 51.1 with IFD, 52.8 with DEITA, 53.1 with CaR and "
    "with QDIT, 55.3 with MIG and 53.6 with all rows (README of MIG). So random stays on screen."
)


CANNOT = "This selection cannot be made: its card above says why."


class Random(NamedTuple):
    """The random draws that some of the selections stand beside: same size, same judge."""

    size: int
    judge: str | None


def metrics_of(tab: str) -> dict[str, tuple[str, ...]]:
    """Group -> names of the metrics that a tab shows; one group alone needs no name, the rest comes last."""
    if tab == OVERVIEW:
        return {"": tuple(name for name in FIRST_GLANCE if name in METRICS)}
    if tab != ALL:
        return {"": tuple(name for name in GROUPS[tab] if name in METRICS)}
    grouped = {name for names in GROUPS.values() for name in names}
    rest = tuple(name for name in METRICS if name not in grouped)
    groups = {group: tuple(name for name in names if name in METRICS) for group, names in GROUPS.items()}
    return groups | ({"More": rest} if rest else {})


def metric_table(listed: Sequence[tuple[Entry, Compared | None]], tab: str) -> str:
    """Metrics down, selections across, then random draws of each size, then the pool by each judge."""
    drawn = _draws(one.selection for _, one in listed if one is not None)
    judges = list(dict.fromkeys(each.judge for each in drawn))
    head = "<th scope='col'>Metric</th>" + "".join(
        f"<th scope='col'>{chip(entry)}<span class='compare-name'>{escape(entry.name)}</span></th>"
        for entry, _ in listed
    )
    head += "".join(f"<th scope='col'>{_titled(each, drawn)}</th>" for each in drawn)
    for judge in judges:
        by = f"<span class='compare-name'>scored by {escape(judge or 'nobody')}</span>"
        head += f"<th scope='col'>Pool{by if len(judges) > 1 else ''}</th>"
    body = []
    across = 1 + len(listed) + len(drawn) + len(judges)
    for group, names in metrics_of(tab).items():
        if group:
            body.append(
                f"<tr class='compare-group'><th colspan='{across}' scope='rowgroup'>{group}</th></tr>"
            )
        body += [_metric_line(METRICS[name], listed, drawn) for name in names]
    return _table("compare-metrics", head, body)


def _draws(selections: Iterable[Selection]) -> dict[Random, int]:
    """The different draws, each with how many judges there are among all: their column names one then."""
    found = list(dict.fromkeys(Random(len(each), each.params.judge) for each in selections))
    return dict.fromkeys(found, len({each.judge for each in found}))


def _titled(drawn: Random, among: dict[Random, int]) -> str:
    by = f", scored by {escape(drawn.judge or 'nobody')}" if among[drawn] > 1 else ""
    size = counted(drawn.size, "row")
    return f"Random<span class='compare-name'>{CONTROL_DRAWS} draws of {size}{by}: mean, range</span>"


def _metric_line(
    metric: Metric, listed: Sequence[tuple[Entry, Compared | None]], drawn: dict[Random, int]
) -> str:
    better = f"{metric.better} is better" if metric.better else ""
    about = ", ".join(each for each in (metric.unit, better) if each)
    name, _, unit = metric.title.removesuffix(")").partition(" (")
    name = name if unit and unit in metric.unit else metric.title  # the unit stands below
    cells = [f"<th scope='row' title='{escape(metric.help, quote=True)}'>{escape(name)}{_small(about)}</th>"]
    beside: dict[Random, Standing] = {}
    for _, one in listed:
        if one is None:
            cells.append("<td>…</td>")
            continue
        standing = one.standings[metric.name]
        beside.setdefault(Random(len(one.selection), one.selection.params.judge), standing)
        cells.append(f"<td>{number(standing.value, metric.form)}{_verdict(standing.verdict)}</td>")
    for each in drawn:
        standing = beside[each]
        low, high = number(standing.low, metric.form), number(standing.high, metric.form)
        spread = low if low == high else f"{low} to {high}"
        cells.append(f"<td>{number(standing.mean, metric.form)}{_small(spread)}</td>")
    pools = {each.judge: beside[each].pool for each in drawn}
    cells += [f"<td>{number(pool, metric.form)}</td>" for pool in pools.values()]
    return f"<tr>{''.join(cells)}</tr>"


def judge_table(listed: Sequence[tuple[Entry, HeldOut | None]]) -> str:
    """Judges down, selections across: mean scores, who chose, and what the others say."""
    judges = list(dict.fromkeys(each.judge for _, one in listed if one is not None for each in one.opinions))
    head = "<th scope='col'>Mean score by</th>" + "".join(
        f"<th scope='col'>{chip(entry)}<span class='compare-name'>{escape(entry.name)}</span></th>"
        for entry, _ in listed
    )
    body = []
    for name in sorted(judges):
        cells = [f"<th scope='row'>{escape(name)}</th>"]
        for _, one in listed:
            found = [] if one is None else [each for each in one.opinions if each.judge == name]
            cells.append(f"<td>{_opinion(found[0])}</td>" if found else "<td>…</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    return _table("compare-judges", head, body)


def _opinion(one: Opinion) -> str:
    spread = f"random {number(one.low, '.2f')} to {number(one.high, '.2f')}"
    if one.chose:
        return f"{number(one.mean, '.2f')}{_small('chose: no witness')}{_small(spread)}"
    if math.isnan(one.unaided):
        return f"{number(one.mean, '.2f')}{_small('no scores')}"
    ties = f"{one.mean:.2f} with its say in ties" if f"{one.mean:.2f}" != f"{one.unaided:.2f}" else ""
    return f"{one.unaided:.2f}{_verdict(one.gain)}{_small(spread)}{_small(ties)}"


def stability_table(found: Iterable[Kept], waiting: Iterable[tuple[str, str, str]] = ()) -> str:
    """Variations down: the share kept as a bar, with a mark where chance would be."""
    head = "<th scope='col'>Changed</th><th scope='col' class='compare-text'>To</th>" + "".join(
        f"<th scope='col'>{title}</th>" for title in ("Rows kept", "", "By chance", "Rows chosen")
    )
    body = [
        f"<tr><th scope='row'>{each.variation.title}</th>"
        f"<td class='compare-text'>{escape(each.variation.detail)}</td>"
        f"<td>{_share(each.share)}</td><td class='compare-text'>{_bar(each)}</td>"
        f"<td>{_share(each.chance)}</td>"
        f"<td>{each.rows:,}</td></tr>"
        for each in found
    ]
    body += [
        f"<tr><th scope='row'>{escape(title)}</th><td class='compare-text'>{escape(detail)}</td>"
        f"<td colspan='4' class='compare-text'>{escape(said)}</td></tr>"
        for title, detail, said in waiting
    ]
    return _table("compare-stability", head, body)


def _share(value: float) -> str:
    return number(value, ".0%")


def _bar(each: Kept) -> str:
    if math.isnan(each.share):
        return ""
    return (
        f"<div class='compare-bar' aria-hidden='true'><i style='width:{each.share:.1%}'></i>"
        f"<b style='left:{min(each.chance, 1):.1%}'></b></div>"
    )


def listed(shown: int, total: int, by: Entry, without: Entry | None) -> str:
    """The sentence above the rows of one side: how many, in which sequence, and whose reasons they show."""
    if not shown:
        return "No row."
    some = "All" if shown == total else f"The first {shown:,} of"
    said = f"{some} {counted(total, 'row')}, in the order in which {by.letter} chose them."
    return said if without is None else f"{said} The reason says why {without.letter} has not got them."


def legend(first: Entry, second: Entry, apart: Overlap) -> str:
    """What the colours of an overlap mean, in words with counts."""
    only, both, other = len(apart.only_first), len(apart.both), len(apart.only_second)
    parts = (
        (first.colour, f"only {first.letter}: {counted(only, 'row')}"),
        ("#5b5b5b", f"both: {counted(both, 'row')}"),
        (second.colour, f"only {second.letter}: {counted(other, 'row')}"),
    )
    spans = "".join(f"<span><i style='background:{colour}'></i>{words}</span>" for colour, words in parts)
    return f"<div class='compare-legend'>{spans}<span>faint grey: neither</span></div>"


def chip(entry: Entry) -> str:
    """The letter of a selection on its colour."""
    ink = " compare-dark" if entry.colour in DARK_ON else ""
    return f"<span class='compare-chip{ink}' style='background:{entry.colour}'>{entry.letter}</span>"


def title(entry: Entry) -> str:
    """Letter and name above a picture."""
    return f"<div class='compare-title'>{chip(entry)}<span>{escape(entry.name)}</span></div>"


def sentences(listed: Sequence[tuple[Entry, HeldOut | None]]) -> str:
    """The honest line of each selection."""
    said = "".join(f"<p>{chip(entry)} {escape(one.sentence)}</p>" for entry, one in listed if one is not None)
    return f"<div class='compare-honest'>{said}</div>"


def table(compared: Iterable[tuple[Entry, Compared]]) -> pl.DataFrame:
    """What the CSV holds: one line a metric and selection."""
    named = tuple(
        Compared(entry.title, one.selection, one.standings, one.held_out) for entry, one in compared
    )
    return Comparison(named, CONTROL_DRAWS).table()


def _verdict(verdict: Verdict | Gain) -> str:
    return _small(SAID[verdict], TONES.get(verdict, ""))


def _small(words: str, tone: str = "") -> str:
    return f"<small class='{tone}'>{escape(words)}</small>" if words else ""


def _table(name: str, head: str, body: list[str]) -> str:
    return (
        f"<div class='compare-scroll' tabindex='0'><table class='compare-table {name}'>"
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
