"""Compare: up to six selections side by side, beside random draws, and against other decisions."""

from __future__ import annotations

from typing import cast

import polars as pl
import streamlit as st

from core import Project, Reason, Selection, WinnowError, decisions
from core.comparison import MOST, Compared
from core.held_out import HeldOut
from core.orders import CONTROL_DRAWS
from core.overlap import Overlap, overlap
from core.stability import Kept
from core.wording import counted
from pages.ui import choose, compare, contest, data, progress, rows, state
from pages.ui.contest import Entry, Piece
from pages.ui.figures import number
from pages.ui.markup import plain

OWNER = state.session_owner()
SIDES = ("first", "both", "second")
SHOWN = 30  # rows of a side that are listed
Pair = tuple[tuple[Entry, Selection], tuple[Entry, Selection]]
NOW = "now"  # in the box that adds a selection: what Explore shows


def adding(project: Project) -> None:
    """The box that adds a selection, as long as there is a letter left."""
    options = {NOW: "What Explore shows now, kept as it is"}
    options |= {f"strategy {name}": title for name, title in contest.presets(project).items()}
    options |= {f"scene {name}": f"Scene: {name}" for name in contest.scenes(project)}
    full = len(state.contenders()) >= MOST
    key = box_name()
    st.selectbox(
        "Add a selection",
        list(options),
        index=None,
        key=key,
        format_func=lambda each: options[each],
        placeholder=f"{MOST} are compared: remove one first" if full else "Add a selection",
        label_visibility="collapsed",
        disabled=full,
        on_change=add,
        args=(project, key),
        width=360,
    )


def box_name() -> str:
    """The box that adds is another one after every change."""
    return f"add_contender_{state.contender_changes()}"


def add(project: Project, key: str) -> None:
    """A line of the box was picked; a run that was on its way may say so a second time, and is not heard."""
    if key != box_name():
        return
    kind, _, name = str(state.widget(key) or "").partition(" ")
    if kind == NOW:
        contest.add(contest.hold(project))
    elif kind == "strategy":
        contest.add(state.Contender(kind="strategy", strategy=name))
    elif kind == "scene":
        contest.add(state.Contender(kind="held", name=name, params=contest.scenes(project)[name]))


def cards(project: Project, listed: list[Entry]) -> None:
    """The selections side by side on one map."""
    across = 2 if len(listed) in (2, 4) else 3
    for start in range(0, len(listed), across):
        columns = st.columns(across, gap="small")
        for column, entry in zip(columns, listed[start : start + across], strict=False):
            with column.container(border=True, gap="xsmall"):
                card(project, entry, can_go=len(listed) > 1)


