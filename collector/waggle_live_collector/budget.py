"""One budget: the bytes that clients make the collector hold, and who loses when it is full.

Accounts form a tree: the root, a principal (who the kernel or the network says it is), its
processes, their connections and other holders. An account holds bytes of each kind of
:class:`What`. A branch holds its own and its children's. Holders estimate their bytes, including
the copies that rendering and saving make.

There is no cap until the whole is full, except for two rules that leave newcomers room. Bytes are
reserved for each of the first principals. The series of a process take at most :data:`GREED` times
what is free. History may use that room until a newcomer needs it. Without room the largest holder
of the least valuable kind loses that, even if it is the one that asks. A holder of less than the
asking one loses no history and no answers to it. Belongs to the event loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator

from .account import Account, What, keep

__all__ = ["Account", "Budget", "What"]

#: Bytes reserved for each of the first principals, how many these are, and how many may be
#: addresses, of which one client may have many.
DEFAULT_RESERVE = 256 * 1024
DEFAULT_RESERVED, DEFAULT_RESERVED_ADDRESSES = 16, 4
#: A process may hold so many times what is free.
GREED = 8
#: A process that holds at most this part of its principal's reserve may use the reserves of others.
#: So one process can't keep others of its uid from connecting.
SMALL = 1 / 16
#: Kinds that give way at once, so they may use reserved room.
YIELDING = What.INCOMPLETE, What.CURVES, What.HISTORY
#: The part of the whole that is for answers alone.
DEFAULT_ANSWERS = 1 / 8
#: The part of the whole that kinds that stay may not use. Else a holder whose series fill its share
#: could send no more lines, and nobody could return to a collector whose state file fills the
#: whole.
LINES = 1 / 32
#: The number of principals shown by name, those with the most bytes. The rest is ``other``.
DEFAULT_MAX_NAMED = 100
OTHER = "other"
#: The holder of state from an earlier release's file, which names no holder.
UNKNOWN = "unknown"


class Budget:
    """The whole: ``limit`` bytes, of which the part ``answers`` is for answers alone.

    So nobody who fills the rest can keep others from reading.
    """

    def __init__(self, limit: int, *, reserve: int = DEFAULT_RESERVE, answers: float = 0.0) -> None:
        self.limit = limit
        self._reserve = reserve
        self._answers = answers
        self.root = Account(self, None, "", keep)
        #: The principals for which bytes are reserved.
        self.reserved: dict[Account, None] = {}
        #: The number of losses and refusals, by principal and kind.
        self.losses: dict[str, Counter[What]] = {OTHER: Counter()}

    def account(
        self, principal: str, *names: Hashable, lose: Callable[[What], None] = keep
    ) -> Account:
        """Return the account of that path; make what is missing above it.

        ``principal``: ``pod:<uid>``, ``uid:<n>`` or ``address:<ip>``. ``names`` tell processes, and
        what is below them, apart. ``lose``: that of the last account, if it is new.
        """
        account = self.root
        for depth, name in enumerate((principal, *names)):
            child = account.children.get(name)
            if child is None:
                last = depth == len(names)
                child = Account(self, account, name, lose if last else keep)
                if not depth and self._reserves(principal):
                    self.reserved[child] = None
                account.children[name] = child
            account = child
        return account

    def principals(self) -> Iterator[Account]:
        """Yield the principals, oldest first."""
        return iter(self.root.children.values())

    def free(self, principal: Account) -> int:
        """Return the bytes of series that a principal may still take.

        Reserves of others don't count. Unfinished lines and history may use them: they give way at
        once.
        """
        aside = (DEFAULT_RESERVED - len(self.reserved)) * self._reserve
        for each in self.reserved:
            if each is not principal:
                aside += max(self._reserve - _lasting(each), 0)
        return self.limit - _lasting(self.root) - aside

    def sweep(self) -> None:
        """Drop accounts that hold nothing and belong to nobody. Call it about once a second."""
        for principal in list(self.principals()):
            for process in list(principal.children.values()):
                # A connection that is its own process holds nothing when it is made.
                if not process.children and not process.total and process.lose is keep:
                    process.close()
            if not principal.children and not principal.total:
                principal.close()

    def within_reserve(self, account: Account) -> bool:
        """Tell whether an account's principal holds no more than is reserved for it."""
        principal = account.principal()
        return principal in self.reserved and principal.total <= self._reserve

    def make_room(self, asking: Account, what: What, more: int) -> bool:
        """Tell whether ``asking`` may hold ``more`` bytes, after others may have lost some."""
        while not self._fits(asking, what, more):
            found = self._largest(asking, what, more)
            principal = asking.principal()
            if self._in_reserve(principal, more) and (
                found is None or found[0].principal() is principal
            ):
                return True
            if found is None or found == (asking, what):
                self.count(asking, what)
                return False
            victim, kind = found
            victim.take(kind, -victim.own(kind))
            self.count(victim, kind)
            victim.lose(kind)
        return True

    def _in_reserve(self, principal: Account, more: int) -> bool:
        return principal in self.reserved and principal.total + more <= self._reserve

    def _fits(self, asking: Account, what: What, more: int) -> bool:
        if not self._has_room(what, more) or what in YIELDING:
            return self._has_room(what, more)
        principal, process, *_ = asking.path()
        total = _lasting(process) + more
        is_small = principal in self.reserved and total <= SMALL * self._reserve
        if is_small or self._in_reserve(principal, more):
            return True
        left = self.free(principal) - self._left_for_answers(what) - more
        return left >= self._left_for_lines() and total <= GREED * left

    def _has_room(self, what: What, more: int) -> bool:
        """Tell whether the whole has room, whoever asks."""
        room = self.limit - self.root.total - self._left_for_answers(what)
        lines = self._left_for_lines()
        return more <= (max(room, lines) if what is What.INCOMPLETE else room - lines)

    def _left_for_answers(self, what: What) -> int:
        """Return what a kind must leave to answers."""
        if what is What.ANSWERS:
            return 0
        return max(int(self._answers * self.limit) - self.root.held[What.ANSWERS], 0)

    def _left_for_lines(self) -> int:
        return max(int(LINES * self.limit) - self.root.held[What.INCOMPLETE], 0)

    def _largest(self, asking: Account, what: What, more: int) -> tuple[Account, What] | None:
        """Return who is to lose what: of the first kind that anybody may lose, its largest holder.

        Who holds less than the one that asks keeps what it has, or a large one would feed on its
        neighbours. But of unfinished lines, and of what the dead left behind, many small holders
        count as one: only those with a reserve keep that. And who stays within its reserve gets the
        history of all that have none. Answers make way for up to twice as much, the oldest first.
        """
        principal, process, *_ = asking.path()
        in_reserve, has_room = self._in_reserve(principal, more), self._has_room(what, more)
        for kind in What:
            # History goes for lines: or who fills the whole with it keeps all others out. Curves
            # are worth no history.
            worth = What.HISTORY if what is What.INCOMPLETE else what
            if kind is What.SERIES or kind > worth:
                return None
            if kind is What.INCOMPLETE and what is not kind and self._left_for_lines():
                continue
            if has_room and kind <= What.HISTORY:  # they aren't what is in the way
                continue
            if kind is What.ANSWERS and self._left_for_answers(what):  # they take their own part
                continue
            extra = more if kind is what else 0
            if not self.root.held[kind] + extra:
                continue
            own = self._rivals(process, kind, more)
            own[process] += extra
            branches = self._rivals(principal, kind, more, all_history=in_reserve)
            branches[principal] = sum(own.values())
            branch = max(
                branches, key=lambda each: self._compared(principal, each, kind, branches[each])
            )
            if branches[branch]:
                if branch is principal:
                    branch = max(own, key=lambda each: _rank(kind, own[each]))
                victim = _largest_leaf(branch, kind, asking.path(), extra)
                if victim is not asking or kind is not what or what >= What.HISTORY:
                    return victim, kind
        return None

    def _compared(self, asking: Account, other: Account, kind: What, size: int) -> int:
        """Return by what principals are compared: for an address, other addresses whose lines and
        requests fit into a reserve are alike, and the oldest loses. Else many short lines kept each
        scraper out. For a pod or a user they aren't, or a scraper's short request made way for it.
        """
        are_addresses = all(str(each.name).startswith("address:") for each in (asking, other))
        alike = self._reserve if size and kind is What.INCOMPLETE and are_addresses else 0
        return _rank(kind, max(size, alike))

    def _rivals(
        self, mine: Account, kind: What, more: int, all_history: bool = False
    ) -> dict[Account, int]:
        """Return an account and those beside it that may lose a kind to it, with what they hold."""
        assert mine.parent is not None
        size = mine.total + more
        is_past = kind in (What.CURVES, What.HISTORY)
        is_crowd = _scattered(mine.parent, kind) > size or (all_history and is_past)
        times = 2 if kind is What.ANSWERS else 1
        return {
            each: each.held[kind]
            for each in mine.parent.children.values()
            if each is mine or times * each.total > size or (is_crowd and each not in self.reserved)
        }

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
        is_full = principal.startswith("address:") and addresses >= DEFAULT_RESERVED_ADDRESSES
        return len(self.reserved) < DEFAULT_RESERVED and not is_full


def _lasting(account: Account) -> int:
    """Return what an account holds beside what goes at once."""
    return account.total - sum(account.held[each] for each in YIELDING)


def _scattered(account: Account, kind: What) -> int:
    """Return what many small holders may hold together of a kind; of all that the dead left."""
    dead = What.ENDED, What.LEFT
    together = dead if kind in dead else (kind,) if kind is What.INCOMPLETE else ()
    return sum(account.held[each] for each in together)


def _rank(kind: What, size: int) -> int:
    """Return by what sizes are compared.

    Readers alike hold about the same, and it is not their size that tells who is slow.
    """
    return size.bit_length() if kind is What.ANSWERS else size


def _largest_leaf(account: Account, kind: What, path: list[Account], extra: int) -> Account:
    """Return the (oldest) largest leaf of the largest branch; the end of ``path`` has ``extra``."""
    while True:
        best, most = account, account.own(kind)
        if account is path[-1]:
            most += extra
        for child in account.children.values():
            size = child.held[kind] + (extra if child in path else 0)
            if _rank(kind, size) > _rank(kind, most):
                best, most = child, size
        if best is account:
            return account
        account = best
