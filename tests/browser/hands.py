"""What a person does to any map with the mouse: slide, draw, decide."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Hands(ABC):
    """A page with a map, and the hands on it."""

    page: Page

    @abstractmethod
    def settle(self) -> object:
        """Wait until everything is answered and drawn."""

    def slider(self, label: str) -> Any:
        """One of the two range inputs."""
        return self.page.get_by_label(label, exact=True)

    def grab(self, label: str) -> tuple[float, float, float]:
        """Press on a thumb; gives its place and the length of a step."""
        slider = self.slider(label)
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        at, last = slider.evaluate("e => [Number(e.value), Number(e.max)]")
        step = (box["width"] - 16) / last
        x, y = box["x"] + 8 + at * step, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        return x, y, step

    def draw(self, tool: str, corners: list[tuple[float, float]]) -> None:
        """Draw with a tool of the map, in pixels from its upper left corner."""
        self.page.get_by_role("button", name=tool, exact=True).click()
        box = self.page.locator(".wn-overlay").bounding_box()
        places = [(box["x"] + x, box["y"] + y) for x, y in corners]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=3)
        self.page.mouse.up()

    def act(self, name: str) -> None:
        """Press a button of the map's action bar."""
        self.page.locator(".wn-actions").get_by_role("button", name=name).click()
        self.settle()
