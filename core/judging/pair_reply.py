"""From a model's reply about two answers to which is better and by how much, or to why nobody can tell."""

from __future__ import annotations

import re

from core.judging import reply as replies
from core.judging.judgement import Status
from core.judging.reply import ANOTHER, CUT, LONGEST, MOST_REASON, NUMBER, Verdict
from core.judging.rubric import Rubric, plain

WHOSE = r"(?:answer|assistant|response|model)"
FIRST = rf"(?:(?:the\s+)?(?:first|1st)(?:\s+{WHOSE})?|{WHOSE}\s*\(?(?:1|a|one)\)?)"
SECOND = rf"(?:(?:the\s+)?(?:second|2nd)(?:\s+{WHOSE})?|{WHOSE}\s*\(?(?:2|b|two)\)?)"
CALLED = r"(?:['’]s)?(?:\s+(?:score|rating|grade))?\s*(?:[:=]|\bis\b|\bgets\b)\s*"
WHAT = r"(?:(?:the|my|final|overall)\s+)*(?:scores|ratings|grades)(?:\s+are)?\s*[:=]?\s*"
BETWEEN = r"(?:\s*[,;|]\s+|\s*[;|]\s*|\s+and\s+|\s+vs\.?\s+|\s+)"


def _grade(number: str) -> str:
    """A grade, in brackets or not, and what it is out of."""
    top = rf"(?:\s*(?:/|out\s+of)\s*(?P<top_{number}>[0-9]{{1,6}}))?"
    return rf"[\[(]{{0,2}}(?P<{number}>{NUMBER})[\])]{{0,2}}{top}(?:\s*points?)?"


REST = r"(?:\.?|\s*[:;,(–—-]\s*(?P<rest>[^\W\d_].*))"
BARE = re.compile(rf"[\[(]?(?:{WHAT})?[\[(]?{_grade('one')}{BETWEEN}{_grade('two')}{REST}", re.I | re.S)
NAMED = re.compile(
    rf"(?:{WHAT})?{FIRST}{CALLED}{_grade('one')}(?:\s*[.,;|]?\s*|{BETWEEN}){SECOND}{CALLED}{_grade('two')}{REST}",
    re.I | re.S,
)
HALF = re.compile(rf"{FIRST}{CALLED}{_grade('one')}\.?", re.I)


def read(
    text: str | None,
    rubric: Rubric,
    *,
    finish: str = "stop",
    refusal: str | None = None,
    marker: str = "",
    row: str = "",
) -> Verdict:
    """The first answer's grade less the second's, or why there is none; arguments as of ``reply.read``.

    Above 0: the first is better. 0: neither. Both grades have to be there and on the scale; words that name
    a winner are no grades, so that a text which claims to have won says nothing.
    """
    return replies.read(
        text, rubric, finish=finish, refusal=refusal, marker=marker, row=row, forms=_two_grades
    )


def _two_grades(said: str, rubric: Rubric, finish: str) -> Verdict:
    fields = replies.fields_of(said)
    if isinstance(fields, dict):
        return _less(*(replies.grade_of(fields, name, rubric) for name in ("first", "second")))
    return fields or _line(said, rubric, finish)


def _line(said: str, rubric: Rubric, finish: str) -> Verdict:
    """Two numbers on the first line that is not empty, or on two lines that name the answers."""
    first, _, after = said[:LONGEST].partition("\n")
    bare = replies.undressed(first)
    if HALF.fullmatch(bare):
        second, _, after = after.strip().partition("\n")
        bare = f"{bare.rstrip('.')}; {replies.undressed(second)}"
    found = NAMED.fullmatch(bare) or BARE.fullmatch(bare)
    if found is None or (found["rest"] and ANOTHER.match(found["rest"])):
        cut = finish == CUT and not after
        why = "it was cut before both grades" if cut else "its first line is not two bare numbers"
        return Verdict(Status.UNPARSED, None, why)
    if finish == CUT and not after and not found["rest"]:
        return Verdict(Status.UNPARSED, None, "it was cut within the grades or right behind them")
    tops = (found["top_one"], found["top_two"])
    if any(tops) and (None in tops or any(float(top) != rubric.high for top in tops)):
        return Verdict(Status.UNPARSED, None, f"its grades are not both out of {plain(rubric.high)}")
    told = ((found["rest"] or "") if not after.strip() else after).strip()[:MOST_REASON]
    numbers = [float(found[each].replace("−", "-")) for each in ("one", "two")]
    return _less(*(replies.graded(number, rubric, told) for number in numbers))


def _less(one: Verdict, other: Verdict) -> Verdict:
    """The one less the other, where both are grades."""
    if one.score is None or other.score is None:
        return one if one.score is None else other
    return Verdict(Status.OK, round(one.score - other.score, 6), one.reason)
