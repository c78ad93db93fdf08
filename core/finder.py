"""Rows found by their words, by what they mean, and by examples, on what the stages give."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl

from core.domain import OnProgress, Positions, Progress, Vectors, ignore_progress
from core.draws import Keys, draws, id_keys
from core.encoders import WORD_COUNTS, Encoder, is_kept, kept_encoder, on_threads_for
from core.errors import ModelError, ParameterError
from core.meaning import Distances, distances_to, fused, nearest_first
from core.memo import Memo
from core.region import Region, region
from core.search import allowed, folded_texts, meant, search, terms
from core.stages import Stages
from core.word_counts import WordSpace, word_space

How = Literal["both", "words", "meaning"]
COUNT = 50  # rows that are found by meaning, unless another number is asked for
DEEP = 1000  # places of each ranking that are joined
MOST_EXAMPLES = 512  # that are compared with every row; of more, so many are drawn
LONGEST = 20_000  # characters read of one text: the models read less
BATCH = 32  # texts encoded at once


@dataclass(frozen=True, slots=True)
class Found:
    """Rows that were found.

    rows: (k,) best first.
    distances: (k,) cosine distance to what was looked for, 0 the same direction; None by words alone.
    note: what has to be said about it; empty where there is nothing.
    """

    rows: Positions = field(repr=False)
    distances: Distances | None = field(repr=False)
    note: str = ""

    def __len__(self) -> int:
        """How many rows."""
        return len(self.rows)


NOTHING = Found(np.empty(0, dtype=np.int64), None)


class Finder:
    """Looks for rows of one dataset. Safe to share between threads."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._kept: Memo[Found] = Memo(8)
        self._regions: Memo[Region] = Memo(2)
        self._spaces: Memo[WordSpace] = Memo(1)
        self._one = threading.Lock()

    # What is at hand.

    def has_vectors(self) -> bool:
        """Whether meaning can be compared: there are vectors."""
        return self._stages.has_vectors()

    def is_warm(self) -> bool:
        """Whether a query can be embedded at once."""
        settings = self._stages.params.embed
        if settings.model == WORD_COUNTS:
            return self._spaces.peek(settings.model) is not None
        return is_kept(settings.model, settings.max_tokens)

    def warm(self, on_progress: OnProgress = ignore_progress) -> None:
        """Read the model, which takes seconds; raises ModelError as ``embed``."""
        on_progress(Progress("read the model", 0, 1))
        self.embed(["warm"])

    # Finding.

    def find(self, query: str, how: How = "both", *, count: int = COUNT) -> Found:
        """Rows for a query.

        Args:
            query: as in ``search.terms``. What is -unwanted is left out whatever is compared.
            how: ``words`` gives every row that holds all terms, best first; ``meaning`` the rows nearest to
                the query as a whole; ``both`` joins the two rankings.
            count: rows by meaning or both; by words all are given.

        Raises:
            ParameterError: the query is too long, or there are no vectors for its meaning.
            ModelError: the model cannot be read, or is not that of the vectors.
        """
        if how not in ("both", "words", "meaning"):
            raise ParameterError(f"Rows cannot be found by {how!r}.", "Choose both, words or meaning.")
        return self._kept.get((query, how, count), lambda: self._find(query, how, count))

    def _find(self, query: str, how: How, count: int) -> Found:
        asked = terms(query)
        if all(term.is_unwanted for term in asked) or not len(self._stages.dataset):
            return NOTHING
        words = NOTHING.rows if how == "meaning" else search(self._texts, query, self._keys)
        if how == "words":
            return Found(words, None)
        away = distances_to(self._vectors(), self.embed([meant(query)]))
        unwanted = [term for term in asked if term.is_unwanted]
        among = np.flatnonzero((away < 1) & allowed(self._texts, unwanted))
        deep = count if how == "meaning" else max(count, DEEP)
        rows = nearest_first(away, self._keys, count=deep, among=among)
        if how == "both":
            rows = fused((words[:deep], rows), self._keys, count=count)
        return Found(rows, away[rows])

    def like(self, rows: Positions, *, count: int = COUNT) -> Found:
        """The rows nearest to some rows of the dataset, which are not among what is found.

        The distance is that of ``meaning.distances_to``: the mean over the nearest few of the examples.

        Raises:
            ParameterError: there are no vectors.
        """
        rows = np.unique(np.asarray(rows, dtype=np.int64))
        if not len(rows):
            return NOTHING
        return self._kept.get(("rows", rows.tobytes(), count), lambda: self._like(rows, count))

    def _like(self, rows: Positions, count: int) -> Found:
        vectors = self._vectors()
        drawn = rows[np.argsort(self._keys[rows])][:MOST_EXAMPLES]
        away = distances_to(vectors, np.asarray(vectors[np.sort(drawn)]))
        others = np.ones(len(vectors), dtype=np.bool_)
        others[rows] = False
        return self._nearest(away, np.flatnonzero(others), count, _drawn(len(rows)))

    def like_texts(self, texts: Sequence[str], *, count: int = COUNT) -> Found:
        """The rows nearest to examples from elsewhere, as ``like`` measures it; raises as ``find``."""
        if not texts:
            return NOTHING
        return self._kept.get(("texts", tuple(texts), count), lambda: self._like_texts(texts, count))

    def _like_texts(self, texts: Sequence[str], count: int) -> Found:
        away = distances_to(self._vectors(), self.embed(spread(texts)))
        return self._nearest(away, np.arange(len(away)), count, _drawn(len(texts)))

    def region(self, texts: Sequence[str] = (), rows: Positions | None = None) -> Region:
        """How near rows and clusters are to the examples of a task: texts, rows of the dataset, or both.

        Raises:
            ParameterError: there is no example, or no vectors.
            ModelError: as ``find``.
        """
        rows = np.unique(np.asarray([] if rows is None else rows, dtype=np.int64))
        key = (tuple(texts), rows.tobytes())
        return self._regions.get(key, lambda: self._region(texts, rows))

    def _region(self, texts: Sequence[str], rows: Positions) -> Region:
        vectors = self._vectors()
        examples = [self.embed(spread(texts))] if texts else []
        if len(rows):
            drawn = rows[np.argsort(self._keys[rows])][:MOST_EXAMPLES]
            examples.append(np.asarray(vectors[np.sort(drawn)]))
        if not examples:
            raise ParameterError("A task's region needs examples.", "Paste some prompts, or name a file.")
        return region(vectors, self._stages.labels(), np.concatenate(examples))

    def _nearest(self, away: Distances, among: Positions, count: int, note: str) -> Found:
        rows = nearest_first(away, self._keys, count=count, among=among)
        return Found(rows, away[rows], note)

    # Texts to vectors, one query at a time.

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(m, d) unit rows of texts by the dataset's model, read once and kept.

        Raises:
            ModelError: the model cannot be read, or its weights are not those that made the vectors.
        """
        sound = [text[:LONGEST].encode("utf-8", "replace").decode() for text in texts]
        settings = self._stages.params.embed
        if settings.model == WORD_COUNTS:
            return self._word_space().vectors(sound)
        encoder = kept_encoder(settings.model, settings.max_tokens)
        self._check(encoder)
        with self._one, on_threads_for(len(sound)):  # some tokenizers do not allow two threads at once
            items = encoder.prepare(sound).items
            parts = [
                encoder.encode(items[start : start + BATCH], "fp32") for start in range(0, len(items), BATCH)
            ]
        return np.concatenate(parts)

    def _check(self, encoder: Encoder) -> None:
        made = self._stages.notes().get("digest", encoder.digest)
        if made != encoder.digest:
            raise ModelError(
                f"The model {self._stages.params.embed.model} is not the one that made the vectors.",
                "Make the map again, or bring back the model's former files.",
            )

    def _word_space(self) -> WordSpace:
        embedded = self._stages.embedded_in  # the space is that of the texts that were embedded together
        return self._spaces.get(WORD_COUNTS, lambda: word_space(embedded.embedded_texts()))

    def _vectors(self) -> Vectors:
        if not self.has_vectors():
            raise ParameterError("Finding by meaning needs the vectors.", "Make the map, or find by words.")
        return self._stages.vectors()

    @cached_property
    def _texts(self) -> pl.DataFrame:
        return folded_texts(self._stages.dataset.frame)

    @cached_property
    def _keys(self) -> Keys:
        return draws(id_keys(self._stages.dataset.frame["id"]), 0)


def spread(texts: Sequence[str]) -> list[str]:
    """The distinct texts; of more than ``MOST_EXAMPLES`` as many as that, drawn by their content alone."""
    distinct = list(dict.fromkeys(texts))
    if len(distinct) <= MOST_EXAMPLES:
        return distinct
    keys = draws(id_keys(text.encode("utf-8", "replace").decode() for text in distinct), 0)
    return [distinct[place] for place in np.sort(np.argsort(keys, kind="stable")[:MOST_EXAMPLES])]


def _drawn(count: int) -> str:
    if count <= MOST_EXAMPLES:
        return ""
    return f"Of {count:,} examples {MOST_EXAMPLES} drawn at random were compared."
