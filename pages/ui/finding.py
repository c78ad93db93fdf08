"""Find rows by words, by meaning or by examples, go through them, and pin what was found."""

from __future__ import annotations

import numpy as np
import polars as pl
import streamlit as st

from core import Project, Reason, WinnowError
from core.domain import Positions
from core.finder import COUNT
from core.ledger import PinOperation
from core.wording import counted
from pages.ui import cached, examples, rows, seeking, state
from pages.ui.choose import Choice
from pages.ui.markup import plain
from pages.ui.progress import EVERY
from pages.ui.seeking import BY, Sought

LONGEST_QUERY = 400  # characters
MOST, STEP = 500, 5  # rows by meaning
QUEUE = 50  # rows that are gone through one by one at most
IN = (Reason.CHOSEN, Reason.PINNED)
OPERATIONS: dict[PinOperation, str] = {
    "include": "Include all",
    "exclude": "Exclude all",
    "clear": "Clear their pins",
}
HOW = (
    'Words: every one has to be there; a "phrase in quotes" stays one, -word leaves rows out, prompt:word '
    "and response:word look in one of the two. Meaning: the rows nearest to the query as a whole."
)
ORDERS = {
    "both": "The ranks by words and by meaning are joined",
    "words": "Rare words, words in the prompt and short texts come first",
    "meaning": "The nearest come first",
    "like": "The nearest come first, by the mean similarity to their nearest few examples",
}
NONE = {"words": "No row has all of these words.", "like": "No row is near these examples."}


def ask(project: Project, choice: Choice, now: Sought) -> tuple[Positions, str]:
    """The controls and the buttons that pin what was found; the rows of this page and the sentence above."""
    assert choice.selection is not None
    state.set_widget(seeking.HOW, now.how)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Find rows by",
            list(BY),
            default=now.how,
            format_func=BY.__getitem__,
            key=seeking.HOW,
            required=True,
            persist_state="session",
            on_change=_first_page,
        )
        if now.how != "like":
            st.text_input(
                "What to look for",
                key=seeking.QUERY,
                type="search",
                max_chars=LONGEST_QUERY,
                placeholder='bake "rye bread" -yeast',
                help=HOW,
                persist_state="session",
                on_change=_first_page,
            )
        if now.how != "words":
            _how_many()
    if now.how == "like":
        examples.ask(project, now)
        examples.region(project, now)
    if now.error is not None:
        st.warning(plain(now.error), icon=":material/info:")
    if now.waiting:
        st.fragment(_look, run_every=EVERY)(project)
    shown = now.found.rows
    if len(shown):
        _actions(project, shown)
    return _page(shown), _sentence(choice, now)


def _how_many() -> None:
    if state.widget(seeking.SIZE) is None:
        state.set_widget(seeking.SIZE, COUNT)
    st.slider(
        "Rows to find",
        STEP,
        MOST,
        state.widget(seeking.SIZE),
        step=STEP,
        key=seeking.SIZE,
        persist_state="session",
        width=220,
        on_change=_first_page,
    )


def _actions(project: Project, found: Positions) -> None:
    """Go through what was found, pin all of it, turn the page."""
    page, last = _place(found), (len(found) - 1) // rows.SHOWN
    first = "the first " if len(found) > QUEUE else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Go through {first}{counted(min(QUEUE, len(found)), 'row')}",
            key="found_queue",
            icon=":material/rule:",
            on_click=state.open_queue,
            args=(found[:QUEUE].tolist(),),
        )
        for operation, title in OPERATIONS.items():
            st.button(title, key=f"found_{operation}", on_click=_pin_all, args=(project, operation, found))
        for name, icon, by in (("Previous rows", "chevron_left", -1), ("Next rows", "chevron_right", 1)):
            st.button(
                "",
                key=f"found_{icon}",
                icon=f":material/{icon}:",
                help=name,
                on_click=_turn,
                args=(page + by,),
                disabled=not 0 <= page + by <= last,
            )


def _place(found: Positions) -> int:
    """The page that is shown; a shorter list has fewer."""
    return min(int(state.widget(seeking.PAGE) or 0), max(len(found) - 1, 0) // rows.SHOWN)


def _page(found: Positions) -> Positions:
    start = _place(found) * rows.SHOWN
    return found[start : start + rows.SHOWN]


def _turn(page: int) -> None:
    state.set_widget(seeking.PAGE, page)


def _first_page() -> None:
    state.set_widget(seeking.PAGE, 0)


def _sentence(choice: Choice, now: Sought) -> str:
    """What was found, of how many, and in what sequence."""
    assert choice.selection is not None
    found = now.found.rows
    if now.waiting:
        return f"{now.waiting} Until then words alone are compared." if now.how == "both" else now.waiting
    if now.how == "like" and now.like is None:
        return "Take examples from the map, from a row, from what is included, or paste some."
    if now.how != "like" and not now.query.strip():
        return HOW
    if not len(found):
        return NONE.get(now.how, "No row was found.")
    chosen = int(np.isin(choice.selection.codes[found], IN).sum())
    start = _place(found) * rows.SHOWN
    part = f"{start + 1:,} to {min(start + rows.SHOWN, len(found)):,} of {counted(len(found), 'row')} found"
    of = f" like {plain(now.like.said)}" if now.how == "like" and now.like else ""
    order = "words" if now.found.distances is None else now.how
    ends = "" if now.found.distances is None else " (cosine distance: 0 the same, 1 unrelated)"
    note = f" {now.found.note}" if now.found.note else ""
    return f"{part}{of}, {chosen:,} of them selected. {ORDERS[order]}{ends}.{note}"


def with_distance(table: pl.DataFrame, now: Sought) -> pl.DataFrame:
    """The table of a page with how far each row is from what was looked for."""
    if now.found.distances is None:
        return table
    away = _page(now.found.distances.astype(np.float64)).round(3)
    return table.insert_column(1, pl.Series("distance", away))


def _look(project: Project) -> None:
    """Run the page again as soon as the model is read."""
    if project.finder.is_warm() or not cached.background().is_making(seeking.key(project)):
        st.rerun()


def _pin_all(project: Project, operation: PinOperation, found: Positions) -> None:
    """One step that Undo takes back whole."""
    try:
        project.ledger.pin(project.dataset.origin, operation, project.dataset.frame["id"].gather(found))
    except WinnowError as error:
        state.update(notes=(str(error),))
