"""Score: choose a judge that is a model, know the price, run it, see what became of every row."""

from __future__ import annotations

import streamlit as st

from pages.ui import (
    cached,
    data,
    indicating,
    judge_form,
    judge_price,
    judge_rows,
    judge_run,
    rubric_form,
    state,
)
from pages.ui.markup import plain


def page() -> None:
    """The whole page."""
    st.subheader("Score the rows with a model", anchor=False)
    project = data.open_fitted()
    cached.worker().warm()
    with st.sidebar:
        data.header(project)
    for note in state.current().notes:
        st.warning(plain(note), icon=":material/info:")
    left, right = st.columns((2, 3), gap="medium")
    with left:
        judge, rubric = judge_form.choose(project)
    if rubric is not None:
        with right:
            rubric_form.preview(project, rubric, judge)
    if judge is None and rubric is not None:  # without one the form says what to mend
        st.caption("Name a model to go on.")
    elif judge is not None:
        st.divider()
        st.markdown("**Price first, then the run**")
        wanted = judge_price.plan(project, judge)
        judge_run.panel(project, judge, wanted)
        judge_rows.panel(project, judge, wanted)
    st.divider()
    indicating.panel(project)
    state.write_link()


page()
