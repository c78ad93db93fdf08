"""Where the app reads and writes, from the environment."""

from __future__ import annotations

import os
from pathlib import Path

from core.loading import hub_folder

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "sample.jsonl"


def home() -> Path:
    """The folder of the store, the ledger and the uploads: WINNOW_HOME, else .winnow here."""
    return Path(os.environ.get("WINNOW_HOME", ".winnow"))


def uploads() -> Path:
    """Where uploaded files are kept."""
    return home() / "uploads"


def hub() -> Path:
    """Where datasets of the hub are kept."""
    return hub_folder(home())


def roots() -> list[Path]:
    """The folders that a path may be opened from: here, and those that WINNOW_ROOTS names."""
    named = [Path(each) for each in os.environ.get("WINNOW_ROOTS", "").split(os.pathsep) if each]
    return [*named, Path.cwd(), SAMPLE.parent, uploads()]


def first_data() -> str:
    """What is open at the start: WINNOW_DATA, else the sample."""
    return os.environ.get("WINNOW_DATA", "sample")
