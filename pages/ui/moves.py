"""Between the session and the map: what the map sent is taken over, and what it shows is put together."""

from __future__ import annotations

import numpy as np

from core import Project, WinnowError
from core.selection import eligible
from pages.ui import choose, state
from pages.ui.map import Cloud, Move, read_open, read_pin, read_settings

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


def move_of(project: Project, cloud: Cloud, view: state.View, choice: choose.Choice) -> Move:
    """What the map shows now."""
    pins = choice.params.pins
    judge = view.judge if view.judge in cloud.levels else None
    level = None if judge is None or view.min_score is None else cloud.level(judge, view.min_score)
    return Move(
        order=np.empty(0, dtype=np.int64) if choice.order is None else choice.order,
        count=choice.size if view.count is None else view.count,
        reachable=choice.eligible + _pinned_beyond(project, choice),
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
        can_undo=project.ledger.steps(project.dataset.fingerprint) > 0,
        pending=choice.selection is None,
        message=choice.waiting,
    )


def _pinned_beyond(project: Project, choice: choose.Choice) -> int:
    """How many pinned rows are in although they are not eligible."""
    params = choice.params
    pinned = project.positions(params.pins.include - params.pins.exclude)
    allowed = eligible(len(project.dataset), project.judges.get(params.judge or ""), params.min_score)
    return int((~allowed[pinned]).sum())


def _threshold(cloud: Cloud, judge: str, level: int) -> float:
    """The score of a level, as the shortest number that is the same float32."""
    levels = cloud.levels[judge]
    return float(str(levels[min(max(level, 0), len(levels) - 1)]))
