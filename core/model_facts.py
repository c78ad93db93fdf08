"""A model that scored rows: how it was asked and what became of the rows, as recipe, card and report say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from core.domain import OptionValue
from core.wording import counted

PENDING = "pending"  # rows that were never asked
HASH = 12  # digits of a sha256 that are shown
LINE = ("model", "server", "rubric", "how it was asked", "rows of the source")  # heads a table of them
EDITED = "the words of the rubric {} were edited: the model was asked in others"
ASKED = (
    *("rubric", "rubric_version", "model", "host", "temperature"),
    *("samples", "scored_by", "form", "explain", "max_tokens", "parameters"),
)


class ModelFacts(BaseModel):
    """Every decision behind the scores of a model, and the rows by what became of them.

    host: name and port of the server; its path may hold a secret and is told to nobody.
    rubric_sha256: of all that the rubric says to the model. rubric_words: that itself, field by field as
        ``core.judging.rubric.Rubric`` has it; recipes from before have none. prompt_sha256: of the messages
        about a row that has no text. form: how a reply was asked for, as JSON or with the grade on its first
        line.
    scored_by: the grade that was said, or where the server told them the odds of the grades; of several
        samples the mean counts.
    rows: rows of the whole file by status; ``pending`` ones were never asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # built at first use

    model: str
    host: str
    rubric: str
    rubric_version: int
    rubric_sha256: str
    rubric_words: dict[str, Any] = {}
    prompt_sha256: str
    temperature: float | None
    samples: int
    scored_by: Literal["grade", "odds"]
    form: Literal["json", "line"]
    explain: bool
    max_tokens: int | None
    parameters: dict[str, OptionValue]
    rows: dict[str, int]

    @property
    def rubric_in_words(self) -> str:
        """Such as "accuracy (version 1, sha256 0123456789ab)"."""
        return f"{self.rubric} (version {self.rubric_version}, sha256 {self.rubric_sha256[:HASH]})"

    @property
    def asking(self) -> str:
        """Such as "temperature 0, 1 sample a row, reply as JSON, the grade that it said"."""
        return ", ".join(self._asking())

    @property
    def standing(self) -> str:
        """Rows by status, such as "48 ok, 2 refused, 10 pending"."""
        return ", ".join(f"{count:,} {status}" for status, count in self.rows.items() if count) or "none"

    @property
    def line(self) -> tuple[str, ...]:
        """All of it for a line of a table, headed by ``LINE``."""
        return self.model, self.host, self.rubric_in_words, self.asking, self.standing

    @property
    def sentence(self) -> str:
        """All of it on one line."""
        return f"{self.model} at {self.host}; rubric {self.rubric_in_words}; {self.asking}; {self.standing}"

    def _asking(self) -> Iterator[str]:
        yield "the server's temperature" if self.temperature is None else f"temperature {self.temperature:g}"
        yield f"{counted(self.samples, 'sample')} a row" + (", their mean" if self.samples > 1 else "")
        yield "reply as JSON" if self.form == "json" else "grade on the first line"
        yield "the odds of the grades" if self.scored_by == "odds" else "the grade that it said"
        yield from (f"{name} {value}" for name, value in self.parameters.items())


def difference(then: ModelFacts, now: ModelFacts) -> str:
    """The first thing in which a judge is not what it was, in words; empty where all is the same."""
    if then.rubric_sha256 != now.rubric_sha256:
        return f"its rubric has another text now: {now.rubric_in_words}, then {then.rubric_in_words}"
    if then.rubric_words and now.rubric_words and then.rubric_words != now.rubric_words:
        return EDITED.format(then.rubric)
    for name in ASKED:
        before, after = getattr(then, name), getattr(now, name)
        if before != after:
            return f"its {name.replace('_', ' ')} is {_said(after)} now and was {_said(before)}"
    if then.prompt_sha256 != now.prompt_sha256:
        shown = f"sha256 {now.prompt_sha256[:HASH]}, then {then.prompt_sha256[:HASH]}"
        return f"the same rubric is put in other words now: {shown}"
    if then.rows != now.rows:
        return f"its judgements have changed since: {now.standing} now, {then.standing} then"
    return ""


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items()) or "nothing"
    return "the server's own" if value is None else str(value)
