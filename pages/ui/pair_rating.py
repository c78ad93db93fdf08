"""Two answers to one prompt, without the names of who gave them: which is better, by keys, and who wins."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl
import streamlit as st

from core import Project, WinnowError, pairs
from core.loading import keep
from core.pair_rates import Vote, win_rate
from core.pairs import ANSWERS, POSITION, PROMPTS, Pairs
from core.ratings import checked_name
from core.scoring import Opened
from pages.ui import cached, keys, places, state
from pages.ui.keys import Button, Press
from pages.ui.markup import plain
from pages.ui.pair_results import result, side_by_side

PREFERENCES, COLUMNS, FILES = "Chosen and rejected", "Two columns", "Two files of answers"
EYE, MODEL = "By eye", "By a model"
NONE = "none"
HEIGHT = 340  # pixels of the answers: buttons and texts stay in one view
KEYS = "pair_keys"
UNDO = (Button(name="undo", title="Undo", key="u"),)
VERDICTS = {
    "first": ("First is better", "ArrowLeft", 1),
    "tie": ("Tie", "ArrowDown", 0),
    "second": ("Second is better", "ArrowRight", -1),
}


class Shown(NamedTuple):
    """A pair on a person's screen; without its id, every pair is rated."""

    digest: str
    person: str
    pair: str | None = None
    a_first: bool = True


def panel(project: Project) -> None:
    """Where the pairs come from, the next pair, and what came of them."""
    st.caption(
        "Two answers to one prompt, side by side in random order; nobody sees whose they are. For a "
        "preference set, or for the answers of two models that were trained on two subsets."
    )
    above = st.container()
    try:
        found = _pairs(project)
    except WinnowError as error:
        st.warning(plain(error), icon=":material/info:")
        return
    if found is not None:
        with above:
            _compare(project, found)


def _compare(project: Project, found: Pairs) -> None:
    """Who compares the pairs: a person or a model."""
    st.markdown(plain(f"{found.sentence}."))
    if not len(found):
        return
    who = st.segmented_control(
        "Compare them", (EYE, MODEL), default=EYE, key="pairs_who", required=True, persist_state="session"
    )
    if who == MODEL:
        from pages.ui import pair_judging  # it brings the client along, a third of a second

        pair_judging.panel(project, found)
        st.divider()
    else:
        _rate(project, found)


