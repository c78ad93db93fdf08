"""Rows that contain what a person looks for, the most telling first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.domain import Mask, Positions
from core.draws import Keys
from core.errors import ParameterError

TEXTS = {"prompt": 2.0, "response": 1.0}  # how much a word counts in each
TERM = re.compile(r'(-?)(?:(prompt|response):)?(?:"([^"]+)"|(\S+))', re.IGNORECASE)
LONGEST_QUERY = 4096  # characters
MOST_TERMS = 32
K1, B = 1.2, 0.75  # of BM25, as in most engines
INSIDE = 0.25  # what a term inside a longer word counts, beside a word of its own
_MARKS = "[\u0300-\u036f]"  # accents of Latin, Greek and Cyrillic; vowel signs of other scripts are letters
_SAME = {"ß": "ss", "ς": "σ", "ı": "i", "\u2019": "'"}


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to look for: a word or a phrase, folded; in one of the texts where one is named."""

    text: str
    field: str | None = None
    is_unwanted: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The texts that are looked at."""
        return (self.field,) if self.field else tuple(TEXTS)


def folded(texts: pl.Series) -> pl.Series:
    """(n,) the texts without case and accents, so that *Café* and *cafe* are one word; null is empty."""
    text = pl.col("text").fill_null("")
    plain = text.str.to_lowercase().str.normalize("NFKD").str.replace_all(_MARKS, "")
    plain = plain.str.replace_many(list(_SAME), list(_SAME.values()))
    is_ascii = text.str.len_bytes() == text.str.len_chars()
    frame = pl.DataFrame({"text": texts.cast(pl.String)})
    return frame.select(pl.when(is_ascii).then(text.str.to_lowercase()).otherwise(plain)).to_series()


def folded_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """(n, 2) prompt and response as ``search`` compares them; made once a dataset."""
    return pl.DataFrame({name: folded(frame[name]) for name in TEXTS})


def terms(query: str) -> tuple[Term, ...]:
    """What a query asks for: words, "phrases in quotes", -unwanted ones, prompt:word and response:word.

    Raises:
        ParameterError: it is longer than ``LONGEST_QUERY`` or holds more than ``MOST_TERMS``.
    """
    if len(query) > LONGEST_QUERY:
        raise ParameterError(
            f"A search of {len(query):,} characters is too long.",
            f"Use at most {LONGEST_QUERY:,}; for whole texts, look for rows like them.",
        )
    parts = TERM.findall(_sound(query))
    plain = folded(pl.Series([phrase or word for _, _, phrase, word in parts], dtype=pl.String))
    found = [
        Term(text.strip(), field.lower() or None, bool(minus))
        for text, (minus, field, _, _) in zip(plain, parts, strict=True)
    ]
    asked = tuple(dict.fromkeys(term for term in found if term.text))
    if len(asked) > MOST_TERMS:
        raise ParameterError(
            f"A search of {len(asked):,} words is too long.",
            f'Use at most {MOST_TERMS}, or "a phrase in quotes", which counts as one.',
        )
    return asked


def meant(query: str) -> str:
    """The query as a text to embed: without quotes, field names and what is not wanted."""
    asked = [phrase or word for minus, _, phrase, word in TERM.findall(_sound(query)) if not minus]
    return " ".join(asked)


def allowed(texts: pl.DataFrame, asked: Sequence[Term]) -> Mask:
    """(n,) whether a row holds every wanted term and none that is unwanted."""
    return _passing(_held(texts, asked), asked, len(texts))


def _held(texts: pl.DataFrame, asked: Sequence[Term]) -> list[Mask]:
    """(n,) for each term, whether a row holds it."""
    each = [
        pl.any_horizontal(pl.col(name).str.contains(term.text, literal=True) for name in term.fields)
        for term in asked
    ]
    found = texts.select(held.alias(str(place)) for place, held in enumerate(each))
    return [column.to_numpy() for column in found.get_columns()]


def _passing(held: Sequence[Mask], asked: Sequence[Term], n: int) -> Mask:
    passing = np.ones(n, dtype=np.bool_)
    for holds, term in zip(held, asked, strict=True):
        passing &= ~holds if term.is_unwanted else holds
    return passing


def search(texts: pl.DataFrame, query: str, keys: Keys) -> Positions:
    """(k,) the rows that hold every term of a query, best first by BM25F (Robertson and Zaragoza, 2009).

    A rare term counts more than a common one, a word of its own four times what the same letters inside a
    longer word do, the prompt twice the response, and a short text more than a long one with as many hits.

    Args:
        texts: of ``folded_texts``.
        query: as in ``terms``; without a wanted term nothing is found.
        keys: (n,) break ties, the smallest first.

    Raises:
        ParameterError: as ``terms``.
    """
    asked = terms(query)
    wanted = [term for term in asked if not term.is_unwanted]
    if not wanted or not len(texts):
        return np.empty(0, dtype=np.int64)
    held = _held(texts, asked)
    rows = np.flatnonzero(_passing(held, asked, len(texts)))
    counts = [int(holds.sum()) for holds, term in zip(held, asked, strict=True) if not term.is_unwanted]
    score = _bm25(texts, rows, wanted, counts)
    ranked: Positions = rows[np.lexsort((keys[rows], -np.round(score, 9)))]
    return ranked


def _bm25(
    texts: pl.DataFrame, rows: Positions, wanted: Sequence[Term], counts: Sequence[int]
) -> NDArray[np.float64]:
    """(k,) BM25F of each of the rows that hold every term; ``counts``: how many rows hold each."""
    n, some = len(texts), texts[rows]
    lengths = {name: f"shortness of {name}" for name in TEXTS}
    some = some.with_columns(_shortness(texts, name).alias(column) for name, column in lengths.items())
    often = some.select(
        pl.sum_horizontal(
            TEXTS[name] * _often(name, term.text) * pl.col(lengths[name]) for name in term.fields
        ).alias(str(place))
        for place, term in enumerate(wanted)
    )
    score = np.zeros(len(rows))
    for column, count in zip(often.get_columns(), counts, strict=True):
        hits = column.to_numpy()
        score += np.log1p((n - count + 0.5) / (count + 0.5)) * hits / (K1 + hits)
    return score


def _often(name: str, term: str) -> pl.Expr:
    """How often a text holds a term; inside a longer word it counts less."""
    start, end = (r"\b" if edge.isalnum() else "" for edge in (term[0], term[-1]))
    whole = pl.col(name).str.count_matches(f"{start}{pl.escape_regex(term)}{end}").cast(pl.Float64)
    every = pl.col(name).str.count_matches(term, literal=True).cast(pl.Float64)
    return INSIDE * every + (1 - INSIDE) * whole


def _shortness(texts: pl.DataFrame, name: str) -> pl.Expr:
    """What a hit counts in a text: more in one shorter than usual, less in a longer one."""
    usual = max(float(texts[name].str.len_chars().sum()) / len(texts), 1.0)
    return 1 / (1 - B + B * pl.col(name).str.len_chars() / usual)


def _sound(text: str) -> str:
    """The text with a sign in place of half characters, which no frame takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
