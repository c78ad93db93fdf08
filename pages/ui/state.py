"""What one session holds: its view, what is open, where it stands with scenes and recipes.

The only module that touches ``st.session_state``.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeVar, cast

import streamlit as st

from core.domain import EMBED_CHOICES, JUDGED_CHOICES, Positions, SchemaMapping, SelectParams
from core.exporting import Recipe
from core.loading import Listing
from core.scenes import Scene
from pages.ui import link
from pages.ui.view import View

VIEW = "winnow.view"
OPENED = "winnow.opened"
LICENCE_PROBLEM = "winnow.licence"
CONTENDERS = "winnow.contenders"
CHANGES = "winnow.contender_changes"
QUEUE = "winnow.queue"
PAGE, ENTERED = "winnow.page", "winnow.entered"
SCENES = "winnow.scenes"
POOL = "winnow.pool"
RECIPES = "winnow.recipes"
HUB = "winnow.hub"
REVIEW = "winnow.review"
PRESSES = "winnow.presses"
NAMES_KEPT = 8  # of what was on the screen
MAP = "map"  # the key of the map component
AT_THE_CUT = ("Just above the cut", "Just below")
FIND, CLUSTERS = "Find", "Clusters"
Value = TypeVar("Value")
TABS = ("Selected", *AT_THE_CUT, "Left out", "Pinned", FIND, CLUSTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSteps:
    """Where a person stands with scenes.

    saved: the name just saved. taken: the name that was asked for and is taken.
    start: the place that is presented first. problem: why the last step failed.
    deleted: (dataset, number, name) of the last deletion. opened: (dataset, scene) of the last one opened.
    """

    saved: str = ""
    taken: str = ""
    start: int | None = None
    problem: str = ""
    deleted: tuple[str, int, str] | None = None
    opened: tuple[str, Scene] | None = None


class Named(NamedTuple):
    """A recipe and the name of its file."""

    recipe: Recipe
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeSteps:
    """Where a session stands with recipes.

    opened: the recipe whose decisions were taken over last. asked: the one that waits for its data.
    data: its data, where that is there and only scores are waited for. lacking: why, a sentence each.
    """

    opened: Named | None = None
    asked: Named | None = None
    data: str = ""
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One selection on the Compare page.

    kind: "explore" follows what Explore shows; "strategy" is a strategy at Explore's judge, threshold and
        count; "held" stays as it was when it was added.
    strategy: of the second kind. name, params: of the third.
    """

    kind: Literal["explore", "strategy", "held"]
    strategy: str = ""
    name: str = ""
    params: SelectParams | None = None


def contenders() -> tuple[Contender, ...]:
    """The selections that are compared; none before the Compare page was seen."""
    return cast("tuple[Contender, ...]", st.session_state.get(CONTENDERS, ()))


def set_contenders(chosen: tuple[Contender, ...]) -> None:
    """Compare these from now on."""
    st.session_state[CONTENDERS] = chosen
    st.session_state[CHANGES] = contender_changes() + 1


def contender_changes() -> int:
    """How often what is compared was changed: names the box that adds, so that each is answered once."""
    return cast(int, st.session_state.get(CHANGES, 0))


def hub_listing() -> Listing | None:
    """What the dataset that was looked up on the hub has to choose from."""
    return cast("Listing | None", st.session_state.get(HUB))


def set_hub_listing(found: Listing | None) -> None:
    """Offer this dataset of the hub from now on."""
    st.session_state[HUB] = found


def start() -> None:
    """Called first in every run: a new session takes its decisions from the link."""
    if VIEW not in st.session_state:
        st.session_state[VIEW] = link.read(st.query_params)


def current() -> View:
    """Where this session stands."""
    return cast(View, st.session_state[VIEW])


def update(**changes: Any) -> None:  # noqa: ANN401 - the fields of View
    """Change some decisions; the notes of those before them are gone."""
    st.session_state[VIEW] = replace(current(), **{"notes": (), **changes})


