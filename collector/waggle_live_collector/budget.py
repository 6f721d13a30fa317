"""One budget: what strangers make the collector hold, in bytes, and who loses where it is full.

Accounts form a tree: the root, a principal (who the kernel or the network says it is), a process of
it, a connection or whatever else holds something. An account holds bytes of each kind of
:class:`What`; a branch holds the sum of its own and of its children's. They are estimates, made by
whoever holds something, and include the copies that rendering and saving make.

There is no cap until the whole is full, but for two rules that leave newcomers room. Some bytes
are reserved for each of the first principals. And a process may hold at most :data:`GREED` times
what is free, so that one alone never takes all of it. Where there is no room the largest holder of
the least valuable kind loses that, be it who asks; see :class:`What`. A principal or process
that holds less than the one that asks loses no history and no answers to it. Belongs to the event
loop.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Hashable, Iterator

#: Bytes that are set aside for each of the first principals, how many they are, and how many of
#: them may be addresses, of which a stranger may have many.
DEFAULT_RESERVE = 256 * 1024
DEFAULT_RESERVED, DEFAULT_RESERVED_ADDRESSES = 16, 4
#: A process may hold so many times what is free.
GREED = 8
#: The part of the whole that is for answers alone.
DEFAULT_ANSWERS = 1 / 8
#: Principals that are shown by name, those with the most. The others are added up as ``other``.
DEFAULT_MAX_NAMED = 100
OTHER = "other"
#: Who holds what the state file of a release before didn't tell the holder of.
UNKNOWN = "unknown"


class What(enum.IntEnum):
    """Kinds of what is held, in the order in which they are lost. Series of the living never are.

    Something makes room only for what is of its own kind or of a more valuable one: an incomplete
    line never pushes out an answer.
    """

    #: Lines and requests that are not whole yet, and connections that have said nothing yet.
    INCOMPLETE = 0
    #: What is kept to tell recent values.
    HISTORY = 1
    #: Answers that wait for their reader.
    ANSWERS = 2
    #: What unproven processes that have ended left behind.
    ENDED = 3
    #: Series, and whatever else can't be given up. New ones are refused.
    SERIES = 4


def _keep(what: What) -> None:
    """Nothing is lost: what holds only series."""


class Account:
    """What somebody holds. Made by :meth:`Budget.account`.

    ``lose`` is called with the kind that the account has to give up: all of it, now. It is no
    longer counted then.
    """

    __slots__ = ("_budget", "_closed", "_own", "children", "held", "lose", "name", "parent")

    def __init__(
        self, budget: Budget, parent: Account | None, name: Hashable, lose: Callable[[What], None]
    ) -> None:
        self.name = name
        self.parent = parent
        self.children: dict[Hashable, Account] = {}
        #: Bytes by kind, the children's included.
        self.held = [0] * len(What)
        self.lose = lose
        self._budget = budget
        self._closed = False
        self._own = [0] * len(What)

    @property
    def total(self) -> int:
        """All bytes that it and its children hold."""
        return sum(self.held)

    def own(self, what: What) -> int:
        """Return the bytes that it holds by itself."""
        return self._own[what]

    def hold(self, what: What, size: int) -> bool:
        """Hold ``size`` bytes of a kind from now on; False, and no change, if there is no room.

        To hold less always succeeds. A closed account has no room.
        """
        more = size - self._own[what]
        if more > 0 and (self._closed or not self._budget.make_room(self, what, more)):
            return False
        # Making room may have taken from this very account.
        self._change(what, size - self._own[what])
        return True

    def take(self, what: What, more: int) -> None:
        """Hold ``more`` bytes of a kind without asking: they are there, or replace something."""
        self._change(what, more)

    def move(self, before: What, after: What) -> None:
        """Hold from now on as the one kind what was held as another; it needs no room."""
        size = self._own[before]
        self._change(before, -size)
        self._change(after, size)

    def close(self) -> None:
        """Hold nothing any more, and leave the tree, with all children."""
        self._closed = True
        self.lose = _keep  # it refers to whoever holds this account, which would be garbage
        for child in list(self.children.values()):
            child.close()
        for what in What:
            self._change(what, -self._own[what])
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

    def _change(self, what: What, more: int) -> None:
        self._own[what] += more
        account: Account | None = self
        while account is not None:
            account.held[what] += more
            account = account.parent


class Budget:
    """The whole: ``limit`` bytes, of which the part ``answers`` is for answers alone.

    So whoever fills the rest can't keep anybody from reading what there is.
    """

    def __init__(self, limit: int, *, reserve: int = DEFAULT_RESERVE, answers: float = 0.0) -> None:
        self.limit = limit
        self._reserve = reserve
        self._answers = answers
        self.root = Account(self, None, "", _keep)
        #: The principals that bytes are set aside for.
        self.reserved: dict[Account, None] = {}
        #: How often who had to give up what, or was refused: by principal and kind.
        self.losses: dict[str, Counter[What]] = {OTHER: Counter()}

    def account(
        self, principal: str, *names: Hashable, lose: Callable[[What], None] = _keep
    ) -> Account:
        """Return the account of that path, made with what is missing above it.

        ``principal`` is ``pod:<uid>``, ``uid:<n>`` or ``address:<ip>``. ``names`` are what tells
        processes, and what is below them, apart. ``lose`` is that of the last one, if it is new.
        """
        account = self.root
        for depth, name in enumerate((principal, *names)):
            child = account.children.get(name)
            if child is None:
                last = depth == len(names)
                child = Account(self, account, name, lose if last else _keep)
                if not depth and self._reserves(principal):
                    self.reserved[child] = None
                account.children[name] = child
            account = child
        return account

    def principals(self) -> Iterator[Account]:
        """Yield the principals, oldest first."""
        return iter(self.root.children.values())

    def free(self, principal: Account) -> int:
        """Return the bytes that a principal may still take, before others have to lose any."""
        aside = (DEFAULT_RESERVED - len(self.reserved)) * self._reserve
        for each in self.reserved:
            if each is not principal:
                aside += max(self._reserve - each.total, 0)
        return self.limit - self.root.total - aside

    def sweep(self) -> None:
        """Forget accounts that hold nothing; call about once a second."""
        for principal in list(self.principals()):
            for process in list(principal.children.values()):
                if not process.children and not process.total:
                    process.close()
            if not principal.children and not principal.total:
                principal.close()

    def within_reserve(self, account: Account) -> bool:
        """Tell whether the principal of an account holds no more than is set aside for it."""
        principal = account.principal()
        return principal in self.reserved and principal.total <= self._reserve

    def make_room(self, asking: Account, what: What, more: int) -> bool:
        """Tell whether ``asking`` may hold ``more`` bytes of a kind, once others have lost some."""
        while not self._fits(asking, what, more):
            found = self._largest(asking, what, more)
            if found is None or found == (asking, what):
                self.count(asking, what)
                return False
            victim, kind = found
            victim._change(kind, -victim._own[kind])
            self.count(victim, kind)
            victim.lose(kind)
        return True

    def _fits(self, asking: Account, what: What, more: int) -> bool:
        principal, *rest = asking.path()
        if principal in self.reserved and principal.total + more <= self._reserve:
            return True
        free = self.free(principal)
        if what is not What.ANSWERS:
            free -= max(int(self.limit * self._answers) - self.root.held[What.ANSWERS], 0)
        process = rest[0] if rest else principal
        return more <= free and process.total + more <= GREED * (free - more)

    def _largest(self, asking: Account, what: What, more: int) -> tuple[Account, What] | None:
        """Return who is to lose what: of the first kind that anybody may lose, its largest holder.

        Who holds less than the one that asks keeps what it has, or a large one would feed on its
        neighbours. But many small ones could fill the whole with unfinished lines and with what the
        dead left behind: only principals with a reserve keep those. Answers make way for up to
        twice as much: of readers alike the oldest is slow.
        """
        principal, *below = asking.path()
        process = below[0] if below else principal
        for kind in What:
            if kind > what or kind is What.SERIES:
                return None
            extra = more if kind is what else 0
            if not self.root.held[kind] + extra:
                continue
            scattered = kind in (What.INCOMPLETE, What.ENDED)
            times = 2 if kind is What.ANSWERS else 1
            own = {
                each: each.held[kind]
                for each in principal.children.values()
                if scattered or each is process or times * each.total > process.total + more
            }
            own[process] = (own.get(process, process.own(kind)) + extra) // times
            sizes = {
                each: each.held[kind]
                for each in self.principals()
                if times * each.total > principal.total + more
                or (scattered and each not in self.reserved)
            }
            sizes[principal] = sum(own.values())
            branch = max(sizes, key=sizes.__getitem__)
            if sizes[branch]:
                if branch is principal:
                    branch = max(own, key=own.__getitem__)
                return _largest_leaf(branch, kind, asking.path(), extra), kind
        return None

    def count(self, account: Account, what: What) -> None:
        """Count that an account had to give up something, or was refused it."""
        name = str(account.principal().name)
        losses = self.losses
        if name not in losses and len(losses) > DEFAULT_MAX_NAMED:
            fewest = min(losses.keys() - {OTHER}, key=lambda each: losses[each].total())
            losses.setdefault(OTHER, Counter()).update(losses.pop(fewest))
        losses.setdefault(name, Counter())[what] += 1

    def _reserves(self, principal: str) -> bool:
        addresses = sum(str(each.name).startswith("address:") for each in self.reserved)
        if principal.startswith("address:") and addresses >= DEFAULT_RESERVED_ADDRESSES:
            return False
        return len(self.reserved) < DEFAULT_RESERVED


def _largest_leaf(account: Account, kind: What, path: list[Account], extra: int) -> Account:
    """Return the largest leaf of the largest branch below an account; of equal ones the oldest.

    The last of ``path`` is taken to hold ``extra`` more.
    """
    while True:
        best, most = account, account.own(kind)
        if account is path[-1]:
            most += extra
        for child in account.children.values():
            size = child.held[kind] + (extra if child in path else 0)
            if size > most:
                best, most = child, size
        if best is account:
            return account
        account = best
