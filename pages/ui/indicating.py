"""The offline indicator: what it is made of, how it lies, and a switch that makes it a judge."""

from __future__ import annotations

import polars as pl
import streamlit as st

from core import Project, WinnowError, indicator, scoring
from core.domain import ScoreColumn
from pages.ui import state
from pages.ui.markup import plain

NAME = indicator.COLUMN
DECISION = ScoreColumn(name=NAME, column=NAME)
LOAD = "pages/prepare/load.py"


def panel(project: Project) -> None:
    """Shown whether there is a key or not: it needs none."""
    is_on = DECISION in project.scores
    with st.expander("Without a model: an indicator, or scores you have", icon=":material/straighten:"):
        left, right = st.columns((3, 2), gap="medium")
        with left:
            st.markdown(
                "**Offline indicator,** a number from 0 to 100 that the text of a row gives by itself."
            )
            st.caption(
                "An indicator, not a language model: it reads form, not truth, and says mostly how long an "
                "answer is. After the indicators of Instruction Mining that need no model; nothing is fitted."
            )
            parts = pl.DataFrame({"part": list(indicator.PARTS), "what": list(indicator.PARTS.values())})
            st.table(parts, hide_index=True, width="stretch", border="horizontal")  # wraps what is long
            st.toggle(
                "Use it as a judge", value=is_on, key=f"indicator_{project.dataset.scored_fingerprint}",
                on_change=_switch, args=(project, not is_on),
                help="Takes some seconds once. It then stands beside the columns, under this name.",
            )  # fmt: skip
        with right:
            if is_on and NAME in project.judges:
                _histogram(project)
            st.markdown("**Scores that you have**")
            st.caption("A column of this dataset or of another file becomes a judge on the Load page.")
            st.page_link(LOAD, label="Import scores", icon=":material/upload_file:")


def _histogram(project: Project) -> None:
    judge = project.judges[NAME]
    st.bar_chart(
        scoring.histogram(judge), x="score", y="rows", height=190, x_label="offline indicator", y_label="rows"
    )
    st.caption(f"{judge.scored:,} rows; {judge.unscored:,} without an answer are unscored.")


def _switch(project: Project, wanted: bool) -> None:
    others = tuple(each for each in project.scores if each.name != NAME)
    try:
        with st.spinner("Reading the answers"):
            project.keep_scores((*others, DECISION) if wanted else others)
    except WinnowError as error:
        st.error(plain(error))
    state.update()
