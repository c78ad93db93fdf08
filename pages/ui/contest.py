"""The selections on the Compare page, and what is found out about them, piece by piece, in the background."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace

from core import Project, Selection, SelectParams
from core.comparison import MOST, compare_one
from core.domain import OnProgress, Progress
from core.encoders import WORD_COUNTS
from core.errors import ParameterError, WinnowError
from core.held_out import held_out
from core.loading import written
from core.memo import Memo
from core.pictures import overlap_picture, selection_picture
from core.removal_table import removals_as_json
from core.selection import strategies, strategy
from core.stability import Kept, embedding, kept, variations
from pages.ui import cached, places, state
from pages.ui.choose import PATIENCE
from pages.ui.jobs import MapJob
from pages.ui.state import Contender

LETTERS = "ABCDEF"
assert len(LETTERS) == MOST
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # after Okabe and Ito
# How much larger the points are in pictures beside others, and in one that stands alone.
SMALL, LARGE = 2.4, 1.4
FIRST = ("random", "top-score", "k-center")  # beside the current selection on the first visit


@dataclass(frozen=True, slots=True)
class Entry:
    """One selection of the page: its letter and colour are the same in every part of it."""

    place: int
    name: str
    params: SelectParams

    @property
    def letter(self) -> str:
        """A to F."""
        return LETTERS[self.place]

    @property
    def colour(self) -> str:
        """Of the letter."""
        return COLOURS[self.place]

    @property
    def title(self) -> str:
        """Letter and name."""
        return f"{self.letter}: {self.name}"


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to find out: the name of the result, what is said while it is awaited, and how it is made."""

    key: Hashable
    words: str
    work: Callable[[OnProgress], object]


# Who is compared.


def entries(project: Project) -> list[Entry]:
    """The selections of this session; the first visit has the current one beside random and top score."""
    params = state.current().params(project.pins)
    contenders = state.contenders()
    if not contenders:
        others = [each for each in FIRST if each in presets(project) and each != params.strategy][:2]
        contenders = (Contender(kind="explore"), *(Contender(kind="strategy", strategy=o) for o in others))
        state.set_contenders(contenders)
    return [Entry(place, *_meant(each, params)) for place, each in enumerate(contenders[:MOST])]


def _meant(contender: Contender, params: SelectParams) -> tuple[str, SelectParams]:
    """The name of a contender, and its parameters beside what Explore shows now."""
    if contender.kind == "strategy":
        title = (
            "Random eligible rows" if contender.strategy == "random" else strategy(contender.strategy).title
        )
        return title, replace(params, strategy=contender.strategy, options=())
    if contender.kind == "held" and contender.params is not None:
        return contender.name, contender.params
    return "Now on Explore", params


def presets(project: Project) -> dict[str, str]:
    """name -> title of the strategies that can be put beside the current selection."""
    judge = state.current().judge
    return {name: each.title for name, each in strategies().items() if judge or "scores" not in each.needs}


def scenes(project: Project) -> dict[str, SelectParams]:
    """name -> decisions of the saved selections that can be read whole."""
    return {scene.name: scene.params for scene in project.scenes() if not scene.problems}


def add(contender: Contender) -> None:
    """Put one more selection at the end, as long as there is a letter."""
    if len(state.contenders()) < MOST:
        state.set_contenders((*state.contenders(), contender))


def remove(place: int) -> None:
    """Take one selection away; those after it move up a letter."""
    chosen = state.contenders()
    state.set_contenders((*chosen[:place], *chosen[place + 1 :]))


def hold_scenes(project: Project) -> None:
    """Compare the saved selections, as many as there are letters; a single one with what Explore shows."""
    held = [Contender(kind="held", name=name, params=params) for name, params in scenes(project).items()]
    now = [Contender(kind="explore")] if len(held) == 1 else []
    state.set_contenders((*now, *held[:MOST]))


def hold(project: Project) -> Contender:
    """What Explore shows now, kept as it is."""
    params = state.current().params(project.pins)
    return Contender(kind="held", name=f"Kept: {strategy(params.strategy).title}", params=params)


# What is found out.


def pieces(project: Project, listed: list[Entry], pair: tuple[int, int], watched: int) -> list[Piece]:
    """Everything the page shows of these selections, what is quick and telling first."""
    found = [selection_piece(project, each) for each in listed]
    found += [picture_piece(project, each) for each in listed]
    found += [held_out_piece(project, each) for each in listed]
    found.append(overlap_piece(project, listed[pair[0]], listed[pair[1]]))
    found.append(stability_piece(project, listed[watched]))
    if project.with_model(WORD_COUNTS).can_choose():
        found.append(word_counts_piece(project, listed[watched]))
    # Last, since of tens of thousands of rows each takes seconds.
    return found + [compared_piece(project, each) for each in listed]


def selection_piece(project: Project, entry: Entry) -> Piece:
    """The selection itself."""
    return Piece(
        ("selection", project.map_key, entry.params),
        f"choosing the rows of {entry.letter}",
        lambda check: project.select(entry.params, on_progress=check),
    )


def picture_piece(project: Project, entry: Entry) -> Piece:
    """Its rows on the map, in the colour of its letter."""

    def paint(check: OnProgress) -> bytes:
        rows = project.select(entry.params, on_progress=check).rows
        colour = entry.colour
        return selection_picture(project.coords(), project.labels(), rows, colour=colour, coarse=SMALL)

    key = ("picture", project.map_key, entry.params, entry.colour)
    return Piece(key, f"painting {entry.letter}", paint)


