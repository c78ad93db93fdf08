"""Texts to the words they hold, in any script, without a tokenizer of their own."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

# Scripts written without spaces between words. Their runs are cut into pairs of neighbouring characters,
# which tell topics apart without a dictionary (the usual n-gram index for Chinese and Japanese).
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# A marked character is one sign: a vowel mark or tone of Thai never stands alone.
_SIGN = rf"[{_UNSPACED}]\p{{M}}*"
_RUN = rf"(?:{_SIGN})+"
_WORD = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]{{2,}}"
# English contractions say nothing of a topic, and cut in two they leave stumps such as "aren" and "couldn".
_CONTRACTION = r"\b\p{L}+n['\u2019]t\b|['\u2019](?:s|re|ve|ll|d|m)\b"
LONGEST = 2000  # characters read of one text: its topic is clear by then


def words(texts: Sequence[str]) -> pl.DataFrame:
    """Return the distinct words of each text: columns row (UInt32) and word (lower case), sorted.

    A word is two letters or digits or more, at least one of them a letter. In scripts without spaces it is
    each pair of neighbouring characters, or a character that stands alone. English contractions are left out.
    """
    frame = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)}).with_row_index("row")
    lower = pl.col("text").str.slice(0, LONGEST).str.to_lowercase()
    frame = frame.with_columns(lower.str.replace_all(_CONTRACTION, " "))
    spaced = frame.select("row", word=pl.col("text").str.extract_all(_WORD)).explode("word")
    runs = frame.select("row", run=pl.col("text").str.extract_all(_RUN)).explode("run").drop_nulls().unique()
    pairs = runs.join(_pairs(runs["run"].unique()), on="run").select("row", "word")
    spaced = spaced.filter(pl.col("word").str.contains(r"\p{L}"))
    return pl.concat([spaced, pairs]).unique().sort("row", "word")


def _pairs(runs: pl.Series) -> pl.DataFrame:
    """Return the pairs of neighbouring signs of each run: columns run and word."""
    signs = (
        pl.DataFrame({"run": runs}).with_columns(sign=pl.col("run").str.extract_all(_SIGN)).explode("sign")
    )
    following = pl.col("sign").shift(-1).over("run")
    alone = pl.when(pl.col("sign") == pl.col("run")).then("sign")
    return signs.select("run", word=pl.coalesce(pl.col("sign") + following, alone)).drop_nulls()
