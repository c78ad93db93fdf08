"""Rows that people rate one after the other: by keys, without the judges, with undo."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from core import Project, Reason, WinnowError
from core.ratings import SCALES, Rating, checked_name, opinions, said
from core.review import SAMPLE_SIZE, Sample, mid_ranks
from core.wording import counted
from pages.ui import choose, drawer, progress, rows, state
from pages.ui.choose import Choice
from pages.ui.markup import plain

RATE, FIGURES, PAIRS = "Rate rows", "What the ratings say", "Pairs of answers"
CUT, SPREAD, BLIND = "Around the cut", "Judges disagree", "Blind sample"
TELLS = {
    CUT: "The last rows that got in and the first that did not, in turn.",
    SPREAD: "The rows whose judges are furthest apart in rank, widest first.",
    BLIND: "Drawn at random, half within one step of the threshold: what ratings say of the selection comes "
    "from these rows.",
}
MOST_SPREAD = 100  # rows on which judges disagree
READING = 470  # pixels of the conversation: buttons and row stay in one view
KEEP, DROP, SKIP, UNDO = "K", "D", "S", "U"


class Sitting(NamedTuple):
    """Who rates, out of which queue, up to which grade, and whether the judges are shown afterwards."""

    person: str
    kind: str
    of: int
    show: bool

    def rating(self, row: str, *, score: float | None = None, keep: bool | None = None) -> Rating:
        """What is said of a row; with neither a score nor a verdict it is skipped."""
        shown = self.show and (score is not None or keep is not None)
        return Rating(
            row=row, person=self.person, score=score, of=self.of, keep=keep, queue=self.kind, shown=shown
        )


def panel(project: Project, owner: str) -> None:
    """Choose a queue and rate its rows."""
    choice = choose.choose(project, state.current(), owner=owner)
    if choice.error is not None:
        st.warning(plain(choice.error), icon=":material/info:")
        return
    if choice.selection is None:
        st.caption(plain(f"{choice.waiting}…"))
        progress.follow(project, choice, choose.NO_COVERAGE)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="review_bar"):
        person = _person()
        kind = st.segmented_control(
            "Rows", (CUT, SPREAD, BLIND), default=CUT, key="review_queue", required=True,
            persist_state="session",
        )  # fmt: skip
        with st.popover("Options", icon=":material/tune:", key="review_options"):
            of, show = _options(str(kind))
            sample = project.sample() if kind == BLIND else None
            if sample is not None:
                _offer_sample(project, choice, sample)
    st.caption(TELLS[str(kind)] + (plain(f" {_drawn_at(sample)}") if sample else ""))
    if kind == BLIND and sample is None:
        _offer_sample(project, choice, None)
    elif not person:
        st.info("Type your name: every rating is kept with it.", icon=":material/person:")
    else:
        st.fragment(_rate)(project, choice, Sitting(person, str(kind), of, show))


def _options(kind: str) -> tuple[int, bool]:
    """The scale, and whether the judges are shown after each rating."""
    of = st.selectbox(
        "Scale", SCALES, index=1, key="review_scale", format_func=lambda top: f"1 to {top}",
        persist_state="session",
    )  # fmt: skip
    show = st.toggle(
        "Show the judges after each rating", value=kind != BLIND, key=f"review_show_{kind}",
        persist_state="session",
        help="What you say of that row from then on is no blind rating any more.",
    )  # fmt: skip
    return of, show


def _person() -> str:
    """The name that this session rates under; empty where there is none."""
    typed = st.text_input(
        "Your name", key="review_name", max_chars=40, placeholder="Ann", width=150, persist_state="session"
    )
    try:
        return checked_name(typed) if typed.strip() else ""
    except WinnowError as error:
        st.error(plain(error))
        return ""


def _offer_sample(project: Project, choice: Choice, sample: Sample | None) -> None:
    """The way to a blind sample, or to another one."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        size = st.number_input(
            "Rows to draw", min_value=10, max_value=1_000, value=SAMPLE_SIZE, step=10, key="review_size",
            width=130,
        )  # fmt: skip
        st.button(
            "Draw a blind sample" if sample is None else "Draw anew from the current selection",
            key="draw_sample", type="primary" if sample is None else "secondary", icon=":material/casino:",
            on_click=_draw, args=(project, choice, int(size)),
        )  # fmt: skip


def _drawn_at(sample: Sample) -> str:
    where = (
        "without a threshold"
        if sample.judge is None or sample.min_score is None
        else f"at {sample.judge} of {sample.min_score:g} or more"
    )
    return f"{counted(len(sample.ids), 'row')}, drawn {where}."


def _draw(project: Project, choice: Choice, size: int) -> None:
    assert choice.selection is not None
    sample = project.sample()
    try:
        project.draw_sample(choice.selection, size=size, seed=0 if sample is None else sample.seed + 2)
    except WinnowError as error:
        state.update_review(problem=str(error))


def _queue(project: Project, choice: Choice, kind: str) -> list[int]:
    """The rows of a queue as they are now."""
    if kind == CUT:
        return [int(row) for row in drawer.border_queue(project, choice)]
    if kind == SPREAD:
        return [int(row) for row in project.widest_spread(MOST_SPREAD)]
    sample = project.sample()
    return [] if sample is None else [int(row) for row in project.sample_rows(sample)]


