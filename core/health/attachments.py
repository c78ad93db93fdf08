"""Prompts about something that is not in the row: a picture, a recording, a file, a page behind a link."""

from __future__ import annotations

import polars as pl

from core.health.check import Check, Found
from core.health.looking import PROMPT, either, found_where, said_when

GROUP = "Out of reach"
THING = either(
    "image", "picture", "photo(?:graph)?", "screenshot", "drawing", "painting", "diagram", "figure", "chart", "graph",
    "video(?: clip)?", "audio(?: (?:clip|file|recording))?", "recording", "attachment", "pdf", "spreadsheet", "sound",
)  # fmt: skip
DOING = either(
    "describe", "caption", "classify", "identify", "label", "recogni[sz]e", "detect", "analy[sz]e", "look at",
    "what (?:is|are|does|do|can)", "who is", "transcribe", "summari[sz]e", "crop", "edit", "colou?ri[sz]e", "interpret",
    "examine", "tell me what",
)  # fmt: skip
THIS = r"(?:this|the (?:following|attached|provided|above|uploaded|accompanying)|attached)"
LOOK = rf"(?i)(\b{DOING}\s(?:[^.?!\n]{{0,40}}\s)?(?:in |of |from |on |about )?{THIS}\s(?:\w+\s)?{THING}s?\b)"
WHOLE = 300  # characters of a prompt of one line, which holds no text in place of the picture

NAMED = r"(?:an? )?(?:images?|pictures?|photos?|videos?|audio|sounds?|attached|attachment)\b"
ENDING = r"\.(?:jpe?g|png|gif|webp|bmp|svg|mp3|mp4|wav|pdf|mov)\b"
PLACE = rf"\({NAMED}(?:[ _-]?\w+){{0,3}}\)|[\[<](?:{NAMED}|(?:file|pdf|document|link|url|insert)\b)(?:[ _-]?\w+){{0,3}}(?:\.\w{{2,4}})?[\]>]"
MEDIA = rf"(?:https?://|www\.)[^\s<>\"')\]]{{3,300}}{ENDING}"
FILE = rf"(?:\A|\n)[ \t]*[A-Za-z0-9_() -]{{1,60}}{ENDING}\s*\z"
QUICK = rf"(?i){ENDING}|[\[(<](?:{NAMED}|file|pdf|document|link|url|insert)"


def _attachment(frame: pl.DataFrame) -> Found:
    """A place that was left for a file, a link to one, or its bare name."""
    seen = PROMPT.str.extract(f"(?i)({PLACE}|{MEDIA}|{FILE})").str.strip_chars()
    return found_where(frame, seen, among=PROMPT.str.contains(QUICK))


def _this_picture(frame: pl.DataFrame) -> Found:
    """Not where something follows on a line of its own: it may be the picture in words."""
    alone = ~PROMPT.str.strip_chars().str.contains("\n", literal=True) & (PROMPT.str.len_chars() < WHOLE)
    return found_where(
        frame, said_when(alone, PROMPT.str.extract(LOOK)), among=PROMPT.str.contains(f"(?i){THING}")
    )


CHECKS = (
    Check(
        "attachment",
        "File that is not there",
        "The prompt holds a place, a name or a link of a picture, a recording or a document instead of text.",
        GROUP,
        1,
        _attachment,
    ),
    Check(
        "this-picture",
        "Question about a picture or recording",
        "The prompt asks to look at this picture, this recording and the like, and gives none.",
        GROUP,
        1,
        _this_picture,
    ),
)