def open_data(
    data: str,
    mapping: SchemaMapping | None = None,
    embed: str = EMBED_CHOICES[0],
    keep: tuple[str, ...] = (),
    judged: str = JUDGED_CHOICES[0],
) -> None:
    """Turn to another dataset, or read the same otherwise: what belonged to the old one is forgotten."""
    view = current()
    st.session_state[VIEW] = View(
        data=data, mapping=mapping, embed=embed, keep=keep, judged=judged, seq=view.seq, ack=view.ack
    )
    st.session_state.pop(CONTENDERS, None)
    close_row()


def look_at(pool: str) -> None:
    """Look at the rows of this fingerprint: what was open by its place among others is closed."""
    if st.session_state.get(POOL, pool) != pool:
        close_row()
    st.session_state[POOL] = pool


def write_link() -> None:
    """Put the view into the address bar, if it is not there already."""
    wanted = link.written(current())
    if {name: st.query_params.get(name) for name in link.NAMES if name in st.query_params} != wanted:
        st.query_params.from_dict(wanted)


def scenes() -> SceneSteps:
    """Where this session stands with scenes."""
    return cast(SceneSteps, st.session_state.get(SCENES, SceneSteps()))


def update_scenes(**changes: Any) -> None:  # noqa: ANN401 - the fields of SceneSteps
    """Change where this session stands with scenes."""
    st.session_state[SCENES] = replace(scenes(), **changes)


def recipes() -> RecipeSteps:
    """Where this session stands with recipes."""
    return cast(RecipeSteps, st.session_state.get(RECIPES, RecipeSteps()))


