"""Data and messages inside Streamlit's Markdown, shown as they are."""

from __future__ import annotations

import re

SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^])")


def plain(text: object) -> str:
    """Text that Markdown shows as it stands: no link, image, heading, colour or formula comes of it."""
    return SPECIAL.sub(r"\\\1", re.sub(r"\s+", " ", str(text)))
