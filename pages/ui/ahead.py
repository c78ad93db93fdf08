"""The figures of card and report, measured while a person still decides what to download."""

from __future__ import annotations

from collections.abc import Hashable

import streamlit as st

from core import Project, Selection, WinnowError
from core.comparison import compare_one
from core.domain import OnProgress
from pages.ui import cached
from pages.ui.markup import plain

EVERY = 0.5  # seconds between two looks
PATIENCE = 0.1  # seconds, in which figures that are known are there
STAGES = {
    "exact neighbours": "the nearest rows of every row, once a dataset",
    "plane": "every threshold and count, for the report",
}


def measure(project: Project, chosen: Selection, *, owner: str, with_report: bool) -> None:
    """Have them measured in the background, and say how far that is; a download waits for the rest."""
    if not len(chosen):
        return
    key = ("export figures", project.map_key, chosen.params, with_report)
    try:
        cached.background().want(
            "comparisons",
            ("export figures", owner),
            key,
            lambda check: _work(project, chosen, check, with_report=with_report),
            within=PATIENCE,
        )
    except WinnowError as error:
        st.warning(plain(error))
        return
    if cached.background().is_making(key):
        st.fragment(_how_far, run_every=EVERY)(key)


def _work(project: Project, chosen: Selection, check: OnProgress, *, with_report: bool) -> None:
    if with_report:
        project.plane_of(chosen, on_progress=check)
    compare_one(project, "export", chosen, on_progress=check)


def _how_far(key: Hashable) -> None:
    background = cached.background()
    if not background.is_making(key):
        st.rerun()
    at = background.progress(key)
    note = "" if at is None else STAGES.get(at.stage, at.note)
    said = "The figures of the card are being measured; a download waits for them."
    st.caption(plain(f"{said} Now: {note}." if note else said))
