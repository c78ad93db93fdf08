"""Responses in another writing than their prompt, by the blocks of Unicode, or in another language, by a model."""

from __future__ import annotations

import numpy as np
import polars as pl

from core.health.check import Check, Found
from core.health.looking import PROMPT, RESPONSE, found_at, prose
from core.languages import languages

GROUP = "Language"
SCRIPTS = {
    "Latin": r"\p{Latin}", "Cyrillic": r"\p{Cyrillic}", "Greek": r"\p{Greek}", "Arabic": r"\p{Arabic}",
    "Hebrew": r"\p{Hebrew}", "Devanagari": r"\p{Devanagari}", "Bengali": r"\p{Bengali}", "Tamil": r"\p{Tamil}",
    "Thai": r"\p{Thai}", "Korean": r"\p{Hangul}", "Chinese or Japanese": r"[\p{Han}\p{Hiragana}\p{Katakana}]",
}  # fmt: skip
FOREIGN = r"[^\x00-\x{24F}\x{2000}-\x{2BFF}\x{1F000}-\x{1FAFF}]"  # neither Latin nor a sign
TOLD_LETTERS = 40  # of each side at least, before its language counts
SMALL, SMALL_WORDS = r"\b[\p{Ll}\p{Lo}]", 6  # words that are no names, of each side at least
READ = 400  # characters of each side
CERTAIN = 0.9  # confidence of both
LETTERS = 16  # of the response at least, half as many where a letter is a syllable or a word
ASKED = (
    r"(?i)translat|transliterat|transcri|romani[sz]|pronounc|\blanguage|\balphabet|\bscript\b|\bspell|"
    r"\b(?:in|into|to|from) (?:\w+ )?(?:english|chinese|mandarin|cantonese|japanese|korean|russian|ukrainian|arabic|"
    r"hebrew|greek|hindi|bengali|tamil|thai|urdu|persian|farsi|latin|german|french|spanish)\b|"
    r"\b(?:chinese|mandarin|japanese|korean|russian|arabic|hebrew|greek|hindi|bengali|tamil|thai)\b|"
    r"перев|翻译|翻譯|翻訳|訳して|英語|英文|英语|中文|번역|영어|ترجم|अनुवाद|तर्जुमा|μετάφρα|תרגם|แปล"
)


def _main(side: str) -> pl.Expr:
    """The script with the most letters; null where there is no letter."""
    counts = {name: pl.col(f"{side} {name}") for name in SCRIPTS}
    most = pl.max_horizontal(counts.values())
    return pl.coalesce(
        pl.when((each == most) & (most > 0)).then(pl.lit(name)) for name, each in counts.items()
    )


def _other_script(frame: pl.DataFrame) -> Found:
    """Most letters are of another script, of which the prompt has next to none; translations are left out."""
    sides = {"asked": PROMPT, "said": RESPONSE}
    letters = [
        prose(text).str.count_matches(pattern).alias(f"{side} {name}")
        for side, text in sides.items()
        for name, pattern in SCRIPTS.items()
    ]
    # Column by column, since expressions that are nested would be counted anew at each of their places.
    counted = (
        frame.lazy().with_row_index("row").filter((PROMPT + RESPONSE).str.contains(FOREIGN))
        .filter(~PROMPT.str.contains(ASKED)).select("row", *letters).collect()
        .with_columns(theirs=_main("asked"), ours=_main("said"))
    )  # fmt: skip
    asked, said = ([pl.col(f"{side} {name}") for name in SCRIPTS] for side in sides)
    shared = pl.sum_horizontal(pl.col(f"asked {name}") * (pl.col("ours") == name) for name in SCRIPTS)
    mine, theirs = pl.max_horizontal(said), pl.sum_horizontal(asked)
    dense = pl.col("ours").is_in(["Chinese or Japanese", "Korean"])
    enough = mine >= pl.when(dense).then(LETTERS // 2).otherwise(LETTERS)
    most = mine * 2 > pl.sum_horizontal(said)
    other = (pl.col("theirs") != pl.col("ours")) & enough & most & (theirs >= 4) & (shared * 10 < theirs)
    found = counted.filter(other)
    seen = found.select(pl.format("{} prompt, {} response", "theirs", "ours")).to_series()
    return found_at(found["row"].to_list(), seen.to_list())


def _other_language(frame: pl.DataFrame) -> Found:
    """Both sides are told with confidence, and are not the same; where the prompt speaks of languages, none."""
    sides = {"asked": PROMPT, "said": RESPONSE}
    texts = (
        frame.lazy().with_row_index("row").filter(~PROMPT.str.contains(ASKED))
        .select("row", *(prose(text).str.slice(0, READ).alias(side) for side, text in sides.items()))
        .filter(pl.all_horizontal(pl.col(side).str.count_matches(r"\p{L}") >= TOLD_LETTERS for side in sides))
        .filter(pl.all_horizontal(pl.col(side).str.count_matches(SMALL) >= SMALL_WORDS for side in sides))
        .collect()
    )  # fmt: skip
    told = {side: languages(texts[side]) for side in sides}
    sure = np.minimum(told["asked"][1], told["said"][1]) >= CERTAIN
    other = np.array(told["asked"][0], dtype=object) != np.array(told["said"][0], dtype=object)
    places = np.flatnonzero(sure & other)
    rows = texts["row"].gather(places).to_list()
    return found_at(
        rows, [f"{told['asked'][0][place]} prompt, {told['said'][0][place]} response" for place in places]
    )


CHECKS = (
    Check(
        "other-language",
        "Response in another language",
        "Prompt and response are in different languages and nothing asks for a translation.",
        GROUP,
        1,
        _other_language,
    ),
    Check(
        "other-script",
        "Response in another script",
        "Prompt and response are written in different scripts and nothing asks for a translation.",
        GROUP,
        1,
        _other_script,
    ),
)
