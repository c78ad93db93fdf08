"""Judges that join others: added, taken as the one that decides, and taken away."""

from __future__ import annotations

import streamlit as st

from core import Project, WinnowError, scoring
from core.aggregates import HELP, LEAST, NEED_TWO, RULES, title_of
from core.domain import ScoreColumn
from core.wording import counted
from pages.ui import choose, state
from pages.ui.markup import plain


def panel(project: Project) -> None:
    """Those that there are, and the way to another."""
    st.markdown("#### Judges joined to one")
    st.caption(
        f"A judge of its own on Explore and in the recipe. A row is scored where at least {LEAST} of its "
        "judges scored it; else it is unscored."
    )
    lost = {each.column.name: each.why for each in project.dataset.lost}
    for column in [each for each in project.scores if each.rule and not each.off]:
        _one(project, column, lost.get(column.name, ""))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _add(project)


def _one(project: Project, column: ScoreColumn, why: str) -> None:
    judge = project.judges.get(column.name)
    with st.container(horizontal=True, vertical_alignment="center"):
        said = plain(why) if judge is None else f"{judge.scored:,} scored, {judge.unscored:,} unscored"
        st.markdown(f"**{plain(column.name)}** · {plain(RULES[column.rule])} · {said}")
        st.space("stretch")
        decides = state.current().judge == column.name
        st.button(
            "Decides now" if decides else "Let it decide", key=f"aggregate_decide_{column.name}",
            disabled=decides or judge is None, on_click=_decide, args=(project, column.name),
        )  # fmt: skip
        st.button(
            ":material/close:", key=f"aggregate_remove_{column.name}", type="tertiary",
            help=plain(f"Take {column.name} away"), on_click=_remove, args=(project, column.name),
        )  # fmt: skip


def _add(project: Project) -> None:
    made = {each.name for each in project.scores if each.rule}
    names = [name for name in project.judges if name not in made]
    rule = st.selectbox(
        "Rule", list(RULES), key="aggregate_rule", format_func=lambda each: RULES[each], width=260,
        help="  \n".join(f"{RULES[each]}: {HELP[each]}" for each in RULES),
    )  # fmt: skip
    mark = project.dataset.judged[-12:]
    of = st.multiselect("Of the judges", names, default=names, key=f"aggregate_of_{mark}", width=420)
    name = title_of(rule, of) if of else ""
    few = len(of) < (LEAST if rule in NEED_TWO else 1)
    waits = rule == "repaired" and not project.can_choose()
    column = ScoreColumn(name=name, rule=rule, of=tuple(of))
    st.button(
        "Add this judge", key="add_aggregate", icon=":material/add:",
        disabled=few or waits or name in project.judges, on_click=_keep,
        args=(project, scoring.decided(project.scores, (column,))),
        help="Make the map first." if waits else f"{counted(2, 'judge')} at least." if few else None,
    )  # fmt: skip


def _keep(project: Project, columns: tuple[ScoreColumn, ...]) -> None:
    try:
        project.keep_scores(columns)
    except WinnowError as error:
        state.update(notes=(str(error),))


def _remove(project: Project, name: str) -> None:
    _keep(project, tuple(each for each in project.scores if each.name != name))


def _decide(project: Project, name: str) -> None:
    state.update(judge=name, min_score=choose.first_threshold(project.judges[name]))
