"""The licence of the source: asked for before anything leaves, remembered for the dataset."""

from __future__ import annotations

import streamlit as st

from core import Project
from core.errors import WinnowError
from core.exporting import LICENCES, MODEL_OUTPUT, UNKNOWN, checked_licence, licence_of
from pages.ui import state
from pages.ui.markup import plain

KEY = "licence"
I_WILL_NOT = f"{UNKNOWN}: I will not publish this"


def ask(project: Project) -> str | None:
    """The box, what it proposes, and what the licence forbids; None until one is chosen."""
    known = project.licence
    state.seed_clearable(KEY, known or None)
    st.selectbox(
        "Licence of the source",
        list(dict.fromkeys([*([known] if known else []), UNKNOWN, *LICENCES])),
        index=None,
        key=KEY,
        format_func=lambda each: I_WILL_NOT if each == UNKNOWN else str(each),
        placeholder="Choose or write one",
        accept_new_options=True,
        on_change=_change,
        args=(project,),
        width=480,
        help="A subset keeps the licence of its source, and the download waits for it. Another licence: its "
        "name, then a link to its text. Remembered for this dataset.",
    )
    if (wrong := state.licence_problem()) is not None:
        st.warning(plain(wrong))
    if not known:
        _propose(project)
        return None
    for term in licence_of(known).terms:
        st.warning(term)
    st.caption(MODEL_OUTPUT)
    return known


def _propose(project: Project) -> None:
    proposed = project.proposed_licence
    if not proposed:
        st.caption("The download waits for the licence of the source.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(plain(f"The dataset card beside the file says {proposed}."), width="content")
        st.button(f"Use {plain(proposed)}", key="use_licence", on_click=_name, args=(project, proposed))


def _change(project: Project) -> None:
    chosen = state.widget(KEY)
    _name(project, "" if chosen is None else UNKNOWN if chosen == I_WILL_NOT else str(chosen))


def _name(project: Project, text: str) -> None:
    """Keep it; what is no licence is said, and nothing is kept of it."""
    try:
        project.name_licence(checked_licence(text))
        state.say_of_licence(None)
    except WinnowError as error:
        state.say_of_licence(str(error) if text else None)
