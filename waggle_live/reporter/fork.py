"""What a fork must do: let no half-made socket slip into the child, and start the child anew."""

import os
import threading
import weakref
from typing import Any

from ..series.state import release_if_held

#: Held while a socket is being made, so that no fork happens between its making and keeping.
#: An RLock, which knows its owner: a fork that got it in vain has nothing to release.
guard: Any = threading.RLock()

_resettable: "weakref.WeakSet[Any]" = weakref.WeakSet()


def register(resettable: Any) -> None:
    """Call ``resettable.after_fork_in_child()`` in each child that this process forks."""
    _resettable.add(resettable)


def _before() -> None:
    # With a timeout: a fork is never held up by us for long, whatever happens.
    guard.acquire(timeout=0.1)


def _after_in_parent() -> None:
    release_if_held(guard)


def _after_in_child() -> None:
    global guard
    guard = threading.RLock()
    for resettable in list(_resettable):
        resettable.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
else:  # Python 3.6 has no hooks, and multiprocessing's own run only in its own children
    _fork = os.fork

    def _hooked_fork() -> int:
        _before()
        try:
            pid = _fork()
        except BaseException:
            _after_in_parent()
            raise
        if pid == 0:
            _after_in_child()
        else:
            _after_in_parent()
        return pid

    os.fork = _hooked_fork
