"""Scenes: selections that were saved under a name, with their note, their picture and their figures."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from core.decisions import least, title
from core.domain import Pins, Removal, Selection, SelectParams
from core.errors import ParameterError
from core.exporting import ids_digest
from core.metrics import Curve, Figures
from core.model_facts import ModelFacts, difference
from core.removal_table import removals_as_json, removals_from_json
from core.wording import counted

MOST_NAME, MOST_NOTE = 80, 2000  # characters
MODELS = "models that judged"  # in the stored decisions, as the next
NO_MODELS: Mapping[str, ModelFacts] = MappingProxyType({})
OUT = "rows taken out"  # in the stored decisions; older versions say that they do not know it
PICTURE_WIDTH, PICTURE_HEIGHT = 1280, 1024  # pixels: as large as a projector shows it


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A figure as it stood on the screen, beside random draws of the same size, where there are any.

    is_exact: it was measured at this size; else it lies between two sizes that were.
    """

    value: float
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    is_exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A selection worth showing: its decisions, and what came of them when it was saved.

    picture: PNG with a transparent ground, ``PICTURE_WIDTH`` wide.
    figures: by name: rows, tokens, mean_score, radius (covering radius, cosine distance; lower is better).
    ids_digest: of the chosen ids, as ``core.exporting.ids_digest`` gives it.
    made: when, in UTC, as ISO 8601.
    problems: what this version of Winnow cannot read of it, in words.
    removals: what was taken out of the file when it was saved.
    models: what was known of each judge that is a model, by its name.
    """

    name: str
    note: str
    params: SelectParams
    picture: bytes = field(repr=False)
    figures: Mapping[str, Shown]
    ids_digest: str
    made: str
    problems: tuple[str, ...] = ()
    removals: tuple[Removal, ...] = ()
    models: Mapping[str, ModelFacts] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows were selected."""
        return int(self.figures["rows"].value)


def scene_of(
    chosen: Selection,
    name: str,
    note: str,
    *,
    picture: bytes,
    figures: Mapping[str, Shown],
    removals: tuple[Removal, ...] = (),
    models: Mapping[str, ModelFacts] = NO_MODELS,
) -> Scene:
    """The scene of a selection as it is now.

    Raises:
        ParameterError: the name or the note cannot be kept.
    """
    return Scene(
        name=checked_name(name),
        note=checked_note(note),
        params=chosen.params,
        picture=picture,
        figures=figures,
        ids_digest=ids_digest(chosen.ids),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        removals=removals,
        models=models,
    )


def shown_figures(
    mine: Figures, control: Sequence[Figures], curve: Curve, control_curves: Sequence[Curve]
) -> dict[str, Shown]:
    """What a scene keeps of a selection and of the random draws of its size; no figure that there is not."""
    count = mine.rows
    found = {
        "rows": Shown(value=count),
        "tokens": _beside(mine.tokens, [each.tokens for each in control]),
        "mean_score": _beside(mine.mean_score, [each.mean_score for each in control]),
    }
    reached = curve.at(count)
    if reached is not None:
        drawn = [each[0] for each in (one.at(count) for one in control_curves) if each is not None]
        found["radius"] = _beside(reached[0], drawn, is_exact=count in curve.counts)
    return {name: each for name, each in found.items() if not math.isnan(each.value)}


def _beside(value: float, drawn: Sequence[float], *, is_exact: bool = True) -> Shown:
    known = [float(each) for each in drawn if not math.isnan(each)]
    if not known:
        return Shown(value=float(value), is_exact=is_exact)
    mean = sum(known) / len(known)
    return Shown(value=float(value), mean=mean, low=min(known), high=max(known), is_exact=is_exact)


def checked_name(name: str) -> str:
    """The name on one line, without spaces around it.

    Raises:
        ParameterError: there is nothing left, or too much, or it is no text that can be stored.
    """
    found = " ".join(_storable(name, "name").split())
    if not found:
        raise ParameterError("A scene needs a name.", "Say in a few words what it shows.")
    if len(found) > MOST_NAME:
        raise ParameterError(
            f"The name has {len(found):,} characters.", f"{MOST_NAME} are the most; the note takes more."
        )
    return found


def checked_note(note: str) -> str:
    """The note without spaces around it; raises as ``checked_name`` does."""
    found = _storable(note, "note").strip()
    if len(found) > MOST_NOTE:
        raise ParameterError(f"The note has {len(found):,} characters.", f"{MOST_NOTE:,} are the most.")
    return found


