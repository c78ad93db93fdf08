"""From the view to what the page shows: the selection, its figures, and what is still being computed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np

from core import Project, Selection, SelectParams, WinnowError
from core.domain import Judge, OnProgress, OptionValue, Order, Pins
from core.metrics import Curve, Figures, cheap_figures
from core.project import CONTROL_DRAWS
from core.selection import eligible, strategy, thresholds
from core.wording import counted
from pages.ui import cached
from pages.ui.map import Pin, pin_rows
from pages.ui.view import View

PATIENCE = 0.35  # seconds to wait for an order before saying that it is being computed
SMALL = 5_000  # rows whose curves are there within a moment: waiting saves the page a second run
NICE_COUNTS = (10, 20, 50, 100, 200, 500, 1000)
COLOURS = ("cluster", "selected", "length")  # and "judge:" with a judge's name
FIRST_SHARE = 0.2  # of the eligible rows, that the first count is at most


@dataclass(frozen=True, slots=True)
class Choice:
    """What the page shows.

    While the order is being computed ``selection`` and ``order`` are None, and ``waiting`` says what for.
    """

    params: SelectParams
    eligible: int
    size: int  # rows that are or will be selected
    order: Order | None
    selection: Selection | None
    waiting: str = ""
    error: WinnowError | None = None

    @property
    def order_id(self) -> str:
        """Names the order: the same while only the count changes."""
        params = self.params
        decided = replace(params.without_count(), pins=Pins())
        pins = repr((sorted(params.pins.include), sorted(params.pins.exclude)))
        return hashlib.sha256((repr(decided) + pins).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Covering radius of the selection, and of each of the random draws of its size.

    None while computed; NaN where there is none, as of no rows or of more than a curve reaches.
    is_exact: the radius was measured at this size; else it lies between two sizes that were.
    """

    radius: float | None
    random: tuple[float, ...] | None
    is_exact: bool = True
    error: WinnowError | None = None

    @property
    def is_pending(self) -> bool:
        """Whether there is more to come."""
        return self.radius is None or self.random is None


NO_COVERAGE = Coverage(math.nan, ())


def fit(view: View, project: Project) -> dict[str, object]:
    """What a new dataset changes in the view: a judge, a threshold and a count that exist in it.

    What was asked for and is not there is said in the view's notes. With other rows taken out clusters are
    others: none is isolated any more, and quotas would mean other rows. Other judges leave them as they are.
    """
    notes = list(view.notes)
    is_moved = bool(view.fitted) and view.fitted.partition("+")[0] != project.dataset.fingerprint
    options = _other_clusters(view, notes) if is_moved else view.options
    judge = project.judges.get(view.judge or "") or next(iter(project.judges.values()), None)
    chosen_judge = judge.name if judge else None
    is_another = view.judge is not None and chosen_judge != view.judge
    min_score = view.min_score if judge else None
    if judge is not None and (min_score is None or is_another):
        min_score = first_threshold(judge)
    if is_another:
        instead = f"{judge.name} is used" if judge else "the threshold is off"
        notes.append(f"There is no judge {view.judge!r} in {project.dataset.name}: {instead}.")
    allowed = int(eligible(len(project.dataset), judge, min_score).sum()) or len(project.dataset)
    count = view.count
    if count is None:
        count = max((nice for nice in NICE_COUNTS if nice <= max(allowed * FIRST_SHARE, 10)), default=10)
    try:
        strategy(view.strategy).settings(replace(view, options=options).params(project.pins))
        name = view.strategy
    except WinnowError as error:
        name, options = "k-center", ()
        notes.append(f"{error} {strategy(name).title} is used.")
    colour = _colour(view, project, notes)
    return {
        "fitted": project.dataset.scored_fingerprint,
        "judge": chosen_judge,
        "min_score": min_score,
        "count": count,
        "strategy": name,
        "options": options,
        "isolated": None if is_moved else view.isolated,
        "colour": colour,
        "notes": tuple(notes),
    }


def _other_clusters(view: View, notes: list[str]) -> tuple[tuple[str, OptionValue], ...]:
    """The settings without the quotas of single clusters, which other rows have not."""
    from pages.ui.quotas import without_quotas  # which looks at choices itself

    options = without_quotas(view.options)
    if options != view.options:
        notes.append("Other rows are taken out, so the clusters are others: their quotas are gone.")
    return options


def _colour(view: View, project: Project, notes: list[str]) -> str:
    """What the map is coloured by, if there is such a thing."""
    if view.colour in COLOURS or view.colour.removeprefix("judge:") in project.judges:
        return view.colour
    notes.append(f"The map cannot be coloured by {view.colour!r}: it shows clusters.")
    return COLOURS[0]


def first_threshold(judge: Judge) -> float:
    """The highest threshold that half of the scored rows pass, and not the last one: both ways are open."""
    levels, counts = thresholds(judge)
    highest = max(len(levels) - 2, 0)
    passing = np.flatnonzero(counts * 2 >= judge.scored)
    return float(str(levels[min(int(passing[-1]), highest)]))


