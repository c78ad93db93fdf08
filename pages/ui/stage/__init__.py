"""The stage: scenes one after another, as large as the window, driven by keys.

It lies over the whole page as a modal dialog, so that neither sidebar nor header shows, and holds every
scene at once: stepping asks the server nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure in words: its title, its value, and what random draws have."""

    title: str
    value: str
    beside: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """One scene in words, with its picture (PNG)."""

    name: str
    note: str
    decisions: str
    lines: tuple[Line, ...]
    picture: bytes


_stage = st.components.v2.component(
    "winnow_stage",
    css=(HERE / "stage.css").read_text("utf-8"),
    js=(HERE / "stage.js").read_text("utf-8"),
    isolate_styles=False,
)


def show(slides: Sequence[Slide], *, of: str, start: int | None, key: str) -> bool:
    """Show the slides from one of them on; whether the person left.

    Args:
        of: the name of the dataset.
        start: place of the first slide; None: where this browser tab stood, as after a reload.
        key: of the component.
    """
    packed = [asdict(slide) | {"picture": base64.b64encode(slide.picture).decode()} for slide in slides]
    events = _stage(
        key=key, data={"of": of, "start": start, "slides": packed}, height=0, on_leave_change=_ignore
    )
    return events.leave is not None


def _ignore() -> None:
    """Streamlit accepts a trigger only where a callback is named."""
