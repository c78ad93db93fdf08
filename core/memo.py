"""Results kept in memory: computed once even when several threads ask at once, oldest dropped first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Turn:
    """Whose turn it is to compute one key, and how many ask for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    asking: int = 0


class Memo(Generic[T]):
    """At most ``size`` results by key; a key is computed by one thread while others wait for it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._results: OrderedDict[Hashable, T] = OrderedDict()
        self._turns: dict[Hashable, _Turn] = {}
        self._lock = threading.Lock()

    def peek(self, key: Hashable) -> T | None:
        """The result, if it is there; never computes and never waits for a computation."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
            return self._results.get(key)

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The result, computed now if it is not there; an exception is passed on and nothing is kept."""
        with self._lock:
            turn = self._turns.setdefault(key, _Turn())
            turn.asking += 1
        try:
            with turn.lock:
                found = self.peek(key)
                if found is None:
                    found = compute()
                    self.put(key, found)
                return found
        finally:
            with self._lock:
                turn.asking -= 1
                if not turn.asking:  # else the next one waits for this very lock
                    del self._turns[key]

    def drop(self, key: Hashable) -> None:
        """Forget a result, if it is there."""
        with self._lock:
            self._results.pop(key, None)

    def put(self, key: Hashable, result: T) -> None:
        """Keep a result, and drop the one that was not asked for longest where there are too many."""
        with self._lock:
            self._results[key] = result
            self._results.move_to_end(key)
            while len(self._results) > self._size:
                self._results.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._results.clear()
