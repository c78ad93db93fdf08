"""Waiting for asynchronous work, also where a loop is running already, as in a notebook."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def until_done(work: Callable[[], Awaitable[T]]) -> T:
    """What ``work`` returns or raises; an interruption cancels it first.

    A cell of a notebook runs inside a loop, and no loop runs within another: the work then gets a thread of
    its own.
    """

    async def whole() -> T:
        return await work()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(whole())
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        return portal.call(whole)
