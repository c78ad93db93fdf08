"""Judgements on their way into the ledger: written together, and only then counted as kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from core.judging.judgement import Claims, Judgement

Done = TypeVar("Done")


class Keeper:
    """Writes what has come while the last write was under way: one transaction, in a thread of its own."""

    def __init__(self, ledger: Claims, writer: ThreadPoolExecutor) -> None:
        self._ledger, self._writer = ledger, writer
        self._waiting: list[tuple[Judgement, asyncio.Future[None]]] = []
        self._writing = False

    async def keep(self, judgement: Judgement) -> None:
        """Return once it is written; so a request stays in flight until its reply cannot be lost."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((judgement, kept))
        if not self._writing:
            self._writing = True
            try:
                while self._waiting:
                    await self._write()
            finally:
                self._writing = False
        await kept

    async def run(self, step: Callable[[], Done]) -> Done:
        """A step of the ledger in the same thread."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, step)

    async def _write(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            await asyncio.shield(self.run(lambda: self._ledger.record([each for each, _ in batch])))
        except Exception as error:
            for _, kept in batch:
                if not kept.done():
                    kept.set_exception(error)
            return
        for _, kept in batch:
            if not kept.done():
                kept.set_result(None)
