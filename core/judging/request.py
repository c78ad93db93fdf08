"""The body of a request, and what its answer says: the same for a chat and for a line of a batch."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from core.judging import pair_reply
from core.judging import reply as replies
from core.judging.judgement import Judgement, LlmJudge, Price, Status, Task, Usage
from core.judging.odds import Token, weighted
from core.judging.prompts import JSON, LINE, Form, Prompt, prompt, schema
from core.judging.rubric import PAIR

MOST_LIKELY = 20  # tokens whose odds are asked for; what servers tell at most
FEW_LIKELY = 5  # what older servers tell at most
MOST_REPLY = 20_000  # characters of a reply that are kept


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server takes, as far as it has been seen to refuse something.

    structured: JSON, by a schema or not. schema: JSON of a schema. odds: log-probabilities of tokens;
    likely: of so many at most. newer: whether the limit of a reply is called ``max_completion_tokens``.
    """

    structured: bool = True
    odds: bool = True
    newer: bool = False
    schema: bool = True
    likely: int = MOST_LIKELY


class Asked(NamedTuple):
    """A request as it is sent."""

    body: dict[str, Any]
    prompt: Prompt
    form: Form


class Answer(NamedTuple):
    """What a server said; ``text`` None where it said nothing."""

    text: str | None
    finish: str
    refusal: str | None
    tokens: tuple[Token, ...]
    usage: Usage


class Malformed(ValueError):  # noqa: N818 - of the answer
    """An answer that is not in the form of a chat completion."""


def asked(judge: LlmJudge, task: Task, taken: Capabilities) -> Asked:
    """The request about one row."""
    form = JSON if judge.structured and taken.structured else LINE
    said = prompt(judge.rubric, task.question, task.answer, task.other, form=form, explain=judge.explain)
    body: dict[str, Any] = {"model": judge.model, "messages": said.messages, **dict(judge.parameters)}
    if judge.temperature is not None:
        body["temperature"] = judge.temperature
    if judge.max_tokens is not None:
        body["max_completion_tokens" if taken.newer else "max_tokens"] = judge.max_tokens
    if form == JSON and not taken.schema:
        body["response_format"] = {"type": "json_object"}
    elif form == JSON:
        wanted = {"name": "grade", "strict": True, "schema": schema(judge.rubric, explain=judge.explain)}
        body["response_format"] = {"type": "json_schema", "json_schema": wanted}
    if judge.weighted and taken.odds:
        body |= {"logprobs": True, "top_logprobs": taken.likely}
    return Asked(body, said, form)


def answer_of(payload: object) -> Answer:
    """What a chat completion says.

    Raises:
        Malformed: it is none.
    """
    try:
        choice = payload["choices"][0]  # type: ignore[index]
        message = choice["message"]
        text, refusal = message.get("content") or _thoughts(message), message.get("refusal")
        finish = choice.get("finish_reason")
        usage = payload.get("usage") or {}  # type: ignore[attr-defined]
        counted = Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))
        tokens = _tokens(choice.get("logprobs"))
    except (TypeError, KeyError, IndexError, AttributeError, ValueError):
        raise Malformed("the answer is not in the form of a chat completion") from None
    if not isinstance(text, str | None) or not isinstance(refusal, str | None):
        raise Malformed("the answer is not in the form of a chat completion")
    return Answer(text, finish if isinstance(finish, str) else "", refusal, tokens, counted)


def judgement_of(
    judge: LlmJudge,
    task: Task,
    sent: Asked,
    answer: Answer,
    *,
    price: Price | None = None,
    batch: bool = False,
    seconds: float = 0.0,
) -> Judgement:
    """The verdict that an answer holds, with what it used."""
    rubric = judge.rubric
    row = task.question if rubric.reads == "question" else f"{task.question}\n{task.answer}\n{task.other}"
    read = pair_reply.read if rubric.reads == PAIR else replies.read
    found = read(
        answer.text, rubric, finish=answer.finish, refusal=answer.refusal, marker=sent.prompt.marker, row=row
    )
    score = found.score
    if score is not None and judge.weighted and answer.tokens:
        score = weighted(answer.tokens, found.said, score, rubric)
    return Judgement(
        content=task.content, sample=task.sample, status=found.status, score=score, reason=found.reason,
        reply=(answer.text or answer.refusal or "")[:MOST_REPLY], form=sent.form, prompt=sent.prompt.sha256,
        usage=answer.usage, cost=None if price is None else price.of(answer.usage, batch=batch),
        seconds=seconds, at=time.time(),
    )  # fmt: skip


def error_of(task: Task, why: str, *, seconds: float = 0.0) -> Judgement:
    """A row that was asked about in vain."""
    return Judgement(
        content=task.content, sample=task.sample, status=Status.ERROR, score=None, reason=why[:1_000],
        seconds=seconds, at=time.time(),
    )  # fmt: skip


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1e9 else None


def _thoughts(message: Mapping[str, Any]) -> str | None:
    """What a server gives apart as thoughts, where they are all there is, marked so that no grade is read."""
    for name in ("reasoning", "reasoning_content"):
        said = message.get(name)
        if isinstance(said, str) and said.strip():
            return f"<think>{said.replace('</', '< /')}"
    content = message.get("content")
    return content if isinstance(content, str) else None


def _tokens(logprobs: Any) -> tuple[Token, ...]:  # noqa: ANN401 - what a server sent
    """The tokens of a reply with their odds; none where a server tells none or in a form of its own."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not isinstance(content, list):
        return ()
    try:
        return tuple(_token(each) for each in content)
    except (TypeError, KeyError, AttributeError, ValueError):
        return ()


def _token(fields: Mapping[str, Any]) -> Token:
    """One token; the one that was written is among the likely ones, whatever its rank."""
    likely: dict[str, float] = {}
    for each in (*(fields.get("top_logprobs") or ()), fields):
        logprob = each.get("logprob")
        if isinstance(logprob, int | float) and math.isfinite(logprob):
            likely.setdefault(str(each["token"]), float(logprob))
    return Token(str(fields["token"]), likely)
