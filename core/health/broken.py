"""Rows that lack a half: empty, filled with a placeholder, an echo of the prompt, or cut off."""

from __future__ import annotations

import polars as pl

from core.health.check import Check, Found
from core.health.looking import PROMPT, RESPONSE, either, found_where, last_line, said_when

GROUP = "Broken rows"
BLANK = r"\A[\s\p{Cc}\p{Cf}]*\z"  # white space, control characters and marks that take no room
PLACEHOLDER = (
    r"(?i)\A[\s<\[({\"']*"
    + either(
        r"no[ _-]?(?:out|in)put(?: (?:is )?(?:needed|required|provided|given|necessary))?",
        r"nan", r"null", r"undefined", r"todo", r"tbd", r"lorem ipsum\b[\s\S]*", r"placeholder",
        r"(?:insert|your|write|add|enter) (?:\w+ )?(?:answer|response|output|text|reply)(?: here)?",
        r"(?:output|response|answer)(?: goes)? here", r"blank", r"empty", r"n/a", r"\.{2,}|…|[-_?]+",
    )
    + r"[\s>\])}\"'.]*\z"
)  # fmt: skip
INPUT_NOISE = (
    r"(?i)\n\s*([<\[({\"']*"
    + either(
        r"no[ _-]?(?:specific |additional |further )?input(?: (?:is )?(?:needed|required|provided|given|necessary))?",
        r"n/?a", r"not applicable", r"none", r"null", r"nan", r"nil", r"no input needed", r"input not needed",
    )
    + r"[>\])}\"'.]*)\s*\z"
)  # fmt: skip
SAME = r"[\s\p{P}\p{S}]+"  # what is passed over where two texts are compared
ECHO_CHARS = 12  # letters and digits; shorter echoes are answers, as of a sum


def _empty_prompt(frame: pl.DataFrame) -> Found:
    return found_where(frame, said_when(PROMPT.str.contains(BLANK), "(empty)"))


def _empty_response(frame: pl.DataFrame) -> Found:
    return found_where(frame, said_when(RESPONSE.str.contains(BLANK), "(empty)"))


def _placeholder(frame: pl.DataFrame) -> Found:
    small = RESPONSE.str.len_chars() < 200
    held = small & RESPONSE.str.contains(PLACEHOLDER) & ~RESPONSE.str.contains(BLANK)
    return found_where(frame, said_when(held, RESPONSE.str.strip_chars()))


def _input_noise(frame: pl.DataFrame) -> Found:
    return found_where(frame, PROMPT.str.extract(INPUT_NOISE))


def _echo(frame: pl.DataFrame) -> Found:
    asked, said = (text.str.replace_all(SAME, "").str.to_lowercase() for text in (PROMPT, RESPONSE))
    # A change of case or of punctuation may be what was asked for: what is left must be the same as well.
    same = (asked == said) & (said.str.len_chars() >= ECHO_CHARS)
    exact = PROMPT.str.strip_chars().str.strip_chars_end(
        ".?!:"
    ) == RESPONSE.str.strip_chars().str.strip_chars_end(".?!:")
    return found_where(frame, said_when(same & exact, RESPONSE.str.strip_chars()))


LISTED = r"\A(?:[-*+•>|]|\(?\w{1,3}[.)])\s"  # how a list item begins
NO_PROSE = r"#\s?\w|[^.!?]\s\d{1,2}[.)]\s|https?:|&\w+;"  # tags, lists in a line, links
SENTENCE = r"[.!?][\"'”’)\]]?\s+[\p{Lu}\"“]"  # where one ends and another begins
OPEN = r"(?:\b" + either(
    "and", "or", "but", "the", "a", "an", "because", "such", "their", "its", "your", "our", "my", "than", "into",
    "und", "oder", "der", "et", "les", "des", "du", "el", "los", "las",
) + r"|\w,)\z"  # fmt: skip
LOOSE = r"\b" + either(  # may end a list item or a question, and hardly a sentence of a paragraph
    "to", "with", "be", "is", "are", "was", "were", "of", "by", "from", "that", "which", "can", "will", "would",
    "should", "has", "have", "being", "between", "including",
) + r"\z"  # fmt: skip


def _cut_off(frame: pl.DataFrame) -> Found:
    """A code block that stays open, code that ends in an open bracket, or a sentence that hangs in prose."""
    marks = RESPONSE.str.count_matches("```", literal=True)
    line, end = last_line(RESPONSE), RESPONSE.str.strip_chars_end().str.tail(1)
    text = ~line.str.contains(LISTED) & ~line.str.contains(NO_PROSE) & (marks == 0)
    words = line.str.count_matches(r"\S+")
    hangs = (words >= 5) & line.str.contains(OPEN) & RESPONSE.str.contains(SENTENCE)
    loose = (words >= 12) & line.str.contains(LOOSE) & line.str.contains(SENTENCE)
    opened = line.str.contains(r"[\w)\s][({=]\z") & (RESPONSE.str.len_chars() >= 80)
    seen = said_when((marks % 2 == 1) | (text & (hangs | loose)) | opened, line.str.tail(80))
    among = (marks > 0) | end.str.contains(r"[\p{L},({=]")
    return found_where(frame, seen, among=among)


CHECKS = (
    Check(
        "empty-prompt",
        "Empty prompt",
        "The prompt is white space or nothing: there is nothing to learn from.",
        GROUP,
        1,
        _empty_prompt,
    ),
    Check(
        "empty-response",
        "Empty response",
        "The response is white space or nothing: a model learns to say nothing.",
        GROUP,
        1,
        _empty_response,
    ),
    Check(
        "placeholder-response",
        "Placeholder instead of a response",
        "The whole response stands for a missing one.",
        GROUP,
        1,
        _placeholder,
    ),
    Check(
        "echo",
        "Response repeats the prompt",
        "Prompt and response are the same text, end marks aside.",
        GROUP,
        1,
        _echo,
    ),
    Check(
        "cut-off",
        "Response breaks off",
        "A code block stays open, or the last sentence hangs: a model learns to stop there.",
        GROUP,
        1,
        _cut_off,
    ),
    Check(
        "input-noise",
        "Placeholder instead of an input",
        "The last line of the prompt says that there is no input.",
        GROUP,
        1,
        _input_noise,
    ),
)
