"""What stands around every page; it imports nothing of Winnow.

So a browser has it while the server still imports the rest.

- The title, the logo and the styles of all pages.
- A page whose connection broke runs again when it is back: a server that was started anew knows nothing of
  the page's fragments and would never answer them.
- A page that was asked for and does not come is asked for again.
- The script that the map is drawn with is fetched while the browser has nothing else to do.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui import plotlyjs

ASSETS = Path(__file__).parent / "assets"

SCRIPT = (ASSETS / "frame.js").read_text("utf-8")

_component = st.components.v2.component("winnow_frame", js=plotlyjs.LOAD + SCRIPT, isolate_styles=False)


def show() -> None:
    """Begin a page; call once, before anything of Winnow is imported."""
    st.set_page_config(
        page_title="Winnow",
        page_icon=str(ASSETS / "icon.png"),
        layout="wide",
        initial_sidebar_state=240,
    )
    st.logo(str(ASSETS / "logo.svg"), size="large")
    st.html(ASSETS / "app.html")
    _component(key="frame", on_again_change=_ignore)


def _ignore() -> None:
    """The run itself is what is wanted."""
