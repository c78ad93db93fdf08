"""From a model's reply to a score, or to the reason why there is none; ``pair_reply`` reads two grades so."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from core.judging.judgement import Status
from core.judging.rubric import Rubric, plain

LONGEST = 20_000  # characters of a reply that are looked at
MOST_REASON = 1_000  # characters kept of a reason

NUMBER = r"[+\-−]?(?:[0-9]{1,6}(?:\.[0-9]{1,6})?|\.[0-9]{1,6})"
THING = r"(?:accuracy|helpfulness|complexity|quality|difficulty)"
LABEL = (
    rf"(?:(?:the|my|final|overall)\s+)*(?:{THING}|(?:{THING}\s+)?(?:score|rating|grade))"
    r"(?:\s+is)?\s*(?:[:=]|[-–—](?=\s))?\s*"
)
LINE = re.compile(
    rf"(?:{LABEL})?\[{{0,2}}(?P<number>{NUMBER})\]{{0,2}}"
    r"(?:\s*(?:/|out\s+of|of)\s*(?P<top>[0-9]{1,6}(?:\.[0-9]{1,6})?))?"
    r"(?:\s*(?:points?|stars?))?"
    r"(?:\.?|\s*[:;,(–—-]\s*(?P<rest>[^\W\d_].*))",
    re.IGNORECASE | re.DOTALL,
)
ANOTHER = re.compile(r"(?:or|to|and|but|if|maybe|perhaps|through|bis)\b", re.IGNORECASE)
DRESS = re.compile(r"^[\s#*_`\[\]]+|[\s*_`\[\]]+$")
TAGGED = re.compile(r"<(score|rating|grade)>\s*(.*?)\s*</\1>(.*)", re.IGNORECASE | re.DOTALL)
THOUGHT = re.compile(r"\s*<(think|thinking|reasoning)>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
THINKING = re.compile(r"\s*<(think|thinking|reasoning)>", re.IGNORECASE)
THOUGHTS_END = re.compile(r".*</(?:think|thinking|reasoning)>", re.IGNORECASE | re.DOTALL)
BLOCK = re.compile(r"\s*```(?:json)?\s*\n?(.*?)\n?\s*```\s*", re.IGNORECASE | re.DOTALL)
SORRY = re.compile(
    r"\W*(?:i['’]?m\s+(?:very\s+|so\s+)?sorry|sorry|i\s+apologi[sz]e|i\s+(?:can(?:['’]?t|not)|won['’]?t|will\s+not|must\s+decline)"
    r"|i['’]?m\s+(?:unable|not\s+able)|i\s+am\s+(?:sorry|unable|not\s+able)|unfortunately,?\s+i\s+can|as\s+an\s+ai)\b",
    re.IGNORECASE,
)
CUT, FILTERED = "length", "content_filter"


class Verdict(NamedTuple):
    """score: None unless the status is OK. reason: the judge's own, or why there is no score.

    said: the reply without its thoughts, where it was read as far as that.
    """

    status: Status
    score: float | None
    reason: str
    said: str = ""


Forms = Callable[[str, Rubric, str], Verdict]  # of the reply, the rubric, and why the server ended it


def read(
    text: str | None,
    rubric: Rubric,
    *,
    finish: str = "stop",
    refusal: str | None = None,
    marker: str = "",
    row: str = "",
    forms: Forms | None = None,
) -> Verdict:
    """The score of a reply, or why it has none; nothing is guessed and no number stands for no score.

    finish: why the server ended it. refusal: its own field for that. marker: what fenced the row.
    forms: what reads the reply once it is known to say something; None: one grade.
    row: the text that was judged, so that a reply which only repeats it is not taken for a verdict.
    """
    if refusal or finish == FILTERED:
        return _without(Status.REFUSED, refusal or "the server's content filter ended the reply")
    said, nothing = _said(text or "", finish)
    if nothing:
        return _without(Status.UNPARSED, nothing)
    if marker and marker in _before_reason(said):
        return _without(Status.UNPARSED, "it repeats the mark that fences the row")
    if _repeats(said, row):
        return _without(Status.UNPARSED, "it repeats the row")
    found = _found(said, rubric, finish, forms or _one_grade)
    if found.status is Status.UNPARSED and (after := _unopened(said, row)) is not None:
        return read(after, rubric, finish=finish, marker=marker, row=row, forms=forms)
    return found


def _found(said: str, rubric: Rubric, finish: str, forms: Forms) -> Verdict:
    """The score of what was said, in the first form that it has."""
    found = forms(said, rubric, finish)
    if found.status is not Status.OK and SORRY.match(said):
        return _without(Status.REFUSED, said)
    return found._replace(said=said)


def _one_grade(said: str, rubric: Rubric, finish: str) -> Verdict:
    return _json(said, rubric) or _tagged(said, rubric) or _line(said, rubric, finish=finish)


def _said(text: str, finish: str) -> tuple[str, str]:
    """The reply without the thoughts that some models put first; and why there is nothing to read."""
    said = text.replace("\x00", "").strip()
    if not said:
        return "", "it was cut before its first word" if finish == CUT else "it is empty"
    said = _after_thoughts(said)
    if not said or THINKING.match(said):
        return "", "it ends within its thoughts" if finish == CUT else "it holds thoughts alone"
    return said, ""


def _after_thoughts(said: str) -> str:
    """A reply from where its thoughts end."""
    while thought := THOUGHT.match(said):
        said = said[thought.end() :]
    return said.strip()


def _unopened(said: str, row: str) -> str | None:
    """What follows thoughts of which the end alone is marked, as some chat templates open them themselves.

    None where a row holds such a mark, for a reply that quotes it would be cut there.
    """
    ended = THOUGHTS_END.match(said)
    if ended is None or THOUGHTS_END.match(row):
        return None
    return said[ended.end() :].strip()


def _without(status: Status, why: str) -> Verdict:
    return Verdict(status, None, why.strip()[:MOST_REASON])


def _before_reason(said: str) -> str:
    """The part of a reply that a score is taken from."""
    return said if said.startswith("{") else said.partition("\n")[0]


def _repeats(said: str, row: str) -> bool:
    """Whether a reply of words stands in the row as it is."""
    plainly = " ".join(said.split())
    return bool(re.search(r"[^\W\d_]", plainly)) and plainly in " ".join(row.split())


def _json(said: str, rubric: Rubric) -> Verdict | None:
    """The grade of a reply that is one JSON object; None where it is none."""
    fields = fields_of(said)
    return grade_of(fields, "score", rubric) if isinstance(fields, dict) else fields


def fields_of(said: str) -> dict[str, Any] | Verdict | None:
    """The fields of a reply that is one JSON object, in a block or not; None where it is none."""
    block = BLOCK.fullmatch(said)
    inside = (block[1] if block else said).strip()
    if not inside.startswith("{") or len(inside) > LONGEST:
        return None
    try:
        fields, end = DECODER.raw_decode(inside)
    except _Odd as cause:
        return _without(Status.UNPARSED, str(cause))
    except (ValueError, RecursionError):
        return _without(Status.UNPARSED, "its JSON is not whole")
    if "{" in inside[end:]:
        return _without(Status.UNPARSED, "it holds more than one JSON object")
    return dict(fields)


def grade_of(fields: dict[str, Any], name: str, rubric: Rubric) -> Verdict:
    """The grade that a field holds, with the reason beside it."""
    score, reason = fields.get(name), fields.get("reason")
    told = reason.strip()[:MOST_REASON] if isinstance(reason, str) else ""
    if isinstance(score, str) and re.fullmatch(NUMBER, score.strip()):
        score = float(score.strip().replace("−", "-"))
    if isinstance(score, bool) or not isinstance(score, (int, float)):
        return _without(
            Status.UNPARSED, f"its {name} is missing" if name not in fields else f"its {name} is no number"
        )
    return graded(float(score) if abs(score) < 1e9 else math.inf, rubric, told)


class _Odd(ValueError):  # noqa: N818 - of the reply
    """JSON that says two things."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _Odd("its JSON names a field twice")
    return fields


