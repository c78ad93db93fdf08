"""Who wrote the responses, who judges and who will evaluate: said on the Trust page."""

from __future__ import annotations

import streamlit as st

from core import Project, WinnowError
from core.families import FAMILIES, PEOPLE, UNKNOWN, Families, family_of
from core.trust import Trust
from pages.ui import state
from pages.ui.markup import plain

OFFERED = (UNKNOWN, PEOPLE, *FAMILIES)
PARTS = {"writer": "Who wrote the responses", "evaluator": "Who will evaluate the trained model"}


def panel(project: Project, found: Trust) -> None:
    """A box for each part; what is known of a judge by its name stands there already."""
    said = found.families
    with st.container(horizontal=True, key="families"):
        for part, title in PARTS.items():
            _box(project, f"family_{part}", title, getattr(said, part), (part, ""))
        for place, name in enumerate(found.judges):
            if name not in found.aggregates:
                _box(project, f"family_judge_{place}", plain(name), said.of_judge(name), ("judge", name))
    st.caption("A family, or the name of a model: what the table knows it is taken for its family.")


def _box(project: Project, key: str, title: str, now: str, part: tuple[str, str]) -> None:
    options = OFFERED if now in OFFERED else (*OFFERED, now)
    at = state.place_of(options, state.seed_widget(key, now))
    st.selectbox(
        title, options, at, key=key, accept_new_options=True,
        on_change=_say, args=(project, key, part), width=220,
    )  # fmt: skip


def _say(project: Project, key: str, part: tuple[str, str]) -> None:
    typed = str(state.widget(key) or UNKNOWN).strip()
    family = family_of(typed)
    meant = typed if family == UNKNOWN else family
    try:
        now = project.families()
        kind, name = part
        judges = dict(now.judges)
        if kind == "judge":
            judges[name] = meant
        project.keep_families(
            Families(
                writer=meant if kind == "writer" else now.writer,
                evaluator=meant if kind == "evaluator" else now.evaluator,
                judges=tuple(sorted(judges.items())),
            )
        )
    except WinnowError as error:
        state.update(notes=(str(error),))
