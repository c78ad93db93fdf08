"""How many requests may be in flight: more while the server bears them, half when it says too many."""

from __future__ import annotations

import time

FIRST = 8  # requests in flight after the first reply; before it there is one
BETWEEN = 1.0  # seconds in which further refusals belong to the one before


class Pace:
    """Additive increase, multiplicative decrease, and the pause that a server asks for.

    limit: requests that may be in flight.
    """

    def __init__(self, most: int) -> None:
        self._most = max(most, 1)
        self.limit = 1
        self.served_any = False
        self._credit = 0.0
        self._until = 0.0
        self._halved = -BETWEEN

    def served(self) -> None:
        """A request was answered: about one more for each round of them."""
        if not self.served_any:
            self.served_any, self.limit = True, min(FIRST, self._most)
            return
        self._credit += 1 / self.limit
        if self._credit >= 1:
            self._credit = 0.0
            self.limit = min(self.limit + 1, self._most)

    def refused(self, after: float | None) -> None:
        """The server said too many requests: half as many, and none before it wants one."""
        now = time.monotonic()
        if now - self._halved >= BETWEEN:
            self._halved, self._credit = now, 0.0
            self.limit = max(self.limit // 2, 1)
        self._until = max(self._until, now + (after or 0.0))

    def wait(self) -> float:
        """Seconds until the next request may be sent."""
        return max(self._until - time.monotonic(), 0.0)
