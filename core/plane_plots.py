"""The what-if plane as plotly figures: a heat map of all places, and curves of one figure against the count.

Backgrounds are clear and no colour is told by hue alone, so that both figures work in light and in dark.
A point that can be clicked carries (threshold, size), its place in the plane, as custom data.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.plane import FIGURES, Plane
from core.plots import plain
from core.reading import AT_LEAST, knee_of, written

SCALE = "Cividis"  # for the colour-blind as for others, and even in brightness
FOCUS, HERE, RANDOM = "#1f8fd0", "#d55e00", "#e69f00"
BAND, FAINT = "rgba(230, 159, 0, 0.25)", "rgba(128, 128, 128, 0.45)"
CLEAR = "rgba(0, 0, 0, 0)"
LOGARITHMIC = frozenset({"tokens", "rows"})  # figures that grow with the count itself
HEIGHT = 500

Place = tuple[int | None, int | None]  # (threshold, size)


def plane_figure(plane: Plane, name: str, *, at: Place = (None, None)) -> go.Figure:
    """One figure at every threshold and count; brighter is better, or more where neither is better.

    Args:
        plane: the plane.
        name: a name in ``core.plane.FIGURES``.
        at: the place to mark.
    """
    values = plane.figures[name].T
    shade = np.log10(np.maximum(values, 1)) if name in LOGARITHMIC else values
    low, high = _span(plane, name)
    figure = go.Figure(
        go.Heatmap(
            z=shade,
            text=[[short(value, name) for value in row] for row in values],
            texttemplate="%{text}",
            textfont={"size": 11},
            zmin=np.log10(max(low, 1)) if name in LOGARITHMIC else low,
            zmax=np.log10(max(high, 1)) if name in LOGARITHMIC else high,
            colorscale=SCALE,
            reversescale=FIGURES[name].better == "lower",
            showscale=False,
            hoverinfo="skip",
            xgap=2,
            ygap=2,
        )
    )
    _add_clear_points(figure, plane, name)
    x, y = at
    if x is not None and y is not None:
        box = {"type": "rect", "x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
        figure.add_shape(**box, line={"color": HERE, "width": 3})
    title = "count only" if plane.params.judge is None else f"threshold: {plain(plane.params.judge)}"
    figure.update_xaxes(title=title, showgrid=False, zeroline=False, **_ticks(_names(plane)))
    figure.update_yaxes(
        title="rows", showgrid=False, zeroline=False, **_ticks([f"{each:,}" for each in plane.counts])
    )
    return _clear(figure)


def _add_clear_points(figure: go.Figure, plane: Plane, name: str) -> None:
    """Cells of a heat map cannot be picked: clear points over their middles can."""
    sizes, thresholds = np.nonzero(np.isfinite(plane.figures["rows"].T))
    figure.add_scatter(
        x=thresholds,
        y=sizes,
        mode="markers",
        marker={"size": 18, "color": CLEAR},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=np.stack((thresholds, sizes), axis=1),
        text=[_told(plane, name, t, s) for t, s in zip(thresholds.tolist(), sizes.tolist(), strict=True)],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )


def gain_figure(plane: Plane, name: str, threshold: int, *, at: Place = (None, None)) -> go.Figure:
    """One figure against the count: one threshold in focus, the others faint, random draws and pool behind.

    The knee is marked where there is one, and the count of ``at`` by a line.
    """
    figure = go.Figure()
    _add_random(figure, plane, name)
    names = _names(plane)
    others = [each for each in range(len(plane.thresholds)) if each != threshold]
    for each in others:
        line = {"color": FAINT, "width": 1.5}
        _add_curve(figure, plane, name, each, line=line, marker={"size": 5, "color": FAINT})
        figure.data[-1].update(showlegend=each == others[0], name="other thresholds")
    _add_curve(figure, plane, name, threshold, line={"color": FOCUS, "width": 3}, marker={"size": 8})
    figure.data[-1].update(name="selection" if plane.thresholds[threshold] is None else names[threshold])
    _add_knee(figure, plane, name, threshold)
    if at[1] is not None:
        figure.add_vline(x=int(plane.counts[at[1]]), line={"color": HERE, "width": 1.5, "dash": "dash"})
    figure.update_xaxes(title="rows", type="log", **_powers(plane.counts))
    figure.update_yaxes(title=FIGURES[name].title, **_scale(plane, name))
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0}
    return _clear(figure).update_layout(legend=legend)


def short(value: float, name: str) -> str:
    """A figure that fits into a cell: 1.2M, 705k, 0.612; nothing where there is none."""
    if np.isnan(value):
        return ""
    if name not in LOGARITHMIC or value < 1000:
        return written(value, name)
    scaled, unit = (value / 1e6, "M") if value >= 999_500 else (value / 1e3, "k")
    return f"{scaled:.1f}{unit}" if scaled < 9.95 else f"{scaled:.0f}{unit}"


def _add_random(figure: go.Figure, plane: Plane, name: str) -> None:
    band = plane.control[name]
    if np.isfinite(band.mean).any():
        edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(x=plane.counts, y=band.high, **edge)
        figure.add_scatter(x=plane.counts, y=band.low, fill="tonexty", fillcolor=BAND, **edge)
        line = {"color": RANDOM, "width": 2, "dash": "dot"}
        hover = "random: %{y:" + FIGURES[name].form + "}<extra></extra>"
        figure.add_scatter(
            x=plane.counts, y=band.mean, mode="lines", line=line, name="random draws", hovertemplate=hover
        )
    if np.isfinite(plane.pool[name]) and not name.startswith(("radius", "mean_nearest")):  # 0 by definition
        figure.add_hline(
            y=plane.pool[name],
            line={"color": FAINT, "width": 1, "dash": "dot"},
            annotation={"text": f"pool {short(plane.pool[name], name)}", "xanchor": "left"},
            annotation_position="top left",
        )


def _add_curve(
    figure: go.Figure,
    plane: Plane,
    name: str,
    threshold: int,
    *,
    line: dict[str, object],
    marker: dict[str, object],
) -> None:
    sizes = np.flatnonzero(np.isfinite(plane.figures[name][threshold]))
    figure.add_scatter(
        x=plane.counts[sizes],
        y=plane.figures[name][threshold, sizes],
        mode="lines+markers",
        line=line,
        marker=marker,
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        customdata=np.stack((np.full(len(sizes), threshold), sizes), axis=1),
        text=[_told(plane, name, threshold, int(size)) for size in sizes],
        hovertemplate="%{text}<extra></extra>",
    )


def _add_knee(figure: go.Figure, plane: Plane, name: str, threshold: int) -> None:
    place = knee_of(plane, name, threshold)
    if place is None:
        return
    count, value = int(plane.counts[place]), float(plane.figures[name][threshold, place])
    figure.add_annotation(
        x=float(np.log10(count)),  # a note on such an axis is placed by its power of ten
        y=value,
        text=f"knee: {count:,} rows",
        showarrow=True,
        arrowhead=2,
        arrowcolor=FOCUS,
        ax=-40 if FIGURES[name].better == "lower" else 40,  # the side that a bent curve leaves free
        ay=60,
    )


def _told(plane: Plane, name: str, threshold: int, size: int) -> str:
    """What is said of a place under the mouse."""
    band, at = plane.control[name], _names(plane)[threshold]
    lines = [
        f"{plane.counts[size]:,} rows" + ("" if plane.thresholds[threshold] is None else f", {at}"),
        f"{FIGURES[name].title}: {written(float(plane.figures[name][threshold, size]), name)}",
    ]
    if np.isfinite(band.low[size]):
        low, high = written(float(band.low[size]), name), written(float(band.high[size]), name)
        lines.append(f"Random draws: {low} to {high}")
    return "<br>".join(lines)


def _names(plane: Plane) -> list[str]:
    return ["all rows" if each is None else f"{AT_LEAST} {each:g}" for each in plane.thresholds]


def _ticks(names: Sequence[str]) -> dict[str, object]:
    return {
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": list(names),
        "range": [-0.5, len(names) - 0.5],
        "fixedrange": True,
    }


def _powers(counts: NDArray[np.int64]) -> dict[str, object]:
    """Marks at 10, 100, ... in full."""
    powers = [10**power for power in range(8) if counts[0] <= 10**power <= counts[-1]]
    wanted = powers if len(powers) > 1 else [int(counts[0]), int(counts[-1])]
    return {
        "tickmode": "array",
        "tickvals": wanted,
        "ticktext": [f"{each:,}" for each in wanted],
        "fixedrange": True,
    }


def _span(plane: Plane, name: str) -> tuple[float, float]:
    """The lowest and the highest value, the whole pool left out: its radius of 0 would flatten all others."""
    values = plane.chosen_from(name)
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)


def _scale(plane: Plane, name: str) -> dict[str, object]:
    if name in LOGARITHMIC:
        return {"type": "log", "dtick": 1, "fixedrange": True}
    low, high = _span(plane, name)
    drawn = plane.control[name]
    inner = plane.counts < plane.pool["rows"]
    known = np.concatenate(([low, high], drawn.low[inner], drawn.high[inner]))
    known = known[np.isfinite(known)]
    room = 0.06 * float(np.ptp(known)) or 0.1
    return {"range": [float(known.min()) - room, float(known.max()) + room], "fixedrange": True}


def _clear(figure: go.Figure) -> go.Figure:
    return figure.update_layout(
        template="none",
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        height=HEIGHT,
        margin={"l": 64, "r": 12, "t": 36, "b": 56},
        hovermode="closest",
        hoverdistance=-1,
        dragmode=False,
        clickmode="event+select",
    )
