"""Choosing rows: strategies make an order once, a cut takes a slice of it."""

from core.selection.border import Border, border
from core.selection.budget import checked_budget, held
from core.selection.cut import NO_PINS, Pinned, cut, eligible, thresholds, with_pins
from core.selection.quotas import Cost, Quotas, quotas
from core.selection.registry import (
    Candidates,
    JudgeOption,
    Option,
    Strategy,
    of_clusters,
    strategies,
    strategy,
)
from core.selection.semdedup import WIDEST, checked_distance, near_copies
from core.selection.tied import Levels, Tie

__all__ = [
    "NO_PINS",
    "WIDEST",
    "Border",
    "Candidates",
    "Cost",
    "JudgeOption",
    "Levels",
    "Option",
    "Pinned",
    "Quotas",
    "Strategy",
    "Tie",
    "border",
    "checked_budget",
    "checked_distance",
    "cut",
    "eligible",
    "held",
    "near_copies",
    "of_clusters",
    "quotas",
    "strategies",
    "strategy",
    "thresholds",
    "with_pins",
]