def choose(project: Project, view: View, *, owner: str) -> Choice:
    """The selection, if its order is there or comes within a moment; else what is being waited for."""
    params = view.params(project.pins)
    size, wanted = _sizes(project, params)
    try:
        order = project.ready_order(params)
        if order is None:
            order = _order_soon(project, params, owner)
        if order is None:
            title = strategy(params.strategy).title
            return Choice(
                params, size, wanted, None, None, f"{title} is choosing {wanted:,} of {counted(size, 'row')}"
            )
        selection = project.cut(params, order)
    except WinnowError as error:
        return Choice(params, size, 0, None, None, error=error)
    return Choice(params, selection.eligible, len(selection), order, selection)


def coverage(project: Project, choice: Choice, *, owner: str) -> Coverage:
    """The radius and random's mean radius, read from curves that are computed in the background."""
    if choice.selection is None or not len(choice.selection):
        return NO_COVERAGE
    params, size = choice.params, len(choice.selection)
    curve, control = project.ready_curve(params), project.ready_control_curves(params)
    if curve is None or control is None:
        try:
            _want_curves(project, params, owner)
        except WinnowError as error:
            return replace(NO_COVERAGE, error=error)
        curve, control = project.ready_curve(params), project.ready_control_curves(params)
    drawn = None if control is None else tuple(_radius(each, size) for each in control)
    if curve is None:
        return Coverage(None, drawn)
    found = _radius(curve, size)
    return Coverage(found, drawn, is_exact=math.isnan(found) or size in curve.counts)


def _radius(curve: Curve, size: int) -> float:
    found = curve.at(size)
    return math.nan if found is None else found[0]


def figures(project: Project, choice: Choice) -> tuple[Figures, list[Figures]]:
    """The figures of the selection and of the random draws of its size, without the covering radius."""
    assert choice.selection is not None
    pool = project.pool(choice.params.judge)
    size = len(choice.selection)
    control = [cheap_figures(pool, project.control(seed)[:size]) for seed in range(CONTROL_DRAWS)]
    return cheap_figures(pool, choice.selection.rows), control


def is_ready(project: Project, choice: Choice, covered: Coverage) -> bool:
    """Whether there is more to show than was shown: an order, a curve, or nothing left to wait for."""
    params, is_making = choice.params, cached.background().is_making
    if choice.selection is None:
        return not is_making(_key("order", project, params))
    if covered.radius is None and project.ready_curve(params) is not None:
        return True
    return not is_making(_key("curves", project, params))


def without_order(project: Project, view: View) -> Choice:
    """What can be said before there are vectors: how many rows are eligible."""
    params = view.params(project.pins)
    size, wanted = _sizes(project, params)
    return Choice(params, size, wanted, None, None, "Draft map: choosing waits for the vectors")


def apply_pin(project: Project, pin: Pin, *, draft: bool = False) -> None:
    """Carry out one decision made on the map, or on the draft of it.

    Raises:
        StoreError: it cannot be written down.
    """
    fingerprint = project.dataset.origin
    if pin.op == "undo":
        project.ledger.undo(fingerprint)
        return
    if pin.op == "like":  # asks, and decides nothing
        return
    if draft:
        coords, labels = project.draft(), np.zeros(len(project.dataset), dtype=np.int32)
    else:
        coords, labels = project.coords(), project.labels()
    rows = pin_rows(pin, coords, labels)
    if pin.op == "clear" and not (pin.rows or pin.polygon or pin.cluster is not None):
        ids = project.pins.include | project.pins.exclude
    else:
        ids = frozenset(project.dataset.frame["id"].gather(rows).to_list())
    if ids:
        project.ledger.pin(fingerprint, pin.op, ids)


def judge_of(project: Project, params: SelectParams) -> Judge | None:
    """The judge of the parameters; where they cannot be met, the one they name: choosing says why."""
    try:
        return project.judge(params)
    except WinnowError:
        return project.judges.get(params.judge or "")


def _sizes(project: Project, params: SelectParams) -> tuple[int, int]:
    """How many rows are eligible, and how many of them will be selected."""
    allowed = eligible(len(project.dataset), judge_of(project, params), params.min_score)
    allowed[project.positions(params.pins.exclude)] = False
    size = int(allowed.sum())
    return size, size if params.count is None else min(params.count, size)


def _order_soon(project: Project, params: SelectParams, owner: str) -> Order | None:
    _want_order(project, params, owner, within=PATIENCE)
    return project.ready_order(params)


def _want_order(project: Project, params: SelectParams, owner: str, *, within: float = 0.0) -> None:
    key = _key("order", project, params)
    cached.background().want(
        "orders", owner, key, lambda check: project.order(params, on_progress=check), within=within
    )


def _key(kind: str, project: Project, params: SelectParams) -> Hashable:
    """Names what is computed for these parameters: counts of one limit share it."""
    return (kind, project.map_key, params.without_count(), project.curve_limit(params))


def _want_curves(project: Project, params: SelectParams, owner: str) -> None:
    cached.background().want(
        "curves",
        owner,
        _key("curves", project, params),
        lambda check: _curves(project, params, check),
        within=PATIENCE if len(project.dataset) <= SMALL else 0.0,
    )


def _curves(project: Project, params: SelectParams, check: OnProgress) -> None:
    project.curve(params, on_progress=check)
    for seed in range(CONTROL_DRAWS):
        project.control_curve(params, seed, on_progress=check)
