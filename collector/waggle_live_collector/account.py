"""Accounts: who holds what of the budget. See :mod:`.budget`."""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable
from typing import Protocol


class What(enum.IntEnum):
    """Kinds of held memory, in the order in which they are lost.

    Series of a living process are never lost. Something makes room only for its own kind or a more
    valuable one: an incomplete line never pushes out an answer. Only the history of a larger holder
    makes room for anything.
    """

    #: Incomplete lines and requests, and connections that have sent nothing yet.
    INCOMPLETE = 0
    #: The last ten minutes of each series, for the curves of the page.
    CURVES = 1
    #: What recent values are computed from.
    HISTORY = 2
    #: Answers that wait for their reader.
    ANSWERS = 3
    #: What is remembered of ended processes, and the exits of plugins that have left.
    ENDED = 4
    #: Unproven plugins without processes.
    LEFT = 5
    #: Series, and all else that can't be given up. New ones are refused.
    SERIES = 6


def keep(what: What) -> None:
    """Lose nothing, for an account that holds only series."""


class Whole(Protocol):
    """What an account needs of its budget."""

    #: The principals for which bytes are reserved.
    reserved: dict[Account, None]

    def make_room(self, asking: Account, what: What, more: int) -> bool:
        """Tell whether ``asking`` may hold ``more`` bytes, after others may have lost some."""


class Account:
    """What one holder holds. Made by :meth:`Budget.account`.

    ``lose`` is called with the kind that the account has to give up at once, all of it. That no
    longer counts then.
    """

    __slots__ = ("_budget", "_closed", "children", "held", "lose", "name", "parent")

    def __init__(
        self, budget: Whole, parent: Account | None, name: Hashable, lose: Callable[[What], None]
    ) -> None:
        self.name = name
        self.parent = parent
        self.children: dict[Hashable, Account] = {}
        #: Bytes by kind, the children's included.
        self.held = [0] * len(What)
        self.lose = lose
        self._budget = budget
        self._closed = False

    @property
    def total(self) -> int:
        """All bytes that it and its children hold."""
        return sum(self.held)

    def own(self, what: What) -> int:
        """Return the bytes that it holds by itself."""
        of_children = sum(child.held[what] for child in self.children.values())
        return self.held[what] - of_children

    def hold(self, what: What, size: int) -> bool:
        """Hold ``size`` bytes of a kind from now on. False, and no change, if there is no room.

        To hold less always succeeds. A closed account has no room.
        """
        more = size - self.own(what)
        if more > 0 and (self._closed or not self._budget.make_room(self, what, more)):
            return False
        # Making room may have taken from this account itself.
        self.take(what, size - self.own(what))
        return True

    def take(self, what: What, more: int) -> None:
        """Hold ``more`` bytes of a kind without asking, for bytes that exist or replace others."""
        account: Account | None = self
        while account is not None:
            account.held[what] += more
            account = account.parent

    def move(self, before: What, after: What) -> None:
        """Hold bytes of one kind as another kind from now on. That needs no room."""
        size = self.own(before)
        self.take(before, -size)
        self.take(after, size)

    def renew(self) -> None:
        """Become the youngest, since it begins something new. Does nothing if it is closed."""
        for account in self.path():
            if account.parent is not None and not self._closed:
                siblings = account.parent.children
                siblings[account.name] = siblings.pop(account.name)

    def close(self) -> None:
        """Hold nothing any more, and leave the tree, with all children."""
        self._closed = True
        self.lose = keep  # breaks a cycle of references with the holder
        for child in list(self.children.values()):
            child.close()
        for what in What:
            self.take(what, -self.held[what])
        if self.parent is not None:
            self.parent.children.pop(self.name, None)
            self._budget.reserved.pop(self, None)

    def principal(self) -> Account:
        """Return the principal that it belongs to."""
        return self.path()[0]

    def path(self) -> list[Account]:
        """Return the accounts from its principal down to itself."""
        path: list[Account] = []
        account: Account = self
        while account.parent is not None:
            path.append(account)
            account = account.parent
        return path[::-1]
