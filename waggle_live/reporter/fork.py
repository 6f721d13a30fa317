"""What a fork must do: let no half-made socket slip into the child, and start the child anew."""

import os
import signal
import threading
import weakref
from typing import Any

#: Held while a socket is being made, so that no fork happens between its making and keeping.
guard = threading.Lock()

_resettable: "weakref.WeakSet[Any]" = weakref.WeakSet()
#: Per thread, since several may fork at once: whether it holds the guard, and which signals were
#: blocked, innermost fork last.
_forks = threading.local()


def register(resettable: Any) -> None:
    """Call ``resettable.after_fork_in_child()`` in each child that this process forks."""
    _resettable.add(resettable)


def _before() -> None:
    # A child is stopped only once it has been started anew: until then Python forgets the signal.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    # With a timeout: a fork is never held up by us for long, whatever happens.
    _forks.__dict__.setdefault("held", []).append((guard.acquire(timeout=0.1), mask))


def _after_in_parent() -> None:
    is_held, mask = _forks.held.pop()
    if is_held:
        guard.release()
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _after_in_child() -> None:
    global guard, _forks
    _, mask = _forks.held[-1]
    guard, _forks = threading.Lock(), threading.local()
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
