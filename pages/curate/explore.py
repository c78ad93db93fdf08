"""Explore: the map with its sliders, the figures beside random, and the rows around the cut."""

from __future__ import annotations

import polars as pl
import streamlit as st

from core import Project, WinnowError
from core.ledger import PinOperation
from core.selection import eligible, strategies, strategy
from pages.ui import cached, choose, data, figures, map, moves, progress, rows, state
from pages.ui.markup import plain

OWNER = state.session_owner()


def sidebar(project: Project) -> None:
    """Judge, strategy and its settings."""
    view = state.current()
    with st.sidebar:
        data.header(project)
        names = list(project.judges)
        state.seed_widget("judge", view.judge)
        st.selectbox(
            "Judge",
            names,
            key="judge",
            on_change=change_judge,
            args=(project,),
            disabled=not names,
            placeholder="No score column in this file",
            help="Whose scores the threshold is about.",
        )
        known = strategies()
        state.seed_widget("strategy", view.strategy)
        st.selectbox(
            "Strategy",
            list(known),
            key="strategy",
            format_func=lambda name: known[name].title,
            on_change=change_strategy,
            help="How rows are chosen among the eligible ones.",
        )
        chosen = strategy(view.strategy)
        st.caption(f"{chosen.summary} {chosen.source}.")
        settings = chosen.settings(view.params(project.pins))
        for option in chosen.options:
            key = f"option {chosen.name} {option.name}"
            state.seed_widget(key, float(settings[option.name]))
            st.number_input(
                option.title,
                min_value=option.low,
                max_value=option.high,
                step=option.step,
                key=key,
                help=option.help,
                on_change=change_option,
                args=(option.name, key),
            )
        state.seed_widget("seed", view.seed)
        st.number_input(
            "Seed",
            min_value=0,
            max_value=99_999_999,
            step=1,
            key="seed",
            on_change=change_seed,
            help="Draws random rows and decides the last of the ties.",
        )


def change_judge(project: Project) -> None:
    """Another judge has another scale, so the threshold starts anew."""
    name = state.widget("judge")
    state.update(judge=name, min_score=choose.first_threshold(project.judges[name]))


def change_strategy() -> None:
    """Another strategy, at its own defaults."""
    state.update(strategy=state.widget("strategy"), options=())


def change_option(name: str, key: str) -> None:
    """One setting of the strategy."""
    options = dict(state.current().options) | {name: state.widget(key)}
    state.update(options=tuple(sorted(options.items())))


def change_seed() -> None:
    """Another draw."""
    state.update(seed=int(state.widget("seed") or 0))


def live(project: Project, cloud: map.Cloud) -> None:
    """Everything that follows a slider: runs alone, without the rest of the page."""
    moves.take_events(project, cloud)
    view = state.current()
    choice = choose.choose(project, view, owner=OWNER)
    covered = choose.coverage(project, choice, owner=OWNER)
    figures.show(project, choice, covered)
    map.show(
        map.pack_move(cloud, moves.move_of(project, cloud, view, choice), budget=moves.BUDGET), key=state.MAP
    )
    moves.pass_over_old_events()
    for error in (*view.notes, choice.error, covered.error):
        if error is not None:
            st.warning(plain(error), icon=":material/info:")
    sentences(project, choice)
    if choice.selection is not None:
        tables(project, choice)
    opened = state.opened_row()
    if opened is not None and opened < len(project.dataset):
        title = f"Row {plain(project.dataset.frame['id'][opened])}"
        drawer = st.dialog(title, position="right", width="medium", on_dismiss=state.close_row)
        drawer(row_drawer)(project, choice, opened)
    progress.follow(project, choice, covered)
    state.write_link()


def sentences(project: Project, choice: choose.Choice) -> None:
    """What has to be said about this selection: ties, what was capped."""
    if choice.selection is None:
        return
    judge = project.judges.get(choice.params.judge or "")
    said = list(choice.selection.notes)
    ties = choice.selection.ties
    if ties.tied:
        at = "" if ties.score is None else f" at {ties.score:g}"
        said.append(f"{ties.chosen:,} of the selected rows came out of a tie of {ties.tied:,}{at}.")
    if said:
        help_text = f"Ties are decided by {ties.rule}." if ties.rule else None
        st.caption("  ".join(plain(each) for each in said), help=help_text)
    if judge is not None and not eligible(len(project.dataset), judge, choice.params.min_score).any():
        st.button(
            f"Set the threshold to {judge.high:g}",
            key="lower_threshold",
            on_click=state.update,
            kwargs={"min_score": judge.high},
        )


def tables(project: Project, choice: choose.Choice) -> None:
    """The rows around the cut, one tab at a time."""
    tab = st.segmented_control(
        "Rows",
        state.TABS,
        default=state.TABS[0],
        key="tab",
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    shown, sentence = rows.rows_of(str(tab), project, choice)
    st.caption(sentence)
    if not len(shown):
        return
    st.dataframe(
        # As Arrow: on the way through pandas every move would carry a kilobyte of pandas' own notes.
        rows.table(project, choice, shown, str(tab)).to_arrow(compat_level=pl.CompatLevel.oldest()),
        key="rows",
        hide_index=True,
        on_select=open_selected,
        selection_mode="single-row",
        column_config={"prompt": st.column_config.TextColumn(width="large")},
    )
    state.remember_shown(shown)


def open_selected() -> None:
    """A row of the table was picked: open it."""
    picked = state.picked_row("rows")
    if picked is not None:
        state.open_row(picked)


def row_drawer(project: Project, choice: choose.Choice, row: int) -> None:
    """One row in full, with its pins."""
    each = project.dataset.frame["id"][row]
    with st.container(horizontal=True):
        for operation, title in PIN_BUTTONS.items():
            if st.button(title, key=f"pin_{operation}"):
                pin_row(project, operation, each)
    rows.full_row(project, choice, row)


def pin_row(project: Project, operation: PinOperation, each: str) -> None:
    """Pin one row and close the drawer; where that fails it says why."""
    try:
        project.ledger.pin(project.dataset.fingerprint, operation, [each])
    except WinnowError as error:
        st.error(plain(error))
        return
    state.close_row()
    st.rerun()


PIN_BUTTONS: dict[PinOperation, str] = {"include": "Include", "exclude": "Exclude", "clear": "Clear pin"}


def page() -> None:
    """The whole page."""
    project = data.open_project()
    view = state.current()
    if view.fitted != project.dataset.fingerprint:
        state.update(**choose.fit(view, project))
    sidebar(project)
    progress.panel(project)
    if not project.has_map() and progress.job_of(project) is None:
        data.no_map_yet(project)
    if project.has_map() or project.has_draft():
        is_draft = not project.has_map()
        cloud = cached.cloud(project, draft=is_draft)
        map.carry(cloud.packet, key="cloud")
        st.fragment(draft if is_draft else live)(project, cloud)
    state.write_link()


def draft(project: Project, cloud: map.Cloud) -> None:
    """The draft map: thresholds can be tried, choosing waits for the vectors."""
    moves.take_events(project, cloud, draft=True)
    view = state.current()
    choice = choose.without_order(project, view)
    map.show(map.pack_move(cloud, moves.move_of(project, cloud, view, choice)), key=state.MAP)
    moves.pass_over_old_events()
    for note in view.notes:
        st.warning(plain(note), icon=":material/info:")
    state.write_link()


page()