def card(project: Project, entry: Entry, *, can_go: bool) -> None:
    """One selection: letter, name, picture, decisions, rows."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"card_{entry.letter}"):
        st.html(compare.title(entry))
        st.button(
            ":material/close:", key=f"remove_{entry.letter}", on_click=contest.remove, args=(entry.place,),
            type="tertiary", disabled=not can_go, help=f"Remove {entry.letter}",
        )  # fmt: skip
    found = contest.result(contest.selection_piece(project, entry))
    if isinstance(found, WinnowError):
        st.warning(plain(found))
        return
    chosen = contest.chosen(project, entry)
    picture = contest.result(contest.picture_piece(project, entry))
    if chosen is None or not isinstance(picture, bytes):
        st.caption("Choosing and painting…")
    else:
        alt = f"Map of all rows in grey with the {counted(len(chosen), 'row')} of {entry.title} on it"
        st.image(picture, width="stretch", alt=alt)
        st.text(f"{counted(len(chosen), 'row')} of {len(project.dataset):,}")
    st.caption(plain(decisions.in_words(entry.params)))


def measured(project: Project, listed: list[Entry]) -> None:
    """Every metric beside random draws and the pool, and the line on what to hope for."""
    st.subheader("Beside random and the pool", anchor=False)
    tab = st.segmented_control(
        "Figures", compare.TABS, default=compare.TABS[0], key="figures_tab", required=True,
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    found = [(entry, contest.result(contest.compared_piece(project, entry))) for entry in listed]
    known = [(entry, one) for entry, one in found if one is None or isinstance(one, Compared)]
    ready = [(entry, one) for entry, one in known if one is not None]
    waiting = [entry for entry, one in known if one is None]
    if ready:
        st.html(compare.metric_table(known, str(tab)))
    if waiting:
        letters = ", ".join(entry.letter for entry in waiting)
        st.caption(f"Measuring {letters} and {CONTROL_DRAWS} random draws of the same size…")
    st.caption(compare.EXPECTATION)
    if ready and not waiting:
        st.download_button(
            "Download as CSV",
            data=lambda: compare.table(ready).write_csv(),
            file_name="winnow-comparison.csv",
            mime="text/csv",
            on_click="ignore",
            key="comparison_csv",
            icon=":material/download:",
        )


def judged(project: Project, listed: list[Entry]) -> None:
    """What every judge says, and whether those that did not choose see a gain."""
    if not project.judges:
        return
    st.subheader("Judges that did not choose", anchor=False)
    st.caption(
        "A judge likes what it chose. A gain counts when a judge that had no part sees it: outside the range "
        "of the random draws, and more than three standard errors from the mean of all rows. Judges that "
        "break ties are asked about rows chosen without their say."
    )
    found = [(entry, contest.result(contest.held_out_piece(project, entry))) for entry in listed]
    known = [(entry, one) for entry, one in found if one is None or isinstance(one, HeldOut)]
    if any(one is not None for _, one in known):
        st.html(compare.judge_table(known))
        st.html(compare.sentences(known))
    if any(one is None for _, one in found):
        st.caption("Asking the judges…")


def letter(listed: list[Entry], key: str, otherwise: int) -> int:
    """The place of the selection that a box of the page names; its usual one where that is gone."""
    letters = [entry.letter for entry in listed]
    named = state.widget(key)
    return letters.index(named) if named in letters else min(otherwise, len(letters) - 1)


def letter_box(listed: list[Entry], title: str, key: str, place: int) -> None:
    """A box that names one selection."""
    names = {entry.letter: entry.title for entry in listed}
    at = state.place_of(list(names), state.seed_widget(key, listed[place].letter))
    st.selectbox(
        title, list(names), at, key=key, format_func=lambda each: names[each], persist_state="session"
    )


def paired(project: Project, listed: list[Entry], places: tuple[int, int]) -> None:
    """Two selections taken apart: how much they share, and the rows of each side."""
    st.subheader("Two of them, row by row", anchor=False)
    first, second = (listed[place] for place in places)
    one, two = contest.chosen(project, first), contest.chosen(project, second)
    left, right = st.columns([3, 2], gap="medium")
    with right:
        letter_box(listed, "One", "pair_first", places[0])
        letter_box(listed, "The other", "pair_second", places[1])
    if one is None or two is None:
        left.caption(compare.CANNOT if contest.failed(project, first, second) else "Choosing…")
        return
    apart = overlap(one, two)
    picture = contest.result(contest.overlap_piece(project, first, second))
    with left:
        if isinstance(picture, bytes):
            st.image(picture, width="stretch", alt=f"Map of what {first.title} and {second.title} share")
        else:
            st.caption("Painting…")
    with right:
        shared(apart)
        st.html(compare.legend(first, second, apart))
    listing(project, ((first, one), (second, two)), apart)
    drawer(project, ((first, one), (second, two)))


def shared(apart: Overlap) -> None:
    """How much two selections share, beside chance."""
    st.metric(
        "Jaccard",
        number(apart.jaccard, ".1%"),
        delta=f"{number(apart.chance, '.1%')} by chance",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="Rows in both, of the rows in either. By chance: the expectation for two random draws of these "
        "sizes from the pool.",
    )


def listing(project: Project, pair: Pair, apart: Overlap) -> None:
    """The rows of one side, in order of choice; a click opens one in full."""
    (a, one), (b, two) = pair
    names = {"first": f"Only {a.letter}", "both": "Both", "second": f"Only {b.letter}"}
    sides = dict(zip(SIDES, (apart.only_first, apart.both, apart.only_second), strict=True))
    side = st.segmented_control(
        "Rows",
        SIDES,
        default=SIDES[0],
        key="side",
        required=True,
        persist_state="session",
        format_func=lambda each: f"{names[each]} ({len(sides[each]):,})",
        label_visibility="collapsed",
    )
    side = str(side)
    shown = sides[side][:SHOWN]
    by, (other, without) = (b, (a, one)) if side == "second" else (a, (b, two))
    st.caption(compare.listed(len(shown), len(sides[side]), by, None if side == "both" else other))
    if not len(shown):
        return
    choice = choose.Choice(without.params, without.eligible, len(without), None, without)
    tab = state.TABS[0] if side == "both" else state.TABS[3]  # with the reason why the other one left it out
    st.dataframe(
        rows.table(project, choice, shown, tab).to_arrow(compat_level=pl.CompatLevel.oldest()),
        key="pair_rows",
        hide_index=True,
        on_select=open_selected,
        selection_mode="single-row",
        column_config={"prompt": st.column_config.TextColumn(width="large")},
        height=250,
    )
    state.remember_shown(shown)


def drawer(project: Project, pair: Pair) -> None:
    """The row that is open, in full."""
    opened = state.opened_row()
    if opened is not None and opened < len(project.dataset):
        title = f"Row {plain(project.dataset.frame['id'][opened])}"
        shown = st.dialog(title, position="right", width="medium", on_dismiss=state.close_row)
        shown(row_drawer)(project, pair, opened)


def open_selected() -> None:
    """A row of the table was picked: open it."""
    picked = state.picked_row("pair_rows")
    if picked is not None:
        state.open_row(picked)


def row_drawer(project: Project, both: Pair, row: int) -> None:
    """One row in full, with what either selection says of it."""
    st.text(" · ".join(f"{e.letter}: {rows.REASONS[Reason(chosen.codes[row])]}" for e, chosen in both))
    params = both[0][0].params
    rows.full_row(project, choose.Choice(params, 0, 0, None, None), row)


def varied(project: Project, listed: list[Entry], place: int) -> None:
    """How much of one selection stays when one decision is another."""
    st.subheader("What stays when one decision changes", anchor=False)
    letter_box(listed, "Selection", "watched", place)
    entry = listed[place]
    if contest.failed(project, entry):
        st.caption(compare.CANNOT)
        return
    piece = contest.stability_piece(project, entry)
    found = contest.so_far(piece)
    words = contest.result(contest.word_counts_piece(project, entry))
    found += (words,) if isinstance(words, Kept) else ()
    waiting = []
    if words is None:
        waiting.append(("Another embedding", "word counts (TF-IDF), no model", awaited(project)))
    st.html(compare.stability_table(found, waiting))
    if contest.result(piece) is None:
        st.caption(f"Choosing {entry.letter} again with one decision changed…")
    st.caption(
        "Rows kept: rows of the selection that are chosen again, of all its rows. By chance (the mark on the "
        "bar): what a random draw of as many rows would keep, among the rows that are eligible then."
    )


def awaited(project: Project) -> str:
    """What the second embedding is waiting for."""
    job = contest.second_embedding(project)
    if job is None:
        return "choosing again…"
    if not job.is_live:
        return f"{job.problem} {job.hint}".strip() or "stopped"
    return f"{progress.TITLES.get(job.progress.stage, 'starting')}, without a model…".lower()


def follow(project: Project, wanted: list[Piece]) -> None:
    """Run the page again as soon as more is known than it shows."""
    missing = contest.missing(wanted)
    job = contest.second_embedding(project)
    is_live = job is not None and job.is_live
    if missing or is_live:
        st.fragment(look, run_every=progress.EVERY)(project, wanted, shown_of(project, wanted))


def shown_of(project: Project, wanted: list[Piece]) -> tuple[int, int, str]:
    """How much is known: it grows until everything is there."""
    job = contest.second_embedding(project)
    partial = sum(
        len(contest.so_far(piece)) for piece in wanted if "stability" in cast("tuple[object]", piece.key)
    )
    return len(contest.missing(wanted)), partial, "" if job is None else f"{job.status} {job.progress.stage}"


def look(project: Project, wanted: list[Piece], shown: tuple[int, int, str]) -> None:
    """See whether there is more."""
    if shown_of(project, wanted) != shown or (shown[0] and not contest.is_making(wanted)):
        st.rerun()


def page() -> None:
    """The whole page."""
    st.subheader("Compare selections", anchor=False)
    project = data.open_fitted()
    with st.sidebar:
        data.header(project)
    progress.panel(project)
    if not project.has_map():
        if progress.job_of(project) is None:
            data.no_map_yet(project)
        return
    listed = contest.entries(project)
    places = letter(listed, "pair_first", 0), letter(listed, "pair_second", 1)
    watched = letter(listed, "watched", 0)
    wanted = contest.pieces(project, listed, places, watched)
    error = contest.want(wanted, OWNER)
    if error is not None:
        st.warning(plain(error), icon=":material/info:")
    adding(project)
    cards(project, listed)
    measured(project, listed)
    judged(project, listed)
    if len(listed) > 1:
        paired(project, listed, places)
    varied(project, listed, watched)
    if error is None:  # what failed is tried again on the next visit, not every half second
        follow(project, wanted)
    state.write_link()


page()
