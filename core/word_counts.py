"""Texts to vectors by the words they share: TF-IDF, and a truncated SVD of it. No model, no network.

scipy and sklearn are imported inside functions: importing core stays fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from core.domain import Vectors
from core.machine import products_on_one_core
from core.words import words as words_of

WIDTH = 128  # dimensions of the SVD; those of latent semantic indexing are usually 100 to 300
FEWEST = 4  # texts, and words that two of them share, below which there is nothing to tell apart
_COMMON = 0.1  # a word in more texts than this share says nothing


def tf_idf(texts: Sequence[str]) -> Any:  # noqa: ANN401 - a scipy matrix, which has no exact type here
    """Return (n, words) unit rows of the words that two texts or more share; None where there are too few."""
    return _matrix(len(texts), _weighted(texts))


def _weighted(texts: Sequence[str]) -> pl.DataFrame:
    """Row, word, column and weight of the words that two texts or more share."""
    n = len(texts)
    return (
        words_of(texts)
        .with_columns(rows=pl.len().over("word"))
        .filter(pl.col("rows") > 1, pl.col("rows") <= max(2, _COMMON * n))
        .with_columns(column=pl.col("word").rank("dense") - 1, rarity=(n / pl.col("rows")).log())
        .with_columns(weight=pl.col("rarity") / (pl.col("rarity") ** 2).sum().over("row").sqrt())
    )


def _matrix(n: int, shared: pl.DataFrame) -> Any:  # noqa: ANN401 - as above
    from scipy.sparse import csr_array

    kinds = shared["word"].n_unique()
    if min(n, kinds) < FEWEST:
        return None
    places = (shared["row"].to_numpy(), shared["column"].to_numpy())
    return csr_array((shared["weight"].to_numpy().astype(np.float32), places), shape=(n, kinds))


def word_vectors(texts: Sequence[str]) -> Vectors:
    """Latent semantic vectors of n texts (Deerwester and others, 1990): (n, d) unit rows, read-only.

    The last dimension is that of texts without a word that another text has: 1 for them, 0 for all others, so
    that they are alike and like nothing else. The same texts in another sequence give the same vectors, up to
    rounding.
    """
    weights = tf_idf(texts)
    if weights is None:
        vectors = np.ones((len(texts), 1), dtype=np.float32)
    else:
        left, sizes, _ = _components(weights)
        vectors = _unit(left * sizes)
    vectors.setflags(write=False)
    return vectors


@dataclass(frozen=True, slots=True)
class WordSpace:
    """The space that the vectors of some texts lie in, so that other texts can be put into it.

    words: word, column and rarity (the logarithm of texts a text that holds it) of each shared word.
    directions: (words, d - 1) the main directions; None where the texts share too few words.
    """

    words: pl.DataFrame = field(repr=False)
    directions: Vectors | None = field(repr=False)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """(m, d) unit rows; one whose words are all unknown is like texts without a shared word."""
        if self.directions is None:
            return np.ones((len(texts), 1), dtype=np.float32)
        held = (
            words_of(texts)
            .join(self.words, on="word")
            .with_columns(weight=pl.col("rarity") / (pl.col("rarity") ** 2).sum().over("row").sqrt())
        )
        found = np.zeros((len(texts), self.directions.shape[1]), dtype=np.float64)
        weighted = held["weight"].to_numpy()[:, None] * self.directions[held["column"].to_numpy()]
        np.add.at(found, held["row"].to_numpy(), weighted)
        return _unit(found)


def word_space(texts: Sequence[str]) -> WordSpace:
    """The space of ``word_vectors`` of the same texts: folding in new ones as in latent semantic indexing."""
    shared = _weighted(texts)
    weights = _matrix(len(texts), shared)
    known = shared.select("word", pl.col("column").cast(pl.Int64), "rarity").unique("word").sort("word")
    directions = None if weights is None else np.ascontiguousarray(_components(weights)[2].T)
    return WordSpace(known, directions)


def _unit(drawn: Any) -> Vectors:  # noqa: ANN401 - as above
    """(n, d + 1) unit rows; the last column is 1 where there is nothing to scale."""
    length = np.linalg.norm(drawn, axis=1, keepdims=True)
    known = length > 1e-6
    found: Vectors = np.hstack((np.where(known, drawn / np.where(known, length, 1), 0), ~known)).astype(
        np.float32
    )
    return found


def _components(weights: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401 - as above
    """(n, d) texts, (d,) sizes and (d, words) words along the main directions of the words."""
    from sklearn.utils.extmath import randomized_svd

    with products_on_one_core():  # sums of threads would depend on how many there are
        # Not transposed: the random start then belongs to the words, which have one sequence, not to texts.
        left, sizes, right = randomized_svd(
            weights, min(WIDTH, *weights.shape), n_iter=4, random_state=0, transpose=False
        )
    return left, sizes, right
