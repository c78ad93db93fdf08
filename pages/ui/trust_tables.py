"""The Trust page's findings and tables as HTML: small figures, each with its interval and its sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

import polars as pl

from core.concordance import Estimate
from core.leanings import DECILES, STYLES
from core.trust import Trust
from core.trust_verdict import Finding

TONES = {"good": ("✓", "fine"), "fair": ("–", "worth a look"), "warn": ("!", "act on this")}
LENGTH = "tenth of the rows, short responses to long ones"
STYLE = """<style>
.trust-line { display: grid; grid-template-columns: 1.5rem minmax(9rem, 13rem) 1fr; gap: 0.2rem 0.9rem;
  padding: 0.15rem 0; font-size: 0.92rem; line-height: 1.45; }
.trust-line p { margin: 0; overflow-wrap: anywhere; }
.trust-line .trust-what { font-weight: 600; overflow-wrap: anywhere; }
.trust-line .trust-what b { display: block; font-size: 1.3rem; font-weight: 600;
  font-variant-numeric: tabular-nums; line-height: 1.3; }
.trust-line small { display: block; font-size: 0.78rem; font-weight: 400; opacity: 0.75; }
.trust-line .trust-do { opacity: 0.85; }
.trust-mark { display: inline-block; width: 1.35rem; height: 1.35rem; border-radius: 50%; text-align: center;
  font-weight: 700; line-height: 1.35rem; font-size: 0.85rem; color: light-dark(#fff, #111); }
.trust-good { background: light-dark(#00664a, #4fd0a5); }
.trust-fair { background: light-dark(#5b5b5b, #b9b9b9); }
.trust-warn { background: light-dark(#a33f00, #ff9b5e); }
.trust-verdict { border-left: 4px solid light-dark(#5b5b5b, #b9b9b9); padding: 0.1rem 0 0.1rem 0.9rem; }
.trust-verdict.trust-edge-good { border-color: light-dark(#00664a, #4fd0a5); }
.trust-verdict.trust-edge-warn { border-color: light-dark(#a33f00, #ff9b5e); }
.trust-verdict p { margin: 0 0 0.2rem; overflow-wrap: anywhere; }
.trust-verdict p:first-child { font-size: 1.25rem; font-weight: 600; line-height: 1.35; }
</style>"""


def verdict(found: Finding, *, joined: bool) -> str:
    """The headline: one sentence, the interval, and what to do."""
    _, word = TONES[found.tone]
    low, high = found.figure.low, found.figure.high
    interval = "" if math.isnan(low) else f" 95 % interval {low:.3f} to {high:.3f}."
    what = "Spearman and Brown's reliability" if joined else "Krippendorff's alpha, ordinal"
    told = f"{what}: 1 is full agreement, 0 is chance.{interval}"
    return (
        f"{STYLE}<div class='trust-verdict trust-edge-{found.tone}' aria-label='{word}'>"
        f"<p>{escape(found.sentence)}</p><p>{escape(found.advice)}</p><small>{escape(told)}</small></div>"
    )


def line(found: Finding) -> str:
    """One finding: mark, figure with interval and chance, sentence, advice."""
    mark, word = TONES[found.tone]
    beside = [_interval(found.figure, found.unit)]
    beside += [] if math.isnan(found.chance) else [f"chance {number(found.chance, found.unit)}"]
    small = " · ".join(filter(None, beside))
    return (
        f"<div class='trust-line'><span><span class='trust-mark trust-{found.tone}' role='img' "
        f"aria-label='{word}' title='{word}'>{mark}</span></span>"
        f"<div class='trust-what'>{escape(found.title)}<b>{number(found.figure.value, found.unit)}</b>"
        f"<small>{escape(small)}</small></div>"
        f"<div><p>{escape(found.sentence)}</p><p class='trust-do'>{escape(found.advice)}</p></div></div>"
    )


def number(value: float, unit: str = "") -> str:
    """A figure of a unit; a dash where there is none."""
    if math.isnan(value):
        return "–"
    if unit == "share":
        return f"{value:.0%}"
    if unit == "count":
        return f"{value:,.0f}"
    places = 1 if unit == "judges" else 2
    return f"{round(value, places) + 0.0:.{places}f}"  # never -0.00


def _interval(figure: Estimate, unit: str = "") -> str:
    if math.isnan(figure.low):
        return ""
    return f"95 % {number(figure.low, unit)} to {number(figure.high, unit)}"


def _cell(figure: Estimate, *, unit: str = "", note: str = "") -> str:
    small = note or _interval(figure, unit).removeprefix("95 % ")
    return f"<td>{number(figure.value, unit)}<small>{escape(small)}</small></td>"


def pairs(found: Trust) -> str:
    """Each two judges over all grades."""
    heads = ("Two judges", "Rows", "Spearman", "the same, length fixed", "Kendall tau-b", "Quadratic kappa")
    body = [
        f"<tr><th scope='row'>{escape(each.one)}, {escape(each.other)}</th><td>{each.rows:,}</td>"
        f"{_cell(each.spearman)}{_cell(Estimate(beyond))}{_cell(each.kendall)}{_cell(each.quadratic)}</tr>"
        for each, beyond in zip(found.overall.pairs, found.overall.beyond_length, strict=True)
    ]
    return _table(heads, body)


def filters(found: Trust) -> str:
    """The judge that decides beside each other one, both as filters."""
    heads = ("Beside", "Threshold", "Rows kept", "Kept by both", "Jaccard", "Cohen's kappa", "Gwet's AC1")
    body = [
        f"<tr><th scope='row'>{escape(name)}</th><td>{each.thresholds[1]:g}</td><td>{each.passing[1]:,}</td>"
        f"<td>{each.both:,}</td>{_cell(each.jaccard, unit='share', note=f'chance {each.chance:.0%}')}"
        f"{_cell(each.kappa)}{_cell(each.ac1)}</tr>"
        for name, each in found.now.filters
    ]
    return _table(heads, body)


def leanings(found: Trust) -> str:
    """Each judge's correlation with length and style, and what is left with the length held fixed."""
    names = list(STYLES)
    shares = {each.feature: each.share for each in found.overall.styles}
    heads = ("Judge", "Length", *(f"{name.capitalize()} ({shares.get(name, 0):.1%})" for name in names))
    told = {(each.judge, each.feature): each for each in found.overall.styles}
    body = []
    for each in found.overall.lengths:
        styled = [told[each.judge, name] for name in names]
        cells = _cell(each.rho, note="" if math.isnan(each.beyond) else f"others fixed {each.beyond:+.2f}")
        cells += "".join(_cell(one.rho, note=f"length fixed {number(one.beyond)}") for one in styled)
        body.append(f"<tr><th scope='row'>{escape(each.judge)}</th>{cells}</tr>")
    return _table(heads, body)


def _table(heads: Iterable[str], body: list[str]) -> str:
    head = "".join(f"<th scope='col'>{escape(each)}</th>" for each in heads)
    return (
        "<div class='compare-scroll' tabindex='0'><table class='compare-table'>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def deciles(found: Trust) -> pl.DataFrame:
    """One line for each tenth of the rows, a column of mean percentiles for each judge."""
    told = {name: pl.Series(values).fill_nan(None) for name, values in found.overall.deciles.items()}
    return pl.DataFrame({LENGTH: range(1, DECILES + 1), **told})


def clusters(found: Trust) -> pl.DataFrame:
    """cluster | rows | kept | keep rate | alert, those that lose most first."""
    listed = found.now.clusters or ()
    return pl.DataFrame(
        {
            "cluster": [str(found.now.names.get(each.label, each.label)) for each in listed],
            "scored rows": [each.rows for each in listed],
            "kept": [each.kept for each in listed],
            "keep rate": [each.rate for each in listed],
            "alert": ["thinned out" if each.is_alert else "" for each in listed],
        }
    )
