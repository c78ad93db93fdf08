"""What a report says of a selection: the map, the held orders, the figures, the judges, rows to read."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core import selection
from core.agreement import Agreement, agreement, pair
from core.comparison import Compared, compare_one
from core.decisions import decisions
from core.domain import Judge, OnProgress, Positions, Selection, ignore_progress
from core.exporting import EMBEDDED, LOOKED_HEAD, Report, licence_of
from core.frozen import Frozen, frozen, smallest
from core.held_out import HeldOut
from core.looking import LEAST_SHARE
from core.metrics import METRICS, SAMPLE_SEED, Metric
from core.orders import CONTROL_DRAWS
from core.palette import NOISE, ON_DARK, ON_LIGHT
from core.plane import FIGURES, Plane
from core.reading import reading
from core.wording import counted

if TYPE_CHECKING:
    from core.project import Project

AT_THE_CUT, SAMPLED = 5, 10  # rows to read: on each side of the cut, and drawn from the selection
MOST_TEXT = 800  # characters that are shown of a prompt and of a response
CURVES = ("radius", "mean_nearest", "mean_score", "clusters")
DASH = "\N{EN DASH}"
LIMITS = (
    "A choice of rows, not a correction: what is wrong, dated or biased in a row of the source is so here.",
    "A score is what its judge said. It was not checked by people for this report.",
    "On the map near points are alike. Distances across it mean little; no figure is read from it.",
    "At large scale random rows are hard to beat (arXiv 2410.09335): train on a random control as well.",
)


def report(
    project: Project,
    chosen: Selection,
    *,
    draws: int = CONTROL_DRAWS,
    licence: str | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Report:
    """Everything that the report of a selection shows, but for the recipe.

    ``licence``: of the source; without it, the one that was named for the dataset before.

    Raises:
        ParameterError: nothing is selected, or the rows are not those that the decisions give.
    """
    plane = project.plane_of(chosen, on_progress=on_progress)
    compared = compare_one(project, "selection", chosen, draws=draws, on_progress=on_progress)
    held = frozen(project, chosen, plane, on_progress=on_progress)
    n = len(project.dataset)
    content = {
        "sentence": decisions(chosen.params, len(chosen), n) + ".",
        "pool": n,
        "palettes": {"light": ON_LIGHT, "dark": ON_DARK},
        "noise": NOISE,
        "clusters": _clusters(project),
        "judge": chosen.params.judge,
        "draws": draws,
        **_sliders(held),
        **_curves(plane),
        "figures": _figures(compared),
        "judges": _judges(project, chosen, compared.held_out),
        "looked": _looked(project, chosen),
        "rights": _rights(project, licence or project.licence),
        "rows": rows_to_read(project, chosen),
        "notes": _notes(project, chosen, plane, held),
        "limits": [*LIMITS, EMBEDDED[project.dataset.embed]],
    }
    title = f"{project.dataset.name}: {counted(len(chosen), 'row')} of {n:,}"
    arrays, shape = _arrays(project, chosen, held)
    return Report(title, {**content, **shape}, arrays)


# The map and its sliders.


def _arrays(
    project: Project, chosen: Selection, held: Frozen
) -> tuple[dict[str, NDArray[np.unsignedinteger]], dict[str, Any]]:
    """Numbers of every row, and what they are counted in."""
    places, sides = _places(project.coords())
    labels = project.labels()
    judge = project.judge(chosen.params)
    levels, codes = _levels(judge, len(labels))
    arrays = {
        "x": places[:, 0],
        "y": places[:, 1],
        "cluster": smallest(labels - labels.min(initial=0)),
        "tokens": smallest(project.tokens()),
        "level": smallest(codes),
    }
    for place, order in enumerate(held.orders):
        arrays[f"order {place}"] = smallest(order)
    return arrays, {"sides": sides, "levels": levels}


def _places(coords: NDArray[np.float32]) -> tuple[NDArray[np.uint16], list[float]]:
    """(n, 2) in 65,535ths of the longer side, both axes in one scale, down the page; and both sides, to 1."""
    wide = coords.astype(np.float64)
    sides = np.ptp(wide, axis=0)
    longer = max(float(sides.max()), 1e-9)
    scaled = (wide - wide.min(axis=0)) / longer
    scaled[:, 1] = sides[1] / longer - scaled[:, 1]
    return np.round(scaled * 65535).astype(np.uint16), (sides / longer).tolist()


def _levels(judge: Judge | None, n: int) -> tuple[list[float], NDArray[np.int64]]:
    """The scores, ascending, and (n,) the place of each row's among them from 1 on; 0 is unscored."""
    if judge is None:
        return [], np.zeros(n, dtype=np.int64)
    known = ~np.isnan(judge.scores)
    levels, place = np.unique(judge.scores[known], return_inverse=True)
    codes = np.zeros(n, dtype=np.int64)
    codes[known] = place + 1
    return [float(each) for each in levels], codes


