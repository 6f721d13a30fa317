"""A lock without a lock: one at a time holds a claim, and whoever comes meanwhile goes without.

A signal handler, GC callback or ``__del__`` may come in the middle of whatever its own thread does,
and may raise there. And what ``threading`` calls a lock may be gevent's, or some tool's in Python
code, which breaks when it is interrupted or used by a thread of the system. So here it is decided
by ``dict.setdefault``, one call into C, who comes next.
"""

import weakref
from typing import Any, Dict, Tuple

from .native import Native


class Owner:
    """One who claims: made anew by each frame that does, so that a frame within it is another.

    Setting ``is_done`` gives the claim back, and so does the end of the owner: an exception that
    comes just before it is set keeps the claim no longer than its traceback keeps the frame.
    """

    __slots__ = ("__weakref__", "is_done")

    def __init__(self) -> None:
        self.is_done = False


#: An owner, and whoever comes after it, under 0: the first to be put there.
_Turn = Tuple["weakref.ref[Owner]", Dict[int, Any]]


class Claim:
    """Held by at most one Owner. Safe for threads, and for whatever interrupts them."""

    __slots__ = ("_turn",)

    def __init__(self) -> None:
        self._turn: _Turn = (weakref.ref(Owner()), {})  # an owner that is gone

    def take(self, owner: Owner) -> bool:
        """Claim it for an owner that never held one; False if another holds it."""
        mine: _Turn = (weakref.ref(owner), {})
        turn = self._turn
        while not _is_held(turn):
            turn = turn[1].setdefault(0, mine)
            if turn is mine:
                self._turn = mine
                return True
        return False

    def wait(self, owner: Owner, timeout: float) -> bool:
        """Claim it, and try again for ``timeout`` seconds while another holds it."""
        until = Native.monotonic() + timeout
        while not self.take(owner):
            if Native.monotonic() >= until:
                return False
            Native.sleep(0.001)
        return True


def _is_held(turn: _Turn) -> bool:
    owner = turn[0]()
    return owner is not None and not owner.is_done
