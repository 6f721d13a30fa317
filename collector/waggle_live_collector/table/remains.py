"""Rows about processes and plugins that have gone. They are dropped first for lack of room."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Generic, Protocol, TypeVar

from ..budget import Budget, What


class Row(Protocol):
    """A row: who pays for it, and when it was made (monotonic seconds)."""

    principal: str
    at: float


K = TypeVar("K", bound=Hashable)
R = TypeVar("R", bound=Row)


class Remains(Generic[K, R]):
    """Rows by key, oldest first. Belongs to the event loop.

    A row counts for its principal in the budget. To add one needs no room, since it replaces
    something larger. If others need the room, the older half of one principal's rows is dropped.
    ``size`` returns the bytes of a row, which is kept for ``seconds``.
    """

    def __init__(self, budget: Budget, name: str, size: Callable[[R], int], seconds: float) -> None:
        self.rows: dict[K, R] = {}
        self._budget = budget
        self._name = name
        self._size = size
        self._seconds = seconds

    def add(self, key: K, row: R) -> None:
        """Add a row, in place of the one with that key."""
        self.pop(key)
        self.rows[key] = row
        self._take(row.principal, self._size(row))

    def pop(self, key: K) -> R | None:
        """Remove and return a row; None if there is none."""
        row = self.rows.pop(key, None)
        if row is not None:
            self._take(row.principal, -self._size(row))
        return row

    def expire(self, now: float) -> bool:
        """Drop the rows that are over their time; tell whether there were any."""
        over = [key for key, row in self.rows.items() if now - row.at >= self._seconds]
        for key in over:
            self.pop(key)
        return bool(over)

    def _take(self, principal: str, more: int) -> None:
        """Hold ``more`` bytes for a principal, or fewer if that is negative."""
        lose = partial(self._lose, principal)
        account = self._budget.account(principal, self._name, lose=lose)
        account.take(What.ENDED, more)
        if not account.total:
            account.close()  # or its principal would keep its reserve for ever

    def _lose(self, principal: str, _: What) -> None:
        keys = [key for key, row in self.rows.items() if row.principal == principal]
        older = (len(keys) + 1) // 2
        for key in keys[:older]:
            del self.rows[key]
        kept = sum(self._size(self.rows[key]) for key in keys[older:])
        self._take(principal, kept)
