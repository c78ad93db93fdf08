"""Health: what may be wrong with the rows, and what is taken out before the map is made."""

from __future__ import annotations

import streamlit as st

from pages.ui import cached, checks, data, duplicates, health, state
from pages.ui.markup import plain


def page() -> None:
    """The whole page."""
    st.subheader("Health of the rows", anchor=False)
    project = data.open_project()
    cached.worker().warm()
    with st.sidebar:
        data.header(project)
    for note in state.current().notes:
        st.warning(plain(note), icon=":material/info:")
    health.summary(project)
    health.steps(project)
    health.map_again(project)
    st.divider()
    duplicates.panel(project)
    st.divider()
    checks.panel(project)
    state.write_link()


page()
