"""The dataset that is open: its header, and what a page says when it cannot be shown."""

from __future__ import annotations

import streamlit as st

from core import Project, WinnowError
from core.wording import counted
from pages.ui import cached, progress, state
from pages.ui.markup import plain


def open_project() -> Project:
    """The project of this session; where it cannot be opened the page says why and ends here."""
    view = state.current()
    try:
        project = cached.project(view.data, view.map)
        project.ledger.pins(project.dataset.fingerprint)  # a ledger that cannot be read is said here
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
                type="primary",
            )
        st.stop()


def header(project: Project) -> None:
    """The name of the dataset, how many rows it has and in which shape they came."""
    dataset = project.dataset
    sample = state.current().data == "sample"
    with st.container(gap="xsmall"):
        # st.text: the name of a file is data and is never read as markup.
        st.text("The bundled sample" if sample else dataset.name)
        st.caption(f"{counted(len(dataset), 'row')}, {dataset.schema} schema")


def no_map_yet(project: Project) -> None:
    """The empty state of a dataset without a map: one sentence, one button."""
    st.subheader(f"No map of {counted(len(project.dataset), 'row')} yet", anchor=False)
    st.write("The prompts are embedded, clustered and laid out once; afterwards every slider is instant.")
    st.button(
        "Make the map", key="make_map", type="primary", on_click=progress.start, args=(project,),
        icon=":material/play_arrow:",
    )  # fmt: skip
