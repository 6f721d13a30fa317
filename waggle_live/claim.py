"""A lock that nothing ever waits for: one caller holds a claim, and all others go without.

A signal handler, GC callback or ``__del__`` may interrupt its own thread anywhere, and may raise
there. The lock of ``threading`` may have been replaced by gevent's, or by a tool's in Python code.
Such a lock breaks when it is interrupted, or used by a thread of the system. So a claim is decided
by ``dict.setdefault``, which is one call into C.
"""

import weakref
from typing import Any, Dict, Tuple

from .native import Native


class Owner:
    """One caller that claims. Each frame makes its own, so a nested frame counts as another caller.

    Setting ``is_done`` gives the claim back. The end of the owner gives it back too: if an
    exception comes before ``is_done`` is set, the claim lasts until the traceback drops the frame.
    """

    __slots__ = ("__weakref__", "is_done")

    def __init__(self) -> None:
        self.is_done = False


#: An owner, and under the key 0 the owner that follows it: the first that was put there.
_Turn = Tuple["weakref.ref[Owner]", Dict[int, Any]]


class Claim:
    """Held by at most one Owner. Safe in threads, signal handlers and GC callbacks."""

    __slots__ = ("_turn",)

    def __init__(self) -> None:
        self._turn: _Turn = (weakref.ref(Owner()), {})  # an owner that is gone

    def take(self, owner: Owner) -> bool:
        """Take the claim for a new owner. Returns False if another one holds it."""
        mine: _Turn = (weakref.ref(owner), {})
        turn = self._turn
        while not _is_held(turn):
            turn = turn[1].setdefault(0, mine)
            if turn is mine:
                self._turn = mine
                return True
        return False

    def wait(self, owner: Owner, timeout: float) -> bool:
        """Take the claim; while another holds it, try for ``timeout`` seconds. Returns success."""
        until = Native.monotonic() + timeout
        while not self.take(owner):
            if Native.monotonic() >= until:
                return False
            Native.sleep(0.001)
        return True


def _is_held(turn: _Turn) -> bool:
    owner = turn[0]()
    return owner is not None and not owner.is_done
