"""The row of figures above the map: each beside what a random draw of the same size gives."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from core import Project
from pages.ui.choose import Choice, Coverage, figures

DASH = "\N{EN DASH}"
ABOUT = "\N{ALMOST EQUAL TO} "


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
            st.metric(
                "Mean score", number(mine.mean_score, ".2f"), border=True, height="stretch", delta=score
            )
        _radius(coverage)


RADIUS_HELP = (
    "Greatest cosine distance from a row to its nearest selected one: lower is better. "
    "\N{ALMOST EQUAL TO}: between two measured sizes."
)


def _plain(title: str, value: int, beside: str | None) -> None:
    """A count with a remark that is neither good nor bad."""
    st.metric(
        title, f"{value:,}", border=True, height="stretch", delta=beside, delta_color="off", delta_arrow="off"
    )


def _radius(coverage: Coverage) -> None:
    if coverage.radius is None:
        st.metric("Covering radius", "…", border=True, height="stretch", help=RADIUS_HELP)
        return
    compared = [] if coverage.random is None else [coverage.random]
    st.metric(
        "Covering radius",
        ("" if coverage.is_exact else ABOUT) + number(coverage.radius, ".3f"),
        border=True,
        height="stretch",
        help=RADIUS_HELP,
        delta=difference(coverage.radius, compared, ".3f"),
        delta_color="inverse",
    )


def share(part: int, whole: int) -> str:
    """A share of the pool in words."""
    return f"{part / whole:.1%} of the pool" if whole else ""


def difference(mine: float, control: list[float], form: str) -> str | None:
    """The difference to the mean of the random draws; None where there is nothing to compare."""
    drawn = float(np.mean(control)) if control else math.nan
    if math.isnan(mine) or math.isnan(drawn):
        return None
    gap = mine - drawn
    sign = "+" if gap >= 0 else "-"
    return f"{sign}{abs(gap):{form}} vs random"


def number(value: float, form: str) -> str:
    """A figure, or a dash where there is none."""
    return DASH if math.isnan(value) else f"{value:{form}}"
