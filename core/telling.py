"""Sentences and progress for a person at a terminal."""

from __future__ import annotations

import sys

from core.domain import Progress


class Say:
    """Sentences for a person, progress on one line of the terminal; silent where JSON is wanted."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()

    def line(self, text: str) -> None:
        """Print a sentence; nothing for an empty one."""
        if text and not self._quiet:
            print(text)

    def progress(self, progress: Progress) -> None:
        """Show how far a stage is, over the line before."""
        if self._terminal and not self._quiet:
            share = f"{progress.done:,} of {progress.total:,}" if progress.total > 1 else ""
            print(f"\r\033[K{progress.stage} {share} {progress.note}", end="", file=sys.stderr, flush=True)
            if progress.done >= progress.total:
                print("\r\033[K", end="", file=sys.stderr, flush=True)
