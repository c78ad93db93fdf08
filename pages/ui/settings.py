"""The strategy and its settings in the sidebar."""

from __future__ import annotations

import streamlit as st

from core import Project
from core.selection import JudgeOption, Option, Strategy, strategies, strategy
from pages.ui import state
from pages.ui.view import View

NO_JUDGE = "No second judge"


def show(project: Project, view: View) -> None:
    """What the strategy is, what it does, and a widget for each of its settings."""
    known = strategies()
    st.selectbox(
        "Strategy",
        list(known),
        state.place_of(list(known), state.seed_widget("strategy", view.strategy)),
        key="strategy",
        format_func=lambda name: known[name].title,
        on_change=change_strategy,
        help="How rows are chosen among the eligible ones.",
    )
    chosen = strategy(view.strategy)
    st.caption(f"{chosen.summary} {chosen.source}.")
    values = chosen.settings(view.params(project.pins))
    for option in chosen.options:
        if isinstance(option, JudgeOption):
            _judge(project, view, chosen, option, str(values[option.name]))
        else:
            _number(chosen, option, float(values[option.name]))


def _number(chosen: Strategy, option: Option, value: float) -> None:
    key = f"option {chosen.name} {option.name}"
    st.number_input(
        option.title,
        min_value=option.low,
        max_value=option.high,
        value=state.seed_widget(key, value),
        step=option.step,
        format=f"%.{_decimals(option.step)}f",
        key=key,
        help=option.help,
        on_change=change_option,
        args=(option.name, key),
    )


def _decimals(step: float) -> int:
    """How many places a number that moves in such steps is written with."""
    return len(f"{step:g}".partition(".")[2])


def _judge(project: Project, view: View, chosen: Strategy, option: JudgeOption, value: str) -> None:
    """One of the other judges, or none; off, with the reason, where there is no other."""
    key = f"option {chosen.name} {option.name}"
    others = [name for name in project.judges if name != view.judge]
    offered = [option.default, *others]
    st.selectbox(
        option.title,
        offered,
        state.place_of(offered, state.seed_widget(key, value)),
        key=key,
        format_func=lambda name: name or NO_JUDGE,
        help=option.help if others else "This file has no second score column.",
        disabled=not others,
        on_change=change_option,
        args=(option.name, key),
    )


def change_strategy() -> None:
    """Another strategy, at its own defaults."""
    state.update(strategy=state.widget("strategy"), options=())


def change_option(name: str, key: str) -> None:
    """One setting of the strategy."""
    options = dict(state.current().options) | {name: state.widget(key)}
    state.update(options=tuple(sorted(options.items())))


def without_judge(view: View, name: str) -> tuple[tuple[str, str | int | float | bool], ...]:
    """The settings of a view, without the one that names this judge as the second."""
    named = {option.name for option in strategy(view.strategy).options if isinstance(option, JudgeOption)}
    return tuple((key, value) for key, value in view.options if not (key in named and value == name))