def overlap_piece(project: Project, first: Entry, second: Entry) -> Piece:
    """What two selections share, on the map."""

    def paint(check: OnProgress) -> bytes:
        one, two = (project.select(each.params, on_progress=check).rows for each in (first, second))
        colours = first.colour, second.colour
        return overlap_picture(project.coords(), one, two, colours=colours, coarse=LARGE)

    key = ("overlap", project.map_key, first.params, second.params, first.colour, second.colour)
    return Piece(key, f"painting {first.letter} over {second.letter}", paint)


def held_out_piece(project: Project, entry: Entry) -> Piece:
    """What judges say that did not choose."""
    return Piece(
        ("held-out", project.map_key, entry.params),
        f"asking the judges that did not choose {entry.letter}",
        lambda check: held_out(project, project.select(entry.params, on_progress=check), on_progress=check),
    )


def compared_piece(project: Project, entry: Entry) -> Piece:
    """Every metric beside random draws of its size."""

    def measure(check: OnProgress) -> object:
        chosen = project.select(entry.params, on_progress=check)
        return compare_one(project, entry.letter, chosen, on_progress=check)

    words = f"measuring {entry.letter} and random draws of its size"
    return Piece(("compared", project.map_key, entry.params), words, measure)


def stability_piece(project: Project, entry: Entry) -> Piece:
    """What stays under other seeds, thresholds and judges; each is there as soon as it is known."""
    key, memo = ("stability", project.map_key, entry.params), cached.findings()

    def vary(check: OnProgress) -> tuple[Kept, ...]:
        chosen = project.select(entry.params, on_progress=check)
        found: tuple[Kept, ...] = ()
        for each in variations(project, chosen):
            if each.model != WORD_COUNTS:
                found = (*found, kept(project, chosen, each, on_progress=check))
                memo.put(("so far", *key), found)
        return found

    return Piece(key, f"choosing {entry.letter} again with one decision changed", vary)


def word_counts_piece(project: Project, entry: Entry) -> Piece:
    """What stays when rows are near that share words."""

    def vary(check: OnProgress) -> Kept:
        chosen = project.select(entry.params, on_progress=check)
        return kept(project, chosen, embedding(chosen.params, WORD_COUNTS), on_progress=check)

    return Piece(
        ("word counts", project.map_key, entry.params), f"choosing {entry.letter} again by word counts", vary
    )


def result(piece: Piece) -> object | None:
    """What a piece found, or the error that says why it cannot; None while it is awaited."""
    return cached.findings().peek(piece.key)


def so_far(piece: Piece) -> tuple[Kept, ...]:
    """The part of a stability that is known already."""
    found = result(piece) or cached.findings().peek(("so far", *_as_tuple(piece.key)))
    return found if isinstance(found, tuple) else ()


def chosen(project: Project, entry: Entry) -> Selection | None:
    """The selection of an entry, if it is there."""
    found = result(selection_piece(project, entry))
    return found if isinstance(found, Selection) else None


def failed(project: Project, *listed: Entry) -> bool:
    """Whether one of these cannot be chosen at all."""
    return any(isinstance(result(selection_piece(project, each)), WinnowError) for each in listed)


def want(wanted: list[Piece], owner: str) -> WinnowError | None:
    """Have what is missing made, and wait a moment for the first of it; what went wrong, if anything did."""
    if not missing(wanted):
        return None
    memo = cached.findings()
    try:
        cached.background().want(
            "comparisons", ("compare", owner), _whole(wanted), lambda check: _make(wanted, memo, check),
            within=PATIENCE,
        )  # fmt: skip
    except WinnowError as error:
        return error
    return None


def missing(wanted: Iterable[Piece]) -> list[Piece]:
    """The pieces that are still awaited."""
    return [piece for piece in wanted if result(piece) is None]


def is_making(wanted: list[Piece]) -> bool:
    """Whether somebody is at it."""
    return cached.background().is_making(_whole(wanted))


def _whole(wanted: list[Piece]) -> Hashable:
    return ("compare", tuple(piece.key for piece in wanted))


def _make(wanted: list[Piece], memo: Memo[object], check: OnProgress) -> None:
    for piece in wanted:
        if memo.peek(piece.key) is None:
            check(Progress("compare", 0, 1, piece.words))
            try:
                memo.put(piece.key, piece.work(check))
            except ParameterError as error:  # of this selection alone: the others go on
                memo.put(piece.key, error)


# The second embedding is made by the worker: it takes the interpreter's lock for seconds.


def second_embedding(project: Project) -> MapJob | None:
    """The job that makes vectors of word counts; None where they are there. Starts it on the first call."""
    other = project.with_model(WORD_COUNTS)
    if other.can_choose():
        return None
    key = f"word counts {other.work_key}"
    known = cached.worker().job(key)
    if known is not None:
        return known
    stages = state.current().map.by_stage() | {"embed": {"model": WORD_COUNTS}}
    dataset, removals = project.dataset, removals_as_json(project.removals)
    request = {
        "path": dataset.source, "mapping": written(dataset.mapping), "embed": dataset.embed,
        "keep": [piece.key for piece in dataset.boilerplate if piece not in dataset.left_out],
        "home": str(places.home()), "params": stages, "map": False, "taken_out": removals,
    }  # fmt: skip
    return cached.worker().start(key, name=dataset.name, rows=len(dataset), request=request)


def _as_tuple(key: Hashable) -> tuple[Hashable, ...]:
    assert isinstance(key, tuple)
    return key
