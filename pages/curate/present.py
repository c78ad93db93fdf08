"""Present: the scenes one after another, over the whole window."""

from __future__ import annotations

from pages.ui import data, scenes, state


def page() -> None:
    """The whole page."""
    project = data.open_fitted()
    state.write_link()
    scenes.present(project)


page()
