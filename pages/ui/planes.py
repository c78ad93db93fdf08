"""The what-if plane on its page: heat map, curves, what they say, and the place one stands at."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

import streamlit as st

from core import Project, SelectParams, WinnowError
from core.plane import FIGURES, Plane
from core.plane_plots import Place, gain_figure, plane_figure
from core.reading import AT_LEAST, reading, standing
from core.selection import strategy
from pages.ui import cached, state
from pages.ui.choose import PATIENCE
from pages.ui.markup import plain
from pages.ui.progress import EVERY

EXPLORE = "pages/curate/explore.py"
HEAT, CURVES = "plane_heat", "plane_curves"  # the keys of the two charts
SHOWN = ("radius", "mean_nearest", "clusters", "mean_score", "tokens")
HOW = (
    "A cell is a selection: its threshold across, its count up. {better} "
    "Click a cell or a point of a curve to stand there: the orange frame is where you are."
)
BETTER = {
    "lower": "Lower is better, and brighter.",
    "higher": "Higher is better, and brighter.",
    None: "Brighter is more.",
}
CONFIG = {"displayModeBar": False, "scrollZoom": False}


def show(project: Project, *, owner: str) -> None:
    """The plane, or how far it is."""
    view = state.current()
    for note in view.notes:
        st.warning(plain(note), icon=":material/info:")
    params = view.params(project.pins)
    try:
        plane = _plane_soon(project, params, owner)
    except WinnowError as error:
        st.warning(plain(error), icon=":material/info:")
        return
    if plane is None:
        st.fragment(_wait, run_every=EVERY)(project, params)
        return
    at = plane.place(params.min_score, params.count)
    if not len(plane.counts):
        st.text(standing(plane, "radius", *at))
        return
    name = _choose_figure(plane)
    focus = at[0] if at[0] is not None else len(plane.thresholds) - 1
    st.markdown(plain(" ".join((reading(plane, name, focus), *plane.notes))))
    st.caption(HOW.format(better=BETTER[FIGURES[name].better]))
    _charts(plane, name, focus, at)
    _standing(plane, name, at)


def _key(project: Project, params: SelectParams) -> Hashable:
    return ("plane", project.map_key, params)


def _plane_soon(project: Project, params: SelectParams, owner: str) -> Plane | None:
    """The plane, if it is there or comes within a moment; else it is made in the background."""
    plane = project.ready_plane(params)
    if plane is None:
        cached.background().want(
            "curves",
            owner,  # whatever else this session waited for is given up
            _key(project, params),
            lambda check: project.plane(params, on_progress=check),
            within=PATIENCE,
        )
        plane = project.ready_plane(params)
    return plane


def _wait(project: Project, params: SelectParams) -> None:
    """How many thresholds and draws are measured; the page is run again when all are."""
    key = _key(project, params)
    if not cached.background().is_making(key):
        st.rerun()
    made = cached.background().progress(key)
    title = strategy(params.strategy).title
    done, note = (made.done / made.total, made.note) if made and made.stage == "plane" else (0.0, "waiting")
    st.progress(done, text=plain(f"{title} at every threshold and count: {note}…"))


def _choose_figure(plane: Plane) -> str:
    names = [name for name in SHOWN if name != "mean_score" or plane.params.judge is not None]
    chosen = st.segmented_control(
        "Figure",
        names,
        default=names[0],
        key="plane_figure",
        format_func=lambda name: FIGURES[name].title,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    return str(chosen) if chosen in names else names[0]


def _charts(plane: Plane, name: str, focus: int, at: Place) -> None:
    title = FIGURES[name].title
    with st.container(horizontal=True, key="plane_charts"):
        st.plotly_chart(
            plane_figure(plane, name, at=at),
            key=HEAT,
            on_select=partial(take_place, plane, HEAT),
            selection_mode="points",
            config=CONFIG,
            alt=f"{title} at every threshold and count",
        )
        st.plotly_chart(
            gain_figure(plane, name, focus, at=at),
            key=CURVES,
            on_select=partial(take_place, plane, CURVES),
            selection_mode="points",
            config=CONFIG,
            alt=f"{title} against the count, with random draws",
        )


def take_place(plane: Plane, key: str) -> None:
    """A cell or a point of a curve was picked: stand there."""
    picked = state.picked_place(key)
    if picked is not None and picked[0] < len(plane.thresholds) and picked[1] < len(plane.counts):
        _stand(plane, *picked)


def _stand(plane: Plane, threshold: int, size: int) -> None:
    state.update(min_score=plane.thresholds[threshold], count=int(plane.counts[size]))


def _standing(plane: Plane, name: str, at: Place) -> None:
    """The place one stands at, two boxes that set it without a mouse, and the way to Explore."""
    threshold, size = at
    reach = plane.reach(threshold) if threshold is not None else 0
    with st.container(horizontal=True, vertical_alignment="bottom", key="plane_place"):
        st.selectbox(
            "Threshold",
            range(len(plane.thresholds)),
            state.seed_widget("plane_threshold", threshold),
            key="plane_threshold",
            format_func=lambda place: _threshold_title(plane, place),
            on_change=change_threshold,
            args=(plane, size),
            placeholder="None reached",
            width=220,
        )
        st.selectbox(
            "Rows to select",
            range(reach),
            state.seed_widget("plane_count", size if size is not None and size < reach else None),
            key="plane_count",
            format_func=lambda place: f"{plane.counts[place]:,}",
            on_change=change_count,
            args=(plane, threshold),
            placeholder="Another count",
            width=160,
        )
        if st.button("Open in Explore", key="open_explore", type="primary", icon=":material/scatter_plot:"):
            st.switch_page(EXPLORE)
        st.text(standing(plane, name, threshold, size))


def change_threshold(plane: Plane, size: int | None) -> None:
    """Another threshold, at the same count or the largest that it has rows for."""
    threshold = state.widget("plane_threshold")
    if threshold is not None:
        last = plane.reach(threshold) - 1
        _stand(plane, threshold, last if size is None else min(size, last))


def change_count(plane: Plane, threshold: int | None) -> None:
    """Another count at the same threshold."""
    size = state.widget("plane_count")
    if size is not None and threshold is not None:
        _stand(plane, threshold, size)


def _threshold_title(plane: Plane, place: int) -> str:
    rows = f"{plane.eligible[place]:,} rows"
    each = plane.thresholds[place]
    return rows if each is None else f"{AT_LEAST} {each:g}: {rows}"
