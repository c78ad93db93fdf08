"""What some flags of the command line hold, and which flags a push takes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.domain import OptionValue
from core.errors import ParameterError
from core.selection import JudgeOption, Option


def option_of(text: str, known: Sequence[Option | JudgeOption]) -> tuple[str, OptionValue]:
    """A setting of a strategy, written NAME=VALUE.

    Raises:
        ParameterError: its value is not a number.
    """
    name, _, value = text.partition("=")
    if any(option.name == name and isinstance(option, JudgeOption) for option in known):
        return name, value  # a judge may be called 5
    try:
        return name, float(value)
    except ValueError:
        raise ParameterError(f"The option {text!r} is not a number.", "Write NAME=VALUE.") from None


def ids_of(path: Path | None) -> frozenset[str]:
    """The ids in a file, one a line; none where no file is named.

    Raises:
        ParameterError: the file cannot be read.
    """
    if path is None:
        return frozenset()
    try:
        return frozenset(line for line in path.read_text("utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as cause:
        why = cause.strerror if isinstance(cause, OSError) else "it is not UTF-8 text"
        raise ParameterError(
            f"The ids in {path} could not be read: {why}.", "Write one id a line."
        ) from cause


def push_parser(commands: argparse._SubParsersAction[Any]) -> Any:  # noqa: ANN401 - a parser of any kind
    """The flags of ``push``."""
    sending = commands.add_parser("push", help="write an export to a repository on the Hugging Face hub")
    sending.add_argument("folder", type=Path, help="of an export with a licence")
    sending.add_argument("--repo", required=True, metavar="OWNER/NAME", help="made where there is none")
    sending.add_argument("--public", action="store_true", help="for all to see; private without it")
    return sending