def _storable(text: str, what: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ParameterError(f"The {what} holds half a character.", "Type it again.") from None
    return text


# The decisions as JSON: whatever fields they have.


def params_to_json(
    params: SelectParams,
    removals: tuple[Removal, ...] = (),
    models: Mapping[str, ModelFacts] = NO_MODELS,
) -> str:
    """Every field of the decisions by its name; what was taken out before and which models judged, if any."""
    values: dict[str, Any] = {each.name: getattr(params, each.name) for each in fields(params)}
    values["pins"] = {side: sorted(getattr(params.pins, side)) for side in ("include", "exclude")}
    if removals:
        values[OUT] = removals_as_json(removals)
    if models:
        values[MODELS] = {name: each.model_dump(mode="json") for name, each in models.items()}
    return json.dumps(values, default=lambda number: number.item())  # numpy's numbers


def params_from_json(text: str) -> tuple[SelectParams, tuple[str, ...]]:
    """The decisions, and in words those that this version does not know; a missing one has its default.

    Raises:
        ValueError, TypeError, AttributeError, KeyError: it is not what ``params_to_json`` writes.
    """
    stored = json.loads(text)
    known = {each.name for each in fields(SelectParams)}
    unknown = sorted(stored.keys() - known - {OUT, MODELS})
    values = {name: _hashable(value) for name, value in stored.items() if name in known - {"pins"}}
    pins = Pins(**{side: frozenset(ids) for side, ids in stored["pins"].items()})
    problems = tuple(
        f"It was saved with {name.replace('_', ' ')!r} at {stored[name]!r}, which this version does not know."
        for name in unknown
    )
    return SelectParams(**values, pins=pins), problems


def removals_of_json(text: str) -> tuple[Removal, ...]:
    """What was taken out, of the same text; raises as ``params_from_json`` does, and ``zlib.error``."""
    return removals_from_json(json.loads(text).get(OUT, []))


def models_of_json(text: str) -> dict[str, ModelFacts]:
    """Which models judged, of the same text; raises as ``params_from_json`` does."""
    stored = json.loads(text).get(MODELS, {})
    return {name: ModelFacts.model_validate(each) for name, each in stored.items()}


def _hashable(value: Any) -> Any:  # noqa: ANN401 - any value of JSON
    return tuple(_hashable(each) for each in value) if isinstance(value, list) else value


# In words.


def suggested_name(params: SelectParams, rows: int) -> str:
    """Such as "k-center, 1,000 rows at accuracy 4 or more"."""
    at = "" if params.judge is None or params.min_score is None else f" at {params.judge} {least(params)}"
    return f"{title(params)}, {counted(rows, 'row')}{at}"[:MOST_NAME].strip()


def changed_ids(scene: Scene, chosen: Selection) -> str:
    """What to say where the same decisions give other rows now; nothing where the ids are the same."""
    if chosen.params != scene.params or ids_digest(chosen.ids) == scene.ids_digest:
        return ""
    return (
        f"The decisions of {quoted(scene.name)} give other rows now than when it was saved: "
        f"{scene.rows:,} then, {len(chosen):,} now. "
        "The vectors, the scores or the version of Winnow are others."
    )


def models_in_words(scene: Scene, now: Mapping[str, ModelFacts]) -> tuple[str, ...]:
    """What is other by now about the models that judged when the scene was saved."""
    said = []
    for name, then in scene.models.items():
        changed = difference(then, now[name]) if name in now else "it is no judge any more"
        said += [f"The judge {name} is not as in {quoted(scene.name)}: {changed}."] if changed else []
    return tuple(said)


def pins_in_words(pins: Pins, *, of: str = "the scene") -> str:
    """What is said when other pins take the place of those that were there."""
    held = f"{len(pins.include - pins.exclude):,} in, {len(pins.exclude):,} out" if len(pins) else "none"
    return f"The pins are those of {of}: {held}. Undo brings yours back."


def removals_in_words(removals: Sequence[Removal], rows: int, *, of: str = "the scene") -> str:
    """What is said when these removals take the place of others; rows: how many are out now."""
    held = counted(rows, "row") if removals else "none"
    return f"The rows taken out are those of {of}: {held}. Undo on the Health page brings yours back."


def quoted(name: str) -> str:
    """A name in a sentence."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}"
