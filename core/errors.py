"""The errors that a person is meant to read. Anything else that is raised is a bug."""

from __future__ import annotations


class WinnowError(Exception):
    """A problem the person can mend: one sentence says what is wrong, one says what to do."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem, hint)
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.problem} {self.hint}".strip()


class DataError(WinnowError):
    """The file or its rows cannot be used as they are."""


class ParameterError(WinnowError):
    """A setting is outside what the data or the method allows."""


class StoreError(WinnowError):
    """The store cannot be read or written: a full disk, a folder without write permission."""


class ModelError(WinnowError):
    """An embedding model is missing, altered or cannot be loaded."""


class Cancelled(WinnowError):  # noqa: N818 - a decision of the person, not an error
    """A person stopped the work; what was done so far stays in the store."""

    def __init__(self, problem: str = "Stopped.", hint: str = "Start again to go on from here.") -> None:
        super().__init__(problem, hint)
