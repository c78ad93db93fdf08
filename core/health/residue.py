"""What is left of a web page or a form: tags, entities, links, buttons and marks of notes."""

from __future__ import annotations

import polars as pl

from core.health.check import Check, Found
from core.health.looking import PROMPT, RESPONSE, either, found_where, prose, said_when

GROUP = "Web residue"
TAGS = "p|br|hr|div|span|a|b|i|u|em|strong|small|sub|sup|font|center|ul|ol|li|dl|dt|dd|table|thead|tbody|tr|td|th|h[1-6]|img|script|style|iframe|blockquote|pre|code|section|article|figure|noscript"
TAG = rf"(?i)</?(?:{TAGS})(?:\s+[\w:-]+\s?=[^<>]{{0,300}})?\s?/?>"
OF_CODE = (
    r"(?i)\bhtml|\bxml\b|\bcss\b|\btag(?:s|ged)?\b|web ?(?:page|site|app|form)|\bmarkup|\bmarkdown|\bcode\b|\bscript|\bsvg\b|\bform\b|"
    r"\bjsx?\b|\breact\b|\bprogram|\bfunction\b|\bjavascript|\bphp\b|\bvue\b|\bangular|\bbutton\b|\bparser?\b|\bregex|\bsnippet|\bemail template|\bbold|\bitalic|underlin|\bfonts?\b|typograph|highlight|hyperlink|\bformat|\bstyle|\bcolou?r|embed|crawl|scrap|\bheader|\bheading|\belement|emphasi|\blink|\bsql\b|\bquer|</?(?:b|i|u|p|a|br|div|span|h\d|td|tr|li|ul|img|em|strong)\b|&\w+;"
)
DOCTYPE = r"(?i)<!doctype|<html|<head|<body|</?(?:xml|svg)"
ENTITY = r"(?i)&(?:amp|nbsp|lt|gt|quot|apos|ndash|mdash|hellip|rsquo|lsquo|ldquo|rdquo|copy|reg|trade|eacute|#\d{2,5}|#x[0-9a-f]{2,5});"
LINK = r"(?i)\b(?:https?://|www\.)[^\s<>\"')\]]{3,300}"
PLACEHOLDER_LINK = r"(?i)(?:example|yoursite|yourwebsite|website|mysite|domain)\.\w+|localhost|127\.0\.0\.1|schema\.org|w3\.org"
LEFTOVER = r"(?i)" + either(
    r"(?:^|\n|[.!?…] )[ \t>*]*(?:read more|continue reading|click here to (?:read|subscribe|view|see|continue)|learn more|show more|see more|view all comments|share this (?:post|article|page|on)|tweet this|pin it|leave a (?:comment|reply)|subscribe to our newsletter|sign up for our newsletter|all rights reserved|advertisement|sponsored content|related (?:articles|posts)|you may also like|skip to (?:main )?content|accept (?:all )?cookies|page \d+ of \d+)[ \t.:»›→>…!-]*(?:\n|$)",
    r"\[(?:read more|continue reading|click here|\+\d+ chars|ad|advertisement|deleted|removed|\.\.\.more)\]",
    r"\(?(?:image|photo) (?:credit|source|courtesy)s?\s?:", r"©\s?\d{4}[^\n]{0,60}all rights reserved", r"posted (?:by|on) [^\n]{3,60} (?:at|on) \d",
)  # fmt: skip
MARK = r"[\p{L}\d%][.,!?;:][\"'”’]?(\[[1-9]\d{0,2}\](?:\[[1-9]\d{0,2}\]){0,5})(?:\s|\z)|(\[(?:citation needed|edit|note \d+|who\?|when\?|clarification needed)\])"
CITED = r"(?i)\bcit(?:e|ed|es|ing|ations?)\b|\breferences?\b|\bsources?\b|\bbibliograph|\bfootnote|\[\d{1,3}\]|\barray|\blist\b|\bcode\b|\bpython|\bmatrix|\bprogram"


def _tags(frame: pl.DataFrame) -> Found:
    text = prose(RESPONSE)
    of_code = PROMPT.str.contains(OF_CODE) | RESPONSE.str.contains(DOCTYPE)
    return found_where(
        frame, said_when(~of_code, text.str.extract(f"({TAG})")), among=RESPONSE.str.contains(TAG)
    )


def _entities(frame: pl.DataFrame) -> Found:
    seen = said_when(~PROMPT.str.contains(OF_CODE), prose(RESPONSE).str.extract(f"({ENTITY})"))
    return found_where(frame, seen, among=RESPONSE.str.contains("&", literal=True))


def _links(frame: pl.DataFrame) -> Found:
    link = prose(RESPONSE).str.extract(f"({LINK})").str.strip_chars_end(".,;:!?")
    given = PROMPT.str.contains(LINK) | link.str.contains(PLACEHOLDER_LINK)
    return found_where(frame, said_when(~given, link), among=RESPONSE.str.contains(LINK))


def _leftovers(frame: pl.DataFrame) -> Found:
    return found_where(frame, RESPONSE.str.extract(f"({LEFTOVER})").str.strip_chars())


def _marks(frame: pl.DataFrame) -> Found:
    text = prose(RESPONSE)
    seen = pl.coalesce(text.str.extract(MARK, 1), text.str.extract(MARK, 2))
    return found_where(
        frame, said_when(~PROMPT.str.contains(CITED), seen), among=RESPONSE.str.contains("[", literal=True)
    )


CHECKS = (
    Check(
        "html",
        "HTML tags in prose",
        "Tags outside of code, where the prompt is about neither code nor pages.",
        GROUP,
        1,
        _tags,
    ),
    Check(
        "html-entities",
        "HTML entities in prose",
        "Signs written as &amp;amp; and the like, outside of code.",
        GROUP,
        1,
        _entities,
    ),
    Check(
        "page-furniture",
        "Parts of a web page",
        '"Read more", "Share this", "All rights reserved" and other text of a page, not of its content.',
        GROUP,
        1,
        _leftovers,
    ),
    Check(
        "note-marks",
        "Marks of notes",
        "Marks such as [1] or [citation needed] whose notes are not there.",
        GROUP,
        1,
        _marks,
    ),
    Check(
        "bare-link",
        "Links",
        "A link that the prompt did not give: a model learns to make up others like it.",
        GROUP,
        1,
        _links,
    ),
)
