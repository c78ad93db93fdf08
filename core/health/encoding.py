"""Text that was damaged on its way: read in the wrong encoding, with lost or unprintable characters."""

from __future__ import annotations

import re

import polars as pl

from core.health.check import Check, Found
from core.health.looking import PROMPT, RESPONSE, TURNS, found_at, found_where

GROUP = "Encoding"
# What the bytes of UTF-8 look like when they are read as Windows-1252: a lead and its followers.
FOLLOW = "[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
LEADS = f"[Â-ß]{FOLLOW}|[à-ï]{FOLLOW}{{2}}|[ð-ô]{FOLLOW}{{3}}"
DAMAGED = re.compile(f"(?:{LEADS})+")
LOST = r"[\x{FFFD}\x{E000}-\x{F8FF}\x{0}-\x{8}\x{B}\x{E}-\x{1F}\x{7F}-\x{84}\x{86}-\x{9F}\x{FFFE}\x{FFFF}]"
PUNCTUATION = frozenset("«»…–—‘’“”‚„‹›•")  # what may follow a letter by right
RARE = ("\u0180", "\u036f")  # letters of phonetics: what "É»" would be
AROUND = 20  # characters shown on each side


def mended(piece: str) -> str | None:
    """The text that a piece was before it was read as Windows-1252; None where it never was UTF-8."""
    try:
        whole = b"".join(_byte(character) for character in piece).decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return None
    return whole if all(character.isprintable() or character == "\u00a0" for character in whole) else None


def _byte(character: str) -> bytes:
    """The byte that stands for the character; the five that Windows-1252 leaves open stand for themselves."""
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1")


def _mojibake(frame: pl.DataFrame) -> Found:
    """Only what turns into text when it is read anew: "Ã©" does, and the end of »CAFÉ« does not."""
    table = (
        frame.lazy().with_row_index("row").select("row", text=PROMPT + "\n" + RESPONSE + "\n" + TURNS)
        .filter(pl.col("text").str.contains(LEADS)).collect()
    )  # fmt: skip
    rows, seen = [], []
    for row, text in table.iter_rows():
        piece = next((each for each in DAMAGED.finditer(text) if _is_damage(each)), None)
        if piece is not None:
            rows.append(row)
            seen.append(text[max(piece.start() - AROUND, 0) : piece.end() + AROUND])
    return found_at(rows, seen)


def _is_damage(piece: re.Match[str]) -> bool:
    """Whether a run of signs is text read wrongly, and no letter before a quote that happens to be UTF-8."""
    whole = mended(piece.group())
    if whole is None or any(RARE[0] <= sign <= RARE[1] for sign in whole):
        return False
    lead, rest = piece.group()[0], piece.group()[1:]
    in_capitals = piece.string[max(piece.start() - 1, 0) : piece.start()].isupper()
    return len(rest) > 1 or rest[0] not in PUNCTUATION or (lead in "ÂÃ" and not in_capitals)


def _lost(frame: pl.DataFrame) -> Found:
    text = pl.concat_str(PROMPT, RESPONSE, TURNS, separator="\n")
    seen = text.str.extract(f"((?s).{{0,{AROUND}}}{LOST}.{{0,{AROUND}}})")
    return found_where(frame, seen, among=text.str.contains(LOST))


CHECKS = (
    Check(
        "mojibake",
        "Read in the wrong encoding",
        "Signs such as Ã© that become text when their bytes are read as UTF-8.",
        GROUP,
        1,
        _mojibake,
    ),
    Check(
        "lost-characters",
        "Lost or unprintable characters",
        "The replacement character, control characters, or characters of private use.",
        GROUP,
        1,
        _lost,
    ),
)
