"""Why these rows: a few words for the card, the recipe and the report, remembered for the dataset."""

from __future__ import annotations

import streamlit as st

from core import Project
from core.errors import WinnowError
from core.exporting import LONGEST_WHY
from pages.ui import state
from pages.ui.markup import plain

KEY = "why"


def ask(project: Project) -> None:
    """The box; what is written is kept as soon as it is left."""
    st.text_area(
        "Why these rows",
        state.seed_widget(KEY, project.why),
        key=KEY,
        max_chars=LONGEST_WHY,
        height=100,
        placeholder="What they are for, what was weighed, who agreed",
        on_change=_keep,
        args=(project,),
        help="In your own words. The card, the recipe and the report have them; whoever opens the recipe "
        "finds them here. Remembered for this dataset.",
    )


def _keep(project: Project) -> None:
    try:
        project.note_why(str(state.widget(KEY) or ""))
    except WinnowError as error:
        st.warning(plain(error))
