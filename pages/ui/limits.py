"""The limits beside the count: a token budget, and near copies that are left out before rows are chosen."""

from __future__ import annotations

import streamlit as st

from core.selection import WIDEST
from pages.ui import link, state

TOKENS, DEDUP = "max_tokens", "dedup_distance"  # keys of the boxes, and what they set in the view
TOKEN_STEP = 10_000
MOST_TOKENS = 10**link.TOKEN_DIGITS - 1


def sidebar() -> None:
    """Both limits, off while their box is empty."""
    view = state.current()
    is_set = view.max_tokens is not None or view.dedup_distance is not None
    with st.sidebar, st.expander("Limits", expanded=is_set, icon=":material/straighten:"):
        state.seed_clearable(TOKENS, view.max_tokens)
        st.number_input(
            "Token budget",
            min_value=0,
            max_value=MOST_TOKENS,
            value=None,
            step=TOKEN_STEP,
            key=TOKENS,
            placeholder="No budget",
            on_change=change,
            args=(TOKENS,),
            help="Prompts and responses of the selected rows hold at most this many tokens together. The "
            "first row that would exceed it ends the selection; pinned rows are always in.",
        )
        state.seed_clearable(DEDUP, view.dedup_distance)
        st.number_input(
            "Leave out near copies within",
            min_value=link.LEAST_DISTANCE,
            max_value=WIDEST,
            value=None,
            step=0.01,
            format="%.3f",
            key=DEDUP,
            placeholder="Keep all",
            on_change=change,
            args=(DEDUP,),
            help="Cosine distance; higher leaves out more. Before rows are chosen, a row this near to a "
            "better one of its cluster is left out. SemDeDup, arXiv 2303.09540.",
        )


def change(key: str) -> None:
    """Another limit, or none."""
    state.update(**{key: state.widget(key)})
