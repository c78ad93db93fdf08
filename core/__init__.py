"""Winnow's library: pick the best N rows of an instruction dataset and defend the choice."""

from core.domain import Pins, Reason, Selection, SelectParams
from core.errors import WinnowError
from core.project import MapParams, Project

__all__ = ["MapParams", "Pins", "Project", "Reason", "SelectParams", "Selection", "WinnowError"]
