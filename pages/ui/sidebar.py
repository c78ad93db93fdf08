"""The sidebar of the pages on which rows are chosen: judge, strategy, its settings, seed, limits."""

from __future__ import annotations

import streamlit as st

from core import Project
from core.model_facts import ModelFacts
from pages.ui import choose, data, limits, settings, state
from pages.ui.markup import plain


def show(project: Project) -> None:
    """Judge, strategy with its settings, seed and limits."""
    view = state.current()
    with st.sidebar:
        data.header(project)
        names = list(project.judges)
        st.selectbox(
            "Judge",
            names,
            state.place_of(names, state.seed_widget("judge", view.judge)),
            key="judge",
            on_change=change_judge,
            args=(project,),
            disabled=not names,
            placeholder="No score column in this file",
            help="Whose scores the threshold is about.",
        )
        frozen = next((each for each in project.scores if each.name == view.judge and each.model), None)
        if frozen is not None:
            facts = ModelFacts.model_validate_json(frozen.model)
            st.caption(plain(f"Frozen scores of {facts.model}, rubric {facts.rubric}."))
        settings.show(project, view)
        st.number_input(
            "Seed",
            min_value=0,
            max_value=99_999_999,
            value=state.seed_widget("seed", view.seed),
            step=1,
            key="seed",
            on_change=change_seed,
            help="Draws random rows and decides the last of the ties.",
        )
    limits.sidebar()


def change_judge(project: Project) -> None:
    """Another judge has another scale, so the threshold starts anew."""
    name = state.widget("judge")
    options = settings.without_judge(state.current(), name)
    state.update(judge=name, min_score=choose.first_threshold(project.judges[name]), options=options)


def change_seed() -> None:
    """Another draw."""
    state.update(seed=int(state.widget("seed") or 0))
