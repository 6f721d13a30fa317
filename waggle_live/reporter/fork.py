"""What a fork must do: let no half-made socket slip into the child, and start the child anew."""

import os
import signal
import threading
import weakref
from typing import Any

from ..series.state import release_if_held

#: Held while a socket is being made, so that no fork happens between its making and keeping.
#: An RLock, which knows its owner: a fork that got it in vain has nothing to release.
guard: Any = threading.RLock()

_resettable: "weakref.WeakSet[Any]" = weakref.WeakSet()
#: Which signals were blocked before each fork, innermost last; by thread, since several may fork.
_forks = threading.local()


def register(resettable: Any) -> None:
    """Call ``resettable.after_fork_in_child()`` in each child that this process forks."""
    _resettable.add(resettable)


def _before() -> None:
    # A child is stopped only once it has been started anew: until then Python forgets the signal.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    # With a timeout: a fork is never held up by us for long, whatever happens.
    _forks.__dict__.setdefault("masks", []).append(mask)
    guard.acquire(timeout=0.1)


def _after_in_parent() -> None:
    release_if_held(guard)
    signal.pthread_sigmask(signal.SIG_SETMASK, _forks.masks.pop())


def _after_in_child() -> None:
    global guard, _forks
    mask = _forks.masks[-1]
    guard, _forks = threading.RLock(), threading.local()
    for resettable in list(_resettable):
        resettable.after_fork_in_child()
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


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
