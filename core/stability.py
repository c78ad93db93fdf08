"""How much of a selection stays when one decision is another: seed, threshold, judge, embedding.

Beside each share stands what a random draw among the rows that are eligible then would keep.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.domain import Judge, OnProgress, OptionValue, Selection, SelectParams, ignore_progress
from core.encoders import MINILM, WORD_COUNTS
from core.selection import eligible, of_clusters, strategy, thresholds
from core.wording import counted

if TYPE_CHECKING:
    from core.project import Project

SEEDS = 3  # other seeds that are tried
LAST_SEED = 99_999_999  # as the app's box takes them

Kind = Literal["seed", "threshold", "judge", "embedding"]


@dataclass(frozen=True, slots=True)
class Variation:
    """One decision changed, and all others as they were.

    title: what is another now. detail: what it was changed to, with counts.
    model: the embedding, where that is what is changed.
    """

    kind: Kind
    title: str
    detail: str
    params: SelectParams
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a variation leaves of a selection.

    rows: how many rows it selects.
    share: rows of the selection that it selects too, of the selection's rows; nan where that holds none.
    chance: the share to be expected of a random draw of ``rows`` rows among those eligible then, pins kept.
    """

    variation: Variation
    rows: int
    share: float
    chance: float


def stability(
    project: Project, chosen: Selection, *, on_progress: OnProgress = ignore_progress
) -> tuple[Kept, ...]:
    """Every variation of a selection; an embedding that is not there is made first."""
    return tuple(kept(project, chosen, each, on_progress=on_progress) for each in variations(project, chosen))


def variations(project: Project, chosen: Selection) -> tuple[Variation, ...]:
    """Three other seeds, one attainable threshold up and down, each other judge, each other embedding."""
    params = chosen.params
    judge = project.judge(params)
    return (
        *_seeds(params),
        *(_thresholds(params, judge) if judge else ()),
        *(_judges(project, params, judge) if judge else ()),
        *(embedding(params, model) for model in models(project)),
    )


def models(project: Project) -> tuple[str, ...]:
    """Other embeddings of this dataset: word counts, and every model whose vectors are stored."""
    texts = {each.dataset.text_fingerprint for each in (project, project.whole)}
    stored = {
        str(item.inputs.get("model"))
        for item in project.store.ls()
        if item.stage == "vectors" and item.inputs.get("text") in texts
    }
    others = sorted((stored | {MINILM}) - {project.params.embed.model, WORD_COUNTS})
    known = tuple(model for model in others if project.with_model(model).has_vectors())
    return known if project.params.embed.model == WORD_COUNTS else (WORD_COUNTS, *known)


def kept(
    project: Project, chosen: Selection, variation: Variation, *, on_progress: OnProgress = ignore_progress
) -> Kept:
    """Choose under a variation, and see what of the selection is chosen again."""
    other = project if variation.model is None else project.with_model(variation.model)
    changed = other.select(variation.params, on_progress=on_progress)
    if not len(chosen):
        return Kept(variation, len(changed), float("nan"), float("nan"))
    share = float(np.isin(chosen.rows, changed.rows).mean())
    return Kept(variation, len(changed), share, _chance(other, chosen, changed))


def _chance(project: Project, chosen: Selection, changed: Selection) -> float:
    """The share that a random draw of as many rows, pinned ones first, among the eligible ones would keep."""
    pins = changed.params.pins
    pinned = project.positions(pins.include - pins.exclude)
    free = project.eligible(changed.params).copy()
    free[pinned] = False
    free[project.positions(pins.exclude)] = False
    drawn = min(max(len(changed) - len(pinned), 0) / max(int(free.sum()), 1), 1.0)
    stays = np.isin(chosen.rows, pinned).sum() + free[chosen.rows].sum() * drawn
    return float(stays / len(chosen))


def _seeds(params: SelectParams) -> Iterator[Variation]:
    for step in range(1, SEEDS + 1):
        seed = (params.seed + step) % (LAST_SEED + 1)
        yield Variation("seed", "Another seed", f"seed {seed}", replace(params, seed=seed))


def _thresholds(params: SelectParams, judge: Judge) -> Iterator[Variation]:
    """One step of what the judge gave up and down; a threshold between two grades acts as the upper one."""
    levels, counts = thresholds(judge)
    wanted = -np.inf if params.min_score is None else np.float32(params.min_score)
    here = int(np.searchsorted(levels, wanted, side="left"))
    for place, title in ((here + 1, "Next higher threshold"), (here - 1, "Next lower threshold")):
        if 0 <= place < len(levels):
            level = float(str(levels[place])), int(counts[place])
            yield _at(params, "threshold", title, level=level)


def _judges(project: Project, params: SelectParams, judge: Judge) -> Iterator[Variation]:
    """Each other judge, at its threshold that leaves nearest as many rows; of two the lower one."""
    here = int(eligible(len(project.dataset), judge, params.min_score).sum())
    for name in project.judges:
        if name == params.judge:
            continue
        options = _with_another_judge(params, name)
        named = replace(params, judge=name, options=options, min_score=None)
        other = project.judge(named)
        if other is not None and other.scored:
            levels, counts = thresholds(other)
            place = int(np.abs(counts - here).argmin())
            level = float(str(levels[place])), int(counts[place])
            yield _at(named, "judge", "Another judge", level=level)


def _with_another_judge(params: SelectParams, name: str) -> tuple[tuple[str, OptionValue], ...]:
    """The settings of another judge: where one names it, judge and second judge change places."""
    further = strategy(params.strategy).further_judges(params)
    return tuple(
        (key, str(params.judge) if further.get(key) == name else value) for key, value in params.options
    )


def _at(params: SelectParams, kind: Kind, title: str, *, level: tuple[float, int]) -> Variation:
    min_score, count = level
    detail = f"{params.judge} \N{GREATER-THAN OR EQUAL TO} {min_score:g}: {counted(count, 'eligible row')}"
    return Variation(kind, title, detail, replace(params, min_score=min_score))


def embedding(params: SelectParams, model: str) -> Variation:
    """The same decisions on other vectors, neighbours and clusters; quotas of single clusters end there."""
    said = "word counts (TF-IDF), no model" if model == WORD_COUNTS else model
    keyed = strategy(params.strategy).keyed
    own = of_clusters(dict(params.options), keyed.name) if keyed else {}
    if keyed and own:  # a number is another cluster there
        quotas = {f"{keyed.name} {label}" for label in own}
        params = replace(params, options=tuple(each for each in params.options if each[0] not in quotas))
        said += ", without quotas of single clusters"
    return Variation("embedding", "Another embedding", said, params, model)
