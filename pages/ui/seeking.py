"""What a person looks for on Explore, and the rows that were found; the Find tab shows them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from core import Project, WinnowError
from core.domain import Mask, Pins, Positions
from core.finder import COUNT, NOTHING, Found, How
from core.region import Region
from core.task_pool import SHARE
from core.wording import counted
from pages.ui import cached, state
from pages.ui.map import Pin, pin_rows

BY = {"both": "Words and meaning", "words": "Words", "meaning": "Meaning", "like": "Examples"}
RINGED = 300  # rows that get a ring on the map: they travel with every move
FARTHEST, STEP = 1.2, 0.01  # of the region's slider, cosine distance
PATIENCE = 0.35  # seconds to wait for the model before saying that it is being read
LIKE, QUERY, HOW, SIZE, PAGE = "winnow.like", "find", "find_by", "find_count", "winnow.find_page"
AS_REGION, DISTANCE, CLUSTERS = "as_region", "region_distance", "region_clusters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Like:
    """Examples: rows of the dataset of that fingerprint, or texts from elsewhere; ``said`` names them."""

    fingerprint: str
    said: str
    rows: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What was found.

    waiting: what it still waits for; words alone were compared meanwhile.
    """

    query: str = ""
    how: str = "both"
    like: Like | None = None
    found: Found = NOTHING
    waiting: str = ""
    error: WinnowError | None = None


def like_now(project: Project) -> Like | None:
    """The examples of this session, if they belong to this dataset."""
    like = state.widget(LIKE)
    return like if isinstance(like, Like) and like.fingerprint == project.dataset.fingerprint else None


def how_now() -> str:
    """How rows are looked for."""
    chosen = state.widget(HOW)
    return chosen if chosen in BY else "both"


def count_now() -> int:
    """How many rows by meaning or examples are wanted."""
    return int(state.widget(SIZE) or COUNT)


def sought(project: Project, *, owner: str) -> Sought:
    """What the Find tab looks for now; nothing while another tab is open."""
    if state.widget("tab") != state.FIND:
        return Sought()
    query, how, like = str(state.widget(QUERY) or ""), how_now(), like_now(project)
    wanted = Sought(query=query, how=how, like=like)
    try:
        if how == "like":
            return wanted if like is None else _like(project, wanted, like, owner)
        return _query(project, wanted, owner)
    except WinnowError as error:
        return replace(wanted, error=error)


def _query(project: Project, wanted: Sought, owner: str) -> Sought:
    hows: dict[str, How] = {"both": "both", "words": "words", "meaning": "meaning"}
    how, query = hows[wanted.how], wanted.query
    if how == "words" or not query.strip():
        return replace(wanted, found=project.finder.find(query, "words"))
    try:
        waiting = _waiting(project, owner)
    except WinnowError as error:
        return replace(wanted, found=project.finder.find(query, "words"), error=error)
    if waiting:
        return replace(wanted, found=project.finder.find(query, "words"), waiting=waiting)
    return replace(wanted, found=project.finder.find(query, how, count=count_now()))


def _like(project: Project, wanted: Sought, like: Like, owner: str) -> Sought:
    if like.texts and (waiting := _waiting(project, owner)):
        return replace(wanted, waiting=waiting)
    finder, count = project.finder, count_now()
    if like.texts:
        return replace(wanted, found=finder.like_texts(like.texts, count=count))
    return replace(wanted, found=finder.like(np.array(like.rows, dtype=np.int64), count=count))


def _waiting(project: Project, owner: str) -> str:
    """What a query waits for: the model is read off the script's thread, once."""
    if not project.finder.is_warm():
        cached.background().want(
            "finding", f"{owner} find", key(project), project.finder.warm, within=PATIENCE
        )
    if project.finder.is_warm():
        return ""
    return f"Reading {project.params.embed.model} for the first search by meaning, a few seconds …"


def key(project: Project) -> tuple[str, str]:
    """Names the reading of the model."""
    return "finding", project.map_key


def ringed(project: Project, now: Sought) -> Positions:
    """(k,) the rows that get a ring on the map."""
    if now.how == "like" and now.like is not None and state.widget(AS_REGION) and is_ready(now):
        if state.widget(DISTANCE) is None:
            found, share = region_of(project, now.like), max(1, len(project.dataset) // SHARE)
            state.set_widget(DISTANCE, on_step(found.distance_of(share)))
        inside = np.flatnonzero(region_mask(project, now.like))
        return inside[np.argsort(project.draw(0)[inside])][:RINGED]
    return now.found.rows[:RINGED]


def is_ready(now: Sought) -> bool:
    """Whether everything that was looked for could be compared."""
    return not now.waiting and now.error is None


def on_step(distance: float) -> float:
    """The slider's step at or above a distance, so that the rows within it are in."""
    return min(math.ceil(round(distance / STEP, 6)) * STEP, FARTHEST)


def region_mask(project: Project, like: Like) -> Mask:
    """(n,) the rows of the task's region as its controls stand."""
    return region_of(project, like).inside(state.widget(DISTANCE), state.widget(CLUSTERS) or ())


def region_of(project: Project, like: Like) -> Region:
    """How near every row and cluster is to the examples."""
    return project.finder.region(like.texts, np.array(like.rows, dtype=np.int64))


# Taking examples.


def take(
    project: Project, said: str, *, rows: Positions | tuple[int, ...] = (), texts: tuple[str, ...] = ()
) -> None:
    """Look for rows like these, on the Find tab."""
    like = Like(
        fingerprint=project.dataset.fingerprint, said=said, rows=tuple(int(row) for row in rows), texts=texts
    )
    for name, value in ((LIKE, like), (HOW, "like"), ("tab", state.FIND), (PAGE, 0), (DISTANCE, None)):
        state.set_widget(name, value)
    state.set_widget(CLUSTERS, [])


def take_area(project: Project, pin: Pin) -> None:
    """Look for rows like those of an outline, a cluster or a point of the map."""
    rows = pin_rows(pin, project.coords(), project.labels())
    if len(rows):
        take(project, f"{counted(len(rows), 'row')} picked on the map", rows=rows)


def take_row(project: Project, row: int) -> None:
    """Look for rows like the one that is open."""
    take(project, f"row {project.dataset.frame['id'][row]}", rows=(row,))
    state.close_row()


def take_included(project: Project, pins: Pins) -> None:
    """Look for rows like those that are pinned in."""
    rows = project.positions(pins.include)
    take(project, f"{counted(len(rows), 'included row')}", rows=rows)
