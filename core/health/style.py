"""The lints of LIMA (arXiv 2305.11206): counts of style. Its own released rows break them: no reason to take rows out."""

from __future__ import annotations

import polars as pl

from core.health.check import Check, Found
from core.health.looking import RESPONSE, either, found_where, prose, said_when

GROUP = "Style, counted only"
SHORT = 20  # characters
LEAST, LONG = 1_200, 4_096  # characters: the range of the answers that LIMA kept from Stack Exchange
NUMERAL = r"(?:War|Part|Chapter|Type|Phase|Class|Volume|Act|Book|Section|Level|Stage|Article|Title|Step|Unit|[A-Z][a-z]+(?:beth|les|rge|iam|mes|las|ter)) I\b"
FIRST = r"(?:\A|[^\w.'’/-])(I(?:['’](?:m|ve|d|ll)\b|,? \p{Ll}+)|[Mm]y \p{Ll}+|[Mm]ine\b[.,])"
OTHERS = r"(?i)\b(" + either(
    r"as (?:i |we )?(?:already |previously )?(?:mentioned|noted|stated|said|explained|described|discussed|pointed out) (?:above|before|earlier|previously|by (?:others|@?\w+ in))",
    r"as (?:others|other people|the other answers?|you|\w+['’]s answer) (?:have |has )?(?:already |previously )?(?:said|mentioned|noted|pointed out|answered|suggested|commented)\b",
    r"(?:other|accepted|top|top-voted|linked|previous|above) (?:answers?|answerers?|commenters?|posters?)\b", r"stack ?exchange", r"(?:on|here at|of) stack ?overflow",
    r"(?:see|in) (?:the|my|your) comments (?:below|above|section|to)\b", r"(?-i:the OP)\b", r"(?-i:EDIT|UPDATE)\s?\d?:",
) + r")"  # fmt: skip


def _first_person(frame: pl.DataFrame) -> Found:
    text = prose(RESPONSE).str.replace_all(NUMERAL, " ")
    return found_where(frame, text.str.extract(FIRST).str.strip_chars(), among=RESPONSE.str.contains(FIRST))


def _other_answers(frame: pl.DataFrame) -> Found:
    return found_where(frame, RESPONSE.str.extract(OTHERS))


def _short(frame: pl.DataFrame) -> Found:
    size = RESPONSE.str.strip_chars().str.len_chars()
    return found_where(frame, said_when((size < SHORT) & (size > 0), RESPONSE.str.strip_chars()))


def _below(frame: pl.DataFrame) -> Found:
    size = RESPONSE.str.len_chars()
    is_below = (size < LEAST) & (RESPONSE.str.strip_chars() != "")
    return found_where(frame, said_when(is_below, size.cast(pl.String) + " characters"))


def _long(frame: pl.DataFrame) -> Found:
    size = RESPONSE.str.len_chars()
    return found_where(frame, said_when(size > LONG, size.cast(pl.String) + " characters"))


CHECKS = (
    Check(
        "first-person",
        "First person",
        'The response says "I" or "my", outside of code. LIMA left such answers out.',
        GROUP,
        1,
        _first_person,
    ),
    Check(
        "other-answers",
        "Speaks of other answers",
        '"As mentioned above", "the accepted answer": text that needs a page around it. LIMA left such answers out.',
        GROUP,
        1,
        _other_answers,
    ),
    Check(
        "short-response",
        "Very short response",
        "Fewer than 20 characters: right for a label, little to learn from elsewhere.",
        GROUP,
        1,
        _short,
    ),
    Check(
        "below-lima-length",
        "Shorter than LIMA's range",
        "Fewer than 1,200 characters, the least that LIMA took from Stack Exchange; most sets have shorter ones.",
        GROUP,
        1,
        _below,
    ),
    Check(
        "long-response",
        "Very long response",
        "More than 4,096 characters, the longest that LIMA kept.",
        GROUP,
        1,
        _long,
    ),
)
