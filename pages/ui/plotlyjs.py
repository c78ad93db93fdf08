"""Plotly's own script, from the installed package, and the code that has a browser load it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from streamlit.components.v1 import declare_component

# Serves plotly.min.js; never mounted, and it works offline. The address is written in the script below.
declare_component("files", path=str(files("plotly") / "package_data"))

LOAD = (Path(__file__).parent / "assets" / "plotly.js").read_text("utf-8")
