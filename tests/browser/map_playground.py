"""A page that holds nothing but the map, over made-up rows: for trying it out and for the browser tests.

streamlit run tests/browser/map_playground.py      ?n=1000|52002|200000  &judge=2  &judges=0
        &draft=1  &draw=N  &slow=1 (an order is there at the second run only)
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from pages.ui import map as rowmap

CLUSTERS = 12
HOSTILE = (
    '<img src=x onerror="window.hacked=1">',
    "</style><script>window.hacked=2</script>",
    "[link](javascript:alert(1)) **bold** $x^2$",
    "A very long name of a cluster about cooking, baking, gardening and everything else around the house",
)
HELPFUL, FLUENT = "gpt-4o-mini", "fluency <b>model</b>"


@dataclass(frozen=True, slots=True)
class Rows:
    """What the map is made of, row by row."""

    coords: NDArray[np.float32]
    labels: NDArray[np.int32]
    judges: dict[str, NDArray[np.float32]]
    lengths: NDArray[np.int64]


def make_rows(n: int) -> Rows:
    """n rows in twelve blobs and some noise; the first judge grades by halves, the second is continuous."""
    rng = np.random.default_rng(7)
    labels = rng.choice(CLUSTERS + 1, size=n, p=_shares()).astype(np.int32) - 1
    centres = rng.uniform(-10, 10, size=(CLUSTERS + 1, 2)) * (1.0, 0.7)
    spread = rng.uniform(0.5, 1.5, size=(CLUSTERS + 1, 1))
    spread[0] = 4.0
    coords = centres[labels + 1] + rng.normal(size=(n, 2)) * spread[labels + 1]
    grades = np.clip(np.round(rng.normal(4.0, 0.8, size=n) * 2) / 2, 1, 5).astype(np.float32)
    fluency = rng.beta(5, 2, size=n).astype(np.float32)
    fluency[rng.random(n) < 0.08] = np.nan
    return Rows(
        coords.astype(np.float32), labels, {HELPFUL: grades, FLUENT: fluency}, rng.integers(3, 900, size=n)
    )


def names() -> dict[int, str]:
    return {-1: "Noise", **{i: HOSTILE[i] if i < len(HOSTILE) else f"Topic {i}" for i in range(CLUSTERS)}}


def _shares() -> NDArray[np.float64]:
    shares = 1 / np.arange(2, CLUSTERS + 3) ** 0.7
    return np.asarray(shares / shares.sum())


@st.cache_resource(max_entries=4)
def rows(n: int) -> Rows:
    return make_rows(n)


@st.cache_resource(max_entries=4)
def cloud(n: int, with_judges: bool, draft: bool, draw: int) -> rowmap.Cloud:
    data = rows(n)
    drawn = np.sort(np.random.default_rng(3).choice(n, size=draw, replace=False)) if draw else None
    return rowmap.pack_cloud(
        data.coords,
        data.labels,
        names(),
        judges=data.judges if with_judges else {},
        lengths=data.lengths,
        drawn=drawn,
        draft=draft,
        note="UMAP, 15 neighbours, cosine",
    )


def eligible_rows(data: Rows, judge: str | None, threshold: float) -> NDArray[np.int64]:
    scores = data.judges.get(judge or "")
    return np.arange(len(data.labels)) if scores is None else np.flatnonzero(scores >= threshold)


def order_of(data: Rows, judge: str | None, threshold: float) -> NDArray[np.int64]:
    """Top score first, position where scores tie; pinned rows in front, excluded ones left out."""
    rows_ = eligible_rows(data, judge, threshold)
    scores = data.judges.get(judge or "")
    ranked = rows_ if scores is None else rows_[np.argsort(-scores[rows_], kind="stable")]
    include, exclude = pins()
    return np.concatenate([include, ranked[~np.isin(ranked, np.concatenate([include, exclude]))]])


def pins() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    include, exclude = st.session_state.pins[-1]
    return np.array(sorted(include), dtype=np.int64), np.array(sorted(exclude), dtype=np.int64)


def take_settings() -> None:
    settings = rowmap.read_settings(st.session_state["map"])
    if settings is not None:
        st.session_state.settings = settings


def take_pin() -> None:
    event = rowmap.read_pin(st.session_state["map"])
    if event is None or event.n <= st.session_state.ack:
        return
    st.session_state.ack = event.n
    history = st.session_state.pins
    if event.op == "undo":
        del history[1:][-1:], history[max(1, len(history) - 1) :]
        return
    data = rows(st.session_state.n)
    touched = frozenset(rowmap.pin_rows(event, data.coords, data.labels).tolist())
    include, exclude = (set_ - touched for set_ in history[-1])
    if event.op == "include":
        include |= touched
    if event.op == "exclude":
        exclude |= touched
    history.append((include, exclude))


def take_open() -> None:
    st.session_state.opened = rowmap.read_open(st.session_state["map"])
    st.session_state.opens += 1


def start(n: int) -> None:
    if st.session_state.get("n") == n:
        return
    st.session_state.update(
        n=n, pins=[(frozenset(), frozenset())], ack=0, opened=None, opens=0, runs=0, known={4.0, 4.5}
    )
    st.session_state.settings = rowmap.Settings(seq=0, level=6, count=1000, colour="cluster", isolated=None)


def set_top() -> None:
    """A change of the threshold made outside the map."""
    now = st.session_state.settings
    top = len(cloud(st.session_state.n, True, False, 0).levels[HELPFUL]) - 1
    st.session_state.settings = rowmap.Settings(
        seq=now.seq, level=top, count=now.count, colour=now.colour, isolated=now.isolated
    )


@st.fragment
def panel(packed: rowmap.Cloud, judge: str | None) -> None:
    data, now = rows(st.session_state.n), st.session_state.settings
    threshold = packed.threshold(judge, now.level or 0) if judge else 0.0
    include, exclude = pins()
    order = order_of(data, judge, threshold)
    waits = st.query_params.get("slow") == "1" and threshold not in st.session_state.known
    st.session_state.known.add(threshold)
    st.session_state.runs += 1
    move = rowmap.Move(
        order=order[:0] if waits else order,
        reachable=len(order),
        count=now.count,
        eligible=len(eligible_rows(data, judge, threshold)),
        order_id=f"top-{judge}-{threshold:g}",
        seq=now.seq,
        ack=st.session_state.ack,
        judge=judge,
        level=now.level if judge else None,
        colour=now.colour,
        isolated=now.isolated,
        include=include,
        exclude=exclude,
        can_undo=len(st.session_state.pins) > 1,
        pending=waits,
        message="Choosing rows" if waits else "",
    )
    rowmap.show(
        rowmap.pack_move(packed, move),
        key="map",
        on_settings=take_settings,
        on_pin=take_pin,
        on_open=take_open,
    )
    st.text(
        f"runs={st.session_state.runs} seq={now.seq} threshold={threshold:g} count={now.count} "
        f"eligible={move.eligible} include={len(include)}:{int(include.sum())} "
        f"exclude={len(exclude)}:{int(exclude.sum())} opened={st.session_state.opened} "
        f"opens={st.session_state.opens} colour={now.colour} isolated={now.isolated} "
    )


def main() -> None:
    st.set_page_config(page_title="Map playground", layout="wide")
    st.html("<style>:root { --winnow-placed: visible; }</style>")  # what the app's style says
    query = st.query_params
    n, with_judges = int(query.get("n", "52002")), query.get("judges") != "0"
    start(n)
    if st.session_state.get("away"):
        st.text("Nothing here")
        st.button("Come back", on_click=lambda: st.session_state.update(away=False))
        return
    packed = cloud(n, with_judges, query.get("draft") == "1", int(query.get("draw", "0")))
    rowmap.carry(packed.packet, key="cloud")
    judge = (FLUENT if query.get("judge") == "2" else HELPFUL) if with_judges else None
    panel(packed, judge)
    with st.container(horizontal=True):
        st.button("Set the threshold to the highest score", on_click=set_top)
        st.button("Run again")
        st.button("Leave", on_click=lambda: st.session_state.update(away=True))


if __name__ == "__main__":
    main()
