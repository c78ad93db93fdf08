"""Rows that hold a prompt of an evaluation: by words that run alike, and by near vectors.

The rule of words is that of GPT-3's appendix (arXiv 2005.14165): a run of 13 words in common. A shorter prompt
counts where all its words, eight or more, run through a row, or where it is the whole prompt of the row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Positions, Vectors
from core.health.check import MOST_SEEN
from core.health.looking import PROMPT, RESPONSE
from core.health.repetition import ALONE

RUN = 13  # words, as in GPT-3
SHORTEST = 8  # words; a shorter prompt has to be the whole prompt of a row
COMMON = 10  # a run that more prompts than this share is a template, as of a multiple choice
SIMILARITY = 0.9  # cosine, inclusive
BLOCK = 4_096  # rows compared with all prompts at once
BASE = np.uint64(0x9E3779B97F4A7C15)
EDGE = "\u241e"  # between prompt and response: no run of words goes across it
WORD = rf"{EDGE}|[{ALONE}]|[\p{{L}}\p{{M}}\p{{N}}--[{ALONE}]]+"

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Leaks:
    """The rows that hold an evaluation prompt.

    rows: (k,) positions, ascending.
    prompts: (k,) which prompt each row matches best.
    by_words: (k,) whether words run alike; else the vectors alone are near.
    similarity: (k,) cosine similarity of the row's prompt to that prompt; nan without vectors.
    seen: k pieces of text, the words in common; empty where there are none.
    templates: runs of 13 words that were passed over, since more than ``COMMON`` prompts share them.
    """

    rows: Positions
    prompts: Positions
    by_words: NDArray[np.bool_]
    similarity: NDArray[np.float32]
    seen: tuple[str, ...] = field(repr=False)
    templates: int


def leaked(
    frame: pl.DataFrame,
    prompts: Sequence[str],
    *,
    vectors: Vectors | None = None,
    prompt_vectors: Vectors | None = None,
    similarity: float = SIMILARITY,
) -> Leaks:
    """The rows whose prompt or response holds one of these prompts, and the rows whose prompt is near to one.

    vectors, prompt_vectors: (n, d) of the rows' prompts and (p, d) of these, by the same model; both or none.
    similarity: the lowest cosine similarity that counts as near.
    """
    matched, seen, templates = _by_words(frame, prompts)
    nearest = np.full(frame.height, -1, dtype=np.int64)
    near = np.full(frame.height, np.nan, dtype=np.float32)
    if vectors is not None and prompt_vectors is not None and len(prompts):
        nearest, near = _nearest(vectors, prompt_vectors)
    by_words = matched >= 0
    rows = np.flatnonzero(by_words | (near >= similarity))
    best = np.where(by_words, matched, nearest)[rows]
    if vectors is not None and prompt_vectors is not None and len(rows):
        near[rows] = np.einsum("ij,ij->i", vectors[rows], prompt_vectors[best])
    return Leaks(
        rows, best, by_words[rows], near[rows], tuple(seen.get(int(row), "") for row in rows), templates
    )


def _nearest(vectors: Vectors, prompts: Vectors) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The nearest prompt of every row, the earliest of equal ones, and its similarity."""
    nearest = np.empty(len(vectors), dtype=np.int64)
    near = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK] @ prompts.T
        nearest[start : start + BLOCK] = block.argmax(axis=1)
        near[start : start + BLOCK] = block.max(axis=1)
    return nearest, near


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of many texts in one line: each with its hash and with the text that it belongs to, all (w,)."""

    words: pl.Series
    hashes: Hashes
    owners: NDArray[np.int64]

    @classmethod
    def of(cls, texts: pl.Series) -> _Words:
        """Take texts apart."""
        words = (
            texts.str.to_lowercase().str.extract_all(WORD).alias("word").to_frame().with_row_index("owner")
        )
        table = words.explode("word").drop_nulls()
        owners = table["owner"].cast(pl.Int64).to_numpy()
        return cls(table["word"], table["word"].hash(seed=1).to_numpy(), owners)

    def runs(self) -> Iterator[tuple[int, Hashes, Positions]]:
        """(size, hash, place of the first word) of all runs inside one text, from one word up to ``RUN``."""
        found = np.zeros(len(self.hashes), dtype=np.uint64)
        for size in range(1, RUN + 1):
            count = max(len(self.hashes) - size + 1, 0)
            found = found[:count] * BASE + self.hashes[size - 1 :]  # wraps around, as hashes do
            places = np.flatnonzero(self.owners[:count] == self.owners[size - 1 :])
            yield size, found[places], places


def _by_words(frame: pl.DataFrame, prompts: Sequence[str]) -> tuple[Positions, dict[int, str], int]:
    """(n,) the prompt of which a row holds the most runs, -1 for none; what is in common; templates."""
    given = pl.Series(prompts, dtype=pl.String)
    firsts = given.arg_unique().sort().cast(pl.Int64).to_numpy()  # repeats are one prompt
    asked = _Words.of(given.gather(firsts))
    held = _Words.of(frame.select(PROMPT + f" {EDGE} " + RESPONSE).to_series())
    lengths = np.bincount(asked.owners, minlength=len(firsts))
    starts = np.searchsorted(held.owners, np.arange(frame.height))
    edges = np.flatnonzero(held.words.to_frame().select(pl.col("word") == EDGE).to_series().to_numpy())
    edges = edges[np.searchsorted(edges, starts)]  # the first of each row
    met, templates = [], 0
    for (size, keys, of), (_, runs, places) in zip(asked.runs(), held.runs(), strict=True):
        length = lengths[asked.owners[of]]
        wanted = length >= RUN if size == RUN else length == size
        table, passed = _wanted(keys[wanted], asked.owners[of][wanted], size)
        of_row = held.owners[places]
        # A short run has to begin and to end with the prompt of its row.
        fits = (places == starts[of_row]) & (places + size == edges[of_row]) | (size >= SHORTEST)
        templates += passed
        met.append(_met(runs[fits], places[fits], held.owners, table))
    best = _best(pl.concat(met))
    matched = np.full(frame.height, -1, dtype=np.int64)
    matched[best["row"].to_numpy()] = firsts[best["prompt"].to_numpy()]
    found = best.select("row", "place", "size").iter_rows()
    seen = {row: " ".join(held.words[place : place + size])[:MOST_SEEN] for row, place, size in found}
    return matched, seen, templates


def _wanted(runs: Hashes, owners: Positions, size: int) -> tuple[pl.DataFrame, int]:
    """The runs of the prompts without templates, as run | prompt | size; how many templates there were."""
    table = pl.DataFrame({"run": runs, "prompt": owners}).unique()
    shared = (pl.len().over("run") > COMMON) & (size == RUN)
    kept = table.filter(~shared).with_columns(size=pl.lit(size, pl.Int64))
    return kept, table.filter(shared)["run"].n_unique()


def _met(runs: Hashes, places: Positions, owners: Positions, keys: pl.DataFrame) -> pl.DataFrame:
    """Every run that a row and a prompt have in common: row | prompt | place | size."""
    sought = np.unique(keys["run"].to_numpy())
    at = np.searchsorted(sought, runs)
    hit = (
        (at < len(sought)) & (sought[np.minimum(at, len(sought) - 1)] == runs)
        if len(sought)
        else np.zeros(len(runs), bool)
    )
    met = pl.DataFrame({"run": runs[hit], "place": places[hit], "row": owners[places[hit]]})
    return met.join(keys, on="run").select("row", "prompt", "place", "size")


def _best(met: pl.DataFrame) -> pl.DataFrame:
    """The prompt with the most runs in each row, the earliest of equal ones: row | prompt | place | size."""
    votes = met.group_by("row", "prompt").agg(
        pl.len().alias("runs"), pl.col("place").min(), pl.col("size").first()
    )
    ranked = votes.sort("row", "runs", "prompt", descending=[False, True, False])
    return ranked.unique("row", keep="first", maintain_order=True)