def update_recipes(**changes: Any) -> None:  # noqa: ANN401 - the fields of RecipeSteps
    """Change where this session stands with recipes."""
    st.session_state[RECIPES] = replace(recipes(), **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSteps:
    """Where a person stands with rating rows.

    queue: names what the rows were taken by. rows: the queue, as it was then. at: the place in it.
    problem: why the last step failed.
    """

    queue: tuple[object, ...] = ()
    rows: tuple[int, ...] = ()
    at: int = 0
    problem: str = ""


def review() -> ReviewSteps:
    """Where this session stands with rating rows."""
    return cast(ReviewSteps, st.session_state.get(REVIEW, ReviewSteps()))


def update_review(**changes: Any) -> None:  # noqa: ANN401 - the fields of ReviewSteps
    """Change where this session stands with rating rows."""
    st.session_state[REVIEW] = replace(review(), **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presses:
    """What buttons with keys were about, each under a name, the newest last; and the last press taken."""

    shown: tuple[tuple[str, object], ...] = ()
    taken: int = 0


def name_shown(key: str, about: object) -> str:
    """A name for what the buttons of a component are about; no two things of any server share one."""
    presses = _presses(key)
    if not presses.shown or presses.shown[-1][1] != about:
        shown = (*presses.shown, (secrets.token_hex(8), about))[-NAMES_KEPT:]
        presses = replace(presses, shown=shown)
        st.session_state[f"{PRESSES}.{key}"] = presses
    return presses.shown[-1][0]


def shown_as(key: str, name: str) -> object:
    """What the buttons were about under a name; None where that is long gone."""
    return dict(_presses(key).shown).get(name)


def taken_press(key: str) -> int:
    """The number of the last press that was taken."""
    return _presses(key).taken


def take_press(key: str, n: int) -> None:
    """A press is taken: it counts once, however often it is sent."""
    st.session_state[f"{PRESSES}.{key}"] = replace(_presses(key), taken=n)


def _presses(key: str) -> Presses:
    return cast(Presses, st.session_state.get(f"{PRESSES}.{key}", Presses()))


def session_owner() -> str:
    """A name of this session, for work that is done on its behalf."""
    return cast(str, st.session_state.setdefault("winnow.owner", secrets.token_hex(8)))


def say_of_licence(problem: str | None) -> None:
    """Keep what is wrong with the licence that was written, until another one is."""
    st.session_state[LICENCE_PROBLEM] = problem


def licence_problem() -> str | None:
    """What is wrong with the licence that was written last."""
    return cast("str | None", st.session_state.get(LICENCE_PROBLEM))


def open_row(row: int) -> None:
    """Show this row in full until ``close_row``, whatever runs meanwhile."""
    st.session_state[OPENED] = row


def opened_row() -> int | None:
    """The row that is shown in full."""
    return cast("int | None", st.session_state.get(OPENED))


def close_row() -> None:
    """Show no row any more, and forget the queue it was in."""
    st.session_state.pop(OPENED, None)
    st.session_state.pop(QUEUE, None)


def open_queue(rows: list[int]) -> None:
    """Show these rows in full, one after the other; what they are stays as it is now."""
    st.session_state[QUEUE] = tuple(rows)
    open_row(rows[0])


def queue() -> tuple[int, ...]:
    """The rows that are gone through; none where a single row is open."""
    return cast("tuple[int, ...]", st.session_state.get(QUEUE, ()))


def turn_queue(by: int) -> None:
    """Open the row so many places on; past the end nothing is open any more."""
    rows, opened = queue(), opened_row()
    place = rows.index(opened) + by if opened in rows else len(rows)
    if 0 <= place < len(rows):
        open_row(rows[place])
    else:
        close_row()


def remember_shown(rows: Positions) -> None:
    """Which rows the table shows, so that a picked line can be told from its place."""
    st.session_state["winnow.shown"] = [int(row) for row in rows]


def picked_row(key: str) -> int | None:
    """The row of the line that is picked in a table, if one is."""
    lines = st.session_state[key].selection.rows
    shown = st.session_state.get("winnow.shown", [])
    return shown[lines[0]] if lines and lines[0] < len(shown) else None


def numbered_key(name: str, *, anew: bool = False) -> str:
    """The key of a widget that is begun anew now and then; ``anew`` gives it the next number.

    What the browser still holds of the one before, its edits or that it is open, says nothing of the new one,
    however late the browser learns of it. A value that is set can cross with the one that the browser sends.
    """
    count = f"winnow.{name}"
    st.session_state[count] = st.session_state.get(count, 0) + int(anew)
    return f"{name} {st.session_state[count]}"


def edits(key: str, column: str) -> dict[int, float | None]:
    """{line: its value} of the cells of a column that were typed into; None where one was emptied."""
    found = st.session_state.get(key)
    rows = found.get("edited_rows", {}) if isinstance(found, Mapping) else {}
    return {int(row): cells[column] for row, cells in rows.items() if column in cells}


def picked_place(key: str) -> tuple[int, int] | None:
    """The two numbers that the picked point of a chart carries; None where none is picked."""
    points = st.session_state[key].selection.points if key in st.session_state else []
    carried = points[0].get("customdata") if points else None
    if carried is None or len(carried) < 2:
        return None
    first, second = (
        carried.values() if isinstance(carried, Mapping) else carried
    )  # the browser sends {"0": ...}
    return int(first), int(second)


def component(key: str) -> Mapping[str, Any]:
    """The state of a component; empty before its first event."""
    found = st.session_state.get(key)
    return found if isinstance(found, Mapping) else {}


def enter(page: str) -> None:
    """A page begins: where it is another than before, its widgets know nothing of their namesakes there."""
    st.session_state[ENTERED] = st.session_state.get(PAGE) != page


def arrived(page: str) -> None:
    """The page was shown whole."""
    st.session_state[PAGE], st.session_state[ENTERED] = page, False


def seed_widget(key: str, value: Value) -> Value:
    """Give a widget its value from the view on entry to its page: widgets forget when a page is left.

    Returns the value, which the widget also has to get as its default. A value is sent once; where the page
    runs again before the browser has fetched what draws the widget, the default is all that the browser sees
    of it, and it answers with that as if a person had chosen it.
    """
    if st.session_state.get(ENTERED) or key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return value


def seed_clearable(key: str, value: object) -> None:
    """As ``seed_widget``, for a box that can be emptied: a default forbids that, so it is sent anew."""
    seed_widget(key, value)
    if value is not None:
        st.session_state[key] = value


def place_of(options: Sequence[object], value: object) -> int | None:
    """Where a value stands among the options of a box, for its default; None where it is none of them."""
    return options.index(value) if value in options else None


def set_widget(key: str, value: object) -> None:
    """Give a widget its value before it is shown."""
    st.session_state[key] = value


def widget(key: str) -> Any:  # noqa: ANN401 - whatever the widget holds
    """The value of a widget, inside its callback."""
    return st.session_state.get(key)
