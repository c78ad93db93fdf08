"""The nouns of judging: a judge that is a model, its verdicts, what it used and what that costs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple, Protocol

from core.domain import OptionValue
from core.errors import ParameterError
from core.judging.endpoint import DEFAULT_URL, normal
from core.judging.rubric import PAIR, RUBRICS, Rubric

OWN_PARAMETERS = frozenset({"model", "messages", "temperature", "n", "stream", "response_format", "logprobs"})
OWN_PARAMETERS |= {"top_logprobs", "max_tokens", "max_completion_tokens"}


class Status(IntEnum):
    """What became of a row that was to be judged. A row that was never asked has none: it is pending."""

    OK = 0
    UNPARSED = 1
    REFUSED = 2
    ERROR = 3
    SKIPPED = 4

    @property
    def word(self) -> str:
        """How it is written for people and in files."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmJudge:
    """A judge that is a model: every decision that a score of it depends on.

    base_url: of the server, up to and with ``/v1``.
    temperature: None leaves it to the server, for models that take none.
    samples: how often each row is asked; the score is the mean of the samples that gave one.
    weighted: score = sum of p(s)*s over the grades, from the odds of the score's tokens (G-Eval, arXiv
        2303.16634), where the server tells them; else the grade itself.
    structured: ask for JSON of a schema; a server that refuses it is asked in the other form.
    explain: ask for one or two sentences of reason after the score.
    max_tokens: of a reply, at most; None leaves it to the server.
    parameters: further ones of the request, as sorted (name, value) pairs, such as a seed.
    """

    model: str
    rubric: Rubric = RUBRICS["accuracy"]
    name: str = ""
    base_url: str = DEFAULT_URL
    temperature: float | None = 0.0
    samples: int = 1
    weighted: bool = False
    structured: bool = True
    explain: bool = True
    max_tokens: int | None = 512
    parameters: tuple[tuple[str, OptionValue], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", normal(self.base_url))
        if not self.model.strip():
            raise ParameterError("A judge needs a model.", "Name one that the server has.")
        if self.weighted and self.rubric.reads == PAIR:
            raise ParameterError("Two grades are not weighed by their odds.", "Take several samples instead.")
        if not 1 <= self.samples <= 32:
            raise ParameterError(f"{self.samples} samples a row cannot be asked.", "Take 1 to 32.")
        if self.temperature is not None and not 0 <= self.temperature <= 2:
            raise ParameterError(f"The temperature {self.temperature} is out of range.", "Take 0 to 2.")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ParameterError("A reply needs a token at least.", "Leave the limit of tokens out.")
        taken = sorted(OWN_PARAMETERS & {name for name, _ in self.parameters})
        if taken:
            raise ParameterError(f"The parameter {taken[0]} is set elsewhere.", "Leave it out here.")

    @property
    def title(self) -> str:
        """What the judge is called beside the columns: its name, else model and rubric."""
        return self.name or f"{self.model} {self.rubric.name}"

    def counts(self, *, odds: bool) -> str:
        """What its score of a row is, on a server that tells the odds of tokens or does not."""
        each = "the grade"
        if self.weighted:
            each = "the grades, weighed by the odds of their tokens"
            if not odds:
                each = "the grade itself, for the server tells no odds"
        return each if self.samples == 1 else f"the mean over {self.samples} samples of {each}"

    @property
    def digest(self) -> str:
        """sha256 of everything that a judgement's key holds beside row and sample number."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, object]:
        """Every setting, as JSON knows them; no key is among them."""
        return {
            "name": self.title, "model": self.model, "rubric": self.rubric.hash, "base_url": self.base_url,
            "temperature": self.temperature, "weighted": self.weighted, "structured": self.structured,
            "explain": self.explain, "max_tokens": self.max_tokens,
            "parameters": [list(pair) for pair in self.parameters],
        }  # fmt: skip


class Usage(NamedTuple):
    """Tokens that the server counted; None where it counted none."""

    prompt: int | None = None
    completion: int | None = None


UNCOUNTED = Usage()


class Price(NamedTuple):
    """Money for a million tokens, in one currency; ``batch`` is the share of it that a batch costs."""

    prompt: float
    completion: float
    batch: float = 1.0

    def of(self, usage: Usage, *, batch: bool = False) -> float:
        """What so many tokens cost; tokens that were not counted cost nothing here."""
        full = ((usage.prompt or 0) * self.prompt + (usage.completion or 0) * self.completion) / 1e6
        return full * self.batch if batch else full


class Task(NamedTuple):
    """One request that may be needed: a row's content, or a pair in one order; and which sample of it.

    content: 16 bytes that name question and answers as the rubric reads them; duplicates share it.
    other: the second answer of a pair.
    """

    content: bytes
    sample: int
    question: str
    answer: str
    other: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One judge's verdict on one row's content, or on one pair in one order.

    score: None unless ``status`` is OK; of a pair, the first answer's grade less the second's.
    reason: why there is no score, or the judge's own reason. form: json or line, as the server was asked.
    prompt: sha256 of the messages. seconds: from sending to reply, the last attempt alone.
    cost: in the currency of the price; None without one.
    """

    content: bytes
    sample: int
    status: Status
    score: float | None
    reason: str = ""
    reply: str = field(default="", repr=False)
    form: str = ""
    prompt: str = ""
    usage: Usage = UNCOUNTED
    cost: float | None = None
    seconds: float = 0.0
    at: float = 0.0


class Claims(Protocol):
    """Where judgements are kept, and who is asking for which: the half of a ledger that a run needs."""

    def claim(self, tasks: list[Task]) -> list[Task]:
        """Those that nobody has judged and nobody else is asking for; they are this run's now."""

    def record(self, judgements: list[Judgement]) -> None:
        """Write them, for good once this returns, and give up their claims."""

    def release(self) -> None:
        """Give up every claim of this run."""

    def beat(self) -> None:
        """Say that this run is alive; claims of a run that has not said so for a while lapse."""


def content_of(question: str, answer: str, rubric: Rubric, other: str = "") -> bytes:
    """16 bytes that name what the rubric reads of a row, or of a pair in this order."""
    read = [question] if rubric.reads == "question" else [question, answer]
    read += [other] if rubric.reads == PAIR else []
    return hashlib.sha256(json.dumps(read).encode()).digest()[:16]