def _rate(project: Project, found: Pairs) -> None:
    """Who rates, and in which orders; then the pairs."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(
            "Your name", key="review_name", max_chars=40, placeholder="Ann", width=150,
            persist_state="session",
        )  # fmt: skip
        both = st.toggle(
            "Each pair in both orders", key="pairs_both", persist_state="session",
            help="The second time comes after all pairs were seen once. It tells how often the order alone "
            "decides.",
        )  # fmt: skip
    try:
        person = checked_name(typed) if typed.strip() else ""
    except WinnowError as error:
        st.error(plain(error))
        return
    if person:
        st.fragment(_vote)(project, found, person, both)
    else:
        st.info("Type your name: every vote is kept with it.", icon=":material/person:")
        _results(project, found)
    st.divider()


# Where pairs come from.


def _pairs(project: Project) -> Pairs | None:
    """The pairs of the chosen source; None while something is still to be chosen."""
    has_rejected = "rejected" in project.dataset.frame.columns
    kinds = [*([PREFERENCES] if has_rejected else []), FILES, COLUMNS]
    kind = st.segmented_control(
        "Answers from", kinds, default=kinds[0], key="pairs_from", required=True, persist_state="session"
    )
    if kind == PREFERENCES:
        key = ("pairs", project.dataset.fingerprint)
        return _kept(key, lambda: pairs.of_preferences(project.dataset))
    return _of_columns(project) if kind == COLUMNS else _of_files()


def _kept(key: tuple[object, ...], make: object) -> Pairs:
    """Pairs are put together once."""
    found = cached.findings().get(key, make)  # type: ignore[arg-type]
    assert isinstance(found, Pairs)
    return found


def _of_columns(project: Project) -> Pairs | None:
    rows = project.dataset.rows
    names = [name for name in rows.columns if rows[name].dtype == pl.String]
    left, right = st.columns(2)
    a = left.selectbox("Answers of A", names, index=None, key="pairs_a", placeholder="Choose a column")
    b = right.selectbox("Answers of B", names, index=None, key="pairs_b", placeholder="Choose a column")
    if a is None or b is None or a == b:
        return None
    return _kept(
        ("pairs", project.dataset.fingerprint, a, b), lambda: pairs.of_columns(project.dataset, a, b)
    )


def _of_files() -> Pairs | None:
    boxes = st.columns(2)
    opened = [_file(box, side) for box, side in zip(boxes, "AB", strict=True)]
    a, b = opened
    if a is None or b is None:
        return None
    answers = [_answers(box, side, each) for box, side, each in zip(boxes, "AB", (a, b), strict=True)]
    shared = [name for name in a.verbatim.columns if name in b.verbatim.columns]
    prompt_now, by_now = pairs.likely(a.verbatim.columns, PROMPTS), pairs.likely(shared, ("id", *PROMPTS))
    left, right = st.columns(2)
    columns = a.verbatim.columns
    prompt = left.selectbox(
        "Prompt, of the first file", columns, index=columns.index(prompt_now) if prompt_now else 0,
        key=f"pairs_prompt_{a.file.sha256[:8]}",
    )  # fmt: skip
    joins = [*shared, POSITION]
    by = right.selectbox(
        "Join by", joins, index=joins.index(by_now or POSITION), key=f"pairs_by_{b.file.sha256[:8]}",
        format_func=lambda name: "row by row" if name == POSITION else name,
    )  # fmt: skip
    name_a, name_b = _names(a, b)
    key = ("pairs", a.file.sha256, b.file.sha256, *answers, prompt, by)
    one, other = (name_a, a.verbatim, answers[0]), (name_b, b.verbatim, answers[1])
    return _kept(key, lambda: pairs.of_files(one, other, by=by, prompt=prompt))


def _names(a: Opened, b: Opened) -> tuple[str, str]:
    return (
        (a.file.name, b.file.name)
        if a.file.name != b.file.name
        else (f"A: {a.file.name}", f"B: {b.file.name}")
    )


def _file(box: st.delta_generator.DeltaGenerator, side: str) -> Opened | None:
    uploaded = box.file_uploader(f"Answers of model {side}", key=f"pairs_upload_{side}")
    typed = box.text_input(
        "or their path", key=f"pairs_path_{side}", placeholder=f"answers-{side.lower()}.jsonl"
    )
    if uploaded is not None:
        return cached.scores(str(keep(uploaded.name, uploaded.getvalue(), places.uploads())))
    return cached.scores(typed.strip()) if typed.strip() else None


def _answers(box: st.delta_generator.DeltaGenerator, side: str, opened: Opened) -> str:
    columns = opened.verbatim.columns
    now = pairs.likely(columns, ANSWERS)
    chosen = box.selectbox(
        f"Column of the answers of {side}", columns, index=columns.index(now) if now else len(columns) - 1,
        key=f"pairs_answers_{side}_{opened.file.sha256[:8]}",
    )  # fmt: skip
    return str(chosen)


# One pair after the other.


def _vote(project: Project, found: Pairs, person: str, both: bool) -> None:
    """The next pair and its keys; runs alone at every key."""
    press = keys.pressed(KEYS)
    if press is not None:
        _take(project, press)
    votes = project.pair_votes(found.digest)
    mine = {(each.pair, each.a_first) for each in votes if each.person == person}
    order = pairs.sequence(found, person, both_orders=both)
    left = [(place, a_first) for place, a_first in order if (found.ids[place], a_first) not in mine]
    done = len(order) - len(left)
    above = st.container()
    st.progress(done / len(order), text=plain(f"{done:,} of {len(order):,} done by {person}"))
    if left:
        place, a_first = left[0]
        _show(found, place, a_first)
        shown = Shown(found.digest, person, found.ids[place], a_first)
    else:
        st.success("Every pair is rated.", icon=":material/check:")
        shown = Shown(found.digest, person)
    with above:
        title = "All pairs are rated" if shown.pair is None else f"Pair {shown.pair}"
        keys.show(_buttons(has_pair=bool(left)), UNDO, about=shown, title=title, key=KEYS)
    _results(project, found)


def _buttons(*, has_pair: bool) -> list[Button]:
    return [
        Button(name=name, title=title, key=key, is_disabled=not has_pair)
        for name, (title, key, _) in VERDICTS.items()
    ]


def _show(found: Pairs, place: int, a_first: bool) -> None:
    with st.container(border=True, gap="xsmall"):
        st.caption("prompt")
        st.text(found.prompts[place] or "(empty)")
    answers = (found.answers_a[place], found.answers_b[place])
    sides = zip(st.columns(2), ("First", "Second"), answers if a_first else answers[::-1], strict=True)
    for column, title, text in sides:
        with column.container(border=True, gap="xsmall", height=HEIGHT):
            st.caption(title)
            st.text(text)


def _take(project: Project, press: Press) -> None:
    """Do what a press says, with the pair that was on the screen."""
    shown, name = press.about, press.name
    try:
        if isinstance(shown, Shown) and name == "undo":
            project.undo_vote(shown.digest, shown.person)
        elif isinstance(shown, Shown) and shown.pair is not None and name in VERDICTS:
            better = VERDICTS[name][2]
            project.vote(shown.digest, Vote(shown.pair, shown.person, shown.a_first, better))
    except WinnowError as error:
        state.update(notes=(str(error),))


# What came of them.


def _results(project: Project, found: Pairs) -> None:
    votes = project.pair_votes(found.digest)
    with st.expander(
        f"What {len({each.pair for each in votes}):,} rated pairs say", icon=":material/scoreboard:"
    ):
        result(win_rate(votes), found)
        people = sorted({each.person for each in votes})
        if len(people) > 1:
            rates = [win_rate(each for each in votes if each.person == person) for person in people]
            st.dataframe(side_by_side(people, rates), hide_index=True, width="stretch")
    with st.expander("Verdicts of a judge, out of columns", icon=":material/gavel:"):
        _imported(found)


def _imported(found: Pairs) -> None:
    st.caption(
        "Columns that say which answer a judge preferred: first, second or tie; A, B or C; 1, 2 or 0. With "
        "both orders, a win is two wins, or a win and a tie (AlpaGasus)."
    )
    columns = [NONE, *(name for name in found.rows.columns if not found.rows[name].dtype.is_nested())]
    left, right = st.columns(2)
    one = left.selectbox("Verdict with A shown first", columns, key="verdict_a_first")
    other = right.selectbox("Verdict with B shown first", columns, key="verdict_b_first")
    by_place = st.toggle(
        "There, first means B", value=True, key="verdict_by_place",
        help="On: the second column tells by its place which answer was preferred. Off: by its side.",
    )  # fmt: skip
    if one == NONE:
        return
    told = pairs.imported(found, one, None if other == NONE else other, by_place=by_place)
    if told.unread:
        cells = ", ".join(f"{count:,} {text[:20]!r}" for text, count in list(told.unread.items())[:5])
        st.warning(
            plain(
                f"Cells that are no verdict: {sum(told.unread.values()):,} ({cells}). They count for nobody."
            )
        )
    result(win_rate(told.votes), found)
