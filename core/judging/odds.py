"""Scores finer than grades: from the odds of the tokens that a grade is written with."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.judging.reply import NUMBER
from core.judging.rubric import ON_A_STEP, Rubric, plain

LEAST_ODDS = 0.5  # of the grades among the likely tokens; with less the plain grade stands
FIELD = re.compile(rf'(?<!\\)"score"\s*:\s*"?(?P<number>{NUMBER})')
BARE = re.compile(rf"(?P<number>{NUMBER})")
WRITTEN = re.compile(r"\+?(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]*)(?P<rest>.*)", re.DOTALL)


class Token(NamedTuple):
    """One token of a reply, and the log-probabilities of those that could have stood there."""

    text: str
    likely: Mapping[str, float]


def weighted(tokens: Sequence[Token], said: str, score: float, rubric: Rubric) -> float:
    """Sum of p(s)*s over the grades, p summing to 1 (G-Eval, arXiv 2303.16634).

    A grade of several tokens, such as 4.5 or 10, is followed along the reply: each token that could have
    stood there instead counts for the grade that it leads to. One that leaves two neighbouring grades open
    (a 3, of 3 and 3.5) counts at their middle; one that leaves more open, or leads to no grade, does not
    count. The grade itself, where its tokens are not found or half of the odds are on no grade.
    """
    place = _place(said, score)
    if place is None:
        return score
    begins, ends = place
    joined = "".join(token.text for token in tokens)
    shift = joined.rfind(said)  # the tokens of thoughts come first, even of those that a server cut off
    if shift < 0:
        if not joined.startswith(said[:ends]):
            return score
        shift = 0
    odds = _odds(tokens, joined, begins + shift, ends + shift, rubric)
    return score if odds is None else sum(p * grade for grade, p in odds.items())


def _place(said: str, score: float) -> tuple[int, int] | None:
    """Where in a reply the grade stands that was read from it."""
    form = FIELD if said.startswith(("{", "```")) else BARE
    for found in form.finditer(said):
        if abs(float(found["number"].replace("−", "-")) - score) <= ON_A_STEP:
            return found.span("number")
    return None


def _odds(
    tokens: Sequence[Token], joined: str, begins: int, ends: int, rubric: Rubric
) -> dict[float, float] | None:
    """grade -> probability, over the tokens from the grade's first to the one that ends it; they sum to 1.

    Servers tell the odds of the likeliest tokens only, so those of each place are scaled by themselves.
    None where a place has more of them on what is no grade.
    """
    odds: defaultdict[float, float] = defaultdict(float)
    path, at = 1.0, 0
    for token in tokens:
        after = at + len(token.text)
        if after > begins:
            lead = token.text[: max(begins - at, 0)]
            here = _grades_of(token, joined[begins:at], lead, rubric)
            if after <= ends:  # the reply itself goes on, whatever it could lead to
                here[token.text] = (None, math.exp(min(token.likely.get(token.text, 0.0), 0.0)))
            whole = sum(p for _, p in here.values())
            if whole < LEAST_ODDS:
                return None
            for grade, p in here.values():
                if grade is not None:
                    odds[grade] += path * p / whole
            if after > ends:
                return odds
            path *= here[token.text][1] / whole
        at = after
    odds[float(joined[begins:ends].replace("−", "-"))] += path
    return odds


def _grades_of(token: Token, before: str, lead: str, rubric: Rubric) -> dict[str, tuple[float | None, float]]:
    """text -> (grade that it leads to, probability), for the likely texts of one token that lead to any."""
    found: dict[str, tuple[float | None, float]] = {}
    for text, logprob in {token.text: 0.0, **token.likely}.items():
        grade = _led_to(before, text, lead, rubric)
        if grade is not None:
            found[text] = (grade, math.exp(min(logprob, 0.0)))
    return found


def _led_to(before: str, text: str, lead: str, rubric: Rubric) -> float | None:
    """The grade that a token leads to behind what stands before it; None where it is none or open."""
    written = before + text if before else text.removeprefix(lead).lstrip(' "')
    found = WRITTEN.fullmatch(written)
    if found is None or found["number"] == ".":
        return None
    if found["rest"] or not text:  # it ends the number; some servers write the end of a reply as nothing
        number = float(found["number"])
        return number if rubric.offers(number) else None
    could = [grade for grade in rubric.scale if _begins(grade, found["number"])]
    if not could or max(could) - min(could) > rubric.step + ON_A_STEP:
        return None
    return sum(could) / len(could)


def _begins(grade: float, written: str) -> bool:
    """Whether a grade can begin so, in either of its usual forms: 4 and 4.0."""
    short = plain(grade)
    return any(form.startswith(written) for form in (short, short if "." in short else f"{short}.0"))
