"""Folded stacks that the processes of a plugin collect during a profile.

Belongs to the event loop.
"""

from __future__ import annotations

from collections.abc import Mapping

from waggle_live.wire.stacks import MAX_STACKS, MAX_STACKS_BYTES, Times, flame_graph

from ..budget import Account, What

#: Bytes of a stack without its text, and the factor for its text.
STACK_BYTES, STACK_TEXT = 300, 2


class Profile:
    """The stacks collected under some revisions of the profiler's knob."""

    def __init__(self) -> None:
        self.revisions: set[int] = set()
        #: By process, then by stack.
        self.stacks: dict[str, dict[str, Times]] = {}
        self._accounts: dict[str, Account] = {}
        #: Bytes by process.
        self._bytes: dict[str, int] = {}

    def take(self, process_id: str, stacks: Mapping[str, Times], account: Account) -> None:
        """Take in stacks of a process, which replace its earlier ones of the same name.

        Stacks without room, or over the limit, are left out. ``account`` is for this alone.
        """
        mine = self.stacks.setdefault(process_id, {})
        self._accounts[process_id] = account
        for stack, times in stacks.items():
            if stack in mine or self._has_room(process_id, len(mine), stack, account):
                mine[stack] = times

    def close(self) -> None:
        """Hold nothing any more."""
        for account in self._accounts.values():
            account.close()

    def folded(self) -> tuple[str, str]:
        """Return the folded stacks as text, and which time they have: ``cpu`` or ``wall``."""
        return flame_graph(self.stacks.values())

    def _has_room(self, process_id: str, count: int, stack: str, account: Account) -> bool:
        size = self._bytes.get(process_id, 0) + STACK_BYTES + STACK_TEXT * len(stack.encode())
        if count > MAX_STACKS or size > 2 * MAX_STACKS_BYTES + MAX_STACKS * STACK_BYTES:
            return False
        if not account.hold(What.SERIES, size):
            return False
        self._bytes[process_id] = size
        return True
