"""The app as a person meets it: what the screen says, and what can be done to it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pandas as pd
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "sample.jsonl"
EXPLORE, LOAD, EXPORT = "pages/curate/explore.py", "pages/prepare/load.py", "pages/share/export.py"
PENDING = "…"
MESSAGES = ("error", "warning", "info", "caption", "subheader", "markdown", "text")


class App:
    """One session of the app."""

    def __init__(self, at: AppTest) -> None:
        self.at = at
        self.seq = 0

    def run(self) -> App:
        """Run the page; nothing may have gone wrong."""
        self.at.run()
        assert [each.value for each in self.at.exception] == []
        return self

    def settle(self, within: float = 120) -> App:
        """Run until nothing on the page is still being computed."""
        until = time.monotonic() + within
        while self._is_computing():
            assert time.monotonic() < until, self.said()
            time.sleep(0.05)
            self.run()
        return self

    def _is_computing(self) -> bool:
        figures, beside = self.figures(), self.beside()
        if PENDING in figures.values() or any(PENDING in each for each in self.said("caption")):
            return True
        return figures.get("Covering radius", "–") != "–" and not beside["Covering radius"]

    def turn_to(self, page: str) -> App:
        """Go to another page."""
        self.at.switch_page(page)
        return self.run()

    # What the screen says.

    def figures(self) -> dict[str, str]:
        """Title -> figure."""
        return {each.label: each.value for each in self.at.metric}

    def beside(self) -> dict[str, str]:
        """Title -> the remark under the figure."""
        return {each.label: each.delta for each in self.at.metric}

    def said(self, *kinds: str) -> list[str]:
        """Every message on the page, without the backslashes that keep Markdown from reading it."""
        found = [each.value for kind in kinds or MESSAGES for each in self.at.get(kind)]
        return [re.sub(r"\\([^\w\s])", r"\1", text) for text in found]

    def says(self, text: str) -> bool:
        """Whether a message holds this text."""
        return any(text in each for each in self.said())

    def rows(self) -> pd.DataFrame:
        """The table of rows."""
        return next(each.value for each in self.at.dataframe if each.key == "rows")

    def tables(self) -> list[pd.DataFrame]:
        """All tables of the page."""
        return [each.value for each in (*self.at.dataframe, *self.at.table)]

    def buttons(self) -> set[str]:
        """The keys of all buttons."""
        return {each.key for each in self.at.button if each.key}

    # What a person does.

    def choose(self, key: str, value: Any) -> App:
        """Set a box in the sidebar or on the page."""
        for kind in ("selectbox", "number_input", "text_input", "button_group", "radio"):
            for each in self.at.get(kind):
                if each.key == key:
                    each.set_value(value)
                    return self.run()
        raise AssertionError(f"nothing on the page has the key {key}")

    def value(self, key: str) -> Any:
        """What a box holds."""
        kinds = ("selectbox", "number_input", "text_input", "button_group", "radio")
        return next(each.value for kind in kinds for each in self.at.get(kind) if each.key == key)

    def press(self, key: str) -> App:
        """Press a button."""
        self.at.button(key=key).click()
        return self.run()

    def press_key(self, name: str) -> App:
        """Press one of the buttons with keys, as the browser tells it: with what they are about."""
        (shown,) = self.key_buttons()
        (button,) = [each for group in shown["groups"] for each in group if each["name"] == name]
        assert not button["is_disabled"], name
        return self.tell_press(n=shown["taken"] + 1, about=shown["about"], name=name)

    def tell_press(self, **press: Any) -> App:
        """What the browser tells of a press."""
        (shown,) = self.key_buttons()
        key = next(each for each in ("review_keys", "pair_keys", "queue_keys") if f"-{each}" in shown["id"])
        self.at.session_state[key] = {"pressed": press}
        self.run()
        self.at.session_state[key] = {}
        return self

    def key_buttons(self) -> list[dict[str, Any]]:
        """The buttons with keys, with the id of what shows them; none where there are none."""
        found = [each.proto for each in self.at.get("bidi_component")]
        return [
            {**json.loads(each.mixed.json or each.json), "id": each.id}
            for each in found if each.component_name.endswith("winnow_keys")
        ]  # fmt: skip

    def tab(self, name: str) -> App:
        """Turn to a tab of rows."""
        return self.settle().choose("tab", name)

    def drag(self, *, level: int | None, count: int, colour: str = "cluster", isolated: Any = None) -> App:
        """Move the controls of the map."""
        self.seq += 1
        settings = {
            "seq": self.seq, "level": level, "count": count, "colour": colour, "isolated": isolated
        }  # fmt: skip
        return self.send(settings=settings)

    def pin(self, op: str, **about: Any) -> App:
        """Include, exclude, clear or undo on the map."""
        self.seq += 1
        return self.send(pin={"n": self.seq, "op": op, **about})

    def click(self, row: int) -> App:
        """Click a point of the map."""
        return self.send(open={"row": row})

    def send(self, **events: Any) -> App:
        """What the map sends; an event is there for one run."""
        self.at.session_state["map"] = events
        self.run()
        self.at.session_state["map"] = {}
        return self


def open_app(page: str = "", **link: str) -> App:
    """A new session at a link."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in link.items():
        at.query_params[name] = value
    app = App(at).run()
    return app.turn_to(page) if page else app


def link_of(app: App) -> dict[str, str]:
    """What the address bar holds."""
    return dict(app.at.query_params)


def number(text: str) -> float:
    """A figure as a number: without commas, and without the mark of what is interpolated."""
    return float(text.replace(",", "").removeprefix("≈ "))
