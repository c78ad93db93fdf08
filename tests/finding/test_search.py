"""Rows by their words."""

from __future__ import annotations

import itertools
import math
import re
import unicodedata

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.draws import draws, id_keys
from core.errors import ParameterError
from core.search import LONGEST_QUERY, MOST_TERMS, folded_texts, meant, search, terms

ROWS = [
    ("Explain a for loop", "Python has one."),
    ("Bake rye bread", "Use a for loop of dough"),
    ("What is a LOOP?", "A path"),
    ("loop, then for", "x"),
    ("", None),
    ("Le Café d'Été", "ΟΔΟΣ und Straße"),
    ("面包怎么做", "ขนมปัง किताब"),
    ("Loopholes", ""),
]


def found(rows, query, ids=None):
    """The places of the rows that are found, in order."""
    frame = pl.DataFrame(rows, schema={"prompt": pl.String, "response": pl.String}, orient="row")
    keys = draws(id_keys(ids or [str(place) for place in range(len(rows))]), 0)
    return search(folded_texts(frame), query, keys).tolist()


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("loop", {0, 1, 2, 3, 7}),
        ("for loop", {0, 1, 3}),
        ('"for loop"', {0, 1}),
        ('"for loop" python', {0}),
        ("BREAD dough", {1}),
        ("loop.", set()),
        ("loop?", {2}),
        ("loop -for", {2, 7}),
        ('loop -"for loop"', {2, 3, 7}),
        ("prompt:for", {0, 3}),
        ('RESPONSE:"for loop"', {1}),
        ("loop -response:loop", {0, 2, 3, 7}),
        ("cafe ete", {5}),
        ("CAFÉ", {5}),
        ("οδος strasse", {5}),
        ("面包", {6}),
        ("किताब", {6}),
        ("कतब", set()),
        ("", set()),
        ("   ", set()),
        ('""', set()),
        ("-loop", set()),
        ("-", set()),
    ],
)
def test_words_phrases_fields_and_unwanted_words(query, rows):
    """Every term has to be there and none that is unwanted, whatever its case, accents or script."""
    assert set(found(ROWS, query)) == rows


def test_what_tells_more_comes_first():
    """A rare word, a word of its own, the prompt and a short text each lift a row."""
    assert found([("a cat", "."), ("category", ".")], "cat") == [0, 1]
    assert found([("x", "bread now"), ("bread now", "x")], "bread") == [1, 0]
    assert found([("bread " + "word " * 40, "x"), ("bread", "x")], "bread") == [1, 0]
    assert found([("bread", "x"), ("bread bread", "x y")], "bread")[0] == 1
    common = [("red", str(place)) for place in range(8)]
    rows = [("red red blue", "x"), ("red blue blue", "x"), *common]
    assert found(rows, "red blue") == [1, 0]


def plain(text):
    """Case and accents folded, one character at a time."""
    base = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in base if not "\u0300" <= c <= "\u036f").replace("ß", "ss").replace("ς", "σ")


def by_hand(rows, words):
    """{row: BM25F} of the rows that hold all words, from the formula, one row at a time."""
    texts = [[plain(text or "") for text in row] for row in rows]
    usual = [max(sum(len(text[field]) for text in texts) / len(texts), 1) for field in (0, 1)]
    holding = {w: sum(any(w in text for text in row) for row in texts) for w in words}
    scores = {}
    for place, row in enumerate(texts):
        if not all(any(w in text for text in row) for w in words):
            continue
        scores[place] = 0.0
        for w in words:
            often = 0.0
            for text, weight, length in zip(row, (2, 1), usual, strict=True):
                whole = len(re.findall(rf"\b{re.escape(w)}\b", text))
                hits = whole + (text.count(w) - whole) / 4
                often += weight * hits / (0.25 + 0.75 * len(text) / length)
            rarity = math.log(1 + (len(texts) - holding[w] + 0.5) / (holding[w] + 0.5))
            scores[place] += rarity * often / (1.2 + often)
    return scores


WORDS = st.lists(st.sampled_from(["ab", "abc", "b", "É", "xab", "ß", "面"]), max_size=5).map(" ".join)


@given(
    rows=st.lists(st.tuples(WORDS, WORDS | st.none()), min_size=1, max_size=10),
    query=st.lists(st.sampled_from(["ab", "b", "e", "ss", "面"]), min_size=1, max_size=3, unique=True),
    seed=st.integers(0, 99),
)
def test_the_order_is_that_of_the_formula_whatever_the_order_of_rows(rows, query, seed):
    """Scores fall along what is found, ties end in the ids, and shuffled rows give the same ids."""
    scores = by_hand(rows, query)
    got = found(rows, " ".join(query))
    assert set(got) == set(scores)
    fallen = [scores[place] for place in got]
    assert all(before >= after - 1e-6 for before, after in itertools.pairwise(fallen))
    shuffled = np.random.default_rng(seed).permutation(len(rows))
    again = found([rows[i] for i in shuffled], " ".join(query), ids=[str(i) for i in shuffled])
    assert [int(shuffled[place]) for place in again] == got


@given(
    texts=st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=12),
    query=st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=6),
)
def test_any_query_is_taken_as_text(texts, query):
    """Nothing in a quoted query is read as a pattern: a row that holds it to the letter is found."""
    rows = [*texts, (f"before {query} after", "")]
    got = found(rows, f'"{query}"')
    assert set(got) <= set(range(len(rows)))
    if '"' not in query and plain(query).strip():
        assert len(texts) in got


@pytest.mark.parametrize(
    "query", ["x" * (LONGEST_QUERY + 1), "x " * 500_000, " ".join(map(str, range(MOST_TERMS + 1)))]
)
def test_a_query_that_is_too_long_is_refused(query):
    """A megabyte or too many words are answered at once, with what to do instead."""
    with pytest.raises(ParameterError, match="too long"):
        terms(query)


def test_a_query_as_a_text():
    """What is embedded has neither quotes nor field names nor what is unwanted; half characters are signs."""
    assert meant('bread "with nuts" -rye prompt:oven response:"hot dish" \ud800') == (
        "bread with nuts oven hot dish ?"
    )
    assert found(ROWS, "\ud800") == [2]
