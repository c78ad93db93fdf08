"""Plotly figures for notebooks and reports. The live map of the app is a component of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.domain import Coords, Judge, Labels, Positions, Scores, Selection
from core.errors import ParameterError
from core.metrics import Curve
from core.palette import NOISE, ON_LIGHT
from core.wording import counted

FAINT = "rgba(128, 128, 128, 0.25)"
LONGEST_NAME = 40  # characters of a cluster's name in a legend
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"})


def map_figure(
    coords: Coords,
    *,
    labels: Labels,
    names: Mapping[int, str],
    judges: Mapping[str, Judge],
    tokens: NDArray[np.int32],
    chosen: Selection | None = None,
    colour_by: str = "cluster",
) -> go.Figure:
    """The map, (n, 2) points; rows that are not chosen are faint where a selection is given.

    Raises:
        ParameterError: ``colour_by`` is not cluster, selected, length or a judge.
    """
    rows = np.arange(len(coords)) if chosen is None else chosen.rows
    figure = go.Figure()
    if chosen is not None:
        rest = np.setdiff1d(np.arange(len(coords)), rows)
        figure.add_trace(_points(coords, rest, f"not chosen ({len(rest):,})", {"color": FAINT, "size": 3}))
    if colour_by == "cluster":
        for label in sorted(names, key=lambda each: (each < 0, each)):
            inside = rows[labels[rows] == label]
            colour = NOISE if label < 0 else ON_LIGHT[label % len(ON_LIGHT)]
            total = int((labels == label).sum())
            title = f"{plain(names[label])} ({len(inside):,} / {total:,})"
            figure.add_trace(_points(coords, inside, title, {"color": colour, "size": 5}))
    elif colour_by == "selected":
        figure.add_trace(_points(coords, rows, f"chosen ({len(rows):,})", {"color": ON_LIGHT[0], "size": 5}))
    elif colour_by == "length":
        figure.add_trace(_shaded(coords, rows, np.log10(np.maximum(tokens[rows], 1)), "log10 tokens"))
    elif colour_by in judges:
        _add_scores(figure, coords, rows, judges[colour_by].scores, colour_by)
    else:
        known = ", ".join(("cluster", "selected", "length", *judges))
        raise ParameterError(f"The map cannot be coloured by {colour_by!r}.", f"Colours: {known}.")
    return _blank_axes(figure)


def curve_figure(selection: Curve, control: Sequence[Curve]) -> go.Figure:
    """The covering radius against the count, with the range of the random draws behind it."""
    figure = go.Figure()
    if control:
        counts = control[0].counts
        drawn = np.stack([curve.radius for curve in control])
        band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        figure.add_scatter(x=counts, y=drawn.max(axis=0), showlegend=False, **band)
        figure.add_scatter(
            x=counts, y=drawn.min(axis=0), fill="tonexty", name=counted(len(control), "random draw"), **band
        )
    figure.add_scatter(x=selection.counts, y=selection.radius, mode="lines", name="selection")
    figure.update_xaxes(title="rows", type="log")
    figure.update_yaxes(title="covering radius (cosine distance)", rangemode="tozero")
    return figure.update_layout(margin={"l": 60, "r": 10, "t": 10, "b": 50}, template="simple_white")


def plain(text: str) -> str:
    """Text that plotly shows as it is: angle brackets would be read as markup, dollars as TeX."""
    short = text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"
    return short.translate(ESCAPES)


def _add_scores(figure: go.Figure, coords: Coords, rows: Positions, scores: Scores, name: str) -> None:
    unscored = rows[np.isnan(scores[rows])]
    scored = rows[~np.isnan(scores[rows])]
    if len(unscored):
        title = f"unscored ({len(unscored):,})"
        figure.add_trace(_points(coords, unscored, title, {"color": NOISE, "size": 4, "symbol": "x"}))
    figure.add_trace(_shaded(coords, scored, scores[scored], plain(name)))


def _points(coords: Coords, rows: Positions, name: str, marker: Mapping[str, object]) -> go.Scattergl:
    return go.Scattergl(
        x=coords[rows, 0], y=coords[rows, 1], mode="markers", name=name, marker=dict(marker), hoverinfo="name"
    )


def _shaded(coords: Coords, rows: Positions, values: NDArray[np.float32], title: str) -> go.Scattergl:
    marker = {"color": values, "colorscale": "Viridis", "size": 5, "colorbar": {"title": title}}
    return go.Scattergl(
        x=coords[rows, 0], y=coords[rows, 1], mode="markers", name=title, marker=marker, showlegend=False
    )


def _blank_axes(figure: go.Figure) -> go.Figure:
    """The axes of such a map mean nothing; only that both have one scale does."""
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure.update_layout(
        template="simple_white",
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        height=560,
        legend={"itemsizing": "constant"},
    )
