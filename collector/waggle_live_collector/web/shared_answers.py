"""Answers made one after another, each for everybody who waits for it.

However many ask at once, an answer is made at most twice: one that was begun before a question
came doesn't count for it, since it may lack what was applied between; the next one does, for all
who asked meanwhile. What nobody waits for any more is not made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class _Wanted:
    def __init__(self) -> None:
        self.future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.waiting = 0


class SharedAnswers(Generic[Key]):
    """Makes the answers to keys by ``make``. Belongs to the event loop."""

    def __init__(self, make: Callable[[Key], Awaitable[bytes]]) -> None:
        self._make = make
        self._wanted: dict[Key, _Wanted] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: Key) -> bytes:
        """Return an answer that was begun after this call; raises what ``make`` raises."""
        wanted = self._wanted.get(key)
        if wanted is None:
            wanted = self._wanted[key] = _Wanted()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        wanted.waiting += 1
        try:
            return await asyncio.shield(wanted.future)
        finally:
            wanted.waiting -= 1

    async def _run(self) -> None:
        try:
            while self._wanted:
                key = next(iter(self._wanted))
                await self._answer(key, self._wanted.pop(key))
        finally:
            self._task = None

    async def _answer(self, key: Key, wanted: _Wanted) -> None:
        if not wanted.waiting:
            return
        try:
            answer = await self._make(key)
        except Exception as error:
            if wanted.waiting:
                wanted.future.set_exception(error)
            return
        wanted.future.set_result(answer)
