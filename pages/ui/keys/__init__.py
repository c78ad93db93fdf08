"""Buttons with keys that say something of what is on the screen: a row, or a pair of answers.

    pressed = keys.pressed(KEY)                      first in the fragment: what was said, and of what
    keys.show(sayings, ways, about=shown, …)         last, so that what they are about is on the screen

A press bears what the buttons were about when the person pressed, not what the server shows by then: on a
slow line the next row may be on its way. The browser sends a press until it is answered; it counts once.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from pages.ui import state

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One button.

    name: what a press is told as. key: as a browser names it ("4", "k", "ArrowLeft"). is_said: whether it is
    what was said last; None where that is no question.
    """

    name: str
    title: str
    key: str
    is_said: bool | None = None
    is_disabled: bool = False


class Press(NamedTuple):
    """What was said, and what the buttons were about on the person's screen."""

    name: str
    about: Any


_keys = st.components.v2.component(
    "winnow_keys",
    css=(HERE / "keys.css").read_text("utf-8"),
    js=(HERE / "keys.js").read_text("utf-8"),
    isolate_styles=False,
)


def show(*groups: Sequence[Button], about: Hashable, title: str, key: str) -> None:
    """Show two groups of buttons, one at each end of the line.

    ``about`` comes back with a press, ``title`` names it for screen readers.
    """
    data = {
        "about": state.name_shown(key, about),
        "title": title,
        "taken": state.taken_press(key),
        "groups": [[asdict(button) for button in group] for group in groups],
    }
    _keys(key=key, data=data, on_pressed_change=_ignore)


def pressed(key: str) -> Press | None:
    """A press that was not answered yet; None where there is none, or its thing is long gone."""
    raw = state.component(key).get("pressed")
    if not isinstance(raw, Mapping):
        return None
    n, about, name = (raw.get(each) for each in ("n", "about", "name"))
    if not isinstance(n, int) or not isinstance(about, str) or not isinstance(name, str):
        return None
    if n <= state.taken_press(key):
        return None
    state.take_press(key, n)
    shown = state.shown_as(key, about)
    return None if shown is None else Press(name, shown)


def _ignore() -> None:
    """Streamlit accepts a trigger only where a callback is named."""
