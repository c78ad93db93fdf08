"""The row of figures above the map: each beside what a random draw of the same size gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import streamlit as st

from core import Project
from pages.ui.choose import Choice, Coverage, figures

DASH = "\N{EN DASH}"
ABOUT = "\N{ALMOST EQUAL TO} "
LARGE = 100_000  # from here on a difference is written in thousands: six digits do not fit in a narrow window
ALIKE = "in random's range"  # of the five draws


def show(project: Project, choice: Choice, coverage: Coverage) -> None:
    """Six figures: pool, eligible, selected, tokens, mean score, covering radius."""
    pool = len(project.dataset)
    with st.container(horizontal=True, gap="small", key="figures"):
        _plain("Pool", pool, "all rows")
        _plain("Eligible", choice.eligible, share(choice.eligible, pool))
        _plain("Selected", choice.size, share(choice.size, pool))
        if choice.selection is None:
            for title in ("Tokens", "Mean score", "Covering radius"):
                st.metric(title, "…" if choice.waiting else DASH, border=True, height="stretch")
            return
        mine, control = figures(project, choice)
        tokens = difference(mine.tokens, [each.tokens for each in control], ",.0f")
        _plain("Tokens", mine.tokens, tokens)
        if choice.params.judge is not None:
            score = difference(mine.mean_score, [each.mean_score for each in control], ".2f")
            _judged("Mean score", number(mine.mean_score, ".2f"), score, "normal")
        _radius(coverage)


# It goes with every move; what the mark of an interpolated figure means stands in the guide.
RADIUS_HELP = "Greatest cosine distance from a row to its nearest selected one: lower is better."


def _plain(title: str, value: int, beside: str | None) -> None:
    """A count with a remark that is neither good nor bad."""
    st.metric(
        title, f"{value:,}", border=True, height="stretch", delta=beside, delta_color="off", delta_arrow="off"
    )


def _radius(coverage: Coverage) -> None:
    if coverage.radius is None:
        st.metric("Covering radius", "…", border=True, height="stretch", help=RADIUS_HELP)
        return
    shown = ("" if coverage.is_exact else ABOUT) + number(coverage.radius, ".3f")
    beside = difference(coverage.radius, coverage.random or (), ".3f")
    _judged("Covering radius", shown, beside, "inverse", help_text=RADIUS_HELP)


def _judged(
    title: str,
    value: str,
    beside: str | None,
    colour: Literal["normal", "inverse"],
    help_text: str | None = None,
) -> None:
    """A figure whose difference to random is good or bad, unless random draws reach it."""
    alike = beside == ALIKE
    st.metric(
        title,
        value,
        border=True,
        height="stretch",
        help=help_text,
        delta=beside,
        delta_color="off" if alike else colour,
        delta_arrow="off" if alike else "auto",
    )


def share(part: int, whole: int) -> str:
    """A share of the pool in words."""
    return f"{part / whole:.1%} of the pool" if whole else ""


def difference(mine: float, control: Sequence[float], form: str) -> str | None:
    """The difference to the mean of the random draws, or that some draw reaches as far; None without any."""
    if math.isnan(mine) or not len(control) or any(math.isnan(each) for each in control):
        return None
    if min(control) <= mine <= max(control):
        return ALIKE
    gap = mine - float(np.mean(control))
    sign = "+" if gap >= 0 else "-"
    if abs(gap) >= LARGE:
        return f"{sign}{abs(gap) / 1000:,.0f}k vs random"
    return f"{sign}{abs(gap):{form}} vs random"


def number(value: float, form: str) -> str:
    """A figure, or a dash where there is none."""
    return DASH if math.isnan(value) else f"{value:{form}}"
