"""An offline indicator of a row: what its text gives without any model. It is no judgement of a model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from core.domain import Dataset, Scores
from core.health import CHECKS
from core.judged import judged
from core.metrics.lexical import mtld

COLUMN = "offline indicator"  # what a decision names where no column of a file is meant
VERSION = 1  # raised when the same row would get another number
LOW, HIGH = 0, 100
ENOUGH = 150  # words of an answer from which on more count no further
VARIED = 80.0  # MTLD from which on more counts no further; usual English prose has 70 to 100
DECLINED = frozenset({"refusal", "self-talk", "asks-for-input", "placeholder-response"})
FAULTY = frozenset({
    "echo", "cut-off", "html", "html-entities", "page-furniture", "note-marks", "mojibake", "lost-characters",
    "other-script",
})  # fmt: skip
ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}"  # scripts that put no space between words
WORD = rf"[{ALONE}]|[\w--[{ALONE}]]+"
PARTS: Mapping[str, str] = {
    "length": f"words of the answer on a logarithmic scale, full from {ENOUGH} on",
    "diversity": f"lexical diversity of the answer (MTLD), full from {VARIED:g} on",
    "repetition": "share of its runs of three words that are said once only",
    "format": "whole where no check of health finds a broken end, an echo, markup or lost characters",
    "refusal": "none where the answer declines, speaks of being a model or asks for what is missing",
}


def parts(frame: pl.DataFrame) -> pl.DataFrame:
    """One column for each of ``PARTS``, each from 0 to 1, higher being better; null without an answer.

    After the indicators of Instruction Mining (arXiv 2307.06290) that need no model; nothing here is fitted.

    frame: ``Dataset.frame``, with what is judged as ``prompt`` and ``response``.
    """
    answers = frame["response"].fill_null("")
    words = answers.str.to_lowercase().str.extract_all(WORD).to_list()
    table = pl.DataFrame(
        {
            "length": [_length(each) for each in words],
            "diversity": [_diversity(each) for each in words],
            "repetition": [_said_once(each) for each in words],
            "format": _free_of(frame, FAULTY),
            "refusal": _free_of(frame, DECLINED),
        },
        schema=dict.fromkeys(PARTS, pl.Float64),
    )
    is_there = answers.str.strip_chars() != ""
    return table.select(pl.when(is_there).then(pl.col(name)).alias(name) for name in PARTS)


def together(table: pl.DataFrame) -> Scores:
    """(n,) whole numbers from 0 to 100: the mean of the first four parts, and 0 for a refusal; NaN = none."""
    mean = sum((pl.col(name) for name in list(PARTS)[:-1]), start=pl.lit(0.0)) / (len(PARTS) - 1)
    scores = table.select((HIGH * pl.col("refusal") * mean).round()).to_series()
    return scores.cast(pl.Float32).fill_null(float("nan")).to_numpy().astype(np.float32)


def of(dataset: Dataset) -> Scores:
    """(n,) the indicator of every row of a dataset, on what its judges are to read; NaN without an answer."""
    texts = judged(dataset.frame, dataset.judged)
    return together(parts(dataset.frame.with_columns(prompt=texts.questions, response=texts.answers)))


def _length(words: Sequence[str]) -> float:
    return min(math.log1p(len(words)) / math.log1p(ENOUGH), 1.0)


def _diversity(words: Sequence[str]) -> float:
    """Where no word is said twice, at least as many words as there are make up a factor."""
    found = mtld(words)
    return min((len(words) if math.isnan(found) else found) / VARIED, 1.0)


def _said_once(words: Sequence[str]) -> float:
    """Different runs of three words over all of them; of one or two words nothing is repeated."""
    runs = [(*first, last) for first, (_, last) in zip(pairwise(words), pairwise(words[1:]), strict=False)]
    return len(set(runs)) / len(runs) if runs else 1.0


def _free_of(frame: pl.DataFrame, names: frozenset[str]) -> list[float]:
    """1 for a row of which none of these checks speaks, else 0."""
    free = np.ones(frame.height)
    for check in CHECKS:
        if check.name in names:
            free[check.find(frame).rows] = 0.0
    return free.tolist()
