"""What people's verdicts say about a judge, as a plotly figure that reads in light and in dark."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from core.plots import plain
from core.review import Calibration

LINE, BAND, DOTS, HERE = "#1f8fd0", "rgba(31, 143, 208, 0.18)", "#e69f00", "#d55e00"
FAINT, CLEAR = "rgba(128, 128, 128, 0.45)", "rgba(0, 0, 0, 0)"
MOST_DOTS = 12  # groups of a judge with more scores than this
HEIGHT = 300


def calibration_figure(found: Calibration, share: float) -> go.Figure:
    """The share of rows that people keep against the judge's score: as seen, and made to rise.

    Dots are as large as they have rows; the band holds the line in 95 of 100 draws; the upright line is the
    score from which on at least ``share`` is kept.
    """
    low, high = found.band()
    x = found.levels
    figure = go.Figure()
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=x, y=low, **edge)
    figure.add_scatter(x=x, y=high, fill="tonexty", fillcolor=BAND, **edge)
    _add_dots(figure, found)
    figure.add_scatter(
        x=x, y=found.fitted, mode="lines+markers", name="made to rise with the score",
        line={"color": LINE, "width": 3}, marker={"size": 5},
        hovertemplate="%{x:.3g}: %{y:.0%}<extra></extra>",
    )  # fmt: skip
    figure.add_hline(y=share, line={"color": FAINT, "dash": "dot"})
    at = found.threshold(share)
    if not math.isnan(at):
        figure.add_vline(x=at, line={"color": HERE, "width": 2, "dash": "dash"})
    figure.update_layout(
        height=HEIGHT, margin={"l": 10, "r": 10, "t": 10, "b": 10}, paper_bgcolor=CLEAR, plot_bgcolor=CLEAR,
        legend={"orientation": "h", "y": 1.12, "x": 0}, dragmode=False,
        xaxis={"title": {"text": plain(found.judge)}, "gridcolor": FAINT, "zeroline": False},
        yaxis={
            "title": {"text": "kept by people"}, "tickformat": ".0%", "range": [-0.06, 1.06],
            "gridcolor": FAINT, "zeroline": False,
        },
    )  # fmt: skip
    return figure


def _add_dots(figure: go.Figure, found: Calibration) -> None:
    """One dot a score; even groups of rows where there are many scores."""
    groups = [np.array([place]) for place in range(len(found.levels))]
    if len(groups) > MOST_DOTS:
        ends = np.cumsum(found.rows) * MOST_DOTS / found.rows.sum()
        parts = np.minimum(np.ceil(ends - 1e-9).astype(int) - 1, MOST_DOTS - 1)
        groups = [np.flatnonzero(parts == part) for part in np.unique(parts)]
    rows = [int(found.rows[each].sum()) for each in groups]
    x = [float(np.average(found.levels[each], weights=found.rows[each])) for each in groups]
    sizes = [6 + 22 * math.sqrt(each / max(rows)) for each in rows]
    y = [float(np.average(found.seen[each], weights=found.rows[each])) for each in groups]
    figure.add_scatter(
        x=x, y=y, mode="markers", name="seen", customdata=rows,
        marker={"size": sizes, "color": DOTS, "opacity": 0.75},
        hovertemplate="%{x:.3g}: %{y:.0%} of %{customdata} rows<extra></extra>",
    )  # fmt: skip
