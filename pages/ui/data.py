"""The dataset that is open: its header, and what a page says when it cannot be shown."""

from __future__ import annotations

import streamlit as st

from core import Project, WinnowError
from core.task_region import NAME as OUTSIDE_REGION
from core.wording import counted
from pages.ui import cached, choose, downloads, progress, shape, state
from pages.ui.markup import plain

HEALTH = "pages/prepare/health.py"
SECONDS_A_ROW = 0.0004  # of graph, clusters, names and layout in the warm worker


def open_project() -> Project:
    """The project of this session, without the rows that are taken out.

    Where it cannot be opened the page says why and ends here.
    """
    view = state.current()
    downloads.wait_for(view.data)
    try:
        project = cached.project(
            view.data, view.map, view.mapping, view.embed, keep=view.keep, judged=view.judged
        ).cleaned()
        project.ledger.pins(project.dataset.origin)  # a ledger that cannot be read is said here
        state.look_at(project.dataset.fingerprint)
        return project
    except WinnowError as error:
        st.subheader("This dataset cannot be opened", anchor=False)
        st.error(plain(error), icon=":material/error:")
        if view.data != "sample":
            st.button(
                "Open the sample",
                key="back_to_sample",
                on_click=state.open_data,
                args=("sample",),
            )
            shape.offer(view.data)
        st.stop()


def open_fitted() -> Project:
    """The same project, when the session's view has a judge, a threshold and a count that exist in it."""
    project = open_project()
    view = state.current()
    if view.fitted != project.dataset.scored_fingerprint:
        state.update(**choose.fit(view, project))
    return project


def seconds(rows: int) -> str:
    """How long graph, clusters and map take, once there are vectors, by what was measured on two cores."""
    return f"{max(5 * round(rows * SECONDS_A_ROW / 5), 5):,} seconds"


def header(project: Project, *, large: bool = False) -> None:
    """The name of the dataset, how many rows are looked at and in which shape they came."""
    dataset = project.dataset
    sample = state.current().data == "sample"
    with st.container(gap="xsmall"):
        # The name of a file is data and is never read as markup.
        name = "The bundled sample" if sample else dataset.name
        if large:
            st.subheader(plain(name), anchor=False)
        else:
            st.text(name)
        st.caption(f"{counted(len(dataset), 'row')}, {dataset.schema} schema")
        if dataset.taken_out:
            st.page_link(
                HEALTH, label=f"{dataset.taken_out:,} taken out", icon=":material/health_and_safety:"
            )
        if any(each.rule == OUTSIDE_REGION for each in project.removals):
            st.caption("The pool is the region of a task: every figure and random draw is of it.")
        resting = len(project.resting)
        if resting:
            st.caption(f"{counted(resting, 'pin')} on rows that are taken out rest until they are back.")


def no_map_yet(project: Project) -> None:
    """The empty state of a dataset without a map: one sentence, one button."""
    st.subheader(f"No map of {counted(len(project.dataset), 'row')} yet", anchor=False)
    if project.dataset.taken_out and project.has_vectors():
        time = seconds(len(project.dataset))
        st.write(f"The vectors of the rows that stay are there, so their map takes about {time}.")
    else:
        st.write("The prompts are embedded, clustered and laid out once; afterwards every slider is instant.")
    st.button(
        "Make the map", key="make_map", type="primary", on_click=progress.start, args=(project,),
        icon=":material/play_arrow:",
    )  # fmt: skip