def _no_number(name: str) -> float:
    raise _Odd(f"its JSON holds {name}")


DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)


def _tagged(said: str, rubric: Rubric) -> Verdict | None:
    """A reply that begins with the score in a tag; None where it does not."""
    tagged = TAGGED.match(said)
    if tagged is None:
        return None
    if not re.fullmatch(NUMBER, tagged[2]):
        return _without(Status.UNPARSED, "its tag holds no bare number")
    return graded(_number(tagged[2]), rubric, tagged[3].strip()[:MOST_REASON])


def _line(said: str, rubric: Rubric, *, finish: str) -> Verdict:
    """The number on the first line that is not empty."""
    first, _, after = said[:LONGEST].partition("\n")
    found = LINE.fullmatch(undressed(first))
    if found is None or (found["rest"] and ANOTHER.match(found["rest"])):
        cut = finish == CUT and not after
        return _without(
            Status.UNPARSED, "it was cut before a score" if cut else "its first line is no bare number"
        )
    if finish == CUT and not after and not found["rest"]:
        return _without(Status.UNPARSED, "it was cut within the score or right behind it")
    if found["top"] and float(found["top"]) != rubric.high:
        return _without(
            Status.UNPARSED, f"it grades out of {found['top']}, and the scale ends at {plain(rubric.high)}"
        )
    told = (found["rest"] or "") if not after.strip() else after
    return graded(_number(found["number"]), rubric, told.strip()[:MOST_REASON])


def undressed(line: str) -> str:
    """A line without emphasis, headings and brackets around it."""
    bare = line.replace("**", "").replace("__", "").replace("`", "")
    while (barer := DRESS.sub("", bare)) != bare:
        bare = barer
    return bare


def _number(text: str) -> float:
    return float(text.replace("−", "-"))


def graded(number: float, rubric: Rubric, told: str) -> Verdict:
    """The grade, if the rubric offers it."""
    if rubric.offers(number):
        return Verdict(Status.OK, min(rubric.scale, key=lambda grade: abs(grade - number)), told)
    low, high = plain(rubric.low), plain(rubric.high)
    if not rubric.low <= number <= rubric.high:
        return _without(Status.UNPARSED, f"{plain(number)} is outside {low} to {high}")
    return _without(
        Status.UNPARSED, f"{plain(number)} is between the grades, which are {plain(rubric.step)} apart"
    )
