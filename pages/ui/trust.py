"""The Trust page: the verdict, its findings with their buttons, rows that judges see differently."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal

import polars as pl
import streamlit as st

from core import Project, WinnowError, scoring
from core.trust import Trust
from core.trust_reading import findings
from core.trust_verdict import Finding, verdict
from core.wording import counted
from pages.ui import aggregates, cached, state, trust_tables
from pages.ui.choose import PATIENCE, Choice
from pages.ui.families import panel as families
from pages.ui.markup import plain
from pages.ui.progress import EVERY

LOAD, SCORE, REVIEW = "pages/prepare/load.py", "pages/judge/score.py", "pages/judge/review.py"
CLIP = 60  # characters of a prompt in a table
SECTIONS = {
    "agreement": "Agreement",
    "filters": "The same share by another judge",
    "length": "Length",
    "style": "Style",
    "clusters": "Clusters",
    "ties": "Ties",
    "families": "Who wrote, who judges, who evaluates",
}
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")  # Okabe and Ito
SHARE = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
COUNT = st.column_config.NumberColumn(format="localized")


def show(project: Project, choice: Choice) -> None:
    """Everything below the title."""
    for note in state.current().notes:
        st.warning(plain(note), icon=":material/info:")
    if len(project.judges) < 2:
        _too_few(project)
        return
    names = _judges(project)
    try:
        found = _soon(project, names, choice)
    except WinnowError as error:
        st.info(plain(error), icon=":material/info:")
        return
    if found is None:
        st.caption("Comparing the judges…")
        st.fragment(_wait, run_every=EVERY)(project, names)
        return
    head = verdict(found)
    st.html(trust_tables.verdict(head, joined=bool(found.now.parts)))
    with st.container(horizontal=True, vertical_alignment="center"):
        _button(project, head, "verdict")
        _to_review(project, head)
    _findings(project, found, head)
    _apart(project, found)
    aggregates.panel(project)


def _too_few(project: Project) -> None:
    """The empty state: one sentence, one button."""
    has = "One judge is here" if project.judges else "No judge is here"
    st.write(f"{has}. How far scores can be trusted shows when a second judge has scored the same rows.")
    ways = (
        ("Add scores on Load", "trust_load", ":material/add_chart:", LOAD),
        ("Score with a model", "trust_score", ":material/gavel:", SCORE),
        ("Rate rows yourself", "trust_rate", ":material/rate_review:", REVIEW),
    )
    with st.container(horizontal=True):
        for title, key, icon, page in ways:
            kind: Literal["primary", "secondary"] = "primary" if page == LOAD else "secondary"
            if st.button(title, key=key, type=kind, icon=icon):
                st.switch_page(page)


def _judges(project: Project) -> list[str]:
    """The judges that are looked at: at first all that join no others."""
    made = {each.name for each in project.scores if each.rule}
    names = list(project.judges)
    chosen = st.pills(
        "Judges that are compared", names, selection_mode="multi",
        default=[name for name in names if name not in made], format_func=plain,
        key=f"trust_judges_{project.dataset.judged}",
    )  # fmt: skip
    return [name for name in names if name in (chosen or ())]


def _key(project: Project, names: list[str]) -> Hashable:
    return ("trust", project.dataset.judged, tuple(names))


def _soon(project: Project, names: list[str], choice: Choice) -> Trust | None:
    """The figures, if they are there or come within a moment; else they are made in the background."""
    if not project.has_trust(names):
        cached.background().want(
            "comparisons",
            ("trust", state.session_owner()),
            _key(project, names),
            lambda _: project.trust(choice.params, judges=names),
            within=PATIENCE,
        )
    if not project.has_trust(names):
        return None
    return project.trust(choice.params, judges=names, chosen=choice.selection)


def _wait(project: Project, names: list[str]) -> None:
    if not cached.background().is_making(_key(project, names)) or project.has_trust(names):
        st.rerun()


# Findings, section by section.


def _findings(project: Project, found: Trust, head: Finding) -> None:
    told, offered = findings(found), {head.step}
    for section, title in SECTIONS.items():
        mine = [each for each in told if each.section == section]
        if not mine:
            continue
        st.markdown(f"#### {title}")
        for place, each in enumerate(mine):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.html(trust_tables.line(each), width="stretch")
                if each.step not in offered:  # the same button once
                    _button(project, each, f"{section}_{place}")
            offered.add(each.step)
        _detail(project, found, section)


def _detail(project: Project, found: Trust, section: str) -> None:
    """The table or chart below the findings of a section."""
    if section == "agreement":
        st.html(trust_tables.pairs(found))
    elif section == "filters":
        st.html(trust_tables.filters(found))
    elif section == "length":
        table = trust_tables.deciles(found)
        st.caption("Mean percentile of the scores in each tenth of the rows.")
        st.line_chart(
            table, x=trust_tables.LENGTH, y=table.columns[1:], y_label="mean percentile", height=240,
            color=[COLOURS[place % len(COLOURS)] for place in range(len(found.judges))],
        )  # fmt: skip
    elif section == "style":
        st.html(trust_tables.leanings(found))
    elif section == "clusters":
        config = {"keep rate": SHARE, "scored rows": COUNT, "kept": COUNT}
        st.dataframe(
            trust_tables.clusters(found), hide_index=True, width="stretch", height=230, column_config=config
        )
    elif section == "ties":
        config = {"rows": COUNT, "at or above": COUNT}
        with st.container(horizontal=True):
            st.dataframe(found.now.levels, hide_index=True, height=245, width=420, column_config=config)
            _threshold(found)
    else:
        families(project, found)


def _threshold(found: Trust) -> None:
    """Another one of the thresholds that part rows."""
    if found.now.threshold is None:
        return
    counts = dict(zip(found.now.levels["score"], found.now.levels["at or above"], strict=True))
    now = found.now.threshold
    counts = counts if now in counts else {now: found.now.passing, **counts}
    at = state.place_of(sorted(counts), state.seed_widget("trust_threshold", now))
    st.selectbox(
        "Threshold", sorted(counts), at, key="trust_threshold", on_change=_take_threshold, width=260,
        format_func=lambda each: f"{each:g} or more: {counted(counts[each], 'row')}",
    )  # fmt: skip


def _take_threshold() -> None:
    state.update(min_score=float(state.widget("trust_threshold")))


def _button(project: Project, found: Finding, key: str) -> None:
    """What can be done about it at once."""
    if found.step is None or found.step.kind == "families":
        return
    icons = {"aggregate": ":material/add:", "threshold": ":material/tune:", "strategy": ":material/rule:"}
    st.button(
        plain(found.step.title), key=f"trust_step_{key}", icon=icons[found.step.kind],
        on_click=_take, args=(project, found),
    )  # fmt: skip


def _to_review(project: Project, head: Finding) -> None:
    """The way to people's ratings, where agreement of judges does not settle it."""
    rated = {each.row for each in project.ratings() if not each.is_skip}
    if head.tone == "good" and not rated:
        return
    title = "See what people say" if rated else "Rate a sample by hand"
    if st.button(title, key="trust_review", icon=":material/rate_review:"):
        st.switch_page(REVIEW)
    st.caption(
        f"People have rated {counted(len(rated), 'row')}."
        if rated
        else "Judges can agree and be wrong: nobody has rated a row of this dataset yet."
    )


