"""Choosing rows: strategies make an order once, a cut takes a slice of it."""

from core.selection.border import Border, border
from core.selection.cut import NO_PINS, Pinned, cut, eligible, thresholds, with_pins
from core.selection.registry import Candidates, Option, Strategy, strategies, strategy

__all__ = [
    "NO_PINS",
    "Border",
    "Candidates",
    "Option",
    "Pinned",
    "Strategy",
    "border",
    "cut",
    "eligible",
    "strategies",
    "strategy",
    "thresholds",
    "with_pins",
]
