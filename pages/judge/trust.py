"""Trust: whether the scores deserve to decide, what they lean towards, and what to do about it."""

from __future__ import annotations

import streamlit as st

from pages.ui import choose, data, drawer, sidebar, state, trust


def page() -> None:
    """The whole page."""
    st.subheader("Do these scores deserve to decide?", anchor=False)
    project = data.open_fitted()
    view = state.current()
    sidebar.show(project)
    if project.can_choose():
        choice = choose.choose(project, view, owner=state.session_owner())
    else:
        choice = choose.without_order(project, view)
    trust.show(project, choice)
    if project.can_choose():
        drawer.show(project, choice, queue_title="Rows that judges see differently")
    state.write_link()


page()
