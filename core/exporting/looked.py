"""What was looked for in the rows before they leave, and what was found: never more than was done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.wording import counted

HEAD = ("check", "rows of the source", "chosen rows")


class Checked(NamedTuple):
    """One check of texts: the rows that it speaks of, in the whole source and among those chosen."""

    title: str
    source: int
    chosen: int


class Searched(NamedTuple):
    """One search for evaluation prompts: how many, and the rows that hold one.

    similarity: the lowest cosine that counted as near; None where words alone decided.
    """

    prompts: int
    similarity: float | None
    source: int
    chosen: int


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked for in all ``rows`` of the source.

    checks: every check that was run; None where none was. private: rows in which any kind of personal data
    was seen. searches: for evaluation prompts; none where nobody searched.
    """

    rows: int
    checks: Sequence[Checked] | None = None
    private: Checked | None = None
    searches: Sequence[Searched] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was looked for and what was not, in words."""
        return (*self._of_checks(), *self._of_searches())

    @property
    def personal(self) -> str:
        """The sentence about personal data."""
        if self.private is None:
            return "Personal data was not looked for."
        found = self.private
        return (
            f"Personal data was looked for by patterns (addresses, numbers), not by reading: seen in "
            f"{counted(found.source, 'row')} of the source, {found.chosen:,} of them chosen."
        )

    @property
    def table(self) -> list[tuple[str, str, str]]:
        """Title and both counts of each check that found anything."""
        return [
            (each.title, f"{each.source:,}", f"{each.chosen:,}") for each in self.checks or () if each.source
        ]

    def _of_checks(self) -> Iterator[str]:
        if self.checks is None:
            yield "Personal data, refusals, broken texts and the like were not looked for."
            return
        yield (
            f"{counted(len(self.checks), 'check')} of texts looked at all {counted(self.rows, 'row')} of the "
            "source. They go by rules, which miss some rows and are wrong about others."
        )
        yield self.personal
        if silent := [each.title for each in self.checks if not each.source]:
            yield f"Nothing was found by: {'; '.join(silent)}."

    def _of_searches(self) -> Iterator[str]:
        if not self.searches:
            yield "Overlap with benchmarks was not looked for."
        for each in self.searches:
            near = "" if each.similarity is None else f" and by vectors from a cosine of {each.similarity:g}"
            yield (
                f"Overlap with {counted(each.prompts, 'evaluation prompt')} was looked for by words in "
                f"common{near}: {counted(each.source, 'row')} of the source, {each.chosen:,} of them chosen."
            )
