"""Who holds what of the budget: see :mod:`.budget`."""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable
from typing import Protocol


class What(enum.IntEnum):
    """Kinds of what is held, in the order in which they are lost. Series of the living never are.

    Something makes room only for what is of its own kind or of a more valuable one: an incomplete
    line never pushes out an answer. Only the history of a larger holder makes room for anything.
    """

    #: Lines and requests that are not whole yet, and connections that have said nothing yet.
    INCOMPLETE = 0
    #: The last ten minutes of each series, for the curves of the page.
    CURVES = 1
    #: What is kept to tell recent values.
    HISTORY = 2
    #: Answers that wait for their reader.
    ANSWERS = 3
    #: What is remembered of processes that have ended, and the exits of plugins that have left.
    ENDED = 4
    #: Plugins without processes that nothing proved.
    LEFT = 5
    #: Series, and whatever else can't be given up. New ones are refused.
    SERIES = 6


def keep(what: What) -> None:
    """Lose nothing: what holds only series."""


class Whole(Protocol):
    """What an account asks of the budget that it is of."""

    #: The principals that bytes are set aside for.
    reserved: dict[Account, None]

    def make_room(self, asking: Account, what: What, more: int) -> bool:
        """Tell whether ``asking`` may hold ``more`` bytes of a kind, once others have lost some."""


class Account:
    """What somebody holds. Made by :meth:`Budget.account`.

    ``lose`` is called with the kind that the account has to give up: all of it, now. It is no
    longer counted then.
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
        """Hold ``size`` bytes of a kind from now on; False, and no change, if there is no room.

        To hold less always succeeds. A closed account has no room.
        """
        more = size - self.own(what)
        if more > 0 and (self._closed or not self._budget.make_room(self, what, more)):
            return False
        # Making room may have taken from this very account.
        self.take(what, size - self.own(what))
        return True

    def take(self, what: What, more: int) -> None:
        """Hold ``more`` bytes of a kind without asking: they are there, or replace something."""
        account: Account | None = self
        while account is not None:
            account.held[what] += more
            account = account.parent

    def move(self, before: What, after: What) -> None:
        """Hold from now on as the one kind what was held as another; it needs no room."""
        size = self.own(before)
        self.take(before, -size)
        self.take(after, size)

    def renew(self) -> None:
        """Become the youngest, as it begins something new; nothing if it is closed."""
        for account in self.path():
            if account.parent is not None and not self._closed:
                siblings = account.parent.children
                siblings[account.name] = siblings.pop(account.name)

    def close(self) -> None:
        """Hold nothing any more, and leave the tree, with all children."""
        self._closed = True
        self.lose = keep  # it refers to whoever holds this account, which would be garbage
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
