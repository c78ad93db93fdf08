"""The app: page configuration and navigation."""

import streamlit as st

from pages.ui import places, reconnect, state

st.set_page_config(
    page_title="Winnow",
    page_icon=str(places.ASSETS / "icon.png"),
    layout="wide",
    initial_sidebar_state=240,
)
st.logo(str(places.ASSETS / "logo.svg"), size="large")
st.html(places.ASSETS / "app.html")
state.start()
reconnect.watch()

explore = st.Page("pages/curate/explore.py", title="Explore", icon=":material/scatter_plot:", default=True)
load = st.Page("pages/prepare/load.py", title="Load", icon=":material/upload_file:", url_path="load")
export = st.Page("pages/share/export.py", title="Export", icon=":material/ios_share:", url_path="export")

st.navigation({"Prepare": [load], "Curate": [explore], "Share": [export]}).run()
