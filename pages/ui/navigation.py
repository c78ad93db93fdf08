"""The pages of the app in their sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

FIRST = "pages/curate/explore.py"  # what opens where nothing is named
HIDDEN = ""  # in place of an icon: reached by a button, not by the navigation


def shown(sections: Mapping[str, Sequence[tuple[str, str, str]]]) -> StreamlitPage:
    """The page that is open, with all of them in the sidebar: (script, title, icon) by section."""
    # Off in config.toml, or a fresh server would show the bare files of pages/ while it imports the app.
    st.set_option("client.showSidebarNavigation", True)
    return st.navigation({section: [_page(*each) for each in pages] for section, pages in sections.items()})


def _page(script: str, title: str, icon: str) -> StreamlitPage:
    """A page, whose address is the name of its file."""
    return st.Page(
        script,
        title=title,
        icon=f":material/{icon}:" if icon else None,
        url_path=None if script == FIRST else Path(script).stem,
        default=script == FIRST,
        visibility="visible" if icon else "hidden",
    )
