"""The link in the address bar: a view written into it, and read from it.

A stranger may have written it: what it cannot mean is left at its default, and said. It names no model, since
opening a link must neither fetch one nor look into a folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core import MapParams
from core.domain import EMBED_CHOICES, JUDGED_CHOICES, OptionValue
from core.errors import ParameterError
from core.loading import read_mapping
from core.loading import written as in_words
from core.replay import read_map_params
from core.selection import WIDEST
from pages.ui import places
from pages.ui.view import MapSettings, View

DIGITS = 8  # of a count or a seed, at most
TOKEN_DIGITS = 12  # of a token budget, at most
MOST_TEXT = 4000  # characters of a mapping, or of settings
MOST_KEPT = 900  # characters of the keys of shared texts
MOST_SCORE = 1e30  # float32 holds no more than about 3e38
LEAST_DISTANCE = 0.01  # of near copies: what the box offers
NAMES = (
    "data", "shape", "turns", "keep", "judged", "map", "judge", "min", "count", "tokens", "dedup", "strategy",
    "options", "colour", "seed",
)  # fmt: skip


def written(view: View) -> dict[str, str]:
    """What a link to this view holds; what stands at its default is left out."""
    # "embed" is a word of Streamlit's own, so it is "turns" here.
    settings = {stage: values for stage, values in view.map.by_stage().items() if stage != "embed"}
    wanted = {
        "data": view.data,
        "shape": in_words(view.mapping) if view.mapping else None,
        "turns": view.embed if view.embed != EMBED_CHOICES[0] else None,
        "keep": " ".join(view.keep) or None,
        "judged": view.judged if view.judged != JUDGED_CHOICES[0] else None,
        "map": _json(settings),
        "judge": view.judge,
        "min": _number(view.min_score),
        "count": _number(view.count),
        "tokens": None if view.max_tokens is None else str(view.max_tokens),
        "dedup": _number(view.dedup_distance),
        "strategy": view.strategy,
        "options": _json(dict(view.options)),
        "colour": view.colour,
        "seed": str(view.seed) if view.seed else None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def read(link: Mapping[str, str]) -> View:
    """The view that a link names; what cannot be read there is left at its default, and said."""
    min_score, count, seed = _float(link.get("min")), _whole(link.get("count")), _whole(link.get("seed"))
    tokens, dedup = _whole(link.get("tokens"), TOKEN_DIGITS), _distance(link.get("dedup"))
    settings, options = _settings(link.get("map")), _options(link.get("options"))
    shape, embed, judged = link.get("shape"), link.get("turns"), link.get("judged", JUDGED_CHOICES[0])
    mapping = read_mapping(shape) if shape and len(shape) <= MOST_TEXT else None
    given = {
        "min": ("a threshold", min_score),
        "count": ("a count", count),
        "seed": ("a seed", seed),
        "tokens": ("a token budget", tokens),
        "dedup": ("a distance of near copies", dedup),
        "shape": ("columns", mapping),
        "turns": ("embedding", embed if embed in EMBED_CHOICES else None),
        "judged": ("what a judge reads", judged if judged in JUDGED_CHOICES else None),
        "map": ("a map", settings),
        "options": ("settings", options),
    }
    unread = [(what, link[name]) for name, (what, value) in given.items() if value is None and link.get(name)]
    return View(
        data=link.get("data") or places.first_data(),
        mapping=mapping,
        embed=embed if embed in EMBED_CHOICES else EMBED_CHOICES[0],
        keep=tuple(link.get("keep", "")[:MOST_KEPT].split()),
        judged=judged if judged in JUDGED_CHOICES else JUDGED_CHOICES[0],
        judge=link.get("judge"),
        min_score=min_score,
        count=count,
        strategy=link.get("strategy") or "k-center",
        options=options or (),
        colour=link.get("colour") or "cluster",
        seed=seed or 0,
        max_tokens=tokens,
        dedup_distance=dedup,
        map=settings or MapSettings(),
        notes=tuple(
            f"The link asks for {what} of {text[:40]!r}, which there cannot be." for what, text in unread
        ),
    )


def _settings(text: str | None) -> MapSettings | None:
    """The settings of the map, checked as those of a recipe are; None where they cannot be."""
    stages, default = _object(text), MapParams().as_dict()
    if not stages or not all(isinstance(values, dict) for values in stages.values()):
        return None
    if "embed" in stages or not stages.keys() <= default.keys():
        return None
    try:
        params = read_map_params({**default, **{name: {**default[name], **stages[name]} for name in stages}})
    except ParameterError:
        return None
    return MapSettings.of(params)


def _options(text: str | None) -> tuple[tuple[str, OptionValue], ...] | None:
    """The settings of the strategy; whether it has such is for the strategy to say."""
    found = _object(text)
    if not found or not all(isinstance(value, str | int | float) for value in found.values()):
        return None
    return tuple(found.items())


def _object(text: str | None) -> dict[str, Any] | None:
    """A JSON object of bounded length; None where there is none."""
    if not text or len(text) > MOST_TEXT:
        return None
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _refuse(word: str) -> None:
    raise ValueError(word)  # Infinity and NaN, which JSON does not have


def _json(values: Mapping[str, object]) -> str | None:
    """None for nothing, and for more than a link carries."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    return text if values and len(text) <= MOST_TEXT else None


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.10g}"


def _float(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and abs(value) <= MOST_SCORE else None


def _distance(text: str | None) -> float | None:
    value = _float(text)
    return value if value is not None and LEAST_DISTANCE <= value <= WIDEST else None


def _whole(text: str | None, digits: int = DIGITS) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= digits else None
