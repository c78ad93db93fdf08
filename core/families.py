"""Which family a model belongs to: who wrote, who judges and who evaluates should not be one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

PEOPLE, UNKNOWN = "people", "unknown"

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "OpenAI": ("gpt", "chatgpt", "openai", "davinci", "o1", "o3", "o4", "4o"),
    "Anthropic": ("claude", "anthropic"),
    "Google": ("gemini", "gemma", "palm", "bard", "flan"),
    "Meta": ("llama", "meta"),
    "Mistral": ("mistral", "mixtral", "ministral", "magistral"),
    "Alibaba": ("qwen", "qwq"),
    "DeepSeek": ("deepseek",),
    "Microsoft": ("phi", "wizardlm", "orca"),
    "Cohere": ("command", "cohere", "aya"),
    "xAI": ("grok",),
    "01.AI": ("yi",),
    "NVIDIA": ("nemotron",),
    "Ai2": ("olmo", "tulu"),
    "TII": ("falcon",),
    "Zhipu": ("glm", "chatglm"),
}
"""Family -> the words by which its models are known. Fine-tuned models belong where their base does."""

WORD = re.compile(r"[a-z]+|\d+[a-z]*|[^a-z\d]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Families:
    """What a person says of the models at work.

    writer: who wrote the responses; evaluator: who will judge the trained model. A family, ``PEOPLE`` or
    ``UNKNOWN``, or the name of a model. judges: (judge, family) where the table is wrong or silent.
    """

    writer: str = UNKNOWN
    evaluator: str = UNKNOWN
    judges: tuple[tuple[str, str], ...] = field(default=())

    def of_judge(self, name: str) -> str:
        """The family of a judge: as a person says, else by its name."""
        return dict(self.judges).get(name) or family_of(name)


@dataclass(frozen=True, slots=True)
class Clash:
    """Two parts that one family plays: ``writer``, ``evaluator``, or the name of a judge."""

    one: str
    other: str
    family: str

    @property
    def sentence(self) -> str:
        """What that may do to the choice."""
        if {self.one, self.other} == {"writer", "evaluator"}:
            said = f"The writer of the responses and the evaluator are both of {self.family}"
            return f"{said}: a model trained on them may be flattered."
        judge, part = (
            (self.one, self.other) if self.other in ("writer", "evaluator") else (self.other, self.one)
        )
        if part == "writer":
            return f"{judge} and the writer of the responses are both of {self.family}: it may like its own."
        return f"{judge} and the evaluator are both of {self.family}: the gain may be taste that they share."


def family_of(name: str) -> str:
    """The family that a name speaks of; ``UNKNOWN`` where it speaks of none or of several."""
    lowered = name.strip().lower()
    for family in (*FAMILIES, PEOPLE):
        if lowered == family.lower():
            return family
    words = set(re.split(r"[^a-z0-9]+", lowered)) | set(WORD.findall(lowered))
    found = [family for family, known in FAMILIES.items() if words & set(known)]
    return found[0] if len(found) == 1 else UNKNOWN


def clashes(families: Families, judges: tuple[str, ...]) -> tuple[Clash, ...]:
    """Every two of writer, judges and evaluator of one known family; two judges may be of one."""
    writer, evaluator = family_of(families.writer), family_of(families.evaluator)
    played = [("writer", writer), ("evaluator", evaluator)]
    found = [
        Clash(judge, part, family)
        for judge in judges
        for part, family in played
        if family not in (PEOPLE, UNKNOWN) and families.of_judge(judge) == family
    ]
    if writer == evaluator and writer not in (PEOPLE, UNKNOWN):
        found.append(Clash("writer", "evaluator", writer))
    return tuple(found)


def others(families: Families) -> tuple[str, ...]:
    """Families that neither wrote nor will evaluate: where a judge may come from."""
    taken = {family_of(families.writer), family_of(families.evaluator)}
    return tuple(family for family in FAMILIES if family not in taken)