def _clusters(project: Project) -> list[dict[str, Any]]:
    """Name and rows of each cluster, noise first where there is some; colours go by the number."""
    clusters = project.clusters()
    first = int(clusters.labels.min(initial=0))
    totals = np.bincount(clusters.labels - first)
    return [
        {"number": label + first, "name": clusters.names.get(label + first, ""), "rows": int(rows)}
        for label, rows in enumerate(totals)
    ]


def _sliders(held: Frozen) -> dict[str, Any]:
    return {
        "thresholds": [None if each is None else f"{each:g}" for each in held.thresholds],
        "least": held.thresholds,
        "eligible": held.eligible,
        "held": held.held,
        "ends": held.ends,
        "pinned": held.pinned,
        "at": held.at,
    }


# How many: the curves.


def _curves(plane: Plane) -> dict[str, Any]:
    """Figures over the count at every threshold, beside random draws, and what they say.

    That all rows cover all rows says nothing of the choice, and would flatten every curve: it is left out.
    """
    is_part = plane.counts < plane.pool["rows"]
    names = [name for name in CURVES if np.isfinite(plane.figures[name]).any()]
    curves = [
        {
            "title": FIGURES[name].title,
            "better": FIGURES[name].better,
            "digits": 0 if name == "clusters" else int(FIGURES[name].form[1]),
            "values": _numbers(plane.figures[name][:, is_part]),
            **{
                part: _numbers(getattr(plane.control[name], part)[is_part])
                for part in ("mean", "low", "high")
            },
            "readings": [reading(plane, name, t) for t in range(len(plane.thresholds))],
        }
        for name in names
    ]
    return {"counts": plane.counts[is_part].tolist(), "curves": curves}


def _numbers(values: NDArray[np.float64]) -> list[Any]:
    """Nested lists with None for NaN, to six significant digits."""
    if values.ndim > 1:
        return [_numbers(each) for each in values]
    return [float(f"{each:.6g}") if math.isfinite(each) else None for each in values.tolist()]


# Beside random draws, and in the eyes of the judges.


def _figures(compared: Compared) -> list[dict[str, str]]:
    return [
        {
            "title": metric.title,
            "help": metric.help,
            "better": metric.better or "",
            "value": _written(metric, standing.value),
            "mean": _written(metric, standing.mean),
            "low": _written(metric, standing.low),
            "high": _written(metric, standing.high),
            "pool": _written(metric, standing.pool),
            "verdict": standing.verdict.value,
        }
        for name, standing in compared.standings.items()
        for metric in (METRICS[name],)
        if not math.isnan(standing.value)
    ]


def _written(metric: Metric, value: float) -> str:
    return DASH if math.isnan(value) else f"{value:{metric.form}}"


def _judges(project: Project, chosen: Selection, held_out: HeldOut) -> dict[str, Any]:
    """Each judge with its counts and its mean score, and how far each two agree."""
    judges, table = project.judges, []
    for one in held_out.opinions:
        judge = judges[one.judge]
        told = [_mean(value) for value in (one.unaided, one.random, one.low, one.high, one.pool)]
        seen = f"{judge.low:g} to {judge.high:g}" if judge.scored else DASH
        counts = [seen, f"{judge.scored:,}", f"{judge.unscored:,}"]
        said = "it chose, so this proves nothing" if one.chose else one.gain.value
        table.append([one.judge, *counts, *told, said])
    pairs = [_agreement(judges[a], judges[b], chosen.params.min_score) for a, b in combinations(judges, 2)]
    return {
        "sentence": _told(held_out, agreement(judges)) if judges else "The source has no scores.",
        "table": table,
        "models": [[name, *facts.line] for name, facts in project.models().items() if name in judges],
        "pairs": pairs,
    }


