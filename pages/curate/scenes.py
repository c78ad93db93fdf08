"""Scenes: the selections that were saved, as cards."""

from __future__ import annotations

import streamlit as st

from pages.ui import data, scenes, state


def page() -> None:
    """The whole page."""
    st.subheader("Scenes", anchor=False)
    project = data.open_fitted()
    with st.sidebar:
        data.header(project)
    scenes.cards(project)
    state.write_link()


page()
