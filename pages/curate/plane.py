"""How many: what every threshold and every count would give, and where more rows stop paying."""

from __future__ import annotations

import streamlit as st

from pages.ui import data, planes, progress, sidebar, state


def page() -> None:
    """The whole page."""
    st.subheader("How many rows are enough?", anchor=False)
    project = data.open_fitted()
    sidebar.show(project)
    progress.panel(project)
    if project.has_map():
        planes.show(project, owner=state.session_owner())
    elif progress.job_of(project) is None:
        data.no_map_yet(project)
    state.write_link()


page()