def _told(held_out: HeldOut, agreed: Agreement | None) -> str:
    return held_out.sentence if agreed is None else f"{held_out.sentence} {agreed.sentence}"


def _mean(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:.2f}"


def _agreement(one: Judge, other: Judge, threshold: float | None) -> list[str]:
    """Two judges: rows that both scored, Spearman's correlation, overlap of their rows at the threshold."""
    both = ~(np.isnan(one.scores) | np.isnan(other.scores))
    found = pair(one, other)
    overlap = DASH
    if threshold is not None and all(each.low < threshold <= each.high for each in (one, other)):
        first, second = (each.scores[both] >= np.float32(threshold) for each in (one, other))
        either = int((first | second).sum())
        overlap = f"{int((first & second).sum()) / either:.0%}" if either else DASH
    return [f"{one.name}, {other.name}", f"{found.rows:,}", _mean(found.spearman), overlap]


# What was looked for, and what may be done with the rows.


def _looked(project: Project, chosen: Selection) -> dict[str, Any]:
    looked = project.looked_for(chosen.rows)
    return {"sentences": list(looked.sentences), "head": list(LOOKED_HEAD), "table": looked.table}


def _rights(project: Project, licence: str) -> list[str]:
    """The licence of the source with what it forbids, and the languages of the rows."""
    if licence:
        named = licence_of(licence)
        said = [f"The source's licence holds for this subset: {named.name}."] if named.is_known else []
        said += [each.replace("**", "") for each in named.terms]
    else:
        said = ["Nobody has named the licence of the source. Find it before the rows are used."]
    languages = project.told_languages()
    if languages:
        share = f"{LEAST_SHARE:.0%}"
        return [*said, f"Languages of at least {share} of the rows, told by a model: {', '.join(languages)}."]
    return [*said, "The languages of the rows were not told apart."] if languages is None else said


# Rows to read, and what has to be said.


class _Picked(NamedTuple):
    why: str
    rows: Positions


def rows_to_read(project: Project, chosen: Selection) -> list[dict[str, Any]]:
    """The rows on both sides of the cut, then rows drawn from the selection by a fixed seed."""
    cut = project.border(chosen, AT_THE_CUT)
    drawn = project.control(SAMPLE_SEED)
    inside = np.setdiff1d(chosen.rows, cut.above)
    sample = drawn[np.isin(drawn, inside)][:SAMPLED]
    picked = (
        _Picked("Just above the cut", cut.above),
        _Picked("Just below the cut", cut.below),
        _Picked("Drawn from the selection", sample),
    )
    return [_row(project, each.why, int(row)) for each in picked for row in each.rows]


def _row(project: Project, why: str, row: int) -> dict[str, Any]:
    frame, clusters = project.dataset.frame, project.clusters()
    scores = {name: float(judge.scores[row]) for name, judge in project.judges.items()}
    return {
        "why": why,
        "id": frame["id"][row],
        "cluster": clusters.names.get(int(clusters.labels[row]), ""),
        "scores": [f"{name} {DASH if math.isnan(score) else f'{score:g}'}" for name, score in scores.items()],
        "prompt": _shown(frame["prompt"][row]),
        "response": _shown(frame["response"][row]),
    }


def _shown(text: str | None) -> dict[str, Any]:
    """The beginning of a text, and how many characters of it are not shown."""
    text = text or ""
    return {"text": text[:MOST_TEXT], "more": max(len(text) - MOST_TEXT, 0)}


def _notes(project: Project, chosen: Selection, plane: Plane, held: Frozen) -> list[str]:
    """What was capped, tied or left out of this file, in words."""
    ties, judge, shown = chosen.ties, project.judge(chosen.params), len(plane.thresholds)
    said = [f"{ties.said} Decided by {ties.rule}."] if ties.tied else ["The cut parts no tie."]
    if project.removals:
        said.append(f"Before anything was computed: {'; '.join(project.taken_in_words())}.")
    said += [*chosen.notes, *((held.note,) if held.note else plane.notes)]
    if judge is not None and shown < (all_of_them := len(selection.thresholds(judge, most=judge.scored)[0])):
        said.append(f"The threshold slider has {shown} of the {all_of_them:,} scores, spread over the rows.")
    if chosen.params.max_tokens is not None:
        said.append("The curves are drawn without the token budget; map and counts keep to it.")
    return said
