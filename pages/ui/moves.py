"""Between the session and the map: what the map sent is taken over, and what it shows is put together."""

from __future__ import annotations

import numpy as np

from core import Project, WinnowError
from core.domain import Positions
from core.selection import eligible
from pages.ui import choose, seeking, state
from pages.ui.map import Cloud, Move, read_open, read_pin, read_settings
from pages.ui.view import View

IN_BUDGET, NO_COPIES = "within the token budget", "without near copies"
NO_ROWS: Positions = np.empty(0, dtype=np.int64)
BUDGET = 4400  # bytes of a move for the map; figures and table take about as much again


def take_events(project: Project, cloud: Cloud, *, draft: bool = False) -> None:
    """Take over what the map sent: where its controls stand, a pin, a clicked row."""
    view, events = state.current(), state.component(state.MAP)
    settings = read_settings(events)
    if settings is not None and settings.seq > view.seq:
        changes: dict[str, object] = {"seq": settings.seq, "count": settings.count}
        changes |= {"colour": settings.colour, "isolated": settings.isolated}
        if settings.level is not None and view.judge is not None and view.judge in cloud.levels:
            changes["min_score"] = _threshold(cloud, view.judge, settings.level)
        state.update(**changes)
    pin = read_pin(events)
    if pin is not None and pin.n > view.ack:
        notes: tuple[str, ...] = ()
        try:
            if pin.op == "like":
                seeking.take_area(project, pin)
            else:
                choose.apply_pin(project, pin, draft=draft)
        except WinnowError as error:
            notes = (str(error),)
        state.update(ack=pin.n, notes=notes)
    clicked = read_open(events)
    if clicked is not None and 0 <= clicked < len(project.dataset):
        state.open_row(clicked)


def pass_over_old_events() -> None:
    """Call after the map is shown: what it had sent to a server before this one is not taken over now.

    A new session knows of it only when the map is on its page; what it decided stands in the link.
    """
    settings, view = read_settings(state.component(state.MAP)), state.current()
    if settings is not None and settings.seq > view.seq:
        state.update(seq=settings.seq, notes=view.notes)


def move_of(
    project: Project,
    cloud: Cloud,
    view: View,
    choice: choose.Choice,
    found: Positions = NO_ROWS,
) -> Move:
    """What the map shows now; the rows that were found have a ring."""
    pins = choice.params.pins
    judge = view.judge if view.judge in cloud.levels else None
    level = None if judge is None or view.min_score is None else cloud.level(judge, view.min_score)
    chosen = choice.selection
    reachable = choice.eligible + _pinned_beyond(project, choice) if chosen is None else chosen.reachable
    return Move(
        order=np.empty(0, dtype=np.int64) if choice.order is None else choice.order[:reachable],
        count=choice.size if view.count is None else view.count,
        reachable=reachable,
        limited=_limited_by(choice),
        eligible=choice.eligible,
        order_id=choice.order_id,
        seq=view.seq,
        ack=view.ack,
        judge=judge,
        level=level,
        colour=view.colour,
        isolated=view.isolated,
        include=project.positions(pins.include),
        exclude=project.positions(pins.exclude),
        found=found,
        can_undo=project.ledger.steps(project.dataset.origin) > 0,
        pending=choice.selection is None,
        message=choice.waiting,
    )


def _pinned_beyond(project: Project, choice: choose.Choice) -> int:
    """How many pinned rows are in although they are not eligible."""
    params = choice.params
    pinned = project.positions(params.pins.include - params.pins.exclude)
    allowed = eligible(len(project.dataset), choose.judge_of(project, params), params.min_score)
    return int((~allowed[pinned]).sum())


def _limited_by(choice: choose.Choice) -> str:
    """What the rows are called that the count is taken from, where a limit leaves fewer than are eligible."""
    chosen, order = choice.selection, choice.order
    if chosen is None or order is None or chosen.reachable >= choice.eligible:
        return ""
    return IN_BUDGET if chosen.reachable < len(order) else NO_COPIES


def _threshold(cloud: Cloud, judge: str, level: int) -> float:
    """The score of a level, as the shortest number that is the same float32."""
    levels = cloud.levels[judge]
    return float(str(levels[min(max(level, 0), len(levels) - 1)]))