def _take(project: Project, found: Finding) -> None:
    step = found.step
    assert step is not None
    if step.kind == "threshold":
        state.update(min_score=step.number)
    elif step.kind == "strategy":
        state.update(strategy=step.name, options=())
    elif step.column is not None:
        try:
            project.keep_scores(scoring.decided(project.scores, (step.column,)))
        except WinnowError as error:
            state.update(notes=(str(error),))


# The rows that the judges see most differently.


def _apart(project: Project, found: Trust) -> None:
    rows = found.overall.apart
    st.markdown("#### Rows that the judges are furthest apart on")
    if not len(rows):
        st.caption("No row is seen differently.")
        return
    st.caption(
        "In percentage points between the highest and the lowest percentile that a row has. Open one to read "
        "it in full."
        if project.can_choose()
        else "Once there is a map, each can be opened and read in full."
    )
    table, wide = _table(project, found), st.column_config.TextColumn(width="large")
    config = {"prompt": wide}
    if not project.can_choose():
        st.dataframe(table, hide_index=True, width="stretch", height=280, column_config=config)
        return
    st.dataframe(
        table, key="trust_rows", hide_index=True, width="stretch", height=280, column_config=config,
        on_select=_open, selection_mode="single-row",
    )  # fmt: skip
    state.remember_shown(rows)
    st.button(
        f"Read these {counted(len(rows), 'row')} one by one", key="trust_queue", icon=":material/rule:",
        on_click=state.open_queue, args=(rows.tolist(),),
    )  # fmt: skip


def _table(project: Project, found: Trust) -> pl.DataFrame:
    rows = found.overall.apart
    frame = project.dataset.frame[rows]
    prompts = frame["prompt"].str.replace_all(r"\s+", " ").str.strip_chars().str.slice(0, CLIP)
    scores = {
        name: pl.Series(project.judges[name].scores[rows].astype(float)).fill_nan(None).round(3)
        for name in found.judges
    }
    apart = [round(float(each), 1) for each in found.overall.spread[rows]]
    return pl.DataFrame({"id": frame["id"], "apart": apart, **scores, "prompt": prompts})


def _open() -> None:
    picked = state.picked_row("trust_rows")
    if picked is not None:
        state.open_row(picked)
