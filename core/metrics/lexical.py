"""How varied the words of prompts and responses are, on a sample of rows."""

from __future__ import annotations

import re
import zlib
from collections.abc import Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import polars as pl

from core.domain import Positions
from core.metrics.catalogue import TEXTS

LEVEL = 6  # of zlib
FLOOR = 0.72  # the share of different words below which a run of MTLD ends
WORD = re.compile(r"\w+")
NAN = float("nan")


def measure_words(
    prompts: pl.Series | None, responses: pl.Series | None, rows: Positions
) -> dict[str, float]:
    """Distinct word pairs, MTLD and compression ratio of the first 2,000 of ``rows``; nan without a text.

    rows: in a sequence that is a random draw, in which the texts are joined.
    """
    texts = _texts(prompts, responses, rows[:TEXTS])
    with ThreadPoolExecutor(1) as other:  # zlib works without the interpreter's lock
        compressed = other.submit(compression, "\n".join(texts))
        split = [WORD.findall(text.lower()) for text in texts]
        words, different = _numbered(chain.from_iterable(split))
        return {
            "distinct_2": _distinct_pairs(words, different, [len(each) for each in split]),
            "mtld": _mtld(words, different),
            "compression": compressed.result(),
        }


def _texts(prompts: pl.Series | None, responses: pl.Series | None, rows: Positions) -> list[str]:
    """Prompt and response of each row, one after the other."""
    if prompts is None or responses is None:
        return []
    pairs = zip(prompts.gather(rows), responses.gather(rows), strict=True)
    return [text or "" for pair in pairs for text in pair]


def _numbered(words: Iterable[Hashable]) -> tuple[list[int], int]:
    """A number from 0 on for each word, the same for the same; and how many different ones there are."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(word, len(numbers)) for word in words], len(numbers)


def _distinct_pairs(words: Sequence[int], different: int, lengths: Sequence[int]) -> float:
    """Different pairs of adjacent words over all pairs inside a text (distinct-2, arXiv 1510.03055).

    words: of all texts, one after the other, each below ``different``. lengths: words a text.
    """
    numbers, ends = np.array(words, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)[:-1]
    across = ends[(ends > 0) & (ends < len(numbers))] - 1  # from the last word of a text to the next text
    pairs = np.delete(numbers[:-1] * different + numbers[1:], across)
    return len(np.unique(pairs)) / len(pairs) if len(pairs) else NAN


def mtld(words: Sequence[Hashable]) -> float:
    """Words a factor (measure of textual lexical diversity, McCarthy and Jarvis 2010); higher is more varied.

    A factor is a run of words that ends as soon as its share of different words falls below 0.72; what is
    left at the end counts in part. The mean of reading forwards and backwards; nan where no word is repeated
    in what would count.
    """
    return _mtld(*_numbered(words))


def _mtld(words: Sequence[int], different: int) -> float:
    factors = [_factors(words, different), _factors(words[::-1], different)]
    return sum(len(words) / each for each in factors) / 2 if all(factors) else NAN


def _factors(words: Sequence[int], different: int) -> float:
    factors, start, seen = 0.0, 0, 0
    last = [-1] * different  # the place where each word was read last
    for place, word in enumerate(words):
        if last[word] < start:  # a new word never lets the share fall
            seen += 1
        elif seen < FLOOR * (place + 1 - start):
            factors, start, seen = factors + 1, place + 1, 0
        last[word] = place
    length = len(words) - start
    return factors + (1 - seen / length) / (1 - FLOOR) if length else factors


def compression(text: str) -> float:
    """Bytes of UTF-8 over their bytes after zlib at level 6 (arXiv 2403.00553); higher repeats more."""
    content = text.encode("utf-8", "replace")
    return len(content) / len(zlib.compress(content, LEVEL)) if content.strip() else NAN
