"""Explore: the map with its sliders, the figures beside random, and the rows around the cut."""

from __future__ import annotations

import polars as pl
import streamlit as st

from core import Project
from core.selection import eligible
from pages.ui import (
    cached,
    choose,
    data,
    drawer,
    figures,
    finding,
    map,
    moves,
    progress,
    quotas,
    recipes,
    rows,
    scenes,
    seeking,
    sidebar,
    state,
)
from pages.ui.markup import plain

OWNER = state.session_owner()
HEAD = "Filled points are the selected rows. Drag the threshold and the count; click a point to read its row."


def head(project: Project) -> None:
    """What the page is for and what comes after it; outside the fragment, so that it costs a move nothing."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="head"):
        st.caption(HEAD)
        st.fragment(scenes.save)(project, OWNER)
        if st.button("Export these rows", key="to_export", type="primary", icon=":material/ios_share:"):
            st.switch_page("pages/share/export.py")


def live(project: Project, cloud: map.Cloud) -> None:
    """Everything that follows a slider: runs alone, without the rest of the page."""
    moves.take_events(project, cloud)
    view = state.current()
    choice = choose.choose(project, view, owner=OWNER)
    covered = choose.coverage(project, choice, owner=OWNER)
    figures.show(project, choice, covered)
    now = seeking.sought(project, owner=OWNER)
    ringed = seeking.ringed(project, now)
    move = moves.move_of(project, cloud, view, choice, ringed)
    map.show(map.pack_move(cloud, move, budget=moves.BUDGET), key=state.MAP)
    moves.pass_over_old_events()
    for error in (*view.notes, choice.error, covered.error):
        if error is not None:
            st.warning(plain(error), icon=":material/info:")
    sentences(project, choice)
    if choice.selection is not None:
        tables(project, choice, now)
    drawer.show(project, choice)
    progress.follow(project, choice, covered)
    state.write_link()


def sentences(project: Project, choice: choose.Choice) -> None:
    """What has to be said about this selection: ties, what was capped."""
    if choice.selection is None:
        quotas.way_out(choice)
        return
    judge = choose.judge_of(project, choice.params)
    said = [
        *choice.selection.notes,
        *filter(None, [scenes.remark(project, choice), recipes.remark(project, choice)]),
    ]
    ties = choice.selection.ties
    if ties.said:
        said.append(ties.said)
    if said:
        help_text = f"Decided by {ties.rule}." if ties.rule else None
        st.caption("  ".join(plain(each) for each in said), help=help_text)
    if judge is not None and not eligible(len(project.dataset), judge, choice.params.min_score).any():
        st.button(
            f"Set the threshold to {judge.high:g}",
            key="lower_threshold",
            on_click=state.update,
            kwargs={"min_score": judge.high},
        )


def tables(project: Project, choice: choose.Choice, now: seeking.Sought) -> None:
    """The rows around the cut and the clusters, one tab at a time."""
    if state.widget("tab") is None:
        state.set_widget("tab", state.TABS[0])
    tab = st.segmented_control(
        "Rows",
        state.TABS,
        default=state.widget("tab"),
        key="tab",
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    if tab == state.CLUSTERS:
        quotas.show(project, choice)
        return
    if tab == state.FIND:
        shown, sentence = finding.ask(project, choice, now)
    else:
        found, sentence = rows.rows_of(str(tab), project, choice)
        shown = found[: rows.SHOWN]
    st.caption(sentence)
    if not len(shown):
        return
    table = rows.table(project, choice, shown, str(tab))
    st.dataframe(
        # As Arrow: on the way through pandas every move would carry a kilobyte of pandas' own notes.
        finding.with_distance(table, now).to_arrow(compat_level=pl.CompatLevel.oldest()),
        key="rows",
        hide_index=True,
        on_select=open_selected,
        selection_mode="single-row",
        column_config={"prompt": st.column_config.TextColumn(width="large")},
    )
    state.remember_shown(shown)
    if tab in state.AT_THE_CUT:
        drawer.offer_queue(project, choice)


def open_selected() -> None:
    """A row of the table was picked: open it."""
    picked = state.picked_row("rows")
    if picked is not None:
        state.open_row(picked)


def page() -> None:
    """The whole page."""
    project = data.open_fitted()
    sidebar.show(project)
    progress.panel(project)
    if not project.has_map() and progress.job_of(project) is None:
        data.no_map_yet(project)
    if project.has_map() or project.has_draft():
        is_draft = not project.has_map()
        if not is_draft:
            head(project)
        cloud = cached.cloud(project, draft=is_draft)
        map.carry(cloud.packet, key="cloud")
        st.fragment(draft if is_draft else live)(project, cloud)
    state.write_link()


def draft(project: Project, cloud: map.Cloud) -> None:
    """The draft map: thresholds can be tried, choosing waits for the vectors."""
    moves.take_events(project, cloud, draft=True)
    view = state.current()
    choice = choose.without_order(project, view)
    map.show(map.pack_move(cloud, moves.move_of(project, cloud, view, choice)), key=state.MAP)
    moves.pass_over_old_events()
    for note in view.notes:
        st.warning(plain(note), icon=":material/info:")
    state.write_link()


page()
