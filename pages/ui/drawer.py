"""One row in full beside the page, with its pins; and the border as a queue of such rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from core import Project, WinnowError
from core.domain import Positions
from core.ledger import PinOperation
from core.selection import border
from core.wording import counted
from pages.ui import keys, rows, seeking, state
from pages.ui.choose import Choice
from pages.ui.keys import Button, Press
from pages.ui.markup import plain

QUEUE = 20  # rows on each side of the cut that a queue holds at most
PIN_BUTTONS: dict[PinOperation, str] = {"include": "Include", "exclude": "Exclude", "clear": "Clear pin"}
KEYS = "queue_keys"
PIN_KEYS: dict[PinOperation, str] = {"include": "i", "exclude": "e", "clear": "u"}
NEXT = Button(name="next", title="Next", key="ArrowRight")
PREVIOUS = Button(name="previous", title="Previous", key="ArrowLeft")
STEPS = {"next": 1, "previous": -1}


class Shown(NamedTuple):
    """A row of a queue on a person's screen."""

    fingerprint: str
    row: int


def border_queue(project: Project, choice: Choice) -> Positions:
    """Rows nearest the cut first, one that got in and one that did not in turn."""
    assert choice.selection is not None and choice.order is not None
    judge = project.judges.get(choice.params.judge or "")
    sides = border(choice.selection, choice.order, judge=judge, draw=project.draw(0), size=QUEUE)
    nearness = np.concatenate((np.arange(len(sides.above)) * 2, np.arange(len(sides.below)) * 2 + 1))
    queue: Positions = np.concatenate((sides.above, sides.below))[np.argsort(nearness)]
    return queue


def offer_queue(project: Project, choice: Choice) -> None:
    """The button that goes through the rows around the cut one by one."""
    queue = border_queue(project, choice)
    if len(queue):
        st.button(
            f"Go through {counted(len(queue), 'row')} at the cut",
            key="border_queue",
            icon=":material/rule:",
            on_click=state.open_queue,
            args=(queue.tolist(),),
        )


def show(project: Project, choice: Choice, *, queue_title: str = "") -> None:
    """The drawer, if a row is open; ``queue_title``: what a queue of rows is called here."""
    opened, queue = state.opened_row(), state.queue()
    if opened is None or opened >= len(project.dataset):
        return
    # A queue keeps its title from row to row: with a new title the drawer would close and open again.
    title = (
        queue_title or ("Rows found" if state.widget("tab") == state.FIND else "Rows at the cut")
        if queue
        else f"Row {plain(project.dataset.frame['id'][opened])}"
    )
    drawer = st.dialog(title, position="right", width="medium", on_dismiss=state.close_row)
    drawer(_queue if queue else _row)(project, choice)


def _row(project: Project, choice: Choice) -> None:
    row = state.opened_row()
    if row is None:
        return
    with st.container(horizontal=True):
        for operation, title in PIN_BUTTONS.items():
            if st.button(title, key=f"pin_{operation}") and _pinned(project, operation, row):
                state.close_row()
                st.rerun()
        _offer_like(project, row)
    _say_notes()
    rows.full_row(project, choice, row)


def _offer_like(project: Project, row: int) -> None:
    """The button that looks for the rows nearest to this one."""
    if st.button(
        "More like this",
        key="like_row",
        icon=":material/search:",
        on_click=seeking.take_row,
        args=(project, row),
    ):
        st.rerun()


def _queue(project: Project, choice: Choice) -> None:
    """One row of the queue; a decision turns to the next, and after the last one the drawer closes."""
    press = keys.pressed(KEYS)
    if press is not None:
        _take(project, press)
    row, queue = state.opened_row(), state.queue()
    if row is None or row not in queue:
        st.rerun()  # the queue ended: the page follows what was decided
    place = queue.index(row)
    above = st.container()
    _say_notes()
    st.progress((place + 1) / len(queue), text=f"{place + 1} of {len(queue)}{_decided(project, queue)}")
    name = project.dataset.frame["id"][row]
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(f"Row {plain(name)}{_pin_of(project, row)}", width="content")
        _offer_like(project, row)
    rows.full_row(project, choice, row)
    pins = [
        Button(name=operation, title=title, key=PIN_KEYS[operation])
        for operation, title in PIN_BUTTONS.items()
    ]
    with above:
        shown = Shown(project.dataset.fingerprint, row)
        ways = [*([PREVIOUS] if place else []), NEXT]
        keys.show(pins, ways, about=shown, title=f"Row {name}", key=KEYS)


def _say_notes() -> None:
    """What could not be done; the page that says it lies below the drawer."""
    for note in state.current().notes:
        st.error(plain(note))


def _take(project: Project, press: Press) -> None:
    """Turn to another row, or pin the one that was on the screen and turn to the next."""
    shown, name = press.about, press.name
    if not isinstance(shown, Shown) or shown.fingerprint != project.dataset.fingerprint:
        return
    if name in STEPS:
        state.turn_queue(STEPS[name])
        return
    for operation in PIN_BUTTONS:
        if name == operation and _pinned(project, operation, shown.row) and shown.row == state.opened_row():
            state.turn_queue(1)


def _pinned(project: Project, operation: PinOperation, row: int) -> bool:
    """Pin one row; where that fails it is noted, and the drawer stays as it is."""
    try:
        project.ledger.pin(project.dataset.origin, operation, [project.dataset.frame["id"][row]])
    except WinnowError as error:
        state.update(notes=(str(error),))
        return False
    return True


def _decided(project: Project, queue: tuple[int, ...]) -> str:
    """How many rows of the queue are pinned by now, in words."""
    pins = project.pins
    ids = set(project.dataset.frame["id"].gather(list(queue)))
    included, excluded = len(ids & pins.include), len(ids & pins.exclude)
    told = [f"{count} {word}" for count, word in ((included, "included"), (excluded, "excluded")) if count]
    return f": {', '.join(told)}" if told else ""


def _pin_of(project: Project, row: int) -> str:
    """What a person decided on this row; the reason below it tells how the page stood before."""
    each, pins = project.dataset.frame["id"][row], project.pins
    if each in pins.exclude:
        return ", now excluded"
    return ", now included" if each in pins.include else ""
