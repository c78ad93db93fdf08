"""What a judge will read of a row with several turns: the choice, and three rows under it."""

from __future__ import annotations

import polars as pl
import streamlit as st

from core import Project
from core.domain import JUDGED_CHOICES, Dataset
from core.judged import WITH_SYSTEM, judged
from pages.ui import state
from pages.ui.talk import CLIP

PARTS = {
    "last-exchange": "Last exchange",
    "first-exchange": "First exchange",
    "conversation": "Whole conversation",
}
SHOWN = 3  # rows
SINGLE_TURN = 2  # turns at most of a row that asks once


def panel(project: Project) -> None:
    """Shown where the choices differ; it changes neither map nor scores."""
    dataset = project.dataset
    rows = _telling(dataset)
    if not len(rows) and dataset.judged == JUDGED_CHOICES[0]:
        return
    with st.expander("What a judge will read", icon=":material/gavel:"):
        left, right = st.columns((2, 3), gap="medium")
        with left:
            st.selectbox(
                "Judged", JUDGED_CHOICES, key=_key(dataset), format_func=_title,
                index=JUDGED_CHOICES.index(dataset.judged), on_change=_choose, args=(_key(dataset),),
            )  # fmt: skip
            st.caption(
                "For scoring with a language model: the question and the answer that it will be shown. Score "
                "columns of the file, the map and the selection do not change with it."
            )
        with right:
            _rows(dataset, rows if len(rows) else dataset.frame.head(SHOWN))


def _telling(dataset: Dataset) -> pl.DataFrame:
    """The first rows that hold a system text or more than one exchange."""
    role = pl.element().struct.field("role")
    users = pl.col("messages").list.eval(role == "user").list.sum()
    turns = pl.col("messages").list.len()
    system = pl.col("system").str.strip_chars() != ""
    return dataset.frame.filter((users > 1) | ((turns > SINGLE_TURN) & (users > 0)) | system).head(SHOWN)


def _key(dataset: Dataset) -> str:
    return f"judged_{dataset.fingerprint[:8]}_{dataset.judged}"


def _choose(key: str) -> None:
    state.update(judged=state.widget(key))


def _title(choice: str) -> str:
    part = PARTS[choice.removesuffix(WITH_SYSTEM)]
    return f"{part} + system text" if choice.endswith(WITH_SYSTEM) else part


def _rows(dataset: Dataset, rows: pl.DataFrame) -> None:
    """Question and answer of each."""
    read = judged(rows, dataset.judged)
    tabs = st.tabs([f"Row {number}" for number in range(1, len(rows) + 1)])
    for tab, question, answer in zip(tabs, read.questions, read.answers, strict=True):
        with tab:
            for title, text in (("Question", question), ("Answer", answer)):
                with st.container(border=True, gap="xsmall"):
                    st.caption(title)
                    st.text(text if len(text) <= CLIP else f"{text[:CLIP]}…")