def _rate(project: Project, choice: Choice, now: Sitting) -> None:
    """One row of the queue, its keys, and what was said of it; runs alone at every key."""
    person, kind = now.person, now.kind
    sample = project.sample() if kind == BLIND else None
    key = (kind, person, project.dataset.fingerprint, choice.params if kind == CUT else None, sample)
    mine = [each for each in project.ratings() if each.person == person]
    spoken_of = {each.row for each in mine}
    ids = project.dataset.frame["id"]
    if state.review().queue != key:
        queue = _queue(project, choice, kind)
        first = next((at for at, row in enumerate(queue) if ids[row] not in spoken_of), 0)
        state.update_review(queue=key, rows=tuple(queue), at=first)
    steps = state.review()
    if not steps.rows:
        few = kind == SPREAD and len(project.judges) < 2
        st.info("Two judges are needed to disagree." if few else "There are no such rows.")
        return
    row = steps.rows[min(steps.at, len(steps.rows) - 1)]
    about = [each for each in mine if each.row == ids[row]]
    _buttons(project, now, ids[row], about)
    if steps.problem:
        st.error(plain(steps.problem))
    done = sum(ids[each] in spoken_of for each in steps.rows)
    st.progress(done / len(steps.rows), text=_progress(project, person, done, len(steps.rows)))
    st.markdown(_known(project, choice, row, about))
    with st.container(height=READING, border=False, key="review_row"):
        rows.spoken(project.dataset.frame.row(row, named=True))


def _progress(project: Project, person: str, done: int, rows_: int) -> str:
    told = opinions(project.ratings(), person=person)
    return plain(f"{done:,} of {rows_:,} done. {person}, in all: {said(told)}.")


def _buttons(project: Project, now: Sitting, row: str, about: list[Rating]) -> None:
    """Grades, verdicts, and the ways on and back; what was said last is marked."""
    score = next((each.score for each in reversed(about) if each.score is not None), None)
    verdict = next((each.keep for each in reversed(about) if each.keep is not None), None)
    with st.container(horizontal=True, key="review_keys", gap="xsmall"):
        for grade in range(1, now.of + 1):
            _say(project, str(grade), str(grade), now.rating(row, score=grade), is_said=score == grade)
        _say(project, "Keep", KEEP, now.rating(row, keep=True), is_said=verdict is True)
        _say(project, "Drop", DROP, now.rating(row, keep=False), is_said=verdict is False)
        _say(project, "Skip", SKIP, now.rating(row), is_said=bool(about) and about[-1].is_skip)
        st.space("stretch")
        st.button("Undo", key="review_undo", shortcut=UNDO, on_click=_undo, args=(project, now.person))
        st.button("Back", key="review_back", shortcut="Left", on_click=_turn, args=(-1,))
        st.button("Next", key="review_next", shortcut="Right", on_click=_turn, args=(1,))


def _say(project: Project, title: str, key: str, rating: Rating, *, is_said: bool) -> None:
    """A button for its row alone: a key that comes before the next row is shown means the one before."""
    st.button(
        title, key=f"say_{title.lower()}_{project.position(rating.row)}", shortcut=key,
        type="primary" if is_said else "secondary", on_click=_keep, args=(project, rating),
    )  # fmt: skip


def _keep(project: Project, rating: Rating) -> None:
    """Keep what was said of a row."""
    try:
        project.rate(rating)
    except WinnowError as error:
        state.update_review(problem=str(error))
    else:
        state.update_review(at=_place_after(project, rating), problem="")


def _place_after(project: Project, rating: Rating) -> int:
    """Where the queue goes on: at the next open row, or at this one where the judges are to be shown."""
    steps, ids = state.review(), project.dataset.frame["id"]
    row = project.position(rating.row)
    if row not in steps.rows:  # of the queue before this one
        return steps.at
    at = steps.rows.index(row)
    if rating.shown:
        return at
    spoken_of = {each.row for each in project.ratings() if each.person == rating.person}
    open_ = [place for place, each in enumerate(steps.rows) if ids[each] not in spoken_of]
    return next((place for place in open_ if place > at), open_[0] if open_ else at)


def _undo(project: Project, person: str) -> None:
    """Take the last word back and show its row, where it is in this queue."""
    steps = state.review()
    try:
        row = project.undo_rating(person)
    except WinnowError as error:
        state.update_review(problem=str(error))
        return
    place = None if row is None else project.position(row)
    state.update_review(at=steps.rows.index(place) if place in steps.rows else steps.at, problem="")


def _turn(by: int) -> None:
    steps = state.review()
    state.update_review(at=min(max(steps.at + by, 0), len(steps.rows) - 1), problem="")


def _known(project: Project, choice: Choice, row: int, about: list[Rating]) -> str:
    """What judges say of the row, once it was rated and they were to be shown; else that they are hidden."""
    name = f"Row {project.dataset.frame['id'][row]}"
    if not any(each.shown for each in about):
        hidden = "Judges stay hidden." if about else "Judges are hidden until you have rated."
        return f"{plain(name)} · :gray[{hidden}]"
    told = []
    people = project.judges_of_people()
    for judge in (each for name, each in project.judges.items() if name not in people):
        score = judge.scores[row]
        if np.isnan(score):
            told.append(f"{plain(judge.name)} unscored")
        else:
            rank = mid_ranks(judge.scores)[row]
            told.append(f"{plain(judge.name)} **{plain(f'{score:g}')}** (rank {rank:.0%})")
    assert choice.selection is not None
    reason = rows.reason_words(choice)[Reason(choice.selection.codes[row])]
    return " · ".join([plain(name), *told, plain(reason)])
