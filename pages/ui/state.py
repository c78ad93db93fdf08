"""The decisions of one session: a few ids and numbers, and the link that carries them.

The only module that touches ``st.session_state``.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import streamlit as st

from core.domain import OptionValue, Pins, Positions, SelectParams
from pages.ui import places

VIEW = "winnow.view"
OPENED = "winnow.opened"
MAP = "map"  # the key of the map component
DIGITS = 8  # of a count or a seed, at most
MOST_SCORE = 1e30  # float32 holds no more than about 3e38
IN_LINK = ("data", "judge", "min", "count", "strategy", "colour", "seed")
TABS = ("Selected", "Just above the cut", "Just below", "Left out", "Pinned")


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSettings:
    """What a person may change of the way from texts to map; None is the default."""

    model: str | None = None
    method: str | None = None
    clusters: int | None = None
    n_neighbours: int | None = None
    min_dist: float | None = None
    seed: int | None = None

    def by_stage(self) -> dict[str, dict[str, Any]]:
        """The settings as the worker takes them: by stage, only what differs from the defaults."""
        stages: dict[str, dict[str, str | int | float | None]] = {
            "embed": {"model": self.model},
            "cluster": {"method": self.method, "clusters": self.clusters},
            "project": {"n_neighbours": self.n_neighbours, "min_dist": self.min_dist, "seed": self.seed},
        }
        return {
            stage: named
            for stage, values in stages.items()
            if (named := {name: value for name, value in values.items() if value is not None})
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Where a person stands.

    data: "sample" or a path. fitted: the dataset whose defaults are filled in.
    seq, ack: the last events of the map that were taken over.
    notes: what was asked for and could not be done, said until the next decision.
    """

    data: str
    fitted: str = ""
    judge: str | None = None
    min_score: float | None = None
    count: int | None = None
    strategy: str = "k-center"
    seed: int = 0
    options: tuple[tuple[str, OptionValue], ...] = ()
    colour: str = "cluster"
    isolated: int | None = None
    map: MapSettings = MapSettings()
    seq: int = 0
    ack: int = 0
    notes: tuple[str, ...] = ()

    def params(self, pins: Pins) -> SelectParams:
        """The parameters of the selection."""
        return SelectParams(
            judge=self.judge,
            min_score=self.min_score,
            count=self.count,
            strategy=self.strategy,
            seed=self.seed,
            options=self.options,
            pins=pins,
        )


def start() -> None:
    """Called first in every run: a new session takes its decisions from the link."""
    if VIEW not in st.session_state:
        st.session_state[VIEW] = _from_link(st.query_params)


def current() -> View:
    """Where this session stands."""
    return cast(View, st.session_state[VIEW])


def update(**changes: Any) -> None:  # noqa: ANN401 - the fields of View
    """Change some decisions; the notes of those before them are gone."""
    st.session_state[VIEW] = replace(current(), **{"notes": (), **changes})


def open_data(data: str) -> None:
    """Turn to another dataset: what belonged to the old one is forgotten."""
    st.session_state[VIEW] = View(data=data, seq=current().seq, ack=current().ack)
    close_row()


def write_link() -> None:
    """Put the view into the address bar, if it is not there already."""
    view = current()
    wanted = {
        "data": view.data,
        "judge": view.judge,
        "min": _number(view.min_score),
        "count": _number(view.count),
        "strategy": view.strategy,
        "colour": view.colour,
        "seed": str(view.seed) if view.seed else None,
    }
    link = {name: value for name, value in wanted.items() if value is not None}
    if {name: st.query_params.get(name) for name in IN_LINK if name in st.query_params} != link:
        st.query_params.from_dict(link)


def session_owner() -> str:
    """A name of this session, for work that is done on its behalf."""
    return cast(str, st.session_state.setdefault("winnow.owner", secrets.token_hex(8)))


def open_row(row: int) -> None:
    """Show this row in full until ``close_row``, whatever runs meanwhile."""
    st.session_state[OPENED] = row


def opened_row() -> int | None:
    """The row that is shown in full."""
    return cast("int | None", st.session_state.get(OPENED))


def close_row() -> None:
    """Show no row any more."""
    st.session_state.pop(OPENED, None)


def remember_shown(rows: Positions) -> None:
    """Which rows the table shows, so that a picked line can be told from its place."""
    st.session_state["winnow.shown"] = [int(row) for row in rows]


def picked_row(key: str) -> int | None:
    """The row of the line that is picked in a table, if one is."""
    lines = st.session_state[key].selection.rows
    shown = st.session_state.get("winnow.shown", [])
    return shown[lines[0]] if lines and lines[0] < len(shown) else None


def component(key: str) -> Mapping[str, Any]:
    """The state of a component; empty before its first event."""
    found = st.session_state.get(key)
    return found if isinstance(found, Mapping) else {}


def seed_widget(key: str, value: object) -> None:
    """Give a widget its value from the view on entry to its page: widgets forget when a page is left."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def widget(key: str) -> Any:  # noqa: ANN401 - whatever the widget holds
    """The value of a widget, inside its callback."""
    return st.session_state.get(key)


def _from_link(link: Mapping[str, str]) -> View:
    """The view that a link names; what cannot be read there is left at its default, and said."""
    min_score, count, seed = _float(link.get("min")), _whole(link.get("count")), _whole(link.get("seed"))
    read = {"min": ("a threshold", min_score), "count": ("a count", count), "seed": ("a seed", seed)}
    unread = [(what, link[name]) for name, (what, value) in read.items() if value is None and link.get(name)]
    return View(
        data=link.get("data") or places.first_data(),
        judge=link.get("judge"),
        min_score=min_score,
        count=count,
        strategy=link.get("strategy") or "k-center",
        colour=link.get("colour") or "cluster",
        seed=seed or 0,
        notes=tuple(
            f"The link asks for {what} of {text[:40]!r}, which there cannot be." for what, text in unread
        ),
    )


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.10g}"


def _float(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and abs(value) <= MOST_SCORE else None


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= DIGITS else None
