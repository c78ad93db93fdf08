"""Duplicates on the Health page: groups of rows that say the same, and which row of each stays."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

import numpy as np
import streamlit as st

from core import Project
from core.domain import Cleaning, OptionValue, Removal
from core.health.differences import Pieces, differences
from core.loading import place_of
from core.removals import NOBODY, Duplicates
from core.wording import counted
from pages.ui import progress, removing, state
from pages.ui.markup import plain

EXACT, NEAR, ANSWERS = "Exact", "Near", "Same prompt, other answers"
RULES = {EXACT: "exact-duplicates", NEAR: "near-duplicates", ANSWERS: "same-prompt"}
ALIKE = {"folded": "but for case and spaces", "verbatim": "to the byte"}
STAYS = {"best": "Best score", "longest": "Longest response", "first": "First in the file"}
NEAREST, WIDEST, STEP, USUAL = 0.0, 0.3, 0.005, 0.05  # cosine distance
SHOWN = 50  # rows of a group in the table
MARKED = "<div style='white-space:pre-wrap;overflow-wrap:anywhere;font-size:.875rem;line-height:1.5'>{}</div>"
MARK = (
    "<mark style='background:color-mix(in srgb, #e69f00 35%, transparent);color:inherit;"
    "text-decoration:underline;text-underline-offset:3px'>{}</mark>"
)
HOW = {
    EXACT: "Rows whose texts are all the same: prompt, response, system prompt and every turn.",
    NEAR: (
        "Rows whose prompts lie close to each other, whatever the answers: a chain of rows, each within the "
        "distance of the next. 0 is the same direction, so a smaller distance takes only closer rows."
    ),
    ANSWERS: "Rows that ask the same and are answered otherwise. Look before you take any of them out.",
}


NONE = {
    "exact-duplicates": "No two rows are the same. Near ones are looked for among the vectors.",
    "near-duplicates": "No two prompts lie that close. A greater distance finds more.",
    "same-prompt": "No prompt has two different answers.",
}


class Rule(NamedTuple):
    """The rule that the controls stand for, and its settings."""

    name: str
    settings: dict[str, OptionValue]


def panel(project: Project) -> None:
    """The controls, what they find, and the groups one by one; runs alone when one of them moves."""
    st.fragment(_panel)(project, project.cleaning, state.current().notes)


def _panel(project: Project, seen: Cleaning, said: tuple[str, ...]) -> None:
    if project.cleaning != seen or state.current().notes != said:
        st.rerun()  # something was decided: the rest of the page follows
    st.markdown("#### Duplicates")
    kind = st.segmented_control(
        "Duplicates", list(RULES), default=EXACT, key="duplicates", required=True,
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    st.caption(HOW[str(kind)])
    whole = project.whole
    if kind == NEAR and not whole.has_neighbours():
        _no_vectors(whole)
        return
    rule = _rule(project, str(kind))
    found = whole.duplicates(rule.name, rule.settings)
    kept = project.cleaning.kept(rule.name)
    proposal = whole.propose(rule.name, rule.settings, kept=kept)
    _decide(project, rule, found, proposal)
    _groups(project, rule, found, proposal)


def _no_vectors(whole: Project) -> None:
    """Near copies are found among vectors, which take the longest of all to make."""
    if progress.job_of(whole) is not None:
        progress.panel(whole)
        return
    rows = counted(len(whole.dataset), "row")
    made = "The vectors are there." if whole.has_vectors() else "Making the vectors takes the longest."
    st.info(plain(f"Near duplicates need the nearest rows of all {rows}. {made}"), icon=":material/info:")
    st.button(
        "Find the nearest rows", key="find_nearest", icon=":material/play_arrow:",
        on_click=progress.start, args=(whole,), kwargs={"until_map": False},
    )  # fmt: skip


def _rule(project: Project, kind: str) -> Rule:
    """The rule by the controls, which stand side by side."""
    settings: dict[str, OptionValue] = {}
    left, middle, right = st.columns(3)
    with left:
        if kind == NEAR:
            settings["distance"] = st.slider(
                "Cosine distance at most", NEAREST, WIDEST, USUAL, STEP, format="%.3f", key="near_distance",
                persist_state="session",
            )  # fmt: skip
        else:
            settings["alike"] = st.selectbox(
                "The same", list(ALIKE), format_func=ALIKE.__getitem__, key="alike", persist_state="session"
            )
    names = list(project.judges)
    stays = middle.selectbox(
        "Of each group stays", list(STAYS), index=0 if names else 1, format_func=STAYS.__getitem__,
        key="which_stays", persist_state="session",
        help="Equal scores: the longer response. Equal lengths: the row that comes first in the file.",
    )  # fmt: skip
    judge = NOBODY
    if stays == "best":
        view, named = state.current(), NOBODY
        index = names.index(view.judge) if view.judge in names else 0
        named = right.selectbox(
            "Score of", names, index=index if names else None, key="stays_judge", disabled=not names,
            placeholder="No score column in this file", persist_state="session",
        ) or NOBODY  # fmt: skip
        judge = str(named)
    settings |= {"stays": str(stays), "judge": judge}
    return Rule(RULES[kind], settings)


def _decide(project: Project, rule: Rule, found: Duplicates, proposal: Removal) -> None:
    """How much there is, and the button that takes it out."""
    rows = len(found.groups.members)
    new = len(np.setdiff1d(proposal.found, project.taken.rows, assume_unique=True))
    if not rows:
        st.caption(NONE[rule.name])
        return
    out = len(proposal.found) - new
    with st.container(horizontal=True, vertical_alignment="center"):
        groups = f"{counted(len(found.groups), 'group')} of {counted(rows, 'row')}. One of each stays"
        st.write(f"{groups}, {_going(new, out, len(proposal.kept))}.")
        st.button(
            f"Take out {counted(new, 'row')}" if new or not out else "All are taken out",
            key="take_duplicates", type="primary", disabled=not new,
            on_click=removing.take_out, args=(project, rule.name, rule.settings),
        )  # fmt: skip
        if project.cleaning.kept(rule.name):
            st.button(
                "Look at kept ones again", key="look_again",
                on_click=removing.look_again, args=(project, rule.name),
            )  # fmt: skip


def _going(new: int, out: int, kept: int) -> str:
    """How many rows can go, how many of the others are out already, and how many a person keeps."""
    going = f"{new:,} {'more ' if out else ''}can go" if new or not out else f"the other {out:,} are out"
    already = f"; {out:,} are out already" if new and out else ""
    keeps = f"; {counted(kept, 'row')} you keep" if kept else ""
    return f"{going}{already}{keeps}"


def _groups(project: Project, rule: Rule, found: Duplicates, proposal: Removal) -> None:
    """One group at a time: its rows, and one of them beside the row that stays."""
    going = np.zeros(len(project.whole.dataset), dtype=bool)
    going[proposal.found] = True
    going[project.taken.rows] = False
    groups = found.groups
    if not len(groups):
        return
    open_ones = np.flatnonzero(np.add.reduceat(going[groups.members], groups.starts[:-1]))
    if not len(open_ones):
        st.caption("Every group is decided.")
        return
    left, right = st.columns(2)
    label = f"Group, of {len(open_ones):,} to decide, the largest first"
    at = int(left.number_input(label, 1, len(open_ones), 1, 1, key=f"group_{rule.name}"))
    group = int(open_ones[at - 1])
    rows, stays = groups.rows(group), int(found.stays[group])
    others = rows[rows != stays][:SHOWN]
    frame = project.whole.dataset.frame
    ids = frame["id"].gather(others).to_list()
    label = f"The row that stays, beside one of the other {len(rows) - 1:,}"
    if len(rows) - 1 > SHOWN:
        label += f"; the first {SHOWN} are here"
    chosen = right.selectbox(label, ids, key=f"compare_{rule.name}_{group}")
    other = int(others[ids.index(chosen)])
    _side_by_side(project, stays, other, rule)
    with st.container(horizontal=True):
        st.button(
            "Keep this row too", key="keep_row", disabled=other not in proposal.found,
            on_click=removing.keep, args=(project, rule.name, [chosen]),
        )  # fmt: skip
        st.button(
            f"Keep all {len(rows):,}", key="keep_group", on_click=removing.keep,
            args=(project, rule.name, frame["id"].gather(rows)),
        )  # fmt: skip


def _side_by_side(project: Project, stays: int, other: int, rule: Rule) -> None:
    """Two rows, what differs marked."""
    dataset, out = project.whole.dataset, set(project.taken.rows.tolist())
    one, two = (dataset.frame.row(row, named=True) for row in (stays, other))
    titles = ("Stays" if stays not in out else "Is out already", "Goes")
    with st.container(key="pair"):
        for column, row, title in zip(st.columns(2), (stays, other), titles, strict=True):
            with column:
                known = f"{dataset.frame['id'][row]}{_score(project, row, rule)}"
                st.caption(plain(f"{title}: {known}, {place_of(dataset, row)}"))
        for name in ("prompt", "response"):
            marked = differences(str(one[name] or ""), str(two[name] or ""))
            for column, pieces in zip(st.columns(2, border=True), marked, strict=True):
                column.caption(name.capitalize())
                column.html(MARKED.format(_marked(pieces)))


def _score(project: Project, row: int, rule: Rule) -> str:
    """What decides which row stays, beside its id."""
    name = str(rule.settings["judge"])
    score = "" if name == NOBODY else f", {name} {project.whole.judges[name].scores[row]:g}"
    return f"{score}, {counted(int(project.whole.response_chars[row]), 'character')}".replace(
        "nan", "unscored"
    )


def _marked(pieces: Pieces) -> str:
    """HTML in which the text is text: what differs is underlined on a coloured ground."""
    return (
        "".join(
            MARK.format(escape(each.text)) if each.differs and each.text.strip() else escape(each.text)
            for each in pieces
        )
        or "<i>(empty)</i>"
    )
