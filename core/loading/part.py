"""A dataset without some of its rows: the same ids, judges and texts, under another fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from core.domain import Dataset, Judge, Positions
from core.errors import ParameterError
from core.loading import boilerplate
from core.loading.columns import one_by_one
from core.loading.dataset import text_digest


def without(dataset: Dataset, positions: Positions) -> Dataset:
    """The rows of a whole file that stay when these are taken out; the dataset itself where there are none.

    What is left has the same content whichever way it came about, so its fingerprint is that of the whole
    and of the ids that are gone.

    Raises:
        ParameterError: no row would stay.
    """
    if not len(positions):
        return dataset
    stay = staying(dataset, positions)
    if not len(stay):
        raise ParameterError(
            f"Every row of {dataset.name} would be taken out.", "Put some back: nothing could be chosen."
        )
    gone = dataset.frame["id"].gather(staying(dataset, stay))
    frame = dataset.frame[stay]
    return replace(
        dataset,
        frame=frame,
        rows=dataset.rows[stay],
        places=dataset.places[stay],
        judges=_of_rows(dataset.judges, stay),
        fingerprint=text_digest([dataset.fingerprint, *gone]),
        text_fingerprint=text_digest(one_by_one(boilerplate.without(frame["prompt"], dataset.left_out))),
        whole=dataset.origin,
        taken_out=dataset.taken_out + len(gone),
    )


def staying(dataset: Dataset, positions: Positions) -> Positions:
    """The other positions, ascending."""
    stay = np.ones(len(dataset), dtype=bool)
    stay[positions] = False
    return np.flatnonzero(stay)


def ids_sha256(dataset: Dataset, positions: Positions) -> str:
    """The sha256 of the ids at these positions, one a line."""
    ids = dataset.frame["id"].gather(positions)
    return hashlib.sha256("".join(f"{each}\n" for each in ids).encode()).hexdigest()


def _of_rows(judges: Mapping[str, Judge], rows: Positions) -> dict[str, Judge]:
    """Those that scored any of these rows: in a file of its own, a column without a score is no judge."""
    sliced = {name: _sliced(judge, rows) for name, judge in judges.items()}
    return {name: judge for name, judge in sliced.items() if judge.scored}


def _sliced(judge: Judge, rows: Positions) -> Judge:
    """The scores of these rows, on the scale that all rows showed."""
    scores = judge.scores[rows]
    scores.flags.writeable = False
    unscored = int(np.isnan(scores).sum())
    return replace(judge, scores=scores, scored=len(scores) - unscored, unscored=unscored)
