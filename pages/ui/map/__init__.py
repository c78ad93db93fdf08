"""The map: a carrier that brings the points to the browser once, and the map with its controls.

    carry(cloud.packet, key="cloud")                 outside any fragment, once a dataset
    show(pack_move(cloud, move), key="map", ...)     inside ``st.fragment``, at every rerun

The carrier's message also holds the code and the styles: it does not change while a slider moves, so
that a move costs its own bytes and no more. The callbacks take no argument; inside them
``read_settings``, ``read_pin`` and ``read_open`` read the state kept under the key.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core import palette
from pages.ui import plotlyjs
from pages.ui.map.cloud import Cloud, levels, pack_cloud, quantise
from pages.ui.map.colours import cluster_colours
from pages.ui.map.events import Pin, Settings, inside_polygon, pin_rows, read_open, read_pin, read_settings
from pages.ui.map.move import Move, pack_move

__all__ = [
    "Cloud",
    "Move",
    "Pin",
    "Settings",
    "carry",
    "cluster_colours",
    "inside_polygon",
    "levels",
    "pack_cloud",
    "pack_move",
    "pin_rows",
    "quantise",
    "read_open",
    "read_pin",
    "read_settings",
    "show",
]

HERE = Path(__file__).parent
SCRIPTS = (
    "wire.js",
    "scales.js",
    "dom.js",
    "plot.js",
    "overlay.js",
    "names.js",
    "rail.js",
    "stage.js",
    "map.js",
)

UNPACK = """
const packed = Uint8Array.from(atob("PACKED"), (character) => character.charCodeAt(0));
const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
const code = new Blob([await new Response(stream).text()], { type: "text/javascript" });
const { default: carrier } = await import(URL.createObjectURL(code));
export default carrier;
"""

# Sent with every move, so it only hands over to the code that the carrier brought, and is short: c is the
# component, h the hub that all maps share, p the component's parent.
HANDOVER = """
export default(c)=>{const h=(globalThis.winnowMap??={waiting:new Map()});if(h.mount)return h.mount(c);
const p=c.parentElement;h.waiting.set(p,c);return()=>setTimeout(()=>p.isConnected||h.unmount?.(p))}
"""


def script() -> str:
    """The code of the carrier: the files in order, deflated, since they travel with every mount."""
    palettes = {"ON_LIGHT": palette.ON_LIGHT, "ON_DARK": palette.ON_DARK}
    given = [f'const {name} = "{"".join(colours).replace("#", "")}";' for name, colours in palettes.items()]
    code = "\n".join((*given, plotlyjs.LOAD, *((HERE / name).read_text("utf-8") for name in SCRIPTS)))
    packed = base64.b64encode(zlib.compress(code.encode(), 9)).decode()
    return UNPACK.replace("PACKED", packed)


def styles() -> str:
    """The component's style sheet, without indentation."""
    lines = (HERE / "map.css").read_text("utf-8").splitlines()
    return "\n".join(line.strip() for line in lines if line.strip())


_carrier = st.components.v2.component("winnow_cloud", css=styles(), js=script(), isolate_styles=False)
_map = st.components.v2.component("winnow_map", js=HANDOVER, isolate_styles=False)


def carry(cloud: bytes, *, key: str) -> None:
    """Bring a packed cloud (``Cloud.packet``) to the browser, which keeps it as long as this is shown."""
    _carrier(key=key, data=cloud)


def show(
    move: bytes,
    *,
    key: str,
    on_settings: Callable[[], None] | None = None,
    on_pin: Callable[[], None] | None = None,
    on_open: Callable[[], None] | None = None,
) -> None:
    """Show the map at a packed move (``pack_move``); call inside ``st.fragment``.

    on_settings: a control moved; ``read_settings`` of the state under ``key`` says where all of them stand.
    on_pin: one include, exclude, clear or undo; ``read_pin`` of the state under ``key``.
    on_open: a row was clicked; ``read_open`` of the state under ``key``.
    """
    _map(
        key=key,
        data=move,
        on_settings_change=on_settings or _ignore,
        on_pin_change=on_pin or _ignore,
        on_open_change=on_open or _ignore,
    )


def _ignore() -> None:
    """Streamlit accepts a state or a trigger only where a callback is named."""
