"""Answers made one after another, each for all who wait for it.

Of all who ask at once, an answer is made at most twice. One that was begun before a request doesn't
count for that request, since it may lack newer values. The next one serves all who asked meanwhile.
An answer that nobody waits for is not made.
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
        #: Those that are not begun yet, and how many wait for each.
        self._wanted: dict[Key, asyncio.Task[Answer]] = {}
        self._waiting: Counter[Key] = Counter()

    async def get(self, key: Key) -> Answer:
        """Return an answer that was begun after this call. Raises what ``make`` raises."""
        task = self._wanted.get(key)
        if task is None:
            task = self._wanted[key] = asyncio.create_task(self._answer(key))
            # Nobody may be left to hear of an error: that is no fault to be logged.
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
                raise asyncio.CancelledError  # which nobody is there to see
            return await self._make(key)
