"""Rows that people rate one after the other: by keys, without the judges, with undo."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from core import Project, Reason, WinnowError
from core.ratings import SCALES, Rating, checked_name, opinions, said
from core.review import SAMPLE_SIZE, Sample, mid_ranks
from core.wording import counted
from pages.ui import choose, drawer, keys, progress, rows, state
from pages.ui.choose import Choice
from pages.ui.keys import Button, Press
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
KEYS = "review_keys"
WAYS = (
    Button(name="undo", title="Undo", key="u"),
    Button(name="back", title="Back", key="ArrowLeft"),
    Button(name="next", title="Next", key="ArrowRight"),
)
VERDICTS = {"keep": True, "drop": False, "skip": None}
STEPS = {"back": -1, "next": 1}


class Sitting(NamedTuple):
    """Who rates, out of which queue, up to which grade, and whether the judges are shown afterwards."""

    person: str
    kind: str
    of: int
    show: bool

    def rating(self, row: str, name: str) -> Rating:
        """What a press says of a row: a grade, or one of ``VERDICTS``."""
        score, keep = (None, VERDICTS[name]) if name in VERDICTS else (float(name), None)
        return Rating(
            row=row, person=self.person, score=score, of=self.of, keep=keep, queue=self.kind,
            shown=self.show and name != "skip",
        )  # fmt: skip


class Shown(NamedTuple):
    """A row on a person's screen."""

    fingerprint: str
    row: str
    sitting: Sitting


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
    press = keys.pressed(KEYS)
    if press is not None:
        _take(project, press)
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
    above = st.container()
    if steps.problem:
        st.error(plain(steps.problem))
    done = sum(ids[each] in spoken_of for each in steps.rows)
    st.progress(done / len(steps.rows), text=_progress(project, person, done, len(steps.rows)))
    st.markdown(_known(project, choice, row, about))
    with st.container(height=READING, border=False, key="review_row"):
        rows.spoken(project.dataset.frame.row(row, named=True))
    with above:
        shown = Shown(project.dataset.fingerprint, ids[row], now)
        keys.show(_buttons(now.of, about), WAYS, about=shown, title=f"Row {ids[row]}", key=KEYS)


def _progress(project: Project, person: str, done: int, rows_: int) -> str:
    told = opinions(project.ratings(), person=person)
    return plain(f"{done:,} of {rows_:,} done. {person}, in all: {said(told)}.")


def _buttons(top: int, about: list[Rating]) -> list[Button]:
    """Grades and verdicts; what was said last is marked."""
    score = next((each.score for each in reversed(about) if each.score is not None), None)
    verdict = next((each.keep for each in reversed(about) if each.keep is not None), None)
    skipped = bool(about) and about[-1].is_skip
    grades = [
        Button(name=str(grade), title=str(grade), key=str(grade), is_said=score == grade)
        for grade in range(1, top + 1)
    ]
    return [
        *grades,
        Button(name="keep", title="Keep", key="k", is_said=verdict is True),
        Button(name="drop", title="Drop", key="d", is_said=verdict is False),
        Button(name="skip", title="Skip", key="s", is_said=skipped),
    ]


def _take(project: Project, press: Press) -> None:
    """Do what a press says, with the row that was on the screen."""
    shown, name = press.about, press.name
    if not isinstance(shown, Shown) or shown.fingerprint != project.dataset.fingerprint:
        return
    if name in STEPS:
        _turn(STEPS[name])
    elif name == "undo":
        _undo(project, shown.sitting.person)
    elif name in VERDICTS or (name.isdecimal() and 1 <= int(name) <= shown.sitting.of):
        _keep(project, shown.sitting.rating(shown.row, name))


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
