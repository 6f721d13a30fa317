"""Answers made one after another, each for all requests that wait for it.

For requests that come together an answer is made at most twice. A request never gets an answer that
was begun before it, since that may lack newer values. The next answer serves all requests that came
meanwhile. An answer that nobody waits for isn't made.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class SharedAnswers(Generic[Key, Answer]):
    """Makes the answers to keys by ``make``. Belongs to the event loop."""

    def __init__(self, make: Callable[[Key], Awaitable[Answer]]) -> None:
        self._make = make
        self._turn = asyncio.Lock()
        #: Answers that are not begun, and how many requests wait for each.
        self._wanted: dict[Key, asyncio.Task[Answer]] = {}
        self._waiting: Counter[Key] = Counter()

    async def get(self, key: Key) -> Answer:
        """Return an answer that was begun after this call. Raises what ``make`` raises."""
        task = self._wanted.get(key)
        if task is None:
            task = self._wanted[key] = asyncio.create_task(self._answer(key))
            # If nobody waits any more, asyncio must not log the error as never retrieved.
            task.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._waiting[key] += 1
        try:
            return await asyncio.shield(task)
        finally:
            if self._wanted.get(key) is task:
                self._waiting[key] -= 1

    async def _answer(self, key: Key) -> Answer:
        async with self._turn:
            del self._wanted[key]
            if not self._waiting.pop(key):
                raise asyncio.CancelledError  # nobody waits
            return await self._make(key)
