"""What the machine has to work with, and how much of it matrix products take."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _OneCore:
    """The blocks that want products on one core, and the limits that are lifted after the last of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking = 0
        self._limits: list[Any] = []  # threadpoolctl has no types

    def begin(self) -> None:
        from threadpoolctl import threadpool_limits

        with self._lock, _in_control():
            self._asking += 1
            self._limits.append(threadpool_limits(limits=1))  # also of a library that was loaded since

    def end(self) -> None:
        with self._lock, _in_control():
            self._asking -= 1
            while not self._asking and self._limits:  # the first one knows what there was before all of them
                self._limits.pop().restore_original_limits()


@contextmanager
def _in_control() -> Iterator[None]:
    """Let this thread set limits: threadpoolctl obeys one thread alone, as long as that lives."""
    from threadpoolctl import OpenBLASController

    OpenBLASController.clear_controlling_thread(force=True)
    try:
        yield
    finally:
        OpenBLASController.clear_controlling_thread(force=True)


_one_core = _OneCore()


@contextmanager
def products_on_one_core() -> Iterator[None]:
    """Inside it a matrix product is computed on one core: its bytes do not depend on how many there are.

    The limit is one of the whole process: where blocks overlap, the last to end lifts it. Each restoring what
    it found would leave the process on one core for good.
    """
    _one_core.begin()
    try:
        yield
    finally:
        _one_core.end()
