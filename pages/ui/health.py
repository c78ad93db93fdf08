"""What is out of the file: figures, the steps that led there, and their way back."""

from __future__ import annotations

import streamlit as st

from core import Project
from core.removals import title
from core.wording import counted
from pages.ui import data, progress, removing
from pages.ui.markup import plain

MAP = "pages/curate/explore.py"
EMPTY = "Nothing is taken out. What you take out below stays in the file, and each step can be undone."


def summary(project: Project) -> None:
    """How many rows the file has, how many are out, and how many are looked at."""
    rows, out = len(project.whole.dataset), project.dataset.taken_out
    with st.container(horizontal=True, gap="small", key="figures"):
        st.metric("Rows in the file", f"{rows:,}", border=True)
        st.metric("Taken out", f"{out:,}", border=True)
        st.metric("Rows that stay", f"{rows - out:,}", border=True)


def steps(project: Project) -> None:
    """Every removal with its rows and a way back, and Undo and Redo of the last step."""
    removals = project.removals
    undo, redo = project.cleaning_steps
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Taken out so far**" if removals else EMPTY, width="stretch")
        if undo or redo:
            with st.container(horizontal=True, width="content"):
                _walk(project, undo=bool(undo), redo=bool(redo))
    for place, (each, rows) in enumerate(zip(removals, project.taken.steps, strict=True)):
        with st.container(horizontal=True, vertical_alignment="center", key=f"step_{place}"):
            st.text(f"{place + 1}. {title(each)}", width="stretch")
            seen = len(each.found) - len(rows)
            already = f", {seen:,} more were out already" if seen else ""
            st.caption(f"{counted(len(rows), 'row')}{already}", width="content")
            st.button(
                "Put back", key=f"put_back_{place}", icon=":material/settings_backup_restore:",
                on_click=removing.put_back, args=(project, each),
            )  # fmt: skip
    _emptied(project)


def _walk(project: Project, *, undo: bool, redo: bool) -> None:
    """The two buttons, which stay side by side on a narrow page."""
    st.button(
        "Undo", key="undo_removal", icon=":material/undo:", disabled=not undo,
        on_click=removing.undo, args=(project,),
    )  # fmt: skip
    st.button(
        "Redo", key="redo_removal", icon=":material/redo:", disabled=not redo,
        on_click=removing.redo, args=(project,),
    )  # fmt: skip


def _emptied(project: Project) -> None:
    """Rules that keep one row of each group may together keep none: that is said."""
    lost = project.lost_groups()
    if lost:
        st.warning(
            plain(
                f"Of {counted(lost, 'group')} of duplicates no row is left: the one that should stay went "
                "out in another step. Put that step back, or keep one of its rows."
            ),
            icon=":material/info:",
        )


def map_again(project: Project) -> None:
    """The map of what is left: made already, in the making, or offered."""
    progress.panel(project)
    if project.has_map():
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="to_the_map"):
            st.page_link(MAP, label="Open the map", icon=":material/scatter_plot:")
            st.caption(plain(f"It shows the {counted(len(project.dataset), 'row')} that stay."))
    elif progress.job_of(project) is None:
        with st.container(border=True, key="map_again"):
            data.no_map_yet(project)
