"""Review: people rate rows without seeing the judges, and their verdicts tell what those are worth."""

from __future__ import annotations

import streamlit as st

from pages.ui import data, pair_rating, progress, rating, rating_figures, sidebar, state
from pages.ui.markup import plain
from pages.ui.rating import FIGURES, PAIRS, RATE


def page() -> None:
    """The whole page."""
    st.subheader("Review rows by eye", anchor=False)
    project = data.open_fitted()
    sidebar.show(project)
    progress.panel(project)
    for note in state.current().notes:
        st.warning(plain(note), icon=":material/info:")
    mode = st.segmented_control(
        "What to do", (RATE, FIGURES, PAIRS), default=RATE, key="review_mode", required=True,
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    if mode == PAIRS:
        pair_rating.panel(project)
    elif not project.has_map():
        if progress.job_of(project) is None:
            data.no_map_yet(project)
    else:
        show = rating.panel if mode == RATE else rating_figures.panel
        show(project, state.session_owner())
    state.write_link()


page()
