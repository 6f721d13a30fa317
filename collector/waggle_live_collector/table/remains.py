"""What is remembered of those that have gone: rows that go first where there is no room."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Generic, Protocol, TypeVar

from ..budget import Budget, What


class Row(Protocol):
    """What each row tells: who pays for it, and since when it is one."""

    principal: str
    at: float


K = TypeVar("K", bound=Hashable)
R = TypeVar("R", bound=Row)


class Remains(Generic[K, R]):
    """Rows by key, oldest first; each is held by its principal. Belongs to the event loop.

    To add one needs no room: it comes in the place of something larger. Where others need the room,
    the older half of those of the principal that has the most goes. ``size`` returns the bytes of
    a row, which is kept for so many ``seconds``.
    """

    def __init__(self, budget: Budget, name: str, size: Callable[[R], int], seconds: float) -> None:
        self.rows: dict[K, R] = {}
        self._budget = budget
        self._name = name
        self._size = size
        self._seconds = seconds

    def add(self, key: K, row: R) -> None:
        """Take in a row, in the place of the one before under that key."""
        self.pop(key)
        self.rows[key] = row
        self._take(row.principal, self._size(row))

    def pop(self, key: K) -> R | None:
        """Take a row out, if there is one."""
        row = self.rows.pop(key, None)
        if row is not None:
            self._take(row.principal, -self._size(row))
        return row

    def expire(self, now: float) -> bool:
        """Forget what is over its time; true if anything was."""
        over = [key for key, row in self.rows.items() if now - row.at >= self._seconds]
        for key in over:
            self.pop(key)
        return bool(over)

    def _take(self, principal: str, more: int) -> None:
        """Have a principal hold so many bytes more, or less."""
        lose = partial(self._lose, principal)
        account = self._budget.account(principal, self._name, lose=lose)
        account.take(What.ENDED, more)
        if not account.total:
            account.close()  # else its principal would be known for ever, and keep its reserve

    def _lose(self, principal: str, _: What) -> None:
        keys = [key for key, row in self.rows.items() if row.principal == principal]
        older = (len(keys) + 1) // 2
        for key in keys[:older]:
            del self.rows[key]
        kept = sum(self._size(self.rows[key]) for key in keys[older:])
        self._take(principal, kept)
